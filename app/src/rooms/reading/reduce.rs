//! What each action of the room changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use engine::cancel::Cancel;
use study::analysis::words::case as case_named;
use study::design::Design;
use study::prepare::needs_audit;
use study::report;

use super::action::{Action, Effect};
use super::state::{Busy, Field, State as Room, Tab};
use super::work::{Order, Work};
use crate::action;
use crate::rooms::compare;
use crate::state::sight::Picture;
use crate::state::{Level, Room as Rooms, State};

/// Changes of the design that can be taken back.
const PAST: usize = 100;
/// What an arm of runs is called until it is named.
const ARM: &str = "Runs";

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<action::Effect> {
    match action {
        Action::Show(tab) => {
            state.room = Rooms::Reading;
            state.reading.tab = tab;
            let mut effects = opened(state);
            if tab == Tab::Read {
                effects.extend(look(&state.reading));
            }
            return effects;
        }
        Action::Example => {
            let below = state.save_folder.clone();
            return busy(state, "making a simulated study", |stop| Work::Example(below, stop));
        }
        Action::Edit(design) => return edit(&mut state.reading, *design),
        Action::UndoEdit => {
            if let Some(before) = state.reading.past.pop() {
                (state.reading.design, state.reading.changed) = (before, true);
                return vec![check(&state.reading)];
            }
        }
        Action::SetPath(field, path) => return set_path(state, field, path),
        Action::Browse(field) => return vec![work(Work::Pick(field))],
        Action::OpenDesign => return vec![work(Work::Open(state.reading.paths.design.clone()))],
        Action::SaveDesign => {
            let room = &state.reading;
            return vec![work(Work::Save(room.paths.design.clone(), Box::new(room.design.clone())))];
        }
        Action::NameArm(name) => state.reading.arm = name.trim().to_owned(),
        Action::AddRuns(runs) => {
            state.room = Rooms::Reading;
            state.reading.tab = Tab::Build;
            let mut effects = opened(state);
            let room = &state.reading;
            let arm = if room.arm.is_empty() { ARM.to_owned() } else { room.arm.clone() };
            effects.push(work(Work::Runs(room.paths.design.clone(), Box::new(room.design.clone()), arm, runs)));
            return effects;
        }
        Action::Power => {
            let (design, cases) = (state.reading.design.clone(), state.reading.checked.as_ref().map_or(0, |found| found.cases));
            return busy(state, "power", |stop| Work::Power(Box::new(design), cases, stop));
        }
        Action::Audit => return audit(state),
        Action::Equalise(thorough) => {
            let Some(audited) = &state.reading.audit else { return Vec::new() };
            let mut design = state.reading.design.clone();
            design.images = audited.record.after.remedied(&design.images, thorough);
            state.reading.audit_before = Some(Arc::clone(&audited.record));
            let mut effects = edit(&mut state.reading, design);
            effects.extend(audit(state));
            return effects;
        }
        Action::ShowPair(at) => {
            if let Some(audited) = state.reading.audit.as_mut().filter(|audited| at < audited.pairs.len()) {
                audited.shown = at;
            }
        }
        Action::SetReason(words) => state.reading.reason = words.trim().to_owned(),
        Action::Seal => return seal(state),
        Action::Copy(text, what) => {
            state.messages.push(Level::Done, format!("{what} is on the clipboard."));
            return vec![copy(text)];
        }
        Action::Look => return look(&state.reading).into_iter().collect(),
        Action::OpenReader(reader) => {
            if state.reading.kiosk {
                state.messages.push(Level::Note, "A reading window is open already; close it first.");
                return Vec::new();
            }
            state.reading.kiosk = true;
            return vec![work(Work::Kiosk(state.reading.paths.study.clone(), reader))];
        }
        Action::AddAnswers(path) => {
            if !path.as_os_str().is_empty() && !state.reading.answers.contains(&path) {
                state.reading.answers.push(path);
            }
        }
        Action::RemoveAnswers(at) => {
            if at < state.reading.answers.len() {
                state.reading.answers.remove(at);
            }
        }
        Action::Join => {
            let room = &state.reading;
            let (paths, answers) = (room.paths.clone(), room.answers.clone());
            return busy(state, "joining", |stop| Work::Join(Box::new(paths), answers, stop));
        }
        Action::OpenJoined => {
            let paths = state.reading.paths.clone();
            return busy(state, "analysing", |_| Work::OpenJoined(paths.joined, paths.study, paths.key));
        }
        Action::SetFinding(finding) => return set_finding(state, finding),
        Action::SetScale(at) => {
            if let Some(analysed) = state.reading.analysis.as_mut().filter(|found| at < found.whole.scales.len()) {
                analysed.scale = at;
            }
        }
        Action::ShowAllCases(all) => {
            if let Some(analysed) = &mut state.reading.analysis {
                analysed.all_cases = all;
            }
        }
        Action::Compare(cases) => return compare_cases(state, &cases),
        Action::CopyMethods => {
            let Some(analysed) = &state.reading.analysis else { return Vec::new() };
            let text = report::methods(&analysed.whole, &analysed.joined.context).join("\n\n");
            state.messages.push(Level::Done, "The methods text is on the clipboard.");
            return vec![copy(text)];
        }
        Action::WriteTable => {
            let Some(analysed) = &state.reading.analysis else { return Vec::new() };
            return vec![work(Work::Table(Arc::clone(&analysed.joined), state.reading.paths.report.clone()))];
        }
        Action::Export => {
            let Some(analysed) = &state.reading.analysis else { return Vec::new() };
            let (joined, whole) = (Arc::clone(&analysed.joined), Arc::clone(&analysed.whole));
            let folder = state.reading.paths.report.clone();
            return busy(state, "writing the report", |stop| Work::Report(joined, whole, folder, stop));
        }
        Action::Stop => {
            if let Some(busy) = &state.reading.busy {
                busy.stop.cancel();
            }
        }
    }
    Vec::new()
}

