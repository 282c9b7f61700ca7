//! The datasheet: what a data set is, how it was made, and what it must not be used for.

use std::fmt::Write as _;

use engine::store::record::Tier;

use super::Item;
use crate::dataset::coverage::{Axis, Matrix};
use crate::dataset::duplicates;
use crate::dataset::recipe::{Recipe, Source};
use crate::dataset::row::{Class, Row};

/// What the datasheet tells besides the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The recipe.
    pub recipe: Recipe,
    /// Name of the model.
    pub model: String,
    /// Hash of the model.
    pub model_hash: String,
    /// Whether its images were put together by hand from runs of many settings; then the recipe is a table of them.
    pub collected: bool,
    /// Whether it is the practice model.
    pub practice: bool,
    /// Version of the studio.
    pub version: String,
    /// Images that were planned.
    pub planned: usize,
    /// Images that were set aside, with the reason and how often it was given.
    pub set_aside: Vec<(String, usize)>,
    /// Pairs of accepted images that are nearly the same.
    pub near_duplicates: Option<usize>,
    /// Cells in which fewer images were accepted than planned.
    pub gaps: Vec<String>,
}

/// The datasheet as Markdown.
pub fn markdown(facts: &Facts, items: &[Item], tells: Tier) -> String {
    let recipe = &facts.recipe;
    let mut out = String::new();
    let mut say = |text: String| {
        let _written = writeln!(out, "{text}");
    };
    say(format!("# Datasheet: {}\n", recipe.name));
    say("**Every image is synthetic. No image shows a patient. Not for diagnosis.**\n".to_owned());
    say("## What it is\n".to_owned());
    say(format!("- Images: {} of {} planned, 16-bit grey PNG.", items.len(), facts.planned));
    let twins = items.iter().filter(|item| item.case.twin).count();
    if twins > 0 {
        say(format!("- Twins without their finding, from the same seeds: {twins} of them."));
    }
    if facts.collected {
        say(format!(
            "- Put together by a person in ChexGen Studio {} from runs of its library, so it is no sample of any plan.",
            facts.version
        ));
    } else {
        say(format!("- Made by ChexGen Studio {} from the recipe {} (BLAKE3 {}).", facts.version, recipe.tag(), recipe.hash()));
        say(format!("- All chance follows from the seed {}; the same recipe and weights give the same set.", recipe.seed));
    }
    say("\n## The model\n".to_owned());
    say(format!("- {} (BLAKE3 {}).", facts.model, facts.model_hash));
    if facts.practice {
        say("- It is the **practice model**, trained on drawn phantoms only. It knows no real radiograph; use the set for trying out, not for training on the clinic.".to_owned());
    } else {
        say("- Its licence and terms of use bind this data set, too; read the model's card before you pass the set on."
            .to_owned());
    }
    say("\n## How it was made\n".to_owned());
    let how = &recipe.how;
    if facts.collected {
        say("- Each image has settings of its own; its model and seed stand in the manifest, all else in its record where images tell it.".to_owned());
        say("- Regions were drawn, imported or sampled, as each case was made; sides are told from the regions.".to_owned());
        return kept_and_held(out, facts, items, tells);
    }
    let or_own = |value: Option<String>| value.unwrap_or_else(|| "the model's own".to_owned());
    say(format!(
        "- Steps: {}; guidance: {}; sampler: {}; preset: {}.",
        or_own(how.steps.map(|s| s.to_string())),
        or_own(how.guidance.map(|g| g.to_string())),
        or_own(how.sampler.clone()),
        or_own(how.preset.clone())
    ));
    say(format!("- Seeds for each row: {}; control strength: {}.", how.seeds_per_row, how.strength));
    say(match recipe.place.source {
        Source::Sampled => {
            "- Regions were sampled by a drawn model of the chest: side, zone and size as planned, inside the lungs.".to_owned()
        }
        Source::Drawn => "- Regions were drawn by a person and, where only the other side was drawn, mirrored.".to_owned(),
        Source::Folder => "- Regions are mask files that a person supplied.".to_owned(),
        Source::Text => "- No region was given: the text alone decided where findings lie, so there are no masks.".to_owned(),
    });
    say("- Texts were written from finding, side, zone and size, unless a row had its own; demographics stand in the model's prefix.".to_owned());
    kept_and_held(out, facts, items, tells)
}

