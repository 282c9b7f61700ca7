//! Agreement of the readers over images, and each reader's bias apart from random disagreement.
//!
//! An image is one arm's image of one case. Intervals resample cases, so that the images of a case stay together.

use engine::statistics::agreement::{
    IccForm, Level, Weights, cohen_kappa, disagreement, fleiss_kappa, gwet, icc, krippendorff_alpha,
};
use engine::statistics::{mean, sample_sd};
use serde::Serialize;

use super::frame::Grid;
use super::values::{Bootstrap, Estimate};
use crate::template::Template;

/// Agreement of all readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Place of the arm; `None` over all arms.
    pub arm: Option<usize>,
    /// Images that two or more readers scored.
    pub images: usize,
    /// Images that all readers scored, on which ICC and Fleiss' kappa rest.
    pub complete: usize,
    /// Krippendorff's alpha, ordinal; n in cases, as for all of these.
    pub alpha: Option<Estimate>,
    /// Gwet's AC2, quadratic weights.
    pub ac2: Option<Estimate>,
    /// ICC(2,1): two-way random, single reader, absolute agreement.
    pub icc: Option<Estimate>,
    /// Fleiss' kappa of answers taken as yes (4 and 5) or no; `None` where the template is not yes or no.
    pub fleiss: Option<Estimate>,
    /// Each pair of readers.
    pub pairs: Vec<PairAgreement>,
}

/// Agreement of two readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairAgreement {
    /// Places of the readers.
    pub readers: (usize, usize),
    /// Images that both scored.
    pub images: usize,
    /// Share with the same score; n in images.
    pub exact: f64,
    /// Cohen's kappa, quadratic weights; n in cases.
    pub kappa: Option<Estimate>,
    /// Svensson's relative position, −1 to 1: positive where the second reader scores higher.
    pub position: Option<Estimate>,
    /// Svensson's relative concentration: positive where the second reader stays nearer to the middle.
    pub concentration: Option<Estimate>,
    /// Svensson's relative rank variance, 0 to 1: what no difference in habit explains.
    pub random: Option<Estimate>,
}

/// One reader against the mean of the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bias {
    /// Place of the reader.
    pub reader: usize,
    /// Mean distance from the other readers' mean score of the same image, in points; n in cases.
    pub bias: Option<Estimate>,
    /// Deviation of that distance over images: disagreement that a constant bias does not explain.
    pub scatter: Option<f64>,
    /// Images that the reader and another one scored.
    pub images: usize,
}

/// One image: category by reader.
type Image = Vec<Option<usize>>;

pub(super) fn agreement(grid: &Grid, template: Template, boot: Bootstrap) -> Vec<Agreement> {
    let arms: Vec<usize> = (0..grid.arms).collect();
    let mut out = vec![of_arms(grid, &arms, None, template, boot)];
    if grid.arms > 1 {
        out.extend(arms.iter().map(|&arm| of_arms(grid, &[arm], Some(arm), template, boot)));
    }
    out
}

