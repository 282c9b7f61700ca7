//! The fixed study against figures that were computed with other programs, and planted truths.
//!
//! The figures of the fixed study come from SciPy 1.17 and statsmodels 0.14 (tests, slopes, Holm) and from the
//! estimators' definitions written out over pairs in NumPy (agreement); those of the mixed model from its likelihood
//! summed at 81 places in NumPy, with SciPy's search, and t from SciPy.

mod templates;

use super::testing::{Planted, drawn, fixed, quick, reading};
use super::*;
use crate::reading::Purpose;

fn close(got: f64, want: f64, by: f64) {
    assert!((got - want).abs() <= by, "{got} for {want}");
}

fn ends(got: Option<(f64, f64)>, want: (f64, f64), by: f64) {
    let (low, high) = got.expect("an interval");
    close(low, want.0, by);
    close(high, want.1, by);
}

#[test]
fn scores_of_the_fixed_study() {
    let (readings, context) = fixed();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert_eq!((found.counts.cases, found.counts.scored, found.counts.planned, found.counts.repeats), (40, 237, 240, 12));
    let cells = &found.scales[0].cells;
    assert_eq!(cells[0].counts, [1, 8, 3, 13, 15]);
    assert_eq!(cells[4].counts, [2, 8, 10, 11, 9]);
    for (cell, n, mean, sd, median) in [
        (0, 40, 0.825, 1.217_131_98, 1.0),
        (1, 39, 0.461_538_46, 1.314_817_45, 1.0),
        (3, 119, 0.789_915_97, 1.220_405_25, 1.0),
        (5, 40, -0.1, 1.464_100_32, 0.0),
        (7, 118, 0.245_762_71, 1.326_498_13, 0.0),
    ] {
        let cell = &cells[cell];
        assert_eq!(cell.n, n);
        close(cell.mean.expect("scores"), mean, 5e-9);
        close(cell.sd.expect("scores"), sd, 5e-9);
        if cell.reader.is_some() {
            close(cell.median.expect("scores"), median, 1e-12);
        }
    }
    assert!(found.notes[0].contains("Reader 2 answered 79 of 80 and Reader 3 answered 78 of 80"), "{:?}", found.notes);
}

#[test]
fn effects_of_the_fixed_study() {
    let (readings, context) = fixed();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let effects = &found.scales[0].effects;
    for (i, n, differing, mean, p, holm, biserial, t, t_p, interval) in [
        (0, 40, 32, 0.4, 0.096_250_85, 0.124_493_84, 0.329_545_45, 1.669_045_92, 0.103_117_85, (-0.084_753_81, 0.884_753_81)),
        (
            1,
            39,
            29,
            0.538_461_54,
            0.062_246_92,
            0.124_493_84,
            0.393_103_45,
            1.820_210_77,
            0.076_610_24,
            (-0.060_402_29, 1.137_325_37),
        ),
        (
            2,
            38,
            32,
            0.657_894_74,
            0.027_047_78,
            0.081_143_33,
            0.441_287_88,
            2.484_934_58,
            0.017_605_54,
            (0.121_453_51, 1.194_335_96),
        ),
    ] {
        let e = &effects[i];
        let difference = e.difference.expect("pairs");
        assert_eq!((e.reader, difference.n, e.differing), (Some(i), n, differing));
        close(difference.value, mean, 5e-9);
        let (low, high) = difference.interval.expect("an interval");
        assert!(low < mean && mean < high && high - low < 1.4);
        let test = e.test.expect("pairs differ");
        close(test.p, p, 1e-7);
        close(test.holm, holm, 3e-7);
        assert_eq!(test.family, 3);
        close(e.rank_biserial.expect("pairs differ"), biserial, 1e-8);
        let paired = e.paired_t.expect("a spread");
        close(paired.t, t, 1e-8);
        close(paired.p, t_p, 1e-7);
        ends(Some(paired.interval), interval, 1e-7);
    }
    let all = &effects[3];
    assert_eq!((all.reader, all.difference.expect("cases").n, all.differing), (None, 40, 37));
    close(all.difference.expect("cases").value, 0.516_666_667, 1e-8);
    close(all.test.expect("cases differ").p, 0.001_440_648, 1e-8);
    close(all.paired_t.expect("a spread").p, 0.001_068_017, 1e-8);
}

