//! Middle: every image of the plan and what became of it.

use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, Vec2, pos2, vec2};

use super::action::Action;
use super::draw::{push, tabs};
use super::review::{Item, Tally, Verdict};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, secondary, thumbnail};

/// Side of a picture.
const SIDE: f32 = 132.0;
/// Height of a picture with its words.
const HEIGHT: f32 = SIDE + 36.0;
const GAP: f32 = 8.0;

/// Shows the page.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal(|ui| {
        tabs(ui, panel);
        if Push::new("Refresh").purpose("Reads again what the library has of this data set").frameless().show(ui).clicked() {
            push(panel, Action::Refresh);
        }
    });
    let room = &panel.state.data_sets;
    if room.items.is_empty() {
        caption(ui, "Images appear here when the plan is queued, or when results of a job folder are imported.");
        return;
    }
    let tally = Tally::of(&room.items);
    secondary(
        ui,
        format!(
            "{} accepted, {} quarantined, {} waiting or running, {} failed, {} missing",
            tally.accepted, tally.quarantined, tally.open, tally.failed, tally.missing
        ),
    );
    ui.add_space(4.0);
    let across = ((ui.available_width() + GAP) / (SIDE + GAP)).floor().max(1.0) as usize;
    let rows = room.items.len().div_ceil(across);
    let mut wanted = Vec::new();
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, HEIGHT, rows, |ui, visible| {
        for row in visible {
            ui.horizontal_top(|ui| {
                for item in room.items.iter().skip(row * across).take(across) {
                    if tile(ui, panel.thumbnails, room.chosen == Some(item.case), item, &room.thumbs, &mut wanted) {
                        panel.out.push(crate::action::Action::DataSets(Action::Choose(Some(item.case))));
                    }
                }
            });
        }
    });
    if !wanted.is_empty() {
        push(panel, Action::ShowRuns(wanted));
    }
}

/// One image; true when it was clicked.
fn tile(
    ui: &mut Ui,
    thumbnails: &mut crate::canvas::textures::Thumbnails,
    chosen: bool,
    item: &Item,
    thumbs: &std::collections::BTreeMap<i64, Option<std::sync::Arc<engine::domain::GrayImage>>>,
    wanted: &mut Vec<i64>,
) -> bool {
    let (rect, _) = ui.allocate_exact_size(vec2(SIDE, HEIGHT), Sense::hover());
    let picture = Rect::from_min_size(rect.min, Vec2::splat(SIDE));
    let found = item.run.as_ref().and_then(|run| match thumbs.get(&run.id) {
        Some(picture) => picture.as_ref(),
        None => {
            wanted.push(run.id);
            None
        }
    });
    let texture = found.map(|image| thumbnails.get(ui.ctx(), image));
    let title = format!("Row {}, seed {}{}", item.case.row, item.case.copy, if item.case.twin { ", twin" } else { "" });
    let name = format!("{title}: {}", item.verdict.title());
    let clicked = thumbnail::at(ui, picture, texture, chosen, &title, &name).clicked();
    if item.run.is_none() {
        thumbnail::empty(ui, picture);
    }
    let (icon, color) = match item.verdict {
        Verdict::Accepted => (Some(Icon::Check), tokens::OK),
        Verdict::Quarantined(_) => (Some(Icon::Warning), tokens::WARN),
        Verdict::Failed(_) => (Some(Icon::Warning), tokens::ERR),
        Verdict::Missing | Verdict::Waiting | Verdict::Running => (None, tokens::INK3),
    };
    let painter = ui.painter();
    if matches!(item.verdict, Verdict::Quarantined(_)) {
        painter.rect_filled(picture, 2.0, tokens::alpha(tokens::VIEW, 0.55));
    }
    let at = pos2(rect.left(), picture.bottom() + 3.0);
    painter.text(at, Align2::LEFT_TOP, title, text::caption(), tokens::INK2);
    let mut x = rect.left();
    if let Some(icon) = icon {
        icon.paint(painter, Rect::from_min_size(pos2(x, picture.bottom() + 18.0), Vec2::splat(14.0)), 14.0, color);
        x += 18.0;
    }
    let words = match item.run.as_ref().and_then(|run| run.adherence) {
        Some(adherence) => format!("{} {adherence:.2}", item.verdict.title()),
        None => item.verdict.title().to_owned(),
    };
    painter.text(pos2(x, picture.bottom() + 18.0), Align2::LEFT_TOP, words, text::caption(), tokens::INK3);
    clicked
}
