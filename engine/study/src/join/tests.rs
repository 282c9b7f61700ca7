use std::path::PathBuf;

use super::*;
use crate::answers::{Answers, Event, Looked, Moment, Screen};
use crate::design::Design;
use crate::reading::{ErrorKind, MarkedError};
use crate::template::Template;
use crate::testing::{design, sealed, table};

const SCREEN: Screen = Screen { window_px: (1600, 1000), pixels_per_point: 1.0, scale: (1, 1) };

/// A sealed study in a folder with its key.
struct Kit {
    dir: tempfile::TempDir,
    study: Study,
    key: Key,
}

fn kit(template: Template, arms: usize, change: impl FnOnce(&mut Design)) -> Kit {
    let dir = tempfile::tempdir().expect("a folder");
    let mut design = design(template, 2, arms);
    change(&mut design);
    let made = sealed(&design, &table(&design, dir.path(), 6, 1));
    std::fs::write(dir.path().join("s.cxstudy"), &made.study).expect("a file");
    made.key.write(&dir.path().join("s.cxkey")).expect("a key");
    let study = Study::open(&dir.path().join("s.cxstudy")).expect("a study");
    let key = Key::read(&dir.path().join("s.cxkey")).expect("a key");
    Kit { dir, study, key }
}

fn at(secs: f64) -> Moment {
    Moment { wall_ms: (secs * 1000.0) as i64, mono_secs: secs }
}

fn locked(trial: u32, value: i32) -> Event {
    Event::Locked { trial, values: vec![value], seconds: 5.0, looked: Looked::default() }
}

fn shown(trial: u32) -> Event {
    Event::Shown { trial, screen: SCREEN }
}

impl Kit {
    /// Answers of a reader: as planned, with other events where `change` puts them.
    fn read(&self, reader: &str, change: impl Fn(u32) -> Vec<Event>) -> AnswersFile {
        let path: PathBuf = self.dir.path().join(format!("{reader}.cxanswers"));
        drop(std::fs::remove_file(&path));
        let mut answers = Answers::open(&path, &self.study, reader).expect("new answers");
        let mut secs = 0.0;
        let mut add = |answers: &mut Answers, event: Event| {
            secs += 10.0;
            answers.append(at(secs), event).expect("saved");
        };
        let program = "test 1".to_owned();
        add(&mut answers, Event::Opened { program, screen: SCREEN, simulated: false });
        add(&mut answers, Event::Consent);
        add(&mut answers, Event::Experience { years: "5 to 10 years".to_owned(), training: "Chest".to_owned() });
        let (ambient, words) = ("dark".to_owned(), String::new());
        add(&mut answers, Event::Display { screen: SCREEN, steps: true, rings: (4, 4), ambient, words });
        for trial in 1..=self.study.sheet().practice.len() as u32 {
            add(&mut answers, Event::Practice { trial, as_asked: None });
        }
        let count = self.study.reader(reader).expect("a reader").len() as u32;
        for trial in 1..=count {
            let events = change(trial);
            if events.is_empty() {
                add(&mut answers, shown(trial));
                let template = self.study.sheet().template;
                // The right answer where there is one, so that catch trials pass.
                let truth = self.key.trials[reader][trial as usize - 1].truth;
                let value = truth.unwrap_or_else(|| template.choices()[trial as usize % template.choices().len()].value);
                let values = vec![value; self.study.sheet().criteria.len().max(1)];
                add(&mut answers, Event::Locked { trial, values, seconds: 5.0, looked: Looked::default() });
            }
            events.into_iter().for_each(|event| add(&mut answers, event));
        }
        add(&mut answers, Event::Closed);
        drop(answers);
        AnswersFile::read(&path).expect("answers")
    }

    fn join(&self, answers: &[AnswersFile]) -> Result<Joined, String> {
        join(&self.study, &self.key, "s.cxkey", answers, &Bounds::default(), "test 1").map_err(|error| {
            let sentence = error.to_string();
            assert!(!sentence.contains('\n'), "{sentence}");
            sentence
        })
    }

    fn deviations(&self, answers: &[AnswersFile]) -> Vec<String> {
        let deviations = self.join(answers).expect("joined").context.deviations;
        deviations.into_iter().filter(|d| d.reader.as_deref() == Some("R1")).map(|d| d.text).collect()
    }
}

fn planned(_: u32) -> Vec<Event> {
    Vec::new()
}

