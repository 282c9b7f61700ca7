//! Arguments of the program and their dispatch.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::{
    bench, config, doctor, export, generate, import, launch, parity, phantom, plan, practice_report, prepare, replay, study,
    train,
};

/// ChexGen without a window: generate, train and measure synthetic chest radiographs.
#[derive(Parser, Debug)]
#[command(name = "chexgen", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
To begin with:
  chexgen generate --impression \"Moderate right pneumothorax.\" --out images
  chexgen doctor says what runs on this machine
  chexgen phantom, prepare, plan, train, export make a model of your own, in this order

`chexgen COMMAND --help` explains each with its exit codes: 0 is done, 1 failed with one sentence on standard error, 2 wrong \
usage, 3 stopped and kept, to be started again, 130 ended at once by a second Ctrl-C. CHEXGEN_LOG=warn shows warnings, too.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Generate radiographs from impressions, masks and boxes.
    Generate(Box<generate::Args>),
    /// Make an image again from its run record and compare.
    Replay(replay::Args),
    /// Make a model folder of published weights.
    Import(import::Args),
    /// Say what runs on this machine, and test installed models.
    Doctor(doctor::Args),
    /// Measure how fast the networks and their parts run here.
    Bench(bench::Args),
    /// Draw procedural chest radiographs with exact labels.
    Phantom(phantom::Args),
    /// Turn collections of radiographs into verified shards for training.
    Prepare(prepare::Args),
    /// Say what a stage needs before it is begun: memory, micro-batch, hours.
    Plan(Box<plan::Args>),
    /// Train the stages of a configuration file.
    Train(Box<train::Args>),
    /// Write the job scripts of a cluster, and put them into its queue.
    Launch(Box<launch::Args>),
    /// Make a model folder of a trained stage.
    Export(export::Args),
    /// Show, compare and check configurations of training.
    Config(config::Args),
    /// Measure how well the practice model obeys text and masks.
    PracticeReport(practice_report::Args),
    /// Plan, seal, join and report studies in which people score radiographs blind.
    Study(study::Args),
    /// Check the engine against a folder of golden tensors.
    Parity(parity::Args),
}

impl Cli {
    /// Runs the chosen subcommand.
    ///
    /// # Errors
    /// As the subcommand.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.command {
            Command::Generate(args) => generate::run(args),
            Command::Replay(args) => replay::run(args),
            Command::Import(args) => import::run(args),
            Command::Doctor(args) => doctor::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Phantom(args) => phantom::run(args),
            Command::Prepare(args) => prepare::run(args),
            Command::Plan(args) => plan::run(args),
            Command::Train(args) => train::run(args),
            Command::Launch(args) => launch::run(args),
            Command::Export(args) => export::run(args),
            Command::Config(args) => config::run(args),
            Command::PracticeReport(args) => practice_report::run(args),
            Command::Study(args) => study::run(args),
            Command::Parity(args) => parity::run(args),
        }
    }
}
