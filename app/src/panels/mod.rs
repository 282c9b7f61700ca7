//! The window around the canvas, one part a file.
//!
//! A panel reads the state and pushes actions; it changes nothing itself.

pub mod adherence;
pub mod conflict;
pub mod dock;
pub mod film;
pub mod header;
pub mod image_shows;
pub mod impression;
pub mod layers;
pub mod left;
pub mod metrics;
pub mod model_sees;
pub mod note;
pub mod rail;
pub mod results;
pub mod right;
pub mod rule;
pub mod run_corner;
pub mod sampler;
pub mod save;
pub mod sight;
pub mod status;
pub mod tabs;
pub mod text_checks;
pub mod toasts;
pub mod tool_options;
pub mod tools;
pub mod top_bar;
pub mod word_map;

use crate::action::Action;
use crate::canvas::sight::SightCache;
use crate::canvas::textures::Thumbnails;
use crate::insight::View as Insight;
use crate::jobs::TokenCount;
use crate::state::State;
use metrics::Metrics;

/// What a panel is given.
pub struct Panel<'a> {
    /// What the window shows.
    pub state: &'a State,
    /// Sizes for this window.
    pub metrics: Metrics,
    /// Small pictures.
    pub thumbnails: &'a mut Thumbnails,
    /// Pictures beside the canvas, and what differs between them.
    pub pictures: &'a mut SightCache,
    /// The library's answers and small pictures.
    pub shelf: &'a mut crate::rooms::runs::Shelf,
    /// Length of the text, when a model is there to count.
    pub tokens: Option<TokenCount>,
    /// The condition picture of the layers as drawn.
    pub condition: Option<std::sync::Arc<engine::domain::GrayImage>>,
    /// What may change in the image under the layers, and what stayed.
    pub facts: crate::images::Facts,
    /// Checks, what the model sees, what the checker sees, where words act.
    pub insight: &'a Insight,
    /// What the person did.
    pub out: &'a mut Vec<Action>,
}
