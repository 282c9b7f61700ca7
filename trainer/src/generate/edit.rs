//! An image to change: the file, how much of it, and where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use engine::domain::{GrayImage, Mask, Source};
use engine::imageio::letterbox::{Letterbox, fit_image, fit_mask};
use engine::imageio::photo::read_photo;
use engine::imageio::png::read_mask;

/// Share of the steps that run when an image is changed as a whole.
const WHOLE: f32 = 0.5;
/// The same when one region is: it is made anew.
const REGION: f32 = 1.0;
/// Widest seam.
const MAX_FEATHER_PX: u32 = 1024;

/// What is asked of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageEdit {
    /// The image file.
    pub image: PathBuf,
    /// Share of the steps that run, 0 to 1.
    pub strength: Option<f32>,
    /// Mask of the pixels that may change.
    pub may_change: Option<PathBuf>,
    /// Mask of those that may not, whatever the other says.
    pub must_not_change: Option<PathBuf>,
    /// Width of the seam.
    pub feather_px: Option<u32>,
    /// Whether the run begins with the image's inverted noise.
    pub invert: bool,
    /// What the image shows, for its inversion.
    pub text: Option<String>,
}

impl ImageEdit {
    /// Checks what goes together; `field` gives the name of an option where it was told.
    ///
    /// # Errors
    /// One sentence with both options and the remedy.
    pub(super) fn check(&self, field: impl Fn(&str) -> String) -> Result<()> {
        let (may, must_not, invert) = (field("may_change"), field("must_not_change"), field("invert"));
        let (strength, feather) = (field("edit_strength"), field("feather"));
        if let Some(value) = self.strength {
            ensure!((0.0..=1.0).contains(&value), "{strength} is {value}; choose a number from 0 to 1");
        }
        if let Some(px) = self.feather_px {
            ensure!(px <= MAX_FEATHER_PX, "{feather} is {px}; choose 0 to {MAX_FEATHER_PX} pixels");
            ensure!(self.has_region(), "{feather} is the seam of a region; add {may} or {must_not}, or leave it out");
        }
        ensure!(
            !(self.invert && self.has_region()),
            "{invert} begins with the noise of the whole image; leave out {may} and {must_not}, or leave out {invert}"
        );
        ensure!(
            !(self.invert && self.strength.is_some()),
            "{invert} runs all steps; leave out {strength}, or leave out {invert}"
        );
        ensure!(
            self.invert || self.text.is_none(),
            "{} says what the image shows, for {invert}; add it or leave out the text",
            field("image_text")
        );
        Ok(())
    }

    fn has_region(&self) -> bool {
        self.may_change.is_some() || self.must_not_change.is_some()
    }

    /// What the run begins with on a model of `size_px`, and a note where the image had to be resized.
    ///
    /// # Errors
    /// Names the file and what is wrong.
    pub(super) fn source(&self, size_px: u32, field: impl Fn(&str) -> String) -> Result<(Source, Option<String>)> {
        let original = read_photo(&self.image).with_context(|| field("image"))?;
        let (width, height) = (original.width(), original.height());
        let image = Arc::new(fit_image(&original, size_px)?);
        let how = if width == height { "resized" } else { "laid with its proportions on black" };
        let note = (width, height) != (size_px, size_px);
        let note = note.then(|| format!("{} is {width}×{height} and is {how} to {size_px}×{size_px}", self.image.display()));
        if !self.has_region() {
            return Ok((Source::Image { image, strength: self.strength.unwrap_or(WHOLE), kept: None }, note));
        }
        let mask = |path: &Path, name: &str| region(path, &original, size_px).with_context(|| field(name));
        let mut may_change = match &self.may_change {
            Some(path) => mask(path, "may_change")?,
            // The black around a picture of another shape stays.
            None => Letterbox::new(width, height, size_px).region(size_px),
        };
        if let Some(path) = &self.must_not_change {
            may_change.subtract(&mask(path, "must_not_change")?);
        }
        ensure!(
            !may_change.is_empty(),
            "no pixel of {} may change; draw more into {} or less into {}",
            self.image.display(),
            field("may_change"),
            field("must_not_change")
        );
        let (strength, feather_px) = (self.strength.unwrap_or(REGION), self.feather_px.unwrap_or(0));
        Ok((Source::Region { image, may_change: Arc::new(may_change), strength, feather_px, kept: None }, note))
    }
}

