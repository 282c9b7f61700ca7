//! Which layer fills each pixel of the open case, brought up to date where something changed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use engine::domain::PixelBlock;

use super::gpu::{HATCH_DOWN, HATCH_UP, MAX_LABELS};
use super::masks::Masks;
use crate::state::{LayerId, Region, State};
use crate::theme::tokens;

/// Changes that are remembered; who missed more takes the whole picture.
const REMEMBERED: usize = 64;

/// The picture, shared by the canvas that changes it and the views that show it.
pub type LiveLabels = Arc<Mutex<LabelPicture>>;

/// A square picture of small numbers that tells where it changed.
#[derive(Debug)]
pub struct LabelPicture {
    size_px: u32,
    bytes: Vec<u8>,
    state: u64,
    changed: VecDeque<PixelBlock>,
}

/// What a view must take over to be up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing.
    None,
    /// One block.
    Block(PixelBlock),
    /// Everything.
    All,
}

impl LabelPicture {
    /// An empty picture.
    pub fn new(size_px: u32) -> Self {
        Self { size_px, bytes: vec![0; size_px as usize * size_px as usize], state: 1, changed: VecDeque::new() }
    }

    /// Side in pixels.
    pub fn size_px(&self) -> u32 {
        self.size_px
    }

    /// Row by row: the number of the layer, from 1; 0 where none is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Counts the changes.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// What changed since a state; `None` has seen nothing yet.
    pub fn changes_since(&self, seen: Option<u64>) -> Changes {
        let Some(missed) = seen.and_then(|seen| self.state.checked_sub(seen)) else { return Changes::All };
        let Ok(missed) = usize::try_from(missed) else { return Changes::All };
        if missed > self.changed.len() {
            return Changes::All;
        }
        let blocks = self.changed.iter().rev().take(missed).copied();
        blocks.reduce(|a, b| a.around(&b)).map_or(Changes::None, Changes::Block)
    }

    fn note(&mut self, block: PixelBlock) {
        self.state += 1;
        self.changed.push_back(block);
        if self.changed.len() > REMEMBERED {
            self.changed.pop_front();
        }
    }
}

/// Keeps the picture of the open case.
#[derive(Debug)]
pub struct Labels {
    picture: LiveLabels,
    order: Vec<(LayerId, u8)>,
}

impl Default for Labels {
    fn default() -> Self {
        Self { picture: Arc::new(Mutex::new(LabelPicture::new(1))), order: Vec::new() }
    }
}

impl Labels {
    /// The picture.
    pub fn picture(&self) -> LiveLabels {
        Arc::clone(&self.picture)
    }

    /// Brings masks and picture up to date and returns the colour of each label; hidden overlays change nothing.
    pub fn update(&mut self, state: &State, masks: &mut Masks) -> [[f32; 4]; MAX_LABELS] {
        let mut colors = [[0.0; 4]; MAX_LABELS];
        let size = state.document.size_px;
        let mut order = Vec::new();
        let mut changed: Option<PixelBlock> = None;
        for (layer, label) in state.document.layers.iter().zip(1..MAX_LABELS as u8) {
            let Some(mask) = layer.region.mask().filter(|_| state.document.is_active(layer)) else { continue };
            let [r, g, b] = tokens::rgb(super::class_color(layer));
            let hatch = match layer.region {
                Region::MayChange(_) => HATCH_UP,
                Region::Keep(_) => HATCH_DOWN,
                _ => 0.0,
            };
            colors[usize::from(label)] = [r, g, b, layer.opacity.min(1.0) + hatch];
            order.push((layer.id, label));
            if let Some(block) = masks.update(layer.id, mask) {
                changed = Some(changed.map_or(block, |c| c.around(&block)));
            }
        }
        let Ok(mut picture) = self.picture.lock() else { return colors };
        if picture.size_px != size {
            // A new address tells every view that nothing is as it was.
            drop(picture);
            self.picture = Arc::new(Mutex::new(LabelPicture::new(size)));
            self.order.clear();
            return self.update_all(order, masks, colors);
        }
        if self.order != order {
            drop(picture);
            return self.update_all(order, masks, colors);
        }
        if let Some(block) = changed {
            compose(&mut picture, &self.order, masks, block);
        }
        colors
    }

