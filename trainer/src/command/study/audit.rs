//! Look for anything but the content that tells the arms apart.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use study::audit::{Audit, LIMITS, Options, Verdict};
use study::prepare::{Equal, needs_audit};

use super::files::{self, say};
use super::progress::Step;

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The design (study.toml), or the folder that it lies in.
    #[arg(value_name = "DESIGN")]
    design: PathBuf,
    /// Exchanges of labels for each probe that is not clearly at chance.
    #[arg(long, value_name = "N", default_value_t = 999, value_parser = clap::value_parser!(u32).range(99..=99_999))]
    permutations: u32,
}

const AFTER_HELP: &str = "\
Simple probes (size, depth, borders, grey, grain, traces of compression, metadata, names) try to guess the arm of images \
that they have not seen; 0.5 is chance, 1 is certain. The files are audited as they came, and again as readers will see \
them: made equal by the settings under [images]. The result is written beside the design as audit.json, which `seal` asks for.

Exit codes: 0 nothing leaks any more, 1 something does or the audit failed, 3 interrupted.";

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let opened = files::open(&args.design)?;
    let (design, table) = (&opened.design, &opened.table);
    if !needs_audit(design) {
        say("the arms show the same images, so nothing can tell them apart; `seal` needs no audit")?;
        return Ok(ExitCode::SUCCESS);
    }
    let step = Step::begin("looking at images")?;
    let options = Options { seed: design.seed, permutations: args.permutations as usize, ..Options::default() };
    let made = Equal::survey(design, table, &step.cancel, &mut |done, all| step.at(done, all)).and_then(|equal| {
        let record = equal.audit(design, table, &options, &step.cancel, &mut |part, done, all| step.part(part, done, all))?;
        Ok((equal, record))
    });
    let Some((equal, record)) = step.made(made)? else { return Ok(ExitCode::from(3)) };
    tell("The files as they came", &record.before)?;
    say("")?;
    tell("The images as readers will see them", &record.after)?;
    say("")?;
    for done in equal.done() {
        say(format!("{}: {}", done.arm, done.steps.join(" ")))?;
    }
    let file = opened.audit_file();
    record.write(&file)?;
    say(format!("written: {}", file.display()))?;
    for limit in LIMITS {
        say(limit)?;
    }
    let settings = record.after.remedied(&design.images, false);
    if record.after.must_equalise().next().is_some() {
        if settings != design.images {
            say("set this in study.toml and audit again:\n[images]")?;
            say(toml::to_string(&settings)?.trim_end())?;
        }
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// One line a probe, then the words of those that leak.
fn tell(title: &str, audit: &Audit) -> Result<()> {
    say(format!("{title}: {}", audit.summary()))?;
    for finding in &audit.findings {
        let (low, high) = finding.chance;
        let arm = if finding.arm.is_empty() { String::new() } else { format!(", {}", finding.arm) };
        say(format!(
            "  {:24} AUC {:.2} (chance {low:.2}–{high:.2})  {}{arm}",
            finding.probe.name(),
            finding.auc,
            finding.verdict.name()
        ))?;
        if finding.verdict == Verdict::Leaks {
            say(format!("  {:24} {} {}", "", finding.saw, finding.remedy))?;
        }
    }
    Ok(())
}
