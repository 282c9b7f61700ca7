//! The column of tools left of the canvas.

use eframe::egui::{ScrollArea, Ui};

use super::Panel;
use crate::action::Action;
use crate::canvas::action::Action as Act;
use crate::state::{Region, Tool};
use crate::theme::icons::Icon;
use crate::theme::tokens;
use crate::widgets::Push;

/// The tool that limits the brush to a range of grey: the brush with a setting.
pub const LEVEL_BRUSH: &str = "Threshold brush";

fn icon(tool: Tool) -> Icon {
    match tool {
        Tool::Brush => Icon::Brush,
        Tool::Eraser => Icon::Eraser,
        Tool::Lasso => Icon::Lasso,
        Tool::Polygon => Icon::Polygon,
        Tool::Box => Icon::Square,
        Tool::Ellipse => Icon::Ellipse,
        Tool::Wand => Icon::Wand,
        Tool::Margin => Icon::Margin,
        Tool::Move => Icon::Move,
        Tool::Shapes => Icon::Shapes,
        Tool::Earlier => Icon::Earlier,
    }
}

/// Shows the column.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let side = if panel.metrics.compact { 26.0 } else { 32.0 };
    ui.spacing_mut().item_spacing.y = if panel.metrics.compact { 2.0 } else { 3.0 };
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(6.0);
            for tool in [Tool::Brush, Tool::Eraser] {
                tool_button(ui, panel, tool, side);
            }
            level_brush(ui, panel, side);
            for tool in [Tool::Lasso, Tool::Polygon, Tool::Box, Tool::Ellipse, Tool::Wand] {
                tool_button(ui, panel, tool, side);
            }
            separator(ui);
            repairs(ui, panel, side);
            separator(ui);
            tool_button(ui, panel, Tool::Move, side);
            mirror(ui, panel, side);
            separator(ui);
            tool_button(ui, panel, Tool::Shapes, side);
            tool_button(ui, panel, Tool::Earlier, side);
        });
    });
}

fn separator(ui: &mut Ui) {
    let y = ui.cursor().top() + 3.0;
    ui.painter().hline(ui.max_rect().x_range().shrink(6.0), y, (1.0, tokens::LINE));
    ui.add_space(7.0);
}

fn tool_button(ui: &mut Ui, panel: &mut Panel<'_>, tool: Tool, side: f32) {
    let view = &panel.state.view;
    let selected = view.tool == tool && !(tool == Tool::Brush && view.tools.limited);
    let push = Push::icon(icon(tool), tool.title()).command(tool.command()).purpose(tool.purpose()).selected(selected);
    if push.size(side, side).icon_size(18.0).show(ui).clicked() {
        panel.out.push(Action::SetTool(tool));
        if tool == Tool::Brush && view.tools.limited {
            panel.out.push(Action::Canvas(Act::ToggleLimit));
        }
    }
}

fn level_brush(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let view = &panel.state.view;
    let push = Push::icon(Icon::LevelBrush, LEVEL_BRUSH)
        .command("tool.limit")
        .purpose("Paint only where the image has a range of grey")
        .selected(view.tool == Tool::Brush && view.tools.limited);
    if push.size(side, side).icon_size(18.0).show(ui).clicked() {
        panel.out.push(Action::SetTool(Tool::Brush));
        if !view.tools.limited {
            panel.out.push(Action::Canvas(Act::ToggleLimit));
        }
    }
}

fn repairs(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let can = panel.state.chosen_layer().is_some_and(|l| !l.locked && !l.is_empty() && l.region.mask().is_some());
    for (icon, name, purpose, act) in [
        (Icon::FillHoles, "Fill holes", "Fills the holes of the chosen mask", Act::FillHoles),
        (Icon::Smooth, "Smooth", "Evens out the edge of the chosen mask; press again for more", Act::Smooth),
    ] {
        let push = Push::icon(icon, name).purpose(purpose).enabled(can);
        if push.size(side, side).icon_size(18.0).show(ui).clicked() {
            panel.out.push(Action::Canvas(act));
        }
    }
    tool_button(ui, panel, Tool::Margin, side);
}

fn mirror(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let can = panel.state.chosen_layer().is_some_and(|l| !l.locked && !l.is_empty() && l.region != Region::Guide);
    let push = Push::icon(Icon::Mirror, "Mirror layer").purpose("Puts the chosen layer on the patient's other side").enabled(can);
    if push.size(side, side).icon_size(18.0).show(ui).clicked()
        && let Some(id) = panel.state.view.chosen
    {
        panel.out.push(Action::MirrorLayer(id));
    }
}
