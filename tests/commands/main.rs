//! The command lines that the studio copies are those that `chexgen` takes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use app::jobs::Generator;
use app::rooms::runs::command::{arguments, line};
use app::rooms::train::command::{export, export_words, resume, resume_words};
use app::testing::FakeModel;
use clap::Parser as _;
use engine::cancel::Cancel;
use engine::domain::{Annotation, Finding, GenerateRequest, Mask, RectPx, SamplerKind, StepRange};
use engine::store::record::RunRecord;
use trainer::cli::Cli;

fn record(request: &GenerateRequest) -> RunRecord {
    let model = FakeModel::new(32, Duration::ZERO);
    model.generate(request, &Cancel::new(), &mut |_| {}).expect("it obeys").expect("it was not cancelled").record
}

/// What a shell makes of a line: the words, as it would give them to the program.
fn split_by_shell(line: &str) -> Option<Vec<String>> {
    let script = format!("printf '%s\\0' {line}");
    let output = Command::new("sh").arg("-c").arg(script).output().ok()?;
    assert!(output.status.success() && output.stderr.is_empty(), "{line}");
    let text = String::from_utf8(output.stdout).expect("the words are UTF-8");
    Some(text.split_terminator('\0').map(str::to_owned).collect())
}

/// What the headless program understood, after a shell has read the line.
fn understood(request: &GenerateRequest, file: &str) -> String {
    let words = arguments(&record(request), Path::new(file), None).expect("it can be said");
    // Where there is no shell, the words themselves are still checked.
    let through_shell = split_by_shell(&line(&words)).unwrap_or_else(|| words.clone());
    assert_eq!(through_shell, words, "the shell gives back every word");
    let cli = Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    format!("{cli:?}")
}

#[test]
fn every_setting_arrives() {
    let mut request = GenerateRequest::new("Small left effusion.", u64::MAX);
    request.num_steps = 40;
    request.guidance_scale = 3.7;
    request.sampler = SamplerKind::Ddim;
    request.eta = 0.25;
    let said = understood(&request, "images/7.png");
    for words in [
        "impression: Some(\"Small left effusion.\")",
        "seed: Some(18446744073709551615)",
        "steps: Some(40)",
        "sampler: Some(Ddim)",
        "guidance: Some(3.7)",
        "preset: Some(Paper)",
        "eta: Some(0.25)",
        "karras: false",
    ] {
        assert!(said.contains(words), "{words} is missing in {said}");
    }
    request.sampler = SamplerKind::UniPc;
    request.karras = true;
    let said = understood(&request, "images/7.png");
    assert!(said.contains("karras: true") && said.contains("eta: None"), "{said}");
}

#[test]
fn a_training_goes_on_and_goes_out_by_the_copied_commands() {
    for run in ["runs/first", "-it's a run", "/data/läufe/zwei drei"] {
        let path = Path::new(run);
        let checkpoint = path.join("control/step-00000700.json");
        let newest = Some((checkpoint.as_path(), 700));
        let pairs = [
            (resume(path), resume_words(path), "Train("),
            (export(path, None), export_words(path, None), "Export("),
            (export(path, newest), export_words(path, newest), "Export("),
        ];
        for (line, words, name) in pairs {
            let (line, words) = (line.expect("plain text"), words.expect("plain text"));
            assert_eq!(split_by_shell(&line).unwrap_or_else(|| words.clone()), words, "the shell gives back every word");
            let said = format!("{:?}", Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}")));
            assert!(said.contains(name) && said.contains(run), "{said}");
        }
    }
    // The model of another update is another one, and no command puts it into the place of the first.
    let words = |step: u64| {
        let checkpoint = format!("runs/first/control/step-{step:08}.json");
        export_words(Path::new("runs/first"), Some((Path::new(&checkpoint), step))).expect("plain text").join(" ")
    };
    assert_eq!(words(700), "chexgen export runs/first/control/step-00000700.json --out models/first-700");
    assert!(words(900).ends_with("--out models/first-900") && !words(900).contains("--replace"));
}

#[test]
fn no_text_is_read_as_something_else() {
    for text in [
        "First line.\nSecond line.\n",
        "--help",
        "-x",
        "it's \"quoted\" $(echo no) `no` \\ $HOME !! * ? [a] {b} ; | & > < # ~",
        "größer als 3,5 × 4 cm – nein",
        "\ttabs and trailing blanks  ",
        "=",
    ] {
        let said = understood(&GenerateRequest::new(text, 1), "a.png");
        assert!(said.contains(&format!("impression: Some({text:?})")), "{text:?} became {said}");
    }
}

#[test]
fn boxes_are_spelled_out_and_drawn_masks_are_replayed() {
    let mut request = GenerateRequest::new("Right nodule.", 1);
    let drawn = Annotation::boxed(Finding::Nodule, RectPx::from_corners(2.5, 3.0, 9.0, 12.0), 32, 32);
    request.annotations =
        vec![Annotation { strength: 0.8, steps: StepRange { first: 0.0, last: 0.5 }, area_px: Some(4), ..drawn }];
    let said = understood(&request, "a.png");
    assert!(said.contains("Generate") && said.contains("nodule") && said.contains("\\\"x0\\\":2.5"), "{said}");
    request.annotations.push(Annotation::mask(Finding::Nodule, Mask::from_fn(32, 32, |x, _| x > 20)));
    let said = understood(&request, "it's here/-a b.png");
    assert!(said.contains("Replay") && said.contains("it's here/-a b.png"), "{said}");
    let said = understood(&request, "-a.png");
    assert!(said.contains("./-a.png"), "{said}");
}
