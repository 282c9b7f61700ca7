//! Say what a stage needs before it is begun: memory by part, the largest micro-batch, hours.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine::device::DeviceKind;
use indicatif::HumanDuration;
use serde::Serialize;

use crate::config::stage::DataSource;
use crate::config::{AnyConfig, StageConfig};
use crate::plan::memory::{Beside, Need, Sizes};
use crate::plan::probe::{Probed, probe};
use crate::plan::{self, Cut, Room, bytes_of, gigabytes};
use crate::run::log::say;
use crate::{device, run::settings::Compute};

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Configuration of one stage (trainer/configs/stage1-256.paper.toml and the like).
    config: PathBuf,
    /// What the stage begins with, as for train; here it must only be there.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Model folder whose autoencoder and text encoder the stage uses; its autoencoder is counted.
    #[arg(long, value_name = "MODEL_DIR")]
    parts: Option<PathBuf>,
    /// Prepared data set; its cases tell the updates of a stage that is said in epochs.
    #[arg(long, value_name = "DATA_DIR")]
    data: Option<PathBuf>,
    /// Where it is to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Plan for a device with so much memory, such as 80GB; else what is free on this one.
    #[arg(long, value_name = "SIZE", value_parser = bytes_of)]
    memory: Option<u64>,
    /// Share the rows of an update among so many cards.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    cards: u32,
    /// Take no steps: bytes only, no hours.
    #[arg(long)]
    no_probe: bool,
    /// Steps of the probe.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    probe_steps: u32,
    /// End the probe after this time with the steps that were taken.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    probe_secs: u64,
    /// Change a field of the configuration, such as train.micro_batch=8; may be said several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Bytes follow from the sizes of the network; the probe takes steps with random numbers of the same sizes, so neither weights \
nor data are read, and waiting for data, panels and checkpoints are not in its times. With --memory the bytes are planned for \
another device; the hours stay those of --device, so add --no-probe.

Exit codes: 0 it fits, 1 it does not fit or cannot be planned, 2 wrong usage.

JSON fields: stage, device, cards, parameters, trained, rows_per_update, rows_per_card, micro_batch, compute, \
gradient_checkpointing, bytes (of each part), device_bytes, host_bytes, memory_bytes, largest_micro_batch (with and \
without checkpointing), updates, probe, update_seconds, hours, card_hours, fits, refusal.";

/// The plan, as it is printed in JSON.
#[derive(Serialize)]
struct Plan {
    stage: &'static str,
    device: String,
    cards: usize,
    parameters: u64,
    trained: u64,
    rows_per_update: usize,
    rows_per_card: usize,
    micro_batch: usize,
    compute: &'static str,
    gradient_checkpointing: bool,
    bytes: Need,
    device_bytes: u64,
    host_bytes: u64,
    memory_bytes: Option<u64>,
    largest_micro_batch: Largest,
    updates: Option<usize>,
    probe: Option<Probed>,
    update_seconds: Option<f64>,
    hours: Option<f64>,
    card_hours: Option<f64>,
    fits: Option<bool>,
    refusal: Option<String>,
}

/// Rows that fit.
#[derive(Serialize)]
struct Largest {
    with_checkpointing: Option<usize>,
    without: Option<usize>,
}

