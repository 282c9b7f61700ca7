//! The left of the strip above the canvas: the tool in hand and its settings.

use eframe::egui::{ComboBox, RichText, ScrollArea, Ui};
use engine::domain::Side;
use engine::phantom::{LesionSize, Zone};

use super::Panel;
use crate::action::Action;
use crate::canvas::action::Action as Act;
use crate::state::tools::{ShapeChoice, WHOLE_RANGE};
use crate::state::{Tool, millimetres};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, field};

/// What the right of the strip needs at least, in points.
const RIGHT: f32 = 376.0;
/// The same in a narrow window, where more of it is icons.
const NARROW_RIGHT: f32 = 332.0;

/// Shows name and settings of the tool; where room is short they are scrolled.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let right = if panel.metrics.narrow { NARROW_RIGHT } else { RIGHT };
    let most = (ui.available_width() - right).max(120.0);
    ScrollArea::horizontal().id_salt("tool options").max_width(most).show(ui, |ui| {
        ui.horizontal_centered(|ui| options(ui, panel));
    });
}

fn options(ui: &mut Ui, panel: &mut Panel<'_>) {
    let tool = panel.state.view.tool;
    // The long names stand in the column's tooltips.
    let title = match tool {
        Tool::Shapes => "Shapes",
        Tool::Earlier => "Earlier mask",
        other => other.title(),
    };
    ui.label(RichText::new(title).font(text::section()).color(tokens::INK));
    match tool {
        Tool::Brush | Tool::Eraser => {
            brush_size(ui, panel);
            limit(ui, panel);
        }
        Tool::Lasso | Tool::Ellipse => add_or_take(ui, panel),
        Tool::Polygon => {
            add_or_take(ui, panel);
            caption(ui, "Enter closes");
        }
        Tool::Wand => {
            add_or_take(ui, panel);
            let mut percent = panel.state.view.tools.tolerance * 100.0;
            if field::number(ui, "Tolerance", "Wand tolerance", &mut percent, 0.0..=100.0, 0.2, 0, 26.0).changed() {
                panel.out.push(Action::Canvas(Act::SetTolerance(percent * 0.01)));
            }
            caption(ui, "% grey");
        }
        Tool::Margin => margin(ui, panel),
        Tool::Box => {
            caption(ui, "drag a box, or its edges");
        }
        Tool::Move => {
            caption(ui, "drag to move, handles to scale and turn");
        }
        Tool::Shapes => shapes(ui, panel),
        Tool::Earlier => earlier(ui, panel),
    }
}

fn brush_size(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mut diameter = (panel.state.view.brush_px * 2.0).round();
    let most = panel.state.document.size_px as f32;
    if field::number(ui, "Size", "Brush size", &mut diameter, 1.0..=most, 0.25, 0, 26.0).changed() {
        panel.out.push(Action::SetBrush(diameter * 0.5));
    }
    let mm = millimetres::mm_per_px(&panel.state.document).map(|mm| format!("px  {:.1} mm", diameter * mm));
    caption(ui, mm.unwrap_or_else(|| "px".to_owned()));
}

fn limit(ui: &mut Ui, panel: &mut Panel<'_>) {
    let tools = panel.state.view.tools;
    let words = if tools.limited { "Limit to grey" } else { "Limit to grey  off" };
    let toggle = Push::new(words)
        .name("Limit to grey")
        .purpose("Keeps brush and eraser to a range of grey of the shown image (T)")
        .selected(tools.limited);
    if toggle.show(ui).clicked() {
        panel.out.push(Action::Canvas(Act::ToggleLimit));
    }
    if tools.limited {
        let range = tools.range.unwrap_or(WHOLE_RANGE);
        let (mut low, mut high) = (range.low, range.high);
        let from = field::number(ui, "", "Lowest grey", &mut low, 0.0..=1.0, 0.004, 2, 26.0).changed();
        caption(ui, "to");
        let to = field::number(ui, "", "Highest grey", &mut high, 0.0..=1.0, 0.004, 2, 26.0).changed();
        if from || to {
            panel.out.push(Action::Canvas(Act::SetLimit(low, high)));
        }
        let invert = Push::icon(Icon::Invert, "Invert the range")
            .command("tool.invert-limit")
            .purpose("Paints outside of the range instead of inside")
            .selected(range.inverted);
        if invert.show(ui).clicked() {
            panel.out.push(Action::Canvas(Act::InvertLimit));
        }
    }
}

