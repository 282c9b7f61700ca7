//! Masks that were opened: what they would become, until the person imports or leaves them.

use std::sync::Arc;

use engine::domain::{Finding, Mask, RectPx};
use engine::imageio::letterbox::{Letterbox, fit_mask};
use engine::masks::recognise::{Area, Recognised};

use super::open::{Hints, Picture};
use crate::state::{Document, LayerId, Region};

/// Masks on the document's square, waiting.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Name of the file without folder.
    pub name: String,
    /// Name of its format.
    pub format: &'static str,
    /// Side of the square that the regions are for.
    pub size_px: u32,
    /// Class, where the file names one, and place; none is empty.
    pub layers: Vec<(Option<Finding>, Region)>,
    /// The file as a picture, where it could be one.
    pub picture: Option<Box<Picture>>,
    /// What a person should know; sentences without a full stop.
    pub notes: Vec<String>,
}

impl Offer {
    /// Places what a file holds on the square: where the image under the layers lies, else as large as fits.
    pub fn new(name: &str, found: Recognised, hints: &Hints, picture: Option<Box<Picture>>) -> Self {
        let (width, height) = (found.width, found.height);
        let mut notes = found.notes;
        let place = match &hints.base {
            Some((_, w, h)) => {
                if (*w, *h) != (width, height) {
                    notes.push(format!("the file is for {width} × {height} px and the image has {w} × {h}; it is scaled"));
                }
                Letterbox::new(*w, *h, hints.size_px)
            }
            None => Letterbox::new(width, height, hints.size_px),
        };
        let all = found.items.len();
        let layers: Vec<_> = found
            .items
            .into_iter()
            .filter_map(|item| placed(&item.area, (width, height), place, hints.size_px).map(|region| (item.finding, region)))
            .collect();
        if layers.len() < all {
            notes.push(format!("{} of {all} are empty and left out", all - layers.len()));
        }
        Self { name: name.to_owned(), format: found.format, size_px: hints.size_px, layers, picture, notes }
    }

    /// Adds the layers to a case, as many as it takes; gives back the first one's name and how many were added.
    pub fn add_to(&self, document: &mut Document, class: Finding, most: usize) -> (Option<LayerId>, usize) {
        let room = most.saturating_sub(document.layers.len());
        let mut first = None;
        let taken = self.layers.iter().take(room);
        let count = taken.len();
        for (finding, region) in taken {
            let region = match (region, document.size_px == self.size_px) {
                (region, true) => region.clone(),
                (Region::Box(rect), false) => {
                    let scale = document.size_px as f32 / self.size_px as f32;
                    Region::Box(rect.map(|r| r.scaled(scale, scale)))
                }
                (region, false) => match region.mask() {
                    Some(mask) => region.with_mask(Arc::new(mask.resized(document.size_px, document.size_px))),
                    None => region.clone(),
                },
            };
            let id = document.push(finding.unwrap_or(class), region);
            first = first.or(Some(id));
        }
        (first, count)
    }
}

/// A place on the square, or nothing where nothing is left.
fn placed(area: &Area, (width, height): (u32, u32), place: Letterbox, size_px: u32) -> Option<Region> {
    match area {
        Area::Box(rect) => {
            let (sx, sy) = (place.width as f32 / width as f32, place.height as f32 / height as f32);
            let (x, y) = (place.x as f32, place.y as f32);
            let scaled = RectPx { x0: x + rect.x0 * sx, y0: y + rect.y0 * sy, x1: x + rect.x1 * sx, y1: y + rect.y1 * sy };
            (scaled.is_valid() && scaled.is_inside(size_px, size_px)).then_some(Region::Box(Some(scaled)))
        }
        Area::Mask(mask) if mask.is_empty() => None,
        Area::Mask(mask) => {
            let half = half_covered(mask, place, size_px);
            // A line thinner than a pixel of the square would vanish; it is drawn wherever it passes.
            let mask = if half.is_empty() { fit_mask(mask, place, size_px) } else { half };
            Some(Region::Mask(Arc::new(mask)))
        }
    }
}

/// The pixels of the square that a mask covers by half at least.
fn half_covered(mask: &Mask, place: Letterbox, size_px: u32) -> Mask {
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    let span = |at: usize, from: usize, to: usize| {
        let first = at * from / to;
        first..((at + 1) * from / to).clamp(first + 1, from.max(first + 1))
    };
    Mask::from_fn(size_px, size_px, |x, y| {
        let (x, y) = (x as usize, y as usize);
        if !(place.x..place.x + place.width).contains(&x) || !(place.y..place.y + place.height).contains(&y) {
            return false;
        }
        let (columns, rows) = (span(x - place.x, w, place.width), span(y - place.y, h, place.height));
        let all = columns.len() * rows.len();
        let inside: usize =
            rows.map(|row| mask.bits()[row * w..][columns.clone()].iter().map(|&b| usize::from(b)).sum::<usize>()).sum();
        2 * inside >= all && inside > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::imageio::letterbox::unfit_mask;
    use engine::masks::recognise::Item;

    #[test]
    fn what_was_exported_at_full_size_comes_back_on_the_square() {
        let small = Mask::from_fn(40, 40, |x, y| (7..19).contains(&x) && (13..21).contains(&y) || (x, y) == (30, 30));
        for (w, h) in [(40, 40), (333, 257), (91, 200), (23, 31)] {
            let place = Letterbox::new(w, h, 40);
            let on_picture = |mask: &Mask| unfit_mask(mask, place, w, h);
            let Some(Region::Mask(back)) = placed(&Area::Mask(on_picture(&small)), (w, h), place, 40) else { panic!("{w}×{h}") };
            if w.min(h) >= 40 {
                assert_eq!(on_picture(&back), on_picture(&small), "{w}×{h}");
            }
            assert!(back.dice(&small) > 0.7, "{w}×{h}");
        }
        let line = Mask::from_fn(400, 400, |x, _| x == 201);
        assert!(placed(&Area::Mask(line), (400, 400), Letterbox::new(400, 400, 40), 40).is_some(), "thin lines stay");
    }

    #[test]
    fn offers_fit_the_image_and_the_case() {
        let item = |finding, mask| Item { finding, area: Area::Mask(mask) };
        let found = Recognised {
            format: "COCO JSON",
            width: 64,
            height: 64,
            items: vec![
                item(Some(Finding::Edema), Mask::from_fn(64, 64, |x, y| x < 20 && y < 20)),
                item(None, Mask::from_fn(64, 64, |x, _| x > 40)),
                item(None, Mask::empty(64, 64)),
            ],
            notes: Vec::new(),
        };
        let hints = Hints { size_px: 32, base: Some(("a".to_owned(), 128, 64)), ..Hints::default() };
        let offer = Offer::new("a.json", found, &hints, None);
        assert_eq!((offer.layers.len(), offer.notes.len()), (2, 2), "{:?}", offer.notes);
        let mut document = Document::empty(32);
        let (first, count) = offer.add_to(&mut document, Finding::Nodule, 31);
        assert_eq!(count, 2);
        assert_eq!(first.and_then(|id| document.layer(id)).map(|l| l.finding), Some(Finding::Edema));
        assert_eq!(document.layers[1].finding, Finding::Nodule);
        assert_eq!(offer.add_to(&mut document, Finding::Nodule, 4).1, 1, "no more than the case takes");
    }
}
