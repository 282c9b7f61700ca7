//! Pictures of dots from the drawn ones.

use std::sync::Arc;

use resvg::{tiny_skia, usvg};

use super::Figure;

/// Why a figure has no PNG.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// The drawn figure cannot be read back.
    #[error("figure {name:?} cannot be read: {reason}")]
    Drawn {
        /// The figure.
        name: String,
        /// What the reader said.
        reason: String,
    },
    /// The picture would be too large or have no size.
    #[error("figure {name:?} at a scale of {scale} has no picture; choose a scale from 0.1 to 10")]
    Size {
        /// The figure.
        name: String,
        /// The scale asked for.
        scale: f32,
    },
    /// The picture cannot be packed.
    #[error("figure {name:?} cannot be written as PNG: {reason}")]
    Packed {
        /// The figure.
        name: String,
        /// What the writer said.
        reason: String,
    },
}

/// The figure as PNG with `scale` dots a unit. `fonts` are the bytes of TrueType files (regular, medium, semibold);
/// no other font is looked for, so the picture is the same on each machine.
///
/// # Errors
/// When the scale has no picture.
pub fn png(figure: &Figure, fonts: &[&[u8]], scale: f32) -> Result<Vec<u8>, FigureError> {
    let mut options = usvg::Options { font_family: "IBM Plex Sans".to_owned(), ..usvg::Options::default() };
    let letters = options.fontdb_mut();
    for font in fonts {
        letters.load_font_source(usvg::fontdb::Source::Binary(Arc::new(font.to_vec())));
    }
    let size = || FigureError::Size { name: figure.name.clone(), scale };
    if !(0.1..=10.0).contains(&scale) {
        return Err(size());
    }
    let tree = usvg::Tree::from_str(&figure.svg(), &options)
        .map_err(|e| FigureError::Drawn { name: figure.name.clone(), reason: e.to_string() })?;
    let dots = |length: f32| (length * scale).ceil() as u32;
    let mut picture = tiny_skia::Pixmap::new(dots(tree.size().width()), dots(tree.size().height())).ok_or_else(size)?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|e| FigureError::Packed { name: figure.name.clone(), reason: e.to_string() })
}
