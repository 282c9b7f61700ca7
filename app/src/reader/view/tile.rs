//! A tile of the score row: key small, figure large, words below. Chosen is an outline, not a bright area.

use eframe::egui::{CornerRadius, FontId, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use study::template::Choice;

use crate::theme::{fonts, text, tokens};

/// How a tile is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Can be chosen.
    Open,
    /// Chosen.
    Chosen,
    /// Locked, another one was chosen.
    Faded,
}

/// The accessible name of a choice.
pub(super) fn name(choice: &Choice) -> String {
    format!("{}: {}", choice.figure, choice.words)
}

/// Shows a tile in a rectangle.
pub(super) fn show(ui: &mut Ui, rect: Rect, choice: &Choice, look: Look, enabled: bool) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("tile", choice.key)), sense);
    let chosen = look == Look::Chosen;
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, chosen, name(choice)));
    let (fill, outline) = match look {
        Look::Chosen => (tokens::PRESS, Stroke::new(2.0, tokens::INK)),
        Look::Open if enabled && response.hovered() => (tokens::HOVER, Stroke::new(1.0, tokens::INK3)),
        Look::Open => (tokens::BG, Stroke::new(1.0, tokens::LINE2)),
        Look::Faded => (tokens::BAR, Stroke::new(1.0, tokens::LINE)),
    };
    let (ink, ink2) = if look == Look::Faded { (tokens::DIS, tokens::DIS) } else { (tokens::INK, tokens::INK2) };
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(8), fill, outline, StrokeKind::Inside);
    let figure = painter.layout_no_wrap(choice.figure.to_owned(), FontId::new(20.0, fonts::semibold()), ink);
    painter.galley(rect.min + vec2(12.0, 9.0), figure, ink);
    let ink_of_words = if chosen { tokens::INK } else { ink2 };
    let set = |font| painter.layout(choice.words.to_owned(), font, ink_of_words, rect.width() - 20.0);
    let words = set(text::secondary());
    // Long words in a narrow tile are set smaller rather than cut.
    let words = if words.size().y > rect.height() - 44.0 { set(text::caption()) } else { words };
    painter.with_clip_rect(rect).galley(rect.min + vec2(12.0, 38.0), words, ink_of_words);
    let key = painter.layout_no_wrap(choice.key.to_string(), text::caption(), ink2);
    let cap = Rect::from_min_size(pos2(rect.right() - 28.0, rect.top() + 12.0), vec2(17.0, 17.0));
    let cap_ink = if chosen { tokens::INK2 } else { tokens::LINE2 };
    painter.rect_stroke(cap, CornerRadius::same(3), Stroke::new(1.0, cap_ink), StrokeKind::Inside);
    painter.galley(cap.center() - key.size() * 0.5, key, ink2);
    if enabled { response.on_hover_text(format!("{}\nKey {}. Enter locks it.", name(choice), choice.key)) } else { response }
}
