//! Left: the recipe.

use eframe::egui::Ui;

use super::action::Action;
use super::draw::{path_field, push, text_field, tick};
use super::people;
use super::state::Field;
use crate::dataset::recipe::{Body, Recipe, Source};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::widgets::{Push, caption, field, rule, scroll, secondary, section, section_row};

/// Height of fields.
pub(super) const FIELD: f32 = 28.0;

/// Shows the form.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    scroll::panel(ui, "form", |ui| {
        ui.add_space(4.0);
        let mut recipe = panel.state.data_sets.recipe.clone();
        file(ui, panel, &mut recipe);
        rule(ui);
        people::show(ui, panel, &mut recipe);
        rule(ui);
        place(ui, panel, &mut recipe);
        rule(ui);
        how(ui, &mut recipe);
        ui.add_space(12.0);
        if recipe != panel.state.data_sets.recipe {
            push(panel, Action::Edit(Box::new(recipe)));
        }
    });
}

fn file(ui: &mut Ui, panel: &mut Panel<'_>, recipe: &mut Recipe) {
    let can_undo = !panel.state.data_sets.past.is_empty();
    section_row(ui, "Recipe", |ui| {
        let undo = Push::icon(Icon::Undo, "Undo recipe change").purpose("Takes the last change of the recipe back");
        if undo.enabled(can_undo).size(20.0, 20.0).show(ui).clicked() {
            push(panel, Action::UndoEdit);
        }
    });
    if let Some(name) = text_field(ui, "Data set name", "Name", &recipe.name) {
        recipe.name = name;
    }
    field::number(ui, "Recipe seed", "Recipe seed", &mut recipe.seed, 0..=u64::from(u32::MAX), 0.5, 0, FIELD)
        .on_hover_text("All chance of the data set follows from it: the same recipe and weights give the same images.");
    let path = panel.state.data_sets.paths.recipe.clone();
    path_field(ui, panel, Field::Recipe, "Recipe file path", &path);
    ui.horizontal(|ui| {
        if Push::new("Open recipe").with_icon(Icon::Folder).purpose("Reads the recipe file").show(ui).clicked() {
            push(panel, Action::OpenRecipe);
        }
        if Push::new("Save recipe").with_icon(Icon::Save).purpose("Writes the recipe as JSON").show(ui).clicked() {
            push(panel, Action::SaveRecipe);
        }
    });
}

fn place(ui: &mut Ui, panel: &mut Panel<'_>, recipe: &mut Recipe) {
    section(ui, "Where");
    let place = &mut recipe.place;
    if let Some(source) = field::choice(ui, "Source of regions", ui.available_width(), place.source, &Source::ALL, Source::title)
    {
        place.source = source;
    }
    match place.source {
        Source::Sampled => {
            if let Some(varied) = tick(
                ui,
                "Another chest for each row",
                "Regions fit a different drawn chest in each row; off: always the chest of the anatomy guide.",
                place.body == Body::Varied,
            ) {
                place.body = if varied { Body::Varied } else { Body::Average };
            }
            caption(ui, "Sampled inside the lungs of a drawn chest; side, zone and size as asked.");
        }
        Source::Drawn => {
            secondary(
                ui,
                match place.drawn.len() {
                    0 => "No layer is taken yet.".to_owned(),
                    1 => "One layer is taken.".to_owned(),
                    n => format!("{n} layers are taken."),
                },
            );
            caption(ui, "A layer of the other side is mirrored.");
        }
        Source::Folder => {
            let path = place.folder.clone();
            path_field(ui, panel, Field::Masks, "Folder of masks path", &path);
            caption(ui, "PNG masks in folders named after findings, or files that begin with the finding.");
        }
        Source::Text => {
            caption(ui, "The text alone decides where findings lie.");
        }
    }
    let take = Push::new("Take layers of the open case").purpose("Copies visible masks and boxes of the canvas into the recipe");
    if take.show(ui).clicked() {
        push(panel, Action::TakeLayers);
    }
}

fn how(ui: &mut Ui, recipe: &mut Recipe) {
    section(ui, "How");
    let how = &mut recipe.how;
    if let Some(own) = tick(ui, "Own sampler settings", "Off: the model's natural steps and guidance.", how.steps.is_some()) {
        (how.steps, how.guidance) = if own { (Some(25), Some(2.0)) } else { (None, None) };
    }
    if let Some(steps) = &mut how.steps {
        field::number(ui, "Steps", "Data set steps", steps, 1..=1000, 0.3, 0, FIELD);
    }
    if let Some(guidance) = &mut how.guidance {
        field::number(ui, "Guidance", "Data set guidance", guidance, 0.0..=30.0, 0.02, 2, FIELD);
    }
    field::number(ui, "Control strength", "Data set control strength", &mut how.strength, 0.0..=2.0, 0.01, 2, FIELD);
    field::number(ui, "Seeds per row", "Seeds per row", &mut how.seeds_per_row, 1..=64, 0.1, 0, FIELD);
    if let Some(twins) = tick(
        ui,
        "Twins without the finding",
        "Each image with a finding gets a second one from the same seed, without region and finding.",
        how.twins,
    ) {
        how.twins = twins;
    }
    if let Some(best) = tick(ui, "Keep the best of each row", "By adherence, once it is measured.", how.keep_best) {
        how.keep_best = best;
    }
    if let Some(below) = tick(
        ui,
        "Retry below an adherence",
        "Images whose adherence is lower are set aside and tried from another seed.",
        how.below.is_some(),
    ) {
        how.below = below.then_some(0.5);
    }
    if let Some(below) = &mut how.below {
        field::number(ui, "Least adherence", "Least adherence", below, 0.0..=1.0, 0.01, 2, FIELD);
        field::number(ui, "Retries", "Retries of an image", &mut how.retries, 0..=16, 0.1, 0, FIELD);
    }
    if let Some(check) = tick(
        ui,
        "Refuse sides that disagree",
        "Rows whose text and region name different sides are refused, images that do so set aside.",
        how.check_sides,
    ) {
        how.check_sides = check;
    }
}