fn of_arms(grid: &Grid, arms: &[usize], arm: Option<usize>, template: Template, boot: Bootstrap) -> Agreement {
    let choices = template.choices();
    let k = choices.len();
    let category = |score: i32| choices.iter().position(|c| c.value == score);
    // Images by case; a case that nobody scored in these arms is no unit.
    let cases: Vec<Vec<Image>> = (0..grid.cases)
        .map(|case| {
            let image = |&a: &usize| (0..grid.readers).map(|r| grid.get(a, r, case).and_then(category)).collect::<Image>();
            arms.iter().map(image).filter(|image| image.iter().any(Option::is_some)).collect::<Vec<_>>()
        })
        .filter(|images| !images.is_empty())
        .collect();
    let drawn = |units: &[usize]| -> Vec<Image> { units.iter().flat_map(|&u| cases[u].iter().cloned()).collect() };
    let readers = active(grid, arms);
    let full = |images: Vec<Image>| -> Vec<Vec<usize>> {
        images.into_iter().filter_map(|image| readers.iter().map(|&r| image[r]).collect()).collect()
    };
    let complete = full(drawn(&(0..cases.len()).collect::<Vec<_>>())).len();
    let yes_or_no = matches!(template, Template::RealOrSynthetic | Template::AssistedReading);
    let mut pairs = Vec::new();
    if arm.is_none() {
        for (i, &a) in readers.iter().enumerate() {
            for &b in &readers[i + 1..] {
                pairs.push(pair(&cases, (a, b), k, boot));
            }
        }
    }
    Agreement {
        arm,
        images: cases.iter().flatten().filter(|image| image.iter().flatten().count() > 1).count(),
        complete,
        alpha: boot.estimate(cases.len(), |units| krippendorff_alpha(&drawn(units), k, Level::Ordinal)),
        ac2: boot.estimate(cases.len(), |units| Some(gwet(&drawn(units), k, Weights::Quadratic)?.value)),
        icc: boot.estimate(cases.len(), |units| {
            let rows: Vec<Vec<f64>> =
                full(drawn(units)).into_iter().map(|row| row.into_iter().map(|c| c as f64).collect()).collect();
            Some(icc(&rows, IccForm::Absolute, false)?.value)
        }),
        fleiss: yes_or_no
            .then(|| {
                boot.estimate(cases.len(), |units| {
                    let called: Vec<Image> = full(drawn(units))
                        .into_iter()
                        .map(|row| row.into_iter().map(|c| Some(usize::from(choices[c].value >= 4))).collect())
                        .collect();
                    Some(fleiss_kappa(&called, 2)?.value)
                })
            })
            .flatten(),
        pairs,
    }
}

/// Readers with at least one score in these arms.
fn active(grid: &Grid, arms: &[usize]) -> Vec<usize> {
    (0..grid.readers).filter(|&r| arms.iter().any(|&a| (0..grid.cases).any(|c| grid.get(a, r, c).is_some()))).collect()
}

fn pair(cases: &[Vec<Image>], (a, b): (usize, usize), k: usize, boot: Bootstrap) -> PairAgreement {
    // Both readers' categories, by case.
    let both: Vec<Vec<(usize, usize)>> = cases
        .iter()
        .map(|images| images.iter().filter_map(|image| Some((image[a]?, image[b]?))).collect::<Vec<_>>())
        .filter(|scores| !scores.is_empty())
        .collect();
    let drawn = |units: &[usize]| -> (Vec<usize>, Vec<usize>) { units.iter().flat_map(|&u| both[u].iter().copied()).unzip() };
    let all: Vec<(usize, usize)> = both.concat();
    let same = all.iter().filter(|(x, y)| x == y).count();
    let split = |part: fn(engine::statistics::agreement::Disagreement) -> f64| {
        boot.estimate(both.len(), |units| {
            let (x, y) = drawn(units);
            disagreement(&x, &y, k).map(part)
        })
    };
    PairAgreement {
        readers: (a, b),
        images: all.len(),
        exact: same as f64 / all.len().max(1) as f64,
        kappa: boot.estimate(both.len(), |units| {
            let (x, y) = drawn(units);
            Some(cohen_kappa(&x, &y, k, Weights::Quadratic)?.value)
        }),
        position: split(|d| d.position),
        concentration: split(|d| d.concentration),
        random: split(|d| d.random),
    }
}

pub(super) fn bias(grid: &Grid, boot: Bootstrap) -> Vec<Bias> {
    (0..grid.readers)
        .map(|reader| {
            let distance = |arm: usize, case: usize| {
                let own = f64::from(grid.get(arm, reader, case)?);
                let others = (0..grid.readers).filter(|&r| r != reader).filter_map(|r| grid.get(arm, r, case));
                Some(own - mean(&others.map(f64::from).collect::<Vec<_>>())?)
            };
            let cases: Vec<Vec<f64>> = (0..grid.cases)
                .map(|case| (0..grid.arms).filter_map(|arm| distance(arm, case)).collect::<Vec<_>>())
                .filter(|of_case| !of_case.is_empty())
                .collect();
            let all = cases.concat();
            Bias {
                reader,
                bias: boot.estimate(cases.len(), |units| {
                    mean(&units.iter().flat_map(|&u| cases[u].iter().copied()).collect::<Vec<_>>())
                }),
                scatter: sample_sd(&all),
                images: all.len(),
            }
        })
        .collect()
}
