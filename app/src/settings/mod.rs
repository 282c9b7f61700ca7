//! What the person set and the studio remembers between starts.

pub mod file;
pub mod saver;

use std::path::{Path, PathBuf};

use engine::store::record::Tier;

use crate::command::KeyMap;
use crate::shell::tips::Lesson;
use crate::state::Room;

/// Smallest and largest size of text, in percent.
pub const TEXT_PERCENT: (u32, u32) = (80, 200);
/// Recent files kept.
pub const MAX_RECENT: usize = 12;

/// Everything that is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Keys that differ from the defaults.
    pub keys: KeyMap,
    /// Size of text and controls in percent, 80 to 200.
    pub text_percent: u32,
    /// Whether nothing in the window moves by itself.
    pub reduce_motion: bool,
    /// Width of the left panel in points; `None` is the natural one.
    pub left: Option<f32>,
    /// Width of the right panel in points.
    pub right: Option<f32>,
    /// Height of the dock in points.
    pub dock: Option<f32>,
    /// The room one was in.
    pub room: Room,
    /// Whether the start tips are hidden.
    pub tips_hidden: bool,
    /// Whether an image was ever made here: Generate calls for attention until then.
    pub has_generated: bool,
    /// Which start tips were followed.
    pub lesson: Lesson,
    /// How much saved and exported images tell, until something else is chosen for one export.
    pub tier: Tier,
    /// Whether opened files are remembered after the studio is closed; their names may say whose they are.
    pub remember_opened: bool,
    /// Files that were opened, the newest first.
    pub recent: Vec<PathBuf>,
    /// Size of the window in points at 100 %.
    pub window: Option<[f32; 2]>,
    /// Where Save writes.
    pub save_folder: Option<PathBuf>,
    /// Model folders that were added, in their order.
    pub models: Vec<PathBuf>,
    /// Run folders of trainings that are watched, in the order of their list.
    pub training: Vec<PathBuf>,
    /// The model that is opened at start; `None` is the practice model.
    pub model: Option<PathBuf>,
    /// Hashes of models whose licence and credential notice were acknowledged.
    pub acknowledged: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: KeyMap::default(),
            text_percent: 100,
            reduce_motion: false,
            left: None,
            right: None,
            dock: None,
            room: Room::Canvas,
            tips_hidden: false,
            has_generated: false,
            lesson: Lesson::default(),
            tier: Tier::Full,
            remember_opened: false,
            recent: Vec::new(),
            window: None,
            save_folder: None,
            models: Vec::new(),
            training: Vec::new(),
            model: None,
            acknowledged: Vec::new(),
        }
    }
}

impl Settings {
    /// Notes a file that was opened.
    pub fn opened(&mut self, path: &Path) {
        self.recent.retain(|p| p != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(MAX_RECENT);
    }

    /// Factor on everything in the window.
    pub fn zoom(&self) -> f32 {
        self.text_percent as f32 / 100.0
    }
}
