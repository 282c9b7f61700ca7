//! Say what a stage needs before it is begun: memory by part, the largest micro-batch, hours.

mod table;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine::device::DeviceKind;
use serde::Serialize;

use super::numbers::{positive, share};
use crate::config::{AnyConfig, StageConfig};
use crate::plan::hours::{Basis, Hours, Network, Places, Source};
use crate::plan::memory::{Beside, Need, Sizes};
use crate::plan::probe::{Probed, probe};
use crate::plan::{self, Cut, bytes_of};
use crate::ranks::cards::CardName;
use crate::ranks::estimate::Card;
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
    /// Plan for so many cases, where the data set is not here yet.
    #[arg(long, value_name = "N", conflicts_with = "data", value_parser = clap::value_parser!(u32).range(1..))]
    cases: Option<u32>,
    /// Where it is to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Plan for a device with so much memory, such as 80GB; else what is free on this one, or what --card has.
    #[arg(long, value_name = "SIZE", value_parser = bytes_of)]
    memory: Option<u64>,
    /// Share the rows of an update among so many cards (or ranks on processors).
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    cards: u32,
    /// Machines that the cards are in; one for eight cards if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    nodes: Option<u32>,
    /// Change a field of the configuration, such as train.micro_batch=8; may be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    probing: Probing,
    #[command(flatten)]
    paper: Paper,
}

/// Hours that are measured here.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Hours from a probe on --device")]
struct Probing {
    /// Take no steps: bytes only, no hours.
    #[arg(long)]
    no_probe: bool,
    /// Steps of the probe.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    probe_steps: u32,
    /// End the probe after this time with the steps that were taken.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    probe_secs: u64,
}

/// Hours that are reckoned.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Hours on paper, for cards that are not here")]
struct Paper {
    /// Plan for this card in place of --device: its memory, and hours from a share of its peak, without a probe.
    #[arg(long, value_name = "CARD", value_enum, conflicts_with_all = ["device", "probe_steps", "probe_secs"])]
    card: Option<CardName>,
    /// Share of the card's peak that forward and backward reach.
    #[arg(long, value_name = "SHARE", requires = "card", value_parser = share, default_value_t = Card::A100.reached)]
    share: f64,
    /// Measured time of one row on such a card, forward and backward, in place of a share of its peak.
    #[arg(long, value_name = "SECONDS", requires = "card", conflicts_with = "share", value_parser = positive)]
    row_seconds: Option<f64>,
    /// Network adapters of a machine; 4 if left out, 1 for processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    adapters: Option<u8>,
    /// Speed of one of them in Gbit/s; 200 if left out, 10 for processors.
    #[arg(long, value_name = "N", value_parser = positive)]
    gbit: Option<f64>,
}

const AFTER_HELP: &str = "\
The paper's first stage on 4 machines with 8 cards each, none of which is here:
  chexgen plan trainer/configs/stage1-256.paper.toml --card a100-80gb --cards 32 --cases 200000

Bytes follow from the sizes of the network. Hours come from a probe on --device, or on paper from --card: operations of the \
network over a share of the card's peak. The probe takes steps with random numbers of the same sizes, so neither weights \
nor data are read. With several cards the hours hold what they wait for each other, always reckoned on paper; what was \
assumed is listed and not measured. Not in the hours: waiting for data, panels, checkpoints. With --memory the bytes are \
planned for another device; hours of a probe stay those of --device.

Exit codes: 0 it fits, 1 it does not fit or cannot be planned, 2 wrong usage.

JSON fields: stage, device, cards, nodes, parameters, trained, rows_per_update, rows_per_card, micro_batch, compute, \
gradient_checkpointing, bytes (of each part), device_bytes, host_bytes, memory_bytes, largest_micro_batch (with and \
without checkpointing), updates, probe, hours_from (probe, given, assumed), compute_seconds, optimiser_seconds, \
waiting_seconds, update_seconds, rows_per_second, hours, card_hours, assumed (sentences), fits, refusal.";

/// Machines of clusters mostly have so many cards.
const CARDS_OF_A_MACHINE: u32 = 8;

