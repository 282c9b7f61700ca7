//! How much of a run a saved image tells, and images with that much inside.

use super::full_size::FullSize;
use super::shareable::Shareable;
use super::{EDITED_MARK, EDITED_WHOLE_MARK, PNG_KEYWORD, RunRecord, SYNTHETIC_MARK};
use crate::domain::{GrayImage, Source};
use crate::imageio::dicom::{self, Capture, Content};
use crate::imageio::fault::FormatError;
use crate::imageio::png::{self, PngError, Text};

/// Keyword of the `iTXt` chunk of [`Tier::Shareable`].
pub const SHAREABLE_KEYWORD: &str = "chexgen-shareable";
/// Keyword of the `iTXt` chunk with what an edit at the opened image's size needs to come back.
pub const FULL_SIZE_KEYWORD: &str = "chexgen-full-size";

/// How much a saved image tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Everything: opened again, it restores the case.
    #[default]
    Full,
    /// Settings, model and hashes; no text, no drawing, no pixels of an opened image besides the picture itself.
    Shareable,
    /// The plain mark alone.
    MarkOnly,
}

impl Tier {
    /// All tiers, the one that tells most first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Shareable, Self::MarkOnly];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Shareable => "Shareable",
            Self::MarkOnly => "Mark only",
        }
    }

    /// What a file of this tier holds, in one sentence.
    pub fn holds(self) -> &'static str {
        match self {
            Self::Full => {
                "Text, drawings, settings, model and the image under the layers; dropped on the window it restores everything."
            }
            Self::Shareable => {
                "Settings, seed, model and hashes of text and drawings; no text, no drawing, no path. A hash can confirm a guessed text."
            }
            Self::MarkOnly => "The mark that the image is synthetic or edited, and nothing else.",
        }
    }
}

/// What the image of a record shows.
pub fn content(record: &RunRecord) -> Content {
    match record.request.source {
        Source::Region { .. } => Content::EditedRegion,
        Source::Image { .. } => Content::EditedWhole,
        Source::Noise | Source::Latent { .. } => Content::Synthetic,
    }
}

/// Keyword and text of the plain mark of a record's image.
pub fn plain_mark(record: &RunRecord) -> (&'static str, &'static str) {
    match content(record) {
        Content::Synthetic => SYNTHETIC_MARK,
        Content::EditedRegion => EDITED_MARK,
        Content::EditedWhole => EDITED_WHOLE_MARK,
    }
}

/// A 16-bit grey PNG that tells as much as the tier says, always with the plain mark.
///
/// # Errors
/// When the record or the picture cannot be encoded.
pub fn encode_png(image: &GrayImage, record: &RunRecord, tier: Tier, full_size: Option<&FullSize>) -> Result<Vec<u8>, PngError> {
    let mark = plain_mark(record);
    let inside = inside(record, tier, full_size).map_err(|reason| PngError::Encode { reason })?;
    let mut texts = vec![Text::Plain(mark.0, mark.1)];
    texts.extend(inside.iter().map(|(keyword, text)| Text::Packed(keyword, text)));
    png::encode_gray16(image, &texts)
}

/// A DICOM Secondary Capture that tells as much as the tier says; `spacing_mm` is down and across.
///
/// # Errors
/// When the record or the picture cannot be encoded, or the spacing is not positive.
pub fn encode_dicom(
    image: &GrayImage,
    record: &RunRecord,
    tier: Tier,
    full_size: Option<&FullSize>,
    spacing_mm: Option<(f64, f64)>,
) -> Result<Vec<u8>, FormatError> {
    let fail = |what| crate::imageio::fault::Fault::Request(what).of("the DICOM export");
    let inside = inside(record, tier, full_size).map_err(fail)?;
    let text = |at: usize| inside.get(at).map(|(_, text)| text.as_str());
    dicom::encode_capture(&Capture { image, content: content(record), record: text(0), full_size: text(1), spacing_mm })
}

/// Keywords and texts inside a file: the record or its shareable part, then what an edit needs.
fn inside(record: &RunRecord, tier: Tier, full_size: Option<&FullSize>) -> Result<Vec<(&'static str, String)>, String> {
    Ok(match tier {
        Tier::Full => {
            let mut texts = vec![(PNG_KEYWORD, record.to_json().map_err(|error| error.to_string())?)];
            if let Some(full_size) = full_size {
                texts.push((FULL_SIZE_KEYWORD, full_size.to_json().map_err(|error| error.to_string())?));
            }
            texts
        }
        Tier::Shareable => vec![(SHAREABLE_KEYWORD, Shareable::of(record).to_json().map_err(|error| error.to_string())?)],
        Tier::MarkOnly => Vec::new(),
    })
}
