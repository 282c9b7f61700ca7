//! Small parts of the room: path fields, tabs, a placement on its guide.

use std::path::{Path, PathBuf};

use eframe::egui::{Align2, Mesh, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, pos2, vec2};

use engine::domain::{PixelBlock, outline};

use super::action::Action;
use super::state::{Example, Field, Page};
use super::work::EXAMPLE_PX;
use crate::action::Action as Act;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
pub(super) use crate::widgets::entry::{line as text_field, tick};
use crate::widgets::{Push, path};

/// Sends an action of the room.
pub(super) fn push(panel: &mut Panel<'_>, action: Action) {
    panel.out.push(Act::DataSets(action));
}

/// A path that is typed, or chosen in the system's dialog.
pub(super) fn path_field(ui: &mut Ui, panel: &mut Panel<'_>, field: Field, name: &str, current: &Path) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::hover());
    let button = Rect::from_min_max(pos2(rect.right() - 26.0, rect.top()), rect.max);
    let words = Rect::from_min_max(rect.min, pos2(button.left() - 4.0, rect.bottom()));
    let typed = path::line(&mut ui.new_child(UiBuilder::new().max_rect(words)), name, &current.display().to_string());
    if let Some(words) = typed {
        push(panel, Action::SetPath(field, PathBuf::from(words.trim())));
    }
    let called = format!("Browse: {name}");
    let browse = Push::icon(Icon::Folder, &called).purpose("Asks in the system's dialog");
    if browse.size(26.0, 26.0).icon_size(15.0).show(&mut ui.new_child(UiBuilder::new().max_rect(button))).clicked() {
        push(panel, Action::Browse(field));
    }
}

/// The tabs above the middle.
pub(super) fn tabs(ui: &mut Ui, panel: &mut Panel<'_>) {
    let page = panel.state.data_sets.page;
    ui.horizontal(|ui| {
        for (this, words, purpose) in [
            (Page::Plan, "Plan", "Coverage, examples and warnings, before anything is sampled"),
            (Page::Images, "Images", "What became of each image, with verdicts and reasons"),
            (Page::Collected, "Collected", "Runs that were put together by hand, to be exported as a set"),
        ] {
            if Push::new(words).purpose(purpose).frameless().selected(page == this).show(ui).clicked() {
                push(panel, Action::SetPage(this));
            }
        }
    });
}

/// A placement on the outlines of its lungs, with the side letters of the picture.
pub(super) fn placement(ui: &Ui, rect: Rect, example: &Example) {
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, 2.0, tokens::VIEW);
    let scale = rect.width() / EXAMPLE_PX as f32;
    let at = |p: &(f32, f32)| -> Pos2 { rect.min + vec2(p.0, p.1) * scale };
    for lung in &example.lungs {
        let mut points: Vec<Pos2> = lung.iter().map(at).collect();
        points.extend(points.first().copied());
        painter.extend(Shape::dashed_line(&points, Stroke::new(1.0, tokens::alpha(tokens::GUIDE, 0.7)), 3.0, 3.0));
    }
    for (finding, mask) in &example.regions {
        let color = tokens::class(*finding);
        let width = mask.width() as usize;
        // One mesh, so that rows meet without seams.
        let mut fill = Mesh::default();
        for y in 0..mask.height() {
            let row = &mask.bits()[y as usize * width..(y as usize + 1) * width];
            let mut x = 0;
            while x < width {
                let run = row[x..].iter().take_while(|&&bit| bit == row[x]).count();
                if row[x] != 0 {
                    let (a, b) = (at(&(x as f32, y as f32)), at(&((x + run) as f32, y as f32 + 1.0)));
                    fill.add_colored_rect(Rect::from_min_max(a, b), tokens::alpha(color, 0.26));
                }
                x += run;
            }
        }
        painter.add(Shape::mesh(fill));
        let whole = PixelBlock { x0: 0, y0: 0, x1: mask.width(), y1: mask.height() };
        for line in outline(mask, &whole) {
            let points: Vec<Pos2> = line.iter().map(at).collect();
            painter.add(Shape::line(points.clone(), Stroke::new(3.0, tokens::CASING)));
            painter.add(Shape::line(points, Stroke::new(1.4, color)));
        }
    }
    let letter = |x: f32, align: Align2, words: &str| {
        painter.text(pos2(x, rect.top() + 3.0), align, words, text::caption(), tokens::INK3);
    };
    letter(rect.left() + 4.0, Align2::LEFT_TOP, "R");
    letter(rect.right() - 4.0, Align2::RIGHT_TOP, "L");
    painter.rect_stroke(rect, 2.0, Stroke::new(1.0, tokens::LINE), StrokeKind::Inside);
}
