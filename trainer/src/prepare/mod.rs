//! From public or own collections of radiographs to verified shards: `chexgen prepare`.
//!
//! Settings name sources, a model folder, splits and what becomes of captions ([`config`]). All cases are listed and
//! laid into shards first ([`plan`]), so that any process can make any shard; a shard is written whole or not at all,
//! so that a killed run goes on where it was and ends with the bytes of an uninterrupted one.

mod caption;
mod case;
pub mod config;
pub mod fingerprint;
mod html;
mod lock;
mod make;
mod npz;
mod ordered;
mod picture;
mod plan;
mod regions;
pub mod release;
mod sections;
mod sources;
mod table;
pub mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use engine::device::DeviceKind;
use engine::pipeline::{Encoders, TextMemory};
use engine::store::atomic::{ensure_writable_dir, remove_leftovers, write_atomic};

use crate::data::dataset::{
    Binding, DATASET_FILE, DATASET_FORMAT, Dataset, DatasetForm, Reject, ShardEntry, ShardWriter, VERSION, index_path,
    read_index, shard_file,
};
use crate::ranks::Sharing;
use crate::work::WorkShare;
use config::PrepareConfig;
use fingerprint::Fingerprint;
use lock::FolderLock;
use make::{Made, Maker};
use plan::{Plan, PlannedShard, plan};

/// The list of cases that could not be taken, in the folder.
pub const REJECTS_FILE: &str = "rejects.csv";

/// How a preparation is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the data set.
    pub out: PathBuf,
    /// Where the networks compute.
    pub device: DeviceKind,
    /// Working threads; 0 is one for each processor core.
    pub threads: usize,
    /// Which shards are made here.
    pub sharing: Sharing,
}

/// How far a preparation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Cases done by this process, those of earlier runs not counted.
    pub done: usize,
    /// Cases that this process has to do.
    pub total: usize,
    /// Rejects among those done.
    pub rejected: usize,
}

/// How a preparation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The data set is whole.
    Whole,
    /// This process's shards are there, and other processes have still to make theirs.
    Waiting {
        /// Shards that are missing.
        missing: usize,
    },
    /// It was interrupted; run again, it goes on.
    Interrupted,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Shards that an earlier run had finished.
    pub kept: usize,
    /// Shards that were made now.
    pub made: usize,
    /// Samples in the whole data set, as far as it is there.
    pub samples: usize,
    /// Rejects in the whole data set, as far as it is there.
    pub rejects: usize,
    /// Shards of an earlier run that were damaged and made anew.
    pub mended: Vec<String>,
}

/// The networks of an open model, with the sizes that the settings ask for.
///
/// # Errors
/// When the sizes do not fit the networks.
pub fn binding(config: &PrepareConfig, encoders: &Encoders) -> Result<Binding> {
    let card = encoders.card();
    let size_px = if config.size_px == 0 { card.size_px } else { config.size_px };
    ensure!(
        (16..=4096).contains(&size_px) && size_px.is_multiple_of(card.factor),
        "field size_px is {size_px}; choose a multiple of {} from 16 to 4096",
        card.factor
    );
    let max_tokens = if config.captions.max_tokens == 0 { card.max_tokens } else { config.captions.max_tokens };
    ensure!((1..=512).contains(&max_tokens), "field captions.max_tokens is {max_tokens}; choose 1 to 512");
    Ok(Binding {
        model: card.model.clone(),
        autoencoder: card.autoencoder.clone(),
        text: card.text.clone(),
        tokenizer: card.tokenizer.clone(),
        size_px,
        channels: card.channels,
        side: size_px / card.factor,
        text_width: card.text_width,
        max_tokens,
        palette: card.palette.clone(),
    })
}

