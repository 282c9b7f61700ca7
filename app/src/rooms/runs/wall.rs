//! The wall: every run that was found, in rows of which only the visible ones are drawn.

use eframe::egui::{EventFilter, Id, Key, Modifiers, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::action::Action;
use super::cell;
use super::state::Pick;
use crate::action::Action as Any;
use crate::library::reader::Purpose;
use crate::panels::Panel;
use crate::widgets::{caption, grouped};

/// The name of the wall in the accessibility tree.
pub const NAME: &str = "Wall of runs";
/// Room between columns and between rows.
const GAP: (f32, f32) = (12.0, 10.0);

/// Columns and their width for a room of `width` points.
pub fn grid(width: f32, least: f32) -> (usize, f32) {
    let columns = (((width + GAP.0) / (least + GAP.0)).floor() as usize).max(1);
    (columns, ((width - GAP.0 * (columns - 1) as f32) / columns as f32).max(32.0))
}

/// Shows the wall.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = &panel.state.runs;
    let Some(wall) = state.wall.clone() else {
        caption(ui, "Reading the library…");
        return;
    };
    let ids = &wall.found.ids;
    if ids.is_empty() {
        let words = if wall.index.rows().is_empty() {
            "Every image you make stands here, newest first, and stays. Generate one in the Canvas room, or drop saved images \
             with records on the window."
        } else {
            "No run is like that. Take a filter away above, or search for something else."
        };
        caption(ui, words);
        return;
    }
    let room = ui.available_rect_before_wrap();
    let (columns, width) = grid(room.width() - 12.0, state.column);
    let height = width + cell::WORDS;
    let rows = ids.len().div_ceil(columns);
    let whole = ui.interact(room, Id::unique("wall of runs"), Sense::click());
    whole.widget_info(|| WidgetInfo::labeled(Role::ListBox, true, NAME));
    keys(ui, panel, whole.id, columns, (room.height() / (height + GAP.1)).floor() as usize);

    ui.spacing_mut().item_spacing = vec2(GAP.0, GAP.1);
    let mut area = ScrollArea::vertical().auto_shrink([false, false]).animated(false);
    if let Some(place) = state.scroll_to {
        area = scrolled_to(ui, area, place / columns, height + GAP.1, room.height());
        panel.out.push(Any::Runs(Action::Scrolled));
    }
    let out = area.id_salt("wall").show_rows(ui, height, rows, |ui, visible| {
        let origin = ui.max_rect().min;
        let first = visible.start;
        for row in visible {
            for column in 0..columns {
                let Some(&id) = ids.get(row * columns + column) else { break };
                let Some(run) = wall.index.row(id) else { continue };
                // The frame of a chosen picture stands a little outside it.
                let at = origin + vec2(2.0 + column as f32 * (width + GAP.0), 2.0 + (row - first) as f32 * (height + GAP.1));
                let rect = Rect::from_min_size(at, vec2(width - 4.0, height));
                let response = cell::show(ui, panel, &wall, run, rect);
                if response.clicked() {
                    let held = ui.input(|i| i.modifiers);
                    let pick = if held.shift {
                        Pick::Range
                    } else if held.command {
                        Pick::Toggle
                    } else {
                        Pick::Only
                    };
                    panel.out.push(Any::Runs(Action::Choose(id, pick)));
                    ui.memory_mut(|m| m.request_focus(whole.id));
                }
                if response.double_clicked() {
                    panel.out.push(Any::Runs(Action::Use(vec![id], Purpose::Restore)));
                }
            }
        }
        let used = ui.max_rect();
        ui.allocate_rect(Rect::from_min_max(used.min, pos2(used.max.x, used.max.y)), Sense::hover());
    });
    remember_offset(ui, out.state.clamped_offset().y);
}

fn offset_id() -> Id {
    Id::unique("offset of the wall of runs")
}

fn remember_offset(ui: &Ui, offset: f32) {
    ui.data_mut(|d| d.insert_temp(offset_id(), offset));
}

/// Scrolls only as far as is needed to see a row; the first row goes to the top.
fn scrolled_to(ui: &Ui, area: ScrollArea, row: usize, pitch: f32, room: f32) -> ScrollArea {
    let now: f32 = ui.data(|d| d.get_temp(offset_id())).unwrap_or(0.0);
    let (top, bottom) = (row as f32 * pitch, (row + 1) as f32 * pitch);
    let offset = if top < now {
        top
    } else if bottom > now + room {
        bottom - room
    } else {
        now
    };
    area.vertical_scroll_offset(offset.max(0.0))
}

/// The keys of the wall: they work while it has the focus.
fn keys(ui: &Ui, panel: &mut Panel<'_>, id: Id, columns: usize, rows: usize) {
    let state = &panel.state.runs;
    let mut did = Vec::new();
    let focused = ui.memory(|m| m.has_focus(id));
    if focused {
        // Escape takes the choice away; without this it would take the focus away.
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
    }
    let columns = columns as i64;
    let page = columns * rows.max(1) as i64;
    let far = state.ids().len() as i64;
    ui.input_mut(|input| {
        if focused {
            let moves = [
                (Key::ArrowLeft, -1),
                (Key::ArrowRight, 1),
                (Key::ArrowUp, -columns),
                (Key::ArrowDown, columns),
                (Key::PageUp, -page),
                (Key::PageDown, page),
                (Key::Home, -far),
                (Key::End, far),
            ];
            for (key, by) in moves {
                if input.consume_key(Modifiers::SHIFT, key) {
                    did.push(Action::Move { by, extend: true });
                } else if input.consume_key(Modifiers::NONE, key) {
                    did.push(Action::Move { by, extend: false });
                }
            }
            if input.consume_key(Modifiers::NONE, Key::Space)
                && let Some(id) = state.chosen.cursor
            {
                did.push(Action::Choose(id, Pick::Toggle));
            }
            if input.consume_key(Modifiers::NONE, Key::Enter) {
                did.push(Action::Use(state.chosen.cursor.into_iter().collect(), Purpose::Restore));
            }
            if input.consume_key(Modifiers::NONE, Key::Escape) {
                did.push(Action::ChooseNone);
            }
            if input.consume_key(Modifiers::COMMAND, Key::A) {
                did.push(Action::ChooseAll);
            }
        }
    });
    panel.out.extend(did.into_iter().map(Any::Runs));
}

/// The words beside the filters: how many of how many.
pub fn count_words(found: usize, all: usize) -> String {
    match (found, all) {
        (f, a) if f == a => format!("{} {}", grouped(a), if a == 1 { "run" } else { "runs" }),
        (f, a) => format!("{} of {} runs", grouped(f), grouped(a)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::COLUMN;
    use super::*;

    #[test]
    fn columns_fill_the_room() {
        let (n, width) = grid(640.0, 148.0);
        assert_eq!(n, 4);
        assert!((width * 4.0 + GAP.0 * 3.0 - 640.0).abs() < 0.01);
        assert_eq!(grid(100.0, 148.0).0, 1, "there is always a column");
        assert_eq!(grid(640.0, 320.0).0, 1);
        // What is left between queue and run in a window of 800 points.
        assert_eq!(grid(300.0, COLUMN.0).0, 2, "two columns with text of 200 %");
    }

    #[test]
    fn counts_are_words() {
        assert_eq!(count_words(1, 1), "1 run");
        assert_eq!(count_words(3716, 12_408), "3\u{A0}716 of 12\u{A0}408 runs");
    }
}
