//! Proof of the analysis: studies with planted values are simulated, joined and analysed, and it is counted how often
//! the intervals hold what was planted, and how often a test finds what is not there.

use std::collections::BTreeMap;
use std::path::Path;

use engine::cancel::Cancel;
use engine::domain::{GrayImage, Seed};
use engine::store::atomic::write_atomic;

use super::{ReaderModel, Simulation, World, events, expected};
use crate::analysis::{self, Analysis, Estimate, analyse};
use crate::answers::{AnswersFile, Entry};
use crate::cases::{Case, CaseTable};
use crate::design::Design;
use crate::error::StudyError;
use crate::join::{Bounds, join};
use crate::key::Key;
use crate::plan::Plan;
use crate::power::wilson;
use crate::sealed::{AuditNote, Study, seal};

/// Date of the simulated answers, milliseconds since 1970.
const START_MS: i64 = 1_700_000_000_000;
/// Pixels a side of the images, which nobody looks at.
const SIDE_PX: u32 = 16;

/// What is planted, and how the studies are analysed.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Cases of a study, each with an image of both arms.
    pub cases: usize,
    /// By how many logits images of the second arm are worse.
    pub effect: f64,
    /// Readers: bias and noise of each.
    pub readers: Vec<ReaderModel>,
    /// Deviation between cases in logits.
    pub case_sd: f64,
    /// Deviation between images that all readers share.
    pub image_sd: f64,
    /// Resamples of each interval.
    pub resamples: usize,
}

impl Setup {
    /// 150 cases, two arms and three readers: one strict, one mild.
    pub fn usual(effect: f64) -> Self {
        let reader = |bias: f64| ReaderModel { bias, ..ReaderModel::default() };
        Self {
            cases: 150,
            effect,
            readers: vec![reader(-0.5), reader(0.1), reader(0.6)],
            case_sd: 1.8,
            image_sd: 0.0,
            resamples: 1000,
        }
    }
}

/// How often one interval held the planted value.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What was estimated.
    pub what: String,
    /// The planted value.
    pub truth: f64,
    /// Mean of the estimates.
    pub mean: f64,
    /// Intervals that held it.
    pub held: usize,
    /// Intervals.
    pub of: usize,
}

/// How often a test found a difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The test.
    pub what: String,
    /// p below 0.05.
    pub found: usize,
    /// Tests.
    pub of: usize,
}

/// What a number of repetitions showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// One entry for each planted value.
    pub held: Vec<Held>,
    /// One for each test between the arms.
    pub found: Vec<Found>,
}

/// A study that is sealed once and read many times.
#[derive(Debug)]
pub struct Bench {
    setup: Setup,
    study: Study,
    key: Key,
    simulation: Simulation,
}

impl Bench {
    /// Seals the study in a folder.
    ///
    /// # Errors
    /// When it cannot be planned or written.
    pub fn new(setup: Setup, folder: &Path) -> Result<Self, StudyError> {
        let codes: Vec<String> = (1..=setup.readers.len()).map(|i| format!("R{i}")).collect();
        let arms = ["first".to_owned(), "second".to_owned()];
        let text = format!(
            "format = 1\ntitle = \"Proof\"\ntemplate = \"report-alignment\"\nseed = 1\nreaders = {codes:?}\narms = {arms:?}\ncases = \"cases.csv\"\nconsent = \"Simulated.\"\n"
        );
        let design = Design::parse(&text, "study.toml")?;
        let case = |i: usize| Case {
            id: format!("case {i}"),
            impression: "Simulated.".to_owned(),
            images: arms.iter().map(|arm| (arm.clone(), folder.join("none.png"))).collect(),
            ..Case::default()
        };
        let table = CaseTable { cases: (1..=setup.cases).map(case).collect(), practice: Vec::new() };
        let plan = Plan::build(&design, &table)?;
        let note = AuditNote::LeftOut { reason: "a simulation".to_owned() };
        let made = seal(&design, &table, &plan, note, &mut |_| Ok(GrayImage::black(SIDE_PX, SIDE_PX)), &mut |_, _| ())?;
        let path = folder.join("proof.cxstudy");
        write_atomic(&path, &made.study)?;
        let world = World {
            thresholds: vec![-4.4, -3.0, -1.6, 0.0],
            arms: BTreeMap::from([(arms[0].clone(), 0.0), (arms[1].clone(), -setup.effect)]),
            findings: Vec::new(),
            case_sd: setup.case_sd,
            image_sd: setup.image_sd,
        };
        let readers = codes.into_iter().zip(setup.readers.clone()).collect();
        // The key as it is read from its file, with its hash.
        let key = String::from_utf8_lossy(&made.key.to_bytes()?).into_owned();
        let key = Key::parse(&key, "the key")?;
        Ok(Self { setup, study: Study::open(&path)?, key, simulation: Simulation { world, readers } })
    }

    /// One study with its own cases and answers, analysed.
    ///
    /// # Errors
    /// When a step refuses it.
    pub fn repetition(&self, seed: u64) -> Result<Analysis, StudyError> {
        let mut files = Vec::new();
        for reader in self.simulation.readers.keys() {
            let happened = events(&self.study, &self.key, reader, &self.simulation, seed, START_MS)?;
            let entry = |(i, (moment, event)): (usize, (crate::answers::Moment, crate::answers::Event))| Entry {
                seq: i as u64 + 1,
                wall_ms: moment.wall_ms,
                mono_secs: moment.mono_secs,
                event,
            };
            files.push(AnswersFile {
                file: reader.clone(),
                study: self.study.hash().to_owned(),
                reader: reader.clone(),
                entries: happened.into_iter().enumerate().map(entry).collect(),
                head: String::new(),
            });
        }
        let joined = join(&self.study, &self.key, "the key", &files, &Bounds::default(), "proof")?;
        let options = analysis::Options { resamples: self.setup.resamples, seed: Seed(seed), ..analysis::Options::default() };
        analyse(&joined.readings, &joined.context, &options).map_err(|error| StudyError::input("the analysis", error.to_string()))
    }

