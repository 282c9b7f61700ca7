//! What the room remembers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::GrayImage;

use super::watch::{Picture, View, stage::Stage};

/// Runs that are drawn at once.
pub const MOST_DRAWN: usize = 8;
/// Pictures that are kept in memory.
pub const MOST_PICTURES: usize = 16;

/// A half of the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Run folders of `chexgen train`.
    #[default]
    Runs,
    /// The models that the studio knows.
    Models,
}

impl Tab {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Runs, Self::Models];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Runs => "Training runs",
            Self::Models => "Models",
        }
    }

    /// One line what it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Runs => "Watches trainings while they run, and compares them",
            Self::Models => "Cards, licences, memory, self-tests and import",
        }
    }
}

/// A run on the list.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its folder.
    pub path: PathBuf,
    /// What was read of it.
    pub view: Arc<View>,
    /// Whether its curves are drawn beside those of the shown run.
    pub drawn: bool,
}

impl Run {
    /// What it is called: the name of its folder.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// The letter of a run on the list.
pub fn letter(index: usize) -> char {
    char::from_u32('A' as u32 + (index % 26) as u32).unwrap_or('A')
}

/// A picture that was read, or why not.
pub type Kept = (PathBuf, Result<Arc<GrayImage>, String>);

/// What the room remembers.
#[derive(Debug)]
pub struct State {
    /// The half that is shown.
    pub tab: Tab,
    /// Whether the remembered runs are watched.
    pub began: bool,
    /// The list.
    pub runs: Vec<Run>,
    /// The run that is shown.
    pub chosen: Option<PathBuf>,
    /// The stage that is shown; `None` follows the newest.
    pub stage: Option<String>,
    /// Whether the loss is on a logarithmic scale.
    pub log: bool,
    /// Updates before and after over which the loss is smoothed; 0 for none.
    pub smoothing: u32,
    /// The updates that are shown; `None` for all.
    pub zoom: Option<(f64, f64)>,
    /// The update whose panel is shown; `None` follows the newest.
    pub panel: Option<u64>,
    /// The update whose panel is held beside it.
    pub held: Option<u64>,
    /// Whether the panel takes the room.
    pub large: bool,
    /// Whether the configuration is shown.
    pub config_open: bool,
    /// Pictures that were read lately, newest last.
    pub pictures: Vec<Kept>,
    /// Pictures that are being read.
    pub reading: Vec<PathBuf>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tab: Tab::default(),
            began: false,
            runs: Vec::new(),
            chosen: None,
            stage: None,
            log: false,
            smoothing: 50,
            zoom: None,
            panel: None,
            held: None,
            large: false,
            config_open: false,
            pictures: Vec::new(),
            reading: Vec::new(),
        }
    }
}

impl State {
    /// The run that is shown, with its place on the list.
    pub fn shown(&self) -> Option<(usize, &Run)> {
        let chosen = self.chosen.as_ref()?;
        self.runs.iter().enumerate().find(|(_, run)| run.path == *chosen)
    }

    /// The stage of the shown run that is shown.
    pub fn shown_stage(&self) -> Option<&Arc<Stage>> {
        let view = &self.shown()?.1.view;
        self.stage.as_ref().and_then(|name| view.stage(name)).or_else(|| view.newest())
    }

    /// What is drawn: the shown run first, then the others that have its stage, each with its place on the list.
    pub fn drawn(&self) -> Vec<(usize, &Arc<Stage>)> {
        let (Some((at, _)), Some(stage)) = (self.shown(), self.shown_stage()) else { return Vec::new() };
        let others = self.runs.iter().enumerate().filter(|(i, run)| *i != at && run.drawn);
        let others = others.filter_map(|(i, run)| Some((i, run.view.stage(&stage.name)?)));
        std::iter::once((at, stage)).chain(others).take(MOST_DRAWN).collect()
    }

    /// The updates that plots show.
    pub fn range(&self) -> (f64, f64) {
        let end = self.drawn().iter().map(|(_, stage)| stage.step).max().unwrap_or(0);
        let whole = (1.0, f64::from(end.max(2)));
        self.zoom.map_or(whole, |(from, to)| (from.clamp(whole.0, whole.1 - 1.0), to.clamp(whole.0 + 1.0, whole.1)))
    }

    /// The panel that is shown.
    pub fn panel(&self) -> Option<&Picture> {
        let panels = self.shown()?.1.view.panels(&self.shown_stage()?.name);
        self.panel.and_then(|step| panels.iter().find(|p| p.step == Some(step)).copied()).or_else(|| panels.last().copied())
    }

    /// The panel that is held beside it.
    pub fn held(&self) -> Option<&Picture> {
        let held = self.held?;
        self.shown()?.1.view.panels(&self.shown_stage()?.name).into_iter().find(|picture| picture.step == Some(held))
    }

    /// A picture that was read.
    pub fn picture(&self, path: &Path) -> Option<&Result<Arc<GrayImage>, String>> {
        self.pictures.iter().find(|(kept, _)| kept == path).map(|(_, picture)| picture)
    }
}
