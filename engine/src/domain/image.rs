//! A grey radiograph in memory.

/// Why an image value cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The buffer does not fit the size.
    #[error("an image of {width}×{height} needs {expected} pixels, but {actual} were given")]
    PixelCount {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Pixels needed.
        expected: usize,
        /// Pixels given.
        actual: usize,
    },
    /// A side is zero.
    #[error("an image needs at least one pixel, but its size is {width}×{height}")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// A 16-bit grey image, row by row from the top left; 0 is black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrayImage {
    width: u32,
    height: u32,
    pixels: Vec<u16>,
}

impl GrayImage {
    /// Wraps a row-major buffer.
    ///
    /// # Errors
    /// When a side is zero or the buffer has another length.
    pub fn new(width: u32, height: u32, pixels: Vec<u16>) -> Result<Self, ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::Empty { width, height });
        }
        let expected = width as usize * height as usize;
        if pixels.len() != expected {
            return Err(ImageError::PixelCount { width, height, expected, actual: pixels.len() });
        }
        Ok(Self { width, height, pixels })
    }

    /// A black image; sides are raised to at least one pixel.
    pub fn black(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, pixels: vec![0; width as usize * height as usize] }
    }

    /// From values in 0..=1, row by row; values outside are clamped and NaN becomes black.
    ///
    /// # Errors
    /// As [`GrayImage::new`].
    pub fn from_unit(width: u32, height: u32, values: &[f32]) -> Result<Self, ImageError> {
        let quantise = |v: &f32| if v.is_nan() { 0 } else { (v.clamp(0.0, 1.0) * 65535.0 + 0.5) as u16 };
        Self::new(width, height, values.iter().map(quantise).collect())
    }

    /// Values in 0..=1, row by row.
    pub fn to_unit(&self) -> Vec<f32> {
        self.pixels.iter().map(|&v| f32::from(v) / 65535.0).collect()
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The grey values, row by row.
    pub fn pixels(&self) -> &[u16] {
        &self.pixels
    }

    /// The grey value at a pixel, or `None` outside.
    pub fn get(&self, x: u32, y: u32) -> Option<u16> {
        (x < self.width && y < self.height).then(|| self.pixels[y as usize * self.width as usize + x as usize])
    }
}
