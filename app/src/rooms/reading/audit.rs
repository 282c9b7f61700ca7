//! Step 2: what besides the content tells the arms apart.

use std::sync::Arc;

use eframe::egui::{Align2, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2};
use engine::domain::GrayImage;
use study::analysis::words::case as case_named;
use study::audit::{Audit, Finding, LIMITS, Verdict as Found};
use study::equalise::{Clean, Depth, Field as Kept, Grey};
use study::prepare::needs_audit;

use super::action::Action;
use super::draw::{Column, busy, fact, head, numbers, push, row, words};
use super::state::Tab;
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::entry::tick;
use crate::widgets::{Push, caption, check_line, field, rule, secondary, section};

/// Columns of the probes.
const PROBES: [Column; 5] =
    [words("Probe", 0.30), numbers("As files", 0.42), numbers("As read", 0.54), numbers("Chance", 0.72), words("Verdict", 1.0)];

/// Settings, and what to do.
pub(super) fn left(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Make images equal");
    let mut design = panel.state.reading.design.clone();
    let images = &mut design.images;
    let kept = |kept| if kept == Kept::Square { "Square in the middle" } else { "Whole picture, black bars" };
    if let Some(part) =
        field::choice(ui, "Part of the picture", ui.available_width(), images.field, &[Kept::Square, Kept::Letterbox], kept)
    {
        images.field = part;
    }
    let own = images.side_px.is_some();
    if let Some(own) = tick(ui, "Side of my choice", "Off: the largest side to which no image is enlarged.", own) {
        images.side_px = own.then_some(512);
    }
    if let Some(side) = &mut images.side_px {
        field::number(ui, "Side, px", "Side of the images in pixels", side, 16..=4096, 1.0, 0, 28.0);
    }
    if let Some(on) = tick(ui, "Cut borders of one grey", "As much from all images.", images.trim_borders) {
        images.trim_borders = on;
    }
    if let Some(on) = tick(ui, "Equal grey levels", "As many as the arm with the fewest has.", images.depth == Depth::Lowest) {
        images.depth = if on { Depth::Lowest } else { Depth::Keep };
    }
    if let Some(on) = tick(ui, "Cover the corners", "For marks that stand there.", images.cover_corners) {
        images.cover_corners = on;
    }
    let grey = |grey| match grey {
        Grey::Keep => "Greys stay",
        Grey::MatchArms => "Match greys by arm",
        Grey::MatchImages => "Match greys by image",
    };
    if let Some(on) = field::choice(
        ui,
        "Grey scale",
        ui.available_width(),
        images.grey,
        &[Grey::Keep, Grey::MatchArms, Grey::MatchImages],
        grey,
    ) {
        images.grey = on;
    }
    let clean = |clean| match clean {
        Clean::Off => "Grain stays",
        Clean::Noise => "Equal grain",
        Clean::Blocks => "Equal grain, no JPEG blocks",
    };
    if let Some(on) =
        field::choice(ui, "Grain", ui.available_width(), images.clean, &[Clean::Off, Clean::Noise, Clean::Blocks], clean)
    {
        images.clean = on;
    }
    caption(ui, "Matched greys change contrast, equal grain takes fine detail away; use them where a probe says so.");
    if design != panel.state.reading.design {
        push(panel, Action::Edit(Box::new(design)));
    }
    rule(ui);
    let room = &panel.state.reading;
    let needed = needs_audit(&room.design);
    let ready = room.checked.as_ref().is_some_and(|found| found.faults.is_empty() && found.cases > 0);
    let can = room.busy.is_none() && ready && needed;
    let words = if room.audit.is_some() { "Audit again" } else { "Audit the images" };
    let audit = Push::new(words).name("Audit the images").primary().size(32.0, ui.available_width()).enabled(can);
    let purpose =
        if ready { "Simple probes try to guess the arm of images they have not seen" } else { "Needs a design without faults" };
    if audit.purpose(purpose).show(ui).clicked() {
        push(panel, Action::Audit);
    }
    if !needed && ready {
        check_line::show(ui, Verdict::Agrees, "The arms show the same images, so no audit is needed.");
    }
    equalise(ui, panel);
    busy(ui, panel, Tab::Audit);
    rule(ui);
    section(ui, "What no audit rules out");
    for limit in LIMITS {
        caption(ui, limit);
    }
}

fn equalise(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.reading;
    let Some(audited) = room.fitting_audit() else { return };
    let settings = &room.design.images;
    let (form, thorough) = (audited.record.after.remedied(settings, false), audited.record.after.remedied(settings, true));
    let idle = room.busy.is_none();
    let (can, can_more) = (form != *settings, thorough != form);
    if can
        && Push::new("Equalise")
            .purpose("Switches on what removes the leaks of form, and audits again")
            .enabled(idle)
            .size(32.0, ui.available_width())
            .show(ui)
            .clicked()
    {
        push(panel, Action::Equalise(false));
    }
    if can_more {
        let more = Push::new("Equalise greys and grain too").enabled(idle);
        let purpose = "Also removes what may belong to the models themselves; it changes contrast and fine detail";
        if more.purpose(purpose).size(32.0, ui.available_width()).show(ui).clicked() {
            push(panel, Action::Equalise(true));
        }
    }
}

