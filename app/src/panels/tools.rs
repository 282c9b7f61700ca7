//! The column of tools left of the canvas.

use eframe::egui::Ui;

use super::Panel;
use crate::action::Action;
use crate::state::Tool;
use crate::theme::icons::Icon;
use crate::theme::tokens;
use crate::widgets::Push;

fn icon(tool: Tool) -> Icon {
    match tool {
        Tool::Brush => Icon::Brush,
        Tool::Eraser => Icon::Eraser,
        Tool::Lasso => Icon::Lasso,
        Tool::Box => Icon::Square,
        Tool::Move => Icon::Move,
    }
}

/// Shows the column.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.spacing_mut().item_spacing.y = 4.0;
    let side = if panel.metrics.compact { 28.0 } else { 32.0 };
    ui.vertical_centered(|ui| {
        ui.add_space(6.0);
        for tool in Tool::ALL {
            if tool == Tool::Move {
                let y = ui.cursor().top() + 4.0;
                ui.painter().hline(ui.max_rect().x_range().shrink(6.0), y, (1.0, tokens::LINE));
                ui.add_space(8.0);
            }
            let push = Push::icon(icon(tool), tool.title())
                .key(tool.key())
                .purpose(tool.purpose())
                .selected(panel.state.view.tool == tool);
            if push.size(side, side).icon_size(18.0).show(ui).clicked() {
                panel.out.push(Action::SetTool(tool));
            }
        }
        let can_mirror = panel.state.chosen_layer().is_some_and(|l| !l.locked && !l.is_empty());
        let mirror = Push::icon(Icon::Mirror, "Mirror layer")
            .purpose("Puts the chosen layer on the patient's other side")
            .enabled(can_mirror);
        if mirror.size(side, side).icon_size(18.0).show(ui).clicked()
            && let Some(id) = panel.state.view.chosen
        {
            panel.out.push(Action::MirrorLayer(id));
        }
    });
}
