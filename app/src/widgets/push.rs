//! Push button: icon, words and key cap on one painted ground.

use std::borrow::Cow;

use eframe::egui::{
    Color32, CornerRadius, FontId, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};

use super::keys;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// A button to be shown.
#[must_use = "call .show(ui)"]
pub struct Push<'a> {
    icon: Option<Icon>,
    words: &'a str,
    name: Option<&'a str>,
    key: Option<Cow<'a, str>>,
    command: Option<&'static str>,
    cap: bool,
    purpose: Option<&'a str>,
    font: FontId,
    height: f32,
    min_width: f32,
    primary: bool,
    frame: bool,
    selected: bool,
    enabled: bool,
    icon_size: f32,
    round: bool,
}

impl<'a> Push<'a> {
    /// A button with words.
    pub fn new(words: &'a str) -> Self {
        Self {
            icon: None,
            words,
            name: None,
            key: None,
            command: None,
            cap: true,
            purpose: None,
            font: text::medium(),
            height: 26.0,
            min_width: 0.0,
            primary: false,
            frame: true,
            selected: false,
            enabled: true,
            icon_size: 15.0,
            round: false,
        }
    }

    /// A square button with an icon only; its name is in the tooltip and the tree.
    pub fn icon(icon: Icon, name: &'a str) -> Self {
        Self { icon: Some(icon), name: Some(name), frame: false, icon_size: 16.0, ..Self::new("") }
    }

    /// Adds an icon before the words.
    pub fn with_icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Shows a key that cannot be bound otherwise; it is named in the tooltip too.
    pub fn key(mut self, key: &'a str) -> Self {
        self.key = Some(Cow::Borrowed(key));
        self
    }

    /// Shows the key that the command with this name has now; it is named in the tooltip too.
    pub fn command(mut self, id: &'static str) -> Self {
        self.command = Some(id);
        self
    }

    /// Leaves the key to the tooltip.
    pub fn without_cap(mut self) -> Self {
        self.cap = false;
        self
    }

