//! The grid on the screen: the two axes left, the cells in the middle, the chosen cell right.

use eframe::egui::{
    Align, Align2, ComboBox, EventFilter, Frame, Id, Key, Label, Layout, Margin, Panel as Side, Rect, RichText, Role, ScrollArea,
    Sense, Stroke, StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::{Action, Axis, Cell, Parameter, Value};
use crate::canvas::picture::letterbox;
use crate::panels::Panel;
use crate::rooms::compare::show::{empty, push as room_push};
use crate::rooms::compare::{Action as RoomAction, grid::Found};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, grouped, progress, rule, secondary, section, section_row, thumbnail};

/// Smallest and largest side of a cell, in points.
const SIDE: (f32, f32) = (96.0, 220.0);
/// Height of the words over columns.
const HEAD: f32 = 24.0;
/// Width of the words before rows.
const ROW_WORDS: f32 = 110.0;

fn push(panel: &mut Panel<'_>, action: Action) {
    room_push(panel, RoomAction::Grid(action));
}

/// The buttons of the room's header, laid out from the right.
pub fn header(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (made, ..) = panel.state.compare.grid.counts();
    let sheet = Push::new("Save sheet").with_icon(Icon::Save).frameless().enabled(made > 0);
    if sheet.purpose("Saves the grid as one PNG, marked as synthetic").show(ui).clicked() {
        push(panel, Action::SaveSheet);
    }
    let table = Push::new("Save table").frameless().enabled(made > 0);
    if table.purpose("Saves the figures of every cell as CSV").show(ui).clicked() {
        push(panel, Action::SaveTable);
    }
}

/// Shows the grid.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let opened = Id::unique("grid was opened");
    if !ui.data(|d| d.get_temp::<bool>(opened)).unwrap_or(false) {
        ui.data_mut(|d| d.insert_temp(opened, true));
        push(panel, Action::Look);
    }
    let side = Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(12, 8));
    let width = if panel.metrics.compact { 256.0 } else { 304.0 };
    Side::left("grid axes").exact_size(width).resizable(false).frame(side).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| axes(ui, panel));
    });
    if let Some(chosen) = panel.state.compare.grid.chosen {
        Side::right("grid cell").exact_size(width).resizable(false).frame(side).show(ui, |ui| {
            ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| detail(ui, panel, chosen));
        });
    }
    cells(ui, panel);
}

fn axes(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Grid");
    let grid = &panel.state.compare.grid;
    let layers = grid.case.as_ref().map_or(0, |c| c.request.annotations.len());
    match &grid.case {
        Some(case) => {
            let words = match layers {
                0 => "no layers".to_owned(),
                1 => "1 layer".to_owned(),
                n => format!("{n} layers"),
            };
            secondary(ui, format!("{}: seed {}, {} steps, {words}.", case.name, case.request.seed.0, case.request.num_steps));
        }
        None => {
            caption(ui, "A grid varies one case. Take the one that is open on the canvas.");
        }
    }
    let take = Push::new("Take the open case").name("Take the open case").with_icon(Icon::Canvas);
    if take.purpose("Text, layers and settings of the canvas become what the grid varies").show(ui).clicked() {
        push(panel, Action::TakeCase);
    }
    rule(ui);
    axis(ui, panel, true, layers);
    ui.add_space(10.0);
    axis(ui, panel, false, layers);
    ui.horizontal(|ui| {
        let swap = Push::new("Swap").with_icon(Icon::Swap).name("Swap across and down");
        if swap.purpose("What goes across goes down").show(ui).clicked() {
            push(panel, Action::SwapAxes);
        }
    });
    rule(ui);
    run(ui, panel);
}