/// The room is shown: the paths get their usual values, the design is checked.
pub fn opened(state: &mut State) -> Vec<action::Effect> {
    if state.reading.begun {
        return Vec::new();
    }
    state.reading.begun = true;
    if state.reading.paths.design.as_os_str().is_empty() {
        let file = state.save_folder.join("reader-study").join("study.toml");
        set_design_path(&mut state.reading, file);
    }
    vec![check(&state.reading)]
}

pub(super) fn work(work: Work) -> action::Effect {
    action::Effect::Reading(Effect::Work(work))
}

fn copy(text: String) -> action::Effect {
    action::Effect::Reading(Effect::Copy(text))
}

/// Begins work that can be stopped; refuses a second one.
pub(super) fn busy(state: &mut State, what: &str, order: impl FnOnce(Cancel) -> Work) -> Vec<action::Effect> {
    if let Some(busy) = &state.reading.busy {
        let words = format!("Other work is in progress ({}); wait for it or stop it first.", busy.what);
        state.messages.push(Level::Note, words);
        return Vec::new();
    }
    let stop = Cancel::new();
    let begun = Busy { what: what.to_owned(), done: 0, of: 0, stop: stop.clone(), since: Instant::now() };
    state.reading.busy = Some(begun);
    vec![work(order(stop))]
}

/// A change of the design, which can be taken back.
pub(super) fn edit(room: &mut Room, design: Design) -> Vec<action::Effect> {
    if design == room.design {
        return Vec::new();
    }
    room.past.push(std::mem::replace(&mut room.design, design));
    if room.past.len() > PAST {
        room.past.remove(0);
    }
    room.changed = true;
    // An estimate of other assumptions would be believed.
    room.power = None;
    vec![check(room)]
}

/// Checks the design as it is now.
pub(super) fn check(room: &Room) -> action::Effect {
    let asked = room.newest.fetch_add(1, Ordering::Relaxed) + 1;
    work(Work::Check {
        design: Box::new(room.design.clone()),
        folder: room.folder().to_path_buf(),
        asked,
        newest: Arc::clone(&room.newest),
    })
}

/// Sets the file of the design, and what lies beside it.
pub(super) fn set_design_path(room: &mut Room, file: PathBuf) {
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let name = folder.file_name().map_or_else(|| "study".to_owned(), |name| name.to_string_lossy().into_owned());
    room.paths.design = file;
    room.paths.sealed = folder.join(format!("{name}.cxstudy"));
}

fn set_path(state: &mut State, field: Field, path: PathBuf) -> Vec<action::Effect> {
    let room = &mut state.reading;
    match field {
        Field::Design => {
            // A folder stands for the design in it.
            let file = if path.extension().is_some() { path } else { path.join("study.toml") };
            set_design_path(room, file);
            return vec![check(room)];
        }
        Field::Cases => {
            let folder = room.folder().to_path_buf();
            let mut design = room.design.clone();
            design.cases = path.strip_prefix(&folder).map(Path::to_path_buf).unwrap_or_else(|_| path.clone());
            let mut effects = edit(room, design);
            if !path.as_os_str().is_empty() {
                effects.push(work(Work::Arms(folder.join(&room.design.cases))));
            }
            return effects;
        }
        Field::Sealed => room.paths.sealed = if path.as_os_str().is_empty() { path } else { path.with_extension("cxstudy") },
        Field::Study => {
            set_study_path(room, path);
            return look(room).into_iter().collect();
        }
        Field::Key => room.paths.key = path,
        Field::Answers => return reduce(state, Action::AddAnswers(path)),
        Field::Joined => room.paths.joined = path,
        Field::Report => room.paths.report = path,
    }
    Vec::new()
}

