//! What a simulated reader answers to one trial.

use engine::domain::Seed;

use super::{ReaderModel, World};
use crate::draw::{Draw, Use};
use crate::reading::{ErrorKind, MarkedError, Purpose};
use crate::template::Template;

/// Images after which learning has fallen to a third.
const LEARNED: f64 = 30.0;
/// How often each kind of error is marked, of [`ErrorKind::ALL`].
const ERRORS: [f64; 6] = [0.42, 0.22, 0.10, 0.10, 0.08, 0.08];

/// Hidden values of cases and images, the same for every reader and showing.
pub(super) struct Hidden<'a> {
    pub(super) world: &'a World,
    pub(super) seed: u64,
}

/// An image of a trial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image<'a> {
    pub(super) case: &'a str,
    pub(super) arm: &'a str,
    pub(super) scrambled: bool,
    pub(super) findings: &'a [String],
}

/// A trial as the simulation knows it.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub(super) template: Template,
    pub(super) criteria: usize,
    pub(super) images: Vec<Image<'a>>,
    pub(super) purpose: Purpose,
    pub(super) truth: Option<i32>,
    /// Place in the reader's order, from 1, and number of all.
    pub(super) order: u32,
    pub(super) trials: u32,
}

/// What the reader gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) values: Vec<i32>,
    pub(super) seconds: f64,
    pub(super) marks: Vec<MarkedError>,
}

impl Hidden<'_> {
    /// A standard normal value that belongs to a name.
    fn of(&self, name: &str) -> f64 {
        Draw::new(Seed::for_case(self.seed, name).0, Use::Hidden, 0).normal()
    }

    /// The value of an image without reader and reading.
    fn image(&self, image: &Image<'_>) -> f64 {
        let world = self.world;
        let arm = world.arms.get(image.arm).copied().unwrap_or(0.0);
        let findings = world.findings.iter().filter(|f| f.arm == image.arm && image.findings.contains(&f.finding));
        let finding: f64 = findings.map(|f| f.effect).sum();
        arm + finding
            + world.case_sd * self.of(&format!("case {}", image.case))
            + world.image_sd * self.of(&format!("image {} of {}", image.arm, image.case))
    }
}

/// The answer of a reader; `chance` is that of the reader and the trial.
pub(super) fn answer(hidden: &Hidden<'_>, reader: &ReaderModel, question: &Question<'_>, chance: &mut Draw) -> Answer {
    let place = f64::from(question.order) - 1.0;
    let start = (-place / LEARNED).exp();
    let share = place / f64::from(question.trials.max(2) - 1);
    let own = reader.bias + reader.learning * start - reader.fatigue * share;
    let noticed = question.purpose == Purpose::Catch && chance.unit() < reader.attention;
    let values = match question.truth.filter(|_| noticed) {
        Some(truth) => vec![truth; question.criteria],
        None => (0..question.criteria).map(|_| value(hidden, reader, question, own, chance)).collect(),
    };
    let seconds = reader.seconds * (reader.seconds_spread * chance.normal()).exp() * (1.0 + reader.slow_start * start);
    let marks = if crate::answers::asks_error(question.template, &values) { marks(chance) } else { Vec::new() };
    Answer { values, seconds: (seconds * 100.0).round() / 100.0, marks }
}

fn value(hidden: &Hidden<'_>, reader: &ReaderModel, question: &Question<'_>, own: f64, chance: &mut Draw) -> i32 {
    let choices = question.template.choices();
    if !question.template.is_ordinal() {
        // The image with the highest value is chosen; noise of extreme values makes this a logit choice.
        let mut best = (0, f64::NEG_INFINITY);
        for (i, image) in question.images.iter().enumerate() {
            let value = hidden.image(image) - reader.noise * (-chance.unit().ln()).ln();
            if value > best.1 {
                best = (i, value);
            }
        }
        return choices.get(best.0).map_or(0, |choice| choice.value);
    }
    let Some(image) = question.images.first() else { return choices.first().map_or(0, |choice| choice.value) };
    let mut hidden_value = hidden.image(image);
    if question.template == Template::AssistedReading && question.truth == Some(1) {
        // An absent finding lies on the other side of the middle.
        hidden_value -= 2.0 * hidden.world.arms.get(image.arm).copied().unwrap_or(0.0);
    }
    if image.scrambled {
        hidden_value -= 5.0;
    }
    let value = hidden_value + own + reader.noise * chance.logistic();
    let above = hidden.world.thresholds.iter().filter(|&&cut| value > cut).count();
    choices.get(above.min(choices.len() - 1)).map_or(0, |choice| choice.value)
}

/// One or two errors with their places.
fn marks(chance: &mut Draw) -> Vec<MarkedError> {
    let count = 1 + usize::from(chance.unit() < 0.2);
    let one = |_| {
        let mut left = chance.unit();
        let kind = ErrorKind::ALL.iter().zip(ERRORS).find(|(_, share)| {
            left -= share;
            left < 0.0
        });
        let place = |chance: &mut Draw| (2000.0 + 6000.0 * chance.unit()).round() / 10_000.0;
        let (x, y) = (place(chance), place(chance));
        MarkedError { kind: kind.map_or(ErrorKind::Omission, |(kind, _)| *kind), place: Some((x, y)) }
    };
    (0..count).map(one).collect()
}
