//! What is done to all images, from what all of them say.

use std::collections::BTreeMap;

use engine::domain::GrayImage;
use engine::statistics::median;
use serde::{Deserialize, Serialize};

use super::grey::{matching, mean};
use super::resample::{FILTER, Part};
use super::survey::Survey;
use super::{Clean, Depth, EqualiseError, Field, Grey, Settings, apply};

/// Least side of an image of a study.
pub(super) const LEAST_SIDE_PX: u32 = 16;
/// Borders up to this share of a side are cut from all images alike; wider ones are bars, cut from their image alone.
const COMMON_BORDER: f64 = 0.125;
/// One level of 8 bits.
const LEVEL: f64 = 257.0;
/// A histogram is a comb where it is this uneven and this much more uneven than in the smoothest arm.
const UNEVEN: f64 = 1.5;
/// Levels to which a comb is rounded at most: coarser than a change of contrast of 8 bits leaves gaps.
const COMB_BITS: f64 = 7.0;
/// Cleaning removes what is below so many deviations of the strongest arm's noise, and adds so much of it as grain.
const CLEANED: f64 = 4.5;
const GRAIN: f64 = 0.75;
/// Levels of 8 bits below which coefficients are cleaned, at least, so that the blocks of JPEG go, and their grain.
const BLOCKS: f64 = 16.0;
const BLOCKS_GRAIN: f64 = 3.0;

/// What was done to the images of one arm, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// The arm.
    pub arm: String,
    /// One sentence a step, in the order of the steps.
    pub steps: Vec<String>,
}

/// What is done to each image, the same for all of a study but for the curves of greys.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) settings: Settings,
    pub(super) seed: u64,
    /// Side of the result.
    pub(super) side: u32,
    /// Shares of width and height that are cut off: left, top, right, bottom.
    pub(super) inset: [f64; 4],
    /// Width ÷ height of each case's field, of a letterbox.
    pub(super) aspects: BTreeMap<String, f64>,
    /// Bits of a grey, and whether noise is added before rounding.
    pub(super) bits: u32,
    pub(super) dither: bool,
    /// One table an arm; empty where greys stay.
    pub(super) curves: BTreeMap<String, Vec<f32>>,
    /// The curve of all images.
    pub(super) reference: Vec<f64>,
    /// Threshold of cleaning and deviation of the grain, of 65536 levels.
    pub(super) threshold: f64,
    pub(super) grain: f64,
    done: Vec<Done>,
}

impl Plan {
    /// The plan for images given as (arm, case, survey); `seed` is that of the study.
    ///
    /// # Errors
    /// When there is no image, one is too small, or one would be enlarged.
    pub fn new(images: &[(String, String, Survey)], settings: &Settings, seed: u64) -> Result<Self, EqualiseError> {
        if images.is_empty() {
            return Err(EqualiseError::Empty);
        }
        let mut arms: BTreeMap<&str, Vec<&Survey>> = BTreeMap::new();
        for (arm, _, survey) in images {
            arms.entry(arm).or_default().push(survey);
        }
        let of_arms = |value: &dyn Fn(&Survey) -> f64| -> Vec<f64> {
            arms.values().filter_map(|list| median(&list.iter().map(|s| value(s)).collect::<Vec<_>>())).collect()
        };
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, &v| m.max(v));
        let least = |values: &[f64]| values.iter().fold(f64::INFINITY, |m, &v| m.min(v));

