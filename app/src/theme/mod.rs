//! How the studio looks: the only place with colours, type and icons.

pub mod fonts;
pub mod icons;
pub mod tokens;

use eframe::egui::{
    self, Context, CornerRadius, FontFamily, FontId, Id, Margin, Shadow, Stroke, TextStyle, Theme, Vec2,
    style::{HandleShape, ScrollStyle, WidgetVisuals},
};

/// Named text styles besides egui's own.
pub mod text {
    use super::{FontFamily, FontId, fonts};

    /// Captions and step numbers, 11 points.
    pub fn caption() -> FontId {
        FontId::new(11.0, FontFamily::Proportional)
    }
    /// Secondary text, 12 points.
    pub fn secondary() -> FontId {
        FontId::new(12.0, FontFamily::Proportional)
    }
    /// Body, 13 points.
    pub fn body() -> FontId {
        FontId::new(13.0, FontFamily::Proportional)
    }
    /// Buttons, chosen names and compared values, 13 points.
    pub fn medium() -> FontId {
        FontId::new(13.0, fonts::medium())
    }
    /// Small medium text on tags and badges, 11 points.
    pub fn tag() -> FontId {
        FontId::new(11.0, fonts::medium())
    }
    /// Headings of sections, 13 points.
    pub fn section() -> FontId {
        FontId::new(13.0, fonts::semibold())
    }
    /// Room titles, 15 points.
    pub fn title() -> FontId {
        FontId::new(15.0, fonts::semibold())
    }
    /// The impression editor, 14 points.
    pub fn editor() -> FontId {
        FontId::new(14.0, FontFamily::Proportional)
    }
}

/// Installs fonts, colours and spacing.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts::definitions());
    ctx.set_theme(Theme::Dark);
    ctx.all_styles_mut(style);
}

fn still_id() -> Id {
    Id::unique("reduced motion")
}

/// Stops everything in the window that moves by itself.
pub fn reduce_motion(ctx: &Context) {
    set_still(ctx, true);
}

/// Stops or allows what moves by itself, the folding of panels too.
pub fn set_still(ctx: &Context, still: bool) {
    ctx.data_mut(|d| d.insert_temp(still_id(), still));
    ctx.all_styles_mut(|style| style.animation_time = if still { 0.0 } else { 0.12 });
}

/// Whether nothing may move by itself.
pub fn is_still(ctx: &Context) -> bool {
    ctx.data(|d| d.get_temp(still_id())).unwrap_or(false)
}

fn visuals_of(fill: egui::Color32, bg: egui::Color32, outline: egui::Color32, ink: egui::Color32) -> WidgetVisuals {
    WidgetVisuals {
        bg_fill: bg,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, outline),
        corner_radius: CornerRadius::same(6),
        fg_stroke: Stroke::new(1.5, ink),
        expansion: 0.0,
    }
}

fn style(style: &mut egui::Style) {
    style.text_styles = [
        (TextStyle::Small, text::caption()),
        (TextStyle::Body, text::body()),
        (TextStyle::Button, text::medium()),
        (TextStyle::Heading, text::title()),
        (TextStyle::Monospace, text::body()),
        (TextStyle::Name("Secondary".into()), text::secondary()),
        (TextStyle::Name("Editor".into()), text::editor()),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Button;
    style.animation_time = 0.12;

    let v = &mut style.visuals;
    *v = egui::Visuals::dark();
    v.panel_fill = tokens::BG;
    v.window_fill = tokens::RAISE;
    v.window_stroke = Stroke::new(1.0, tokens::LINE2);
    v.extreme_bg_color = tokens::VIEW;
    v.text_edit_bg_color = Some(tokens::RAISE);
    v.faint_bg_color = tokens::RAISE;
    v.code_bg_color = tokens::RAISE;
    v.weak_text_color = Some(tokens::INK3);
    v.warn_fg_color = tokens::WARN;
    v.error_fg_color = tokens::ERR;
    v.hyperlink_color = tokens::INK;
    v.selection.bg_fill = tokens::PRESS;
    v.selection.stroke = Stroke::new(1.0, tokens::INK);
    v.slider_trailing_fill = true;
    v.handle_shape = HandleShape::Circle;
    v.striped = false;
    v.window_corner_radius = CornerRadius::same(8);
    v.menu_corner_radius = CornerRadius::same(6);
    v.window_shadow = Shadow::NONE;
    v.popup_shadow = Shadow::NONE;
    v.disabled_alpha = 0.42;
    v.indent_has_left_vline = false;
    v.collapsing_header_frame = false;
    v.text_cursor.stroke = Stroke::new(1.5, tokens::INK);
    v.text_cursor.blink = false;
    let w = &mut v.widgets;
    w.noninteractive = visuals_of(tokens::RAISE, tokens::RAISE, tokens::LINE, tokens::INK);
    w.noninteractive.fg_stroke.width = 1.0;
    w.inactive = visuals_of(tokens::RAISE, tokens::PRESS, tokens::LINE2, tokens::INK);
    w.hovered = visuals_of(tokens::HOVER, tokens::PRESS, tokens::INK3, tokens::INK);
    w.active = visuals_of(tokens::PRESS, tokens::PRESS, tokens::INK2, tokens::INK);
    w.open = visuals_of(tokens::HOVER, tokens::PRESS, tokens::LINE2, tokens::INK);

    let s = &mut style.spacing;
    s.item_spacing = Vec2::new(8.0, 6.0);
    s.button_padding = Vec2::new(12.0, 5.0);
    s.interact_size = Vec2::new(28.0, 28.0);
    s.slider_rail_height = 4.0;
    s.icon_width = 14.0;
    s.indent = 16.0;
    s.menu_margin = Margin::same(6);
    s.window_margin = Margin::same(12);
    s.scroll = ScrollStyle { bar_width: 8.0, ..ScrollStyle::floating() };
    s.tooltip_width = 280.0;
    style.interaction.tooltip_delay = 0.4;
    style.interaction.selectable_labels = false;
}
