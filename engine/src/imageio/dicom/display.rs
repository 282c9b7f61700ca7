//! From stored values to what a viewer shows: modality transform, values of interest, inversion.
//!
//! The steps are worked out once for each stored value, in `f64`, and rounded once to 16 bits.
//! A look-up table of the values of interest goes before a window where a file has both, because
//! the table is what the maker of the image meant; of several, the first is taken. Without either,
//! the full range of the stored bits is shown, whatever values occur. The others are offered as further ways
//! to look at the image, a few of them; the explanations of windows are free text and are not read.
//!
//! # Source
//! DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT, window), C.11.6 (presentation LUT shape).

use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::Note;
use super::field::Fields as _;
use super::layout::{Layout, Photometric};
use crate::imageio::fault::Fault;

/// Most ways to show an image that are offered.
const MAX_WINDOWS: usize = 6;

/// The ways to show an image, the first one chosen, and what is to be said about it.
pub(super) struct Display {
    pub(super) windows: Vec<Window>,
    pub(super) notes: Vec<Note>,
}

/// A way to show the stored values of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What it is, in numbers of the file: "Centre 2048, width 4096".
    pub title: String,
    /// Shown level of every stored word.
    pub(super) levels: Vec<u16>,
}

/// How values of interest become levels from 0 to 1.
enum Interest {
    /// The full range, from the least to the greatest.
    Full(f64, f64),
    Window {
        shape: Shape,
        centre: f64,
        width: f64,
    },
    Table(Table),
}

/// `VOILUTFunction`.
#[derive(Clone, Copy)]
enum Shape {
    Linear,
    LinearExact,
    Sigmoid,
}

/// A look-up table: the first value it maps, its entries, and their greatest possible value.
struct Table {
    first: f64,
    entries: Vec<u16>,
    max: f64,
}

impl Table {
    /// The entry of a value; below and above the table its ends.
    fn at(&self, value: f64) -> f64 {
        let index = (value - self.first).round().clamp(0.0, self.entries.len() as f64 - 1.0);
        f64::from(self.entries[index as usize])
    }

    /// Reads `LUTDescriptor` and `LUTData` of an item.
    fn read(item: &InMemDicomObject, signed: bool) -> Result<Self, Fault> {
        let descriptor = item.numbers(tags::LUT_DESCRIPTOR)?;
        let [count, first, bits] = descriptor[..] else {
            return Err(Fault::damaged("LUTDescriptor", "does not have three numbers"));
        };
        // A count of 0 stands for 65536, and numbers may come with the wrong sign.
        let count = match count as i64 & 0xffff {
            0 => 65536,
            count => count as usize,
        };
        let is_signed = item.get(tags::LUT_DESCRIPTOR).is_some_and(|element| element.vr() == VR::SS) || signed;
        let first = if is_signed && first > 32767.0 { first - 65536.0 } else { first };
        if !(8.0..=16.0).contains(&bits) {
            return Err(Fault::damaged("LUTDescriptor", "names a depth other than 8 to 16 bits"));
        }
        let data = item.get(tags::LUT_DATA).and_then(|element| element.value().primitive());
        let words: Vec<u16> = match data {
            Some(PrimitiveValue::U16(words)) => words.to_vec(),
            Some(PrimitiveValue::I16(words)) => words.iter().map(|word| *word as u16).collect(),
            Some(PrimitiveValue::U8(bytes)) if bytes.len() < 2 * count => bytes.iter().map(|byte| u16::from(*byte)).collect(),
            Some(PrimitiveValue::U8(bytes)) => bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect(),
            _ => return Err(Fault::missing("LUTData")),
        };
        // Entries of 8 bits may be packed two in a word.
        let entries = if words.len() < count && bits == 8.0 && 2 * words.len() >= count {
            words.iter().flat_map(|word| word.to_le_bytes()).map(u16::from).take(count).collect()
        } else {
            words.get(..count).ok_or_else(|| Fault::truncated("LUTData"))?.to_vec()
        };
        Ok(Self { first, entries, max: ((1u32 << bits as u32) - 1).into() })
    }
}

impl Interest {
    fn level(&self, value: f64) -> f64 {
        match self {
            Self::Full(low, high) if high > low => (value - low) / (high - low),
            Self::Full(..) => 0.0,
            Self::Table(table) => table.at(value) / table.max,
            Self::Window { shape: Shape::Linear, centre, width } => {
                let from_middle = value - (centre - 0.5);
                // A width of 1 is a step.
                if from_middle <= -(width - 1.0) / 2.0 {
                    0.0
                } else if from_middle > (width - 1.0) / 2.0 {
                    1.0
                } else {
                    from_middle / (width - 1.0) + 0.5
                }
            }
            Self::Window { shape: Shape::LinearExact, centre, width } => (value - centre) / width + 0.5,
            Self::Window { shape: Shape::Sigmoid, centre, width } => 1.0 / (1.0 + (-4.0 * (value - centre) / width).exp()),
        }
    }
}