#[test]
fn the_mixed_model_of_the_fixed_study() {
    let (readings, context) = fixed();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let model = found.scales[0].model.as_ref().expect("scores overlap");
    let effect = model.effects[0];
    assert_eq!((effect.pair, model.scores, effect.odds_ratio.n), ((0, 1), 237, 237));
    close(effect.log_odds, 0.907_86, 1e-3);
    close(effect.error, 0.248_75, 5e-4);
    assert_eq!(effect.df, 39);
    close(effect.odds_ratio.value, 2.4790, 3e-3);
    ends(effect.odds_ratio.interval, (1.4989, 4.1001), 0.01);
    close(effect.test.p, 7.681e-4, 2e-5);
    let reader = model.reader_sd.expect("three readers");
    // The whole integral, readers too, has its top at 0.914, 0.353 and 0.753: holding the curvature costs 0.6 to 2.3 %.
    close(reader.value, 0.3510, 3e-3);
    ends(reader.interval, (0.1172, 1.0516), 0.04);
    close(model.case_sd.value, 0.7356, 3e-3);
    ends(model.case_sd.interval, (0.4435, 1.2200), 0.03);
    assert!(model.image_sd.expect("three readers").value < 0.06, "these images show no spread of their own");
    assert_eq!((reader.n, model.case_sd.n), (3, 40));
}

#[test]
fn agreement_of_the_fixed_study() {
    let (readings, context) = fixed();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let scale = &found.scales[0];
    let all = &scale.agreement[0];
    assert_eq!((all.arm, all.images, all.complete, scale.agreement.len()), (None, 80, 77, 3));
    for (estimate, want) in [(all.alpha, 0.135_190_86), (all.ac2, 0.346_496_78), (all.icc, 0.147_598_71)] {
        let estimate = estimate.expect("readers differ");
        close(estimate.value, want, 1e-8);
        let (low, high) = estimate.interval.expect("an interval");
        assert!(low < want && want < high, "{low} to {high}");
        assert_eq!(estimate.n, 40);
    }
    assert_eq!(all.fleiss, None, "scores are not yes or no");
    for (i, readers, n, exact, kappa, position, concentration, random) in [
        (0, (0, 1), 79, 0.227_848_10, 0.192_946_61, -0.169_203_65, -0.123_863_39, 0.406_142_31),
        (1, (0, 2), 78, 0.282_051_28, 0.144_908_18, 0.067_718_61, 0.034_678_49, 0.391_468_16),
        (2, (1, 2), 77, 0.246_753_25, 0.103_660_43, 0.230_224_32, 0.116_784_21, 0.490_006_20),
    ] {
        let pair = &all.pairs[i];
        assert_eq!((pair.readers, pair.images), (readers, n));
        close(pair.exact, exact, 1e-8);
        close(pair.kappa.expect("a kappa").value, kappa, 1e-8);
        close(pair.position.expect("a split").value, position, 1e-8);
        close(pair.concentration.expect("a split").value, concentration, 1e-8);
        close(pair.random.expect("a split").value, random, 1e-8);
    }
    for (b, (bias, scatter, n)) in
        scale.bias.iter().zip([(0.15625, 1.363_153_80, 80), (-0.506_329_11, 1.509_571_32, 79), (0.352_564_10, 1.457_423_84, 78)])
    {
        close(b.bias.expect("others").value, bias, 1e-8);
        close(b.scatter.expect("images"), scatter, 1e-8);
        assert_eq!(b.images, n);
    }
    // Four repeats a reader, of which one is a step lower.
    for r in &found.repeats {
        assert_eq!((r.pairs, r.exact.expect("repeats").hits), (4, 3));
        close(r.shift.expect("scores"), -0.25, 1e-12);
        assert!(r.kappa.is_none(), "four answers are too few");
    }
}

