//! The bar at the bottom: pixel size, window, what the images are, whether answers are saved, which study.

use eframe::egui::{Align, Layout, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo};

use super::Scene;
use crate::reader::reduce::size_words;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// What is said of every image of a study: the mark itself would unblind a mix of real and synthetic ones.
const NOTICE: &str = "Images in this study may be synthetic; not for care";

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let all = ui.max_rect();
    let words = |ui: &mut Ui, text: String, color| ui.label(RichText::new(text).font(text::caption()).color(color));
    let mut left = ui.new_child(UiBuilder::new().max_rect(all).layout(Layout::left_to_right(Align::Center)));
    if state.in_turn() && !state.paused {
        let look = &state.turn.look;
        words(&mut left, format!("Pixels {}", size_words(state.scale(), look)), tokens::INK2);
        left.add_space(8.0);
        words(&mut left, format!("Window {:.2} / {:.2}", look.window, look.level), tokens::INK2);
        if look.inverted {
            left.add_space(8.0);
            words(&mut left, "Inverted".to_owned(), tokens::INK2);
        }
    }
    let left_end = left.min_rect().right();

    let mut right = ui.new_child(UiBuilder::new().max_rect(all).layout(Layout::right_to_left(Align::Center)));
    words(&mut right, format!("Study {}", state.sheet.short_hash()), tokens::INK2);
    right.add_space(8.0);
    let (saved, color) = if state.saving.trouble.is_some() {
        ("Not saved", tokens::ERR)
    } else if state.all_saved() {
        ("Answers saved", tokens::INK2)
    } else {
        ("Saving", tokens::INK2)
    };
    words(&mut right, saved.to_owned(), color);
    if state.saving.trouble.is_some() {
        let (rect, _) = right.allocate_exact_size(eframe::egui::Vec2::splat(14.0), Sense::hover());
        Icon::Warning.paint(right.painter(), rect, 14.0, tokens::ERR);
    }
    let right_start = right.min_rect().left();

    let galley = ui.painter().layout_no_wrap(NOTICE.to_owned(), text::caption(), tokens::INK2);
    let room = right_start - left_end - 24.0;
    if galley.size().x <= room {
        let x = (all.center().x - galley.size().x * 0.5).clamp(left_end + 12.0, right_start - 12.0 - galley.size().x);
        let at = eframe::egui::pos2(x, all.center().y - galley.size().y * 0.5);
        let rect = eframe::egui::Rect::from_min_size(at, galley.size());
        ui.painter().galley(at, galley, tokens::INK2);
        let response = ui.interact(rect, ui.scope_id().with("notice"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, NOTICE));
    }
}