/// A mask on the model's grid: drawn on the image's own, or on the model's, in any resolution.
fn region(path: &Path, original: &GrayImage, size_px: u32) -> Result<Mask> {
    let mask = read_mask(path)?;
    let (w, h) = (u64::from(mask.width()), u64::from(mask.height()));
    let (width, height) = (u64::from(original.width()), u64::from(original.height()));
    // Sides may be off by a pixel of rounding.
    let like_image = (w * height).abs_diff(h * width) <= width.max(height).max(w).max(h);
    if like_image {
        return Ok(fit_mask(&mask, Letterbox::new(original.width(), original.height(), size_px), size_px));
    }
    if (mask.width(), mask.height()) == (size_px, size_px) {
        return Ok(mask);
    }
    Err(anyhow!(
        "{} is {w}×{h}, but the image is {width}×{height} and the model's {size_px}×{size_px}; draw the mask on one of them",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use engine::imageio::png::{encode_gray16, encode_mask};

    use super::*;

    fn write(dir: &Path, name: &str, bytes: Vec<u8>) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn told(name: &str) -> String {
        format!("--{name}")
    }

    #[test]
    fn what_must_not_change_wins() {
        let dir = tempfile::tempdir().unwrap();
        let image = write(dir.path(), "a.png", encode_gray16(&GrayImage::black(64, 64), &[]).unwrap());
        let mask = |name: &str, mask: Mask| Some(write(dir.path(), name, encode_mask(&mask, &[]).unwrap()));
        let left = mask("left.png", Mask::from_fn(64, 64, |x, _| x < 40));
        let right = mask("right.png", Mask::from_fn(128, 128, |x, _| x >= 64));
        let region = |may_change: &Option<PathBuf>, must_not_change: &Option<PathBuf>| {
            let edit = ImageEdit {
                image: image.clone(),
                may_change: may_change.clone(),
                must_not_change: must_not_change.clone(),
                ..ImageEdit::default()
            };
            match edit.source(64, told) {
                Ok((Source::Region { may_change, strength, .. }, None)) => Ok((may_change, strength)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(format!("{error:#}")),
            }
        };
        let area = |may: &Option<PathBuf>, must_not: &Option<PathBuf>| region(may, must_not).unwrap().0.area();
        assert_eq!(area(&left, &None), 40 * 64);
        assert_eq!(area(&left, &right), 32 * 64, "the masks overlap in 8 columns");
        assert_eq!(area(&None, &right), 32 * 64, "everything else may change");
        assert_eq!(region(&left, &None).unwrap().1, REGION);
        let none = region(&right, &right).unwrap_err();
        assert!(none.contains("no pixel") && none.contains("--may_change"), "{none}");
        let odd = mask("odd.png", Mask::empty(10, 64));
        let sentence = region(&odd, &None).unwrap_err();
        assert!(sentence.contains("--may_change") && sentence.contains("odd.png is 10×64"), "{sentence}");
    }

    #[test]
    fn another_shape_is_laid_on_black_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let wide = GrayImage::new(40, 20, vec![9000; 800]).unwrap();
        let image = write(dir.path(), "wide.png", encode_gray16(&wide, &[]).unwrap());
        let must_not = write(dir.path(), "m.png", encode_mask(&Mask::from_fn(40, 20, |x, _| x < 20), &[]).unwrap());
        let edit = ImageEdit { image, must_not_change: Some(must_not), ..ImageEdit::default() };
        let (source, note) = edit.source(64, told).unwrap();
        let Source::Region { may_change, image, .. } = source else { panic!("a region") };
        assert_eq!((may_change.area(), may_change.get(40, 32), may_change.get(40, 2)), (32 * 32, true, false));
        assert_eq!((image.get(0, 0), image.get(0, 32)), (Some(0), Some(9000)));
        assert!(note.unwrap().contains("40×20 and is laid with its proportions on black to 64×64"));
        let whole = ImageEdit { must_not_change: None, ..edit }.source(64, told).unwrap().0;
        assert!(matches!(whole, Source::Image { strength: WHOLE, .. }));
    }

    #[test]
    fn what_does_not_go_together_is_one_sentence() {
        let base = ImageEdit { image: "a.png".into(), ..ImageEdit::default() };
        let region = ImageEdit { may_change: Some("m.png".into()), ..base.clone() };
        for (edit, words) in [
            (ImageEdit { strength: Some(1.5), ..base.clone() }, "--edit_strength is 1.5"),
            (ImageEdit { strength: Some(f32::NAN), ..base.clone() }, "--edit_strength is NaN"),
            (ImageEdit { feather_px: Some(3), ..base.clone() }, "add --may_change"),
            (ImageEdit { feather_px: Some(5000), ..region.clone() }, "0 to 1024"),
            (ImageEdit { invert: true, ..region.clone() }, "leave out --may_change"),
            (ImageEdit { invert: true, strength: Some(0.5), ..base.clone() }, "leave out --edit_strength"),
            (ImageEdit { text: Some("x".to_owned()), ..base.clone() }, "--image_text"),
        ] {
            let sentence = edit.check(told).unwrap_err().to_string();
            assert!(sentence.contains(words) && !sentence.contains('\n'), "{sentence}");
        }
        assert!(ImageEdit { feather_px: Some(3), strength: Some(0.5), ..region }.check(told).is_ok());
        assert!(ImageEdit { invert: true, text: Some("x".to_owned()), ..base }.check(told).is_ok());
    }
}
