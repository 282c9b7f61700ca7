//! The properties that are probed.

use serde::{Deserialize, Serialize};

use crate::equalise::{Clean, Depth, Grey, Settings};

/// A property by which an arm might be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Width, height and their ratio.
    Size,
    /// Bits of the file and grey levels that are used.
    Depth,
    /// Gaps and spikes in the histogram, as a changed contrast leaves them.
    Comb,
    /// Lines of one grey along the edges.
    Borders,
    /// Marks in the corners.
    Corners,
    /// Percentiles of the greys.
    Grey,
    /// Blocks of 8×8 pixels, as JPEG leaves them.
    Blocks,
    /// Power of the finest structures, and where it rolls off.
    Spectrum,
    /// Peaks at regular distances, as enlarging layers of a network leave them.
    Grid,
    /// Noise in dark, middle and bright parts.
    Noise,
    /// How steep greys change over one, two, four and eight pixels.
    Sharpness,
    /// The kind of file and what it carries beside the picture.
    Metadata,
    /// How the files are named.
    FileName,
    /// Length of the file.
    FileSize,
    /// All figures together.
    Joint,
}

/// Whether a property is form or may be content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Form: it has nothing to do with what is compared, and must be made equal.
    Form,
    /// It may belong to how a model draws, which is what is compared: a warning.
    Content,
    /// Form of files, which the sealed study does not hold.
    File,
}

/// What in the settings of equalising removes a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Equal size, which is always made.
    Size,
    /// Equal levels.
    Depth,
    /// Cut borders.
    Borders,
    /// Covered corners.
    Corners,
    /// Matched greys.
    Grey,
    /// Cleaning of noise.
    CleanNoise,
    /// Cleaning of compression.
    CleanBlocks,
    /// Sealing itself, which leaves names and metadata out.
    Sealing,
}

impl Remedy {
    /// Switches the setting on.
    pub fn switch_on(self, settings: &mut Settings) {
        match self {
            Self::Size | Self::Sealing => {}
            Self::Depth => settings.depth = Depth::Lowest,
            Self::Borders => settings.trim_borders = true,
            Self::Corners => settings.cover_corners = true,
            Self::Grey if settings.grey == Grey::Keep => settings.grey = Grey::MatchArms,
            Self::Grey => {}
            Self::CleanNoise if settings.clean == Clean::Off => settings.clean = Clean::Noise,
            Self::CleanNoise => {}
            Self::CleanBlocks => settings.clean = Clean::Blocks,
        }
    }
}

impl Probe {
    /// All probes, in the order in which they are reported.
    pub const ALL: [Self; 15] = [
        Self::Size,
        Self::Depth,
        Self::Comb,
        Self::Borders,
        Self::Corners,
        Self::Blocks,
        Self::Metadata,
        Self::FileName,
        Self::FileSize,
        Self::Grey,
        Self::Spectrum,
        Self::Grid,
        Self::Noise,
        Self::Sharpness,
        Self::Joint,
    ];

    /// Probes that look at pixels.
    pub const PIXELS: [Self; 11] = [
        Self::Size,
        Self::Depth,
        Self::Comb,
        Self::Borders,
        Self::Corners,
        Self::Blocks,
        Self::Grey,
        Self::Spectrum,
        Self::Grid,
        Self::Noise,
        Self::Sharpness,
    ];

    /// Probes that look at files; an image of the study has none.
    pub const FILES: [Self; 3] = [Self::Metadata, Self::FileName, Self::FileSize];

