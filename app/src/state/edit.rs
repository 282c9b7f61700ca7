//! What a run may change in the image under the layers.

use std::sync::Arc;

use engine::domain::{Mask, Source};

use super::{Document, Region};

/// Where the region comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionFrom {
    /// Painted layers.
    Painted,
    /// The drawn findings and a margin around them, in pixels.
    Findings(u32),
    /// All of the image.
    Whole,
}

/// What may change, on the document's square.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRegion {
    /// The pixels.
    pub mask: Arc<Mask>,
    /// Number of them.
    pub area: usize,
    /// Where they come from.
    pub from: RegionFrom,
    /// Whether layers that must not change took something away.
    pub kept: bool,
}

impl EditRegion {
    /// Pixels of the square.
    pub fn of(&self) -> usize {
        self.mask.bits().len()
    }

    /// One sentence: how much may change, and why; with millimetres per pixel, across and down, in cm², too.
    pub fn sentence(&self, spacing_mm: Option<(f32, f32)>) -> String {
        let grouped = crate::widgets::grouped;
        let percent = 100.0 * self.area as f64 / self.of() as f64;
        let from = match self.from {
            RegionFrom::Painted => "what is painted".to_owned(),
            RegionFrom::Findings(0) => "the drawn findings".to_owned(),
            RegionFrom::Findings(margin) => format!("the drawn findings and {margin} px around them"),
            RegionFrom::Whole => "the whole image".to_owned(),
        };
        let cm = match spacing_mm {
            Some((across, down)) => format!(", {:.1} cm²", self.area as f32 * across * down / 100.0),
            None => String::new(),
        };
        let less = if self.kept { ", less what must not change" } else { "" };
        let rest = grouped(self.of() - self.area);
        format!(
            "{} of {} px may change ({percent:.1} %{cm}): {from}{less}. {rest} px stay as they are.",
            grouped(self.area),
            grouped(self.of())
        )
    }
}

impl Document {
    /// What the next run may change; `None` when it makes a new image.
    pub fn edit_region(&self) -> Option<EditRegion> {
        let base = self.base.as_ref().filter(|base| base.edit)?;
        let size = self.size_px;
        let union = |wanted: &dyn Fn(&Region) -> bool| {
            let mut all = Mask::empty(size, size);
            for layer in self.layers.iter().filter(|l| self.is_active(l) && wanted(&l.region)) {
                match &layer.region {
                    Region::Box(Some(rect)) => all.union_with(&Mask::from_rect(size, size, rect)),
                    region => {
                        if let Some(mask) = region.mask() {
                            all.union_with(mask);
                        }
                    }
                }
            }
            all
        };
        let painted = union(&|r| matches!(r, Region::MayChange(_)));
        let picture = base.place().region(size);
        let (mut mask, from) = if base.whole {
            (picture.clone(), RegionFrom::Whole)
        } else if painted.is_empty() {
            let drawn = union(&Region::is_finding);
            let grown = if drawn.is_empty() { drawn } else { drawn.grown(base.margin_px) };
            (grown, RegionFrom::Findings(base.margin_px))
        } else {
            (painted, RegionFrom::Painted)
        };
        // The bars beside a picture that is no square are nobody's to change.
        mask.subtract(&picture.inverted());
        let before = mask.area();
        mask.subtract(&union(&|r| matches!(r, Region::Keep(_))));
        let area = mask.area();
        Some(EditRegion { mask: Arc::new(mask), area, from, kept: area < before })
    }

    /// What the next run begins with.
    pub fn source(&self) -> Source {
        let (Some(base), Some(region)) = (&self.base, self.edit_region()) else { return Source::Noise };
        let image = Arc::clone(&base.image);
        if region.area == region.of() {
            return Source::Image { image, strength: base.strength, kept: None };
        }
        Source::Region { image, may_change: region.mask, strength: base.strength, feather_px: base.feather_px, kept: None }
    }

