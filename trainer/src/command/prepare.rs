//! Turn collections of radiographs into verified shards for training.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::device::DeviceKind;
use engine::pipeline::{Encoders, TextMemory};
use indicatif::{ProgressBar, ProgressStyle};

use crate::data::dataset::Dataset;
use crate::device::RankDevice;
use crate::out_folder::refuse_results_of_others;
use crate::prepare::config::PrepareConfig;
use crate::prepare::verify::{self, News};
use crate::prepare::{self, Ended, Options, Outcome, Progress, fingerprint, release};
use crate::ranks::Sharing;
use crate::ranks::share::{own_device, prefix};
use crate::run::signals::StopRequest;
use crate::work::WorkShare;

/// Destroyed words that `report` tells in the terminal.
const TOLD_WORDS: usize = 10;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    act: Option<Act>,
    /// Settings, for example trainer/configs/prepare-phantom.toml.
    #[arg(required = true)]
    config: Option<PathBuf>,
    /// Folder of the data set, made when missing. What an interrupted run finished there is kept.
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// A value laid over the settings, such as size_px=512 or split.seed=2; may be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where the networks compute: cpu or cuda[:N]. Of many ranks, each takes the card with its number on its machine
    /// where none is named.
    #[arg(long, value_name = "DEVICE", default_value_t = RankDevice::Fixed(DeviceKind::Cpu))]
    device: RankDevice,
    /// Working threads; one for each processor core if left out.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Number of this process among those of --world, from 0; each makes its own shards. Under srun, torchrun and
    /// mpirun it is known without.
    #[arg(long, value_name = "N", requires = "world")]
    rank: Option<usize>,
    /// Processes that prepare this data set together; the result does not depend on their number.
    #[arg(long, value_name = "N")]
    world: Option<usize>,
}

#[derive(clap::Subcommand, Debug)]
enum Act {
    /// Count what is in a data set, and list the words that caption cleaning destroyed: report.json and report.html.
    Report {
        /// Folder of the data set.
        dir: PathBuf,
    },
    /// Read every sample of a data set and compare it with its hash; lists every damaged shard, and then fails.
    Verify {
        /// Folder of the data set.
        dir: PathBuf,
    },
    /// Write a split as the lists of .npz files that the published trainer reads.
    Release {
        /// Folder of the data set.
        dir: PathBuf,
        /// The model folder it was prepared with.
        #[arg(long, value_name = "DIR")]
        model: PathBuf,
        /// Which split.
        #[arg(long, value_name = "NAME", default_value = "train")]
        split: String,
        /// Seed of the latents, which are drawn from their distribution once.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// Where to write, made when missing.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

const AFTER_HELP: &str = "\
A data set is a folder of tar shards with an index each: latents as mean and log variance, rows of captions with their \
token ids, latents of condition pictures, labels, and hashes of sources and results. It belongs to the autoencoder and the \
text encoder of the model folder it was made with; training with others refuses it.

Interrupted (Ctrl-C) or killed, run the same command again: only what is missing is made, and the end is the same to the \
byte. Cases that cannot be taken stand in rejects.csv with the reason. Patients appear as pseudonyms only, made with the \
salt of the settings; rejects.csv names files of the source.

Many processes, started by srun, torchrun, mpirun or by hand with --rank and --world, share the shards of one command; \
the last one to end completes the data set.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

/// Runs the subcommand.
///
/// # Errors
/// When the settings, the model or a source cannot be used, or the disk is full.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.act {
        Some(Act::Report { dir }) => report(dir),
        Some(Act::Verify { dir }) => check(dir),
        Some(Act::Release { dir, model, split, seed, out }) => export(dir, model, split, *seed, out),
        None => make(args),
    }
}

fn make(args: &Args) -> Result<ExitCode> {
    let config = PrepareConfig::read(args.config.as_deref().context("name the settings")?, &args.set)?;
    let options = Options {
        out: args.out.clone().context("name the folder with --out DIR")?,
        device: own_device(args.device)?,
        threads: args.threads,
        sharing: Sharing::here(args.rank, args.world)?,
    };
    refuse_results_of_others(&options.out, Some("dataset.json"))?;
    let stop = StopRequest::listen(None)?;
    let share = options.sharing.share();
    let mut bar = Bar::new(share);
    let outcome = prepare::run(&config, &options, &|| stop.is_raised(), &mut |progress| bar.show(progress))?;
    bar.end();
    tell(&outcome, &options.out, share)
}

