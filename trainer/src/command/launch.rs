//! Write the job scripts of a cluster, and put them into its queue.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use engine::store::atomic::{ensure_writable_dir, write_atomic};

use super::numbers::{positive, share};
use crate::config::StageConfig;
use crate::launch::amounts::{check_memory, check_time};
use crate::launch::{Cluster, Job, Starter, chain, script};
use crate::ranks::cards::CardName;
use crate::ranks::estimate::{Card, Cost, Links, Measured, Spread, estimate};
use crate::ranks::exchange::BUCKET_BYTES;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["config", "stages"]))]
pub struct Args {
    /// What to do: a configuration of training, settings of a preparation, or a list of cases to generate.
    config: Option<PathBuf>,
    /// Stages of a training as jobs that follow each other: stage1, stage2 and control are the shipped ones, anything
    /// else is a configuration.
    #[arg(long, value_name = "STAGE", num_args = 1..)]
    stages: Vec<String>,
    /// Which shipped stages: paper, release or practice.
    #[arg(long, value_name = "NAME", default_value = "paper", value_parser = ["paper", "release", "practice"], requires = "stages")]
    preset: String,
    /// Folder of the results: a run, a data set, images. With --stages, the folder of the run folders; runs if left out.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["stages", "estimate"])]
    out: Option<PathBuf>,
    /// Print the script and do nothing else.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: Asked,
    #[command(flatten)]
    guess: Guess,
    /// Further arguments of the command that runs in the job, after `--`; with --stages, of each stage.
    #[arg(last = true, value_name = "ARGS")]
    more: Vec<String>,
}

/// What the cluster is asked for.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Cluster")]
struct Asked {
    /// Machines.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    nodes: u16,
    /// Graphics cards of each machine, with one rank each; 0 for ranks on processors.
    #[arg(long, value_name = "N", default_value_t = 8)]
    gpus: u16,
    /// Ranks of each machine where there are no cards.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    tasks: u16,
    /// What starts the ranks.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Starter::Slurm)]
    launcher: Starter,
    /// Processor cores of each rank.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    cpus: u16,
    /// Longest time of one start, such as 24:00:00; a job that needs longer goes on by itself.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Partition of the cluster.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Account that pays.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Memory of each machine, such as 500G.
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// A further option of sbatch, such as --constraint=a100; may be given again.
    #[arg(long = "sbatch", value_name = "OPTION", allow_hyphen_values = true)]
    options: Vec<String>,
    /// A line before the start, such as `module load cuda/12.4`; may be given again.
    #[arg(long, value_name = "LINE")]
    setup: Vec<String>,
    /// A variable for all ranks; may be given again.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Apptainer image in which the program runs.
    #[arg(long, value_name = "FILE.sif")]
    container: Option<PathBuf>,
    /// The program on the cluster.
    #[arg(long, value_name = "PATH", default_value = "chexgen")]
    program: String,
    /// Seconds before the end at which the ranks are asked to write what they have.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=65535))]
    warning: u32,
}

/// What the cards would give.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Estimate")]
struct Guess {
    /// Say how fast a training would be on these cards and what it would wait for, and do nothing else.
    #[arg(long, conflicts_with = "dry_run")]
    estimate: bool,
    /// Measured time of one row on one card, forward and backward, in place of a share of its peak.
    #[arg(long, value_name = "SECONDS", requires = "estimate", value_parser = positive)]
    row_seconds: Option<f64>,
    /// Which card is estimated.
    #[arg(long, value_name = "CARD", requires = "estimate", value_enum, default_value_t = CardName::A100Gb80)]
    card: CardName,
    /// Peak of a card's products in bf16, in TFLOP/s; else that of --card.
    #[arg(long, value_name = "N", requires = "estimate", value_parser = positive)]
    peak: Option<f64>,
    /// Share of the peak that forward and backward reach.
    #[arg(long, value_name = "SHARE", requires = "estimate", value_parser = share, default_value_t = Card::A100.reached)]
    share: f64,
    /// Network adapters of a machine.
    #[arg(long, value_name = "N", requires = "estimate", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..))]
    adapters: u8,
    /// Speed of one of them, in Gbit/s.
    #[arg(long, value_name = "N", requires = "estimate", value_parser = positive, default_value_t = Links::A100.adapter_gbit_s)]
    gbit: f64,
}

const AFTER_HELP: &str = "\
The three stages of the paper on 4 machines with 8 cards each, each after the one before ended well:
  chexgen launch --stages stage1 stage2 control --nodes 4 --gpus 8 --time 24:00:00 --dry-run -- --parts models/parts

