//! The set of runs that a person put together: its page, its export, and what changes it.

use std::sync::Arc;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, Vec2, pos2, vec2};
use engine::store::record::Tier;

use super::action::Action;
use super::draw::{path_field, push, tabs, text_field, tick};
use super::reduce::{edit, note, with_path};
use super::state::{Field, Page};
use super::work::Work;
use crate::action::Effect;
use crate::dataset::collect::{Change, Collection, merged};
use crate::dataset::coverage::{Axis, Matrix};
use crate::dataset::export::{self, datasheet};
use crate::dataset::recipe::{Recipe, Who};
use crate::panels::Panel;
use crate::rooms::models;
use crate::state::{Level, State};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, field, grouped, rule, secondary, section, thumbnail};

/// Side of a picture.
const SIDE: f32 = 132.0;
/// Height of a picture with its words.
const HEIGHT: f32 = SIDE + 50.0;
const GAP: f32 = 8.0;
/// Sentences that are shown.
const SHOWN: usize = 6;

/// Takes the list as it is now.
pub(super) fn arrived(state: &mut State, collection: Collection) {
    let room = &mut state.data_sets;
    if collection.added > 0 {
        let n = collection.added;
        let runs = if n == 1 { "1 run is".to_owned() } else { format!("{} runs are", grouped(n)) };
        state.messages.push(Level::Done, format!("{runs} in the collected set now."));
    }
    room.collected = Arc::new(collection);
}

/// Makes a table of the collected patients; the recipe places and makes them anew.
pub(super) fn as_rows(state: &mut State) -> Vec<Effect> {
    let rows: Vec<_> = state.data_sets.collected.runs.iter().map(|run| merged(&run.item.row)).collect();
    if rows.is_empty() {
        note(state, "The collected set is empty; choose runs in the Runs room and press To data set.");
        return Vec::new();
    }
    let room = &mut state.data_sets;
    room.page = Page::Plan;
    let who = Who { quotas: None, table: Some(rows) };
    let recipe = Recipe { who, ..room.recipe.clone() };
    edit(room, recipe)
}

/// Exports the collected runs.
pub(super) fn export_collected(state: &mut State) -> Vec<Effect> {
    let room = &state.data_sets;
    let runs = &room.collected.runs;
    if runs.is_empty() {
        note(state, "The collected set is empty; choose runs in the Runs room and press To data set.");
        return Vec::new();
    }
    let items: Vec<export::Item> = runs.iter().map(|run| run.item.clone()).collect();
    let mut made_by: Vec<&(String, String)> = runs.iter().map(|run| &run.model).collect();
    made_by.sort();
    made_by.dedup();
    let practice = models::info(state, &models::Known::Practice).map(|info| info.name.as_str());
    let who = Who { quotas: None, table: Some(items.iter().map(|item| item.row.clone()).collect()) };
    let facts = datasheet::Facts {
        recipe: Recipe { name: room.collected_name.clone(), who, ..Recipe::default() },
        collected: true,
        practice: made_by.iter().all(|(name, _)| Some(name.as_str()) == practice),
        model: made_by.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
        model_hash: made_by.iter().map(|(_, hash)| hash.as_str()).collect::<Vec<_>>().join(", "),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        planned: items.len(),
        set_aside: Vec::new(),
        near_duplicates: None,
        gaps: Vec::new(),
    };
    let plan = Box::new(export::Plan { items, facts, tells: room.tells, shards: room.shards });
    with_path(state, Field::Export, |path| Work::Export(path, plan, Arc::default()))
}

