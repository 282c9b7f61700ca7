//! The film: the predicted image of every step, to scrub along and to fork from; below it the lanes of the layers.

mod frames;
mod lanes;

use eframe::egui::Ui;

use super::Panel;
use crate::action::Action;
use crate::state::Film;
use crate::state::film::forks_exactly;
use crate::theme::icons::Icon;
use crate::widgets::{Push, caption, chip, section_row};

pub use frames::{NAME, frames};
pub use lanes::words as step_words;

/// Heading, fork and hint, under the left panel.
pub fn label(ui: &mut Ui, panel: &mut Panel<'_>) {
    let film = Film::of(panel.state);
    section_row(ui, "Steps", |ui| {
        if !film.previews.is_empty() {
            let kept = format!("{} of {} kept", film.previews.len(), film.total);
            let size = if film.live { String::new() } else { format!(", {:.1} MB", film.megabytes()) };
            caption(ui, kept + &size);
        }
    });
    label_line(ui, panel);
}

/// Fork and hint alone.
pub fn label_line(ui: &mut Ui, panel: &mut Panel<'_>) {
    let film = Film::of(panel.state);
    let Some(step) = film.chosen_step() else {
        caption(ui, "Each step of the forming image is kept here. Drag along it to look back.");
        return;
    };
    ui.horizontal(|ui| {
        let words = format!("Fork from step {step}");
        let fork = film.fork();
        let purpose = match &fork {
            Err(why) => (*why).trim_end_matches('.').to_owned(),
            Ok((_, _, request)) => {
                let kept = match request.source.image() {
                    Some(_) => "; outside the region the opened image stays as it is",
                    None => "",
                };
                let memory = if forks_exactly(request.sampler) {
                    ""
                } else {
                    ". This sampler remembers earlier steps, so even an unchanged fork differs a little from its parent; \
                     DDIM and DDPM repeat it exactly"
                };
                format!("A new run goes on from here with the text, layers and guidance of now{kept}{memory}")
            }
        };
        let button = Push::new(&words).with_icon(Icon::Fork).purpose(&purpose).enabled(fork.is_ok());
        if button.show(ui).clicked() {
            panel.out.push(Action::Fork);
        }
        if ui.available_width() > 118.0 {
            caption(ui, "Drag to scrub");
        }
        if ui.available_width() > 46.0 {
            ui.spacing_mut().item_spacing.x = 3.0;
            chip::key(ui, ",");
            chip::key(ui, ".");
        }
    });
}