fn axis(ui: &mut Ui, panel: &mut Panel<'_>, across: bool, layers: usize) {
    let grid = &panel.state.compare.grid;
    let Axis { parameter, typed } = if across { grid.x.clone() } else { grid.y.clone() };
    let words = if across { "Across" } else { "Down" };
    ui.label(RichText::new(words).font(text::medium()).color(tokens::INK));
    let choose = ComboBox::from_id_salt(words).width(ui.available_width()).selected_text(parameter.title());
    let response = choose
        .icon(|ui, rect, _, _| Icon::Down.paint(ui.painter(), rect, 14.0, tokens::INK2))
        .show_ui(ui, |ui| {
            for choice in Parameter::all(layers) {
                if ui.selectable_label(choice == parameter, choice.title()).clicked() && choice != parameter {
                    push(panel, Action::SetParameter(across, choice));
                }
            }
        })
        .response;
    response.accessible_name(format!("{words}: what changes"));
    if parameter == Parameter::Nothing {
        return;
    }
    let mut words_typed = typed.clone();
    let edit = TextEdit::multiline(&mut words_typed)
        .id_salt(("grid values", across))
        .desired_rows(if parameter == Parameter::Text { 4 } else { 2 })
        .desired_width(f32::INFINITY)
        .margin(Margin::same(8))
        .hint_text(RichText::new(parameter.example()).color(tokens::INK3));
    let field = ui.add(edit).accessible_name(format!("{words}: values"));
    if field.changed() {
        push(panel, Action::SetTyped(across, words_typed));
    }
    match parameter.parse(&typed) {
        Ok(values) => caption(ui, if values.len() == 1 { "1 value".to_owned() } else { format!("{} values", values.len()) }),
        Err(_) if typed.trim().is_empty() => caption(ui, format!("For example {}", parameter.example())),
        Err(why) => ui.add(Label::new(RichText::new(why).font(text::secondary()).color(tokens::ERR)).wrap()),
    };
}

fn run(ui: &mut Ui, panel: &mut Panel<'_>) {
    let grid = &panel.state.compare.grid;
    let (made, queued, missing) = grid.counts();
    let values = grid.values();
    let total = values.as_ref().map_or(0, |(xs, ys)| xs.len() * ys.len());
    section_row(ui, "Cells", |ui| {
        if let Ok((xs, ys)) = &values {
            caption(ui, format!("{} × {} = {}", xs.len(), ys.len(), grouped(total)));
        }
    });
    if total > 0 && !grid.cells.is_empty() {
        secondary(ui, format!("{made} made, {queued} in the queue, {missing} missing."));
        progress::bar(ui, ui.available_width(), made as f32 / total as f32, "Cells made");
        if missing > 0
            && let Some(secs) = panel.state.last_secs
        {
            caption(ui, format!("About {} for what is missing, at {secs:.1} s an image.", duration(missing as f64 * secs)));
        }
    }
    let plan = grid.plan();
    let (can, why) = match (&plan, panel.state.model.ready().is_some()) {
        (Err(why), _) => (false, why.clone()),
        (Ok(_), false) => (false, "The model is not ready yet.".to_owned()),
        (Ok(_), true) if !grid.cells.is_empty() && missing == 0 => (false, "Every cell is there or in the queue.".to_owned()),
        (Ok(_), true) => (true, "Puts every missing cell into the queue; what was made before is used again.".to_owned()),
    };
    let words = if missing > 0 { format!("Make {} missing", grouped(missing)) } else { "Make the grid".to_owned() };
    ui.add_space(6.0);
    let button = Push::new(&words).name("Make missing cells").primary().size(32.0, ui.available_width()).enabled(can);
    if button.purpose(why.trim_end_matches('.')).show(ui).clicked() {
        push(panel, Action::Run);
    }
    if !can {
        caption(ui, why);
    }
}

