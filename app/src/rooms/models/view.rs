//! The room: the list of models, the chosen one's card, and the import.

use std::sync::Arc;

use eframe::egui::{
    Align2, Frame, Label, Margin, Panel as Side, Rect, RichText, Role, ScrollArea, Sense, Stroke, TextEdit, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};
use engine::domain::GrayImage;

use super::work::gigabytes;
use super::{Action, Info, Known, Part, info, known};
use crate::action::Action as Any;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip, progress, rule, secondary, section};

/// Side of the image that a test made, in points.
const TEST_SIDE: f32 = 192.0;

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let side = Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(12, 8));
    Side::left("models").exact_size(304.0).resizable(false).frame(side).show(ui, |ui| list(ui, panel));
    Frame::new().inner_margin(Margin::symmetric(20, 12)).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            ui.set_max_width(ui.available_width().min(720.0));
            if panel.state.models.form_open {
                import(ui, panel);
            } else {
                card(ui, panel);
            }
        });
    });
}

fn act(panel: &mut Panel<'_>, action: Action) {
    panel.out.push(Any::Models(action));
}

/// Whether this model makes the images now.
fn is_open(panel: &Panel<'_>, model: &Known, found: Option<&Info>) -> bool {
    let name = panel.state.model.ready().map(|m| m.card().name.as_str());
    panel.state.models.open == *model && name.is_some() && name == found.map(|i| i.name.as_str())
}

fn list(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Models");
    for model in known(panel.state) {
        row(ui, panel, &model);
    }
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        if Push::new("Add a folder…").purpose("Chooses a model folder in the system's dialog").show(ui).clicked() {
            act(panel, Action::Pick);
        }
        let import = Push::new("Import published weights")
            .purpose("Makes a model folder of a released checkpoint, a T5 folder and an autoencoder folder");
        if import.selected(panel.state.models.form_open).show(ui).clicked() {
            act(panel, Action::ToggleForm);
        }
    });
    ui.add_space(4.0);
    if let Some(path) = typed_path(ui, "Model folder path", "") {
        act(panel, Action::Add(path.into()));
    }
    caption(ui, "A folder with a model.toml. Its files stay where they are.");
}

/// A row of the list; also used by the menu of the model chip.
pub fn row(ui: &mut Ui, panel: &mut Panel<'_>, model: &Known) {
    let found = info(panel.state, model).cloned();
    let chosen = panel.state.models.chosen == *model;
    let is_open = is_open(panel, model, found.as_ref());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::click());
    let name = found.as_ref().map_or_else(|| model.title(), |i| i.name.clone());
    let (under, color) = match &found {
        None => ("not looked at yet".to_owned(), tokens::INK3),
        Some(i) if i.problem.is_some() => ("cannot be opened".to_owned(), tokens::ERR),
        Some(i) if is_open => (format!("{} px, open", i.size_px), tokens::INK2),
        Some(i) => (format!("{} px, {:.2} GB", i.size_px, gigabytes(i.num_bytes)), tokens::INK3),
    };
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, format!("Model {name}: {under}")));
    if chosen || response.hovered() {
        ui.painter().rect_filled(rect, 6.0, if chosen { tokens::HOVER } else { tokens::RAISE });
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.text(rect.min + vec2(8.0, 5.0), Align2::LEFT_TOP, &name, text::body(), tokens::INK);
    painter.text(rect.min + vec2(8.0, 24.0), Align2::LEFT_TOP, under, text::caption(), color);
    if response.clicked() {
        act(panel, Action::Choose(model.clone()));
    }
}

/// The list behind the model chip: a click opens a model.
pub fn menu(ui: &mut Ui, panel: &mut Panel<'_>) {
    for model in known(panel.state) {
        row(ui, panel, &model);
        if panel.state.models.chosen == model
            && let Some(found) = info(panel.state, &model).cloned()
        {
            if let Some(problem) = &found.problem {
                caption(ui, problem.as_str());
            } else {
                facts(ui, &found);
            }
            buttons(ui, panel, &model, &found);
            ui.add_space(6.0);
        }
    }
    if Push::new("All about models").purpose("Cards, licences, tests and import").show(ui).clicked() {
        panel.out.push(Any::Shell(crate::shell::Action::Close));
        panel.out.push(Any::OpenRoom(crate::state::Room::Train));
        panel.out.push(Any::Train(crate::rooms::train::Action::Show(crate::rooms::train::Tab::Models)));
    }
}

