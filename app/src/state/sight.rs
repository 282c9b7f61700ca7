//! Comparing on the canvas: picture A beside, under or against the shown one, B. Not undone.

use std::sync::Arc;

use engine::domain::{GenerateRequest, GrayImage, Source};

use super::{Artifact, Shown, State, StudioResult};

/// How A and B are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// B alone.
    #[default]
    Single,
    /// A left, B right.
    SideBySide,
    /// A and B on one place, parted by a line that is dragged.
    Swipe,
    /// A and B in turn.
    Blink,
}

impl Mode {
    /// All modes in the order of the header and of the key `M`.
    pub const ALL: [Self; 4] = [Self::Single, Self::SideBySide, Self::Swipe, Self::Blink];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Single => "Single",
            Self::SideBySide => "Side by side",
            Self::Swipe => "Swipe",
            Self::Blink => "Blink",
        }
    }

    /// One line what it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Single => "The shown image alone",
            Self::SideBySide => "A and B as two views with one zoom and one window",
            Self::Swipe => "A left and B right of a line that you drag",
            Self::Blink => "A and B in turn, twice a second at most",
        }
    }

    /// The mode after it.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|m| *m == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// A picture that can be compared; it stays what it is while others come and go.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The pixels.
    pub image: Arc<GrayImage>,
    /// What it is, for tags and lists.
    pub title: String,
    /// What kind of picture it is, as in "Synthetic".
    pub mark: &'static str,
    /// The run that made it, where one did and it is finished.
    pub artifact: Option<Arc<Artifact>>,
}

impl Picture {
    /// A result as it is.
    pub fn of_result(result: &StudioResult) -> Self {
        let request = &result.artifact.request;
        let layers = match request.annotations.len() {
            0 => "without layers".to_owned(),
            1 => "with 1 layer".to_owned(),
            n => format!("with {n} layers"),
        };
        let run = if result.job > 0 { format!(", run {}", result.job) } else { String::new() };
        let mark = match request.source {
            Source::Region { .. } => "EDITED REGION",
            Source::Image { .. } => "EDITED IMAGE",
            Source::Noise | Source::Latent { .. } => "Synthetic",
        };
        Self {
            image: Arc::clone(&result.artifact.image),
            title: format!("{} {layers}{run}", request.seed.0),
            mark,
            artifact: Some(Arc::clone(&result.artifact)),
        }
    }

    /// A radiograph from a file, at its own size; no run made it.
    pub fn of_file(title: &str, image: Arc<GrayImage>) -> Self {
        Self { image, title: format!("File: {title}"), mark: FILE, artifact: None }
    }

    /// Whether it is a picture that this studio did not make.
    pub fn is_foreign(&self) -> bool {
        self.artifact.is_none() && matches!(self.mark, FILE | OPENED)
    }

    /// The picture that a state would show.
    pub fn of_shown(state: &State, shown: Shown) -> Option<Self> {
        if let Shown::Result(i) = shown {
            return state.results.get(i).map(Self::of_result);
        }
        let artifact = match shown {
            Shown::ResultStep(i, _) => state.results.get(i).map(|r| Arc::clone(&r.artifact)),
            _ => None,
        };
        let mark = crate::images::facts::mark_of(state, shown);
        Some(Self { image: state.image_of(shown)?, title: state.title_of(shown), mark, artifact })
    }

    /// What it was asked for, where a run made it.
    pub fn request(&self) -> Option<&GenerateRequest> {
        self.artifact.as_ref().map(|a| &a.request)
    }

    /// The model that made it.
    pub fn model(&self) -> Option<String> {
        self.artifact.as_ref().map(|a| format!("{}, {} steps", a.record.model_name, a.record.steps_ran))
    }
}

/// Mark of a radiograph from a file.
pub const FILE: &str = "File";
/// Mark of the image under the layers.
pub const OPENED: &str = "Opened image";

/// Natural place of the swipe line.
const MIDDLE: f32 = 0.5;

/// What the canvas knows of comparing.
#[derive(Debug)]
pub struct Sight {
    /// How A and B are shown.
    pub mode: Mode,
    /// Whether the difference map is shown.
    pub difference: bool,
    /// Whether the map is a view of its own instead of a pane.
    pub large_map: bool,
    /// Gain of the map; `None` chooses it by the largest changes.
    pub gain: Option<u32>,
    /// Picture A.
    pub a: Option<Picture>,
    /// The swipe line, as a share of the image's width.
    pub swipe: f32,
    /// Without motion, blinking is by hand: whether A is seen.
    pub flipped: bool,
    /// A twin that was asked for, and the image it belongs to.
    awaited: Option<Box<(GenerateRequest, StudioResult)>>,
}

impl Default for Sight {
    fn default() -> Self {
        Self {
            mode: Mode::Single,
            difference: false,
            large_map: false,
            gain: None,
            a: None,
            swipe: MIDDLE,
            flipped: false,
            awaited: None,
        }
    }
}

impl Sight {
    /// Whether A is on the canvas in some way.
    pub fn is_comparing(&self) -> bool {
        self.a.is_some() && (self.mode != Mode::Single || self.difference)
    }

    /// Makes a twin A, to be seen against its original with the map.
    pub fn compare_twin(&mut self, twin: &StudioResult) {
        self.a = Some(Picture::of_result(twin));
        self.mode = Mode::Swipe;
        self.difference = true;
        self.swipe = MIDDLE;
    }

    /// Waits for a twin to compare its image with another.
    pub fn await_twin(&mut self, twin: GenerateRequest, original: StudioResult) {
        self.awaited = Some(Box::new((twin, original)));
    }

    /// The image that waits for a twin, once.
    pub fn take_awaited(&mut self, made: &GenerateRequest) -> Option<StudioResult> {
        self.awaited.take_if(|awaited| awaited.0 == *made).map(|awaited| awaited.1)
    }
}

/// What a person can do with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Chooses a mode.
    SetMode(Mode),
    /// The next mode.
    NextMode,
    /// Compares with what was shown before, or ends comparing.
    Toggle,
    /// Shows or hides the difference map.
    ToggleDifference,
    /// Makes the map a view of its own, or a pane again.
    ToggleLargeMap,
    /// Sets the gain of the map; `None` is automatic.
    SetGain(Option<u32>),
    /// Makes a picture A.
    SetA(Shown),
    /// Shows A and makes what was shown A.
    Swap,
    /// Moves the swipe line to a share of the image's width.
    SwipeTo(f32),
    /// Without motion: shows the other picture of a blink.
    Flip,
}