fn duration(secs: f64) -> String {
    match secs {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn cells(ui: &mut Ui, panel: &mut Panel<'_>) {
    let whole = ui.available_rect_before_wrap();
    ui.painter().rect_filled(whole, 0.0, tokens::VIEW);
    let Ok((xs, ys)) = panel.state.compare.grid.values() else {
        empty(ui, "One image for every pair of values", "Choose what changes across and down on the left, and type the values.");
        return;
    };
    let words_left = if panel.state.compare.grid.y.parameter == Parameter::Nothing { 0.0 } else { ROW_WORDS };
    let room = vec2(whole.width() - words_left - 24.0, whole.height() - HEAD - 24.0);
    let fitting = (room.x / xs.len() as f32).min(room.y / ys.len() as f32) - 6.0;
    let side = fitting.clamp(SIDE.0, SIDE.1);
    ScrollArea::both().auto_shrink([false, false]).show(ui, |ui| {
        let size = vec2(words_left + xs.len() as f32 * (side + 6.0) + 24.0, HEAD + ys.len() as f32 * (side + 6.0) + 24.0);
        let (area, _) = ui.allocate_exact_size(size.max(vec2(whole.width() - 16.0, 1.0)), Sense::hover());
        let origin = area.min + vec2(12.0 + words_left, 12.0 + HEAD);
        headings(ui, &xs, &ys, origin, side, words_left);
        for index in 0..xs.len() * ys.len() {
            let (column, row) = (index % xs.len(), index / xs.len());
            let corner = origin + vec2(column as f32, row as f32) * (side + 6.0);
            let rect = Rect::from_min_size(corner, Vec2::splat(side));
            if ui.is_rect_visible(rect) {
                cell(ui, panel, index, rect, (&xs[column], &ys[row]), xs.len());
            }
        }
    });
}

fn headings(ui: &Ui, xs: &[Value], ys: &[Value], origin: eframe::egui::Pos2, side: f32, left: f32) {
    let fitted = |words: String, most: f32| {
        let mut words: Vec<char> = words.chars().collect();
        let width =
            |words: &[char]| ui.painter().layout_no_wrap(words.iter().collect(), text::secondary(), tokens::INK2).size().x;
        let mut cut = false;
        while words.len() > 1 && width(&words) > most {
            words.pop();
            cut = true;
        }
        words.into_iter().chain(cut.then_some('…')).collect::<String>()
    };
    for (i, x) in xs.iter().enumerate() {
        let at = origin + vec2((i as f32 + 0.5) * (side + 6.0) - 3.0, -6.0);
        ui.painter().text(at, Align2::CENTER_BOTTOM, fitted(x.title(), side), text::secondary(), tokens::INK2);
    }
    if left > 0.0 {
        for (i, y) in ys.iter().enumerate() {
            let at = origin + vec2(-10.0, (i as f32 + 0.5) * (side + 6.0));
            ui.painter().text(at, Align2::RIGHT_CENTER, fitted(y.title(), left - 16.0), text::secondary(), tokens::INK2);
        }
    }
}

fn cell(ui: &mut Ui, panel: &mut Panel<'_>, index: usize, rect: Rect, values: (&Value, &Value), across: usize) {
    let grid = &panel.state.compare.grid;
    let known = grid.cells.get(index).cloned().unwrap_or_default();
    let chosen = grid.chosen == Some(index);
    let count = grid.cells.len();
    let place = [values.0.title(), values.1.title()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ");
    let word = match &known {
        Cell::Unknown => "not looked up",
        Cell::Missing => "missing",
        Cell::Queued => "in the queue",
        Cell::Made(_) => "made",
    };
    let response = ui.interact(rect, Id::unique(("grid cell", index)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, format!("Cell {place}: {word}")));
    match &known {
        Cell::Made(found) => match &found.thumb {
            Some(thumb) => {
                let texture = panel.thumbnails.get(ui.ctx(), thumb);
                let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().image(texture, letterbox(rect, thumb), uv, tokens::AS_IS);
                if let Some(adherence) = found.row.adherence {
                    let at = rect.right_bottom() + vec2(-4.0, -4.0);
                    let words = format!("{adherence:.2}");
                    crate::canvas::overlay::tag(
                        ui.painter(),
                        at,
                        Align2::RIGHT_BOTTOM,
                        &words,
                        tokens::INK,
                        text::caption(),
                        rect,
                    );
                }
            }
            None => {
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, "no small picture", text::caption(), tokens::INK3);
            }
        },
        other => {
            thumbnail::empty(ui, rect);
            let words = if matches!(other, Cell::Queued) { "in the queue" } else { "missing" };
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, text::caption(), tokens::INK3);
        }
    }
    if chosen {
        ui.painter().rect_stroke(rect, 2.0, Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
    } else if response.hovered() {
        ui.painter().rect_stroke(rect, 2.0, Stroke::new(1.0, tokens::INK3), StrokeKind::Outside);
    }
    if response.clicked() {
        push(panel, Action::Choose(Some(index)));
    }
    if response.double_clicked() && matches!(known, Cell::Made(_)) {
        push(panel, Action::AddCell(index));
    }
    if response.has_focus() {
        keys(ui, panel, index, across, count, response.id);
    }
}

/// Arrows go from cell to cell.
fn keys(ui: &Ui, panel: &mut Panel<'_>, index: usize, across: usize, count: usize, id: Id) {
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(id, arrows));
    let by = ui.input(|i| {
        let key = |key| isize::from(i.key_pressed(key));
        (key(Key::ArrowRight) - key(Key::ArrowLeft)) + across as isize * (key(Key::ArrowDown) - key(Key::ArrowUp))
    });
    let to = index.saturating_add_signed(by);
    if by != 0 && to < count {
        push(panel, Action::Choose(Some(to)));
        ui.memory_mut(|m| m.request_focus(Id::unique(("grid cell", to))));
    }
}

fn detail(ui: &mut Ui, panel: &mut Panel<'_>, index: usize) {
    let Ok((xs, ys)) = panel.state.compare.grid.values() else { return };
    if index >= xs.len() * ys.len() {
        return;
    }
    section_row(ui, "Cell", |ui| {
        if Push::icon(Icon::Cross, "Close the cell").size(22.0, 22.0).icon_size(13.0).show(ui).clicked() {
            push(panel, Action::Choose(None));
        }
    });
    let grid = &panel.state.compare.grid;
    for (axis, value) in [(&grid.x, &xs[index % xs.len()]), (&grid.y, &ys[index / xs.len()])] {
        if axis.parameter != Parameter::Nothing {
            row(ui, &axis.parameter.title(), value.title());
        }
    }
    rule(ui);
    let Some(Cell::Made(found)) = grid.cells.get(index).cloned() else {
        caption(ui, "This cell was not made yet; its figures come with its image.");
        return;
    };
    if let Some(thumb) = &found.thumb {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(ui.available_width()), Sense::hover());
        let texture = panel.thumbnails.get(ui.ctx(), thumb);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture, letterbox(rect, thumb), uv, tokens::AS_IS);
    }
    figures(ui, &found);
    ui.add_space(6.0);
    ui.horizontal_wrapped(|ui| {
        let add = Push::new("Add to pictures").with_icon(Icon::Compare);
        if add.purpose("Shows it beside others at full size; a double click does it too").show(ui).clicked() {
            push(panel, Action::AddCell(index));
        }
        if Push::new("Open on the canvas").purpose("Brings its text, layers and settings back").show(ui).clicked() {
            push(panel, Action::Restore(index));
        }
    });
}

fn figures(ui: &mut Ui, found: &Found) {
    row(ui, "Run", found.row.id.to_string());
    row(ui, "Seed", found.row.seed.to_string());
    row(ui, "Time", format!("{:.1} s", found.row.secs));
    for measure in &found.row.measures {
        let value = measure.value.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
        row(ui, &format!("Layer {} {}", measure.layer, measure.finding.code()), value);
    }
}

fn row(ui: &mut Ui, words: &str, value: String) {
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
            ui.add(Label::new(RichText::new(value).font(text::medium()).color(tokens::INK)).wrap());
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_that_fits() {
        assert_eq!([5.0, 600.0, 9000.0].map(duration), ["5 s", "10 min", "2.5 h"]);
    }
}
