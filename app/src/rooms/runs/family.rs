//! The family of a run as a line with branches; every node can be pressed.

use eframe::egui::{Align2, Pos2, Role, Sense, Shape, Stroke, Ui, WidgetInfo, epaint::CubicBezierShape, pos2, vec2};

use super::action::Action;
use super::state::Pick;
use crate::action::Action as Any;
use crate::library::lineage::Lineage;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::caption;

/// Height of a node's row.
const ROW: f32 = 26.0;
/// Width of a lane.
const LANE: f32 = 16.0;
/// Lanes that are drawn apart at most.
const LANES: usize = 6;

/// Shows the family.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, family: &Lineage) {
    if family.nodes.len() < 2 {
        caption(ui, "Alone so far: forks, twins, variants and edits of it will stand here.");
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let lanes = family.nodes.iter().map(|n| n.lane.min(LANES - 1)).max().unwrap_or(0) + 1;
    let mut places: Vec<(i64, Pos2)> = Vec::new();
    for node in &family.nodes {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
        let here = node.id == family.of;
        let name = format!("Run {}, seed {}, {}", node.id, node.seed, node.words);
        response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, here, &name));
        let at = pos2(rect.left() + 8.0 + node.lane.min(LANES - 1) as f32 * LANE, rect.center().y);
        let painter = ui.painter();
        if response.hovered() {
            painter.rect_filled(rect.expand2(vec2(4.0, 0.0)), 4, tokens::HOVER);
        }
        let from = node.parent.and_then(|p| places.iter().find(|(id, _)| *id == p)).map(|(_, at)| *at);
        if let Some(from) = from {
            painter.add(link(from, at));
        }
        places.push((node.id, at));
        let (font, ink) = if here { (text::medium(), tokens::INK) } else { (text::secondary(), tokens::INK2) };
        let ink = if node.rejected { tokens::alpha(ink, 0.6) } else { ink };
        let x = rect.left() + 14.0 + lanes as f32 * LANE;
        let number = painter.text(pos2(x, at.y), Align2::LEFT_CENTER, node.id.to_string(), font.clone(), ink);
        let mut job = eframe::egui::text::LayoutJob::simple_singleline(format!("{}, {}", node.seed, node.words), font, ink);
        job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(rect.right() - number.right() - 10.0);
        let words = painter.layout_job(job);
        painter.galley(pos2(number.right() + 10.0, at.y - words.size().y * 0.5), words, ink);
        let clicked = response.clicked();
        response.on_hover_text(name);
        if clicked && !here {
            panel.out.push(Any::Runs(Action::Choose(node.id, Pick::Only)));
        }
    }
    // Above the lines, so that they end at the rings.
    for (id, at) in &places {
        if *id == family.of {
            ui.painter().circle_filled(*at, 5.5, tokens::INK);
        } else {
            ui.painter().circle(*at, 4.5, tokens::BG, Stroke::new(1.5, tokens::INK2));
        }
    }
    if family.more > 0 {
        ui.add_space(4.0);
        caption(ui, format!("{} more are not shown.", family.more));
    }
}

/// A straight line in the same lane, else a bow into the other one.
fn link(from: Pos2, to: Pos2) -> Shape {
    let stroke = Stroke::new(1.5, tokens::INK3);
    if (from.x - to.x).abs() < 0.5 {
        return Shape::line_segment([from, to], stroke);
    }
    let half = (to.y - from.y).min(ROW) * 0.75;
    let bow = [from, pos2(from.x, from.y + half), pos2(to.x, to.y - half), to];
    Shape::CubicBezier(CubicBezierShape::from_points_stroke(bow, false, tokens::NONE, stroke))
}