fn tell(outcome: &Outcome, out: &Path, share: WorkShare) -> Result<ExitCode> {
    let (mut text, prefix) = (std::io::stdout().lock(), prefix(share));
    for file in &outcome.mended {
        writeln!(text, "{prefix}{file} was damaged and is made anew")?;
    }
    let (made, kept) = (outcome.made, outcome.kept);
    writeln!(text, "{prefix}{} samples, {} rejects; {made} shards written, {kept} kept", outcome.samples, outcome.rejects)?;
    match outcome.ended {
        Ended::Whole => {
            let print = prepare::described(out, share)?;
            for (kind, count) in &print.rejects {
                writeln!(text, "{prefix}rejected, {kind}: {count}")?;
            }
            writeln!(text, "{prefix}{}: report.html shows what is in it", out.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Ended::Waiting { missing } => {
            writeln!(
                text,
                "{prefix}{missing} shards of other processes are not there yet; the last one to end completes the data set"
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Ended::Interrupted => {
            writeln!(std::io::stderr().lock(), "{prefix}interrupted; run the same command again to go on")?;
            Ok(ExitCode::from(3))
        }
    }
}

fn report(dir: &Path) -> Result<ExitCode> {
    let print = fingerprint::write(&Dataset::open(dir)?)?;
    let mut text = std::io::stdout().lock();
    writeln!(text, "{}: {} samples", print.name, print.samples)?;
    for (name, split) in &print.splits {
        writeln!(text, "{name}: {} samples of {} patients", split.samples, split.patients)?;
    }
    writeln!(text, "patients in two splits: {}", print.patients_in_two_splits)?;
    writeln!(text, "de-identification marks taken out: {}", print.marks)?;
    writeln!(text, "words destroyed by cleaning: {}, in {} captions", print.lost_words, print.with_lost_words)?;
    let listed: usize = print.destroyed.iter().map(|destroyed| destroyed.count).sum();
    for destroyed in print.destroyed.iter().take(TOLD_WORDS) {
        let (count, word, before, after) = (destroyed.count, &destroyed.word, &destroyed.before, &destroyed.after);
        let times = if count == 1 { "once" } else { "times" };
        let count = if count == 1 { String::new() } else { format!("{count} ") };
        writeln!(text, "  {word}, {count}{times}\n    before: {before}\n    after:  {after}")?;
    }
    if print.different_lost_words > TOLD_WORDS {
        writeln!(text, "  and {} further words; report.json lists them", print.different_lost_words - TOLD_WORDS)?;
    } else if listed < print.lost_words {
        writeln!(text, "  which words these are is not in shards of earlier builds; prepare into another folder to list them")?;
    }
    writeln!(text, "source files that occur more than once: {}", print.repeated_files)?;
    for (kind, count) in &print.rejects {
        writeln!(text, "rejected, {kind}: {count}")?;
    }
    writeln!(text, "written: report.json, report.html")?;
    Ok(ExitCode::SUCCESS)
}

fn check(dir: &Path) -> Result<ExitCode> {
    let data = Dataset::open(dir)?;
    let total = data.form().splits.values().flatten().map(|shard| shard.samples).sum();
    let mut bar = Bar::new(WorkShare::WHOLE);
    let found = verify::verify(&data, &mut |news| {
        match news {
            News::Behind(done) => bar.show(Progress { done, total, rejected: 0 }),
            News::Damaged(sentence) => bar.bar.suspend(|| writeln!(std::io::stdout().lock(), "{sentence}"))?,
        }
        Ok(())
    })?;
    bar.end();
    writeln!(std::io::stdout().lock(), "{} samples are whole", found.samples)?;
    let (damaged, shards) = (found.damaged, found.shards);
    ensure!(
        damaged == 0,
        "{damaged} of {shards} shards of {} {} damaged or missing, as listed",
        dir.display(),
        if damaged == 1 { "is" } else { "are" }
    );
    Ok(ExitCode::SUCCESS)
}

fn export(dir: &Path, model: &Path, split: &str, seed: u64, out: &Path) -> Result<ExitCode> {
    let data = Dataset::open(dir)?;
    let encoders = Encoders::open(model, &DeviceKind::Cpu, TextMemory::Auto)?;
    let card = encoders.card();
    let same = (&card.autoencoder, &card.text) == (&data.binding().autoencoder, &data.binding().text);
    ensure!(same, "the data set {} was prepared with another model than {}", dir.display(), card.model);
    refuse_results_of_others(out, None)?;
    let mut bar = Bar::new(WorkShare::WHOLE);
    let count = release::write(&data, split, &encoders, out, seed, &mut |done, total| {
        bar.show(Progress { done, total, rejected: 0 });
    })?;
    bar.end();
    writeln!(std::io::stdout().lock(), "{count} cases and {split}.txt written to {}", out.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Progress on a terminal, or a line every ten seconds.
struct Bar {
    bar: ProgressBar,
    prefix: String,
    begin: Instant,
    told: Instant,
}

impl Bar {
    fn new(share: WorkShare) -> Self {
        // indicatif draws on stderr and stays silent where that is no terminal.
        let style = ProgressStyle::with_template("{prefix}{bar:30} {pos}/{len} cases  {per_sec}  {eta} left  {msg}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let prefix = prefix(share);
        bar.set_prefix(prefix.clone());
        Self { bar, prefix, begin: Instant::now(), told: Instant::now() }
    }

    #[expect(clippy::print_stderr, reason = "plain progress lines where no terminal can show a bar")]
    fn show(&mut self, progress: Progress) {
        let Progress { done, total, rejected } = progress;
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        if rejected > 0 {
            self.bar.set_message(format!("{rejected} rejected"));
        }
        if self.bar.is_hidden() && self.told.elapsed() > Duration::from_secs(10) && done > 0 {
            self.told = Instant::now();
            let rate = done as f64 / self.begin.elapsed().as_secs_f64().max(1e-9);
            let left = ((total - done) as f64 / rate) as u64;
            eprintln!("{}{done}/{total} cases  {rate:.1}/s  {rejected} rejected  {left} s left", self.prefix);
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