    /// Repetitions with the seeds from `first` on. `progress` gets the number of repetitions that are done.
    ///
    /// # Errors
    /// When a repetition fails; when it was cancelled, what is done so far is given.
    pub fn prove(&self, first: u64, count: usize, cancel: &Cancel, progress: &mut dyn FnMut(usize)) -> Result<Proof, StudyError> {
        let mut tally = Tally::new(self);
        for i in 0..count {
            if cancel.is_cancelled() {
                break;
            }
            progress(i);
            tally.add(&self.repetition(first + i as u64)?);
        }
        Ok(tally.proof)
    }
}

/// Counts as repetitions come in.
struct Tally {
    proof: Proof,
}

impl Tally {
    fn new(bench: &Bench) -> Self {
        let (world, arms) = (&bench.simulation.world, &bench.key.arms);
        let readers: Vec<&ReaderModel> = bench.simulation.readers.values().collect();
        let mean = |reader: &ReaderModel, arm: &str| expected::mean(world, reader, arm, -2);
        let n = readers.len() as f64;
        let differences: Vec<f64> = readers.iter().map(|r| mean(r, &arms[0]) - mean(r, &arms[1])).collect();
        let difference = differences.iter().sum::<f64>() / n;
        let levels: Vec<f64> = readers.iter().map(|r| 0.5 * (mean(r, &arms[0]) + mean(r, &arms[1]))).collect();
        let all: f64 = levels.iter().sum();
        let mut truths = vec![
            ("log odds between the arms (ordinal model)".to_owned(), bench.setup.effect),
            ("mean difference (bootstrap by case)".to_owned(), difference),
            ("mean difference (paired t)".to_owned(), difference),
        ];
        let code = |i: usize| format!("R{}", i + 1);
        truths.extend(differences.iter().enumerate().map(|(i, d)| (format!("mean difference of {}", code(i)), *d)));
        truths.extend(levels.iter().enumerate().map(|(i, own)| (format!("bias of {}", code(i)), own - (all - own) / (n - 1.0))));
        truths.extend(
            readers
                .iter()
                .enumerate()
                .map(|(i, r)| (format!("repeatability of {} (kappa)", code(i)), expected::repeatability(world, r, arms))),
        );
        let held = truths.into_iter().map(|(what, truth)| Held { what, truth, mean: 0.0, held: 0, of: 0 }).collect();
        let tests = ["ordinal model", "signed ranks", "paired t"];
        let found = tests.into_iter().map(|what| Found { what: what.to_owned(), found: 0, of: 0 }).collect();
        Self { proof: Proof { held, found } }
    }

    fn add(&mut self, analysis: &Analysis) {
        let Some(scale) = analysis.scales.first() else { return };
        let model = scale.model.as_ref().and_then(|model| model.effects.first());
        let together = scale.effects.iter().find(|effect| effect.reader.is_none());
        let t = together.and_then(|effect| effect.paired_t);
        let log = |estimate: &Estimate| Estimate {
            value: estimate.value.ln(),
            interval: estimate.interval.map(|(low, high)| (low.ln(), high.ln())),
            n: estimate.n,
        };
        let mut given = vec![
            model.map(|effect| log(&effect.odds_ratio)),
            together.and_then(|effect| effect.difference),
            t.map(|t| Estimate { value: t.difference, interval: Some(t.interval), n: t.df + 1 }),
        ];
        given.extend(scale.effects.iter().filter(|effect| effect.reader.is_some()).map(|effect| effect.difference));
        given.extend(scale.bias.iter().map(|bias| bias.bias));
        given.extend(analysis.repeats.iter().map(|repeat| repeat.kappa));
        for (held, estimate) in self.proof.held.iter_mut().zip(given) {
            // An estimate without an interval counts as one that does not hold.
            held.of += 1;
            let Some(estimate) = estimate else { continue };
            held.mean += (estimate.value - held.mean) / held.of as f64;
            held.held += usize::from(estimate.interval.is_some_and(|(low, high)| low <= held.truth && held.truth <= high));
        }
        let p = [model.map(|effect| effect.test.p), together.and_then(|effect| effect.test).map(|test| test.p), t.map(|t| t.p)];
        for (found, p) in self.proof.found.iter_mut().zip(p) {
            found.of += 1;
            found.found += usize::from(p.is_some_and(|p| p < 0.05));
        }
    }
}

impl Proof {
    /// A table for people: shares with their binomial intervals.
    pub fn table(&self) -> String {
        let mut out = format!("{:44} {:>8} {:>8}  {}\n", "planted value", "planted", "mean", "95 % intervals that hold it");
        let share = |n: usize, of: usize| {
            let (low, high) = wilson(n, of);
            format!("{n} of {of} = {:.1} % ({:.1} to {:.1})", 100.0 * n as f64 / of.max(1) as f64, 100.0 * low, 100.0 * high)
        };
        for held in &self.held {
            out += &format!("{:44} {:8.3} {:8.3}  {}\n", held.what, held.truth, held.mean, share(held.held, held.of));
        }
        for found in &self.found {
            out += &format!("{:62}  {}\n", format!("p below 0.05, {}", found.what), share(found.found, found.of));
        }
        out
    }
}
