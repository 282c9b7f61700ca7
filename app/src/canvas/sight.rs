//! Comparing on the canvas: where A, B and the difference map lie, and everything but B itself, which is the canvas.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, ColorImage, Context, CornerRadius, CursorIcon, EventFilter, Id, Key, Painter, Rect, Role, Sense, Shape,
    Stroke, TextureHandle, TextureId, TextureOptions, Ui, Vec2, WidgetInfo, accesskit, pos2, vec2,
};
use eframe::egui_wgpu::RenderState;
use engine::domain::{Annotation, GrayImage, Mask};

use super::camera::Camera;
use super::differences::Differences;
use super::look::{self, Look};
use super::overlay;
use super::picture::{Pictures, View, Window};
use crate::action::Action;
use crate::state::sight::{self, Mode, Picture, Sight};
use crate::state::{Shown, State};
use crate::theme::{self, text, tokens};

/// The accessible name of A's view.
pub const NAME_A: &str = "Picture A";
/// The accessible name of the swipe line.
pub const NAME_LINE: &str = "Swipe line";
/// The accessible name of the difference map as a view.
pub const NAME_MAP: &str = "Difference view";
/// Smallest image that a pane beside it may leave, in points.
const LEAST: f32 = 480.0;
/// Width of the difference pane, and in narrow windows.
const PANE: (f32, f32) = (248.0, 200.0);
/// Seconds that each picture of a blink is seen: two changes a second.
const BLINK_SECS: f64 = 0.5;
/// Opacity of a fill inside its edge.
const FILL: f32 = 0.26;
/// Room between two views.
const GAP: f32 = 2.0;
/// Side of the grip that can be touched.
const TOUCH: f32 = 30.0;

/// Slots of the shader that the canvas needs: B, A, and nothing more.
const SLOT_A: usize = 1;

/// Where the views of the canvas lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// B, with the tools.
    pub canvas: Rect,
    /// A as a view of its own.
    pub a: Option<Rect>,
    /// The difference map as a view of its own.
    pub map: Option<Rect>,
    /// The pane with the difference's figures.
    pub pane: Option<Rect>,
}

impl Layout {
    /// The views in a rectangle.
    pub fn new(sight: &Sight, whole: Rect) -> Self {
        let alone = Self { canvas: whole, a: None, map: None, pane: None };
        if !sight.is_comparing() {
            return alone;
        }
        let beside = usize::from(sight.mode == Mode::SideBySide);
        // The pane goes where there is room; without it the map must be a view.
        let least = if sight.large_map || beside > 0 { 2.0 * LEAST } else { LEAST };
        let pane = if !sight.difference {
            None
        } else if whole.width() >= least + PANE.0 {
            Some(PANE.0)
        } else if whole.width() >= LEAST + PANE.1 && !sight.large_map {
            Some(PANE.1)
        } else {
            None
        };
        let large = sight.difference && (sight.large_map || pane.is_none());
        let right = whole.right() - pane.unwrap_or(0.0);
        let views = 1 + beside + usize::from(large);
        let width = (right - whole.left() - GAP * (views - 1) as f32) / views as f32;
        let view = |i: usize| {
            let left = whole.left() + i as f32 * (width + GAP);
            Rect::from_min_max(pos2(left, whole.top()), pos2(left + width, whole.bottom()))
        };
        Self {
            canvas: view(beside),
            a: (beside > 0).then(|| view(0)),
            map: large.then(|| view(views - 1)),
            pane: pane.map(|_| Rect::from_min_max(pos2(right, whole.top()), whole.max)),
        }
    }
}

/// What comparing keeps between frames.
#[derive(Default)]
pub struct SightCache {
    /// Pictures beside the canvas.
    pub pictures: Pictures,
    /// The difference of A and B on the canvas.
    pub differences: Differences,
    /// Those of the room, by place.
    room: BTreeMap<usize, Differences>,
    /// Fills by the address of their mask, which is held so that it stays taken.
    fills: BTreeMap<usize, (Arc<Mask>, TextureHandle, bool)>,
}

impl SightCache {
    /// Nothing kept yet; pictures are painted by the shader where there is one.
    pub fn new(card: Option<&RenderState>) -> Self {
        let mut cache = Self::default();
        cache.pictures.max_side = card.map_or(0, |c| c.device.limits().max_texture_dimension_2d);
        cache
    }

    /// The difference of a place of the room.
    pub fn differences(&mut self, at: usize) -> &mut Differences {
        self.room.entry(at).or_default()
    }

