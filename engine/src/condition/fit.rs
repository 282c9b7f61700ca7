//! How a drawing of another shape comes onto the square picture of a model.

use crate::imageio::letterbox::Letterbox as Place;

/// How a drawing of another shape is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Each axis by its own factor, as the published sampler does.
    #[default]
    Stretch,
    /// Both axes by the same factor, centred; what is left over is empty.
    Letterbox,
}

impl Fit {
    /// The place of a drawing of `width × height` on a picture of `size_px × size_px`.
    pub(super) fn place(self, width: u32, height: u32, size_px: u32) -> Place {
        let n = size_px as usize;
        if self == Self::Stretch || width == height {
            return Place { x: 0, y: 0, width: n, height: n };
        }
        Place::new(width, height, size_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letterbox_keeps_proportions_and_centres() {
        assert_eq!(Fit::Letterbox.place(200, 100, 64), Place { x: 0, y: 16, width: 64, height: 32 });
        assert_eq!(Fit::Letterbox.place(1, 1000, 64), Place { x: 31, y: 0, width: 1, height: 64 });
        assert_eq!(Fit::Letterbox.place(50, 50, 64), Fit::Stretch.place(200, 100, 64));
    }
}
