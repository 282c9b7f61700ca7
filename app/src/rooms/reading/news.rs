//! What the room's threads told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use study::analysis::Analysis;
use study::join::Joined;

use super::action::Action;
use super::reduce::{check, edit, look, reduce, set_design_path, set_study_path, work};
use super::state::{Analysed, Field, Reading, State as Room, Tab};
use super::work::{Example, News, Pictures, Work};
use crate::action;
use crate::state::{Level, Room as Rooms, State};

impl Room {
    /// Keeps what work said, for the step that asked for it.
    pub(super) fn say(&mut self, tab: Tab, words: Result<String, String>) {
        self.said.insert(tab as u8, words);
    }

    /// What the last work of a step said.
    pub fn last_said(&self, tab: Tab) -> Option<&Result<String, String>> {
        self.said.get(&(tab as u8))
    }
}

/// Something from the room's threads arrived.
pub fn hear(state: &mut State, news: News) -> Vec<action::Effect> {
    let room = &mut state.reading;
    match news {
        News::Checked(asked, checked) => {
            if room.newest.load(Ordering::Relaxed) == asked {
                room.checked = Some(*checked);
            }
        }
        News::Opened(path, read) => match *read {
            Ok(design) => {
                set_design_path(room, path);
                room.past.push(std::mem::replace(&mut room.design, design));
                (room.changed, room.power, room.audit, room.audit_before) = (false, None, None, None);
                // Hashes to register are those of this design's study, or none.
                room.sealed = None;
                room.say(Tab::Build, Ok("The design was read.".to_owned()));
                return vec![check(room)];
            }
            Err(why) => room.say(Tab::Build, Err(why)),
        },
        News::Saved(path, design, saved) => {
            if saved.is_ok() && room.design == *design {
                room.changed = false;
            }
            room.say(Tab::Build, saved.map(|()| format!("The design was written ({}).", path.display())));
        }
        News::Arms(Ok(arms)) => {
            if !arms.is_empty() && arms != room.design.arms {
                let mut design = room.design.clone();
                design.real = design.real.filter(|real| arms.contains(real));
                design.arms = arms;
                return edit(room, design);
            }
        }
        News::Arms(Err(why)) => room.say(Tab::Build, Err(why)),
        News::Added(Ok((table, arms, said))) => {
            let mut design = room.design.clone();
            (design.cases, design.arms) = (table, arms);
            room.say(Tab::Build, Ok(said));
            let effects = edit(room, design);
            // The table may have the same name and other rows.
            return if effects.is_empty() { vec![check(room)] } else { effects };
        }
        News::Added(Err(why)) => room.say(Tab::Build, Err(why)),
        News::Power(found) => {
            room.busy = None;
            match found {
                Ok(found) => room.power = Some(found),
                Err(why) => room.say(Tab::Build, Err(why)),
            }
        }
        News::Audited(found) => match *found {
            Ok(audited) => {
                let words = audited.record.after.summary();
                // One that was read from beside a design is not work that ended.
                if !audited.pairs.is_empty() {
                    room.busy = None;
                    room.say(Tab::Audit, Ok(words));
                }
                room.audit = Some(audited);
            }
            Err(why) => ended(room, Tab::Audit, Err(why)),
        },
        News::Sealed(Ok(hashes)) => {
            set_study_path(room, hashes.study.0.clone());
            room.sealed = Some(hashes);
            ended(
                room,
                Tab::Seal,
                Ok("The study is sealed. Register its hash before the first answer, and keep the key to yourself.".to_owned()),
            );
            return look(room).into_iter().collect();
        }
        News::Sealed(Err(why)) => ended(room, Tab::Seal, Err(why)),
        News::Looked(path, found) => {
            if path == room.paths.study {
                looked(room, found);
            }
        }
        News::Closed(ended) => {
            room.kiosk = false;
            if let Err(why) = ended {
                state.messages.push(Level::Error, why);
            }
            return look(&state.reading).into_iter().collect();
        }
        News::Joined(found) => match *found {
            Ok((joined, analysis, pictures)) => {
                let n = joined.readings.len();
                ended(room, Tab::Join, Ok(format!("{n} answers were joined.")));
                room.analysis = Some(analysed(joined, analysis, pictures));
                if room.tab == Tab::Join {
                    room.tab = Tab::Analysis;
                }
            }
            Err(why) => ended(room, Tab::Join, Err(why)),
        },
        News::Part(code, found) => part(room, code, *found),
        News::Written(words) => {
            room.busy = None;
            let (level, text) = match words {
                Ok(words) => (Level::Done, words),
                Err(why) => (Level::Error, why),
            };
            state.messages.push(level, text);
        }
        News::Example(made) => match *made {
            Ok(made) => return show_example(state, made),
            Err(why) => ended(room, Tab::Build, Err(why)),
        },
        News::Picked(field, Some(path)) => return picked(state, field, path),
        News::Picked(_, None) => {
            state.messages.push(Level::Note, "Nothing was chosen; if no dialog appeared, type the path instead.");
        }
        News::Tick(part, done, of) => {
            if let Some(busy) = &mut room.busy {
                if busy.what != part {
                    (busy.what, busy.since) = (part, Instant::now());
                }
                (busy.done, busy.of) = (done, of);
            }
        }
        News::Broken(tab, why) => {
            if matches!(tab, Tab::Read) {
                room.kiosk = false;
            }
            ended(room, tab, Err(why));
        }
    }
    Vec::new()
}

