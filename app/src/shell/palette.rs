//! The command palette: every command, case and recent file by some of its letters.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Key, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::{Action, fuzzy, heading, search_field};
use crate::action::Action as Any;
use crate::command::{Group, all, find, place};
use crate::panels::Panel;
use crate::reduce::TabAction;
use crate::state::State;
use crate::theme::{text, tokens};
use crate::widgets::caption;

/// Rows shown at most.
const MAX_ROWS: usize = 60;

/// A row of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub title: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// One line what it is for.
    pub purpose: String,
    /// What it does; `None` when there is nothing to do it to now.
    pub action: Option<Any>,
    /// The command's name, for commands.
    pub id: Option<&'static str>,
}

/// The rows for what is typed, the best first.
pub fn entries(state: &State, query: &str) -> Vec<Entry> {
    let mut scored: Vec<(i32, Entry)> = Vec::new();
    for entry in all_entries(state) {
        let by_title = fuzzy::score(query, &entry.title);
        let by_rest = fuzzy::score(query, &format!("{} {}", entry.kind, entry.purpose)).filter(|s| *s > 0).map(|s| s / 4);
        if let Some(mut score) = by_title.max(by_rest) {
            if entry.action.is_none() {
                score -= 40;
            }
            if let Some(place) = entry.id.and_then(|id| state.shell.used.iter().position(|u| *u == id)) {
                score += 30 - place as i32;
            }
            scored.push((score, entry));
        }
    }
    scored.sort_by_key(|(score, _)| -score);
    scored.into_iter().map(|(_, entry)| entry).take(MAX_ROWS).collect()
}

fn all_entries(state: &State) -> Vec<Entry> {
    let mut entries = Vec::new();
    for group in Group::ALL {
        for command in all().filter(|c| c.group == group && c.id != "window.close" && c.id != "window.palette") {
            entries.push(Entry {
                title: command.title.to_owned(),
                kind: group.title(),
                key: state.settings.keys.label(command),
                purpose: command.purpose.to_owned(),
                action: (command.action)(state),
                id: Some(command.id),
            });
        }
    }
    for index in (0..state.tabs.list.len()).filter(|i| *i != state.tabs.open) {
        entries.push(Entry {
            title: format!("Case: {}", state.tab_title(index)),
            kind: "Open case",
            key: None,
            purpose: "Goes to its tab".to_owned(),
            action: Some(Any::Tabs(TabAction::Switch(index))),
            id: None,
        });
    }
    for path in &state.settings.recent {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        entries.push(Entry {
            title: format!("Recent: {name}"),
            kind: "Recent file",
            key: None,
            purpose: path.parent().map(|p| p.display().to_string()).unwrap_or_default(),
            action: Some(Any::OpenFile(path.clone())),
            id: None,
        });
    }
    entries
}

/// Shows the palette.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    heading(ui, panel, "Find a command", "Close palette");
    let (up, down, enter) = ui.input_mut(|i| {
        let none = eframe::egui::Modifiers::NONE;
        (i.consume_key(none, Key::ArrowUp), i.consume_key(none, Key::ArrowDown), i.key_pressed(Key::Enter))
    });
    let field = search_field(ui, panel, "Command, case or file");
    let rows = entries(panel.state, &panel.state.shell.query);
    let picked = panel.state.shell.picked.min(rows.len().saturating_sub(1));
    if down {
        panel.out.push(Any::Shell(Action::Pick((picked + 1).min(rows.len().saturating_sub(1)))));
    } else if up {
        panel.out.push(Any::Shell(Action::Pick(picked.saturating_sub(1))));
    }
    if enter
        && (field.has_focus() || field.lost_focus())
        && let Some(entry) = rows.get(picked)
    {
        take(panel, entry);
    }
    ui.add_space(4.0);
    if rows.is_empty() {
        caption(ui, "No command, case or file has these letters.");
    }
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (index, entry) in rows.iter().enumerate() {
            row(ui, panel, entry, index == picked, up || down);
        }
    });
}

fn take(panel: &mut Panel<'_>, entry: &Entry) {
    match (&entry.action, entry.id) {
        (Some(action), None) => panel.out.extend([Any::Shell(Action::Close), action.clone()]),
        (Some(_), Some(id)) => {
            panel.out.push(Any::Shell(Action::Used(id)));
            panel.out.extend(find(id).into_iter().flat_map(|c| place::by_name(c, panel.state)));
        }
        (None, Some(id)) => panel.out.push(Any::Shell(Action::NotNow(id))),
        (None, None) => {}
    }
}

fn row(ui: &mut Ui, panel: &mut Panel<'_>, entry: &Entry, picked: bool, moved: bool) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 42.0), Sense::click());
    let enabled = entry.action.is_some();
    response.widget_info(|| {
        let name = format!("{}, {}", entry.title, entry.kind);
        WidgetInfo { selected: Some(picked), ..WidgetInfo::labeled(Role::Button, enabled, name) }
    });
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if picked || response.hovered() {
        painter.rect_filled(rect, 6.0, if picked { tokens::HOVER } else { tokens::RAISE });
    }
    let ink = if enabled { tokens::INK } else { tokens::INK3 };
    let line = |words: String, font, color, room: f32| {
        let mut job = LayoutJob::simple_singleline(words, font, color);
        job.wrap = TextWrapping::truncate_at_width(room);
        painter.layout_job(job)
    };
    let key = entry.key.clone().map(|k| painter.layout_no_wrap(k, text::caption(), tokens::INK2));
    let room = rect.width() - 16.0 - key.as_ref().map_or(0.0, |k| k.size().x + 12.0);
    painter.galley(rect.min + vec2(8.0, 4.0), line(entry.title.clone(), text::body(), ink, room), ink);
    let at = rect.min + vec2(8.0, 22.0);
    let under = if enabled { entry.purpose.clone() } else { format!("Not now. {}.", entry.purpose) };
    painter.galley(at, line(under, text::caption(), tokens::INK3, rect.width() - 16.0), tokens::INK3);
    if let Some(key) = key {
        let at = eframe::egui::pos2(rect.right() - 8.0 - key.size().x, rect.top() + 6.0);
        painter.galley(at, key, tokens::INK2);
    }
    if picked && moved {
        response.scroll_to_me(None);
    }
    if response.clicked() {
        take(panel, entry);
    }
}