/// The plan, as it is printed in JSON.
#[derive(Serialize)]
struct Plan {
    stage: &'static str,
    device: String,
    cards: usize,
    nodes: usize,
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
    hours_from: Option<Basis>,
    compute_seconds: Option<f64>,
    optimiser_seconds: Option<f64>,
    waiting_seconds: Option<f64>,
    update_seconds: Option<f64>,
    rows_per_second: Option<f64>,
    hours: Option<f64>,
    card_hours: Option<f64>,
    assumed: Vec<String>,
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
    let places = places(args)?;
    let cut = Cut::of(&config, args.cards as usize)?;
    // A card that is not here is planned like one that is; no driver is asked.
    let device = if args.paper.card.is_some() { DeviceKind::Cuda(0) } else { args.device };
    let room = plan::room(device, args.memory.or(args.paper.card.map(CardName::bytes)))?;
    let dtype = match (config.train.compute, device) {
        (Compute::Bf16, _) | (Compute::Auto, DeviceKind::Cuda(_)) => candle_core::DType::BF16,
        _ => candle_core::DType::F32,
    };
    let sizes = Sizes::of(&config, dtype, &Beside { parts: plan::parts_bytes(config.parts.as_deref()) })?;
    let checkpointing = config.train.gradient_checkpointing;
    let largest = |checkpointing| room.as_ref().and_then(|room| plan::largest(&sizes, cut.own, room, checkpointing));
    let refusal = room.as_ref().and_then(|room| plan::refusal(&sizes, &cut, room, checkpointing));
    let updates = match (config.train.steps, plan::cases(&config)?.or(args.cases.map(|cases| cases as usize))) {
        (Some(steps), _) => Some(steps),
        (None, Some(cases)) => Some(config.train.updates(cases)?),
        (None, None) => None,
    };
    let source = match (&refusal, args.paper.card) {
        (Some(_), _) => None,
        (None, Some(name)) => Some(Source::Card { name, reached: args.paper.share, row_s: args.paper.row_seconds }),
        (None, None) if args.probing.no_probe => None,
        (None, None) => Some(Source::Probe { probed: probed(args, &config, &cut)?, on_processor: device == DeviceKind::Cpu }),
    };
    let network = Network { adapters: args.paper.adapters.map(usize::from), gbit_s: args.paper.gbit };
    let times = source.as_ref().map(|source| Hours::of(&config, dtype, &cut, places, source, network));
    let update = times.as_ref().map(|times| times.update);
    let hours = update.zip(updates).map(|(update, updates)| update.update_s() * updates as f64 / 3600.0);
    let need = sizes.need(cut.micro, checkpointing);
    let plan = Plan {
        stage: config.stage.name(),
        device: args.paper.card.map_or_else(|| device.to_string(), |card| card.to_string()),
        cards: args.cards as usize,
        nodes: places.nodes,
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
        probe: source.and_then(|source| if let Source::Probe { probed, .. } = source { Some(probed) } else { None }),
        hours_from: times.as_ref().map(|times| times.basis),
        compute_seconds: update.map(|update| update.compute_s),
        optimiser_seconds: update.map(|update| update.optimiser_s),
        waiting_seconds: update.map(|update| update.waited_s),
        update_seconds: update.map(|update| update.update_s()),
        rows_per_second: update.map(|update| update.rows_per_s),
        hours,
        card_hours: hours.map(|hours| hours * f64::from(args.cards)),
        assumed: times.map(|times| times.assumed).unwrap_or_default(),
        fits: room.map(|_| refusal.is_none()),
        refusal: refusal.clone(),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan)?)?;
    } else {
        table::write(&mut out, &plan, room.as_ref())?;
    }
    out.flush()?;
    match refusal {
        Some(sentence) => bail!("{sentence}"),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Cards by machine.
fn places(args: &Args) -> Result<Places> {
    let cards = args.cards;
    let nodes = args.nodes.unwrap_or_else(|| cards.div_ceil(CARDS_OF_A_MACHINE));
    ensure!(
        cards.is_multiple_of(nodes),
        "{cards} cards cannot be shared evenly by {nodes} machines; say the machines with --nodes, a number that divides --cards"
    );
    Ok(Places { nodes: nodes as usize, cards: (cards / nodes) as usize })
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
    if let Some(set) = &args.data {
        config.learn_from(set);
    }
    config.check()?;
    Ok(config)
}

fn probed(args: &Args, config: &StageConfig, cut: &Cut) -> Result<Probed> {
    let device = device::open(args.device)
        .context("the probe needs the device; --no-probe plans without hours, --card for a card that is not here")?;
    let steps = args.probing.probe_steps as usize;
    say(&format!("probing: {steps} steps of {} rows on {}", cut.micro, args.device));
    let bar = indicatif::ProgressBar::new(steps as u64);
    let limit = Duration::from_secs(args.probing.probe_secs);
    let found = probe(config, &device, cut.micro, (steps, limit), &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(found)
}
