//! The settings sheet.

use eframe::egui::{ScrollArea, Ui};
use engine::store::record::Tier;

use super::{Action, divider::Edge, heading};
use crate::action::Action as Any;
use crate::panels::Panel;
use crate::settings::TEXT_PERCENT;
use crate::widgets::{Push, caption, field, rule, section};

/// Shows the sheet.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    heading(ui, panel, "Settings", "Close settings");
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width());
        if panel.state.shell.settings_held {
            caption(
                ui,
                "The settings file could not be read and is left alone; what you change here lasts until the studio is closed.",
            );
            let renew = Push::new("Begin new settings").purpose("Puts the old file aside under another name");
            if renew.show(ui).clicked() {
                panel.out.push(Any::Shell(Action::RenewSettings));
            }
            rule(ui);
        }
        look(ui, panel);
        rule(ui);
        tips(ui, panel);
        rule(ui);
        privacy(ui, panel);
        rule(ui);
        panels(ui, panel);
        rule(ui);
        super::super::panels::save::folder_field(ui, panel);
        rule(ui);
        keys(ui, panel);
        ui.add_space(12.0);
    });
}

fn look(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Text and motion");
    let settings = &panel.state.settings;
    let mut percent = settings.text_percent;
    ui.horizontal_wrapped(|ui| {
        let typed = field::number(ui, "Size", "Text size", &mut percent, TEXT_PERCENT.0..=TEXT_PERCENT.1, 0.5, 0, 28.0);
        // While it is dragged the window would move under the pointer: the size is taken at the end.
        if typed.changed() && !typed.dragged() || typed.drag_stopped() {
            panel.out.push(Any::Shell(Action::SetText(percent)));
        }
        caption(ui, "%");
        for (words, name, by) in [("−", "Smaller text", -10), ("+", "Larger text", 10)] {
            let id = if by < 0 { "window.smaller" } else { "window.larger" };
            if Push::new(words).name(name).command(id).purpose("In steps of 10 percent").show(ui).clicked() {
                panel.out.push(Any::Shell(Action::ScaleText(by)));
            }
        }
        if Push::new("100 %").name("Natural text size").command("window.natural").frameless().show(ui).clicked() {
            panel.out.push(Any::Shell(Action::SetText(100)));
        }
    });
    let mut still = settings.reduce_motion;
    if ui.checkbox(&mut still, "Reduce motion").on_hover_text("Nothing in the window moves by itself.").changed() {
        panel.out.push(Any::Shell(Action::SetReduceMotion(still)));
    }
}

fn tips(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Start tips");
    let mut shown = !panel.state.settings.tips_hidden;
    if ui.checkbox(&mut shown, "Show tips").on_hover_text("One next step at a time, right of the canvas.").changed() {
        panel.out.push(Any::Shell(Action::SetTips(shown)));
    }
    let begun = !panel.state.settings.lesson.names().is_empty();
    let again = Push::new("Begin again").name("Begin the start tips again").purpose("Shows the first tip next");
    if again.enabled(begun).show(ui).clicked() {
        panel.out.push(Any::Shell(Action::RestartTips));
    }
}

fn privacy(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Privacy");
    caption(ui, "What saved and exported images tell:");
    let settings = &panel.state.settings;
    ui.horizontal_wrapped(|ui| {
        for tier in Tier::ALL {
            let name = format!("Images tell: {}", tier.title());
            let push = Push::new(tier.title()).name(&name).purpose(tier.holds().trim_end_matches('.'));
            if push.selected(settings.tier == tier).show(ui).clicked() {
                panel.out.push(Any::Shell(Action::SetTier(tier)));
            }
        }
    });
    caption(ui, format!("{} The library itself keeps everything.", settings.tier.holds()));
    let mut remember = settings.remember_opened;
    let tip = "The palette offers files that were opened. Without this it forgets them when the studio is closed, and no path of an opened file is written.";
    if ui.checkbox(&mut remember, "Remember opened files").on_hover_text(tip).changed() {
        panel.out.push(Any::Shell(Action::SetRemember(remember)));
    }
}

fn panels(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Panels");
    caption(ui, "Drag the line between two parts of the window to change them; double-click it to reset.");
    let settings = &panel.state.settings;
    let changed = settings.left.is_some() || settings.right.is_some() || settings.dock.is_some();
    if Push::new("Reset panels").purpose("Natural widths and heights").enabled(changed).show(ui).clicked() {
        for edge in Edge::ALL {
            panel.out.push(Any::Shell(Action::SetPanel(edge, None)));
        }
    }
}

fn keys(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Keys");
    let n = panel.state.settings.keys.num_changed();
    caption(ui, if n == 0 { "All keys are the default ones.".to_owned() } else { format!("{n} commands have other keys.") });
    if Push::new("Change keys").command("window.keys").purpose("Opens the key sheet").show(ui).clicked() {
        panel.out.push(Any::ToggleKeys);
    }
}
