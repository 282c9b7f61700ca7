//! Before there is a study in the window: it is being opened, cannot be read, or has several readers.

use eframe::egui::{CentralPanel, Frame, Margin, Ui};

use super::screens::{column, paragraph, title};
use crate::theme::tokens;
use crate::widgets::{Push, caption};

/// What was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reader's code.
    Reader(String),
    /// Try again what failed.
    Again,
    /// Close the window.
    Close,
}

fn page(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let frame = Frame::new().fill(tokens::VIEW).inner_margin(Margin::symmetric(28, 0));
    CentralPanel::default().frame(frame).show(ui, |ui| column(ui, 620.0, add));
}

/// The study is being read and checked.
pub fn opening(ui: &mut Ui) {
    page(ui, |ui| {
        title(ui, "The study is being opened");
        paragraph(ui, "Every byte of it is checked; that takes a moment for a large one.");
    });
}

/// One sentence why there is nothing to read.
pub fn refused(ui: &mut Ui, why: &str) -> Option<Answer> {
    let mut answer = None;
    page(ui, |ui| {
        title(ui, "The study cannot be read");
        paragraph(ui, why);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            if Push::new("Try again").size(38.0, 130.0).primary().show(ui).clicked() {
                answer = Some(Answer::Again);
            }
            if Push::new("Close the window").size(38.0, 0.0).show(ui).clicked() {
                answer = Some(Answer::Close);
            }
        });
    });
    answer
}

/// Which of the readers sits here.
pub fn choose(ui: &mut Ui, study: &str, readers: &[String]) -> Option<Answer> {
    let mut answer = None;
    page(ui, |ui| {
        title(ui, study);
        paragraph(ui, "Which code were you given? Every reader has an order of images and a file of answers of their own.");
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            for reader in readers {
                let name = format!("Reader {reader}");
                if Push::new(&name).size(38.0, 130.0).show(ui).clicked() {
                    answer = Some(Answer::Reader(reader.clone()));
                }
            }
        });
        ui.add_space(6.0);
        caption(ui, "Do not take another reader’s code: the answers would count for them.");
        ui.add_space(12.0);
        if Push::new("Close the window").size(32.0, 0.0).show(ui).clicked() {
            answer = Some(Answer::Close);
        }
    });
    answer
}
