//! Facets with counts, left of the wall.

use eframe::egui::{
    Align2, CornerRadius, Id, Key, Modifiers, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use engine::domain::Finding;

use super::action::{Action, Choice};
use super::filter_bar::SIDES;
use crate::action::Action as Any;
use crate::library::facets::{BARS, Facets};
use crate::library::query::{Age, Condition, Filter, NOTHING_DRAWN};
use crate::library::reader::Wall;
use crate::panels::{Panel, save::path_field};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{caption, grouped, scroll, section};

/// Recipes that are listed at most; the others are found by search.
const MAX_RECIPES: usize = 8;

/// The mark before a choice.
enum Swatch {
    None,
    Class(Finding),
    Dashed,
    Warning,
}

/// Shows the facets.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(wall) = panel.state.runs.wall.clone() else { return };
    let filter = panel.state.runs.filter.clone();
    scroll::panel(ui, "facets", |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut did = Vec::new();
        lists(ui, &wall, &filter, &mut did);
        panel.out.extend(did.into_iter().map(Any::Runs));
        heading(ui, "Take in");
        caption(ui, "Drop saved images or their folder on the window, or name it. Each comes in once.");
        ui.add_space(4.0);
        if let Some(path) = path_field(ui, "Folder to take in", "") {
            let path = path.trim();
            if !path.is_empty() {
                panel.out.push(Any::Runs(Action::Import(vec![path.into()])));
            }
        }
        ui.add_space(16.0);
    });
}

fn heading(ui: &mut Ui, words: &str) {
    ui.add_space(10.0);
    section(ui, words);
    ui.add_space(4.0);
}

fn lists(ui: &mut Ui, wall: &Wall, filter: &Filter, did: &mut Vec<Action>) {
    let facets = &wall.found.facets;
    heading(ui, "Finding");
    for (place, count) in facets.findings.iter().enumerate() {
        let on = filter.findings & (1 << place) != 0;
        let (title, swatch) = match Finding::ALL.get(place) {
            Some(finding) => (finding.title(), Swatch::Class(*finding)),
            None => ("Nothing drawn", Swatch::Dashed),
        };
        // Classes that no run has would only make the list long.
        if *count > 0 || on || place < 5 {
            choice(ui, "Finding", title, swatch, *count, on, did, || Choice::Finding(place));
        }
    }
    heading(ui, "Patient's side");
    for (place, (title, count)) in SIDES.iter().zip(facets.sides).enumerate() {
        choice(ui, "Side", title, Swatch::None, count, filter.sides & (1 << place) != 0, did, || Choice::Side(place));
    }
    heading(ui, "Adherence");
    histogram(ui, facets, filter.adherence, did);
    heading(ui, "State");
    for (condition, count) in Condition::ALL.into_iter().zip(facets.states) {
        let on = filter.states & (1 << condition as u8) != 0;
        let swatch = if condition == Condition::Conflict { Swatch::Warning } else { Swatch::None };
        choice(ui, "State", condition.title(), swatch, count, on, did, || Choice::State(condition));
    }
    heading(ui, "Model");
    for (model, count) in wall.index.models().iter().zip(&facets.models) {
        let on = filter.models.contains(&model.hash);
        choice(ui, "Model", &model.name, Swatch::None, *count, on, did, || Choice::Model(model.hash.clone()));
    }
    heading(ui, "Made");
    for (age, count) in Age::ALL.into_iter().zip(facets.ages) {
        choice(ui, "Made", age.title(), Swatch::None, count, filter.ages & (1 << age as u8) != 0, did, || Choice::Age(age));
    }
    heading(ui, "Recipe");
    let mut recipes: Vec<(&String, usize)> = wall.index.recipes().iter().zip(facets.recipes.iter().copied()).collect();
    recipes.sort_by_key(|(name, count)| (!filter.recipes.contains(*name), !name.is_empty(), std::cmp::Reverse(*count)));
    let more = recipes.len().saturating_sub(MAX_RECIPES);
    for (name, count) in recipes.into_iter().take(MAX_RECIPES) {
        let title = if name.is_empty() { "None, by hand" } else { name };
        choice(ui, "Recipe", title, Swatch::None, count, filter.recipes.contains(name), did, || Choice::Recipe(name.clone()));
    }
    if more > 0 {
        caption(ui, format!("{} more; search for their names.", grouped(more)));
    }
    heading(ui, "Nearest training image");
    caption(
        ui,
        "Not measured: it needs the images a model was trained on, or their fingerprints, and no model folder brings them.",
    );
    ui.add_space(12.0);
}

