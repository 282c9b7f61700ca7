//! Regions of a case as condition pictures on the model's square.
//!
//! A region goes the way of its picture: reduced and cropped in the middle. The release stretched masks and cropped
//! pictures, so that the two did not lie over each other.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use engine::condition::{Palette, compile};
use engine::domain::{Annotation, Finding, Mask, RectPx};
use engine::imageio::fault::read_file;
use engine::imageio::png::decode_mask;
use engine::masks::run_length;

use super::case::{Case, Place, Region, RegionKind};
use crate::data::dataset::ConditionKind;

/// Classes that a palette of one white knows no difference between.
const ANY_CLASS: Finding = Finding::Consolidation;

/// How a source picture lies on the square: scale and offset along each axis, in pixels of the square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crop {
    width: u32,
    height: u32,
    size: u32,
}

impl Crop {
    /// The middle square of a picture.
    pub(crate) fn new(width: u32, height: u32, size: usize) -> Self {
        Self { width: width.max(1), height: height.max(1), size: size as u32 }
    }

    /// A rectangle of a picture on the square, cut at its edges; `None` where nothing is left.
    pub(crate) fn rect(self, rect: &RectPx) -> Option<RectPx> {
        let n = self.size as f32;
        let short = self.width.min(self.height) as f32;
        // As the picture: each side is rounded to whole pixels, then the middle is taken.
        let side = |length: u32| (f64::from(length) * f64::from(n) / f64::from(short)).round_ties_even() as f32;
        let (w, h) = (side(self.width), side(self.height));
        let scaled = rect.scaled(w / self.width as f32, h / self.height as f32);
        let (x, y) = (((w - n) / 2.0).floor(), ((h - n) / 2.0).floor());
        let cut = |v: f32| v.clamp(0.0, n);
        let rect = RectPx { x0: cut(scaled.x0 - x), y0: cut(scaled.y0 - y), x1: cut(scaled.x1 - x), y1: cut(scaled.y1 - y) };
        rect.is_valid().then_some(rect)
    }

    /// The part of a mask on the picture's grid that the square shows, on its own grid.
    pub(crate) fn mask(self, mask: &Mask) -> Mask {
        let side = self.width.min(self.height);
        let (x0, y0) = ((self.width - side) / 2, (self.height - side) / 2);
        Mask::from_fn(side, side, |x, y| mask.get(x0 + x, y0 + y))
    }
}

/// What became of the regions of a case.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// Pictures `size × size` in `[-1, 1]`, of the kinds that the case has.
    pub(crate) pictures: BTreeMap<ConditionKind, Vec<f32>>,
    /// Classes that have no grey in this palette.
    pub(crate) unknown: Vec<String>,
}

/// Draws the wanted kinds of condition pictures of a case whose picture is `crop` says how large.
///
/// # Errors
/// When a mask cannot be read, or a box is none.
pub(crate) fn draw(case: &Case, wanted: &[ConditionKind], palette: &str, crop: Crop) -> Result<Drawn> {
    let greys: Palette = palette.parse().context("the model's palette")?;
    let white = palette == "release";
    let mut drawn = Drawn::default();
    if !case.annotated {
        return Ok(drawn);
    }
    for &kind in wanted {
        let of = if kind == ConditionKind::Anatomy { RegionKind::Anatomy } else { RegionKind::Finding };
        let regions: Vec<&Region> = case.regions.iter().filter(|region| region.kind == of && fits(region, kind)).collect();
        if regions.is_empty() && (kind != ConditionKind::Mask || case.regions.iter().any(|region| region.kind == of)) {
            continue;
        }
        let mut annotations = Vec::new();
        for region in regions {
            let finding = match finding_of(&region.class) {
                Some(finding) => finding,
                None if white || of == RegionKind::Anatomy || kind == ConditionKind::Severity => ANY_CLASS,
                None => {
                    drawn.unknown.push(region.class.clone());
                    continue;
                }
            };
            annotations.extend(annotation(region, finding, kind, crop)?.map(|shape| (shape, region.severity)));
        }
        drawn.pictures.insert(kind, picture(&annotations, kind, &greys, crop.size)?);
    }
    Ok(drawn)
}

/// The finding that a class of a public set means.
fn finding_of(class: &str) -> Option<Finding> {
    class.parse().ok().or_else(|| match class.to_ascii_lowercase().as_str() {
        "nodule/mass" => Some(Finding::Nodule),
        "rib fracture" => Some(Finding::Fracture),
        _ => None,
    })
}

fn fits(region: &Region, kind: ConditionKind) -> bool {
    let outlined = matches!(region.place, Place::Box(_) | Place::BoxOn(..));
    match kind {
        // A box is no mask, and a mask has a box.
        ConditionKind::Mask => !outlined,
        ConditionKind::Box => region.place != Place::All,
        ConditionKind::Anatomy => true,
        ConditionKind::Severity => region.severity.is_some(),
    }
}

