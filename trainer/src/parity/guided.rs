//! Guided networks as samplers see them.
