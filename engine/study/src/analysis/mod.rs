//! Joined readings to numbers: effects, agreement, repeatability, drift, time, errors.
//!
//! Input is the long table of readings with the key joined and the [`Context`]; output is the plain [`Analysis`] that
//! the report and the studio show. Every estimate carries its interval and how many units it rests on. Intervals
//! resample cases by counted random numbers, so the same readings and seed give the same figures.
//!
//! Nothing is filled in: an answer that is missing is left out of what needs it, each estimate says its own n, and
//! [`Analysis::notes`] says what was left out.

mod agreement;
mod assisted;
mod choices;
mod context;
mod detection;
mod differing;
mod drift;
mod effects;
mod errors;
mod exchange;
mod findings;
mod frame;
mod grading;
mod model;
mod notes;
mod quartet;
mod repeats;
mod scores;
mod times;
mod values;
pub mod words;

use engine::domain::Seed;
use serde::Serialize;

pub use agreement::{Agreement, Bias, PairAgreement};
pub use assisted::{Assisted, AssistedRow, OrderBalance};
pub use choices::{Choices, PairShare, PairShareRow};
pub use context::{AuditFacts, Check, Context, Deviation, Hashes, PlanFacts, ReaderFacts, letter};
pub use detection::{Detection, DetectionRow};
pub use differing::Differing;
pub use drift::{Curve, CurvePoint, Drift, Trend};
pub use effects::{Effect, PairedTest, Test};
pub use errors::{ErrorRow, Errors, Place};
pub use findings::{FindingEffect, FindingRow, FindingShare};
pub use grading::GradingArea;
pub use model::{Model, ModelEffect};
pub use quartet::{Quartet, QuartetRow};
pub use repeats::{Catch, Repeat};
pub use scores::Cell;
pub use times::Time;
pub use values::{Estimate, ShareOf};

use crate::reading::Reading;
use crate::template::Template;
use frame::{Frame, Grid};
use values::Bootstrap;

/// Which arms are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Pairs {
    /// The first arm with each other one.
    #[default]
    AgainstFirst,
    /// Each arm with each other one.
    Each,
}

impl Pairs {
    /// Pairs of places of arms: an effect is that of the first over the second.
    pub fn of(self, arms: usize) -> Vec<(usize, usize)> {
        let firsts = if self == Self::AgainstFirst { 1.min(arms) } else { arms };
        (0..firsts).flat_map(|a| (a + 1..arms).map(move |b| (a, b))).collect()
    }
}

/// How to analyse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which arms are compared.
    pub pairs: Pairs,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: Seed,
    /// Most points of a learning curve.
    pub curve_points: usize,
    /// Most cases in the list of those where readers differ, for each criterion.
    pub differing: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { pairs: Pairs::default(), resamples: 2000, seed: Seed(2025), curve_points: 10, differing: 12 }
    }
}

/// Why readings cannot be analysed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// No reading counts.
    #[error("no answer that counts is in the table; join at least one reader's answers")]
    Nothing,
    /// A name that the study does not have.
    #[error("reader {reader:?}, case {case:?}: the study has no {what} {name:?}; join answers of this study only")]
    Unknown {
        /// Reader, arm or criterion.
        what: &'static str,
        /// The name.
        name: String,
        /// The reading's reader.
        reader: String,
        /// The reading's case.
        case: String,
    },
    /// A score that the template does not offer.
    #[error("reader {reader:?}, case {case:?}: score {score} is none of the template {template:?}")]
    Score {
        /// The score.
        score: i32,
        /// The reading's reader.
        reader: String,
        /// The reading's case.
        case: String,
        /// The template in words.
        template: &'static str,
    },
    /// A time that is none.
    #[error("reader {reader:?}, case {case:?}: the time is not a number of seconds from 0")]
    Time {
        /// The reading's reader.
        reader: String,
        /// The reading's case.
        case: String,
    },
    /// A design that the template cannot have.
    #[error("{0}")]
    Design(String),
}

/// How many answers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Cases with an answer that counts.
    pub cases: usize,
    /// Answers that count.
    pub scored: usize,
    /// Answers that the plan asks for.
    pub planned: usize,
    /// Hidden repeats answered.
    pub repeats: usize,
    /// Catch trials answered.
    pub catches: usize,
    /// Answers left out because the same question had been answered before.
    pub doubles: usize,
}