/// Runs the subcommand.
///
/// # Errors
/// When the configuration cannot be used, or the stage does not fit.
pub fn run(args: &Args) -> Result<ExitCode> {
    let config = read(args)?;
    let cut = Cut::of(&config, args.cards as usize)?;
    let room = plan::room(args.device, args.memory)?;
    let dtype = match (config.train.compute, args.device) {
        (Compute::Bf16, _) | (Compute::Auto, DeviceKind::Cuda(_)) => candle_core::DType::BF16,
        _ => candle_core::DType::F32,
    };
    let sizes = Sizes::of(&config, dtype, &Beside { parts: plan::parts_bytes(config.parts.as_deref()) })?;
    let checkpointing = config.train.gradient_checkpointing;
    let largest = |checkpointing| room.as_ref().and_then(|room| plan::largest(&sizes, cut.own, room, checkpointing));
    let refusal = room.as_ref().and_then(|room| plan::refusal(&sizes, &cut, room, checkpointing));
    let cases = plan::cases(&config)?;
    let updates = match (config.train.steps, cases) {
        (Some(steps), _) => Some(steps),
        (None, Some(cases)) => Some(config.train.updates(cases)?),
        (None, None) => None,
    };
    let probed = match refusal {
        None if !args.no_probe => Some(probed(args, &config, &cut)?),
        _ => None,
    };
    let update_s = probed.map(|p| p.micro_s * (cut.own / p.rows.max(1)) as f64 + p.optimiser_s);
    let hours = update_s.zip(updates).map(|(seconds, updates)| seconds * updates as f64 / 3600.0);
    let need = sizes.need(cut.micro, checkpointing);
    let plan = Plan {
        stage: config.stage.name(),
        device: args.device.to_string(),
        cards: args.cards as usize,
        parameters: sizes.all,
        trained: sizes.trained,
        rows_per_update: config.train.batch_size,
        rows_per_card: cut.own,
        micro_batch: cut.micro,
        compute: if dtype == candle_core::DType::F32 { "f32" } else { "bf16" },
        gradient_checkpointing: checkpointing,
        device_bytes: need.device(),
        host_bytes: need.host(),
        bytes: need,
        memory_bytes: room.map(|room| room.bytes),
        largest_micro_batch: Largest { with_checkpointing: largest(true), without: largest(false) },
        updates,
        probe: probed,
        update_seconds: update_s,
        hours,
        card_hours: hours.map(|hours| hours * f64::from(args.cards)),
        fits: room.map(|_| refusal.is_none()),
        refusal: refusal.clone(),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan)?)?;
    } else {
        table(&mut out, &plan, room.as_ref())?;
    }
    out.flush()?;
    match refusal {
        Some(sentence) => bail!("{sentence}"),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The configuration with what the command line names.
fn read(args: &Args) -> Result<StageConfig> {
    let AnyConfig::Stage(config) = AnyConfig::read(&args.config, &args.set)? else {
        bail!(
            "{} trains a practice model, which fits anywhere; plan takes the configuration of one stage",
            args.config.display()
        );
    };
    let mut config = *config;
    for (flag, path) in [("--from", &args.from), ("--parts", &args.parts), ("--data", &args.data)] {
        if let Some(path) = path {
            ensure!(path.exists(), "{flag} names {}, which does not exist", path.display());
        }
    }
    if let Some(parts) = &args.parts {
        config.parts = Some(parts.clone());
    }
    match (&args.data, &mut config.data) {
        (None, _) => {}
        (Some(given), DataSource::Prepared { folder, .. }) => folder.clone_from(given),
        (Some(_), DataSource::Phantoms { .. }) => {
            bail!("--data names a prepared data set, but {} learns from phantoms", args.config.display())
        }
    }
    config.check()?;
    Ok(config)
}

fn probed(args: &Args, config: &StageConfig, cut: &Cut) -> Result<Probed> {
    let device = device::open(args.device).context("the probe needs the device; --no-probe plans without")?;
    let steps = args.probe_steps as usize;
    say(&format!("probing: {steps} steps of {} rows on {}", cut.micro, args.device));
    let bar = indicatif::ProgressBar::new(steps as u64);
    let limit = Duration::from_secs(args.probe_secs);
    let found = probe(config, &device, cut.micro, (steps, limit), &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(found)
}

fn table(out: &mut impl Write, plan: &Plan, room: Option<&Room>) -> Result<()> {
    let millions = |n: u64| format!("{:.1} M", n as f64 / 1e6);
    writeln!(
        out,
        "stage {}: {} parameters of which {} learn, in {} on {}{}",
        plan.stage,
        millions(plan.parameters),
        millions(plan.trained),
        plan.compute,
        plan.device,
        if plan.cards > 1 { format!(", {} cards", plan.cards) } else { String::new() }
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
        ("autoencoder", b.parts),
    ] {
        writeln!(out, "{name:24} {:>10}", gigabytes(bytes))?;
    }
    writeln!(out, "{:24} {:>10}", "on the device", gigabytes(plan.device_bytes))?;
    writeln!(out, "{:24} {:>10}", "cases in memory", gigabytes(b.data))?;
    writeln!(out, "{:24} {:>10}", "copy for checkpoints", gigabytes(b.snapshot))?;
    let fits = |rows: Option<usize>| rows.map_or("none".to_owned(), |rows| rows.to_string());
    match room {
        Some(room) => {
            let with = if room.shared_with_host { ", both together" } else { "" };
            writeln!(out, "{:24} {:>10}{with}", "there are", gigabytes(room.bytes))?;
            writeln!(out)?;
            let l = &plan.largest_micro_batch;
            writeln!(out, "{:40} {}", "largest micro-batch", fits(l.without))?;
            writeln!(out, "{:40} {}", "with inner values computed twice", fits(l.with_checkpointing))?;
        }
        None => writeln!(out, "{:24} {:>10}", "there are", "not known; say it with --memory")?,
    }
    match (plan.updates, &plan.probe, plan.update_seconds, plan.hours) {
        (Some(updates), Some(probe), Some(update), Some(hours)) => {
            writeln!(
                out,
                "{:40} {:.3} s, of which the optimiser {:.3} s ({} steps of {} rows)",
                "an update", update, probe.optimiser_s, probe.steps, probe.rows
            )?;
            let left = HumanDuration(Duration::from_secs_f64((hours * 3600.0).min(1e12)));
            writeln!(out, "{:40} {updates} updates, {hours:.1} h ({left:#})", "the stage")?;
            if plan.device != "cpu" || plan.cards > 1 {
                writeln!(out, "{:40} {:.1}", "hours of cards", hours * plan.cards as f64)?;
            }
            if plan.cards > 1 {
                writeln!(out, "What the cards wait for each other is not in these hours.")?;
            }
        }
        (None, Some(_), Some(update), None) => {
            writeln!(out, "{:40} {update:.3} s; name the data with --data to know how many there are", "an update")?;
        }
        (Some(updates), ..) => writeln!(out, "{:40} {updates} updates", "the stage")?,
        _ => writeln!(out, "{:40} not known; name the data with --data", "updates")?,
    }
    Ok(())
}
