//! What the rows of the queue are made of.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Color32, CornerRadius, FontId, Label, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, TextureId, Ui, Vec2, pos2, vec2,
};

use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// Height of a row with picture.
pub(super) const ROW: f32 = 52.0;
/// Side of its picture.
pub(super) const PICTURE: f32 = 40.0;

/// A small picture, or an empty frame.
pub(super) fn picture(ui: &Ui, at: Pos2, texture: Option<TextureId>) {
    let rect = Rect::from_min_size(at, Vec2::splat(PICTURE));
    match texture {
        Some(texture) => {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture, rect, whole, tokens::AS_IS);
        }
        None => {
            ui.painter().rect(rect, CornerRadius::same(2), tokens::VIEW, Stroke::new(1.0, tokens::LINE), StrokeKind::Inside);
        }
    }
}

/// Words at a place, cut at a width.
pub(super) fn put(ui: &Ui, at: Pos2, words: &str, width: f32, font: FontId, ink: Color32) {
    let mut job = LayoutJob::simple_singleline(words.to_owned(), font, ink);
    job.wrap = TextWrapping::truncate_at_width(width.max(8.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(at.x, at.y - galley.size().y * 0.5), galley, ink);
}

/// A sentence with an icon, below the row it belongs to.
pub(super) fn line(ui: &mut Ui, icon: Icon, ink: Color32, words: &str) {
    ui.horizontal_top(|ui| {
        ui.add_space(10.0);
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        icon.paint(ui.painter(), rect, 14.0, ink);
        ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::INK2)).wrap());
    });
}