The script asks for one task a card and binds it to its cores. Two minutes before the time is over every rank gets \
SIGUSR1, writes what it has and ends with code 3; the script then puts the job back into the queue, and the same command \
goes on. --estimate says what the cards would give. Without --dry-run the script is written to DIR/job.sh (DIR of --out) and submitted by sbatch.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("{name:?} is no name of a variable; use letters, digits and _"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the subcommand.
///
/// # Errors
/// When a file cannot be used, or the script cannot be written or submitted.
pub fn run(args: &Args) -> Result<ExitCode> {
    let cluster = args.cluster.cluster()?;
    if args.guess.estimate {
        return estimate_all(args, &cluster);
    }
    let (text, out, submit) = match &args.config {
        Some(config) => {
            let out = args.out.clone().context("name the folder of the results with --out DIR")?;
            let job = Job::new(config, &out, &cluster, &args.more)?;
            (script(&job, &cluster), out, "sbatch")
        }
        None => {
            let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runs"));
            let jobs = chain::jobs(&args.stages, &args.preset, &out, &cluster, &args.more)?;
            match jobs.as_slice() {
                [job] => (script(job, &cluster), out, "sbatch"),
                jobs => (chain::chain(jobs, &cluster), out, "bash"),
            }
        }
    };
    if args.dry_run {
        std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write to standard output")?;
        return Ok(ExitCode::SUCCESS);
    }
    submit_to(&out, &text, submit)
}

/// Says what each stage would give.
fn estimate_all(args: &Args, cluster: &Cluster) -> Result<ExitCode> {
    let guess = &args.guess;
    ensure!(cluster.gpus > 0, "--estimate is for graphics cards; give --gpus");
    let links = Links { adapters: guess.adapters.into(), adapter_gbit_s: guess.gbit, ..guess.card.links() };
    let named = guess.card.card(true, guess.share);
    let card = Card { peak_tflops: guess.peak.unwrap_or(named.peak_tflops), ..named };
    let measured = Measured { row_s: guess.row_seconds, optimiser_s: None };
    let configs: Vec<PathBuf> = match &args.config {
        Some(config) => vec![config.clone()],
        None => args.stages.iter().map(|stage| chain::config_of(stage, &args.preset)).collect(),
    };
    let mut out = std::io::stdout().lock();
    let (nodes, cards) = (cluster.nodes, cluster.gpus);
    for path in &configs {
        let config = StageConfig::read(path, &[])?;
        let cost = Cost::of(&config);
        let spread = Spread {
            nodes,
            cards,
            rows: config.train.batch_size,
            micro_rows: config.train.micro_batch.unwrap_or(config.train.batch_size),
            bucket_bytes: BUCKET_BYTES,
        };
        let rows = spread.rows.div_ceil(nodes * cards).min(spread.micro_rows);
        let found = estimate(&cost, &card, &links, &spread, measured);
        writeln!(out, "{} on {nodes} x {cards} cards, {} rows an update", path.display(), spread.rows)?;
        writeln!(
            out,
            "  {:.0} million numbers are trained; a row costs {:.0} GFLOP forward and {:.1} times that in all",
            cost.trained / 1e6,
            cost.forward_gflops,
            cost.passes
        )?;
        writeln!(
            out,
            "  update: forward and backward {:.3} s, optimiser {:.3} s, waiting for gradients and slowed down by them {:.3} s",
            found.compute_s, found.optimiser_s, found.waited_s
        )?;
        writeln!(
            out,
            "  gradients: {:.2} GB, {:.3} s by themselves, the rest of it behind the backward of the last {} rows",
            cost.gradient_bytes() / 1e9,
            found.all_reduce_s,
            rows
        )?;
        writeln!(
            out,
            "  {:.0} rows a second, {:.1} % of what the cards would give alone",
            found.rows_per_s,
            100.0 * found.efficiency()
        )?;
    }
    let row = guess.row_seconds.map_or_else(
        || format!("a card reaches {:.0} % of {:.0} TFLOP/s (not measured)", 100.0 * card.reached, card.peak_tflops),
        |seconds| format!("a row takes {seconds} s on one card (as given)"),
    );
    writeln!(
        out,
        "assumed: {row}; memory of {:.0} GB/s; {:.0} GB/s between cards of a machine, {} adapters of {:.0} Gbit/s between \
         machines, {:.0} % of these speeds; {:.0} us a hop of the ring; {:.0} % of the \
         computing while gradients are summed",
        card.memory_gb_s,
        links.node_gb_s,
        links.adapters,
        links.adapter_gbit_s,
        100.0 * links.reached,
        1e6 * links.hop_s,
        100.0 * links.taken
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the script and puts it into the queue.
fn submit_to(out: &Path, text: &str, program: &str) -> Result<ExitCode> {
    if Command::new("sbatch").arg("--version").output().is_err() {
        bail!(
            "sbatch is not here, so nothing was written or submitted; print the script by --dry-run and take it to the cluster"
        );
    }
    ensure_writable_dir(out)?;
    let file = out.join("job.sh");
    write_atomic(&file, text.as_bytes())?;
    let status = Command::new(program).arg(&file).status().with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "{program} refused {}; it says why above", file.display());
    Ok(ExitCode::SUCCESS)
}

impl Asked {
    fn cluster(&self) -> Result<Cluster> {
        for (flag, value) in [("--partition", &self.partition), ("--account", &self.account)] {
            let one_word = value.as_ref().is_none_or(|value| !value.is_empty() && !value.contains(char::is_whitespace));
            ensure!(one_word, "{flag} is {:?}; write it as one word", value.as_deref().unwrap_or_default());
        }
        self.time.as_deref().map_or(Ok(()), check_time)?;
        self.mem.as_deref().map_or(Ok(()), check_memory)?;
        for line in self.options.iter().chain(&self.setup) {
            ensure!(!line.contains('\n'), "{line:?} has more than one line; give the option again for each");
        }
        for option in &self.options {
            ensure!(option.starts_with('-'), "--sbatch {option:?} is no option of sbatch; begin it with --");
        }
        let (gpus, tasks) = (usize::from(self.gpus), usize::from(self.tasks));
        ensure!(
            gpus == 0 || tasks == 1,
            "--tasks is for ranks on processors; with --gpus there is one rank a card: leave one of them out"
        );
        Ok(Cluster {
            nodes: self.nodes.into(),
            gpus,
            tasks: if gpus > 0 { gpus } else { tasks },
            starter: self.launcher,
            cpus: self.cpus.into(),
            time: self.time.clone(),
            partition: self.partition.clone(),
            account: self.account.clone(),
            memory: self.mem.clone(),
            options: self.options.clone(),
            setup: self.setup.clone(),
            env: self.env.clone(),
            container: self.container.clone(),
            program: self.program.clone(),
            warning_s: self.warning,
        })
    }
}
