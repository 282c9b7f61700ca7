//! Pictures of the steps of a run on one sheet.

use std::str::FromStr;

use anyhow::{Context as _, Result};
use engine::domain::GrayImage;
use engine::imageio::png::{Text, encode_gray16};
use engine::store::record::SYNTHETIC_MARK;

use crate::practice::sheet::{GAP_PX, grid};

/// Most pictures of a film.
const MAX_FRAMES: usize = 64;
/// Widest film.
const MAX_COLUMNS: usize = 8;
/// Widest sheet in pixels, which PNG readers take.
const MAX_SHEET_PX: usize = 8192;

/// How the steps of a film are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Film {
    /// By the cheap linear map.
    Linear,
    /// By the autoencoder, which takes time.
    Decoded,
}

impl FromStr for Film {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "linear" => Ok(Self::Linear),
            "decoded" => Ok(Self::Decoded),
            _ => Err(format!("{text:?} is none of linear, decoded")),
        }
    }
}

/// Whether a film of a run shows step `index` (from 0) of those that run.
pub(super) fn is_shown(index: usize, of: usize) -> bool {
    spread(of, MAX_FRAMES).contains(&index)
}

/// The film as a PNG that says what it is; `None` when no step ran.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn film(frames: &[GrayImage]) -> Result<Option<Vec<u8>>> {
    let Some(first) = frames.first() else { return Ok(None) };
    let columns = (MAX_SHEET_PX / (first.width() as usize + GAP_PX)).clamp(1, MAX_COLUMNS);
    let png = encode_gray16(&grid(frames, columns), &[Text::Plain(SYNTHETIC_MARK.0, SYNTHETIC_MARK.1)]);
    Ok(Some(png.context("the film of the steps")?))
}

/// At most `most` of `count` places, evenly spread; the last is among them.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (1..=most).map(|i| (i * count).div_ceil(most) - 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_thinned_and_end_with_their_last_step() {
        assert_eq!(spread(3, 5), [0, 1, 2]);
        assert_eq!(spread(10, 5), [1, 3, 5, 7, 9]);
        assert_eq!(spread(1000, 64).len(), 64);
        assert!(is_shown(999, 1000) && !is_shown(0, 1000) && is_shown(0, 64));
        assert!(film(&[]).unwrap().is_none());
    }

    #[test]
    fn frames_lie_in_rows() {
        let frames: Vec<GrayImage> = (0..10u16).map(|i| GrayImage::new(2, 2, vec![i; 4]).unwrap()).collect();
        let sheet = grid(&frames, MAX_COLUMNS);
        assert_eq!((sheet.width(), sheet.height()), (8 * 6 - 4, 8));
        assert_eq!((sheet.get(43, 1), sheet.get(6, 6), sheet.get(2, 0)), (Some(7), Some(9), Some(0)));
    }
}
