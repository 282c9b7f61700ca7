//! Right: cost and work, the chosen image, reports, export.

use eframe::egui::Ui;

use super::action::Action;
use super::collected;
use super::draw::{path_field, push, text_field, tick};
use super::judge::gaps;
use super::review::{Item, Tally, Verdict};
use super::state::{Field, Page};
use crate::checks;
use crate::dataset::duplicates;
use crate::dataset::notes::Cost;
use crate::panels::Panel;
use crate::widgets::{Push, caption, check_line, field, grouped, progress, rule, scroll, secondary, section};
use engine::store::record::Tier;

/// Sentences of a report that are shown.
const SHOWN: usize = 6;

/// Shows the panel.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    scroll::panel(ui, "side", |ui| {
        ui.add_space(4.0);
        if panel.state.data_sets.page == Page::Collected {
            collected::side(ui, panel);
            busy(ui, panel);
            return;
        }
        run(ui, panel);
        busy(ui, panel);
        rule(ui);
        if panel.state.data_sets.page == Page::Images {
            chosen(ui, panel);
            rule(ui);
            reports(ui, panel);
            rule(ui);
        }
        cluster(ui, panel);
        rule(ui);
        export(ui, panel);
        ui.add_space(12.0);
    });
}

fn run(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.data_sets;
    section(ui, "Make it");
    let tally = Tally::of(&room.items);
    let images = room.ready().map_or(0, |plan| plan.cases.len());
    let to_ask = if room.items.is_empty() { images } else { tally.to_ask() };
    let size_px = panel.state.model.ready().map_or(panel.state.document.size_px, |model| model.card().size_px);
    let cost = Cost::of(to_ask, size_px, panel.state.last_secs);
    secondary(ui, format!("{} of {} images to make at {size_px} px", grouped(to_ask), grouped(images)));
    if to_ask > 0 {
        secondary(ui, format!("Time {}, disk {}", cost.time(), cost.disk()));
    }
    let can = room.ready().is_some_and(|plan| plan.impossible.is_empty())
        && panel.state.model.ready().is_some()
        && to_ask > 0
        && room.busy.is_none();
    let words = match to_ask {
        0 => "Nothing is left to queue".to_owned(),
        1 => "Queue 1 image".to_owned(),
        n => format!("Queue {n} images"),
    };
    let button = Push::new(&words)
        .name("Queue data set")
        .primary()
        .size(32.0, ui.available_width())
        .enabled(can)
        .purpose("Puts every image that is missing or failed into the queue; what is made already stays");
    if button.show(ui).clicked() {
        push(panel, Action::Queue);
    }
}

fn busy(ui: &mut Ui, panel: &mut Panel<'_>) {
    if let Some(busy) = panel.state.data_sets.busy.clone() {
        ui.add_space(4.0);
        let words = if busy.of > 0 {
            format!("{}: {} of {}", busy.what, grouped(busy.done), grouped(busy.of))
        } else {
            format!("{}…", busy.what)
        };
        secondary(ui, words);
        if busy.of > 0 {
            progress::bar(ui, ui.available_width(), busy.done as f32 / busy.of as f32, busy.what);
        }
        if Push::new("Stop").name("Stop the work").purpose("Ends it after the image at hand").show(ui).clicked() {
            push(panel, Action::Stop);
        }
    }
    match &panel.state.data_sets.said {
        Some(Ok(words)) => check_line::show(ui, checks::Verdict::Agrees, words),
        Some(Err(words)) => check_line::show(ui, checks::Verdict::Conflict, words),
        None => {}
    }
}

fn chosen(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Chosen image");
    let room = &panel.state.data_sets;
    let Some(item) = room.chosen.and_then(|case| room.item(case)).cloned() else {
        caption(ui, "Choose an image to see what was asked for, and to accept, retry or set it aside.");
        return;
    };
    if let Some(row) = room.ready().and_then(|plan| plan.rows.list.get((item.case.row as usize).saturating_sub(1))) {
        secondary(
            ui,
            format!("Row {}: {}", item.case.row, if item.case.twin { "twin without finding".to_owned() } else { row.title() }),
        );
    }
    facts(ui, &item);
    let made = item.run.is_some();
    ui.horizontal_wrapped(|ui| {
        if Push::new("Accept").name("Accept image").purpose("Keeps it, whatever the rules say").enabled(made).show(ui).clicked() {
            push(panel, Action::Accept(item.case));
        }
        let retry = Push::new("Retry").name("Retry image").purpose("Makes it again from another seed, and its twin with it");
        if retry.enabled(made).show(ui).clicked() {
            push(panel, Action::Retry(item.case));
        }
        let aside = Push::new("Quarantine")
            .name("Quarantine image")
            .purpose("Sets it aside with the reason below; it is kept, not exported");
        if aside.enabled(made).show(ui).clicked() {
            push(panel, Action::Quarantine(item.case));
        }
    });
    let reason = panel.state.data_sets.reason.clone();
    if let Some(words) = text_field(ui, "Reason for quarantine", "Reason, such as: the side is wrong", &reason) {
        push(panel, Action::SetReason(words));
    }
}

