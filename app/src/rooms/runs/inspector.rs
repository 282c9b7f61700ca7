//! The chosen run: picture, what made it, what can be done with it, its family, what changed.

use eframe::egui::{
    Align2, CornerRadius, Label, Rect, RichText, Sense, TextEdit, Ui, Vec2, pos2, text::LayoutJob, text::TextFormat, vec2,
};

use super::action::Action;
use super::{changes, family, words};
use crate::action::Action as Any;
use crate::library::details::Details;
use crate::library::diff::Piece;
use crate::library::index::Row;
use crate::library::reader::{Inspected, Purpose, Wall};
use crate::library::{Mark, Verified};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, rule, scroll, section, section_row};

/// The name of the note field.
pub const NOTE: &str = "Note";

/// Shows the inspector.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = &panel.state.runs;
    let (Some(wall), Some(run)) = (state.wall.clone(), state.inspected().cloned()) else {
        caption(ui, "Choose a run on the wall; what made it is shown here, without changing the open case.");
        return;
    };
    let Some(row) = wall.index.row(run.details.row.id).copied() else { return };
    scroll::panel(ui, "inspector", |ui| {
        head(ui, panel, &wall, &run.details, &row);
        ui.add_space(8.0);
        buttons(ui, panel, &run.details, &row);
        rule(ui);
        section(ui, "Lineage");
        family::show(ui, panel, &run.lineage);
        rule(ui);
        changes::show(ui, panel, &run);
        rule(ui);
        impression(ui, &run);
        rule(ui);
        note(ui, panel, &run.details);
        rule(ui);
        hashes(ui, &run.details);
        ui.add_space(12.0);
    });
}

fn head(ui: &mut Ui, panel: &mut Panel<'_>, wall: &Wall, details: &Details, row: &Row) {
    let side = if ui.available_width() < 300.0 { 104.0 } else { 130.0 };
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
        match panel.shelf.picture(details.row.id) {
            Some(texture) => {
                let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().image(texture, rect, whole, tokens::AS_IS);
                let tag = Rect::from_min_size(rect.min + vec2(5.0, 5.0), Vec2::splat(18.0));
                ui.painter().rect_filled(tag, CornerRadius::same(4), tokens::TAG);
                ui.painter().text(tag.center(), Align2::CENTER_CENTER, "R", text::tag(), tokens::INK);
            }
            None => {
                ui.painter().rect_filled(rect, CornerRadius::ZERO, tokens::BAR);
            }
        }
        ui.add_space(6.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.label(RichText::new(format!("Run {}", details.row.id)).font(text::title()).color(tokens::INK));
            let line = |ui: &mut Ui, words: String| {
                ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::INK2)).wrap());
            };
            line(ui, format!("{}, seed {}", details.row.model_name, details.row.seed));
            line(ui, format!("{} steps, guidance {:.1}", details.row.steps, details.row.guidance));
            let when = words::day_and_time(details.row.created_ms, wall.now_ms, wall.zone_ms);
            line(ui, if details.row.secs > 0.0 { format!("{}, {when}", words::secs(details.row.secs)) } else { when });
            if let Some(value) = details.row.adherence {
                line(ui, format!("Adherence {value:.2}"));
            }
            ui.add_space(2.0);
            match row.verified {
                Verified::Equal => state_line(ui, Icon::Check, tokens::OK, "Replayed, bit-equal"),
                Verified::Different => state_line(ui, Icon::Warning, tokens::ERR, "Replayed, other pixels"),
                Verified::Not => {}
            }
            if row.conflict {
                state_line(ui, Icon::Warning, tokens::WARN, "Text and mask disagree");
            }
            let kept = details.record.iter().flat_map(|r| &r.request.kept_conflicts);
            for sentence in kept {
                state_line(ui, Icon::Info, tokens::INK2, &format!("Kept on purpose: {sentence}"));
            }
            if row.edited {
                state_line(ui, Icon::Info, tokens::INK2, "A region of a real image");
            }
            if let Err(why) = &details.record {
                state_line(ui, Icon::Warning, tokens::ERR, why);
            }
        });
    });
}

fn state_line(ui: &mut Ui, icon: Icon, color: eframe::egui::Color32, words: &str) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (rect, _) = ui.allocate_exact_size(vec2(15.0, 16.0), Sense::hover());
        icon.paint(ui.painter(), rect, 14.0, color);
        ui.add(Label::new(RichText::new(words).font(text::secondary()).color(color)).wrap());
    });
}

