//! What the model sees: the condition picture, what the autoencoder leaves of it, and the text as it is read.

use std::sync::Arc;

use eframe::egui::{CornerRadius, Label, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2};
use engine::domain::GrayImage;

use super::Panel;
use crate::action::Action;
use crate::checks::Verdict;
use crate::insight::{self, Trip};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, section_row};

/// Kept contrast of thin lines below which a sentence warns.
const THIN_WARNS: f32 = 0.6;
/// Kept contrast of everything drawn below which a sentence warns.
const ALL_WARNS: f32 = 0.75;

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let size = panel.state.model.ready().map_or(panel.state.document.size_px, |m| m.card().size_px);
    section_row(ui, "What the model sees", |ui| {
        caption(ui, format!("{size} × {size}"));
    });
    text_as_read(ui, panel);
    let Some(condition) = panel.condition.clone() else {
        let words = if panel.state.document.annotations().is_empty() {
            "Nothing is drawn: the text alone decides."
        } else {
            "Shown as soon as the model is ready."
        };
        caption(ui, words);
        return;
    };
    let large = panel.state.insight.enlarged;
    let gap = 8.0;
    let side = if large { ui.available_width() } else { ((ui.available_width() - gap) * 0.5).floor().min(140.0) };
    let after = match &panel.insight.trip {
        Trip::Ready { after, .. } => Some(Arc::clone(after)),
        _ => None,
    };
    let mut pictures = |ui: &mut Ui| {
        picture(ui, panel, Some(&condition), side, "Condition", "The condition picture: each class has its grey");
        picture(
            ui,
            panel,
            after.as_ref(),
            side,
            "After the autoencoder",
            "What the autoencoder leaves of it; the network gets no more",
        );
    };
    if large {
        ui.vertical(&mut pictures);
    } else {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            pictures(ui);
        });
    }
    trip(ui, panel, size);
}

fn picture(ui: &mut Ui, panel: &mut Panel<'_>, image: Option<&Arc<GrayImage>>, side: f32, title: &str, about: &str) {
    ui.vertical(|ui| {
        ui.set_width(side);
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
        let large = panel.state.insight.enlarged;
        let name = format!("{title}, {}", if large { "make small" } else { "enlarge" });
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, large, &name));
        ui.painter().rect_filled(rect, 2.0, tokens::VIEW);
        match image {
            Some(image) => {
                let texture = panel.thumbnails.large(ui.ctx(), image);
                ui.painter().image(texture, rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
            }
            None => crate::widgets::thumbnail::empty(ui, rect.shrink(1.0)),
        }
        if response.hovered() {
            ui.painter().rect_stroke(rect, CornerRadius::same(2), Stroke::new(1.0, tokens::INK3), StrokeKind::Outside);
        }
        if response.on_hover_text(format!("{about}. Click to {}.", if large { "make it small" } else { "enlarge" })).clicked() {
            panel.out.push(Action::Insight(insight::Action::ToggleEnlarged));
        }
        caption(ui, title);
    });
}

/// What became of the round trip, in a sentence.
fn trip(ui: &mut Ui, panel: &mut Panel<'_>, size: u32) {
    match &panel.insight.trip {
        Trip::None => {}
        Trip::Busy => {
            caption(ui, "The autoencoder is at work…");
        }
        Trip::AfterRun => {
            caption(ui, "The autoencoder's part is computed after this run.");
        }
        Trip::Unknown => {
            caption(ui, "This model does not tell what its autoencoder leaves.");
        }
        Trip::Failed(why) => check_line::show(ui, Verdict::Conflict, why),
        Trip::OnDemand(took) => {
            let label = match took {
                Some(took) => format!("Show it (about {:.0} s)", took.as_secs_f32().max(1.0)),
                None => "Show it".to_owned(),
            };
            let push = Push::new(&label)
                .name("Show the round trip")
                .purpose("Sends the picture through the autoencoder; with a large model this takes a while");
            if push.show(ui).clicked() {
                panel.out.push(Action::Insight(insight::Action::AskRoundTrip));
            }
        }
        Trip::Ready { survival: None, .. } => {
            caption(ui, "Nothing is drawn in it.");
        }
        Trip::Ready { survival: Some(left), .. } => {
            let wide = (3.0 * size as f32 / 256.0).ceil() as u32 + 1;
            let percent = |share: f32| (100.0 * share).round();
            match left.thin_kept {
                Some(thin) if thin < THIN_WARNS && left.thin_share > 0.02 => check_line::show(
                    ui,
                    Verdict::Conflict,
                    &format!(
                        "Thin parts lose {} % of their contrast in the autoencoder; draw them {wide} px wide or more.",
                        percent(1.0 - thin)
                    ),
                ),
                _ if left.kept < ALL_WARNS => check_line::show(
                    ui,
                    Verdict::Conflict,
                    &format!("The autoencoder loses {} % of the drawn contrast; draw larger shapes.", percent(1.0 - left.kept)),
                ),
                _ => {
                    caption(ui, format!("{} % of the drawn contrast is left after the autoencoder.", percent(left.kept)));
                }
            }
        }
    }
}

/// The text as the model reads it, where cleaning changed more than letters' case.
fn text_as_read(ui: &mut Ui, panel: &Panel<'_>) {
    let document = &panel.state.document;
    if document.impression.trim().is_empty() {
        return;
    }
    let full = document.full_impression();
    let cut = panel.tokens.and_then(|t| t.cut_at).filter(|&at| full.is_char_boundary(at));
    let read = match &panel.insight.cleaned {
        Some(cleaned) => cleaned.text.clone(),
        None => full[..cut.unwrap_or(full.len())].to_owned(),
    };
    let lost = panel.insight.cleaned.as_ref().is_some_and(|c| !c.lost.is_empty());
    if !lost && cut.is_none() {
        return;
    }
    let mut words = RichText::new(format!("Read as: {read}")).font(text::secondary()).color(tokens::INK2);
    if read.is_empty() {
        words = RichText::new("Nothing of the text is read.").font(text::secondary()).color(tokens::INK2);
    }
    ui.add(Label::new(words).wrap());
    if let Some(at) = cut {
        let rest = RichText::new(format!("Cut off: {}", full[at..].trim())).font(text::secondary()).color(tokens::INK3);
        ui.add(Label::new(rest).wrap());
    }
    ui.add_space(2.0);
}