/// The region on the square; `None` where the crop leaves nothing of it.
fn annotation(region: &Region, finding: Finding, kind: ConditionKind, crop: Crop) -> Result<Option<Annotation>> {
    let n = crop.size;
    let boxed = |rect: &RectPx| -> Result<Option<Annotation>> {
        ensure!(rect.is_valid(), "a box of {:?} has no area", region.class);
        Ok(crop.rect(rect).map(|rect| Annotation::boxed(finding, rect, n, n)))
    };
    let mask = match &region.place {
        Place::Box(rect) => return boxed(rect),
        Place::BoxOn(rect, width, height) => {
            let (sx, sy) = (crop.width as f32 / (*width).max(1) as f32, crop.height as f32 / (*height).max(1) as f32);
            return boxed(&rect.scaled(sx, sy));
        }
        Place::All => Mask::from_fn(n, n, |_, _| true),
        Place::Runs(texts, order) => {
            let mut all = Mask::empty(crop.width, crop.height);
            for text in texts {
                all.union_with(&run_length::decode(text, *order, crop.width, crop.height, "the run lengths")?);
            }
            crop.mask(&all)
        }
        Place::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mask = decode_mask(&read_file(path)?, &name)?;
            if (mask.width(), mask.height()) != (crop.width, crop.height) {
                bail!("the mask {name} is {}×{}, and its picture {}×{}", mask.width(), mask.height(), crop.width, crop.height);
            }
            crop.mask(&mask)
        }
    };
    if kind == ConditionKind::Box {
        let scale = n as f32 / mask.width().max(1) as f32;
        return Ok(mask.bounds().map(|rect| Annotation::boxed(finding, rect.scaled(scale, scale), n, n)));
    }
    Ok((!mask.is_empty()).then(|| Annotation::mask(finding, mask)))
}

/// The picture of some regions: by classes, or by severity where that is asked for; without regions it is black.
fn picture(regions: &[(Annotation, Option<f32>)], kind: ConditionKind, greys: &Palette, size: u32) -> Result<Vec<f32>> {
    let black = || vec![-1f32; size as usize * size as usize];
    if kind != ConditionKind::Severity {
        let all: Vec<Annotation> = regions.iter().map(|(annotation, _)| annotation.clone()).collect();
        return Ok(compile(&all, size, greys).map_or_else(black, |image| image.to_unit().iter().map(|v| v * 2.0 - 1.0).collect()));
    }
    // Where regions overlap, the most severe is seen.
    let mut levels = vec![0f32; size as usize * size as usize];
    for (annotation, severity) in regions {
        let Some(filled) = compile(std::slice::from_ref(annotation), size, &Palette::release()) else { continue };
        let severity = severity.unwrap_or(0.0).clamp(0.0, 1.0);
        for (level, inside) in levels.iter_mut().zip(filled.to_unit()) {
            *level = level.max(inside * severity);
        }
    }
    Ok(levels.into_iter().map(|v| v * 2.0 - 1.0).collect())
}

#[cfg(test)]
mod tests {
    use engine::imageio::normalize::centre_square;
    use engine::imageio::resize::ByteImage;
    use engine::masks::run_length::RunOrder;
    use proptest::prelude::*;

    use super::*;
    use crate::prepare::case::Input;

    fn region(class: &str, place: Place, severity: Option<f32>) -> Region {
        Region { kind: RegionKind::Finding, class: class.to_owned(), place, severity }
    }

    fn case(regions: Vec<Region>) -> Case {
        Case { regions, annotated: true, ..Case::new("a", Input::Picture(Vec::new())) }
    }

    fn lit(picture: &[f32]) -> usize {
        picture.iter().filter(|v| **v > 0.0).count()
    }

    #[test]
    fn boxes_and_masks_lie_where_the_picture_shows_them() {
        // A bright block on a wide picture, and the same block as box and as mask.
        let (w, h, size) = (96u32, 48u32, 16usize);
        let rect = RectPx { x0: 36.0, y0: 12.0, x1: 60.0, y1: 30.0 };
        let mask = Mask::from_rect(w, h, &rect);
        let samples: Vec<u8> = mask.bits().iter().map(|b| b * 255).collect();
        let seen = centre_square(&ByteImage::new(w as usize, h as usize, 1, samples).unwrap(), size);
        let runs = run_length::encode(&mask, RunOrder::RelativeColumns);
        let crop = Crop::new(w, h, size);
        for place in [
            Place::Box(rect),
            Place::BoxOn(rect.scaled(2.0, 2.0), 2 * w, 2 * h),
            Place::Runs(vec![runs], RunOrder::RelativeColumns),
        ] {
            let case = case(vec![region("effusion", place.clone(), None)]);
            let kind = if matches!(place, Place::Runs(..)) { ConditionKind::Mask } else { ConditionKind::Box };
            let drawn = draw(&case, &[kind], "release", crop).unwrap();
            for (condition, grey) in drawn.pictures[&kind].iter().zip(seen.samples()) {
                if *grey > 200 || *grey < 40 {
                    assert_eq!(*condition > 0.0, *grey > 127, "{place:?}");
                }
            }
        }
    }