/// One reader's share of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// Answers that count.
    pub scored: usize,
    /// Answers that the plan asks for.
    pub planned: usize,
}

/// What is asked on one ordered scale: the whole study, or one criterion of visual grading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scale {
    /// The criterion; empty where the study asks one question.
    pub criterion: String,
    /// Scores by arm and reader, readers of an arm first, then all readers together.
    pub cells: Vec<Cell>,
    /// Differences between arms: for each pair the readers, then all together; empty of one arm and of assisted reading.
    pub effects: Vec<Effect>,
    /// The mixed model: the primary analysis where arms are compared by points.
    pub model: Option<Model>,
    /// Why there is no model.
    pub no_model: Option<String>,
    /// Agreement of the readers over all images, then for each arm; empty of one reader.
    pub agreement: Vec<Agreement>,
    /// Each reader's distance from the others; empty of one reader.
    pub bias: Vec<Bias>,
    /// Areas between arms, in visual grading.
    pub grading: Vec<GradingArea>,
}

/// Everything that the report and the studio show of a study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// The template.
    pub template: Template,
    /// Arms, in the order of the context.
    pub arms: Vec<String>,
    /// Readers' codes, in the order of the context.
    pub readers: Vec<String>,
    /// Which arms were compared.
    pub pairs: Vec<(usize, usize)>,
    /// How many answers.
    pub counts: Counts,
    /// For each reader.
    pub completeness: Vec<Completeness>,
    /// One for each question on an ordered scale; empty for choices between images.
    pub scales: Vec<Scale>,
    /// Repeatability of each reader with hidden repeats.
    pub repeats: Vec<Repeat>,
    /// Catch trials of each reader who had some.
    pub catches: Vec<Catch>,
    /// Change with the order, for each reader.
    pub drift: Vec<Drift>,
    /// Mean score and time by order, all readers.
    pub curve: Curve,
    /// Time by reader, then by arm, then all.
    pub times: Vec<Time>,
    /// Errors marked.
    pub errors: Errors,
    /// Effects, or shares of choices, within findings; exploratory.
    pub findings: Vec<FindingRow>,
    /// Cases where readers differ most, criterion by criterion.
    pub differing: Vec<Differing>,
    /// How many images two or more readers scored differently, over all criteria; of choices, sets of images of which they took
    /// different ones.
    pub differing_images: usize,
    /// Real or synthetic.
    pub detection: Option<Detection>,
    /// Choice between two images.
    pub choices: Option<Choices>,
    /// Find the real one.
    pub quartet: Option<Quartet>,
    /// Assisted reading.
    pub assisted: Option<Assisted>,
    /// What a reader of the report has to know: gaps, doubles, estimates that could not be made.
    pub notes: Vec<String>,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Their seed.
    pub seed: u64,
}