#[test]
fn a_study_read_as_planned_has_no_deviation() {
    let kit = kit(Template::ReportAlignment, 2, |design| {
        (design.plan.repeats, design.plan.catch, design.plan.practice) = (0.2, 1, 1);
    });
    let joined = kit.join(&[kit.read("R2", planned), kit.read("R1", planned)]).expect("joined");
    // The one deviation is that of the tests: no audit.
    let texts: Vec<&str> = joined.context.deviations.iter().map(|d| d.text.as_str()).collect();
    assert_eq!(texts, ["No leak audit was made. Reason given: a test"]);
    assert!(joined.context.integrity.iter().all(|check| check.passed), "{:?}", joined.context.integrity);
    let texts: Vec<&str> = joined.context.integrity.iter().map(|check| check.text.as_str()).collect();
    assert_eq!(texts[2..], ["2 event chains whole, 72 entries", "Answers of all 2 readers are there", "30 of 30 answers locked"]);
    assert_eq!(joined.readings.len(), 30);
    let context = &joined.context;
    assert_eq!((context.plan.repeats, context.plan.catches, context.plan.practice, context.plan.blocks), (2, 1, 1, 1));
    assert_eq!(context.readers[0].experience, "5 to 10 years, Chest");
    assert_eq!(context.readers[0].planned, 12);
    for reading in &joined.readings {
        let id = &kit.study.reader(&reading.reader).expect("a reader").trial(reading.order).expect("a trial").2.images[0];
        let image = &kit.key.images[id];
        assert_eq!(Some(&reading.arm), image.arm.as_ref());
        assert_eq!(reading.purpose == Purpose::Catch, reading.truth.is_some());
        assert!(reading.purpose == Purpose::Catch || reading.case == image.case);
    }
    let file = kit.dir.path().join("joined.json");
    joined.write(&file).expect("a file");
    assert_eq!(Joined::read(&file).expect("joined"), joined);
    std::fs::write(&file, "{\"format\": 1}").expect("a file");
    let error = Joined::read(&file).expect_err("nonsense").to_string();
    assert!(error.contains("not what `chexgen study join` writes") && !error.contains('\n'), "{error}");
}

#[test]
fn choices_between_images_name_the_arm_that_was_chosen() {
    let pairs = kit(Template::PairwiseChoice, 3, |_| {});
    let joined = pairs.join(&[pairs.read("R1", planned)]).expect("joined");
    assert_eq!(joined.readings.len(), 18);
    for reading in &joined.readings {
        let trial = pairs.study.reader("R1").expect("a reader").trial(reading.order).expect("a trial").2;
        let arms: Vec<&String> = trial.images.iter().filter_map(|id| pairs.key.images[id].arm.as_ref()).collect();
        assert_eq!(&reading.arm, arms[reading.score as usize]);
        assert_eq!(reading.against, [arms[1 - reading.score as usize].clone()]);
    }
    let four = kit(Template::Quartet, 4, |_| {});
    let joined = four.join(&[four.read("R1", planned)]).expect("joined");
    // The tests answer right where there is a right answer.
    assert!(joined.readings.iter().all(|reading| reading.arm == "arm1" && reading.against.len() == 3));
    assert_eq!(joined.readings[0].truth, Some(joined.readings[0].score));

    let graded = kit(Template::VisualGrading, 2, |_| {});
    let joined = graded.join(&[graded.read("R1", planned)]).expect("joined");
    assert_eq!(joined.readings.len(), 24);
    assert_eq!((joined.readings[0].criterion.as_str(), joined.readings[1].criterion.as_str()), ("Sharpness", "Contrast"));
}

#[test]
fn what_does_not_belong_together_is_one_sentence() {
    let (one, other) = (kit(Template::ReportAlignment, 2, |_| {}), kit(Template::ReportAlignment, 2, |design| design.seed = 8));
    let (mine, theirs) = (one.read("R1", planned), other.read("R1", planned));
    let error = join(&one.study, &other.key, "other.cxkey", std::slice::from_ref(&mine), &Bounds::default(), "")
        .expect_err("wrong key")
        .to_string();
    assert!(error.contains("other.cxkey does not belong here: it is the key of study"), "{error}");
    assert!(one.join(&[theirs]).expect_err("another study").contains("it holds answers to study"));
    assert!(one.join(&[mine.clone(), mine]).expect_err("twice").contains("holds the answers of \"R1\" already"));
    assert!(one.join(&[]).expect_err("nothing").contains("no file of answers was given"));
    let mut unknown = one.read("R2", planned);
    unknown.reader = "R3".to_owned();
    assert!(one.join(&[unknown]).expect_err("nobody").contains("no reader \"R3\""));
}

