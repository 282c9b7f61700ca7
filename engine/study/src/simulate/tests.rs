use std::path::Path;

use engine::cancel::Cancel;
use tempfile::TempDir;

use super::proof::{Bench, Setup};
use super::*;
use crate::analysis::{self, analyse};
use crate::answers::{AnswersFile, Event};
use crate::design::Design;
use crate::join::{Bounds, join};
use crate::reading::Purpose;
use crate::testing;

struct Sealed {
    folder: TempDir,
    study: Study,
    key: Key,
}

fn sealed(design: &Design, cases: usize, practice: usize) -> Sealed {
    let folder = tempfile::tempdir().expect("a folder");
    let table = testing::table(design, folder.path(), cases, practice);
    let made = testing::sealed(design, &table);
    let path = folder.path().join("a.cxstudy");
    std::fs::write(&path, &made.study).expect("written");
    let key_path = folder.path().join("a.cxkey");
    made.key.write(&key_path).expect("written");
    Sealed { study: Study::open(&path).expect("a study"), key: Key::read(&key_path).expect("its key"), folder }
}

#[test]
fn answers_of_every_template_are_read_joined_and_analysed_as_simulated() {
    for template in Template::ALL {
        let arms = if template == Template::Quartet { 4 } else { 2 };
        let mut design = testing::design(template, 2, arms);
        design.plan.practice = 2;
        if !matches!(template, Template::Quartet | Template::AssistedReading) {
            design.plan.catch = 2;
            design.plan.repeats = 0.1;
        }
        let sealed = sealed(&design, 12, 2);
        let simulation = Simulation::usual(&sealed.study, &sealed.key);
        let mut files = Vec::new();
        for reader in &design.readers {
            let path = sealed.folder.path().join(format!("a-{reader}.cxanswers"));
            let (mut last, cancel) = ((0, 0), Cancel::new());
            let run = |path: &Path, progress: &mut dyn FnMut(usize, usize)| {
                read(path, &sealed.study, &sealed.key, reader, &simulation, (5, 1_700_000_000_000), &cancel, progress)
            };
            run(&path, &mut |done, all| last = (done, all)).expect("read to the end");
            assert!(last.0 == last.1 && last.0 > 20, "{last:?}");
            let again = run(&path, &mut |_, _| ()).expect_err("never added to").to_string();
            assert!(again.contains("answers already"), "{again}");
            let file = AnswersFile::read(&path).expect("a whole chain");
            let expected = events(&sealed.study, &sealed.key, reader, &simulation, 5, 1_700_000_000_000).expect("the same");
            let kept: Vec<Event> = file.entries.iter().map(|entry| entry.event.clone()).collect();
            assert_eq!(kept, expected.into_iter().map(|(_, event)| event).collect::<Vec<_>>());
            files.push(file);
        }
        let joined = join(&sealed.study, &sealed.key, "a.cxkey", &files, &Bounds::default(), "test").expect("it joins");
        assert!(joined.context.simulated, "{template:?}");
        assert!(joined.context.integrity.iter().all(|check| check.passed), "{:?}", joined.context.integrity);
        let planned: usize = sealed.study.sheet().readers.iter().map(|plan| plan.len()).sum();
        assert_eq!(joined.readings.len(), planned * sealed.study.sheet().criteria.len().max(1), "{template:?}");
        let options = analysis::Options { resamples: 50, ..analysis::Options::default() };
        analyse(&joined.readings, &joined.context, &options).unwrap_or_else(|error| panic!("{template:?}: {error}"));
    }
}