    /// Why the next edit would change nothing, in one sentence with its remedy.
    pub fn edit_fault(&self) -> Option<&'static str> {
        let region = self.edit_region()?;
        if region.area > 0 {
            return None;
        }
        Some(if region.kept {
            "Nothing may change: what must not change covers all of the region; take some of it away."
        } else {
            "Nothing may change yet: paint a finding or a region that may change, or let the whole image change."
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::domain::{Finding, GrayImage, RectPx};

    use super::super::{Base, BaseOrigin, Sampling};
    use super::*;

    fn editing(width: u32, height: u32) -> Document {
        let mut document = Document::empty(32);
        let original = Arc::new(GrayImage::new(width, height, vec![900; (width * height) as usize]).expect("an image"));
        let square = Arc::new(engine::imageio::letterbox::fit_image(&original, 32).expect("a square"));
        document.base = Some(Base::placed("a", BaseOrigin::File, original, square, Some((0.2, 0.1))));
        document.impression = "Nodule.".to_owned();
        document
    }

    fn edit(document: &mut Document, change: impl FnOnce(&mut Base)) {
        let base = document.base.as_mut().expect("a base");
        base.edit = true;
        change(base);
    }

    #[test]
    fn looking_is_not_editing() {
        let mut document = editing(32, 32);
        assert_eq!((document.source(), document.edit_fault()), (Source::Noise, None));
        edit(&mut document, |_| {});
        assert!(document.edit_fault().is_some_and(|why| why.contains("paint")));
    }

    #[test]
    fn findings_grow_and_painting_overrules_them() {
        let mut document = editing(32, 32);
        edit(&mut document, |base| base.margin_px = 2);
        document.push(Finding::Nodule, Region::Box(Some(RectPx::from_corners(10.0, 10.0, 14.0, 14.0))));
        let grown = document.edit_region().expect("a region");
        // A square of 4 with 2 on each side and rounded corners.
        assert_eq!((grown.area, grown.from, grown.kept), (52, RegionFrom::Findings(2), false));
        let keep = Mask::from_fn(32, 32, |x, _| x < 12);
        document.push(Finding::Nodule, Region::Keep(Arc::new(keep)));
        let cut = document.edit_region().expect("a region");
        assert_eq!((cut.area, cut.kept), (26, true));
        let painted = Mask::from_fn(32, 32, |x, y| (20..24).contains(&x) && y < 5);
        document.push(Finding::Nodule, Region::MayChange(Arc::new(painted.clone())));
        let region = document.edit_region().expect("a region");
        assert_eq!((&*region.mask, region.from), (&painted, RegionFrom::Painted));
        assert_eq!(
            region.sentence(None),
            "20 of 1\u{A0}024 px may change (2.0 %): what is painted. 1\u{A0}004 px stay as they are."
        );
        assert!(region.sentence(Some((2.0, 3.0))).contains("(2.0 %, 1.2 cm²)"));
        let request = document.request(&Sampling::default());
        assert_eq!(request.check(), Ok(()));
        assert!(matches!(request.source, Source::Region { may_change, .. } if *may_change == painted));
    }

    #[test]
    fn the_whole_is_an_image_and_bars_stay() {
        let mut square = editing(64, 64);
        edit(&mut square, |base| base.whole = true);
        assert!(matches!(square.source(), Source::Image { strength, .. } if strength == 0.9));
        let mut wide = editing(64, 32);
        edit(&mut wide, |base| base.whole = true);
        assert_eq!(wide.edit_region().map(|r| r.area), Some(32 * 16));
        assert!(matches!(wide.source(), Source::Region { .. }));
        assert_eq!(wide.base.and_then(|b| b.spacing_mm), Some((0.2, 0.4)), "half as many pixels, twice as large");
    }

    #[test]
    fn an_edit_comes_back_with_its_image_and_region() {
        let mut document = editing(64, 32);
        edit(&mut document, |base| (base.strength, base.feather_px) = (0.4, 3));
        document.push(Finding::Nodule, Region::Box(Some(RectPx::from_corners(10.0, 10.0, 14.0, 14.0))));
        let request = document.request(&Sampling::default());
        let back = Document::from_request("back", &request, 32);
        assert_eq!(back.request(&Sampling::default()), request);
        let other = Document::from_request("back", &request, 16);
        assert_eq!(other.base.as_ref().map(|b| b.image.width()), Some(16));
        assert_eq!(other.request(&Sampling::default()).check(), Ok(()));
    }
}
