//! The key sheet: read, search and change the keys; made from the table of commands.

use eframe::egui::{Align2, Frame, Margin, RichText, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, vec2};

use super::{Action, fuzzy, heading, search_field};
use crate::action::Action as Any;
use crate::command::table::GESTURES;
use crate::command::{Command, Group, all, find};
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, secondary};

/// Shows the sheet.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    heading(ui, panel, "Keys", "Close keys");
    search_field(ui, panel, "Command or key");
    caption(ui, "Choose a row and press the new keys.");
    question(ui, panel);
    let query = panel.state.shell.query.clone();
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for group in Group::ALL {
            let rows: Vec<&'static Command> = all().filter(|c| c.group == group && fits(panel, c, &query)).collect();
            if rows.is_empty() {
                continue;
            }
            group_title(ui, group.title());
            for command in rows {
                row(ui, panel, command);
            }
        }
        let gestures: Vec<_> =
            GESTURES.iter().filter(|(g, what)| fuzzy::score(&query, &format!("{what} {g}")).is_some()).collect();
        if !gestures.is_empty() {
            group_title(ui, "Mouse and canvas");
            for (gesture, what) in gestures {
                ui.horizontal_top(|ui| {
                    ui.add_space(8.0);
                    ui.vertical(|ui| {
                        secondary(ui, *what);
                        caption(ui, *gesture);
                    });
                });
                ui.add_space(4.0);
            }
        }
        ui.add_space(12.0);
        let n = panel.state.settings.keys.num_changed();
        let reset = Push::new("Reset all keys").purpose("Every command gets its default keys back").enabled(n > 0);
        if reset.show(ui).clicked() {
            panel.out.push(Any::Shell(Action::ResetAllKeys));
        }
        ui.add_space(12.0);
    });
}

fn fits(panel: &Panel<'_>, command: &Command, query: &str) -> bool {
    let keys: Vec<String> = panel.state.settings.keys.keys(command).iter().map(|k| k.label()).collect();
    let is_key = keys.iter().any(|k| k.eq_ignore_ascii_case(query.trim()));
    is_key || fuzzy::score(query, command.title).is_some()
}

fn group_title(ui: &mut Ui, words: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(words).font(text::section()).color(tokens::INK));
    ui.add_space(2.0);
}

/// What the sheet waits for: a key, or an answer.
fn question(ui: &mut Ui, panel: &mut Panel<'_>) {
    let shell = &panel.state.shell;
    let card = |ui: &mut Ui, color, add: &mut dyn FnMut(&mut Ui)| {
        Frame::new().fill(tokens::RAISE).stroke(Stroke::new(1.0, color)).corner_radius(8).inner_margin(Margin::same(10)).show(
            ui,
            |ui| {
                ui.set_width(ui.available_width());
                add(ui);
            },
        );
    };
    if let Some(command) = shell.waiting.and_then(find) {
        card(ui, tokens::LINE2, &mut |ui| {
            secondary(ui, format!("Press the keys for {}; Esc leaves them as they are.", command.title));
        });
    } else if let Some(clash) = &shell.clash
        && let (Some(wants), Some(owner)) = (find(clash.id), find(clash.owner))
    {
        let sentence = format!("{} is the key for {}.", clash.chord.label(), owner.title);
        let take = format!("Use it for {}", wants.title);
        let leave = format!("Leave it with {}", owner.title);
        let out = &mut *panel.out;
        card(ui, tokens::WARN, &mut |ui| {
            secondary(ui, sentence.as_str());
            if Push::new(&take).show(ui).clicked() {
                out.push(Any::Shell(Action::TakeKey));
            }
            if Push::new(&leave).frameless().show(ui).clicked() {
                out.push(Any::Shell(Action::LeaveKey));
            }
        });
    }
}

fn row(ui: &mut Ui, panel: &mut Panel<'_>, command: &'static Command) {
    let keys: Vec<String> = panel.state.settings.keys.keys(command).iter().map(|k| k.label()).collect();
    let changed = panel.state.settings.keys.is_changed(command);
    let waiting = panel.state.shell.waiting == Some(command.id);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::click());
    let shown = if waiting { "press keys".to_owned() } else { keys.join("  ·  ") };
    let said = if keys.is_empty() { "no key".to_owned() } else { keys.join(", ") };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{}: {said}", command.title)));
    if waiting || response.hovered() {
        ui.painter().rect_filled(rect, 6.0, if waiting { tokens::PRESS } else { tokens::RAISE });
    }
    let ink = if changed { tokens::INK } else { tokens::INK2 };
    let key = ui.painter().layout_no_wrap(shown, text::secondary(), if keys.is_empty() { tokens::INK3 } else { ink });
    let words_right = rect.right() - 16.0 - key.size().x;
    let clip = eframe::egui::Rect::from_min_max(rect.min, eframe::egui::pos2(words_right, rect.bottom()));
    ui.painter().with_clip_rect(clip.intersect(ui.clip_rect())).text(
        rect.left_center() + vec2(8.0, 0.0),
        Align2::LEFT_CENTER,
        command.title,
        text::secondary(),
        tokens::INK2,
    );
    let at = eframe::egui::pos2(rect.right() - 8.0 - key.size().x, rect.center().y - key.size().y * 0.5);
    ui.painter().galley(at, key, ink);
    let tip = format!("{}\n{}.\nClick to change, right-click to reset.", command.title, command.purpose);
    let response = response.on_hover_text(tip);
    if response.clicked() {
        panel.out.push(Any::Shell(Action::AwaitKey(command.id)));
    } else if response.secondary_clicked() && changed {
        panel.out.push(Any::Shell(Action::ResetKeys(command.id)));
    }
}