/// A row with a box to tick, its count at the right.
fn choice(
    ui: &mut Ui,
    group: &str,
    title: &str,
    swatch: Swatch,
    count: usize,
    on: bool,
    did: &mut Vec<Action>,
    what: impl FnOnce() -> Choice,
) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::click());
    let name = format!("{group}: {title}, {count} {}", if count == 1 { "run" } else { "runs" });
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        let tick = Rect::from_center_size(pos2(rect.left() + 7.0, rect.center().y), Vec2::splat(14.0));
        if on {
            painter.rect_filled(tick, CornerRadius::same(3), tokens::FILL);
            Icon::Check.paint(painter, tick, 11.0, tokens::ON_FILL);
        } else {
            let outline = if response.hovered() { tokens::INK2 } else { tokens::INK3 };
            painter.rect_stroke(tick, CornerRadius::same(3), Stroke::new(1.5, outline), StrokeKind::Inside);
        }
        let mut x = tick.right() + 7.0;
        let at = Rect::from_center_size(pos2(x + 5.5, rect.center().y), Vec2::splat(11.0));
        match swatch {
            Swatch::None => {}
            Swatch::Class(finding) => {
                painter.rect_filled(at, CornerRadius::same(2), tokens::class(finding));
                x = at.right() + 6.0;
            }
            Swatch::Dashed => {
                let corners = [at.left_top(), at.right_top(), at.right_bottom(), at.left_bottom(), at.left_top()];
                painter.extend(Shape::dashed_line(&corners, Stroke::new(1.0, tokens::INK2), 2.0, 2.0));
                x = at.right() + 6.0;
            }
            Swatch::Warning => {
                Icon::Warning.paint(painter, at, 13.0, tokens::WARN);
                x = at.right() + 6.0;
            }
        }
        let ink = if on || response.hovered() {
            tokens::INK
        } else if count == 0 {
            tokens::INK3
        } else {
            tokens::INK2
        };
        let number = painter.text(rect.right_center(), Align2::RIGHT_CENTER, grouped(count), text::secondary(), tokens::INK3);
        let mut job = eframe::egui::text::LayoutJob::simple_singleline(title.to_owned(), text::secondary(), ink);
        job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(number.left() - 6.0 - x);
        let galley = painter.layout_job(job);
        painter.galley(pos2(x, rect.center().y - galley.size().y * 0.5), galley, ink);
    }
    let clicked = response.clicked();
    response.on_hover_text(&name);
    if clicked {
        did.push(Action::Toggle(what()));
    }
}

