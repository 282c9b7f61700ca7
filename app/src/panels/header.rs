//! The strip above the canvas: the tool in hand, and how one looks at the image.

use eframe::egui::{Align, Layout, Ui};

use super::{Panel, sight, tool_options};
use crate::action::Action;
use crate::theme::icons::Icon;
use crate::widgets::{Push, field, keys};

/// Named windows: width and level.
const WINDOWS: [(&str, f32, f32); 4] =
    [("Full range", 1.0, 0.5), ("Lung window", 0.6, 0.35), ("Bone window", 0.5, 0.7), ("High contrast", 0.35, 0.5)];

/// Shows the strip.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_centered(|ui| {
        if panel.state.sight.is_comparing() {
            sight::pair(ui, panel);
        } else {
            tool_options::show(ui, panel);
        }
        let view = &panel.state.view;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if panel.metrics.narrow {
                let drawer = Push::new("Layers")
                    .command("look.drawer")
                    .without_cap()
                    .purpose("Pushes the layers out beside the image, or back");
                if drawer.selected(panel.state.shell.drawer).show(ui).clicked() {
                    panel.out.push(Action::Shell(crate::shell::Action::ToggleDrawer));
                }
            }
            if Push::new("Fit")
                .command("look.fit")
                .without_cap()
                .frameless()
                .purpose("Fits the image into the canvas")
                .show(ui)
                .clicked()
            {
                panel.out.push(Action::Fit);
            }
            // A comparison needs the room for its two pictures.
            if !panel.state.sight.is_comparing() {
                windows(ui, panel);
            }
            let invert = Push::icon(Icon::Invert, "Invert")
                .command("look.invert")
                .purpose("Swaps black and white")
                .selected(view.inverted);
            if invert.show(ui).clicked() {
                panel.out.push(Action::ToggleInvert);
            }
            let icon = if view.overlays { Icon::Eye } else { Icon::EyeOff };
            let purpose = match keys::label(ui.ctx(), "look.peek") {
                Some(key) => format!("Shows or hides all layers on the image; {key} hides them while held"),
                None => "Shows or hides all layers on the image".to_owned(),
            };
            let overlays = match panel.metrics.narrow {
                true => Push::icon(icon, "Overlays"),
                false => Push::new("Overlays").with_icon(icon).frameless(),
            };
            if overlays.purpose(&purpose).command("look.overlays").without_cap().show(ui).clicked() {
                panel.out.push(Action::ToggleOverlays);
            }
            sight::modes(ui, panel);
        });
    });
}

fn windows(ui: &mut Ui, panel: &mut Panel<'_>) {
    let view = &panel.state.view;
    let current = WINDOWS.iter().position(|w| (w.1, w.2) == (view.window, view.level));
    let all: Vec<usize> = (0..WINDOWS.len()).chain(current.is_none().then_some(WINDOWS.len())).collect();
    let title = |i: usize| WINDOWS.get(i).map_or("Own window", |w| w.0);
    if let Some(i) = field::choice(ui, "Window", 112.0, current.unwrap_or(WINDOWS.len()), &all, title)
        && let Some(&(_, width, level)) = WINDOWS.get(i)
    {
        panel.out.push(Action::SetWindow(width, level));
    }
}