/// Prepares a data set, or goes on with it. `stop` is asked between cases.
///
/// # Errors
/// When the settings, the model or a list cannot be used, the folder holds something else or is in use, or the disk is
/// full; finished shards stay.
pub fn run(
    config: &PrepareConfig,
    options: &Options,
    stop: &(dyn Fn() -> bool + Sync),
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let Options { out, device, sharing, .. } = options;
    let share = sharing.share();
    let encoders = Encoders::open(&config.model, device, TextMemory::Auto)?;
    let binding = binding(config, &encoders)?;
    let plan = plan(config, &binding)?;
    ensure_writable_dir(out)?;
    let _lock = FolderLock::take(out, share)?;
    remove_leftovers(out)?;
    refuse_other(out, &plan)?;
    let mut outcome = Outcome { ended: Ended::Whole, kept: 0, made: 0, samples: 0, rejects: 0, mended: Vec::new() };
    let states: Vec<State> = plan.shards.iter().map(|shard| state(out, shard, &plan)).collect::<Result<_>>()?;
    let is_whole = |at: &usize| matches!(states[*at], State::Whole);
    outcome.kept = (0..states.len()).filter(|at| share.owns(*at) && is_whole(at)).count();
    let absent: Vec<usize> = (0..states.len()).filter(|at| !is_whole(at)).collect();
    let mine = sharing.take(out, &plan.recipe, &absent)?;
    for at in mine.pieces.iter().filter(|at| matches!(states[**at], State::Damaged)) {
        let file = shard_file(plan.shards[*at].split.name(), plan.shards[*at].number);
        let index = index_path(out, &file);
        std::fs::remove_file(&index).with_context(|| format!("cannot remove {}", index.display()))?;
        outcome.mended.push(file);
    }
    let todo: Vec<&PlannedShard> = mine.pieces.iter().map(|at| &plan.shards[*at]).collect();
    let maker = Maker::new(config, &binding, &encoders, *device);
    let whole = make_shards(&todo, &plan, &maker, options, stop, &mut outcome.made, on_progress)?;
    outcome.ended = if whole { finish(config, &binding, &plan, out, share)? } else { Ended::Interrupted };
    mine.end(outcome.ended == Ended::Whole);
    (outcome.samples, outcome.rejects) = counts(out, &plan);
    Ok(outcome)
}

/// Refuses a folder with the data set of other settings.
fn refuse_other(out: &Path, plan: &Plan) -> Result<()> {
    if out.join(DATASET_FILE).is_file() {
        let there = Dataset::open(out)?;
        ensure!(
            there.form().recipe == plan.recipe,
            "{} holds a data set of other settings, other cases or another model; choose another folder, or remove it",
            out.display()
        );
    }
    Ok(())
}

enum State {
    Whole,
    Absent,
    Damaged,
}

/// What is there of a shard.
fn state(out: &Path, shard: &PlannedShard, plan: &Plan) -> Result<State> {
    let file = shard_file(shard.split.name(), shard.number);
    match read_index(out, &file, &plan.recipe) {
        Ok(Some(_)) => Ok(State::Whole),
        Ok(None) => Ok(State::Absent),
        // An index of other settings is no damage and is not written over.
        Err(error) if format!("{error:#}").contains("belongs to other settings") => Err(error),
        Err(_) => Ok(State::Damaged),
    }
}

