//! The plan as a table for people.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanDuration;

use super::Plan;
use crate::plan::hours::Basis;
use crate::plan::{Room, gigabytes};

/// Writes it.
pub(super) fn write(out: &mut impl Write, plan: &Plan, room: Option<&Room>) -> Result<()> {
    let millions = |n: u64| format!("{:.1} M", n as f64 / 1e6);
    let places = match (plan.cards, plan.nodes) {
        (1, _) => String::new(),
        (cards, 1) => format!(", {cards} of them in one machine"),
        (cards, nodes) => format!(", {cards} of them in {nodes} machines"),
    };
    writeln!(
        out,
        "stage {}: {} parameters of which {} learn, in {} on {}{places}",
        plan.stage,
        millions(plan.parameters),
        millions(plan.trained),
        plan.compute,
        plan.device,
    )?;
    writeln!(
        out,
        "{} rows an update, {} a card, {} at once{}",
        plan.rows_per_update,
        plan.rows_per_card,
        plan.micro_batch,
        if plan.gradient_checkpointing { ", inner values computed twice" } else { "" }
    )?;
    writeln!(out)?;
    let b = &plan.bytes;
    for (name, bytes) in [
        ("weights", b.weights),
        ("gradients", b.gradients),
        ("moments", b.moments),
        ("averages", b.averages),
        ("inner values", b.activations),
    ] {
        line(out, name, &gigabytes(bytes), "")?;
    }
    match b.parts {
        0 => line(out, "autoencoder", "-", "not counted; name it with --parts")?,
        bytes => line(out, "autoencoder", &gigabytes(bytes), "")?,
    }
    for (name, bytes) in [
        (if plan.cards > 1 { "on each device" } else { "on the device" }, plan.device_bytes),
        ("cases in memory", b.data),
        ("copy for checkpoints", b.snapshot),
    ] {
        line(out, name, &gigabytes(bytes), "")?;
    }
    let fits = |rows: Option<usize>| rows.map_or("none".to_owned(), |rows| format!("{rows} rows"));
    match room {
        Some(room) => {
            line(out, "there are", &gigabytes(room.bytes), if room.shared_with_host { "for all of it" } else { "on a device" })?;
            let largest = &plan.largest_micro_batch;
            line(out, "largest micro-batch", &fits(largest.without), "")?;
            line(out, "with inner values twice", &fits(largest.with_checkpointing), "train.gradient_checkpointing")?;
        }
        None => line(out, "there are", "-", "not known; say it with --memory")?,
    }
    if plan.refusal.is_some() {
        return Ok(());
    }
    writeln!(out)?;
    hours(out, plan)
}

fn line(out: &mut impl Write, name: &str, value: &str, note: &str) -> Result<()> {
    let note = if note.is_empty() { String::new() } else { format!("  {note}") };
    Ok(writeln!(out, "{name:24} {value:>10}{note}")?)
}

fn hours(out: &mut impl Write, plan: &Plan) -> Result<()> {
    let seconds = |value: Option<f64>| format!("{:.3} s", value.unwrap_or_default());
    if let Some(basis) = plan.hours_from {
        let from = match (basis, &plan.probe) {
            (Basis::Probe, Some(probe)) => format!("measured: {} steps of {} rows", probe.steps, probe.rows),
            (Basis::Given, _) => "from --row-seconds".to_owned(),
            _ => "assumed".to_owned(),
        };
        let optimiser = if basis == Basis::Probe { "measured" } else { "assumed" };
        line(out, "forward and backward", &seconds(plan.compute_seconds), &from)?;
        line(out, "optimiser", &seconds(plan.optimiser_seconds), optimiser)?;
        if plan.cards > 1 {
            line(out, "waiting for other cards", &seconds(plan.waiting_seconds), "assumed")?;
        }
        let speed = format!("{} rows a second", rounded(plan.rows_per_second.unwrap_or_default()));
        line(out, "an update", &seconds(plan.update_seconds), &speed)?;
    }
    match (plan.updates, plan.hours) {
        (Some(updates), Some(hours)) => {
            let left = HumanDuration(Duration::from_secs_f64((hours * 3600.0).min(1e12)));
            let updates_of = if updates == 1 { "update" } else { "updates" };
            let mark = if plan.hours_from == Some(Basis::Assumed) { ", not measured" } else { "" };
            line(out, "the stage", &format!("{} h", rounded(hours)), &format!("{updates} {updates_of}, about {left}{mark}"))?;
            if plan.device != "cpu" || plan.cards > 1 {
                line(out, "hours of cards", &rounded(hours * plan.cards as f64), "")?;
            }
        }
        (Some(updates), None) => {
            let how = format!("{updates} updates; leave out --no-probe for the hours, or name a card with --card");
            line(out, "the stage", "-", &how)?;
        }
        (None, _) => line(out, "the stage", "-", "updates are not known; name the data with --data, or its size with --cases")?,
    }
    if !plan.assumed.is_empty() {
        writeln!(out, "\nAssumed, not measured:")?;
        for sentence in &plan.assumed {
            writeln!(out, "- {sentence}")?;
        }
    }
    if plan.hours_from.is_some() {
        writeln!(out, "Not in the hours: waiting for data, panels, checkpoints, ranks that are slower than others.")?;
    }
    Ok(())
}

/// A decimal where the number is small.
fn rounded(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