#[test]
fn order_time_errors_and_findings_of_the_fixed_study() {
    let (readings, context) = fixed();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    for (d, (score, low, high, p, time)) in found.drift.iter().zip([
        (0.196_998_12, -0.973_173_8, 1.367_170_05, 0.738_365_34, -0.205_433_68),
        (-0.360_658_50, -1.710_379_94, 0.989_062_95, 0.596_144_09, -0.199_871_78),
        (0.130_407_28, -1.012_769_5, 1.273_584_05, 0.820_849_23, -0.301_234_32),
    ]) {
        let score_trend = d.score.expect("scores");
        close(score_trend.value, score, 1e-7);
        ends(Some(score_trend.interval), (low, high), 1e-6);
        close(score_trend.p, p, 1e-7);
        close(d.time.expect("times").value, time, 1e-7);
    }
    ends(found.drift[0].time.map(|t| t.interval), (-0.342_366_55, -0.039_988_55), 1e-6);
    let t = &found.times[0];
    close(t.median, 17.075, 1e-9);
    ends(Some(t.quartiles), (14.1375, 19.975), 1e-9);
    close(t.per_hour.expect("time passed"), 211.609_110_95, 1e-6);
    assert_eq!(found.curve.points.len(), 10);
    assert_eq!(found.curve.points.iter().flat_map(|p| &p.n).sum::<usize>(), 237);

    let of_a = found.errors.rows.iter().find(|r| r.arm == 0 && r.reader.is_none()).expect("arm A");
    // Scores of −2 and −1 in arm A: 9 + 10 + 3.
    assert_eq!((of_a.scored, of_a.low, of_a.unmarked), (119, 22, 0));
    assert_eq!(of_a.counts.iter().sum::<usize>(), 22);

    let names: Vec<&str> = found.findings.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["Pneumothorax", "Pleural effusion", "No finding"]);
    for (f, (cases, mean, holm)) in found.findings.iter().zip([
        (20, 0.383_333_33, 0.083_023_07),
        (20, 0.616_666_67, 0.013_549_8),
        (10, 0.366_666_67, 0.308_593_75),
    ]) {
        let e = &f.effects[0];
        assert_eq!(f.cases, cases);
        close(e.difference.expect("cases").value, mean, 1e-8);
        close(e.test.expect("a test").holm, holm, 1e-8);
    }
    // A reader gave −2 and another +2.
    assert_eq!(found.differing[0].range, 4);
    assert!(found.differing.windows(2).all(|w| (w[0].range, w[0].sum) >= (w[1].range, w[1].sum)));
}

#[test]
fn the_same_readings_give_the_same_analysis_in_any_order() {
    let (mut readings, context) = fixed();
    let first = analyse(&readings, &context, &quick()).expect("a study");
    readings.reverse();
    assert_eq!(first, analyse(&readings, &context, &quick()).expect("a study"));
    let other = analyse(&readings, &context, &Options { seed: Seed(9), ..quick() }).expect("a study");
    assert_ne!(first.scales[0].effects, other.scales[0].effects, "the seed moves the intervals");
}

#[test]
fn four_arms_one_reader_and_all_pairs() {
    let planted = Planted { cases: 60, readers: 1, arms: &[0.0, -0.6, -1.4, 0.0], reader_sd: 0.0, case_sd: 0.7 };
    let (readings, context) = drawn(4, planted);
    let each = Options { pairs: Pairs::Each, ..quick() };
    let found = analyse(&readings, &context, &each).expect("a study");
    assert_eq!(found.pairs, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]);
    let scale = &found.scales[0];
    assert!(scale.agreement.is_empty() && scale.bias.is_empty());
    let model = scale.model.as_ref().expect("scores overlap");
    assert_eq!(model.reader_sd, None);
    // Logarithms of odds ratios add up whatever arm is the reference.
    let of = |pair| model.effects.iter().find(|e| e.pair == pair).expect("the pair").log_odds;
    close(of((0, 1)) + of((1, 2)), of((0, 2)), 5e-3);
    close(of((1, 2)), 0.8, 0.75);
    assert!(model.effects.iter().all(|e| e.test.family == 6));
    let first = analyse(&readings, &context, &quick()).expect("a study");
    assert_eq!(first.pairs, [(0, 1), (0, 2), (0, 3)]);
}

