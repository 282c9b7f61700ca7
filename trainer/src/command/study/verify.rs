//! Check a sealed study, and its key and answers if given.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use study::answers::AnswersFile;
use study::key::Key;
use study::sealed::{AuditNote, Study, grouped, short};

use super::files::{count, say};
use super::progress::Step;

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Every byte of the study is compared with its closing hash, every image with its own, and the chain of events of answers is \
followed to its end. Compare the hash with the one that was registered: only that tells that it is the same study.")]
pub(super) struct Args {
    /// The sealed study.
    #[arg(value_name = "NAME.cxstudy")]
    study: PathBuf,
    /// Its key.
    #[arg(long, value_name = "NAME.cxkey")]
    key: Option<PathBuf>,
    /// Answers to it.
    #[arg(value_name = "ANSWERS")]
    answers: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let study = Study::open(&args.study)?;
    let sheet = study.sheet();
    let step = Step::begin("images")?;
    for (done, id) in sheet.images.keys().enumerate() {
        step.at(done, sheet.images.len());
        study.image(id)?;
        if step.is_stopped() {
            step.end();
            return Ok(ExitCode::from(3));
        }
    }
    step.end();
    say(format!("{}: unchanged", args.study.display()))?;
    say(format!("  hash {}", grouped(study.hash())))?;
    let trials: Vec<String> = sheet.readers.iter().map(|plan| format!("{} {}", plan.reader, plan.len())).collect();
    say(format!("  {}, {}", sheet.template.name(), count(sheet.images.len(), "image")))?;
    say(format!("  trials of each reader: {}", trials.join(", ")))?;
    match &sheet.audit {
        AuditNote::Made { guess, chance, probe, .. } => {
            say(format!("  leak audit: AUC {guess:.2} (chance {:.2}–{:.2}), {probe}", chance.0, chance.1))?;
        }
        AuditNote::LeftOut { reason } => say(format!("  no leak audit: {reason}"))?,
    }
    if let Some(file) = &args.key {
        let key = Key::read(file)?;
        key.fits(&study, &file.display().to_string())?;
        say(format!("{}: fits the study, {}", file.display(), short(&key.hash)))?;
    }
    for file in &args.answers {
        let answers = AnswersFile::read(file)?;
        if answers.study != study.hash() {
            anyhow::bail!(
                "{} holds answers to study {}, and this is study {}",
                file.display(),
                short(&answers.study),
                short(study.hash())
            );
        }
        let planned = study.reader(&answers.reader)?.len();
        let locked = answers.progress(sheet.template).locked();
        say(format!(
            "{}: {}, {locked} of {planned} answers locked, chain of {} whole",
            file.display(),
            answers.reader,
            count(answers.entries.len(), "event")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