/// The histogram; a drag over it chooses a range, a click inside the range takes it away.
fn histogram(ui: &mut Ui, facets: &Facets, bounds: Option<(f32, f32)>, did: &mut Vec<Action>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::click_and_drag());
    let most = facets.adherence.iter().copied().max().unwrap_or(0).max(1) as f32;
    let pitch = rect.width() / BARS as f32;
    let (low, high) = bounds.unwrap_or((0.0, 1.0));
    for (i, count) in facets.adherence.iter().enumerate() {
        let middle = (i as f32 + 0.5) / BARS as f32;
        let ink = match bounds {
            Some(_) if middle > low && middle < high => tokens::INK,
            Some(_) => tokens::LINE2,
            None => tokens::INK3,
        };
        // One run among thousands is still seen.
        let height = if *count == 0 { 1.0 } else { (40.0 * *count as f32 / most).max(2.0) };
        let x = rect.left() + i as f32 * pitch;
        let bar = Rect::from_min_max(pos2(x, rect.bottom() - height), pos2(x + pitch - 1.0, rect.bottom()));
        ui.painter().rect_filled(bar, CornerRadius::ZERO, if *count == 0 { tokens::LINE } else { ink });
    }
    let value_at = |x: f32| (((x - rect.left()) / rect.width()).clamp(0.0, 1.0) * BARS as f32).round() / BARS as f32;
    let start = Id::unique("brush of the histogram");
    if response.drag_started()
        && let Some(p) = response.interact_pointer_pos()
    {
        ui.data_mut(|d| d.insert_temp(start, value_at(p.x)));
    }
    if response.dragged()
        && let Some(p) = response.interact_pointer_pos()
    {
        let from: f32 = ui.data(|d| d.get_temp(start)).unwrap_or(0.0);
        let to = value_at(p.x);
        let wanted = (from.min(to), from.max(to));
        if to != from && bounds != Some(wanted) {
            did.push(Action::SetAdherence(Some(wanted)));
        }
    }
    if response.clicked()
        && let Some(p) = response.interact_pointer_pos()
    {
        // From here upwards, which is what is wanted most often; again takes it away.
        let from = value_at(p.x);
        let wanted = (from > 0.0 && bounds != Some((from, 1.0))).then_some((from, 1.0));
        did.push(Action::SetAdherence(wanted));
    }
    if response.has_focus() {
        brush_keys(ui, response.id, (low, high), did);
    }
    response.widget_info(|| WidgetInfo::slider(true, f64::from(low), "Least adherence"));
    response.on_hover_text("Adherence\nDrag over the bars to choose a range; arrows move the lower bound, with Shift the upper.");
    let painter = ui.painter();
    let y = rect.bottom() + 9.0;
    let label = |x: f32, align: Align2, words: String, ink| painter.text(pos2(x, y), align, words, text::caption(), ink);
    let zero = label(rect.left(), Align2::LEFT_CENTER, "0".to_owned(), tokens::INK3);
    let one = label(rect.right(), Align2::RIGHT_CENTER, "1".to_owned(), tokens::INK3);
    if bounds.is_some() {
        for value in [low, high].into_iter().filter(|v| *v > 0.0 && *v < 1.0) {
            let x = (rect.left() + value * rect.width()).clamp(zero.right() + 14.0, one.left() - 14.0);
            label(x, Align2::CENTER_CENTER, format!("{value:.2}"), tokens::INK);
        }
    }
    ui.add_space(18.0);
    if facets.not_measured > 0 {
        caption(ui, format!("{} not measured", grouped(facets.not_measured)));
    }
}

fn brush_keys(ui: &Ui, id: Id, (low, high): (f32, f32), did: &mut Vec<Action>) {
    let filter = eframe::egui::EventFilter { horizontal_arrows: true, ..eframe::egui::EventFilter::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
    let step = 1.0 / BARS as f32;
    ui.input_mut(|input| {
        for (key, by) in [(Key::ArrowLeft, -step), (Key::ArrowRight, step)] {
            let moved = if input.consume_key(Modifiers::SHIFT, key) {
                (low, (high + by).clamp(low + step, 1.0))
            } else if input.consume_key(Modifiers::NONE, key) {
                ((low + by).clamp(0.0, high - step), high)
            } else {
                continue;
            };
            let whole = moved.0 <= 0.0 && moved.1 >= 1.0;
            did.push(Action::SetAdherence((!whole).then_some(moved)));
        }
    });
}

/// Places among the classes; checked here because the list above counts on it.
const _: () = assert!(NOTHING_DRAWN == Finding::ALL.len());