fn card(ui: &mut Ui, panel: &mut Panel<'_>) {
    let model = panel.state.models.chosen.clone();
    let Some(found) = info(panel.state, &model).cloned() else {
        caption(ui, "The folder is being looked at.");
        return;
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(&found.name).font(text::title()).color(tokens::INK));
        if found.practice {
            chip::badge(ui, "PRACTICE", tokens::WARN);
        }
    });
    if let Some(problem) = &found.problem {
        ui.label(RichText::new(problem).font(text::body()).color(tokens::ERR));
        for file in &found.missing {
            caption(ui, format!("Missing: {file}"));
        }
    } else {
        facts(ui, &found);
    }
    ui.add_space(6.0);
    buttons(ui, panel, &model, &found);
    if panel.state.models.asking.as_ref() == Some(&model) {
        notice(ui, panel, &found);
    }
    match panel.state.models.tested.iter().find(|(k, _)| *k == model).map(|(_, v)| v.clone()) {
        Some(Ok(tested)) => {
            ui.label(RichText::new(&tested.words).font(text::secondary()).color(tokens::OK));
            test_image(ui, panel, &tested.image);
        }
        Some(Err(why)) => {
            ui.label(RichText::new(why).font(text::secondary()).color(tokens::ERR));
        }
        None => {}
    }
    whole_hash(ui, &found);
    rule(ui);
    section(ui, "Licence and origin");
    secondary(ui, if found.notice.is_empty() { "The description says nothing." } else { found.notice.as_str() });
    rule(ui);
    section(ui, "Model card");
    match &found.card {
        Some(words) => super::card::show(ui, words),
        None => {
            caption(ui, "No MODEL_CARD.md lies in the folder, so its training data are not stated here.");
        }
    }
}

