//! A small study with simulated readers, from drawn patients to the analysis: what a newcomer can look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::cancel::Cancel;
use engine::domain::{Finding, GrayImage};
use engine::imageio::png::{Text, encode_gray16};
use engine::phantom::{PhantomConfig, plan};
use engine::store::atomic::write_atomic;
use engine::store::record::SYNTHETIC_MARK;
use study::answers::Answers;
use study::design::Design;
use study::key::Key;
use study::reading::Purpose;
use study::sealed::Study;
use study::simulate::{ReaderModel, Simulation, read};

use super::super::state::fresh;
use super::audit::{self, stopped};
use super::seal::{self, Order};
use super::{Example, Tick, design, join, sentence};
use crate::dataset::csv;
use crate::library::now_ms;

/// Cases, of which the last ones are for practice.
const CASES: usize = 40;
/// Cases for practice.
const PRACTICE: usize = 4;
/// Side of the images in pixels.
const SIDE_PX: u32 = 192;
/// Seed of patients, plan and readers.
const SEED: u64 = 20_251;
/// The arms: what was drawn as described, and what leaves findings out.
const ARMS: [&str; 2] = ["Drawn as described", "Findings left out"];
/// Of so many cases of the second arm, one shows what is described.
const KEPT: usize = 3;

/// Makes the study in a new folder below this one, and everything that follows from it.
pub(super) fn make(below: &Path, cancel: &Cancel, tick: Tick<'_>) -> Result<Example, String> {
    let names = (1..10_000).map(|n| if n == 1 { "simulated-study".to_owned() } else { format!("simulated-study-{n}") });
    let folder = names
        .map(|name| below.join(name))
        .find(|folder| !folder.exists())
        .ok_or_else(|| format!("No free name for a study is left in {}.", below.display()))?;
    std::fs::create_dir_all(folder.join("images")).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    let mut table = csv::line(&["case", "impression", "findings", "sex", "age", "view", "use", &image(0), &image(1)]);
    for case in 0..CASES {
        stopped(cancel)?;
        tick("drawing patients", case, CASES);
        table.push_str(&row(&folder, case)?);
    }
    write_atomic(&folder.join("cases.csv"), table.as_bytes()).map_err(sentence)?;
    let study = designed();
    let file = folder.join("study.toml");
    design::save(&file, &study)?;
    let audited = audit::audit(&study, &folder, cancel, tick)?;
    // Patients of both arms are drawn by one program; a probe that still finds something is told as it is.
    let leaks = audited.record.after.must_equalise().next().is_some();
    let order = Order {
        design: study.clone(),
        folder: folder.clone(),
        out: folder.join("simulated-study.cxstudy"),
        record: Some(audited.record.clone()),
        reason: if leaks { "an example with simulated readers".to_owned() } else { String::new() },
        cancel: cancel.clone(),
    };
    let hashes = seal::seal(&order, tick)?;
    let answers = answers(&hashes.study.0, &hashes.key.0, cancel, tick)?;
    let (joined, analysis, pictures) = join::join(&hashes.study.0, &hashes.key.0, &answers, cancel, tick)?;
    join::keep(&joined, &hashes.study.0.with_file_name("simulated-study-joined.json"))?;
    Ok(Example { file, design: study, audit: audited, hashes, answers, joined, analysis, pictures })
}

fn image(arm: usize) -> String {
    format!("image:{}", ARMS[arm])
}

/// Draws the images of a case; gives its row of the table.
fn row(folder: &Path, case: usize) -> Result<String, String> {
    let patient = plan(&PhantomConfig::practice(), SEED, case as u64);
    let other = patient.in_patient(SEED + 1, case as u64);
    let other = if case.is_multiple_of(KEPT) { other } else { other.without_findings() };
    let mut files = Vec::new();
    for (letter, drawn) in [("a", &patient), ("b", &other)] {
        let file = PathBuf::from("images").join(format!("{letter}-{:02}.png", case + 1));
        write_image(&folder.join(&file), &drawn.draw(SIDE_PX).image)?;
        files.push(file.display().to_string());
    }
    let present = patient.classes();
    let codes: Vec<&str> =
        Finding::ALL.iter().filter(|f| present.iter().any(|(found, _)| found == *f)).map(|f| f.code()).collect();
    let findings = if codes.is_empty() { "none".to_owned() } else { codes.join(";") };
    let used = if case < CASES - PRACTICE { "scored" } else { "practice" };
    let (sex, age) = (if patient.sex().name() == "Male" { "Man" } else { "Woman" }, format!("{:.0} years", patient.age()));
    let id = (case + 1).to_string();
    Ok(csv::line(&[&id, patient.impression(), &findings, sex, &age, patient.view().name(), used, &files[0], &files[1]]))
}

