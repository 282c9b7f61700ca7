//! The image under the layers, what a run may change in it, and masks that wait to be imported.

use eframe::egui::{Align, ComboBox, Frame, Layout, Margin, Rect, RichText, Sense, Stroke, Ui, Vec2, pos2, vec2};
use engine::imageio::edited::Detail;

use super::{Action, Offer};
use crate::action::Action as Any;
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::state::{Base, BaseOrigin, RegionFrom, Shown};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, chip, field, grouped, keys, secondary, section, section_row, slider};

/// Masks that were opened, before they become layers.
pub fn offer(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(offer) = &panel.state.images.offer else { return };
    Frame::new()
        .fill(tokens::RAISE)
        .stroke(Stroke::new(1.0, tokens::LINE2))
        .corner_radius(8)
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            section(ui, &counted(offer));
            secondary(ui, format!("{}: {}.", offer.format, classes(offer)));
            caption(ui, offer.name.as_str());
            for note in &offer.notes {
                check_line::show(ui, Verdict::Note, &sentence(note));
            }
            ui.horizontal_wrapped(|ui| {
                let add = Push::new("Import as layers").purpose("Adds them above the other layers; undo takes them back");
                if add.show(ui).clicked() {
                    panel.out.push(Any::Images(Action::Accept));
                }
                if offer.picture.is_some() {
                    let image = Push::new("Use as image").purpose("Puts the picture under the layers instead");
                    if image.show(ui).clicked() {
                        panel.out.push(Any::Images(Action::AcceptAsImage));
                    }
                }
                if Push::new("Leave out").purpose("Closes this; the file stays as it is").show(ui).clicked() {
                    panel.out.push(Any::Images(Action::Dismiss));
                }
            });
        });
}

fn counted(offer: &Offer) -> String {
    match offer.layers.len() {
        1 => "1 mask opened".to_owned(),
        n => format!("{n} masks opened"),
    }
}

/// The classes of the offered masks, each once.
fn classes(offer: &Offer) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (finding, _) in &offer.layers {
        let name = finding.map_or("the chosen class", |f| f.title());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// A note as a sentence.
fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    let capital: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
    format!("{capital}.")
}

/// The section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    section_row(ui, "Image under the layers", |ui| {
        let shown = state.shown_image().is_some() && state.shown != Shown::Base;
        let push = Push::new("Shown")
            .with_icon(Icon::Plus)
            .name("Use the shown picture as image under the layers")
            .purpose("A result or an example becomes what the layers lie on")
            .frameless()
            .icon_size(13.0)
            .size(22.0, 0.0);
        if push.enabled(shown).show(ui).clicked() {
            panel.out.push(Any::Images(Action::UseShown));
        }
    });
    let opening = state.images.opening;
    if opening > 0 {
        let words = if opening == 1 { "Opening a file…".to_owned() } else { format!("Opening {opening} files…") };
        caption(ui, words);
    }
    let Some(base) = &state.document.base else {
        let open = keys::with_key(ui.ctx(), "Open a radiograph", "case.open");
        caption(ui, format!("None: runs make new images. {open} or drop one on the window."));
        return;
    };
    head(ui, panel, base);
    if base.edit {
        editing(ui, panel, base);
    }
}

fn head(ui: &mut Ui, panel: &mut Panel<'_>, base: &Base) {
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(52.0), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, tokens::VIEW);
        let texture = panel.thumbnails.get(ui.ctx(), &base.image);
        ui.painter().image(texture, rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
        ui.vertical(|ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.add(eframe::egui::Label::new(RichText::new(&base.title).font(text::medium()).color(tokens::INK)).truncate());
            caption(ui, about(base));
        });
    });
    if let Some(stored) = &base.stored {
        let windows = stored.windows();
        ui.horizontal(|ui| {
            ui.label(RichText::new("File window").font(text::secondary()).color(tokens::INK2));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let title = windows.get(base.window).map_or("", |w| w.title.as_str());
                let response = ComboBox::from_id_salt("file window")
                    .width((ui.available_width() - 4.0).clamp(80.0, 168.0))
                    .truncate()
                    .selected_text(RichText::new(title).font(text::secondary()).color(tokens::INK))
                    .icon(|ui, rect, _visuals, _open| Icon::Down.paint(ui.painter(), rect, 14.0, tokens::INK2))
                    .show_ui(ui, |ui| {
                        for (i, window) in windows.iter().enumerate() {
                            if ui.selectable_label(i == base.window, &window.title).clicked() && i != base.window {
                                panel.out.push(Any::Images(Action::SetFileWindow(i)));
                            }
                        }
                    })
                    .response;
                response.accessible_name("File window");
            });
        });
    }
    ui.horizontal_wrapped(|ui| {
        let shown = panel.state.shown == Shown::Base;
        let show = Push::new("Show").name("Show the image under the layers").purpose("Puts it on the canvas").selected(shown);
        if show.show(ui).clicked() {
            panel.out.push(Any::Images(Action::ShowBase));
        }
        let edit = Push::new("Edit")
            .name("Edit the image under the layers")
            .purpose("Generate changes this image where it may; off, Generate makes a new one")
            .selected(base.edit);
        if edit.show(ui).clicked() {
            panel.out.push(Any::Images(Action::SetEdit(!base.edit)));
        }
        let remove = Push::new("Remove").name("Remove the image under the layers").purpose("Undo brings it back");
        if remove.show(ui).clicked() {
            panel.out.push(Any::Images(Action::RemoveBase));
        }
    });
    if !base.edit {
        caption(ui, "Only looked at: Generate makes a new image.");
    }
}