/// The image that a test made.
fn test_image(ui: &mut Ui, panel: &mut Panel<'_>, image: &Arc<GrayImage>) {
    let texture = panel.thumbnails.large(ui.ctx(), image);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(TEST_SIDE), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Test image, synthetic"));
    ui.painter().image(texture, rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
    caption(ui, "Synthetic. Made just now, and kept nowhere.");
}

/// The whole hash, to be compared with a published one.
fn whole_hash(ui: &mut Ui, found: &Info) {
    rule(ui);
    section(ui, "Hash of the weights");
    if found.hash.is_empty() {
        secondary(ui, "The description states none; import the model again to get one.");
        return;
    }
    let words = RichText::new(&found.hash).font(text::secondary()).color(tokens::INK2);
    let label = ui.add(Label::new(words).wrap().selectable(true));
    label.on_hover_text("BLAKE3 of the network's file; select it to copy it");
}

fn facts(ui: &mut Ui, found: &Info) {
    let hash: Vec<char> = found.hash.chars().take(16).collect();
    let hash = hash.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
    let hash = if hash.is_empty() { "not stated".to_owned() } else { hash };
    secondary(ui, format!("{}, images of {2} × {2} px, weights {1}", found.kind, hash, found.size_px));
    let memory = match (found.memory, found.free) {
        (Some((peak, turns)), Some(free)) => format!(
            "Memory: {:.2} GB, or {:.2} GB when its parts take turns; {:.1} GB are free. Files: {:.2} GB.",
            gigabytes(peak),
            gigabytes(turns),
            gigabytes(free),
            gigabytes(found.num_bytes)
        ),
        (Some((peak, turns)), None) => {
            format!("Memory: {:.2} GB, or {:.2} GB when its parts take turns.", gigabytes(peak), gigabytes(turns))
        }
        (None, _) => "Memory: not known.".to_owned(),
    };
    secondary(ui, memory);
}

fn buttons(ui: &mut Ui, panel: &mut Panel<'_>, model: &Known, found: &Info) {
    let usable = found.problem.is_none();
    let is_open = is_open(panel, model, Some(found));
    ui.horizontal_wrapped(|ui| {
        let words = if is_open { "Open now" } else { "Open this model" };
        let open = Push::new(words).purpose("Gives the other model's memory back first; open cases stay").primary();
        if open.size(32.0, 0.0).enabled(usable && !is_open).show(ui).clicked() {
            act(panel, Action::Open(model.clone()));
        }
        let testing = panel.state.models.testing.as_ref() == Some(model);
        let words = if testing { "Testing…" } else { "Test" };
        let purpose = if found.has_reference { "Makes its reference image and compares it" } else { "Makes a test image" };
        let test = Push::new(words).name("Test model").purpose(purpose).size(32.0, 0.0);
        if test.enabled(usable && panel.state.models.testing.is_none()).show(ui).clicked() {
            act(panel, Action::Test(model.clone()));
        }
        if let Known::Folder(folder) = model
            && Push::new("Remove from list").purpose("Its files stay").frameless().size(32.0, 0.0).show(ui).clicked()
        {
            act(panel, Action::Remove(folder.clone()));
        }
    });
}

/// Asked once for weights with terms of their own.
fn notice(ui: &mut Ui, panel: &mut Panel<'_>, found: &Info) {
    ui.add_space(6.0);
    Frame::new().fill(tokens::RAISE).stroke(Stroke::new(1.0, tokens::WARN)).corner_radius(8).inner_margin(Margin::same(12)).show(
        ui,
        |ui| {
            ui.label(RichText::new("These weights have terms of their own").font(text::medium()).color(tokens::INK));
            secondary(ui, found.notice.as_str());
            secondary(ui, "Asked once for these weights; the answer is kept in the settings on this computer.");
            ui.horizontal_wrapped(|ui| {
                if Push::new("I have agreed to these terms").purpose("Opens the model").show(ui).clicked() {
                    act(panel, Action::Acknowledge);
                }
                if Push::new("Do not open").frameless().show(ui).clicked() {
                    act(panel, Action::Decline);
                }
            });
        },
    );
}

fn import(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.label(RichText::new("Import published weights").font(text::title()).color(tokens::INK));
    secondary(
        ui,
        "Names, shapes and sizes of all parts are checked before anything is written; one tensor is in memory at a time.",
    );
    ui.add_space(6.0);
    let form = panel.state.models.form.clone();
    for part in Part::ALL {
        let (mut changed, name) = (form.clone(), part.title());
        caption(ui, name);
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 96.0).max(120.0);
            let edit = TextEdit::singleline(changed.of(part)).desired_width(width);
            if ui.add(edit).accessible_name(name).changed() {
                act(panel, Action::SetForm(changed));
            }
            let called = format!("Choose: {name}");
            let choose = Push::new("Choose…").name(&called).purpose("Asks in the system's dialog");
            if choose.show(ui).clicked() {
                act(panel, Action::PickPart(part));
            }
        });
    }
    ui.add_space(6.0);
    if let Some((part, share)) = panel.state.models.import.clone() {
        secondary(ui, format!("{part}, {:.0} %", share * 100.0));
        progress::bar(ui, 320.0, share, "Import progress");
        if Push::new("Stop").name("Stop import").purpose("What is finished is kept").show(ui).clicked() {
            act(panel, Action::StopImport);
        }
    } else {
        let missing = form.missing();
        let purpose = missing.map_or("Begins, or goes on behind the last finished part".to_owned(), |m| format!("Needs {m}"));
        let start = Push::new("Import").purpose(&purpose).primary().size(32.0, 0.0).enabled(missing.is_none());
        if start.show(ui).clicked() {
            act(panel, Action::Import);
        }
    }
}

/// A field that gives its text when Enter is pressed or the focus leaves it.
fn typed_path(ui: &mut Ui, name: &str, hint: &str) -> Option<String> {
    let id = ui.scope_id().with(("path", name));
    let mut words: String = ui.data(|d| d.get_temp(id)).unwrap_or_default();
    let field = TextEdit::singleline(&mut words).id(id.with("edit")).hint_text(if hint.is_empty() { name } else { hint });
    let response = ui.add(field.desired_width(f32::INFINITY)).accessible_name(name);
    if response.lost_focus() && !words.trim().is_empty() {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        return Some(words.trim().to_owned());
    }
    ui.data_mut(|d| d.insert_temp(id, words));
    None
}
