//! Who and what: quotas, or a table.

use eframe::egui::{Align, DragValue, Layout, RichText, Sense, Ui, UiBuilder, vec2};
use engine::phantom::{LesionSize, Zone};

use super::action::Action;
use super::draw::{path_field, push};
use super::form::FIELD;
use super::state::Field;
use crate::dataset::Class;
use crate::dataset::named::Named;
use crate::dataset::recipe::{AgeBand, Quotas, Recipe};
use crate::dataset::row::MOST_FINDINGS;
use crate::panels::Panel;
use crate::state::{Group, Sex, View};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, field, secondary, section};

/// Most of one share.
const SHARE: u32 = 1000;

/// Shows quotas or table.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>, recipe: &mut Recipe) {
    section(ui, "Who and what");
    if let Some(table) = &recipe.who.table {
        secondary(ui, format!("A table of {} rows.", table.len()));
        if Push::new("Compose quotas instead").purpose("Leaves the table; undo brings it back").show(ui).clicked() {
            push(panel, Action::UseQuotas);
        }
    }
    let path = panel.state.data_sets.paths.table.clone();
    path_field(ui, panel, Field::Table, "Cohort table path", &path);
    let import = Push::new("Import table").purpose(
        "A CSV with the column finding and, if wanted, name, side, zone, size, sex, age, group, view, impression, mask, count; further findings in finding2, side2, zone2, size2 and finding3 to size3",
    );
    if import.show(ui).clicked() {
        push(panel, Action::ImportTable);
    }
    if let Some(quotas) = &mut recipe.who.quotas {
        self::quotas(ui, quotas);
    }
}

fn quotas(ui: &mut Ui, quotas: &mut Quotas) {
    field::number(ui, "Rows", "Rows of the data set", &mut quotas.rows, 1..=100_000, 0.5, 0, FIELD);
    caption(ui, "Shares below; counts are rounded by the largest remainder and add up exactly.");
    shares(ui, "Findings", &mut quotas.findings, &Class::ALL, Class::title);
    together(ui, &mut quotas.together);
    let sides = [engine::domain::Side::Right, engine::domain::Side::Left, engine::domain::Side::Both];
    shares(ui, "Sides", &mut quotas.sides, &sides, |side| match side {
        engine::domain::Side::Right => "Patient's right",
        engine::domain::Side::Left => "Patient's left",
        engine::domain::Side::Both => "Both sides",
    });
    shares(ui, "Sizes", &mut quotas.sizes, &LesionSize::ALL, |size| match size {
        LesionSize::Small => "Small",
        LesionSize::Medium => "Medium",
        LesionSize::Large => "Large",
    });
    ui.collapsing("Zones", |ui| {
        caption(ui, "All 0: every zone that a finding can have, in equal parts.");
        shares(ui, "Zone shares", &mut quotas.zones, &Zone::ALL, |zone| match zone {
            Zone::Whole => "Whole lung",
            Zone::Apical => "Apical",
            Zone::Upper => "Upper",
            Zone::Mid => "Mid",
            Zone::Lower => "Lower",
            Zone::Perihilar => "Perihilar",
            Zone::Basal => "Basal",
        });
    });
    shares(ui, "Sex", &mut quotas.sexes, &[Sex::Female, Sex::Male, Sex::Unstated], |sex| match sex {
        Sex::Female => "Female",
        Sex::Male => "Male",
        Sex::Unstated => "Unstated sex",
    });
    ages(ui, &mut quotas.ages);
    shares(ui, "Group", &mut quotas.groups, &[Group::A, Group::B, Group::C, Group::Unstated], |group| match group {
        Group::A => "Group A",
        Group::B => "Group B",
        Group::C => "Group C",
        Group::Unstated => "Unstated group",
    });
    ui.collapsing("Projection", |ui| {
        shares(ui, "Projection shares", &mut quotas.views, &[View::Pa, View::Ap, View::Unstated], |view| match view {
            View::Pa => "PA",
            View::Ap => "AP portable",
            View::Unstated => "Unstated projection",
        });
    });
}