    /// One line what it is for.
    pub fn purpose(mut self, purpose: &'a str) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// A name for the accessibility tree that differs from the words.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// The one primary button of a room.
    pub fn primary(mut self) -> Self {
        self.primary = true;
        self.font = FontId::new(13.0, crate::theme::fonts::semibold());
        self
    }

    /// Without outline until the pointer is over it.
    pub fn frameless(mut self) -> Self {
        self.frame = false;
        self
    }

    /// Toggled on.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// Can be pressed.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Height and smallest width.
    pub fn size(mut self, height: f32, min_width: f32) -> Self {
        (self.height, self.min_width) = (height, min_width);
        self
    }

    /// A chip: round ends, smaller words.
    pub fn chip(mut self) -> Self {
        self.round = true;
        self.height = 24.0;
        self.font = text::secondary();
        self
    }

    /// Side of the icon.
    pub fn icon_size(mut self, size: f32) -> Self {
        self.icon_size = size;
        self
    }

    /// Shows it.
    pub fn show(mut self, ui: &mut Ui) -> Response {
        if let Some(id) = self.command {
            self.key = keys::label(ui.ctx(), id).map(Cow::Owned);
        }
        let ink = if self.primary { tokens::ON_FILL } else { tokens::INK };
        let words = ui.painter().layout_no_wrap(self.words.to_owned(), self.font.clone(), ink);
        let on_button = self.key.as_deref().filter(|_| self.cap && !self.words.is_empty());
        let key = on_button.map(|k| ui.painter().layout_no_wrap(k.to_owned(), text::caption(), ink));
        let icon_width = if self.icon.is_some() { self.icon_size } else { 0.0 };
        let gap = if self.icon.is_some() && !self.words.is_empty() { 6.0 } else { 0.0 };
        let key_width = key.as_ref().map_or(0.0, |k| k.size().x + 10.0 + 8.0);
        let content = icon_width + gap + words.size().x + key_width;
        let padding = if self.words.is_empty() {
            (self.height - icon_width) * 0.5
        } else if self.primary {
            16.0
        } else {
            9.0
        };
        let width = (content + 2.0 * padding).max(self.min_width).max(self.height.min(24.0));
        // Allocated where it stands, enabled or not: a scope would not wrap in a wrapping row.
        let (enabled, selected) = (self.enabled && ui.is_enabled(), self.selected);
        let sense = if enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), sense);
        let name = self.name.unwrap_or(self.words);
        response.widget_info(|| {
            let info = WidgetInfo::labeled(Role::Button, enabled, name);
            if selected { WidgetInfo { selected: Some(true), ..info } } else { info }
        });
        if let Some(key) = self.key.as_deref() {
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_keyboard_shortcut(key));
        }
        if ui.is_rect_visible(rect) {
            let mut here = ui.new_child(UiBuilder::new().max_rect(rect));
            if !enabled {
                here.disable();
            }
            self.paint(&here, rect, &response, content, ink, &words, key.as_ref());
        }
        let mut tip = name.to_owned();
        if let Some(key) = &self.key {
            tip = format!("{tip} ({key})");
        }
        if let Some(purpose) = self.purpose {
            tip = format!("{tip}\n{purpose}.");
        }
        if self.words.is_empty() || self.purpose.is_some() {
            response.on_hover_text(&tip).on_disabled_hover_text(tip)
        } else {
            response
        }
    }

    fn paint(
        &self,
        ui: &Ui,
        rect: Rect,
        response: &Response,
        content: f32,
        ink: Color32,
        words: &std::sync::Arc<eframe::egui::Galley>,
        key: Option<&std::sync::Arc<eframe::egui::Galley>>,
    ) {
        let painter = ui.painter();
        let enabled = ui.is_enabled();
        let pressed = response.is_pointer_button_down_on();
        let radius = if self.round { CornerRadius::same(12) } else { CornerRadius::same(6) };
        let (fill, outline) = if self.primary {
            let fill = if enabled && response.hovered() { tokens::FILL_HOVER } else { tokens::FILL };
            (fill, tokens::NONE)
        } else {
            let fill = if self.selected || pressed {
                tokens::PRESS
            } else if response.hovered() {
                tokens::HOVER
            } else if self.frame && !self.round {
                tokens::RAISE
            } else {
                tokens::NONE
            };
            (fill, if self.frame { tokens::LINE2 } else { tokens::NONE })
        };
        painter.rect(rect, radius, fill, Stroke::new(1.0, outline), StrokeKind::Inside);
        // Disabled controls are faded by egui, words and ground alike.
        let color = if self.words.is_empty() && !self.selected && !response.hovered() { tokens::INK2 } else { ink };
        let mut x = rect.center().x - content * 0.5;
        if let Some(icon) = self.icon {
            let at = Rect::from_center_size(pos2(x + self.icon_size * 0.5, rect.center().y), Vec2::splat(self.icon_size));
            icon.paint(painter, at, self.icon_size, color);
            x += self.icon_size + if self.words.is_empty() { 0.0 } else { 6.0 };
        }
        let text_at = pos2(x, rect.center().y - words.size().y * 0.5);
        painter.galley_with_override_text_color(text_at, words.clone(), color);
        x += words.size().x;
        if let Some(key) = key {
            let cap = Rect::from_center_size(
                pos2(x + 8.0 + (key.size().x + 10.0) * 0.5, rect.center().y),
                key.size() + vec2(10.0, 3.0),
            );
            painter.rect_stroke(cap, CornerRadius::same(3), Stroke::new(1.0, tokens::alpha(color, 0.45)), StrokeKind::Inside);
            painter.galley_with_override_text_color(cap.center() - key.size() * 0.5, key.clone(), tokens::alpha(color, 0.85));
        }
    }
}