fn facts(ui: &mut Ui, item: &Item) {
    match &item.verdict {
        Verdict::Quarantined(why) | Verdict::Failed(why) => check_line::show(ui, checks::Verdict::Conflict, why),
        Verdict::Accepted => check_line::show(ui, checks::Verdict::Agrees, "Accepted."),
        Verdict::Missing | Verdict::Waiting | Verdict::Running => {
            check_line::show(ui, checks::Verdict::Note, item.verdict.title())
        }
    }
    let Some(run) = &item.run else { return };
    caption(ui, &run.impression);
    let adherence = run.adherence.map_or_else(|| "adherence not measured".to_owned(), |a| format!("adherence {a:.2}"));
    if let [_, _, ..] = run.measures.as_slice() {
        let each = run.measures.iter().map(|m| {
            let value = m.value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.2}"));
            format!("{} {value}", m.finding.code())
        });
        caption(ui, format!("Each finding: {}", each.collect::<Vec<_>>().join(", ")));
    }
    caption(ui, format!("Seed {}, {} steps, {adherence}, made {} ×", run.seed, run.steps_ran, item.tries));
}

fn reports(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.data_sets;
    section(ui, "Balance against the plan");
    let found = gaps(room, room.axis);
    if found.is_empty() {
        check_line::show(ui, checks::Verdict::Agrees, "Accepted images fill the plan.");
    }
    for gap in found.iter().take(SHOWN) {
        caption(ui, gap);
    }
    if found.len() > SHOWN {
        caption(ui, format!("{} more cells differ.", found.len() - SHOWN));
    }
    ui.add_space(4.0);
    section(ui, "Near duplicates");
    match &room.duplicates {
        None => {
            caption(ui, "Not looked for yet.");
        }
        Some(pairs) if pairs.is_empty() => check_line::show(ui, checks::Verdict::Agrees, "None among the accepted images."),
        Some(pairs) => {
            for (a, b, pair) in pairs.iter().take(SHOWN) {
                caption(ui, format!("Rows {} and {}: {} of 256 bits differ.", a.row, b.row, pair.distance));
            }
            if pairs.len() > SHOWN {
                caption(ui, format!("{} more pairs.", pairs.len() - SHOWN));
            }
        }
    }
    let button = Push::new("Look for near duplicates").purpose(duplicates::METHOD);
    if button.enabled(room.busy.is_none()).show(ui).clicked() {
        push(panel, Action::FindDuplicates);
    }
}

fn cluster(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "On a cluster");
    let path = panel.state.data_sets.paths.job.clone();
    path_field(ui, panel, Field::Job, "Job folder path", &path);
    ui.horizontal_wrapped(|ui| {
        let write =
            Push::new("Write job folder").purpose("Cases, masks, recipe and a script for chexgen generate, whole or not at all");
        if write.show(ui).clicked() {
            push(panel, Action::WriteJob);
        }
        let import =
            Push::new("Import results").purpose("Checks each result against what was asked for and takes it into the library");
        if import.show(ui).clicked() {
            push(panel, Action::ImportResults);
        }
    });
}

fn export(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Export");
    let room = &panel.state.data_sets;
    let (tells, shards, path) = (room.tells, room.shards, room.paths.export.clone());
    let accepted = Tally::of(&room.items).accepted;
    let can = accepted > 0 && room.busy.is_none();
    path_field(ui, panel, Field::Export, "Export folder path", &path);
    if let Some(tells) = field::choice(ui, "What images tell", ui.available_width(), tells, &Tier::ALL, Tier::title) {
        push(panel, Action::SetTells(tells));
    }
    if let Some(on) = tick(ui, "Also tar shards", "Archives of 500 images each, for loaders that read streams.", shards) {
        push(panel, Action::SetShards(on));
    }
    let words = match accepted {
        1 => "Export 1 image".to_owned(),
        n => format!("Export {n} images"),
    };
    let button = Push::new(&words)
        .name("Export data set")
        .enabled(can)
        .purpose("Images, masks, COCO, YOLO, manifest, contact sheet and datasheet, whole or not at all");
    if button.show(ui).clicked() {
        push(panel, Action::Export);
    }
    caption(ui, "Always with a datasheet. Image left is the patient's right.");
}
