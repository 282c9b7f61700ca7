//! Studies for tests: a fixed small one whose figures were computed elsewhere, and drawn ones with a planted truth.

use engine::domain::{Seed, Stream};
use engine::noise;

use super::{AuditFacts, Check, Context, Deviation, Options};
use crate::reading::{ErrorKind, MarkedError, Purpose, Reading};
use crate::template::Template;

/// 40 cases: scores of readers 1 to 3 for arm A, then for arm B, as category from 0; a dot is a missing answer.
const FIXED: [&str; 40] = [
    "444213", "343222", "233320", "104333", "313311", "434243", "424443", "13233.", "223104", "134442", "344431", "444434",
    "112403", "434413", "212102", "133200", "324132", "323012", "302200", "433302", "414312", "4.3114", "104244", "434233",
    "340112", "344223", "142242", "411314", "442433", "414300", "32432.", "442124", "333343", "434404", "434342", "044112",
    "102040", "324423", "332104", "321223",
];

/// A reading with nothing special in it.
pub(crate) fn reading(reader: &str, case: &str, arm: &str, score: i32) -> Reading {
    Reading {
        reader: reader.to_owned(),
        case: case.to_owned(),
        arm: arm.to_owned(),
        against: Vec::new(),
        criterion: String::new(),
        purpose: Purpose::Scored,
        round: 1,
        block: 1,
        order: 1,
        score,
        truth: None,
        seconds: 10.0,
        errors: Vec::new(),
        findings: Vec::new(),
        comment: String::new(),
    }
}

/// Few resamples: quick, and enough to see that intervals surround their estimate.
pub(crate) fn quick() -> Options {
    Options { resamples: 200, ..Options::default() }
}

/// The fixed study: two arms, three readers, three answers missing, four repeats a reader.
pub(crate) fn fixed() -> (Vec<Reading>, Context) {
    let readers = ["Reader 1", "Reader 2", "Reader 3"];
    let arms = ["Simulated model one", "Simulated model two"];
    let mut context = Context::plain("Fixed study", Template::ReportAlignment, &arms, &readers);
    context.readers.iter_mut().for_each(|r| r.planned = 80);
    let mut readings = Vec::new();
    for (c, line) in FIXED.iter().enumerate() {
        for (i, mark) in line.chars().enumerate() {
            let (a, r) = (i / 3, i % 3);
            let Some(category) = mark.to_digit(10) else { continue };
            let order = ((c * 2 + a) * 37 + r * 11) % 80 + 1;
            let mut one = reading(readers[r], &format!("case {}", c + 1), arms[a], category as i32 - 2);
            one.order = order as u32;
            one.block = 1 + (order as u32 - 1) / 20;
            one.seconds = 14.0 + ((c * 7 + a * 3 + r * 5) % 11) as f64 - 0.05 * order as f64;
            one.findings = [&["PTX"][..], &["EFF"], &["PTX", "EFF"], &[]][c % 4].iter().map(|f| (*f).to_owned()).collect();
            if one.score < 0 {
                let kind = ErrorKind::ALL[(c + a) % 6];
                let place = (c % 3 > 0).then(|| (((c * 13) % 40) as f64 / 40.0, ((c * 29 + a * 7) % 40) as f64 / 40.0));
                one.errors.push(MarkedError { kind, place });
            }
            if a == 0 && c < 4 {
                // The second answer is one step lower for the second of four cases, else the same.
                let again = if c == 1 { one.score - 1 } else { one.score };
                readings.push(Reading { purpose: Purpose::Repeat, order: 81 + c as u32, score: again, ..one.clone() });
            }
            readings.push(one);
        }
    }
    (readings, context)
}