    /// A mask in a class colour: filled, its edge full and cased in black.
    pub fn fill(&mut self, ctx: &Context, mask: &Arc<Mask>, color: Color32) -> TextureId {
        let key = Arc::as_ptr(mask) as usize;
        let entry = self
            .fills
            .entry(key)
            .or_insert_with(|| (Arc::clone(mask), ctx.load_texture("mask", filled(mask, color), TextureOptions::LINEAR), true));
        entry.2 = true;
        entry.1.id()
    }

    /// Ends a frame: drops fills that it did not use.
    pub fn end_frame(&mut self) {
        self.fills.retain(|_, entry| std::mem::take(&mut entry.2));
    }
}

fn filled(mask: &Mask, color: Color32) -> ColorImage {
    let (width, height) = (mask.width(), mask.height());
    let near = |x: u32, y: u32, inside: bool| {
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        around.into_iter().any(|(u, v)| u < width && v < height && mask.get(u, v) == inside)
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| match mask.get(x, y) {
        true if near(x, y, false) => color,
        true => tokens::alpha(color, FILL),
        false if near(x, y, true) => tokens::CASING,
        false => tokens::NONE,
    });
    ColorImage::new([width as usize, height as usize], pixels.collect())
}

/// What the canvas shows as B: the shown image, or A while it blinks; with its mark and its title.
pub fn front(ui: &Ui, state: &State) -> (Option<Arc<GrayImage>>, &'static str, String) {
    let mark = crate::images::facts::mark(state);
    let sight = &state.sight;
    if sight.mode == Mode::Blink
        && let Some(a) = &sight.a
    {
        let first = if theme::is_still(ui.ctx()) {
            sight.flipped
        } else {
            let time = ui.input(|i| i.time);
            let left = BLINK_SECS - time % BLINK_SECS;
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(left + 0.002));
            ((time / BLINK_SECS) as u64).is_multiple_of(2)
        };
        return if first {
            (Some(Arc::clone(&a.image)), a.mark, format!("A  {}", a.title))
        } else {
            (state.shown_image(), mark, format!("B  {}", state.shown_title()))
        };
    }
    (state.shown_image(), mark, state.shown_title())
}

/// Paints A, the swipe line and the map around the canvas, and reads what is done on them.
pub fn show(ui: &mut Ui, state: &State, cache: &mut SightCache, camera: &Camera, layout: &Layout, out: &mut Vec<Action>) {
    let sight = &state.sight;
    let Some(a) = sight.a.as_ref().filter(|_| sight.is_comparing()) else { return };
    let window = Window { width: state.view.window, level: state.view.level, inverted: state.view.inverted };
    match (sight.mode, layout.a) {
        (Mode::SideBySide, Some(rect)) => {
            beside(ui, state, cache, a, rect, window, out);
            letter(&ui.painter_at(layout.canvas), camera, layout.canvas, "B", Align2::CENTER_TOP, 0.0);
        }
        (Mode::Swipe, _) => swipe(ui, state, cache, a, layout.canvas, camera, window, out),
        _ => {}
    }
    if let Some(rect) = layout.map {
        map_view(ui, state, cache, a, rect, out);
    }
}

/// A as a view of its own, looked at like B.
fn beside(ui: &mut Ui, state: &State, cache: &mut SightCache, a: &Picture, rect: Rect, window: Window, out: &mut Vec<Action>) {
    let camera = linked(ui, state, rect, NAME_A, out);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, tokens::VIEW);
    let place = super::picture::letterbox(camera.image_rect(), &a.image);
    cache.pictures.paint(ui, &painter, &View { clip: rect, place, slot: SLOT_A, image: &a.image, window });
    overlay::marks(&painter, &camera, rect, a.mark, &a.title);
    letter(&painter, &camera, rect, "A", Align2::CENTER_TOP, 0.0);
}

