//! The tabs of the open cases, and the button for another one.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{CornerRadius, Key, Rect, Role, ScrollArea, Sense, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::Panel;
use crate::action::Action;
use crate::reduce::TabAction;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, keys};

/// Widest and narrowest words of a tab.
const WORDS: (f32, f32) = (220.0, 48.0);
/// Side of the cross and the room around it.
const CROSS: f32 = 24.0;

/// Shows the tabs in a row of the given width.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, room: f32) {
    ui.spacing_mut().item_spacing.x = 4.0;
    let n = panel.state.tabs.list.len() as f32;
    let most = ((room - 44.0) / n - CROSS - 16.0).clamp(WORDS.1, WORDS.0);
    let tabs = ScrollArea::horizontal().id_salt("tabs").max_width((room - 40.0).max(60.0)).auto_shrink([true, true]);
    tabs.show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            for index in 0..panel.state.tabs.list.len() {
                if panel.state.tabs.renaming == Some(index) {
                    name_field(ui, panel, most);
                } else {
                    tab(ui, panel, index, most);
                }
            }
        });
    });
    let new = Push::icon(Icon::Plus, "New case").command("case.new").purpose("Starts an empty case in a tab of its own");
    if new.size(32.0, 32.0).icon_size(18.0).show(ui).clicked() {
        panel.out.push(Action::NewDocument);
    }
}

fn tab(ui: &mut Ui, panel: &mut Panel<'_>, index: usize, most: f32) {
    let open = panel.state.tabs.open == index;
    let title = panel.state.tab_title(index).to_owned();
    let ink = if open { tokens::INK } else { tokens::INK2 };
    let mut job = LayoutJob::simple_singleline(title.clone(), text::body(), ink);
    job.wrap = TextWrapping::truncate_at_width(most);
    let words = ui.painter().layout_job(job);
    let (rect, response) = ui.allocate_exact_size(vec2(words.size().x + 14.0 + CROSS, 32.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, open, format!("Case {title}")));
    let cross = Rect::from_center_size(pos2(rect.right() - 4.0 - CROSS * 0.5, rect.center().y), Vec2::splat(CROSS));
    let close = ui.interact(cross, response.id.with("close"), Sense::click());
    close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Close case {title}")));
    let fill = if open {
        tokens::RAISE
    } else if response.hovered() {
        tokens::HOVER
    } else {
        tokens::NONE
    };
    ui.painter().rect_filled(rect, CornerRadius::same(6), fill);
    ui.painter().galley(pos2(rect.left() + 11.0, rect.center().y - words.size().y * 0.5), words, ink);
    if open || response.hovered() || close.hovered() || close.has_focus() {
        if close.hovered() {
            ui.painter().rect_filled(cross.shrink(2.0), CornerRadius::same(4), tokens::PRESS);
        }
        Icon::Cross.paint(ui.painter(), cross, 13.0, ink);
    }
    if close
        .on_hover_text(format!(
            "{}\nIt can be opened again.",
            keys::with_key(ui.ctx(), &format!("Close case {title}"), "case.close")
        ))
        .clicked()
        || response.middle_clicked()
    {
        panel.out.push(Action::Tabs(TabAction::Close(index)));
    } else if response.double_clicked() {
        panel.out.push(Action::Tabs(TabAction::BeginRename(index)));
    } else if response.clicked() {
        panel.out.push(Action::Tabs(TabAction::Switch(index)));
    }
    if open {
        response.on_hover_text(match keys::label(ui.ctx(), "case.rename") {
            Some(key) => format!("{title}\nDouble-click or {key} to rename."),
            None => format!("{title}\nDouble-click to rename."),
        });
    } else {
        response.on_hover_text(match keys::label(ui.ctx(), "case.next") {
            Some(key) => format!("{title}\n{key} goes to the next case."),
            None => title,
        });
    }
}

/// The name while it is being typed: Enter takes it, Esc leaves it.
fn name_field(ui: &mut Ui, panel: &mut Panel<'_>, most: f32) {
    let id = ui.scope_id().with("name of the case");
    let stored: Option<String> = ui.data(|d| d.get_temp(id));
    let begins = stored.is_none();
    let mut words = stored.unwrap_or_else(|| panel.state.document.name.clone());
    let response = ui.add(TextEdit::singleline(&mut words).id(id.with("edit")).desired_width(most.max(120.0)));
    let response = response.accessible_name("Name of the case");
    if begins {
        response.request_focus();
    }
    let (enter, escape) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::Escape)));
    if response.lost_focus() && !begins || enter || escape {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        panel.out.push(Action::Tabs(if escape { TabAction::EndRename } else { TabAction::Rename(words) }));
    } else {
        ui.data_mut(|d| d.insert_temp(id, words));
    }
}
