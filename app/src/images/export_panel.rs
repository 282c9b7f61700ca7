//! What is written when a result or its masks are exported, and how much the files tell.

use eframe::egui::{Ui, vec2};
use engine::masks::export::MaskFormat;
use engine::store::record::Tier;

use super::{Action, ExportChoice, original_of};
use crate::action::Action as Any;
use crate::panels::Panel;
use crate::reduce::shown_result;
use crate::widgets::{Push, caption, grouped, secondary, section_row};

/// Shows the fields.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let choice = &state.images.export;
    section_row(ui, "Export", |ui| {
        if Push::new("Close").name("Close export").frameless().size(22.0, 0.0).show(ui).clicked() {
            panel.out.push(Any::Images(Action::ToggleExport));
        }
    });
    let result = shown_result(state).and_then(|i| state.results.get(i));
    let mut chosen = None;
    let toggle = |ui: &mut Ui, words: &str, name: &str, purpose: &str, on: bool| {
        Push::new(words).name(name).purpose(purpose).selected(on).chip().show(ui).clicked()
    };
    caption(ui, "Image");
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        if toggle(ui, "PNG 16-bit", "Export PNG", "Lossless grey of 16 bits", choice.png) {
            chosen = Some(ExportChoice { png: !choice.png, ..choice.clone() });
        }
        if toggle(ui, "DICOM", "Export DICOM", "A Secondary Capture that says it is synthetic", choice.dicom) {
            chosen = Some(ExportChoice { dicom: !choice.dicom, ..choice.clone() });
        }
    });
    if let Some(original) = result.and_then(|result| original_of(state, result)) {
        let model = result.map_or(0, |result| result.artifact.image.width() as usize);
        let (width, height) = (original.image.width() as usize, original.image.height() as usize);
        ui.horizontal_wrapped(|ui| {
            let own = format!("{} × {}", grouped(width), grouped(height));
            let small = format!("{} × {}", grouped(model), grouped(model));
            for (own_size, words, purpose) in [
                (true, own, "The opened image's size; every pixel outside the region is that image's"),
                (false, small, "The model's size"),
            ] {
                if Push::new(&words).purpose(purpose).selected(choice.own_size == own_size).show(ui).clicked() {
                    chosen = Some(ExportChoice { own_size, ..choice.clone() });
                }
            }
        });
    }
    caption(ui, "Masks");
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for format in MaskFormat::ALL {
            let name = format!("Export masks as {}", format.title());
            let on = choice.masks.contains(&format);
            if toggle(ui, format.title(), &name, purpose(format), on) {
                let mut masks = choice.masks.clone();
                if !masks.remove(&format) {
                    masks.insert(format);
                }
                chosen = Some(ExportChoice { masks, ..choice.clone() });
            }
        }
    });
    caption(ui, "The image tells");
    ui.horizontal_wrapped(|ui| {
        for tier in Tier::ALL {
            if Push::new(tier.title())
                .purpose(tier.holds().trim_end_matches('.'))
                .selected(choice.tier == tier)
                .show(ui)
                .clicked()
            {
                chosen = Some(ExportChoice { tier, ..choice.clone() });
            }
        }
    });
    secondary(ui, tells(panel, choice.tier));
    if let Some(choice) = chosen {
        panel.out.push(Any::Images(Action::SetExport(choice)));
    }
    ui.horizontal(|ui| {
        let export = Push::new("Write files")
            .name("Write the chosen files")
            .purpose("Nothing that lies there is overwritten")
            .enabled(!choice.is_empty());
        if export.show(ui).clicked() {
            panel.out.push(Any::Images(Action::Export));
        }
        if Push::new("Folder").name("Export folder").purpose("Chooses where files are written").show(ui).clicked() {
            panel.out.push(Any::ToggleSaveFields);
        }
    });
    if result.is_none() {
        caption(ui, "No result is shown: the drawn masks are written alone.");
    }
}

/// One sentence for the tier, and one more where an opened image is inside.
fn tells(panel: &Panel<'_>, tier: Tier) -> String {
    let mut words = tier.holds().to_owned();
    if super::facts::is_edited(panel.state) {
        words.push_str(" Letters that were burned into the opened image stay in its pixels.");
    }
    words
}

fn purpose(format: MaskFormat) -> &'static str {
    match format {
        MaskFormat::Png => "One black and white picture for each class",
        MaskFormat::Siim => "A table of run lengths for each class",
        MaskFormat::Coco => "One file, an object for each layer",
        MaskFormat::Yolo => "A line for each layer's box, and the names of classes",
        MaskFormat::Nifti => "A label map; numbers are those of the class keys",
        MaskFormat::DicomSeg => "A segmentation, a segment for each layer",
    }
}