#[test]
fn each_deviation_is_told_in_a_sentence() {
    let kit = kit(Template::ReportAlignment, 2, |design| {
        (design.plan.may_change, design.plan.catch, design.plan.separation) = (true, 1, 1);
        (design.plan.rounds, design.plan.washout_hours, design.plan.practice) = (2, 24.0, 1);
    });
    let catch = kit.key.trials["R1"].iter().position(|trial| trial.purpose == Purpose::Catch).expect("a catch trial") as u32 + 1;
    let round2 = kit.study.reader("R1").expect("a reader").rounds[1].blocks[0].trials[0].index;
    let other_screen = Screen { scale: (3, 2), window_px: (1280, 800), ..SCREEN };
    let change = |trial: u32| match trial {
        1 => vec![
            Event::Shown { trial, screen: other_screen },
            Event::Opened { program: "test 1".to_owned(), screen: SCREEN, simulated: false },
            locked(1, 1),
            Event::Changed { trial: 1, values: vec![-1], reason: "wrong key".to_owned() },
            Event::Marks { trial: 1, marks: vec![MarkedError { kind: ErrorKind::Omission, place: None }] },
            Event::Comment { trial: 1, text: "No tube.".to_owned() },
            Event::Slip { trial: 1, reason: "meant the other one".to_owned() },
        ],
        trial => {
            let round = (trial == round2).then(|| Event::Round { round: 2, reason: "on holiday later".to_owned() });
            round.into_iter().chain([shown(trial), locked(trial, if trial == catch { 2 } else { 1 })]).collect()
        }
    };
    let texts = kit.deviations(&[kit.read("R1", change), kit.read("R2", planned)]);
    for words in [
        "Round 2 was begun after",
        "the plan says 24 hours. Reason given: on holiday later",
        "Trial 1 was changed from +1 to −1. Reason given: wrong key",
        "A slip was told at trial 1; the answer stands. meant the other one",
        "1 image was first shown at another size than 1 device pixel per image pixel (trial 1).",
        "Window or screen changed during the study: 2 different ones.",
        "The window was closed during trial 1 and opened again.",
        &format!("1 of 1 catch trials was failed (trial {catch})."),
    ] {
        assert!(texts.iter().any(|text| text.contains(words)), "{words}: {texts:#?}");
    }
    assert_eq!(texts.len(), 7, "{texts:#?}");
    let joined = kit.join(&[kit.read("R1", change)]).expect("joined");
    let first = &joined.readings[0];
    assert_eq!((first.score, first.comment.as_str(), first.errors.len()), (-1, "No tube.", 1));
    assert!(
        joined.context.deviations.iter().any(|d| d.reader.as_deref() == Some("R2") && d.text == "No answers were handed in.")
    );
    assert!(joined.context.integrity.iter().any(|check| !check.passed && check.text == "No answers of R2"));
}

#[test]
fn logs_from_elsewhere_show_what_no_window_writes() {
    let kit = kit(Template::ReportAlignment, 2, |design| design.plan.practice = 1);
    let mut file = kit.read("R1", planned);
    let of = |change: &dyn Fn(&mut Vec<crate::answers::Entry>)| {
        let mut file = file.clone();
        change(&mut file.entries);
        kit.deviations(&[file]).join("\n")
    };
    let entry = |secs: f64, event: Event| crate::answers::Entry { seq: 0, wall_ms: at(secs).wall_ms, mono_secs: secs, event };
    let is = |entry: &crate::answers::Entry, wanted: u32| entry.event.trial() == Some(wanted);
    assert!(of(&|entries| drop(entries.pop())).contains("The log does not end with a closed window"));
    assert!(of(&|entries| entries.retain(|e| e.event != Event::Consent)).contains("Consent is not on record."));
    let unread = of(&|entries| entries.retain(|e| !is(e, 3) && !is(e, 12)));
    assert!(unread.contains("2 of 12 trials were not answered (trials 3, 12)."), "{unread}");
    assert!(
        of(&|entries| entries.retain(|e| !matches!(e.event, Event::Practice { .. })))
            .contains("0 of 1 practice cases were read.")
    );
    let swapped = of(&|entries| {
        let place = entries.iter().position(|e| is(e, 4) && matches!(e.event, Event::Locked { .. })).expect("a lock");
        let lock = entries.remove(place);
        entries.insert(place + 2, lock);
    });
    assert!(swapped.contains("Trial 4 was answered after a later one."), "{swapped}");
    let back = of(&|entries| entries.iter_mut().skip(12).for_each(|e| e.wall_ms -= 7_200_000));
    assert!(back.contains("The clock of the computer was set back by 2 hours at trial"), "{back}");
    assert_eq!(back.matches("set back").count(), 1);
    let paused = of(&|entries| {
        let place = entries.iter().position(|e| is(e, 2)).expect("a trial") + 1;
        entries.insert(place, entry(100.0, Event::Paused { trial: Some(2), seconds: 1.0 }));
        entries.insert(place + 1, entry(100.0 + 2520.0, Event::Resumed { trial: Some(2) }));
    });
    assert!(paused.contains("Pauses of more than 10 minutes with an image in hand: 42 minutes in trial 2."), "{paused}");
    let hasty = of(&|entries| {
        entries.iter_mut().for_each(|e| {
            if let Event::Locked { trial: 5, seconds, .. } = &mut e.event {
                *seconds = 0.4;
            }
        });
    });
    assert!(hasty.contains("1 answer took less than 1 s (trial 5)."), "{hasty}");
    let dim = of(&|entries| {
        entries.iter_mut().for_each(|e| {
            if let Event::Display { steps, rings, .. } = &mut e.event {
                (*steps, *rings) = (false, (3, 4));
            }
        });
    });
    assert!(dim.contains("not all grey steps could be told apart, and 3 of 4 rings were seen"), "{dim}");
    file.entries.iter_mut().for_each(|e| {
        if let Event::Opened { simulated, .. } = &mut e.event {
            *simulated = true;
        }
    });
    assert!(kit.join(&[file]).expect("joined").context.simulated);
}
