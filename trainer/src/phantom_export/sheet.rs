//! A contact sheet: the first cases side by side, reduced by whole factors.

use anyhow::Context;
use engine::domain::GrayImage;

/// Most pictures on a sheet.
const MOST: u64 = 64;
/// Largest side of a picture on the sheet.
const CELL_PX: u32 = 384;

/// Pictures collected so far.
pub(super) struct Sheet {
    columns: u32,
    rows: u32,
    factor: u32,
    cell: u32,
    used: u32,
    pixels: Vec<u16>,
}

impl Sheet {
    pub(super) fn new(count: u64, size_px: u32) -> Self {
        let count = count.clamp(1, MOST) as u32;
        let columns = (1..=8).find(|c| c * c >= count).unwrap_or(8).max(count.min(4));
        let rows = count.div_ceil(columns);
        let factor = size_px.div_ceil(CELL_PX).max(1);
        let cell = size_px / factor;
        let pixels = vec![0; (columns * cell) as usize * (rows * cell) as usize];
        Self { columns, rows, factor, cell, used: 0, pixels }
    }

    pub(super) fn has_room(&self) -> bool {
        self.used < self.columns * self.rows
    }

    /// Adds a picture; a full sheet stays as it is.
    pub(super) fn add(&mut self, image: &GrayImage) {
        if !self.has_room() {
            return;
        }
        let (x0, y0) = (self.used % self.columns * self.cell, self.used / self.columns * self.cell);
        let area = u64::from(self.factor * self.factor);
        for y in 0..self.cell {
            for x in 0..self.cell {
                let mut sum = 0u64;
                for dy in 0..self.factor {
                    for dx in 0..self.factor {
                        sum += u64::from(image.get(x * self.factor + dx, y * self.factor + dy).unwrap_or(0));
                    }
                }
                let at = (y0 + y) as usize * (self.columns * self.cell) as usize + (x0 + x) as usize;
                self.pixels[at] = (sum / area) as u16;
            }
        }
        self.used += 1;
    }

    pub(super) fn finish(self) -> anyhow::Result<GrayImage> {
        GrayImage::new(self.columns * self.cell, self.rows * self.cell, self.pixels).context("contact sheet")
    }
}
