//! Write a commented design and an example table of cases.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use study::template::Template;

use super::files::{self, DESIGN, say};

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Writes study.toml, cases.csv and README.md. The README goes through the whole study with the practice model, from images \
of two settings to a report, and each command in it works as it stands.")]
pub(super) struct Args {
    /// What is asked: report-alignment, realism, real-or-synthetic, pairwise-choice, quartet, visual-grading or
    /// assisted-reading.
    #[arg(long, value_name = "TEMPLATE", default_value = "report-alignment", value_parser = template)]
    template: Template,
    /// The folder of the study; made when missing.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// A template by the name that the design gives it.
fn template(name: &str) -> Result<Template> {
    let quoted = serde_json::Value::String(name.to_owned());
    serde_json::from_value(quoted).map_err(|_| anyhow!("known are {}", Template::ALL.map(id).join(", ")))
}

/// The name of a template in a design.
fn id(template: Template) -> String {
    serde_json::to_value(template).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// What differs between templates in an example.
struct Example {
    /// Arms, and the one that is real.
    arms: &'static [&'static str],
    /// Lines of the design that only this template has.
    lines: &'static str,
    /// Catch trials.
    catch: u32,
    /// Rounds.
    rounds: u32,
}

fn example(template: Template) -> Example {
    let plain = Example { arms: &["guided", "plain"], lines: "", catch: 2, rounds: 1 };
    match template {
        Template::ReportAlignment | Template::Realism | Template::PairwiseChoice => plain,
        Template::RealOrSynthetic => Example { arms: &["phantom", "plain"], lines: REAL, ..plain },
        Template::Quartet => Example { arms: &["phantom", "guided", "plain", "short"], lines: REAL, catch: 0, ..plain },
        Template::VisualGrading => Example { lines: CRITERIA, ..plain },
        Template::AssistedReading => Example { arms: &["unaided", "aided"], lines: "", catch: 0, rounds: 2 },
    }
}

const REAL: &str = "# The arm that holds real radiographs. Here drawn phantoms stand for them.\nreal = \"phantom\"\n";
const CRITERIA: &str = "# Each of these is scored on its own, 1 to 5.\ncriteria = [\"Sharpness of vessels\", \"Contrast of the lungs\", \"Anatomy\"]\n";

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure_writable_dir(&args.dir)?;
    let design = args.dir.join(DESIGN);
    let (table, readme, prompts) = (args.dir.join("cases.csv"), args.dir.join("README.md"), args.dir.join("prompts.csv"));
    for file in [&design, &table, &readme, &prompts] {
        files::must_be_new(file, "choose another folder")?;
    }
    let example = example(args.template);
    write_atomic(&table, cases(args.template, &example).as_bytes())?;
    write_atomic(&prompts, texts().as_bytes())?;
    write_atomic(&readme, guide(args, &example).as_bytes())?;
    write_atomic(&design, text(args.template, &example).as_bytes())?;
    say(format!("written: {}, cases.csv, prompts.csv and README.md beside it", design.display()))?;
    say(format!("next: {} tells how to make images, seal, read, join and report", readme.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn text(template: Template, example: &Example) -> String {
    let mut text = include_str!("new/study.toml").to_owned();
    let arms = example.arms.iter().map(|arm| format!("{arm:?}")).collect::<Vec<_>>().join(", ");
    for (mark, value) in [
        ("TEMPLATE", id(template)),
        ("TITLE", template.name().to_owned()),
        ("QUESTION", template.question().to_owned()),
        ("ARMS", arms),
        ("LINES\n", example.lines.to_owned()),
        ("CATCH", example.catch.to_string()),
        ("ROUNDS", example.rounds.to_string()),
        ("POWER", power(template).to_owned()),
    ] {
        text = text.replace(&format!("@{mark}"), &value);
    }
    let moved = f64::from(template.choices().first().map_or(-2, |choice| choice.value) + 2);
    text = text.replace("@BETTER", &format!("{:.1}", 1.4 + moved)).replace("@OTHER", &format!("{:.1}", 0.7 + moved));
    text
}

/// What the number of cases is chosen for, as comments.
fn power(template: Template) -> &'static str {
    match template {
        Template::PairwiseChoice => {
            "# What the number of cases is chosen for: the share of choices for the first arm. Without it, 0.65 is assumed.\n\
             # [power]\n# share = 0.65\n"
        }
        Template::Quartet => {
            "# What the number of cases is chosen for: the share of quartets in which the real image is found (guessing finds 0.25).\n\
             # Without it, 0.40 is assumed.\n# [power]\n# share = 0.40\n"
        }
        Template::AssistedReading => {
            "# What the number of cases is chosen for: the share of right answers with help, and without. Without it, 0.80 and 0.70\n\
             # are assumed.\n# [power]\n# share = 0.80\n# without = 0.70\n"
        }
        _ => {
            "# What the number of cases is chosen for: expected mean and deviation of the scores of two arms. Without it, the figures of\n\
             # the paper's study are assumed, at the same places of this scale.\n# [power]\n# first = { mean = @BETTER, sd = 1.0 }\n\
             # second = { mean = @OTHER, sd = 1.3 }\n"
        }
    }
}

/// Impressions of the example with findings; the last four are for practice.
const CASES: [(&str, &str, &str, &str); 16] = [
    ("Moderate right pneumothorax.", "PTX", "Man", "34"),
    ("No acute cardiopulmonary findings.", "none", "Woman", "51"),
    ("Small left pleural effusion.", "EFF", "Man", "67"),
    ("Right lower lobe consolidation.", "CON", "Woman", "45"),
    ("Nodule in the left upper lobe.", "NOD", "Man", "58"),
    ("Moderate cardiomegaly.", "CMG", "Woman", "72"),
    ("Large right pleural effusion.", "EFF", "Woman", "63"),
    ("Small left pneumothorax.", "PTX", "Man", "29"),
    ("Left lower lobe consolidation.", "CON", "Man", "54"),
    ("No acute findings. Heart size is normal.", "none", "Man", "48"),
    ("Mass in the right upper lobe.", "NOD", "Woman", "70"),
    ("Left pneumothorax.", "PTX", "Woman", "22"),
    ("Right pleural effusion.", "EFF", "Man", "61"),
    ("Moderate left pneumothorax.", "PTX", "Woman", "38"),
    ("Left upper lobe consolidation.", "CON", "Man", "49"),
    ("No acute findings.", "none", "Woman", "56"),
];
/// Cases of the example that are for practice.
const PRACTICE: usize = 4;

/// The table of cases, with the images that the README makes.
fn cases(template: Template, example: &Example) -> String {
    let aided = template == Template::AssistedReading;
    let mut out = "case,impression,findings,sex,age,view,use".to_owned();
    if aided {
        out.push_str(",asked,examples");
    }
    for arm in example.arms {
        out.push_str(&format!(",image:{arm}"));
    }
    for (index, (impression, findings, sex, age)) in CASES.iter().enumerate() {
        let used = if index < CASES.len() - PRACTICE { "scored" } else { "practice" };
        out.push_str(&format!("\n{},{impression},{findings},{sex},{age},PA,{used}", index + 1));
        if aided {
            // Another case with a pneumothorax, and one without.
            out.push_str(",PTX,images/plain/case-14.png;images/plain/case-16.png");
        }
        for arm in example.arms {
            let folder = if aided { "guided" } else { arm };
            let file =
                if folder == "phantom" { format!("images/phantom-5-{index:06}.png") } else { format!("case-{}.png", index + 1) };
            out.push_str(&format!(",images/{folder}/{file}"));
        }
    }
    out.push('\n');
    out
}

/// The table from which `chexgen generate` makes the images.
fn texts() -> String {
    let mut out = "name,impression\n".to_owned();
    for (index, (impression, ..)) in CASES.iter().enumerate() {
        out.push_str(&format!("case-{},{impression}\n", index + 1));
    }
    out
}

/// What to do next.
fn guide(args: &Args, example: &Example) -> String {
    let dir = args.dir.file_name().map_or_else(|| "study".to_owned(), |name| name.to_string_lossy().into_owned());
    let aided = args.template == Template::AssistedReading;
    let folders: &[&str] = if aided { &["guided", "plain"] } else { example.arms };
    let mut images = String::new();
    for folder in folders {
        images.push_str(&match *folder {
            "phantom" => "chexgen phantom --count 16 --size 256 --preset practice --seed 5 --out images/phantom\n".to_owned(),
            "guided" => "chexgen generate --cases prompts.csv --guidance 4 --seed 1 --out images/guided\n".to_owned(),
            "short" => "chexgen generate --cases prompts.csv --guidance 1 --steps 5 --seed 3 --out images/short\n".to_owned(),
            plain => format!("chexgen generate --cases prompts.csv --guidance 1 --seed 2 --out images/{plain}\n"),
        });
    }
    include_str!("new/guide.md").replace("@DIR", &dir).replace("@IMAGES\n", &images).replace("@TITLE", args.template.name())
}

#[cfg(test)]
mod tests {
    use study::design::Design;

    use super::*;

    #[test]
    fn every_template_has_an_example_that_is_a_design() {
        for template in Template::ALL {
            let example = example(template);
            let text = text(template, &example);
            let design = Design::parse(&text, "study.toml").expect("a design");
            assert_eq!((design.template, design.arms.as_slice()), (template, example.arms.map_to_owned().as_slice()));
            assert!(!text.contains('@'), "{text}");
            assert!(!guide(&Args { template, dir: "x".into() }, &example).contains('@'));
            assert_eq!(super::template(&id(template)).expect("a name"), template);
        }
        let error = super::template("guessing").expect_err("unknown").to_string();
        assert!(error.contains("report-alignment") && error.contains("quartet"), "{error}");
    }

    /// Owned names, for a comparison.
    trait MapToOwned {
        fn map_to_owned(&self) -> Vec<String>;
    }

    impl MapToOwned for [&'static str] {
        fn map_to_owned(&self) -> Vec<String> {
            self.iter().map(|name| (*name).to_owned()).collect()
        }
    }
}