/// The table of probes.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Can the arm be guessed?");
    let room = &panel.state.reading;
    let Some(audited) = &room.audit else {
        caption(
            ui,
            "Each probe looks at one property of form, learns on some cases and guesses the arms of the others. Its area under the ROC curve appears here: 0.5 is chance, 1 is certain.",
        );
        return;
    };
    if room.fitting_audit().is_none() {
        check_line::show(ui, Verdict::Conflict, "The design or the settings changed since this audit; audit again.");
    }
    let record = Arc::clone(&audited.record);
    let before_change = room.audit_before.clone();
    summary(ui, "As files", &record.before);
    summary(ui, "As readers will see them", &record.after);
    if let Some(before) = &before_change {
        let best = |audit: &Audit| audit.findings.iter().map(|f| f.auc).fold(0.0f64, f64::max);
        caption(
            ui,
            format!(
                "Before the last change of the settings the best guess as read was {:.2}, now it is {:.2}.",
                best(&before.after),
                best(&record.after)
            ),
        );
    }
    ui.add_space(4.0);
    head(ui, &PROBES);
    for after in &record.after.findings {
        let before = record.before.findings.iter().find(|f| f.probe == after.probe);
        probe(ui, before, after);
    }
    // Probes of files alone have no place in images as they are read.
    for before in record.before.findings.iter().filter(|f| !record.after.findings.iter().any(|a| a.probe == f.probe)) {
        let (low, high) = before.chance;
        let values =
            [before.probe.name(), &format!("{:.2}", before.auc), "–", &format!("{low:.2}–{high:.2}"), "Left out by sealing"];
        row(ui, &PROBES, &values, false).on_hover_text(&before.saw);
    }
    caption(
        ui,
        format!(
            "Area under the ROC curve over cases not learned from; {} cases. Chance: 95 % of areas with arms exchanged within cases.",
            record.after.cases
        ),
    );
    let done: Vec<(String, String)> = audited.done.iter().map(|d| (d.arm.clone(), d.steps.join(" "))).collect();
    if !done.is_empty() {
        rule(ui);
        section(ui, "What is done to the images");
        for (arm, steps) in done {
            secondary(ui, format!("{arm}: {steps}"));
        }
    }
}

fn summary(ui: &mut Ui, what: &str, audit: &Audit) {
    let verdict = if audit.must_equalise().next().is_some() {
        Verdict::Conflict
    } else if audit.warnings().next().is_some() {
        Verdict::Note
    } else {
        Verdict::Agrees
    };
    check_line::show(ui, verdict, &format!("{what}: {}", audit.summary()));
}

fn probe(ui: &mut Ui, before: Option<&Finding>, after: &Finding) {
    let (low, high) = after.chance;
    let leaks = after.verdict == Found::Leaks;
    let verdict = if leaks && !after.arm.is_empty() {
        format!("{}, {}", after.verdict.name(), after.arm)
    } else {
        after.verdict.name().to_owned()
    };
    let values = [
        after.probe.name().to_owned(),
        before.map_or_else(|| "–".to_owned(), |f| format!("{:.2}", f.auc)),
        format!("{:.2}", after.auc),
        format!("{low:.2}–{high:.2}"),
        verdict,
    ];
    let tip = if after.remedy.is_empty() { after.saw.clone() } else { format!("{} {}", after.saw, after.remedy) };
    row(ui, &PROBES, &values, leaks).on_hover_text(tip);
    if leaks {
        check_line::show(ui, Verdict::Conflict, format!("{} {}", after.saw, after.remedy).trim());
        ui.add_space(2.0);
    }
}

/// A case before and after.
pub(super) fn pictures(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Before and after");
    let Some(audited) = panel.state.reading.audit.as_ref().filter(|audited| !audited.pairs.is_empty()) else {
        caption(ui, "The images of some cases appear here, as they came and as readers will see them.");
        return;
    };
    let (shown, of, side_px) = (audited.shown, audited.pairs.len(), audited.side_px);
    let pair = audited.pairs[shown.min(of - 1)].clone();
    ui.horizontal(|ui| {
        if Push::new("Previous").name("Previous case").frameless().enabled(shown > 0).show(ui).clicked() {
            push(panel, Action::ShowPair(shown.saturating_sub(1)));
        }
        secondary(ui, format!("{}, {} of {of}", case_named("Case", &pair.case), shown + 1));
        if Push::new("Next").name("Next case").frameless().enabled(shown + 1 < of).show(ui).clicked() {
            push(panel, Action::ShowPair(shown + 1));
        }
    });
    let side = ((ui.available_width() - 8.0) / 2.0).clamp(64.0, 320.0);
    for (arm, before, after) in &pair.images {
        secondary(ui, arm.as_str());
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            picture(ui, panel, before, side, "before", &format!("{arm} as it came, {}", case_named("case", &pair.case)));
            picture(
                ui,
                panel,
                after,
                side,
                "after",
                &format!("{arm} as readers will see it, {}", case_named("case", &pair.case)),
            );
        });
        fact(ui, "Pixels", &format!("{} × {} to {side_px} × {side_px}", before.width(), before.height()));
        ui.add_space(6.0);
    }
}

/// One picture, whole, in a square of the given side.
pub(super) fn picture(ui: &mut Ui, panel: &mut Panel<'_>, image: &Arc<GrayImage>, side: f32, tag: &str, name: &str) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let texture = panel.thumbnails.large(ui.ctx(), image);
    let (w, h) = (image.width() as f32, image.height() as f32);
    let fit = Rect::from_center_size(rect.center(), Vec2::new(w, h) * (side / w.max(h)));
    ui.painter().rect_filled(rect, 0.0, tokens::VIEW);
    ui.painter().image(texture, fit, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
    if !tag.is_empty() {
        let words = ui.painter().layout_no_wrap(tag.to_owned(), text::tag(), tokens::INK);
        let ground = Rect::from_min_size(rect.min + Vec2::splat(5.0), words.size() + Vec2::new(12.0, 6.0));
        ui.painter().rect_filled(ground, 4.0, tokens::TAG);
        ui.painter().text(ground.center(), Align2::CENTER_CENTER, tag, text::tag(), tokens::INK);
    }
}