/// Sets the sealed study that is read, with the key and the report beside it.
pub(super) fn set_study_path(room: &mut Room, path: PathBuf) {
    room.paths.key = path.with_extension("cxkey");
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    room.paths.joined = path.with_file_name(format!("{stem}-joined.json"));
    room.paths.report = path.with_file_name(format!("{stem}-report"));
    room.paths.study = path;
    room.reading = None;
    room.answers.clear();
}

pub(super) fn look(room: &Room) -> Option<action::Effect> {
    (!room.paths.study.as_os_str().is_empty()).then(|| work(Work::Look(room.paths.study.clone())))
}

fn audit(state: &mut State) -> Vec<action::Effect> {
    let (design, folder) = (state.reading.design.clone(), state.reading.folder().to_path_buf());
    busy(state, "leak audit", |stop| Work::Audit(Box::new(design), folder, stop))
}

/// Why the study cannot be sealed as it is; `None` where it can.
pub(super) fn not_sealed_because(room: &Room) -> Option<String> {
    if room.checked.as_ref().is_none_or(|found| !found.faults.is_empty() || found.cases == 0) {
        return Some("The design has faults; correct them in step 1.".to_owned());
    }
    if room.paths.sealed.as_os_str().is_empty() {
        return Some("Name the file of the sealed study.".to_owned());
    }
    if !needs_audit(&room.design) || !room.reason.is_empty() {
        return None;
    }
    match room.fitting_audit() {
        None if room.audit.is_some() => {
            Some("The audit is of other images or settings; audit again, or say why there is none.".to_owned())
        }
        None => Some("No leak audit was made; audit the images first, or say why there is none.".to_owned()),
        Some(audited) if audited.record.after.must_equalise().next().is_some() => Some(
            "The arms can still be told apart by their form; make the images equal, or say why it is sealed all the same."
                .to_owned(),
        ),
        Some(_) => None,
    }
}

fn seal(state: &mut State) -> Vec<action::Effect> {
    if let Some(why) = not_sealed_because(&state.reading) {
        state.reading.say(Tab::Seal, Err(why));
        return Vec::new();
    }
    let room = &state.reading;
    let (design, folder, out) = (room.design.clone(), room.folder().to_path_buf(), room.paths.sealed.clone());
    let record = room.fitting_audit().map(|audited| Arc::clone(&audited.record));
    let reason = room.reason.clone();
    busy(state, "sealing", |cancel| Work::Seal(Box::new(Order { design, folder, out, record, reason, cancel })))
}

fn set_finding(state: &mut State, finding: Option<String>) -> Vec<action::Effect> {
    let paths = state.reading.paths.clone();
    let Some(analysed) = &mut state.reading.analysis else { return Vec::new() };
    analysed.finding.clone_from(&finding);
    match finding {
        Some(code) if !analysed.parts.contains_key(&code) => {
            vec![work(Work::Part(Arc::clone(&analysed.joined), code, paths.study, paths.key))]
        }
        _ => Vec::new(),
    }
}

/// Puts the images of cases into the Compare room, as many as it holds.
fn compare_cases(state: &mut State, cases: &[String]) -> Vec<action::Effect> {
    let Some(analysed) = &state.reading.analysis else { return Vec::new() };
    let arms = analysed.whole.arms.len();
    let title = |case: &str, arm: usize| format!("{}, {}", case_named("Case", case), study::analysis::letter(arm));
    let of_case = |case: &String| {
        let images = (0..arms).filter_map(|arm| Some((arm, analysed.pictures.get(&(case.clone(), arm))?)));
        images.map(|(arm, image)| Picture::of_file(&title(case, arm), Arc::clone(image))).collect::<Vec<_>>()
    };
    let per_case: Vec<Vec<Picture>> = cases.iter().map(of_case).filter(|images| !images.is_empty()).collect();
    let whole = compare::MOST / arms.max(1);
    let (shown, of) = (per_case.len().min(whole.max(1)), per_case.len());
    if shown == 0 {
        state.messages.push(Level::Note, "The sealed study is not there, so its images cannot be shown; name it in step 5.");
        return Vec::new();
    }
    let mut effects = compare::reduce(state, compare::Action::Clear);
    effects.extend(compare::reduce(state, compare::Action::SetPart(compare::Part::Views)));
    for picture in per_case.into_iter().take(shown).flatten().take(compare::MOST) {
        effects.extend(compare::arrived(state, compare::News::Opened(Ok(Box::new(picture)))));
    }
    if shown < of {
        state
            .messages
            .push(Level::Note, format!("The Compare room holds {} pictures: the first {shown} of {of} cases.", compare::MOST));
    }
    state.room = Rooms::Compare;
    effects
}

#[cfg(test)]
mod tests;