    /// The property in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "Size and shape",
            Self::Depth => "Bit depth and levels",
            Self::Comb => "Gaps in the histogram",
            Self::Borders => "Borders and padding",
            Self::Corners => "Marks in corners",
            Self::Grey => "Grey scale",
            Self::Blocks => "JPEG blocks",
            Self::Spectrum => "Fine structure",
            Self::Grid => "Periodic grid",
            Self::Noise => "Local noise",
            Self::Sharpness => "Sharpness",
            Self::Metadata => "File kind and metadata",
            Self::FileName => "File name",
            Self::FileSize => "File size",
            Self::Joint => "All together",
        }
    }

    /// Whether it is form.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Size | Self::Depth | Self::Comb | Self::Borders | Self::Corners | Self::Blocks => Kind::Form,
            Self::Metadata | Self::FileName | Self::FileSize => Kind::File,
            Self::Grey | Self::Spectrum | Self::Grid | Self::Noise | Self::Sharpness | Self::Joint => Kind::Content,
        }
    }

    /// What removes a leak of it.
    pub const fn remedy(self) -> Option<Remedy> {
        match self {
            Self::Size => Some(Remedy::Size),
            Self::Depth | Self::Comb => Some(Remedy::Depth),
            Self::Borders => Some(Remedy::Borders),
            Self::Corners => Some(Remedy::Corners),
            Self::Grey => Some(Remedy::Grey),
            Self::Blocks => Some(Remedy::CleanBlocks),
            Self::Spectrum | Self::Grid | Self::Noise => Some(Remedy::CleanNoise),
            Self::Metadata | Self::FileName | Self::FileSize => Some(Remedy::Sealing),
            Self::Sharpness | Self::Joint => None,
        }
    }

    /// What helps against a leak, in words.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Size => "Equalising gives all images one size and field.",
            Self::Depth => "Equalising rounds all images to the fewest levels that an arm has (images.depth = \"lowest\").",
            Self::Comb => {
                "Equalising rounds to coarser levels after noise of up to two levels (images.depth = \"lowest\"); better, export the images again without a change of contrast."
            }
            Self::Borders => "Equalising cuts the borders off, and as much from the other arms (images.trim_borders = true).",
            Self::Corners => {
                "Covering the corners hides it (images.cover_corners = true); better, export the images without marks."
            }
            Self::Grey => {
                "Matching the grey scales removes it (images.grey = \"match-arms\" or \"match-images\") and changes contrast; leave it where contrast is what you compare."
            }
            Self::Blocks => {
                "Take the images from before they were saved as JPEG; else cleaning removes the blocks of all arms (images.clean = \"blocks\") and fine detail with them."
            }
            Self::Spectrum | Self::Noise => {
                "Cleaning replaces noise by equal grain (images.clean = \"noise\") and takes fine detail away; leave it where fine detail is what you compare."
            }
            Self::Grid => {
                "It is the trace of a network's enlarging layers; cleaning weakens it (images.clean = \"noise\"). Leave it where image quality is what you compare."
            }
            Self::Metadata | Self::FileName | Self::FileSize => {
                "Sealing leaves names and metadata out; do not show readers the files themselves."
            }
            Self::Sharpness => {
                "A smaller side (images.side_px) makes images more alike; leave it where sharpness is what you compare."
            }
            Self::Joint => "See to the single findings first; several weak traces together can tell what none tells alone.",
        }
    }

    /// Names of its figures, where it looks at pixels.
    pub(crate) const fn figures(self) -> &'static [&'static str] {
        match self {
            Self::Size => &["width in pixels", "height in pixels", "width ÷ height (log)"],
            Self::Depth => &["bits that the levels need", "share of greys on the 256 levels of 8 bits"],
            Self::Comb => &["unevenness of the histogram (log)", "share of levels that are gaps"],
            Self::Borders => &[
                "plain lines at the left",
                "plain lines at the top",
                "plain lines at the right",
                "plain lines at the bottom",
                "step near the edge, against inside (log)",
            ],
            Self::Corners => &[
                "sharp edges in the upper left corner, against elsewhere (log)",
                "sharp edges in the upper right corner, against elsewhere (log)",
                "sharp edges in the lower left corner, against elsewhere (log)",
                "sharp edges in the lower right corner, against elsewhere (log)",
            ],
            Self::Grey => &[
                "1st percentile of greys",
                "10th percentile of greys",
                "25th percentile of greys",
                "median grey",
                "75th percentile of greys",
                "90th percentile of greys",
                "99th percentile of greys",
            ],
            Self::Blocks => &["steps every 8 columns", "steps every 8 rows", "blocks without fine structure"],
            Self::Spectrum => &[
                "power at 0.06 to 0.12 cycles a pixel",
                "power at 0.12 to 0.19 cycles a pixel",
                "power at 0.19 to 0.25 cycles a pixel",
                "power at 0.25 to 0.31 cycles a pixel",
                "power at 0.31 to 0.37 cycles a pixel",
                "power at 0.37 to 0.44 cycles a pixel",
                "power at 0.44 to 0.50 cycles a pixel",
                "power beyond 0.50 cycles a pixel",
            ],
            Self::Grid => &["peak every 8 pixels", "peak every 4 pixels", "peak every 2 pixels", "peak between rows and columns"],
            Self::Noise => &["noise in dark parts", "noise in middle parts", "noise in bright parts"],
            Self::Sharpness => {
                &["change over 1 of 2 pixels", "change over 2 of 4 pixels", "change over 4 of 8 pixels", "change over 8 pixels"]
            }
            Self::Metadata | Self::FileName | Self::FileSize | Self::Joint => &[],
        }
    }
}
