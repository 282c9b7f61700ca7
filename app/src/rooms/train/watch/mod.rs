//! Run folders, watched: a thread for each reads what is new and hands a [`View`] to the window. Nothing is written.

pub mod folder;
mod plan;
pub mod stage;
pub mod table;
mod tail;
mod view;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::Deserialize;

use crate::jobs::panic_sentence;
use stage::{Line, Stage};
use tail::{Look, Tail};

pub use folder::{Checkpoint, Picture};
pub use plan::{Plan, PlannedStage};
pub use view::{Said, Standing, View};

/// Between two looks while the room is open, and while it is not.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// Between two pieces of news while a long log is read.
const NEWS: Duration = Duration::from_millis(400);
/// A log without a lock that was written so lately is one of a process that works.
const RECENT: Duration = Duration::from_secs(120);
/// Sentences that are kept.
const SENTENCES: usize = 200;
/// A configuration is small; a larger file is none.
const MAX_CONFIG: u64 = 1 << 20;

/// Ends when it is dropped.
pub struct Watcher {
    nudge: Sender<()>,
}

impl Watcher {
    /// Begins to watch a folder; `open` tells whether anybody looks.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(folder: PathBuf, open: Arc<AtomicBool>, tell: impl Fn(View) -> bool + Send + 'static) -> std::io::Result<Self> {
        let (nudge, inbox) = bounded(1);
        let body = move || {
            let work = catch_unwind(AssertUnwindSafe(|| watch(&folder, &inbox, &open, &tell)));
            if let Err(payload) = work {
                let trouble = Some(panic_sentence(payload.as_ref()));
                tell(View { standing: Standing::Unreadable, trouble, ..View::default() });
            }
        };
        thread::Builder::new().name("train run".to_owned()).spawn(body)?;
        Ok(Self { nudge })
    }

    /// Looks now.
    pub fn look(&self) {
        // A full channel means that it will look anyway.
        if self.nudge.try_send(()).is_err() {
            tracing::trace!("the run is looked at already");
        }
    }
}

