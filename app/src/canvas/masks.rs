//! The painted regions as they were drawn last, with their outlines in tiles.
//!
//! A mask that was touched is compared with its copy, whoever touched it; only tiles that differ are
//! traced again. The copy is held by value and the original by a weak reference, so that a stroke can
//! change the original in place, and its changed address tells that it did.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use engine::domain::{Mask, PixelBlock, outline};

use crate::state::LayerId;

/// Side of a tile in pixels.
const TILE: u32 = 64;

type Line = Vec<(f32, f32)>;

#[derive(Debug)]
struct Drawn {
    seen: Weak<Mask>,
    mask: Mask,
    tiles: Vec<Vec<Line>>,
    used: bool,
}

/// Copies and outlines of masks by layer.
#[derive(Debug, Default)]
pub struct Masks {
    drawn: BTreeMap<LayerId, Drawn>,
}

impl Masks {
    /// Brings a layer's copy up to date and returns the block that changed.
    pub fn update(&mut self, layer: LayerId, mask: &Arc<Mask>) -> Option<PixelBlock> {
        let size = (mask.width(), mask.height());
        let tiles = (size.0.div_ceil(TILE) * size.1.div_ceil(TILE)) as usize;
        let fresh = || Drawn { seen: Weak::new(), mask: Mask::empty(size.0, size.1), tiles: vec![Vec::new(); tiles], used: true };
        let drawn = self.drawn.entry(layer).or_insert_with(fresh);
        drawn.used = true;
        if Weak::as_ptr(&drawn.seen) == Arc::as_ptr(mask) {
            return None;
        }
        if (drawn.mask.width(), drawn.mask.height()) != size {
            *drawn = fresh();
        }
        drawn.seen = Arc::downgrade(mask);
        let block = drawn.mask.difference(mask)?;
        drawn.mask.copy_block(mask, &block);
        let near = block.wider(2, size.0, size.1);
        let across = size.0.div_ceil(TILE);
        for ty in near.y0 / TILE..near.y1.div_ceil(TILE) {
            for tx in near.x0 / TILE..near.x1.div_ceil(TILE) {
                let tile = PixelBlock {
                    x0: tx * TILE,
                    y0: ty * TILE,
                    x1: ((tx + 1) * TILE).min(size.0),
                    y1: ((ty + 1) * TILE).min(size.1),
                };
                drawn.tiles[(ty * across + tx) as usize] = outline(&drawn.mask, &tile);
            }
        }
        Some(block)
    }

    /// A layer's mask as it was drawn last.
    pub fn drawn(&self, layer: LayerId) -> Option<&Mask> {
        self.drawn.get(&layer).map(|d| &d.mask)
    }

    /// The lines of a layer's outline, in image pixels.
    pub fn lines(&self, layer: LayerId) -> impl Iterator<Item = &Line> {
        self.drawn.get(&layer).into_iter().flat_map(|d| d.tiles.iter().flatten())
    }

    /// Ends a frame: drops what it did not use.
    pub fn end_frame(&mut self) {
        self.drawn.retain(|_, d| std::mem::take(&mut d.used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_in_place_is_seen_and_costs_no_copy() {
        let mut masks = Masks::default();
        let mut mask = Arc::new(Mask::empty(300, 300));
        assert_eq!(masks.update(1, &mask), None, "an empty mask draws nothing");
        Arc::make_mut(&mut mask).paint_stroke((100.0, 100.0), (120.0, 100.0), 5.0, true, None);
        let at = mask.bits().as_ptr();
        let block = masks.update(1, &mask).expect("it changed");
        assert!(block.width() <= 31 && block.height() <= 11, "{block:?}");
        let before = masks.lines(1).count();
        assert!(before > 0);
        assert_eq!(masks.update(1, &mask), None);
        Arc::make_mut(&mut mask).paint_stroke((200.0, 200.0), (220.0, 200.0), 5.0, true, None);
        assert_eq!(mask.bits().as_ptr(), at, "the pixels were not copied");
        assert!(masks.update(1, &mask).is_some_and(|b| b.y0 > 150));
        assert!(masks.lines(1).count() > before);
        masks.end_frame();
        masks.end_frame();
        assert!(masks.drawn(1).is_none(), "what no frame uses is dropped");
    }
}