/// What a grey image's words look like.
///
/// # Errors
/// When a table or a number of the transforms is damaged.
pub(super) fn display(set: &InMemDicomObject, layout: &Layout) -> Result<Display, Fault> {
    let mut notes = Vec::new();
    let (slope, intercept) =
        (set.number(tags::RESCALE_SLOPE)?.unwrap_or(1.0), set.number(tags::RESCALE_INTERCEPT)?.unwrap_or(0.0));
    if slope == 0.0 {
        return Err(Fault::damaged("RescaleSlope", "is zero"));
    }
    let modality = match set.items(tags::MODALITY_LUT_SEQUENCE).first() {
        Some(item) => Some(Table::read(item, layout.signed)?),
        None => None,
    };
    let value = |stored: i32| match &modality {
        Some(table) => table.at(f64::from(stored)),
        None => slope * f64::from(stored) + intercept,
    };
    let (least, greatest) = layout.range();
    let (one, other) = (value(least), value(greatest));
    let signed = layout.signed || one.min(other) < 0.0;
    let full = match &modality {
        Some(table) => Interest::Full(0.0, table.max),
        None => Interest::Full(one.min(other), one.max(other)),
    };
    let mut interests = interests(set, signed, &mut notes)?;
    interests.truncate(MAX_WINDOWS - 1);
    interests.push(("Full range".to_owned(), full));
    let shape = set.text(tags::PRESENTATION_LUT_SHAPE)?;
    let inverted = layout.photometric == Photometric::Monochrome1 || shape.as_deref() == Some("INVERSE");
    let words = if layout.allocated == 8 { 0..=255 } else { 0..=u16::MAX };
    let values: Vec<f64> = words.map(|word| value(layout.value(word))).collect();
    let windows = interests.into_iter().map(|(title, interest)| {
        let level = |value: &f64| {
            let level = (interest.level(*value).clamp(0.0, 1.0) * 65535.0 + 0.5) as u16;
            if inverted { 65535 - level } else { level }
        };
        Window { title, levels: values.iter().map(level).collect() }
    });
    Ok(Display { windows: windows.collect(), notes })
}

/// Tables, else windows; the first must be whole, others are left out where they are not.
fn interests(set: &InMemDicomObject, signed: bool, notes: &mut Vec<Note>) -> Result<Vec<(String, Interest)>, Fault> {
    let mut found = Vec::new();
    let tables = set.items(tags::VOILUT_SEQUENCE);
    for (at, item) in tables.iter().enumerate().take(MAX_WINDOWS) {
        match Table::read(item, signed) {
            Ok(table) => found.push((format!("Table {}", at + 1), Interest::Table(table))),
            Err(fault) if at == 0 => return Err(fault),
            Err(_) => {}
        }
    }
    if tables.len() > 1 {
        notes.push(Note::FirstTable { of: tables.len() });
    }
    let (centres, widths) = (set.numbers(tags::WINDOW_CENTER)?, set.numbers(tags::WINDOW_WIDTH)?);
    if tables.is_empty() {
        if centres.is_empty() || widths.is_empty() {
            missing_half(&centres, tags::WINDOW_WIDTH)?;
            missing_half(&widths, tags::WINDOW_CENTER)?;
        }
        if centres.len().min(widths.len()) > 1 {
            notes.push(Note::FirstWindow { of: centres.len().min(widths.len()) });
        }
    }
    for (at, (&centre, &width)) in centres.iter().zip(&widths).enumerate().take(MAX_WINDOWS) {
        match window(set, centre, width) {
            Ok(window) => found.push((format!("Centre {centre}, width {width}"), window)),
            Err(fault) if at == 0 && tables.is_empty() => return Err(fault),
            Err(_) => {}
        }
    }
    Ok(found)
}

fn window(set: &InMemDicomObject, centre: f64, width: f64) -> Result<Interest, Fault> {
    let shape = match set.text(tags::VOILUT_FUNCTION)?.as_deref() {
        None | Some("LINEAR") => Shape::Linear,
        Some("LINEAR_EXACT") => Shape::LinearExact,
        Some("SIGMOID") => Shape::Sigmoid,
        Some(_) => return Err(Fault::unsupported("this VOILUTFunction", "export the image with a linear window")),
    };
    if width < if matches!(shape, Shape::Linear) { 1.0 } else { f64::MIN_POSITIVE } {
        return Err(Fault::damaged("WindowWidth", format!("is {width}")));
    }
    Ok(Interest::Window { shape, centre, width })
}

/// A window with one of its two numbers is no window.
fn missing_half(present: &[f64], other: Tag) -> Result<(), Fault> {
    if present.is_empty() { Ok(()) } else { Err(Fault::missing(super::guard::keyword(other))) }
}