#[test]
fn planted_effects_are_recovered() {
    let (mut held, mut bootstrapped, mut alarms) = (0, 0, 0);
    let planted = Planted { cases: 60, readers: 3, arms: &[0.0, -1.0], reader_sd: 0.4, case_sd: 0.8 };
    let runs = 30;
    for seed in 0..runs {
        let (readings, context) = drawn(seed, planted);
        let found = analyse(&readings, &context, &quick()).expect("a study");
        let effect = found.scales[0].model.as_ref().unwrap_or_else(|| panic!("study {seed}: {:?}", found.notes)).effects[0];
        let (low, high) = effect.odds_ratio.interval.expect("an interval");
        held += usize::from(low <= 1f64.exp() && 1f64.exp() <= high);
        let all = found.scales[0].effects.iter().find(|e| e.reader.is_none()).and_then(|e| e.difference);
        bootstrapped += usize::from(all.and_then(|d| d.interval).is_some_and(|(low, _)| low > 0.0));
        let (readings, context) = drawn(seed + 500, Planted { arms: &[0.0, 0.0], ..planted });
        let none = analyse(&readings, &context, &quick()).expect("a study");
        let model = none.scales[0].model.as_ref().unwrap_or_else(|| panic!("study {seed}: {:?}", none.notes));
        alarms += usize::from(model.effects[0].test.p < 0.05);
    }
    assert!(held >= 26, "{held} of {runs} intervals hold the planted effect");
    assert!(bootstrapped >= 28, "{bootstrapped} of {runs} find it");
    assert!(alarms <= 4, "{alarms} false alarms of {runs}");
}

#[test]
fn what_does_not_belong_is_refused_in_one_sentence() {
    let context = Context::plain("t", Template::ReportAlignment, &["a", "b"], &["r"]);
    let say = |readings: &[Reading]| analyse(readings, &context, &quick()).expect_err("not a study").to_string();
    assert!(say(&[]).starts_with("no answer that counts"));
    assert!(say(&[reading("x", "1", "a", 0)]).contains("no reader \"x\""));
    assert!(say(&[reading("r", "1", "c", 0)]).contains("no arm \"c\""));
    assert!(say(&[reading("r", "1", "a", 3)]).contains("score 3 is none of the template"));
    let mut bad = reading("r", "1", "a", 0);
    bad.seconds = f64::NAN;
    assert!(say(&[bad]).contains("not a number of seconds"));
    let mut criterion = reading("r", "1", "a", 0);
    criterion.criterion = "Noise".to_owned();
    assert!(say(&[criterion]).contains("no criterion \"Noise\""));
    let only_repeats = Reading { purpose: Purpose::Repeat, ..reading("r", "1", "a", 0) };
    assert!(say(&[only_repeats]).starts_with("no answer that counts"));
}

#[test]
fn small_and_flat_studies_say_what_they_cannot() {
    let context = Context::plain("t", Template::ReportAlignment, &["a", "b"], &["r"]);
    let one = [reading("r", "1", "a", 2), reading("r", "1", "b", 2), reading("r", "1", "b", 1)];
    let found = analyse(&one, &context, &quick()).expect("a study");
    assert_eq!(found.counts.doubles, 1);
    let effect = &found.scales[0].effects[0];
    assert_eq!((effect.test, effect.paired_t), (None, None));
    assert_eq!(effect.difference.expect("a pair").interval, None, "one case has no interval");
    assert_eq!(found.scales[0].model, None);
    let notes = found.notes.join("\n");
    for part in ["1\u{a0}answer was left out because", "With 1\u{a0}case", "could not be fitted", "No signed-rank test"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}
