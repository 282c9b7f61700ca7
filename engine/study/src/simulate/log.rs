//! A simulated reading as the events of a file of answers.

use std::collections::BTreeMap;
use std::path::Path;

use engine::cancel::Cancel;
use engine::domain::Seed;

use super::Simulation;
use super::answer::{Hidden, Image, Question, answer};
use crate::answers::{Answers, Event, Looked, Moment, Screen};
use crate::draw::{Draw, Use};
use crate::error::StudyError;
use crate::key::{Key, KeyCase};
use crate::plan::Trial;
use crate::reading::Purpose;
use crate::sealed::Study;

/// Seconds between two blocks.
const BREAK_SECS: f64 = 300.0;

/// A clock that goes on as the reader reads.
struct Clock {
    start_ms: i64,
    secs: f64,
}

impl Clock {
    fn now(&self) -> Moment {
        Moment { wall_ms: self.start_ms + (self.secs * 1000.0) as i64, mono_secs: self.secs }
    }
}

/// Everything that happens while a simulated reader reads the whole study, in order; the clock starts at `start_ms`
/// (milliseconds since 1970). The same simulation and seed give the same events.
///
/// # Errors
/// When the key is another study's, the simulation does not fit, or the reader is not of the study.
pub fn events(
    study: &Study,
    key: &Key,
    reader: &str,
    simulation: &Simulation,
    seed: u64,
    start_ms: i64,
) -> Result<Vec<(Moment, Event)>, StudyError> {
    key.fits(study, "the key")?;
    simulation.check(study, key).map_err(|what| StudyError::input("the simulation", what))?;
    let plan = study.reader(reader)?;
    let model = simulation
        .readers
        .get(reader)
        .ok_or_else(|| StudyError::input("the simulation", format!("readers: {reader:?} of the study is missing")))?;
    let sheet = study.sheet();
    let screen = Screen { window_px: (1920, 1080), pixels_per_point: 1.0, scale: (sheet.magnification, 1) };
    let hidden = Hidden { world: &simulation.world, seed };
    let own_seed = Seed::for_case(seed, &format!("reader {reader}")).0;
    let cases: BTreeMap<&str, &KeyCase> = key.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let meanings = key.trials.get(reader).map_or(&[][..], Vec::as_slice);
    let trials = plan.len() as u32;

    let mut clock = Clock { start_ms, secs: 0.0 };
    let mut out = Vec::new();
    let mut add = |clock: &mut Clock, secs: f64, event: Event| {
        clock.secs += secs;
        out.push((clock.now(), event));
    };
    let program = format!("simulated reader, seed {seed}");
    add(&mut clock, 0.0, Event::Opened { program, screen, simulated: true });
    add(&mut clock, 20.0, Event::Consent);
    let none = || "a simulated reader".to_owned();
    add(&mut clock, 10.0, Event::Experience { years: none(), training: String::new() });
    let display = Event::Display { screen, steps: true, rings: (4, 4), ambient: String::new(), words: none() };
    add(&mut clock, 30.0, display);
    for trial in &sheet.practice {
        add(&mut clock, 15.0, Event::Practice { trial: trial.index, as_asked: trial.give.map(|_| true) });
    }
    for (place, round) in plan.rounds.iter().enumerate() {
        if place > 0 {
            clock.secs += round.washout_hours * 3600.0 + 60.0;
        }
        add(&mut clock, 5.0, Event::Round { round: round.number, reason: String::new() });
        for (place, block) in round.blocks.iter().enumerate() {
            if place > 0 {
                clock.secs += BREAK_SECS;
            }
            for trial in &block.trials {
                let meaning = meanings.get(trial.index.saturating_sub(1) as usize);
                let question = Question {
                    template: sheet.template,
                    criteria: sheet.criteria.len().max(1),
                    images: images(trial, key, &cases),
                    purpose: meaning.map_or(Purpose::Scored, |meaning| meaning.purpose),
                    truth: meaning.and_then(|meaning| meaning.truth),
                    order: trial.index,
                    trials,
                };
                let given = answer(&hidden, model, &question, &mut Draw::new(own_seed, Use::Answers, trial.index));
                let index = trial.index;
                add(&mut clock, 0.3, Event::Shown { trial: index, screen });
                // In whole hundredths, which survive being written and read.
                let before = ((given.seconds * 90.0).round() / 100.0).max(0.01);
                for (criterion, &value) in given.values.iter().enumerate() {
                    let secs = if criterion == 0 { before } else { 0.0 };
                    add(&mut clock, secs, Event::Chosen { trial: index, criterion: criterion as u32, value, seconds: before });
                }
                let locked =
                    Event::Locked { trial: index, values: given.values, seconds: given.seconds, looked: Looked::default() };
                add(&mut clock, given.seconds - before, locked);
                if !given.marks.is_empty() {
                    add(&mut clock, 4.0, Event::Marks { trial: index, marks: given.marks });
                    add(&mut clock, 1.0, Event::Finished { trial: index, seconds: 5.0 });
                }
            }
            add(&mut clock, 0.5, Event::Break { block: block.number });
        }
    }
    add(&mut clock, 5.0, Event::Closed);
    Ok(out)
}

fn images<'a>(trial: &Trial, key: &'a Key, cases: &BTreeMap<&str, &'a KeyCase>) -> Vec<Image<'a>> {
    let one = |id| {
        let image = key.images.get(id)?;
        let findings = cases.get(image.case.as_str()).map_or(&[][..], |case| case.findings.as_slice());
        Some(Image { case: &image.case, arm: image.arm.as_deref().unwrap_or_default(), scrambled: image.scrambled, findings })
    };
    trial.images.iter().filter_map(one).collect()
}

/// Lets a simulated reader answer a study into a new file of answers. `progress` gets the number of events that are
/// written and that of all. What was written before it was cancelled stays a valid file.
///
/// # Errors
/// As [`events`]; also when the file is there already or cannot be written.
pub fn read(
    path: &Path,
    study: &Study,
    key: &Key,
    reader: &str,
    simulation: &Simulation,
    (seed, start_ms): (u64, i64),
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), StudyError> {
    let events = events(study, key, reader, simulation, seed, start_ms)?;
    if path.exists() {
        return Err(StudyError::input(
            path.display().to_string(),
            "there are answers already, and simulated ones must not be added to them; choose another file",
        ));
    }
    let mut answers = Answers::open(path, study, reader)?;
    let all = events.len();
    for (done, (moment, event)) in events.into_iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(StudyError::input(path.display().to_string(), "stopped before the last answer"));
        }
        progress(done, all);
        answers.append(moment, event)?;
    }
    progress(all, all);
    Ok(())
}
