//! The normal chest as path-length maps: outline and lungs, mediastinum, bones, vessels, abdomen.

pub(crate) mod abdomen;
pub(crate) mod bones;
pub(crate) mod geometry;
pub(crate) mod heart;
pub(crate) mod soft;
pub(crate) mod vessels;