/// Analyses the readings of a study.
///
/// # Errors
/// A reading that does not belong to the study, or a design that the template cannot have.
pub fn analyse(readings: &[Reading], context: &Context, options: &Options) -> Result<Analysis, AnalysisError> {
    let frame = Frame::of(readings, context)?;
    let boot = Bootstrap { resamples: options.resamples.max(1), seed: options.seed };
    let pairs = options.pairs.of(context.arms.len());
    let (arms, readers) = (context.arms.len(), context.readers.len());
    let mut scales = Vec::new();
    let (mut differing, mut differing_images) = (Vec::new(), 0);
    let points = context.template != Template::AssistedReading;
    if context.template.is_ordinal() {
        let one = [String::new()];
        let criteria = if context.criteria.is_empty() { &one[..] } else { &context.criteria[..] };
        for criterion in criteria {
            let rows = Frame::of_criterion(&frame.scored, criterion);
            let grid = Grid::of(&rows, arms, readers, frame.cases.len());
            // In assisted reading a higher answer is better only where the finding is present: arms are compared by what is
            // right, not by points.
            let compared = if points { &pairs[..] } else { &[] };
            scales.push(scale(criterion, &grid, context.template, compared, boot));
            let (cases, images) = differing::list(&frame, &grid, criterion, options.differing);
            differing.extend(cases);
            differing_images += images;
        }
        adjust(&mut scales);
    } else {
        (differing, differing_images) = differing::choices(&frame, context, options.differing);
    }
    let grid = Grid::of(&frame.scored, arms, readers, frame.cases.len());
    let single = context.template.is_ordinal() && context.criteria.is_empty();
    let findings =
        if single && points { findings::rows(&frame, &grid, &pairs, boot) } else { findings::shares(&frame, context, boot) };
    let completeness = completeness(&frame, context);
    let mut analysis = Analysis {
        template: context.template,
        arms: context.arms.clone(),
        readers: context.readers.iter().map(|r| r.code.clone()).collect(),
        counts: Counts {
            cases: frame.cases.iter().enumerate().filter(|(i, _)| frame.scored.iter().any(|row| row.case == *i)).count(),
            scored: frame.scored.len(),
            planned: completeness.iter().map(|c| c.planned).sum(),
            repeats: frame.repeats.len(),
            catches: frame.catches.len(),
            doubles: frame.doubles,
        },
        completeness,
        scales,
        repeats: repeats::repeats(&frame, context, boot),
        catches: repeats::catches(&frame, context),
        drift: drift::drift(&frame, context),
        curve: drift::curve(&frame, context, options.curve_points),
        times: times::times(&frame, context),
        errors: errors::errors(&frame, context),
        findings,
        differing,
        differing_images,
        detection: detection::detection(&frame, context, boot),
        choices: choices::choices(&frame, context, boot),
        quartet: quartet::quartet(&frame, context, boot)?,
        assisted: assisted::assisted(&frame, context, boot)?,
        notes: Vec::new(),
        resamples: boot.resamples,
        seed: options.seed.0,
        pairs,
    };
    analysis.notes = notes::notes(&analysis, context);
    Ok(analysis)
}

fn scale(criterion: &str, grid: &Grid, template: Template, pairs: &[(usize, usize)], boot: Bootstrap) -> Scale {
    let (model, no_model) = if pairs.is_empty() {
        (None, None)
    } else {
        match model::model(grid, template, pairs) {
            Ok(model) => (Some(model), None),
            Err(reason) => (None, Some(reason)),
        }
    };
    let several = grid.readers > 1;
    Scale {
        criterion: criterion.to_owned(),
        cells: scores::cells(grid, template),
        effects: effects::effects(grid, pairs, boot),
        model,
        no_model,
        agreement: if several { agreement::agreement(grid, template, boot) } else { Vec::new() },
        bias: if several { agreement::bias(grid, boot) } else { Vec::new() },
        grading: if template == Template::VisualGrading { grading::areas(grid, pairs, boot) } else { Vec::new() },
    }
}

/// Holm's correction over all readers, pairs and criteria of each kind of test.
fn adjust(scales: &mut [Scale]) {
    let of_readers = |effect: &&mut Effect| effect.reader.is_some();
    values::holm_over(scales.iter_mut().flat_map(|s| &mut s.effects).filter(of_readers).filter_map(|e| e.test.as_mut()));
    values::holm_over(
        scales.iter_mut().flat_map(|s| &mut s.effects).filter(|e| e.reader.is_none()).filter_map(|e| e.test.as_mut()),
    );
    let models = scales.iter_mut().filter_map(|s| s.model.as_mut());
    values::holm_over(models.flat_map(|m| &mut m.effects).map(|e| &mut e.test));
}

fn completeness(frame: &Frame<'_>, context: &Context) -> Vec<Completeness> {
    let questions = context.criteria.len().max(1);
    let shown = match context.template {
        Template::Quartet => 1,
        Template::PairwiseChoice => Pairs::Each.of(context.arms.len()).len(),
        _ => context.arms.len(),
    };
    // Without a plan everything could have been asked.
    let all = frame.cases.len() * shown * questions;
    let facts = context.readers.iter().enumerate();
    facts
        .map(|(reader, facts)| Completeness {
            scored: frame.scored.iter().filter(|row| row.reader == reader).count(),
            planned: if facts.planned > 0 { facts.planned } else { all },
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