#[test]
fn effects_of_findings_attention_learning_and_time_show() {
    let design = testing::design(Template::ReportAlignment, 1, 2);
    let sealed = sealed(&design, 240, 0);
    let mut simulation = Simulation::usual(&sealed.study, &sealed.key);
    let effect = FindingEffect { arm: "arm1".to_owned(), finding: "PTX".to_owned(), effect: -3.0 };
    simulation.world.findings.push(effect);
    let model = ReaderModel { learning: 3.0, slow_start: 2.0, ..ReaderModel::default() };
    simulation.readers.insert("R1".to_owned(), model);
    let readings = |simulation: &Simulation, seed: u64| {
        let happened = events(&sealed.study, &sealed.key, "R1", simulation, seed, 0).expect("events");
        let locked = happened.into_iter().filter_map(|(_, event)| match event {
            Event::Locked { trial, values, seconds, .. } => Some((trial, values[0], seconds)),
            _ => None,
        });
        locked.collect::<Vec<_>>()
    };
    let given = readings(&simulation, 3);
    assert_eq!(given, readings(&simulation, 3));
    assert_ne!(given, readings(&simulation, 4));
    let trials = &sealed.key.trials["R1"];
    let plan = sealed.study.reader("R1").expect("a reader");
    let mean = |keep: &dyn Fn(u32, &str, &[String]) -> bool, of: &dyn Fn(&(u32, i32, f64)) -> f64| {
        let values: Vec<f64> = given
            .iter()
            .filter(|(trial, ..)| {
                let (_, _, shown) = plan.trial(*trial).expect("planned");
                let arm = sealed.key.images[&shown.images[0]].arm.clone().expect("an arm");
                let meaning = &trials[*trial as usize - 1];
                let case = sealed.key.cases.iter().find(|case| case.id == meaning.case).expect("a case");
                meaning.purpose == Purpose::Scored && keep(*trial, &arm, &case.findings)
            })
            .map(of)
            .collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let score = |row: &(u32, i32, f64)| f64::from(row.1);
    let with = |arm: &'static str, finding: bool| {
        mean(&move |trial: u32, a: &str, f: &[String]| trial > 60 && a == arm && f.contains(&"PTX".to_owned()) == finding, &score)
    };
    assert!(with("arm1", true) < with("arm1", false) - 1.0, "the finding makes the first arm worse");
    assert!((with("arm2", true) - with("arm2", false)).abs() < 0.8, "and not the second");
    assert!(
        mean(&|trial: u32, _: &str, _: &[String]| trial <= 25, &score)
            > mean(&|trial: u32, _: &str, _: &[String]| trial > 150, &score) + 0.3,
        "learning"
    );
    let secs = |row: &(u32, i32, f64)| row.2;
    assert!(
        mean(&|trial: u32, _: &str, _: &[String]| trial <= 15, &secs)
            > 1.5 * mean(&|trial: u32, _: &str, _: &[String]| trial > 150, &secs),
        "the first images take longer"
    );
}

#[test]
fn what_does_not_fit_is_one_sentence() {
    let design = testing::design(Template::ReportAlignment, 1, 2);
    let sealed = sealed(&design, 6, 0);
    let usual = Simulation::usual(&sealed.study, &sealed.key);
    let error = |simulation: &Simulation, reader: &str| {
        events(&sealed.study, &sealed.key, reader, simulation, 1, 0).expect_err("it does not fit").to_string()
    };
    let mut few = usual.clone();
    few.world.thresholds.pop();
    assert_eq!(error(&few, "R1"), "the simulation: world.thresholds: 4 rising numbers are needed");
    let mut missing = usual.clone();
    missing.world.arms.remove("arm2");
    assert!(error(&missing, "R1").contains("\"arm2\" is missing"));
    let mut nobody = usual.clone();
    nobody.readers.clear();
    assert!(error(&nobody, "R1").contains("\"R1\" of the study is missing"));
    assert!(error(&usual, "R9").contains("no reader \"R9\""));
    let text = toml::to_string(&usual).expect("plain data");
    assert_eq!(toml::from_str::<Simulation>(&text).expect("its own form"), usual);
}

/// The full proof (200 repetitions of 150 cases) is the example `proof`; this one is quick, with fixed seeds.
#[test]
fn intervals_hold_what_was_planted_and_nothing_is_found_in_nothing() {
    const REPETITIONS: usize = 20;
    let folder = tempfile::tempdir().expect("a folder");
    let run = |effect: f64| {
        let setup = Setup { cases: 60, resamples: 200, ..Setup::usual(effect) };
        let bench = Bench::new(setup, folder.path()).expect("a study");
        bench.prove(1, REPETITIONS, &Cancel::new(), &mut |_| ()).expect("a proof")
    };
    let planted = run(0.9);
    // Of 20 intervals that hold 95 times of 100, fewer than 16 hold in 0.3 % of cases.
    for held in &planted.held {
        assert!(held.held >= 16 && held.of == REPETITIONS, "{}", planted.table());
    }
    assert!(planted.found.iter().all(|found| found.found >= 15), "{}", planted.table());
    let nothing = run(0.0);
    assert!(nothing.found.iter().all(|found| found.found <= 4), "{}", nothing.table());
    assert!(nothing.held[0].truth == 0.0 && nothing.held[1].truth.abs() < 1e-9, "{}", nothing.table());
}