/// Origin, size and spacing in one line.
fn about(base: &Base) -> String {
    let origin = match base.origin {
        BaseOrigin::File => "Opened",
        BaseOrigin::Run(_) => "From this studio",
    };
    let (width, height) = (base.original.width() as usize, base.original.height() as usize);
    let mm = match base.original_spacing_mm {
        Some((down, across)) if (down - across).abs() < 1e-3 => format!(", {down:.3} mm a pixel"),
        Some((down, across)) => format!(", {across:.3} × {down:.3} mm a pixel"),
        None => ", mm not known".to_owned(),
    };
    format!("{origin}, {} × {} px{mm}", grouped(width), grouped(height))
}

fn editing(ui: &mut Ui, panel: &mut Panel<'_>, base: &Base) {
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        for (whole, words, purpose) in [
            (false, "In a region", "What is painted may change, or the drawn findings and a margin around them"),
            (true, "Everywhere", "All of the image may change, besides what must not"),
        ] {
            if Push::new(words).purpose(purpose).selected(base.whole == whole).show(ui).clicked() {
                panel.out.push(Any::Images(Action::SetWhole(whole)));
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        let may = Push::new("May change").with_icon(Icon::Plus).icon_size(13.0).name("Add a region that may change");
        if may.purpose("A layer to paint; what is outside stays").show(ui).clicked() {
            panel.out.push(Any::AddMayChange);
        }
        let keep = Push::new("Must not").with_icon(Icon::Plus).icon_size(13.0).name("Add a region that must not change");
        if keep.purpose("A layer to paint; it overrules every other").show(ui).clicked() {
            panel.out.push(Any::AddKeep);
        }
    });
    let mut strength = base.strength;
    if slider::row(ui, "Strength", "Edit strength", &mut strength, 0.0..=1.0, false).changed() {
        panel.out.push(Any::Images(Action::SetStrength(strength)));
    }
    let region = panel.facts.region.clone();
    ui.horizontal(|ui| {
        let side = base.image.width();
        let mut feather = base.feather_px;
        if field::number(ui, "Seam", "Seam width", &mut feather, 0..=side / 4, 0.2, 0, 26.0).changed() {
            panel.out.push(Any::Images(Action::SetFeather(feather)));
        }
        if region.as_ref().is_some_and(|r| matches!(r.from, RegionFrom::Findings(_))) {
            let mut margin = base.margin_px;
            if field::number(ui, "Margin", "Margin around findings", &mut margin, 0..=side / 2, 0.2, 0, 26.0).changed() {
                panel.out.push(Any::Images(Action::SetMargin(margin)));
            }
        }
        caption(ui, "px");
    });
    if (base.original.width(), base.original.height()) != (base.image.width(), base.image.height()) {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Fine detail").font(text::secondary()).color(tokens::INK2));
            for (detail, words, purpose) in [
                (Detail::Opened, "Of the image", "What changed is added to the opened image's own fine structure"),
                (
                    Detail::Model,
                    "Of the model",
                    "The model's pixels are enlarged; nothing of the opened image stays in the region",
                ),
            ] {
                if Push::new(words).purpose(purpose).selected(base.detail == detail).show(ui).clicked() {
                    panel.out.push(Any::Images(Action::SetDetail(detail)));
                }
            }
        });
    }
    ui.add_space(2.0);
    match (panel.state.document.edit_fault(), &region) {
        (Some(fault), _) => check_line::show(ui, Verdict::Conflict, fault),
        (None, Some(region)) => check_line::show(ui, Verdict::Note, &region.sentence(base.spacing_mm)),
        (None, None) => {}
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
        chip::badge(ui, "EDITED REGION", tokens::WARN);
        caption(ui, "Results carry this mark.");
    });
    if let Some(kept) = panel.facts.kept {
        let words = format!("{} of {} pixels outside the region changed.", grouped(kept.changed), grouped(kept.outside));
        check_line::show(ui, if kept.changed == 0 { Verdict::Agrees } else { Verdict::Conflict }, &words);
    }
}