fn buttons(ui: &mut Ui, panel: &mut Panel<'_>, details: &Details, row: &Row) {
    let id = details.row.id;
    let readable = details.record.is_ok();
    let mut did = Vec::new();
    let used = |purpose| Action::Use(vec![id], purpose);
    ui.horizontal_wrapped(|ui| {
        let restore = Push::new("Restore in new tab")
            .key("Enter")
            .purpose("Opens text, layers, seed and settings as a case of its own; the open case stays")
            .primary()
            .enabled(readable);
        if restore.show(ui).clicked() {
            did.push(used(Purpose::Restore));
        }
        match panel.state.runs.verifying.as_ref().filter(|v| v.id == id) {
            Some(verifying) => {
                let words = match verifying.of {
                    0 => "Stop verifying".to_owned(),
                    of => format!("Stop verifying, step {} of {of}", verifying.step),
                };
                let stop = Push::new(&words).name("Stop verifying").purpose("Stops after the step in progress");
                if stop.show(ui).clicked() {
                    did.push(Action::StopVerifying);
                }
            }
            None => {
                let verify = Push::new("Verify").purpose("Makes it again and compares every pixel").enabled(readable);
                if verify.show(ui).clicked() {
                    did.push(used(Purpose::Verify));
                }
            }
        }
        let command = Push::new("As command")
            .with_icon(Icon::Copy)
            .purpose("Copies the command line that makes it again with chexgen")
            .enabled(readable);
        if command.show(ui).clicked() {
            did.push(used(Purpose::Command));
        }
    });
    ui.horizontal_wrapped(|ui| {
        caption(ui, "Into the open case:");
        for (words, purpose, what) in [
            ("Seed", Purpose::RecallSeed, "Takes this seed for the next image"),
            ("Text", Purpose::RecallText, "Replaces the impression and the fields in front of it; Undo brings yours back"),
            ("Layers", Purpose::RecallLayers, "Replaces the drawn findings; Undo brings yours back"),
        ] {
            let name = format!("Recall {}", words.to_lowercase());
            if Push::new(words).name(&name).purpose(what).chip().enabled(readable).show(ui).clicked() {
                did.push(used(purpose));
            }
        }
        let star = Push::icon(Icon::Star, "Star this run").command("run.star").selected(row.mark == Mark::Star).size(24.0, 24.0);
        if star.show(ui).clicked() {
            did.push(Action::Mark(vec![id], Mark::Star));
        }
        let reject = Push::icon(Icon::Cross, "Reject this run")
            .command("run.reject")
            .purpose("Dims it on the wall; it is kept")
            .selected(row.mark == Mark::Reject)
            .size(24.0, 24.0);
        if reject.show(ui).clicked() {
            did.push(Action::Mark(vec![id], Mark::Reject));
        }
    });
    panel.out.extend(did.into_iter().map(Any::Runs));
}

/// The text; against another run, what went is struck through and what came is underlined.
fn impression(ui: &mut Ui, run: &Inspected) {
    let other = run.diff.as_ref().filter(|(_, d)| !d.same_text());
    section_row(ui, "Impression", |ui| {
        if run.diff.is_some() {
            caption(ui, if other.is_some() { "A struck, B underlined" } else { "same in A and B" });
        }
    });
    let mut job = LayoutJob::default();
    job.wrap.max_width = ui.available_width();
    let format = |color| TextFormat { font_id: text::body(), color, line_height: Some(18.0), ..TextFormat::default() };
    match other {
        None => job.append(&run.details.row.impression, 0.0, format(tokens::INK2)),
        Some((_, diff)) => {
            for (i, piece) in diff.text.iter().enumerate() {
                let space = if i == 0 { "" } else { " " };
                job.append(space, 0.0, format(tokens::INK2));
                let line = |color| eframe::egui::Stroke::new(1.0, color);
                match piece {
                    Piece::Same(words) => job.append(words, 0.0, format(tokens::INK2)),
                    Piece::Gone(words) => {
                        let format = TextFormat { strikethrough: line(tokens::INK3), ..format(tokens::INK3) };
                        job.append(words, 0.0, format);
                    }
                    Piece::New(words) => {
                        let format = TextFormat { underline: line(tokens::INK), ..format(tokens::INK) };
                        job.append(words, 0.0, format);
                    }
                }
            }
        }
    }
    ui.add(Label::new(job).wrap().selectable(true));
}

fn note(ui: &mut Ui, panel: &mut Panel<'_>, details: &Details) {
    section(ui, "Note");
    let typed = panel.state.runs.note.as_ref().filter(|(id, _)| *id == details.row.id).map(|(_, t)| t.clone());
    let mut words = typed.unwrap_or_else(|| details.row.note.clone());
    let before = words.clone();
    let edit = TextEdit::multiline(&mut words)
        .id(eframe::egui::Id::unique("note of a run"))
        .desired_width(f32::INFINITY)
        .desired_rows(2)
        .hint_text(RichText::new("What this one is for; it is searched too").color(tokens::INK3));
    let response = ui.add(edit).accessible_name(NOTE);
    if words != before {
        panel.out.push(Any::Runs(Action::TypeNote(details.row.id, words)));
    }
    if response.lost_focus() {
        panel.out.push(Any::Runs(Action::KeepNote));
    }
}

fn hashes(ui: &mut Ui, details: &Details) {
    let mut row = |name: &str, value: String, whole: &str| {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, text::secondary(), tokens::INK2);
        ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, value, text::secondary(), tokens::INK);
        response.on_hover_text(whole);
    };
    row("Model hash", words::hash(&details.row.model_hash, 8), &details.row.model_hash);
    if let Ok(record) = &details.record
        && let Some(control) = &record.control_blake3
    {
        row("Condition hash", words::hash(control, 8), control);
    }
    row("Image hash", words::hash(&details.row.image_hash, 8), &details.row.image_hash);
    if details.record.is_ok() {
        row(
            "Marked as synthetic",
            "record, comment".to_owned(),
            "The file says in plain words that it is synthetic, and carries its record",
        );
    }
    let name = details.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    row("File", name, &details.file.display().to_string());
}
