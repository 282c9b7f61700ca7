//! Join the key and the answers into one table.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use engine::store::atomic::write_atomic;
use study::answers::AnswersFile;
use study::join::{Bounds, Joined, join};
use study::key::Key;
use study::report;
use study::sealed::Study;

use super::files::{beside, count, say};

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The sealed study.
    #[arg(value_name = "NAME.cxstudy")]
    study: PathBuf,
    /// Its key; beside the study, if left out.
    #[arg(long, value_name = "NAME.cxkey")]
    key: Option<PathBuf>,
    /// The answers of the readers, one file each (.cxanswers).
    #[arg(value_name = "ANSWERS", required = true)]
    answers: Vec<PathBuf>,
    /// The joined file, from which `report` works; NAME-joined.json beside the study, if left out. The table gets the same
    /// name with .csv, and its dictionary with -dictionary.csv.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// List pauses within a trial from this length on, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pause: f64,
}

const AFTER_HELP: &str = "\
Refused with one sentence: a wrong key, an edited study, answers to another study, a broken chain of events. Everything else \
that went otherwise than planned is listed, and counts: trials that were not answered, rounds begun too early, long pauses, \
changed answers, another size on the screen, failed catch trials, a clock that was set back.

The table has one row an answer and criterion. REDCap takes it with its dictionary; R reads it with read.csv.

Exit codes: 0 joined, 1 failed, 2 wrong usage.";

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.pause.is_finite() && args.pause >= 0.0, "--pause: it must be a number of minutes from 0");
    let out = args.out.clone().unwrap_or_else(|| beside(&args.study, "-joined.json"));
    let (table, dictionary) = (out.with_extension("csv"), beside(&out, "-dictionary.csv"));
    ensure!(out.extension().is_some_and(|ending| ending == "json"), "--out: {} must end with .json", out.display());
    // What was joined earlier is joined again; anything else of these names was made by somebody else.
    for file in [&out, &table, &dictionary] {
        ensure!(
            !file.exists() || Joined::read(&out).is_ok(),
            "{} is there already and does not belong to joined answers; choose another name with --out",
            file.display()
        );
    }
    let study = Study::open(&args.study)?;
    let key_file = args.key.clone().unwrap_or_else(|| args.study.with_extension("cxkey"));
    let key = Key::read(&key_file)?;
    let answers = args.answers.iter().map(|file| AnswersFile::read(file)).collect::<Result<Vec<_>, _>>()?;
    let bounds = Bounds { pause_minutes: args.pause, ..Bounds::default() };
    let program = concat!("chexgen ", env!("CARGO_PKG_VERSION"));
    let joined = join(&study, &key, &key_file.display().to_string(), &answers, &bounds, program)?;
    write_atomic(&table, &report::csv(&joined.readings, &joined.context)?)?;
    write_atomic(&dictionary, &report::dictionary(&joined.context)?)?;
    joined.write(&out).context("the table is written, the joined file is not")?;
    for check in &joined.context.integrity {
        say(format!("{} {}", if check.passed { "passed" } else { "FAILED" }, check.text))?;
    }
    for deviation in &joined.context.deviations {
        let who = deviation.reader.as_ref().map_or_else(String::new, |reader| format!("{reader}: "));
        say(format!("deviation {who}{}", deviation.text))?;
    }
    say(format!("{}, {}", count(joined.readings.len(), "answer"), count(joined.context.readers.len(), "reader")))?;
    say(format!("written: {}, {}, {}", out.display(), table.display(), dictionary.display()))?;
    Ok(ExitCode::SUCCESS)
}