fn watch(folder: &Path, inbox: &Receiver<()>, open: &AtomicBool, tell: &dyn Fn(View) -> bool) {
    let mut run = Run::new(folder);
    loop {
        if let Some(view) = run.look(&mut |view| tell(view))
            && !tell(view)
        {
            return;
        }
        let pause = if open.load(Ordering::Relaxed) { PAUSES.0 } else { PAUSES.1 };
        if inbox.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// What was read of a run so far.
struct Run {
    folder: PathBuf,
    log: Tail,
    messages: Tail,
    stages: Vec<Stage>,
    shared: BTreeMap<String, Arc<Stage>>,
    said: Vec<Said>,
    damaged: (u64, u64),
    known: folder::Known,
    config: (Option<SystemTime>, Arc<str>, Result<Plan, String>),
    told: Option<Told>,
    began: bool,
}

/// What makes a view another one; the stages tell by themselves whether they changed.
#[derive(PartialEq)]
struct Told {
    standing: Standing,
    found: folder::Found,
    said: usize,
    notes: Vec<String>,
    trouble: Option<String>,
    config: Arc<str>,
}

impl Run {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            log: Tail::new(&folder.join("metrics.jsonl")),
            messages: Tail::new(&folder.join("messages.jsonl")),
            stages: Vec::new(),
            shared: BTreeMap::new(),
            said: Vec::new(),
            damaged: (0, 0),
            known: folder::Known::default(),
            config: (None, Arc::from(""), Ok(Plan::default())),
            told: None,
            began: false,
        }
    }

    /// Reads what is new; a view where something changed. `tell` hears of a long log while it is read.
    fn look(&mut self, tell: &mut dyn FnMut(View) -> bool) -> Option<View> {
        if !self.folder.is_dir() {
            let gone = "The folder is not there any more: it was moved, removed, or its drive is away.";
            let never = "There is no such folder; check its name.";
            return self.stuck(if self.began { gone } else { never }.to_owned());
        }
        let mut last = Instant::now();
        let mut fresh = false;
        loop {
            let look = match self.read_log() {
                Ok(look) => look,
                Err(error) => return self.stuck(format!("metrics.jsonl cannot be read: {error}.")),
            };
            fresh |= !matches!(look, Look::Same | Look::Gone);
            match look {
                Look::Anew => self.forget(),
                Look::More if last.elapsed() > NEWS => {
                    last = Instant::now();
                    let reading = Some(self.log.share());
                    if !tell(View { reading, ..self.view() }) {
                        return None;
                    }
                }
                Look::More => {}
                Look::Same | Look::All => break,
                Look::Gone => {
                    if let Some(why) = self.no_run() {
                        return self.stuck(why);
                    }
                    self.forget();
                    break;
                }
            }
        }
        self.began = true;
        self.read_messages();
        self.read_config();
        let mut view = self.view();
        let found = self.known.look(&self.folder);
        let recent = view.changed.is_some_and(|at| at.elapsed().unwrap_or_default() < RECENT);
        view.set(found.clone(), folder::lock(&self.folder), recent);
        let told = Told {
            standing: view.standing,
            found,
            said: self.said.len(),
            notes: view.notes.clone(),
            trouble: None,
            config: Arc::clone(&view.config),
        };
        if !fresh && self.told.as_ref() == Some(&told) {
            return None;
        }
        self.told = Some(told);
        Some(view)
    }

    /// A view of what was read before, with why there is no more.
    fn stuck(&mut self, why: String) -> Option<View> {
        let trouble = Some(why);
        if self.told.as_ref().is_some_and(|told| told.trouble == trouble) {
            return None;
        }
        let (standing, found) = (Standing::Unreadable, folder::Found::default());
        let view = View { standing, trouble: trouble.clone(), ..self.view() };
        let config = Arc::clone(&view.config);
        self.told = Some(Told { standing, found, said: 0, notes: Vec::new(), trouble, config });
        Some(view)
    }

    /// Why a folder without a log is no run; `None` where one may begin any moment.
    fn no_run(&self) -> Option<String> {
        let has = |name: &str| self.folder.join(name).exists();
        if has("config.toml") || has("lock") {
            None
        } else if has("model.toml") {
            Some("This is a model, not a training; add it under Models.".to_owned())
        } else if has("dataset.json") {
            Some(
                "This is a prepared data set, not a training; choose the folder that chexgen train was given with --out."
                    .to_owned(),
            )
        } else {
            Some(
                "This folder holds no training: there is neither metrics.jsonl nor config.toml; choose the folder that chexgen train \
                 was given with --out."
                    .to_owned(),
            )
        }
    }

    fn forget(&mut self) {
        self.stages.clear();
        self.shared.clear();
        self.damaged = (0, 0);
    }

    fn read_log(&mut self) -> std::io::Result<Look> {
        let (stages, damaged) = (&mut self.stages, &mut self.damaged);
        self.log.look(&mut |number, text| match serde_json::from_slice::<Line<'_>>(text) {
            Ok(line) => {
                // The stage that goes on is the last one; a practice model has four.
                let at = match stages.iter().rposition(|stage| stage.name == line.stage) {
                    Some(at) => at,
                    None => {
                        stages.push(Stage::new(&line.stage));
                        stages.len() - 1
                    }
                };
                stages[at].push(&line);
            }
            Err(_) if text.is_empty() => {}
            Err(_) => *damaged = (damaged.0 + 1, if damaged.0 == 0 { number } else { damaged.1 }),
        })
    }

    fn read_messages(&mut self) {
        #[derive(Deserialize)]
        struct Line {
            stage: String,
            step: u64,
            time: u64,
            text: String,
        }
        let said = &mut self.said;
        loop {
            let look = self.messages.look(&mut |_, text| {
                if let Ok(Line { stage, step, time, text }) = serde_json::from_slice(text) {
                    said.push(Said { stage, step, time, text });
                }
            });
            match look {
                Ok(Look::More) => {}
                Ok(Look::Anew) => said.clear(),
                _ => break,
            }
        }
        if said.len() > SENTENCES {
            said.drain(..said.len() - SENTENCES);
        }
    }

    fn read_config(&mut self) {
        let path = self.folder.join("config.toml");
        let data = std::fs::metadata(&path).ok().filter(|data| data.len() <= MAX_CONFIG);
        let time = data.and_then(|data| data.modified().ok());
        if time.is_some() && time == self.config.0 {
            return;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let plan = Plan::parse(&text);
        self.config = (time, Arc::from(text), plan);
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.damaged {
            (0, _) => {}
            (1, first) => notes.push(format!("Line {first} of metrics.jsonl is damaged and was left out.")),
            (n, first) => {
                notes.push(format!("{n} lines of metrics.jsonl are damaged and were left out, the first is line {first}."))
            }
        }
        match &self.config.2 {
            _ if self.config.1.is_empty() => {
                notes.push("config.toml is missing, so the length of the run is not known.".to_owned())
            }
            Err(why) => notes.push(why.clone()),
            Ok(_) => {}
        }
        if let Some(stage) = self.stages.last() {
            let missing = stage.missing();
            if !missing.is_empty() {
                notes.push(format!("An older version wrote this log: it does not tell {}.", listed(&missing)));
            }
        }
        notes
    }

    fn view(&mut self) -> View {
        for stage in &self.stages {
            let known = self.shared.get(&stage.name).filter(|known| known.lines == stage.lines && known.step == stage.step);
            if known.is_none() {
                self.shared.insert(stage.name.clone(), Arc::new(stage.clone()));
            }
        }
        View {
            stages: self.stages.iter().filter_map(|stage| self.shared.get(&stage.name).cloned()).collect(),
            plan: self.config.2.clone().unwrap_or_default(),
            config: Arc::clone(&self.config.1),
            said: self.said.clone(),
            notes: self.notes(),
            changed: std::fs::metadata(self.folder.join("metrics.jsonl")).and_then(|data| data.modified()).ok(),
            ..View::default()
        }
    }
}

/// "a, b and c".
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