fn add_or_take(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.spacing_mut().item_spacing.x = 4.0;
    for (words, subtract, purpose) in
        [("Add", false, "Fills what is drawn (X swaps)"), ("Take away", true, "Cuts out what is drawn (X swaps)")]
    {
        let selected = panel.state.view.tools.subtract == subtract;
        if Push::new(words).purpose(purpose).selected(selected).show(ui).clicked() {
            panel.out.push(Action::Canvas(Act::SetSubtract(subtract)));
        }
    }
    ui.spacing_mut().item_spacing.x = 8.0;
}

fn margin(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mut length = panel.state.view.tools.margin;
    let in_mm = millimetres::mm_per_px(&panel.state.document).is_some();
    if field::number(ui, "By", "Distance", &mut length, 0.1..=200.0, 0.1, 1, 26.0).changed() {
        panel.out.push(Action::Canvas(Act::SetMargin(length)));
    }
    caption(ui, if in_mm { "mm" } else { "px" });
    let can = panel.state.chosen_layer().is_some_and(|l| !l.locked && !l.is_empty());
    for (words, purpose, act) in
        [("Grow", "Makes the chosen layer wider", Act::Grow), ("Shrink", "Makes the chosen layer narrower", Act::Shrink)]
    {
        if Push::new(words).purpose(purpose).enabled(can).show(ui).clicked() {
            panel.out.push(Action::Canvas(act));
        }
    }
}

fn shapes(ui: &mut Ui, panel: &mut Panel<'_>) {
    // What is pressed again and again comes first.
    if Push::new("Place").purpose("A plausible shape of the chosen class, into an empty layer or a new one").show(ui).clicked() {
        panel.out.push(Action::Canvas(Act::PlaceShape));
    }
    let can = panel.state.chosen_layer().is_some_and(|l| !l.locked && l.region.is_finding());
    if Push::new("Another").purpose("Another shape in place of the chosen layer's").enabled(can).show(ui).clicked() {
        panel.out.push(Action::Canvas(Act::AnotherShape));
    }
    let choice = panel.state.view.tools.shape;
    let mut set = |choice: ShapeChoice| panel.out.push(Action::Canvas(Act::SetShape(choice)));
    let title = |s: LesionSize| match s {
        LesionSize::Small => "Small",
        LesionSize::Medium => "Medium",
        LesionSize::Large => "Large",
    };
    if let Some(size) = field::choice(ui, "Shape size", 66.0, choice.size, &LesionSize::ALL, title) {
        set(ShapeChoice { size, ..choice });
    }
    let title = |s: Side| if s == Side::Left { "Patient's left" } else { "Patient's right" };
    if let Some(side) = field::choice(ui, "Shape side", 96.0, choice.side, &[Side::Right, Side::Left], title) {
        set(ShapeChoice { side, ..choice });
    }
    let zones = [Zone::Whole, Zone::Upper, Zone::Mid, Zone::Lower];
    let title = |z: Zone| match z {
        Zone::Upper | Zone::Apical => "Upper zone",
        Zone::Mid | Zone::Perihilar => "Mid zone",
        Zone::Lower | Zone::Basal => "Lower zone",
        Zone::Whole => "Any zone",
    };
    if let Some(zone) = field::choice(ui, "Shape zone", 84.0, choice.zone, &zones, title) {
        set(ShapeChoice { zone, ..choice });
    }
}

fn earlier(ui: &mut Ui, panel: &mut Panel<'_>) {
    let drawn: Vec<(usize, usize, String)> =
        panel
            .state
            .results
            .iter()
            .enumerate()
            .flat_map(|(r, result)| {
                let request = &result.artifact.request;
                request.annotations.iter().enumerate().map(move |(a, annotation)| {
                    (r, a, format!("Seed {} · {} {}", request.seed.0, a + 1, annotation.finding.title()))
                })
            })
            .collect();
    if drawn.is_empty() {
        caption(ui, "Images of this session that had a mask or a box are listed here.");
        return;
    }
    let response = ComboBox::from_id_salt("earlier masks")
        .width(210.0)
        .selected_text(RichText::new("Choose what to copy").font(text::body()).color(tokens::INK))
        .icon(|ui, rect, _visuals, _open| Icon::Down.paint(ui.painter(), rect, 14.0, tokens::INK2))
        .show_ui(ui, |ui| {
            for (result, annotation, words) in &drawn {
                if ui.selectable_label(false, words).clicked() {
                    panel.out.push(Action::Canvas(Act::CopyEarlier { result: *result, annotation: *annotation }));
                }
            }
        })
        .response;
    response.accessible_name("Earlier mask");
    caption(ui, "into the chosen layer, or a new one");
}