    fn update_all(&mut self, order: Vec<(LayerId, u8)>, masks: &Masks, colors: [[f32; 4]; MAX_LABELS]) -> [[f32; 4]; MAX_LABELS] {
        self.order = order;
        if let Ok(mut picture) = self.picture.lock() {
            let side = picture.size_px;
            compose(&mut picture, &self.order, masks, PixelBlock { x0: 0, y0: 0, x1: side, y1: side });
        }
        colors
    }
}

/// Composes a block again: lower layers first.
fn compose(picture: &mut LabelPicture, order: &[(LayerId, u8)], masks: &Masks, block: PixelBlock) {
    let side = picture.size_px as usize;
    let block = block.wider(0, picture.size_px, picture.size_px);
    for row in picture.bytes.chunks_exact_mut(side).take(block.y1 as usize).skip(block.y0 as usize) {
        row[block.x0 as usize..block.x1 as usize].fill(0);
    }
    for &(layer, label) in order.iter().rev() {
        if let Some(mask) = masks.drawn(layer).filter(|m| m.width() as usize == side) {
            mask.stamp(&mut picture.bytes, &block, label);
        }
    }
    picture.note(block);
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use engine::domain::{Finding, Mask, RectPx};

    use super::*;
    use crate::state::Document;

    fn state() -> State {
        let mut document = Document::empty(64);
        for x0 in [10.0, 20.0] {
            let rect = RectPx { x0, y0: 10.0, x1: x0 + 20.0, y1: 30.0 };
            document.push(Finding::Nodule, Region::Mask(Arc::new(Mask::from_rect(64, 64, &rect))));
        }
        State::new(document, PathBuf::new())
    }

    fn slow(state: &State) -> Vec<u8> {
        let mut bytes = vec![0; 64 * 64];
        for (i, layer) in state.document.layers.iter().enumerate().rev().filter(|(_, l)| state.document.is_active(l)) {
            if let Some(mask) = layer.region.mask() {
                for (out, _) in bytes.iter_mut().zip(mask.bits()).filter(|(_, b)| **b != 0) {
                    *out = i as u8 + 1;
                }
            }
        }
        bytes
    }

    #[test]
    fn the_picture_follows_strokes_undo_and_solo_and_tells_only_what_changed() {
        let (mut state, mut labels, mut masks) = (state(), Labels::default(), Masks::default());
        let mut see = |state: &State, labels: &mut Labels| {
            labels.update(state, &mut masks);
            assert_eq!(labels.picture().lock().expect("not poisoned").bytes(), slow(state));
            labels.picture().lock().expect("not poisoned").state()
        };
        let first = see(&state, &mut labels);
        assert_eq!(see(&state, &mut labels), first, "nothing changed, nothing is told");
        let before = state.document.clone();
        if let Some(mask) = state.document.layers[1].region.mask_mut() {
            Arc::make_mut(mask).paint_stroke((50.0, 50.0), (52.0, 50.0), 2.0, true, None);
        }
        see(&state, &mut labels);
        let picture = labels.picture();
        match picture.lock().expect("not poisoned").changes_since(Some(first)) {
            Changes::Block(block) => assert!(block.width() <= 7 && block.height() <= 5, "{block:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(picture.lock().expect("not poisoned").changes_since(None), Changes::All);
        state.document = before;
        see(&state, &mut labels);
        state.document.layers[0].solo = true;
        see(&state, &mut labels);
        state.document.layers[0].solo = false;
        state.document.layers[1].visible = false;
        see(&state, &mut labels);
        for _ in 0..2 * REMEMBERED {
            if let Some(mask) = state.document.layers[0].region.mask_mut() {
                let mask = Arc::make_mut(mask);
                let was = mask.get(3, 3);
                mask.set(3, 3, !was);
            }
            see(&state, &mut labels);
        }
        assert_eq!(labels.picture().lock().expect("not poisoned").changes_since(Some(first)), Changes::All);
    }
}