/// The page: every run with its picture.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    tabs(ui, panel);
    let room = &panel.state.data_sets;
    let collected = Arc::clone(&room.collected);
    for why in collected.unreadable.iter().take(SHOWN) {
        check_line::show(ui, crate::checks::Verdict::Conflict, &format!("Not exported. {why}"));
    }
    if collected.runs.is_empty() {
        caption(ui, "Choose runs in the Runs room and press To data set; they are kept here until you take them out.");
        return;
    }
    ui.add_space(4.0);
    let across = ((ui.available_width() + GAP) / (SIDE + GAP)).floor().max(1.0) as usize;
    let rows = collected.runs.len().div_ceil(across);
    let (mut wanted, mut gone) = (Vec::new(), None);
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    ScrollArea::vertical().id_salt("collected").auto_shrink([false, false]).show_rows(ui, HEIGHT, rows, |ui, visible| {
        for row in visible {
            ui.horizontal_top(|ui| {
                for run in collected.runs.iter().skip(row * across).take(across) {
                    let (rect, _) = ui.allocate_exact_size(vec2(SIDE, HEIGHT), Sense::hover());
                    let picture = Rect::from_min_size(rect.min, Vec2::splat(SIDE));
                    let found = match room.thumbs.get(&run.id) {
                        Some(found) => found.as_ref(),
                        None => {
                            wanted.push(run.id);
                            None
                        }
                    };
                    let texture = found.map(|image| panel.thumbnails.get(ui.ctx(), image));
                    let title = run.item.row.title();
                    let name = format!("Collected run {}: {title}", run.id);
                    thumbnail::at(ui, picture, texture, false, &format!("collected {}", run.id), &name)
                        .on_hover_text(&run.item.row.impression);
                    let at = Rect::from_min_size(picture.right_top() + vec2(-26.0, 2.0), Vec2::splat(24.0));
                    ui.painter().rect_filled(at.shrink(2.0), 4.0, tokens::TAG);
                    let mut corner = ui.new_child(eframe::egui::UiBuilder::new().max_rect(at));
                    let called = format!("Take run {} out", run.id);
                    let out = Push::icon(Icon::Cross, &called).purpose("The library keeps it");
                    if out.size(24.0, 24.0).icon_size(13.0).show(&mut corner).clicked() {
                        gone = Some(run.id);
                    }
                    let painter = ui.painter().with_clip_rect(rect);
                    let line = |y: f32, words: String, color| {
                        painter.text(pos2(rect.left(), picture.bottom() + y), Align2::LEFT_TOP, words, text::caption(), color);
                    };
                    let adherence = run.item.adherence.map_or_else(String::new, |a| format!(", {a:.2}"));
                    line(3.0, format!("Run {}{adherence}", run.id), tokens::INK2);
                    let mut job = LayoutJob::simple(title, text::caption(), tokens::INK3, SIDE);
                    job.wrap = TextWrapping { max_width: SIDE, max_rows: 2, ..TextWrapping::default() };
                    painter.galley(pos2(rect.left(), picture.bottom() + 18.0), painter.layout_job(job), tokens::INK3);
                }
            });
        }
    });
    if !wanted.is_empty() {
        push(panel, Action::ShowRuns(wanted));
    }
    if let Some(id) = gone {
        push(panel, Action::Collect(Change::Remove(vec![id])));
    }
}

/// The panel at the right of the page.
pub(super) fn side(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.data_sets;
    let collected = Arc::clone(&room.collected);
    let n = collected.runs.len();
    let (tells, shards, path, free) = (room.tells, room.shards, room.paths.export.clone(), room.busy.is_none());
    section(ui, "Collected set");
    let name = room.collected_name.clone();
    if let Some(name) = text_field(ui, "Name of the collected set", "Name", &name) {
        push(panel, Action::NameCollected(name));
    }
    secondary(ui, if n == 1 { "1 run".to_owned() } else { format!("{} runs", grouped(n)) });
    let matrix = Matrix::of(collected.runs.iter().map(|run| &run.item.row), Axis::Side);
    for (i, class) in matrix.classes.iter().enumerate() {
        caption(ui, format!("{}: {}", class.title(), grouped(matrix.row_sum(i))));
    }
    ui.horizontal_wrapped(|ui| {
        let rows = Push::new("Rows of the recipe").name("Collected runs as rows of the recipe");
        let rows = rows.purpose("A table of these patients and findings, to be placed and made anew; undo brings yours back");
        if rows.enabled(n > 0).show(ui).clicked() {
            push(panel, Action::CollectedAsRows);
        }
        let clear = Push::new("Clear").name("Clear the collected set").purpose("Takes all runs out; the library keeps them");
        if clear.frameless().enabled(n > 0 || !collected.unreadable.is_empty()).show(ui).clicked() {
            push(panel, Action::Collect(Change::Clear));
        }
    });
    rule(ui);
    section(ui, "Export");
    path_field(ui, panel, Field::Export, "Export folder path", &path);
    if let Some(tells) = field::choice(ui, "What images tell", ui.available_width(), tells, &Tier::ALL, Tier::title) {
        push(panel, Action::SetTells(tells));
    }
    if let Some(on) = tick(ui, "Also tar shards", "Archives of 500 images each, for loaders that read streams.", shards) {
        push(panel, Action::SetShards(on));
    }
    let words = if n == 1 { "Export 1 image".to_owned() } else { format!("Export {} images", grouped(n)) };
    let button = Push::new(&words).name("Export collected set").enabled(n > 0 && free);
    let button = button.purpose("Images, masks, COCO, YOLO, manifest, contact sheet and datasheet, whole or not at all");
    if button.show(ui).clicked() {
        push(panel, Action::ExportCollected);
    }
    caption(ui, "Always with a datasheet. Image left is the patient's right.");
}