/// The fixed study with all that a context can say.
pub(crate) fn told() -> (Vec<Reading>, Context) {
    let (readings, mut context) = fixed();
    context.title = "Agreement of synthetic radiographs with their impressions".to_owned();
    context.simulated = true;
    context.program = "ChexGen Studio 0.0.0".to_owned();
    context.impressions =
        (1..=40).map(|c| (format!("case {c}"), format!("Impression of case {c}: small effusion & <opacity>."))).collect();
    for (facts, years) in context.readers.iter_mut().zip([10, 20, 5]) {
        facts.experience = format!("{years} years, chest radiology");
    }
    context.plan.seed = Some(7);
    context.plan.blocks = 4;
    context.plan.separation = 10;
    context.plan.repeats = 4;
    context.plan.practice = 5;
    context.plan.rounds = 2;
    context.plan.washout_hours = Some(336.0);
    context.plan.equalised = "a side of 1024 px, 16 bits of grey and no metadata".to_owned();
    context.hashes.study = "4f20c8d191ab03e7".repeat(4);
    context.hashes.key = "91ab03e74f20c8d1".repeat(4);
    context.hashes.answers = context.readers.iter().map(|r| (r.code.clone(), "0123456789abcdef".repeat(4))).collect();
    context.integrity = ["Study file unchanged", "Key fits the study", "Event chain whole, 14 226 entries"]
        .map(|text| Check { passed: true, text: text.to_owned() })
        .into();
    let late = "Block 4 was read after 11 days; the plan says 14.";
    context.deviations = vec![Deviation { reader: Some("Reader 2".to_owned()), text: late.to_owned() }];
    context.audit = Some(AuditFacts {
        measure: "area under the ROC curve".to_owned(),
        guess: 0.53,
        chance: (0.44, 0.56),
        probe: "noise spectrum".to_owned(),
        before: Some(0.93),
    });
    (readings, context)
}

/// What is planted in a drawn study.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted {
    pub(crate) cases: usize,
    pub(crate) readers: usize,
    /// Shift of each arm on the logit scale; the first is 0.
    pub(crate) arms: &'static [f64],
    pub(crate) reader_sd: f64,
    pub(crate) case_sd: f64,
}

/// Names of a drawn study; the last reader and arm have long ones.
pub(crate) fn names(stem: &str, n: usize) -> Vec<String> {
    (1..=n)
        .map(|i| {
            if i == n && n > 3 {
                format!(
                    "{stem} {i} with a name that goes on for much longer than there is room in any figure or table of a report"
                )
            } else {
                format!("{stem} {i}")
            }
        })
        .collect()
}

/// A study drawn from the ordinal model that the analysis fits.
pub(crate) fn drawn(seed: u64, planted: Planted) -> (Vec<Reading>, Context) {
    let Planted { cases, readers, arms, reader_sd, case_sd } = planted;
    let normal = |block: u32, n: usize| noise::normal(Seed(seed), Stream::TrainNoise, block, n);
    let (u, v) = (normal(0, readers), normal(1, cases));
    let uniform = noise::uniform(Seed(seed), Stream::Augment, 0, cases * readers * arms.len());
    let (codes, labels) = (names("Reader", readers), names("Model", arms.len()));
    let mut context = Context::plain("Drawn study", Template::ReportAlignment, &[], &[]);
    context.arms = labels.clone();
    context.readers =
        codes.iter().map(|code| super::ReaderFacts { code: code.clone(), ..super::ReaderFacts::default() }).collect();
    context.simulated = true;
    let cuts = [-2.2, -1.1, 0.1, 1.6];
    let mut readings = Vec::new();
    for case in 0..cases {
        for reader in 0..readers {
            for (arm, shift) in arms.iter().enumerate() {
                let at = (case * readers + reader) * arms.len() + arm;
                let share = uniform[at].clamp(1e-9, 1.0 - 1e-9);
                let latent =
                    shift + reader_sd * f64::from(u[reader]) + case_sd * f64::from(v[case]) + (share / (1.0 - share)).ln();
                let category = cuts.iter().filter(|&&cut| latent > cut).count();
                let mut one = reading(&codes[reader], &format!("{}", case + 1), &labels[arm], category as i32 - 2);
                one.order = (at * 7 % (cases * arms.len())) as u32 + 1;
                one.seconds = 9.0 + 6.0 * share + reader as f64;
                if one.score < 0 {
                    let kind = ErrorKind::ALL[at % 6];
                    let place = Some((uniform[(at * 3) % uniform.len()], 0.3 + 0.5 * uniform[(at * 5) % uniform.len()]));
                    one.errors.push(MarkedError { kind, place });
                }
                one.findings = [&["PTX"][..], &["EFF", "ATL"], &[], &["CMG"]][case % 4].iter().map(|f| (*f).to_owned()).collect();
                readings.push(one);
            }
        }
    }
    (readings, context)
}