        let combs = of_arms(&|s| s.comb);
        let uneven = largest(&combs) > UNEVEN * least(&combs).max(1.0);
        let finest = if uneven { COMB_BITS } else { 12.0 };
        let bits = match settings.depth {
            Depth::Keep => 16,
            Depth::Lowest => (65536.0 / largest(&of_arms(&|s| s.step)).max(1.0)).log2().round().clamp(4.0, finest) as u32,
        };
        let reference = mean(images.iter().map(|(.., s)| &s.curve));
        let noise = largest(&of_arms(&|s| s.noise));
        let (threshold, grain) = match settings.clean {
            Clean::Off => (0.0, 0.0),
            Clean::Noise => (CLEANED * noise, (GRAIN * noise).max(LEVEL)),
            Clean::Blocks => ((CLEANED * noise).max(BLOCKS * LEVEL), (GRAIN * noise).max(BLOCKS_GRAIN * LEVEL)),
        };
        let mut plan = Self {
            settings: settings.clone(),
            seed,
            side: 0,
            inset: [0.0; 4],
            aspects: BTreeMap::new(),
            bits,
            dither: settings.depth == Depth::Lowest && uneven,
            curves: BTreeMap::new(),
            reference,
            threshold,
            grain,
            done: Vec::new(),
        };
        plan.plan_field(images)?;
        if settings.grey == Grey::MatchArms {
            for (arm, list) in &arms {
                let own = mean(list.iter().map(|s| &s.curve));
                plan.curves.insert((*arm).to_owned(), matching(&own, &plan.reference));
            }
        }
        plan.done = arms.iter().map(|(arm, list)| Done { arm: (*arm).to_owned(), steps: plan.words(list) }).collect();
        Ok(plan)
    }

    /// Borders, fields and the side of the result.
    fn plan_field(&mut self, images: &[(String, String, Survey)]) -> Result<(), EqualiseError> {
        for (.., survey) in images {
            let own = self.own_bars(survey);
            let (w, h) = inner(survey, own);
            for (i, length) in [w, h, w, h].into_iter().enumerate() {
                let share = f64::from(survey.margins[i] - own[i]) / length;
                if self.settings.trim_borders {
                    self.inset[i] = self.inset[i].max(share);
                }
            }
        }
        if self.settings.field == Field::Letterbox {
            for (_, case, survey) in images {
                let part = self.trimmed(survey);
                let aspect = part.width / part.height;
                let nearest = self.aspects.entry(case.clone()).or_insert(aspect);
                if aspect.ln().abs() < nearest.ln().abs() {
                    *nearest = aspect;
                }
            }
        }
        let mut smallest: Option<(u32, &str, &str)> = None;
        for (arm, case, survey) in images {
            let part = self.part(survey, case);
            // Small enough that rounding does not enlarge.
            let side = (part.width.max(part.height) + 1e-6).floor() as u32;
            if smallest.is_none_or(|(least, ..)| side < least) {
                smallest = Some((side, arm, case));
            }
        }
        let Some((has, arm, case)) = smallest else { return Err(EqualiseError::Empty) };
        let (arm, case) = (arm.to_owned(), case.to_owned());
        let asked = self.settings.side_px.unwrap_or(has);
        if has < LEAST_SIDE_PX || asked < LEAST_SIDE_PX {
            return Err(EqualiseError::TooSmall { has: has.min(asked), case, arm });
        }
        if asked > has {
            return Err(EqualiseError::Enlarges { asked, has, case, arm });
        }
        self.side = asked;
        Ok(())
    }

    /// Bars that are wider than a border, of this image alone.
    fn own_bars(&self, survey: &Survey) -> [u32; 4] {
        let sides = [survey.width, survey.height, survey.width, survey.height];
        let mut own = [0; 4];
        for i in 0..4 {
            if self.settings.trim_borders && f64::from(survey.margins[i]) > COMMON_BORDER * f64::from(sides[i]) {
                own[i] = survey.margins[i];
            }
        }
        own
    }

    /// The image without bars and borders.
    fn trimmed(&self, survey: &Survey) -> Part {
        let own = self.own_bars(survey);
        let (w, h) = inner(survey, own);
        let [left, top, right, bottom] = self.inset;
        Part {
            left: f64::from(own[0]) + left * w,
            top: f64::from(own[1]) + top * h,
            width: w * (1.0 - left - right),
            height: h * (1.0 - top - bottom),
        }
    }

    /// The part of an image that is kept.
    pub(super) fn part(&self, survey: &Survey, case: &str) -> Part {
        let all = self.trimmed(survey);
        let aspect = match self.settings.field {
            Field::Square => 1.0,
            Field::Letterbox => self.aspects.get(case).copied().unwrap_or(all.width / all.height),
        };
        let (width, height) = (all.width.min(all.height * aspect), all.height.min(all.width / aspect));
        // On whole pixels where the sizes are whole, so that an image may be copied.
        let start = |from: f64, room: f64| {
            if (room - room.round()).abs() < 1e-6 { from + (room.round() / 2.0).floor() } else { from + room / 2.0 }
        };
        Part { left: start(all.left, all.width - width), top: start(all.top, all.height - height), width, height }
    }

    /// The image of an arm and a case in the form of the study.
    ///
    /// # Errors
    /// When the arm or the case was not surveyed and its part of the plan is missing.
    pub fn apply(&self, arm: &str, case: &str, image: &GrayImage) -> Result<GrayImage, EqualiseError> {
        let known = self.done.iter().any(|done| done.arm == arm);
        if !known || self.settings.field == Field::Letterbox && !self.aspects.contains_key(case) {
            return Err(EqualiseError::Unknown { case: case.to_owned(), arm: arm.to_owned() });
        }
        Ok(apply::apply(self, arm, case, image)?)
    }

    /// Side of every image of the study in pixels.
    pub fn side_px(&self) -> u32 {
        self.side
    }

    /// Bits of a grey value in the study.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// What was done to the images of each arm, in words.
    pub fn done(&self) -> &[Done] {
        &self.done
    }

    fn words(&self, images: &[&Survey]) -> Vec<String> {
        let mut steps = Vec::new();
        let count = images.len();
        let barred = images.iter().filter(|s| self.own_bars(s) != [0; 4]).count();
        if barred > 0 {
            steps.push(format!("Bars of one grey were cut off {barred} of {count} images."));
        }
        if self.inset.iter().any(|&share| share > 0.0) {
            let [l, t, r, b] = self.inset.map(|share| 100.0 * share);
            steps.push(format!(
                "{l:.1} % of the width was cut off at the left, {r:.1} % at the right, {t:.1} % of the height at the top and {b:.1} % at the bottom, as from every arm, so that no border is left."
            ));
        }
        let parts: Vec<Part> = images.iter().map(|s| self.part(s, "")).collect();
        let side = f64::from(self.side);
        let longer = |p: &Part| p.width.max(p.height);
        let (low, high) = parts.iter().fold((f64::INFINITY, 0.0f64), |(low, high), p| (low.min(longer(p)), high.max(longer(p))));
        steps.push(match self.settings.field {
            Field::Square => "The square in the middle was kept.".to_owned(),
            Field::Letterbox => "The field common to the case was kept, with black bars to a square.".to_owned(),
        });
        if low == high && (low - side).abs() < 1e-6 {
            steps.push(format!("{side} pixels a side were kept as they are."));
        } else if (high - low).abs() < 0.5 {
            steps.push(format!("{low:.0} pixels a side became {side} by {FILTER}."));
        } else {
            steps.push(format!("{low:.0} to {high:.0} pixels a side became {side} by {FILTER}."));
        }
        match self.settings.grey {
            Grey::Keep => {}
            Grey::MatchArms => steps.push(
                "The arm's greys were brought to the mean percentiles of all arms by one rising curve; this changes contrast.".to_owned(),
            ),
            Grey::MatchImages => steps.push(
                "The greys of each image were brought to the mean percentiles of all images by a rising curve; this changes contrast.".to_owned(),
            ),
        }
        if self.threshold > 0.0 {
            steps.push(format!(
                "Structure below {:.1} grey levels of 256 was removed and equal grain of {:.1} levels added; this takes fine detail away.",
                self.threshold / LEVEL,
                self.grain / LEVEL
            ));
        }
        if self.settings.cover_corners {
            steps.push(format!("The four corners were covered with black, {:.0} % of a side each.", 100.0 * apply::CORNER));
        }
        if self.bits < 16 {
            let dither =
                if self.dither { " after noise of up to two levels, because the arms differ in gaps between levels" } else { "" };
            steps.push(format!("Greys were rounded to {} bits{dither}.", self.bits));
        }
        steps.push("File name, metadata and pixel spacing were left out; the image is a 16-bit grey PNG.".to_owned());
        steps
    }
}

/// Width and height without bars.
fn inner(survey: &Survey, bars: [u32; 4]) -> (f64, f64) {
    (f64::from(survey.width - bars[0] - bars[2]), f64::from(survey.height - bars[1] - bars[3]))
}
