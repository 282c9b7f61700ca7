//! Decoders of packed frames; each gives one frame or one sentence.

pub(super) mod jpeg;
pub(super) mod jpeg2000;
pub(super) mod jpeg_ls;
pub(super) mod rle;
