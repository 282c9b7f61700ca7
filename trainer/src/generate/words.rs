//! Where the image looks for each word: maps of cross-attention as a sheet, and what its rows and columns are.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use engine::domain::GrayImage;
use engine::imageio::png::{Text, encode_gray16};
use engine::pipeline::AttentionMap;
use serde::Serialize;

use super::sheet::spread;
use crate::practice::sheet::{GAP_PX, grid};

/// Side of a cell in pixels, at least.
const CELL_PX: usize = 32;
/// Most columns beside that of the mean.
const MAX_STEPS: usize = 50;
/// Keyword and text of the plain mark of a sheet.
const MARK: (&str, &str) =
    ("Comment", "Maps of attention of ChexGen Studio, made with a synthetic radiograph. Not a radiograph. Not for diagnosis.");
/// Value of the field `format` of the JSON beside the sheet.
pub(super) const FORMAT: &str = "chexgen-words";

/// Which blocks of the network are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// All.
    Auto,
    /// These, from 0.
    Some(Vec<usize>),
}

impl FromStr for Blocks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "auto" {
            return Ok(Self::Auto);
        }
        let blocks: Result<Vec<usize>, _> = text.split(',').map(|block| block.trim().parse()).collect();
        match blocks {
            Ok(mut blocks) if blocks.len() <= 1024 => {
                blocks.sort_unstable();
                blocks.dedup();
                Ok(Self::Some(blocks))
            }
            _ => Err(format!("{text:?} is neither auto nor numbers of blocks such as 0,3,5")),
        }
    }
}

impl Blocks {
    /// The numbers, for a network of `depth` blocks.
    ///
    /// # Errors
    /// When the network has no such block.
    pub(super) fn of(&self, depth: usize) -> Result<Vec<usize>> {
        match self {
            Self::Auto => Ok((0..depth).collect()),
            Self::Some(blocks) => match blocks.iter().find(|block| **block >= depth) {
                Some(block) => {
                    bail!("--word-maps names block {block}, and the network has blocks 0 to {}", depth.saturating_sub(1))
                }
                None => Ok(blocks.clone()),
            },
        }
    }
}

/// What the sheet shows.
#[derive(Serialize)]
struct Legend<'a> {
    format: &'static str,
    version: u32,
    synthetic: bool,
    /// The image's file name.
    image: &'a str,
    blocks: &'a [usize],
    /// Side of a cell in pixels; cells are apart by `gap_px`.
    cell_px: usize,
    gap_px: usize,
    /// Side of the map in image tokens.
    grid: usize,
    /// `mean` over all steps, then steps from 1.
    columns: Vec<String>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    /// Word or part of one; empty is the end mark.
    token: &'a str,
    /// The share of attention that is drawn white.
    white: f32,
}

/// The sheet as a PNG and its legend as JSON; `maps` are those of steps `first + 1` and on.
///
/// # Errors
/// When there is no map, or the sheet cannot be encoded.
pub(super) fn sheet(
    image: &str,
    maps: &[AttentionMap],
    first: usize,
    blocks: &[usize],
    tokens: &[String],
) -> Result<(Vec<u8>, Vec<u8>)> {
    let one = maps.first().context("no step ran, so there are no maps of attention; leave out --word-maps")?;
    let places = one.grid * one.grid;
    let zoom = CELL_PX.div_ceil(one.grid.max(1));
    let side = zoom * one.grid;
    let chosen = spread(maps.len(), MAX_STEPS);
    let mut cells = Vec::new();
    let mut rows = Vec::new();
    for token in 0..one.tokens {
        let of = |map: &AttentionMap| map.of_token(token).map_or_else(|| vec![0.0; places], <[f32]>::to_vec);
        let all: Vec<Vec<f32>> = maps.iter().map(of).collect();
        let mean = (0..places).map(|p| all.iter().map(|map| map[p]).sum::<f32>() / all.len() as f32).collect();
        let shown: Vec<&Vec<f32>> = std::iter::once(&mean).chain(chosen.iter().map(|&step| &all[step])).collect();
        let white = shown.iter().flat_map(|map| map.iter().copied()).fold(0.0, f32::max);
        for map in shown {
            let value = |i: usize| map[i / side / zoom * one.grid + i % side / zoom] / white.max(f32::MIN_POSITIVE);
            let unit: Vec<f32> = (0..side * side).map(value).collect();
            cells.push(GrayImage::from_unit(side as u32, side as u32, &unit)?);
        }
        rows.push(Row { token: tokens.get(token).map_or("", String::as_str), white });
    }
    let columns = std::iter::once("mean".to_owned()).chain(chosen.iter().map(|step| (first + step + 1).to_string())).collect();
    let legend = Legend {
        format: FORMAT,
        version: 1,
        synthetic: true,
        image,
        blocks,
        cell_px: side,
        gap_px: GAP_PX,
        grid: one.grid,
        columns,
        rows,
    };
    let mut json = serde_json::to_vec_pretty(&legend)?;
    json.push(b'\n');
    Ok((encode_gray16(&grid(&cells, chosen.len() + 1), &[Text::Plain(MARK.0, MARK.1)])?, json))
}

#[cfg(test)]
mod tests {
    use engine::imageio::png::decode_gray;

    use super::*;

    #[test]
    fn blocks_are_auto_or_numbers() {
        assert_eq!("auto".parse(), Ok(Blocks::Auto));
        assert_eq!("5, 0,5".parse(), Ok(Blocks::Some(vec![0, 5])));
        assert!("all".parse::<Blocks>().unwrap_err().contains("0,3,5"));
        assert_eq!(Blocks::Auto.of(3).unwrap(), [0, 1, 2]);
        assert!(Blocks::Some(vec![1, 7]).of(6).unwrap_err().to_string().contains("0 to 5"));
    }

    #[test]
    fn a_row_for_each_word_and_a_column_for_each_step() {
        let map = |step: f32| AttentionMap { tokens: 2, grid: 2, shares: vec![0.1, 0.2, 0.3, step, 0.9, 0.8, 0.7, 0.2] };
        let maps = [map(0.4), map(0.8)];
        let words = ["nodule".to_owned(), String::new()];
        let (png, json) = sheet("a.png", &maps, 3, &[0, 1], &words).unwrap();
        let (picture, legend) = (decode_gray(&png, "x").unwrap(), serde_json::from_slice::<serde_json::Value>(&json).unwrap());
        assert_eq!((picture.width(), picture.height()), (3 * 32 + 2 * 4, 2 * 32 + 4));
        assert_eq!(legend["columns"], serde_json::json!(["mean", "4", "5"]));
        assert_eq!(legend["rows"][0]["token"], "nodule");
        // The last step's last place is the brightest of the first word; the mean there lies between.
        assert_eq!(picture.get(72 + 31, 31), Some(65535));
        let mean = picture.get(31, 31).unwrap();
        assert!(mean.abs_diff(49151) < 3, "{mean}");
        assert!(sheet("a.png", &[], 0, &[], &words).is_err());
    }
}