/// A view that moves with the canvas; returns its camera.
fn linked(ui: &mut Ui, state: &State, rect: Rect, name: &'static str, out: &mut Vec<Action>) -> Camera {
    let response = ui.interact(rect, Id::unique(name), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    let camera = Camera::new(rect, state.document.size_px, state.view.zoom, state.view.center);
    match look::read(ui, &response, rect, &camera) {
        Some(Look::Camera { zoom, center }) => out.push(Action::SetCamera { zoom, center }),
        Some(Look::Window(d)) => out.push(Action::DragWindow(d.x, d.y)),
        Some(Look::Fit) => out.push(Action::Fit),
        None => {}
    }
    camera
}

/// The part of the image on which the canvas itself is seen: all of it, or what lies right of the swipe line.
pub fn own_part(state: &State, image: Rect) -> Rect {
    let sight = &state.sight;
    if sight.mode != Mode::Swipe || sight.a.is_none() {
        return image;
    }
    Rect::from_min_max(pos2(image.left() + sight.swipe * image.width() + 4.0, image.top()), image.max)
}

/// A over the canvas, left of a line.
fn swipe(
    ui: &mut Ui,
    state: &State,
    cache: &mut SightCache,
    a: &Picture,
    rect: Rect,
    camera: &Camera,
    window: Window,
    out: &mut Vec<Action>,
) {
    let image = camera.image_rect();
    let seen = image.intersect(rect);
    if !seen.is_positive() {
        return;
    }
    let x = (image.left() + state.sight.swipe * image.width()).clamp(seen.left(), seen.right());
    let painter = ui.painter_at(rect);
    let clip = Rect::from_min_max(seen.min, pos2(x, seen.bottom()));
    if clip.is_positive() {
        let place = super::picture::letterbox(image, &a.image);
        painter.rect_filled(clip, 0.0, tokens::VIEW);
        cache.pictures.paint(ui, &painter, &View { clip, place, slot: SLOT_A, image: &a.image, window });
    }
    overlay::marks(&painter, camera, rect, crate::images::facts::mark(state), &state.shown_title());
    letter(&painter, camera, rect, "A", Align2::RIGHT_TOP, x - 10.0);
    letter(&painter, camera, rect, "B", Align2::LEFT_TOP, x + 10.0);
    if let Some(to) = swipe_line(ui, NAME_LINE, state.sight.swipe, image, rect) {
        out.push(Action::Sight(sight::Action::SwipeTo(to)));
    }
}

/// A line over an image at a share of its width, with a grip that is dragged or moved by the arrow keys; the new share.
pub fn swipe_line(ui: &mut Ui, name: &'static str, share: f32, image: Rect, view: Rect) -> Option<f32> {
    let seen = image.intersect(view);
    if !seen.is_positive() {
        return None;
    }
    let x = (image.left() + share * image.width()).clamp(seen.left(), seen.right());
    let painter = ui.painter_at(view);
    painter.vline(x, seen.y_range(), Stroke::new(4.0, tokens::CASING));
    painter.vline(x, seen.y_range(), Stroke::new(2.0, tokens::INK));
    let grip = pos2(x, seen.center().y);
    painter.circle(grip, 13.0, tokens::FILL, Stroke::new(1.0, tokens::CASING));
    for side in [-1.0, 1.0] {
        let tip = grip + vec2(side * 8.0, 0.0);
        let points = vec![tip + vec2(-side * 4.0, -4.0), tip, tip + vec2(-side * 4.0, 4.0)];
        painter.add(Shape::line(points, Stroke::new(1.5, tokens::ON_FILL)));
    }
    let touch = Rect::from_center_size(grip, Vec2::splat(TOUCH));
    let response = ui.interact(touch, Id::unique(name), Sense::click_and_drag());
    let percent = f64::from(share * 100.0).round();
    response.widget_info(|| WidgetInfo { value: Some(percent), ..WidgetInfo::labeled(Role::Slider, true, name) });
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    let dragged = response.dragged().then(|| response.interact_pointer_pos()).flatten();
    if let Some(at) = dragged {
        return Some((at.x - image.left()) / image.width().max(1.0));
    }
    let asked = |action| ui.input(|i| i.num_accesskit_action_requests(response.id, action)) as f32;
    let mut by = 0.05 * (asked(accesskit::Action::Increment) - asked(accesskit::Action::Decrement));
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
        by += ui.input(|i| {
            let step = if i.modifiers.shift { 0.10 } else { 0.01 };
            step * (f32::from(u8::from(i.key_pressed(Key::ArrowRight))) - f32::from(u8::from(i.key_pressed(Key::ArrowLeft))))
        });
    }
    response.on_hover_text("Drag, or press ← →; Shift for larger steps.");
    (by != 0.0).then_some(share + by)
}

/// A letter that names a picture, at the top of its image; `x` only where the anchor is not the centre.
fn letter(painter: &Painter, camera: &Camera, rect: Rect, words: &str, anchor: Align2, x: f32) {
    let image = camera.image_rect().intersect(rect);
    let x = if anchor == Align2::CENTER_TOP { image.center().x } else { x };
    overlay::tag(painter, pos2(x, image.top() + 10.0), anchor, words, tokens::INK, text::section(), image);
}