/// A share for each choice; 0 leaves it out.
fn shares<T: Named>(ui: &mut Ui, heading: &str, list: &mut Vec<(T, u32)>, all: &[T], title: impl Fn(T) -> &'static str) {
    ui.add_space(4.0);
    ui.label(RichText::new(heading).font(text::medium()).color(tokens::INK2));
    for &choice in all {
        let at = list.iter().position(|(known, _)| *known == choice);
        let mut share = at.map_or(0, |i| list[i].1);
        let before = share;
        let words = title(choice);
        let ink = if share > 0 { tokens::INK } else { tokens::INK3 };
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::hover());
        let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
        row.add(DragValue::new(&mut share).range(0..=SHARE).speed(0.1))
            .accessible_name(format!("Share of {}", words.to_lowercase()));
        row.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(RichText::new(words).font(text::body()).color(ink));
        });
        match at {
            _ if share == before => {}
            Some(i) if share == 0 => drop(list.remove(i)),
            Some(i) => list[i].1 = share,
            None => {
                list.push((choice, share));
                // The order of the list decides between equal remainders, so it is always the same.
                list.sort_by_key(|(known, _)| all.iter().position(|c| c == known));
            }
        }
    }
}

/// Shares of rows with one, two and three findings.
fn together(ui: &mut Ui, shares: &mut Vec<u32>) {
    ui.add_space(4.0);
    ui.label(RichText::new("Findings in a row").font(text::medium()).color(tokens::INK2));
    let mut all: [u32; MOST_FINDINGS] =
        std::array::from_fn(|i| shares.get(i).copied().unwrap_or(u32::from(i == 0 && shares.is_empty())));
    let before = all;
    ui.horizontal(|ui| {
        for (i, share) in all.iter_mut().enumerate() {
            let words = ["one", "two", "three"].get(i).copied().unwrap_or("more");
            ui.label(RichText::new(words).font(text::body()).color(tokens::INK2));
            let drag = ui.add(DragValue::new(share).range(0..=SHARE).speed(0.1));
            drag.on_hover_text("Of the rows with a finding; the further ones are other classes of the same patient.")
                .accessible_name(format!("Share of rows with {words} finding{}", if i == 0 { "" } else { "s" }));
        }
    });
    if all != before {
        // Nothing is written for the natural choice, so that recipes of before stay what they are.
        *shares = if all[1..].iter().all(|share| *share == 0) { Vec::new() } else { all.to_vec() };
    }
}

fn ages(ui: &mut Ui, bands: &mut Vec<AgeBand>) {
    ui.add_space(4.0);
    ui.label(RichText::new("Ages").font(text::medium()).color(tokens::INK2));
    let mut gone = None;
    for (i, band) in bands.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            let n = i + 1;
            ui.add(DragValue::new(&mut band.from).range(0..=120).speed(0.2)).accessible_name(format!("Age band {n} from"));
            ui.label("–");
            ui.add(DragValue::new(&mut band.to).range(0..=120).speed(0.2)).accessible_name(format!("Age band {n} to"));
            ui.label(RichText::new("years, share").font(text::secondary()).color(tokens::INK3));
            ui.add(DragValue::new(&mut band.share).range(0..=SHARE).speed(0.1)).accessible_name(format!("Age band {n} share"));
            if Push::icon(Icon::Cross, &format!("Remove age band {n}")).size(24.0, 24.0).show(ui).clicked() {
                gone = Some(i);
            }
        });
    }
    if let Some(i) = gone {
        bands.remove(i);
    }
    if Push::new("Add age band").purpose("Without bands no age is stated").show(ui).clicked() {
        let from = bands.last().map_or(18, |band| (band.to + 1).min(120));
        bands.push(AgeBand { from, to: (from + 19).min(120), share: 1 });
    }
}