fn write_image(path: &Path, image: &GrayImage) -> Result<(), String> {
    let bytes = encode_gray16(image, &[Text::Plain(SYNTHETIC_MARK.0, SYNTHETIC_MARK.1)]).map_err(sentence)?;
    write_atomic(path, &bytes).map_err(sentence)
}

fn designed() -> Design {
    let mut design = fresh();
    design.title = "Simulated study".to_owned();
    design.seed = SEED;
    design.readers = ["Reader 1", "Reader 2", "Reader 3"].map(str::to_owned).to_vec();
    design.arms = ARMS.map(str::to_owned).to_vec();
    design.cases = PathBuf::from("cases.csv");
    (design.plan.practice, design.plan.catch) = (PRACTICE as u32, 2);
    design
}

/// The answers of three readers: one near the middle, one strict and slow, one mild and quick.
fn answers(study_file: &Path, key_file: &Path, cancel: &Cancel, tick: Tick<'_>) -> Result<Vec<PathBuf>, String> {
    let study = Study::open(study_file).map_err(sentence)?;
    let key = Key::read(key_file).map_err(sentence)?;
    let mut simulation = Simulation::usual(&study, &key);
    let habits = [(0.2, 13.0), (-0.9, 18.0), (0.6, 10.0)];
    let codes = study.sheet().readers.iter().map(|plan| plan.reader.clone());
    simulation.readers = codes
        .zip(habits)
        .map(|(code, (bias, seconds))| (code, ReaderModel { bias, seconds, fatigue: 0.2, ..ReaderModel::default() }))
        .collect::<BTreeMap<_, _>>();
    let scored = key.trials.values().flatten().filter(|trial| trial.purpose == Purpose::Scored).count();
    let start_ms = now_ms();
    let mut files = Vec::new();
    for code in simulation.readers.keys() {
        let file = Answers::file_beside(study_file, code);
        let part = format!("{code} answers, {scored} scores in all");
        read(&file, &study, &key, code, &simulation, (SEED, start_ms), cancel, &mut |done, of| tick(&part, done, of))
            .map_err(sentence)?;
        files.push(file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_whole_study_that_says_it_is_simulated() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let made = make(dir.path(), &Cancel::new(), &|_, _, _| ()).expect("a study");
        assert!(made.joined.context.simulated, "nobody takes it for a reading");
        assert_eq!((made.analysis.readers.len(), made.analysis.counts.cases), (3, CASES - PRACTICE));
        assert_eq!(made.analysis.counts.scored, made.analysis.counts.planned);
        assert!(made.joined.context.integrity.iter().all(|check| check.passed), "{:?}", made.joined.context.integrity);
        let images = made.file.parent().expect("a folder").join("images");
        for file in std::fs::read_dir(images).expect("images").flatten() {
            let bytes = std::fs::read(file.path()).expect("readable");
            let mark = SYNTHETIC_MARK.1.as_bytes();
            assert!(bytes.windows(mark.len()).any(|part| part == mark), "{:?} says that it is synthetic", file.path());
        }
        let shown = made.analysis.differing.len() * ARMS.len();
        assert_eq!(made.pictures.len(), shown, "each case where readers differ has its images");
        let effect = made.analysis.scales[0].effects.iter().find(|e| e.reader.is_none()).expect("an effect of all");
        assert!(effect.difference.is_some_and(|d| d.value > 0.3), "what leaves findings out is scored lower");
        let second = make(dir.path(), &Cancel::new(), &|_, _, _| ()).expect("a second study");
        assert!(second.file.ends_with("simulated-study-2/study.toml"));
        assert_eq!(second.hashes.study.1, made.hashes.study.1, "the same seed gives the same study");
        let stop = Cancel::new();
        stop.cancel();
        assert!(make(dir.path(), &stop, &|_, _, _| ()).is_err_and(|why| why.contains("Stopped")));
    }
}
