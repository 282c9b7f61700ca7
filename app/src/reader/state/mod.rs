//! What the reader's window knows.

pub mod clock;
pub mod display;
pub mod form;
pub mod look;
pub mod turn;

use std::sync::Arc;

use engine::domain::GrayImage;
use study::answers::Screen;
use study::reading::MarkedError;

pub use clock::Clock;
pub use look::{Look, Scale};
pub use turn::{Step, Turn};

use super::sheet::Sheet;
use display::Check;
use form::Form;

/// Which screen is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Consent and experience.
    Consent,
    /// The display check.
    Display,
    /// A practice case, by its place.
    Practice(usize),
    /// Before the first block and between blocks; the trial that comes next.
    Rest(usize),
    /// A trial, by its place.
    Trial(usize),
    /// The next round cannot begin yet; its first trial and the date in milliseconds since 1970.
    Washout(usize, i64),
    /// All is answered.
    Done,
}

/// What happens when everything that was sent is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The error step of the locked answer.
    Errors,
    /// The next trial.
    Advance,
    /// The next screen of the beginning.
    Screen,
    /// Closes the window.
    Close,
}

/// What is on its way to the disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saving {
    /// Number of the last thing that was sent.
    pub sent: u64,
    /// Everything up to this number is on the disk.
    pub saved: u64,
    /// Why the rest is not.
    pub trouble: Option<String>,
    /// What waits for it.
    pub then: Option<(u64, After)>,
}

/// A slip in the last answer that is being told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slip {
    /// Another answer.
    pub choice: Option<usize>,
    /// Why.
    pub reason: String,
    /// Whether it was written.
    pub sent: bool,
}

/// The last locked answer.
#[derive(Clone, Debug, PartialEq)]
pub struct LastAnswer {
    /// Trial, by its number.
    pub trial: u32,
    /// Places of the chosen answers.
    pub chosen: Vec<usize>,
}

/// The file that is handed over.
#[derive(Clone, Debug, PartialEq)]
pub enum Handed {
    /// Being written.
    Writing,
    /// Written: name and hash.
    Over(String, String),
    /// Not written, and why.
    Failed(String),
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The study.
    pub sheet: Arc<Sheet>,
    /// Which screen.
    pub stage: Stage,
    /// Where the trials begin after consent, display check and practice.
    pub start: usize,
    /// The trial in progress.
    pub turn: Turn,
    /// Whether the image is hidden and the clock stands.
    pub paused: bool,
    /// What is on its way to the disk.
    pub saving: Saving,
    /// Consent and experience.
    pub form: Form,
    /// The display check.
    pub check: Check,
    /// What the screen is like.
    pub screen: Screen,
    /// A sentence at the score row: what is missing.
    pub notice: Option<String>,
    /// The form for a slip, when it is open.
    pub slip: Option<Slip>,
    /// Why a round begins before its time, as far as it is written.
    pub early: String,
    /// The last locked answer, for a slip.
    pub last: Option<LastAnswer>,
    /// The file that is handed over.
    pub handed: Option<Handed>,
    /// When the last answer was locked, in milliseconds since 1970; zero where there is none.
    pub locked_ms: i64,
    /// The computer's date and time, in milliseconds since 1970.
    pub date_ms: i64,
    /// Size of text in per cent.
    pub text_percent: u16,
    /// What of the beginning is in the answers already.
    pub begun: Begun,
    /// A trial that an earlier sitting left in the middle.
    pub left: Option<Left>,
    /// Pictures that are decoded, or why one is not, by name: those of this trial and of the next ones.
    pub pictures: Vec<(String, Result<Arc<GrayImage>, String>)>,
}

/// What of the beginning is in the answers already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Consent and experience.
    pub consent: bool,
    /// A display check a short while ago.
    pub display: bool,
    /// Practice cases.
    pub practice: usize,
    /// Rounds.
    pub round: u32,
}

/// A trial as an earlier sitting left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Left {
    /// Which one, by its number.
    pub trial: u32,
    /// What was chosen for each question, as places among the choices.
    pub chosen: Vec<Option<usize>>,
    /// Whether the answer was locked and the error step was open.
    pub locked: bool,
    /// What was marked.
    pub marks: Vec<MarkedError>,
    /// The reader's words.
    pub comment: String,
    /// Active seconds until then.
    pub seconds: f64,
}

impl State {
    /// The window at the beginning of a sitting.
    pub fn new(sheet: Arc<Sheet>, seed: u64, date_ms: i64) -> Self {
        Self {
            turn: Turn::default(),
            stage: Stage::Consent,
            start: 0,
            paused: false,
            saving: Saving::default(),
            form: Form::default(),
            check: Check::new(seed),
            screen: Screen { scale: (sheet.multiple, 1), ..Screen::default() },
            notice: None,
            slip: None,
            early: String::new(),
            last: None,
            handed: None,
            locked_ms: 0,
            date_ms,
            text_percent: 100,
            begun: Begun::default(),
            left: None,
            pictures: Vec::new(),
            sheet,
        }
    }

    /// Device pixels of an image pixel.
    pub fn scale(&self) -> Scale {
        Scale::of(self.screen.scale)
    }

    /// Whether an image is in hand, also while it is hidden.
    pub fn in_turn(&self) -> bool {
        matches!(self.stage, Stage::Practice(_) | Stage::Trial(_))
    }

    /// The number of the trial in progress, where it counts.
    pub fn trial(&self) -> Option<u32> {
        if matches!(self.stage, Stage::Trial(_)) { Some(self.turn.trial.number) } else { None }
    }

    /// Whether everything that was sent is on the disk.
    pub fn all_saved(&self) -> bool {
        self.saving.saved == self.saving.sent
    }
}
