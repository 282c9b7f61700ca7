//! Masks as run lengths in a text, in three spellings.
//!
//! The SIIM-ACR pneumothorax set counts down the columns, left to right, and its offsets are relative:
//! pairs of a gap and a length, the gap from the end of the run before (from the first pixel at the
//! start). `-1` stands for no mask. Several lines of a table may speak of one image; together they
//! are its mask.

use std::fmt::Write as _;

use crate::domain::Mask;
use crate::imageio::fault::{Fault, FormatError, check_size};

/// How runs are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOrder {
    /// Gap and length, down the columns: SIIM-ACR, CANDID-PTX.
    RelativeColumns,
    /// Start from 0 and length, along the rows.
    AbsoluteRows,
    /// Start from 1 and length, down the columns: the usual form of competitions.
    AbsoluteColumnsFromOne,
}

/// The mask of a text of run lengths on a grid of `width × height`; an empty text and `-1` give an empty mask.
///
/// # Errors
/// When a number is missing or no whole number, a run is empty, overlaps another or leaves the image.
pub fn decode(text: &str, order: RunOrder, width: u32, height: u32, name: &str) -> Result<Mask, FormatError> {
    decode_runs(text, order, width, height).map_err(|fault| fault.of(name))
}

fn decode_runs(text: &str, order: RunOrder, width: u32, height: u32) -> Result<Mask, Fault> {
    let (width, height) = check_size(width.into(), height.into())?;
    let mut mask = Mask::empty(width, height);
    let text = text.trim();
    if text.is_empty() || text == "-1" {
        return Ok(mask);
    }
    let field = "the text of run lengths";
    let number = |word: &str| word.parse::<u64>().map_err(|_| Fault::damaged(field, "holds something that is no whole number"));
    let mut words = text.split_ascii_whitespace();
    let total = u64::from(width) * u64::from(height);
    let mut end = 0u64;
    while let Some(word) = words.next() {
        let given = number(word)?;
        let length = number(words.next().ok_or_else(|| Fault::damaged(field, "ends after a start without its length"))?)?;
        let start = match order {
            RunOrder::RelativeColumns => end.saturating_add(given),
            RunOrder::AbsoluteRows => given,
            RunOrder::AbsoluteColumnsFromOne => {
                given.checked_sub(1).ok_or_else(|| Fault::damaged(field, "begins at 0, though it counts from 1"))?
            }
        };
        let stop = start.saturating_add(length);
        if length == 0 || start < end || stop > total {
            let what = format!("has an empty, overlapping or too long run for an image of {width}×{height}");
            return Err(Fault::damaged(field, what));
        }
        for at in start..stop {
            let (x, y) = place(at as usize, order, width, height);
            mask.set(x, y, true);
        }
        end = stop;
    }
    Ok(mask)
}

fn place(at: usize, order: RunOrder, width: u32, height: u32) -> (u32, u32) {
    let (w, h) = (width as usize, height as usize);
    match order {
        RunOrder::AbsoluteRows => ((at % w) as u32, (at / w) as u32),
        RunOrder::RelativeColumns | RunOrder::AbsoluteColumnsFromOne => ((at / h) as u32, (at % h) as u32),
    }
}

/// Starts and lengths of the runs of a mask, down the columns or along the rows.
pub(super) fn runs(mask: &Mask, by_columns: bool) -> Vec<(usize, usize)> {
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    let bits = mask.bits();
    let bit = |at: usize| if by_columns { bits[at % h * w + at / h] } else { bits[at] };
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in (0..w * h).filter(|at| bit(*at) != 0) {
        match found.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            _ => found.push((at, 1)),
        }
    }
    found
}

/// The run lengths of a mask; an empty one is `-1`.
pub fn encode(mask: &Mask, order: RunOrder) -> String {
    let mut words = Vec::new();
    let mut end = 0;
    for (start, length) in runs(mask, order != RunOrder::AbsoluteRows) {
        let shown = match order {
            RunOrder::RelativeColumns => start - end,
            RunOrder::AbsoluteRows => start,
            RunOrder::AbsoluteColumnsFromOne => start + 1,
        };
        words.push(format!("{shown} {length}"));
        end = start + length;
    }
    if words.is_empty() { "-1".to_owned() } else { words.join(" ") }
}

/// The mask of an image in a table with the columns `ImageId` and `EncodedPixels`, as SIIM-ACR has it:
/// all its lines together, `None` when none speaks of it.
///
/// # Errors
/// When a column is missing or a line's runs are damaged; the sentence names the line.
pub fn from_table(table: &str, image: &str, width: u32, height: u32, name: &str) -> Result<Option<Mask>, FormatError> {
    let clean = |cell: &str| cell.trim().trim_matches('"').trim().to_owned();
    let mut lines = table.trim_start_matches('\u{feff}').lines().enumerate();
    let header: Vec<String> = lines.next().map(|(_, line)| line.split(',').map(clean).collect()).unwrap_or_default();
    let column = |title: &str| {
        let at = header.iter().position(|cell| cell == title);
        at.ok_or_else(|| Fault::missing(format!("the column {title}")).of(name))
    };
    let (id, pixels) = (column("ImageId")?, column("EncodedPixels")?);
    let mut found: Option<Mask> = None;
    for (number, line) in lines {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.get(id).is_none_or(|cell| clean(cell) != image) {
            continue;
        }
        let place = format!("{name}, line {}", number + 1);
        let text = cells.get(pixels).ok_or_else(|| Fault::missing("EncodedPixels").of(&place))?;
        let mask = decode(&clean(text), RunOrder::RelativeColumns, width, height, &place)?;
        match &mut found {
            Some(all) => all.union_with(&mask),
            None => found = Some(mask),
        }
    }
    Ok(found)
}

/// The names in the column `ImageId` of a table, each once, in their order; none without the column.
pub fn image_names(table: &str) -> Vec<String> {
    let clean = |cell: &str| cell.trim().trim_matches('"').trim().to_owned();
    let mut lines = table.trim_start_matches('\u{feff}').lines();
    let at = lines.next().and_then(|header| header.split(',').position(|cell| clean(cell) == "ImageId"));
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for line in lines {
        let name = at.and_then(|at| line.split(',').nth(at)).map(clean).unwrap_or_default();
        if !name.is_empty() && seen.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

/// A table of images and their masks, as SIIM-ACR has it.
///
/// # Errors
/// When the name of an image is empty, or has a comma, a quotation mark, a line break or blanks around it.
pub fn to_table(masks: &[(&str, &Mask)]) -> Result<String, FormatError> {
    let mut table = "ImageId,EncodedPixels\n".to_owned();
    for (image, mask) in masks {
        if image.contains([',', '"', '\n', '\r']) || image.trim() != *image || image.is_empty() {
            let what = "an image's name is empty or has a comma, a quotation mark, a line break or blanks around it; rename it";
            return Err(Fault::Request(what.to_owned()).of("the table of run lengths"));
        }
        let _written = writeln!(table, "{image},{}", encode(mask, RunOrder::RelativeColumns));
    }
    Ok(table)
}