    #[test]
    fn no_region_is_a_black_mask_and_unknown_classes_are_told() {
        let crop = Crop::new(32, 32, 16);
        let none = draw(&case(Vec::new()), &ConditionKind::ALL, "release", crop).unwrap();
        assert_eq!(none.pictures.keys().copied().collect::<Vec<_>>(), [ConditionKind::Mask]);
        assert!(none.pictures[&ConditionKind::Mask].iter().all(|v| *v == -1.0));
        let place = Place::Box(RectPx { x0: 4.0, y0: 4.0, x1: 12.0, y1: 12.0 });
        let odd = case(vec![region("Aortic enlargement", place, None)]);
        let practice = draw(&odd, &[ConditionKind::Box], "practice", crop).unwrap();
        assert_eq!(practice.unknown, ["Aortic enlargement"]);
        assert!(lit(&draw(&odd, &[ConditionKind::Box], "release", crop).unwrap().pictures[&ConditionKind::Box]) > 0);
        let silent = Case { annotated: false, ..case(Vec::new()) };
        assert!(draw(&silent, &ConditionKind::ALL, "release", crop).unwrap().pictures.is_empty());
    }

    #[test]
    fn severity_is_a_grey() {
        let crop = Crop::new(16, 16, 16);
        let half = Place::Box(RectPx { x0: 0.0, y0: 0.0, x1: 8.0, y1: 16.0 });
        let scored = case(vec![region("opacity", half, Some(0.75)), region("opacity", Place::All, Some(0.25))]);
        let picture = &draw(&scored, &[ConditionKind::Severity], "practice", crop).unwrap().pictures[&ConditionKind::Severity];
        assert!((picture[0] - 0.5).abs() < 1e-3 && (picture[12] + 0.5).abs() < 1e-3, "{} {}", picture[0], picture[12]);
    }

    #[test]
    fn anatomy_and_findings_are_pictures_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ribs.png");
        let ribs = Mask::from_fn(32, 32, |_, y| y % 8 < 4);
        std::fs::write(&path, engine::imageio::png::encode_mask(&ribs, &[]).unwrap()).unwrap();
        let anatomy = Region { kind: RegionKind::Anatomy, class: "ribs".to_owned(), place: Place::File(path), severity: None };
        let spot = region("nodule", Place::Box(RectPx { x0: 8.0, y0: 8.0, x1: 16.0, y1: 16.0 }), None);
        let drawn = draw(&case(vec![anatomy, spot]), &ConditionKind::ALL, "practice", Crop::new(32, 32, 16)).unwrap();
        assert_eq!(drawn.pictures.keys().copied().collect::<Vec<_>>(), [ConditionKind::Box, ConditionKind::Anatomy]);
        assert!(drawn.unknown.is_empty());
        let ribs = &drawn.pictures[&ConditionKind::Anatomy];
        assert!(ribs[0] > 0.0 && ribs[3 * 16] < -0.7, "{} {}", ribs[0], ribs[3 * 16]);
        assert!(lit(&drawn.pictures[&ConditionKind::Box]) < 64, "a frame of the box alone");
    }

    #[test]
    fn a_mask_of_another_size_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.png");
        std::fs::write(&path, engine::imageio::png::encode_mask(&Mask::empty(8, 9), &[]).unwrap()).unwrap();
        let error =
            draw(&case(vec![region("nodule", Place::File(path), None)]), &[ConditionKind::Mask], "release", Crop::new(8, 8, 8));
        assert!(error.unwrap_err().to_string().contains("m.png is 8×9, and its picture 8×8"));
    }

    proptest! {
        #[test]
        fn a_box_never_leaves_the_square(w in 1u32..300, h in 1u32..300, x in -50f32..300.0, y in -50f32..300.0, a in 0.5f32..200.0, b in 0.5f32..200.0) {
            let crop = Crop::new(w, h, 32);
            if let Some(rect) = crop.rect(&RectPx { x0: x, y0: y, x1: x + a, y1: y + b }) {
                prop_assert!(rect.is_valid() && rect.is_inside(32, 32));
            }
        }
    }
}