/// What follows however the images came: what was kept, who is in it, files and limits.
fn kept_and_held(mut out: String, facts: &Facts, items: &[Item], tells: Tier) -> String {
    let how = &facts.recipe.how;
    let mut say = |text: String| {
        let _written = writeln!(out, "{text}");
    };
    say("\n## What was kept\n".to_owned());
    if how.keep_best {
        say("- Of the images of a row, the one with the highest adherence.".to_owned());
    }
    if let Some(below) = how.below {
        say(format!("- Images with an adherence below {below:.2} were tried again, up to {} further seeds.", how.retries));
    }
    let measured = items.iter().filter(|item| item.adherence.is_some()).count();
    say(format!(
        "- Adherence was measured for {measured} of {} images, by a checker trained on phantoms; it is no clinical judgement.",
        items.len()
    ));
    if facts.set_aside.is_empty() {
        say("- No image was set aside.".to_owned());
    }
    for (reason, n) in &facts.set_aside {
        say(format!("- Set aside: {n} × {reason}"));
    }
    match facts.near_duplicates {
        Some(n) => say(format!("- Near duplicates: {n} pairs ({}).", duplicates::METHOD)),
        None => say("- Near duplicates were not looked for.".to_owned()),
    }
    say("- Nearness to real training images was not measured.".to_owned());
    say("\n## Who and what is in it\n".to_owned());
    let shown: Vec<Row> = items.iter().map(as_shown).collect();
    for axis in Axis::ALL {
        say(table(&shown, axis));
    }
    for gap in &facts.gaps {
        say(format!("- Differs from the plan: {gap}"));
    }
    say("\n## Files\n".to_owned());
    say(format!("- `images/`: radiographs. {}", tells.holds()));
    say("- `masks/`, `coco.json`, `yolo/`: regions and boxes, on the pixel grid of the images. Image left is the patient's right.".to_owned());
    say("- `manifest.csv`, `manifest.jsonl`: one line an image, with BLAKE3 hashes of files and pixels.".to_owned());
    say("\n## Limits\n".to_owned());
    say("- A region tells where a finding was asked for. What the model drew may differ; adherence measures it, where it was measured.".to_owned());
    say("- Demographic words steer the text; whether images carry them was not measured.".to_owned());
    say("- Say that images are synthetic wherever you use or pass on this set.".to_owned());
    out
}

/// The row as its image shows it: a twin has no finding.
fn as_shown(item: &Item) -> Row {
    if item.case.twin {
        let row = Row::new(Class::Normal, engine::domain::Side::Both);
        Row { sex: item.row.sex, age: item.row.age, group: item.row.group, view: item.row.view, ..row }
    } else {
        item.row.clone()
    }
}

fn table(rows: &[Row], axis: Axis) -> String {
    let matrix = Matrix::of(rows, axis);
    let labels: Vec<&str> = matrix.columns.iter().map(|&c| axis.labels()[c]).collect();
    let mut text = format!("| {} | {} | Sum |\n|---|{}---|\n", axis.title(), labels.join(" | "), "---|".repeat(labels.len()));
    let line = |title: &str, counts: Vec<usize>, sum: usize| {
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        format!("| {title} | {} | {sum} |\n", counts.join(" | "))
    };
    for (i, class) in matrix.classes.iter().enumerate() {
        text += &line(class.title(), matrix.counts[i].clone(), matrix.row_sum(i));
    }
    let sums = (0..labels.len()).map(|c| matrix.column_sum(c)).collect();
    text + &line("Sum", sums, matrix.total())
}