fn ended(room: &mut Room, tab: Tab, words: Result<String, String>) {
    room.busy = None;
    room.say(tab, words);
}

/// How far the readers of the study are; their files are offered for joining.
fn looked(room: &mut Room, found: Result<Reading, String>) {
    match found {
        Ok(reading) => {
            let there = reading.readers.iter().filter(|reader| reader.locked.is_some());
            for file in there.map(|reader| reader.file.clone()) {
                if !room.answers.contains(&file) {
                    room.answers.push(file);
                }
            }
            room.said.remove(&(Tab::Read as u8));
            room.reading = Some(reading);
        }
        Err(why) => {
            room.reading = None;
            room.say(Tab::Read, Err(why));
        }
    }
}

/// The analysis of the cases with one finding.
fn part(room: &mut Room, code: String, found: Result<(Analysis, Pictures), String>) {
    let Some(analysed) = &mut room.analysis else { return };
    match found {
        Ok((part, pictures)) => {
            // What is shown already keeps its picture.
            for (place, image) in pictures {
                analysed.pictures.entry(place).or_insert(image);
            }
            analysed.parts.insert(code, Arc::new(part));
        }
        Err(why) => {
            if analysed.finding.as_ref() == Some(&code) {
                analysed.finding = None;
            }
            room.say(Tab::Analysis, Err(why));
        }
    }
}

fn analysed(joined: Joined, analysis: Analysis, pictures: Pictures) -> Analysed {
    Analysed {
        joined: Arc::new(joined),
        whole: Arc::new(analysis),
        parts: BTreeMap::new(),
        finding: None,
        scale: 0,
        all_cases: false,
        pictures: pictures.into_iter().collect(),
    }
}

/// What was chosen in a dialog fills its field; a design is also opened.
fn picked(state: &mut State, field: Field, path: PathBuf) -> Vec<action::Effect> {
    let mut effects = reduce(state, Action::SetPath(field, path));
    if field == Field::Design {
        effects.push(work(Work::Open(state.reading.paths.design.clone())));
    }
    effects
}

fn show_example(state: &mut State, made: Example) -> Vec<action::Effect> {
    let room = &mut state.reading;
    set_design_path(room, made.file);
    set_study_path(room, made.hashes.study.0.clone());
    room.past.push(std::mem::replace(&mut room.design, made.design));
    (room.changed, room.busy) = (false, None);
    room.audit = Some(made.audit);
    room.sealed = Some(made.hashes);
    room.answers = made.answers;
    room.analysis = Some(analysed(made.joined, made.analysis, made.pictures));
    room.said.clear();
    room.begun = true;
    room.tab = Tab::Analysis;
    if state.room != Rooms::Reading {
        state.messages.push_with(
            Level::Done,
            "The simulated study is ready.",
            "Show it",
            action::Action::Reading(Action::Show(Tab::Analysis)),
        );
    }
    let mut effects = vec![check(&state.reading)];
    effects.extend(look(&state.reading));
    effects
}
