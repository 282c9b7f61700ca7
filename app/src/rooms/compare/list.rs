//! The pictures by name: choose, reorder, make one the reference, take one away.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align2, EventFilter, Id, Key, Popup, Rect, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::reduce::letter;
use super::show::push;
use super::{Action, MOST};
use crate::panels::Panel;
use crate::state::Shown;
use crate::state::sight::Picture;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, grouped, section_row};

/// Height of a row.
const ROW: f32 = 56.0;

/// Shows the list.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let count = panel.state.compare.entries.len();
    section_row(ui, "Pictures", |ui| {
        caption(ui, format!("{count} of {MOST}"));
    });
    ui.horizontal_wrapped(|ui| add_buttons(ui, panel));
    ui.add_space(6.0);
    if count == 0 {
        caption(ui, "Add results of this session, saved images or radiographs from files. They share zoom, window and level.");
        return;
    }
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for at in 0..count {
            row(ui, panel, at);
        }
        ui.add_space(8.0);
        caption(ui, "Arrows choose, Alt with arrows moves, Delete takes away, Enter makes the reference.");
    });
}

fn add_buttons(ui: &mut Ui, panel: &mut Panel<'_>) {
    let add = Push::new("Add").with_icon(Icon::Plus).name("Add a picture").purpose("From the results of this session").show(ui);
    Popup::menu(&add).show(|ui| {
        ui.set_min_width(260.0);
        ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
            let state = panel.state;
            let results = (0..state.results.len()).map(Shown::Result);
            let mut any = false;
            for shown in [Shown::Base, Shown::Example].into_iter().chain(results) {
                let Some(picture) = Picture::of_shown(state, shown) else { continue };
                any = true;
                if ui.button(RichText::new(&picture.title).font(text::body())).clicked() {
                    push(panel, Action::Add(shown));
                    ui.close();
                }
            }
            if !any {
                caption(ui, "There is no image yet; generate one on the canvas.");
            }
        });
    });
    let files = Push::new("Files")
        .with_icon(Icon::Folder)
        .name("Add files")
        .purpose("Radiographs of any kind, PNG, JPEG or DICOM, and saved images with their records");
    if files.show(ui).clicked() {
        push(panel, Action::PickFiles);
    }
    let any = !panel.state.compare.entries.is_empty();
    if Push::new("Clear").purpose("Takes all pictures away; nothing is deleted").enabled(any).show(ui).clicked() {
        push(panel, Action::Clear);
    }
}

fn row(ui: &mut Ui, panel: &mut Panel<'_>, at: usize) {
    let room = &panel.state.compare;
    let entry = &room.entries[at];
    let (chosen, reference) = (room.chosen == at, room.reference == at);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let name = format!("Picture {}: {}{}", letter(at), entry.picture.title, if reference { ", reference" } else { "" });
    let buttons = 26.0;
    let head = Rect::from_min_max(rect.min, pos2(rect.right() - buttons, rect.bottom()));
    let response = ui.interact(head, row_id(entry.id), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    if chosen || response.hovered() {
        ui.painter().rect_filled(rect, 6.0, if chosen { tokens::RAISE } else { tokens::HOVER });
    }
    let picture = Rect::from_min_size(rect.min + vec2(6.0, 6.0), Vec2::splat(ROW - 12.0));
    let texture = panel.thumbnails.get(ui.ctx(), &entry.picture.image);
    let place = crate::canvas::picture::letterbox(picture, &entry.picture.image);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(texture, place, uv, tokens::AS_IS);
    if reference {
        ui.painter().rect_stroke(picture, 2.0, Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
    }
    let x = picture.right() + 10.0;
    let most = head.right() - x - 4.0;
    let put = |y: f32, words: String, font, color| {
        let mut job = LayoutJob::simple_singleline(words, font, color);
        job.wrap = TextWrapping::truncate_at_width(most.max(8.0));
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(pos2(x, y), galley, color);
    };
    put(rect.top() + 9.0, format!("{}  {}", letter(at), entry.picture.title), text::medium(), tokens::INK);
    let second =
        if reference { "Reference".to_owned() } else { entry.picture.model().unwrap_or_else(|| size_words(&entry.picture)) };
    put(rect.top() + 29.0, second, text::secondary(), tokens::INK3);
    response.clone().on_hover_text(format!("{name}\n{}", entry.picture.model().unwrap_or_default()));
    if response.clicked() {
        push(panel, Action::Choose(at));
    }
    if response.has_focus() {
        keys(ui, panel, at, response.id);
    }
    let menu = Rect::from_min_size(pos2(rect.right() - buttons, rect.top() + 6.0), vec2(24.0, 44.0));
    let mut child = ui.new_child(eframe::egui::UiBuilder::new().max_rect(menu));
    child.spacing_mut().item_spacing.y = 0.0;
    row_buttons(&mut child, panel, at);
    ui.painter().text(pos2(rect.left(), rect.bottom()), Align2::LEFT_BOTTOM, "", text::caption(), tokens::INK3);
}

/// Kind and size of a picture that no run made.
fn size_words(picture: &Picture) -> String {
    format!("{}, {} × {} px", picture.mark, grouped(picture.image.width() as usize), grouped(picture.image.height() as usize))
}

fn row_id(entry: u64) -> Id {
    Id::unique(("compare row", entry))
}

fn row_buttons(ui: &mut Ui, panel: &mut Panel<'_>, at: usize) {
    let overlays = panel.state.compare.entries[at].overlays;
    let (icon, words) = if overlays { (Icon::Eye, "Hide") } else { (Icon::EyeOff, "Show") };
    let name = format!("{words} layers of {}", letter(at));
    let has = !panel.state.compare.entries[at].masks.is_empty();
    let eye = Push::icon(icon, &name).size(22.0, 22.0).icon_size(14.0).enabled(has);
    if eye.purpose("The drawn findings of its run").show(ui).clicked() {
        push(panel, Action::ToggleOverlays(at));
    }
    let name = format!("Take {} away", letter(at));
    let cross = Push::icon(Icon::Cross, &name).size(22.0, 22.0).icon_size(13.0);
    if cross.purpose("The file and its run stay").show(ui).clicked() {
        push(panel, Action::Remove(at));
    }
}

/// Arrows choose the neighbour, with Alt they move the picture; Enter makes it the reference, Delete takes it away.
fn keys(ui: &Ui, panel: &mut Panel<'_>, at: usize, id: Id) {
    let arrows = EventFilter { vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(id, arrows));
    let (by, alt, delete, enter) = ui.input(|i| {
        let by = isize::from(i.key_pressed(Key::ArrowDown)) - isize::from(i.key_pressed(Key::ArrowUp));
        (by, i.modifiers.alt, i.key_pressed(Key::Delete), i.key_pressed(Key::Enter))
    });
    let entries = &panel.state.compare.entries;
    let to = at.saturating_add_signed(by).min(entries.len() - 1);
    let neighbour = entries[to].id;
    if delete {
        push(panel, Action::Remove(at));
    } else if enter {
        push(panel, Action::SetReference(at));
    } else if to != at && alt {
        push(panel, Action::Move(at, to));
    } else if to != at {
        push(panel, Action::Choose(to));
        ui.memory_mut(|m| m.request_focus(row_id(neighbour)));
    }
}