/// The map as a view that moves with the canvas.
fn map_view(ui: &mut Ui, state: &State, cache: &mut SightCache, a: &Picture, rect: Rect, out: &mut Vec<Action>) {
    let camera = linked(ui, state, rect, NAME_MAP, out);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, tokens::VIEW);
    let Some(b) = state.shown_image() else { return };
    let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let compared = cache.differences.get(ui.ctx(), (&a.image, &b), state.sight.gain, || layers(state));
    match compared.map(|c| &c.what) {
        Some(Some((figures, texture))) => {
            let place = super::picture::letterbox(camera.image_rect(), &b);
            painter.image(texture.id(), place, all, tokens::AS_IS);
            let words = format!("Difference, B − A, × {}", figures.gain);
            let image = camera.image_rect().intersect(rect);
            let at = image.right_bottom() + vec2(-8.0, -8.0);
            overlay::tag(&painter, at, Align2::RIGHT_BOTTOM, &words, tokens::INK, text::secondary(), image);
        }
        Some(None) => {
            let at = camera.image_rect().center();
            painter.text(at, Align2::CENTER_CENTER, different_sizes(&a.image, &b), text::body(), tokens::INK3);
        }
        None => {}
    }
    overlay::sides(&painter, &camera, rect);
}

/// One sentence why there is no map.
pub fn different_sizes(a: &GrayImage, b: &GrayImage) -> String {
    format!("A has {} × {} pixels and B {} × {}; a difference needs one size.", a.width(), a.height(), b.width(), b.height())
}

/// The layers that the figures are told for: those of B's run, else of A's, else those on the canvas.
pub fn layers(state: &State) -> Vec<Annotation> {
    let b = match state.shown {
        Shown::Result(i) | Shown::ResultStep(i, _) => state.results.get(i).map(|r| &r.artifact.request.annotations),
        Shown::Live | Shown::LiveStep(_) => state.job.as_ref().map(|j| &j.request.annotations),
        _ => None,
    };
    let a = state.sight.a.as_ref().and_then(Picture::request).map(|r| &r.annotations);
    let drawn = b.filter(|l| !l.is_empty()).or(a.filter(|l| !l.is_empty())).cloned();
    drawn.unwrap_or_else(|| state.document.annotations())
}

/// The scale of the map's colours: from darker over nothing to brighter.
pub fn scale(painter: &Painter, rect: Rect) {
    let steps = 9;
    for i in 0..steps {
        let change = (i as f32 / (steps - 1) as f32) * 2.0 - 1.0;
        let left = rect.left() + rect.width() * i as f32 / steps as f32;
        let right = rect.left() + rect.width() * (i + 1) as f32 / steps as f32;
        let patch = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
        painter.rect_filled(patch, CornerRadius::ZERO, super::differences::color(change));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(mode: Mode, difference: bool, large_map: bool) -> Sight {
        let image = Arc::new(GrayImage::black(4, 4));
        let mut sight = Sight::default();
        (sight.mode, sight.difference, sight.large_map) = (mode, difference, large_map);
        sight.a = Some(Picture { image, title: String::new(), mark: "Synthetic", artifact: None });
        sight
    }

    #[test]
    fn the_image_never_shrinks_below_its_least() {
        for width in [500.0, 684.0, 884.0, 1200.0, 1732.0] {
            let whole = Rect::from_min_size(pos2(10.0, 10.0), vec2(width, 640.0));
            for mode in Mode::ALL {
                for (difference, large) in [(false, false), (true, false), (true, true)] {
                    let layout = Layout::new(&sight(mode, difference, large), whole);
                    let views = [Some(layout.canvas), layout.a, layout.map, layout.pane];
                    for (i, a) in views.iter().flatten().enumerate() {
                        assert!(whole.expand(0.01).contains_rect(*a), "{layout:?}");
                        assert!(views.iter().flatten().skip(i + 1).all(|b| !a.shrink(0.1).intersects(*b)), "{layout:?}");
                    }
                    assert_eq!(layout.pane.is_some() || layout.map.is_some(), difference, "{layout:?}");
                    assert_eq!(layout.a.is_some(), mode == Mode::SideBySide);
                    if layout.a.is_none() && layout.map.is_none() && width >= LEAST {
                        assert!(layout.canvas.width() >= LEAST, "{layout:?}");
                    }
                }
            }
        }
    }
}
