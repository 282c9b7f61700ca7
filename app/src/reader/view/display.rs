//! The display check: grey steps, rings, the size of a pixel, the light in the room.

use eframe::egui::{
    CornerRadius, Label, Rect, RichText, Role, Sense, Shape, Stroke, StrokeKind, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use super::Scene;
use super::screens::{go_on, label, options, paragraph, title};
use crate::reader::action::Action;
use crate::reader::state::display::{Ambient, Ring, STEPS, Side};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption};

/// The accessible name of the note on the surroundings.
const SURROUNDINGS: &str = "Screen and room, optional";
/// Side of a ring's ground, in points.
const RING: f32 = 96.0;
/// Height of a grey step, in points.
const STEP: f32 = 34.0;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let check = &state.check;
    title(ui, "Does the screen show what is there?");
    paragraph(
        ui,
        "Set the light in the room as it will be while you read. Nothing here stops the study; it is written into the record.",
    );

    label(ui, "1  Grey steps");
    steps(ui);
    ui.horizontal_wrapped(|ui| {
        let ask = |ui: &mut Ui, words, key, all| {
            Push::new(words).key(key).size(32.0, 0.0).selected(check.steps == Some(all)).show(ui).clicked()
        };
        if ask(ui, "All 16 steps can be told apart", "Y", true) {
            scene.out.push(Action::Steps(true));
        }
        if ask(ui, "Some run into each other", "N", false) {
            scene.out.push(Action::Steps(false));
        }
    });

    label(ui, "2  On which side is each ring open? Arrow keys answer.");
    ui.horizontal_wrapped(|ui| {
        for (i, one) in check.rings.iter().enumerate() {
            ring(ui, one, check.seen[i], check.ring() == Some(i), state.screen.pixels_per_point as f32);
        }
    });
    ui.horizontal(|ui| {
        for side in Side::ALL {
            if Push::new(side.name()).key(side.arrow()).size(28.0, 84.0).enabled(check.ring().is_some()).show(ui).clicked() {
                scene.out.push(Action::Ring(side));
            }
        }
        if check.seen.iter().any(Option::is_some) && Push::new("Look again").frameless().show(ui).clicked() {
            scene.out.push(Action::Again);
        }
    });

    label(ui, "3  Size");
    size(ui, scene);

    label(ui, "4  Light in the room");
    if let Some(ambient) = options(ui, &Ambient::ALL, check.ambient, Ambient::name) {
        scene.out.push(Action::Ambient(ambient));
    }
    let mut words = check.surroundings.clone();
    let field = TextEdit::singleline(&mut words)
        .desired_width(f32::INFINITY)
        .char_limit(200)
        .hint_text("Screen, viewing distance, lamps");
    if ui.add(field).accessible_name(SURROUNDINGS).changed() {
        scene.out.push(Action::Surroundings(words));
    }
    if let Some((passes, words)) = check.verdict() {
        ui.add_space(8.0);
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            let (icon, color) = if passes { (Icon::Check, tokens::OK) } else { (Icon::Warning, tokens::WARN) };
            icon.paint(ui.painter(), rect, 15.0, color);
            ui.add(Label::new(RichText::new(words).font(text::body()).color(tokens::INK)).wrap());
        });
    }
    go_on(ui, scene, "Go on", check.missing().is_none());
}

/// Black to white; each step is smaller than a button, so that none of them glares.
fn steps(ui: &mut Ui) {
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, STEP), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Sixteen grey steps from black to white"));
    let each = width / STEPS as f32;
    for i in 0..STEPS {
        let level = (i * 255 / (STEPS - 1)) as u8;
        let step = Rect::from_min_size(pos2(rect.left() + each * i as f32, rect.top()), vec2(each, STEP));
        ui.painter().rect_filled(step, CornerRadius::ZERO, tokens::gray(level));
    }
    ui.painter().rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, tokens::LINE), StrokeKind::Outside);
}

fn ring(ui: &mut Ui, ring: &Ring, seen: Option<Side>, in_hand: bool, ppp: f32) {
    ui.vertical(|ui| {
        ui.set_width(RING + 44.0);
        let (rect, response) = ui.allocate_exact_size(vec2(RING, RING), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Ring, {}", ring.what.to_lowercase())));
        let painter = ui.painter();
        // Light grounds are cut down, so that no light area is larger than a button.
        painter.rect_filled(rect, CornerRadius::same(4), tokens::gray(if ring.ground > 160 { 40 } else { ring.ground }));
        let ground = Rect::from_center_size(rect.center(), vec2(56.0, 56.0));
        painter.rect_filled(ground, CornerRadius::same(4), tokens::gray(ring.ground));
        let fine = ring.what == "Fine lines";
        // A gap of three device pixels in the fine ring, of a fifth of the ring in the others.
        let (radius, width) = if fine { (9.0, 3.0 / ppp.max(0.5)) } else { (18.0, 7.0) };
        let gap = width / radius;
        let middle = match ring.open {
            Side::Right => 0.0,
            Side::Down => std::f32::consts::FRAC_PI_2,
            Side::Left => std::f32::consts::PI,
            Side::Up => -std::f32::consts::FRAC_PI_2,
        };
        let span = std::f32::consts::TAU - gap;
        let points = (0..=48).map(|i| {
            let a = middle + gap * 0.5 + span * i as f32 / 48.0;
            rect.center() + vec2(a.cos(), a.sin()) * radius
        });
        painter.add(Shape::line(points.collect(), Stroke::new(width, tokens::gray(ring.ink))));
        if in_hand {
            painter.rect_stroke(rect.expand(3.0), CornerRadius::same(6), Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
        }
        let answer = seen.map_or("–", Side::name);
        caption(ui, format!("{}: {answer}", ring.what));
    });
}

/// A line of device pixels, and what room the study's size needs.
fn size(ui: &mut Ui, scene: &Scene<'_>) {
    let state = scene.state;
    let ppp = ui.pixels_per_point();
    let (rect, response) = ui.allocate_exact_size(vec2(96.0, 20.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Lines one device pixel wide"));
    let first = (rect.left() * ppp).round();
    for i in (0..(96.0 * ppp) as i32).step_by(2) {
        let x = (first + i as f32) / ppp;
        let line = Rect::from_min_size(pos2(x, rect.top()), vec2(1.0 / ppp, 16.0));
        ui.painter().rect_filled(line, CornerRadius::ZERO, tokens::INK2);
    }
    let [w, h] = state.sheet.image_px;
    let asked = crate::reader::state::Scale::times(state.sheet.multiple);
    let (room_w, room_h) = state.screen.window_px;
    let words = format!(
        "The lines are one device pixel wide and must look even. Images of {w} × {h} pixels are shown at {} in a window of {room_w} × {room_h} device pixels ({ppp:.2} of them a point).",
        state.scale().words()
    );
    caption(ui, words);
    if state.scale() != asked {
        let words = format!(
            "The study asks for {}, which this window has no room for. Use a larger screen or a smaller text (Ctrl −) if you can; Z shows the next size up.",
            asked.words()
        );
        ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::WARN)).wrap());
    }
}