/// Makes the shards; gives whether all were made.
fn make_shards(
    todo: &[&PlannedShard],
    plan: &Plan,
    maker: &Maker<'_>,
    options: &Options,
    stop: &(dyn Fn() -> bool + Sync),
    made: &mut usize,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<bool> {
    // Every case of these shards with its shard and place.
    let places: Vec<(&PlannedShard, usize)> =
        todo.iter().flat_map(|shard| (0..shard.cases.len()).map(|place| (*shard, place))).collect();
    let mut progress = Progress { done: 0, total: places.len(), rejected: 0 };
    on_progress(progress);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if options.threads == 0 { cores } else { options.threads };
    let make = |index: usize| {
        let (shard, place) = places[index];
        let key = format!("{}-{:05}-{place:05}", shard.split.name(), shard.number);
        maker.make(&plan.cases[shard.cases.start + place], &key)
    };
    let mut writer: Option<ShardWriter> = None;
    ordered::in_order(places.len(), threads, 4 * threads, stop, &make, &mut |index, result| {
        let (shard, place) = places[index];
        let open = match writer.take() {
            Some(open) if place > 0 => open,
            _ => ShardWriter::create(&options.out, shard.split.name(), shard.number, &plan.recipe)?,
        };
        let open = writer.insert(open);
        match result {
            Made::Sample(about, bytes, lost) => {
                open.lost(&lost.words, &lost.before, &lost.after);
                open.add(*about, &bytes)?;
            }
            Made::Reject(reject) => {
                progress.rejected += 1;
                open.reject(reject);
            }
        }
        progress.done += 1;
        if place + 1 == shard.cases.len()
            && let Some(open) = writer.take()
        {
            open.finish()?;
            *made += 1;
        }
        on_progress(progress);
        Ok(())
    })
}

/// Writes the list of rejects and, last, the description, if all shards are there.
fn finish(config: &PrepareConfig, binding: &Binding, plan: &Plan, out: &Path, share: WorkShare) -> Result<Ended> {
    let _turn = lock::last_turn(out, share)?;
    let mut splits: BTreeMap<String, Vec<ShardEntry>> = BTreeMap::new();
    let mut rejects: Vec<(&str, Reject)> = plan.unfit.iter().map(|reject| ("", reject.clone())).collect();
    let mut missing = 0;
    for shard in &plan.shards {
        let file = shard_file(shard.split.name(), shard.number);
        let found = match read_index(out, &file, &plan.recipe) {
            // Another process is about to make a damaged one anew.
            Err(_) if share.world() > 1 => None,
            read => read?,
        };
        let Some((form, index_blake3)) = found else {
            missing += 1;
            continue;
        };
        rejects.extend(form.rejects.into_iter().map(|reject| (shard.split.name(), reject)));
        let entry = ShardEntry { file, samples: form.samples.len(), index_blake3 };
        splits.entry(shard.split.name().to_owned()).or_default().push(entry);
    }
    if missing > 0 {
        return Ok(Ended::Waiting { missing });
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["set", "split", "case", "kind", "reason"])?;
    for (split, Reject { set, case, kind, reason }) in &rejects {
        table.write_record([set, *split, case, kind, reason])?;
    }
    write_atomic(&out.join(REJECTS_FILE), &table.into_inner().context("the list of rejects")?)?;
    if splits.values().flatten().map(|shard| shard.samples).sum::<usize>() == 0 {
        bail!("every case was rejected; {} says why", out.join(REJECTS_FILE).display());
    }
    let form = DatasetForm {
        format: DATASET_FORMAT.to_owned(),
        version: VERSION,
        name: config.name.clone(),
        recipe: plan.recipe.clone(),
        binding: binding.clone(),
        splits,
    };
    Dataset::write(out, &form)?;
    Ok(Ended::Whole)
}

/// Samples and rejects that are there.
fn counts(out: &Path, plan: &Plan) -> (usize, usize) {
    let mut counts = (0, plan.unfit.len());
    for shard in &plan.shards {
        if let Ok(Some((form, _))) = read_index(out, &shard_file(shard.split.name(), shard.number), &plan.recipe) {
            counts.0 += form.samples.len();
            counts.1 += form.rejects.len();
        }
    }
    counts
}

/// The report of a whole data set; one of several processes that end together writes it.
///
/// # Errors
/// When the set cannot be read or the report not be written.
pub fn described(out: &Path, share: WorkShare) -> Result<Fingerprint> {
    let _turn = lock::last_turn(out, share)?;
    match fingerprint::read(out) {
        Some(there) if share.world() > 1 => Ok(there),
        _ => fingerprint::write(&Dataset::open(out)?),
    }
}
