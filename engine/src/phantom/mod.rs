//! Procedural chest radiographs with exact masks, labels, severities and impressions; no patient data.
//!
//! A chest is a set of path-length maps in cm; a parallel beam of three energies passes through them,
//! a scatter model, a detector and a display chain make the picture. Findings change the maps, so the
//! changed pixels are their exact masks. One (dataset seed, index) gives one case, byte for byte.
//!
//! ```
//! use engine::phantom::{PhantomConfig, draw};
//! let case = draw(&PhantomConfig::practice(), 1, 0, 64);
//! assert_eq!(case.image.width(), 64);
//! assert!(!case.impression.is_empty());
//! ```

mod anatomy;
mod config;
mod curve;
mod display;
mod frame;
mod guide;
mod labels;
mod lesion;
mod patient;
mod physics;
mod placement;
mod plan;
mod render;
mod report;
mod rng;
mod scene;
mod shape;
#[cfg(test)]
mod tests;
mod texture;
mod tube;

pub use config::{FindingMix, PhantomConfig};
pub use guide::{ExampleCase, example_case, lung_guide};
pub use labels::{LABEL_NAMES, Labels};
pub use lesion::Zone;
pub use patient::{Sex, View};
pub use placement::{
    Body, LesionSize, Placement, PlacementError, PlacementWish, UnknownWord, has_sizes, normal_impression, place_finding,
    possible_sides, possible_zones,
};
pub use plan::{PhantomCase, PhantomExtra, PhantomFinding, Plan, plan};
pub use shape::{ShapeWish, lesion_shape};

/// Case `index` of a data set at `size_px`² pixels; it depends on the arguments and on nothing else.
///
/// Sizes are cut to 16..=4096.
pub fn draw(config: &PhantomConfig, dataset_seed: u64, index: u64, size_px: u32) -> PhantomCase {
    plan(config, dataset_seed, index).draw(size_px)
}
