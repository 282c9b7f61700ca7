//! Each kind of study with answers whose outcome is known by hand.

use super::super::testing::{quick, reading};
use super::super::*;
use super::close;
use crate::reading::Purpose;

#[test]
fn real_or_synthetic_by_hand() {
    let mut context = Context::plain("t", Template::RealOrSynthetic, &["real", "model"], &["r"]);
    context.real_arm = Some("real".to_owned());
    let mut readings = Vec::new();
    for (case, (real, fake)) in [(5, 1), (4, 2), (4, 4), (3, 3), (2, 2)].into_iter().enumerate() {
        readings.push(reading("r", &case.to_string(), "real", real));
        // A truth in the reading is taken before the arm's name.
        readings.push(Reading { truth: Some(1), ..reading("r", &case.to_string(), "model", fake) });
    }
    let found = analyse(&readings, &context, &quick()).expect("a study").detection.expect("a detection");
    assert_eq!(found.rows.len(), 2, "the reader and all");
    let row = &found.rows[0];
    // Wins of real over synthetic: 5 + 4.5 + 4.5 + 3.5 + 2 of 25.
    close(row.auc.expect("both kinds").value, 19.5 / 25.0, 1e-12);
    let right = row.right.expect("decided");
    assert_eq!((right.hits, right.n, row.undecided, row.real, row.synthetic), (6, 8, 2, 5, 5));
    // z(3.5 ÷ 5) − z(1.5 ÷ 5).
    close(row.d_prime.expect("both kinds").value, 2.0 * 0.524_400_513, 1e-8);
    // 6 or more, or 2 or fewer, of 8: 74 of 256.
    close(row.test.expect("a test").p, 74.0 / 256.0, 1e-12);
    let called = row.synthetic_called_real.expect("decided");
    assert_eq!((called.hits, called.n), (1, 4));
    close(found.rows[1].right_by_case.expect("all").value, 0.75, 1e-12);
}

#[test]
fn several_synthetic_arms_have_their_own_line_and_agreement_is_of_calling_real() {
    let mut context = Context::plain("t", Template::RealOrSynthetic, &["real", "m1", "m2"], &["r1", "r2"]);
    context.real_arm = Some("real".to_owned());
    let mut readings = Vec::new();
    for case in 0..12 {
        for (i, arm) in ["real", "m1", "m2"].into_iter().enumerate() {
            for reader in ["r1", "r2"] {
                let score = if (case + i) % 3 == 0 { 4 } else { 2 - (case as i32 % 2) };
                readings.push(reading(reader, &case.to_string(), arm, score));
            }
        }
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let rows = found.detection.expect("a detection").rows;
    assert_eq!(
        rows.iter().map(|r| (r.reader, r.arm)).collect::<Vec<_>>(),
        [(Some(0), None), (Some(1), None), (None, None), (None, Some(1)), (None, Some(2))]
    );
    let fleiss = found.scales[0].agreement[0].fleiss.expect("yes or no");
    close(fleiss.value, 1.0, 1e-12);
}

fn choice(reader: &str, case: usize, chosen: &str, other: &str, place: i32) -> Reading {
    Reading { against: vec![other.to_owned()], ..super::super::testing::reading(reader, &case.to_string(), chosen, place) }
}

#[test]
fn choices_by_hand() {
    let context = Context::plain("t", Template::PairwiseChoice, &["a", "b"], &["r1", "r2"]);
    let mut readings = Vec::new();
    for case in 0..10 {
        // The first reader takes a in 9 of 10, the second in 5 of 10; both take the left image in half.
        let place = (case % 2) as i32;
        readings.push(if case < 9 { choice("r1", case, "a", "b", place) } else { choice("r1", case, "b", "a", place) });
        readings.push(if case < 5 { choice("r2", case, "a", "b", place) } else { choice("r2", case, "b", "a", place) });
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert!(found.scales.is_empty());
    let choices = found.choices.expect("choices");
    let pair = &choices.pairs[0];
    assert_eq!((pair.pair, pair.choices), ((0, 1), 20));
    let share = pair.rows[0].share.expect("choices");
    assert_eq!((share.hits, share.n), (9, 10));
    close(pair.rows[0].test.expect("a test").p, 22.0 / 1024.0, 1e-12);
    close(pair.rows[0].test.expect("a test").holm, 44.0 / 1024.0, 1e-12);
    close(pair.all.expect("all").value, 0.7, 1e-12);
    close(choices.left[0].expect("choices").value, 0.5, 1e-12);
    // Same arm in 6 of 10; shares 0.7 and 0.3: (0.6 − 0.58) ÷ 0.42.
    close(choices.fleiss.expect("two readers").value, 0.02 / 0.42, 1e-9);
    assert!(choices.strengths.is_empty());
}

#[test]
fn choices_that_divide_the_readers_are_listed_with_who_took_what() {
    let context = Context::plain("t", Template::PairwiseChoice, &["a", "b", "c"], &["r1", "r2", "r3"]);
    let mut readings = Vec::new();
    for reader in ["r1", "r2", "r3"] {
        readings.push(choice(reader, 1, "a", "b", 0));
        let (chosen, other) = if reader == "r2" { ("c", "a") } else { ("a", "c") };
        readings.push(choice(reader, 2, chosen, other, 0));
        readings.push(choice(reader, 2, "b", "c", 0));
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert_eq!((found.differing.len(), found.differing_images), (1, 1));
    let case = &found.differing[0];
    assert_eq!((case.case.as_str(), case.range, case.sum), ("2", 1, 1));
    let said: Vec<String> = (0..3).map(|arm| case.said(&found, arm)).collect();
    assert_eq!(said, ["r1, r3", "", "r2"], "the arm in the middle was not beside them");
}

#[test]
fn grades_that_divide_the_readers_are_listed_by_criterion() {
    let mut context = Context::plain("t", Template::VisualGrading, &["a", "b"], &["r1", "r2"]);
    context.criteria = vec!["sharp".to_owned(), "dark".to_owned()];
    let mut readings = Vec::new();
    for case in ["1", "2"] {
        for (arm, reader, criterion, score) in [
            ("a", "r1", "sharp", 1),
            ("a", "r2", "sharp", 4),
            ("b", "r1", "dark", 2),
            ("b", "r2", "dark", 3),
            ("b", "r1", "sharp", 5),
        ] {
            readings.push(Reading { criterion: criterion.to_owned(), ..reading(reader, case, arm, score) });
        }
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let listed: Vec<(&str, &str, i32)> =
        found.differing.iter().map(|d| (d.criterion.as_str(), d.case.as_str(), d.range)).collect();
    assert_eq!(listed, [("sharp", "1", 3), ("sharp", "2", 3), ("dark", "1", 1), ("dark", "2", 1)]);
    assert_eq!((found.differing[0].said(&found, 0), found.differing[0].said(&found, 1)), ("1, 4".into(), "5, –".into()));
    assert_eq!(found.differing_images, 4);
}

#[test]
fn shares_of_all_readers_have_intervals_by_case() {
    // Three readers who always answer alike know no more than one of them.
    let readers = ["r1", "r2", "r3"];
    let mut context = Context::plain("t", Template::RealOrSynthetic, &["real", "model"], &readers);
    context.real_arm = Some("real".to_owned());
    let mut readings = Vec::new();
    for case in 0..24 {
        for reader in readers {
            readings.push(reading(reader, &case.to_string(), "real", if case % 3 == 0 { 2 } else { 4 }));
            readings.push(reading(reader, &case.to_string(), "model", if case % 4 == 0 { 5 } else { 1 }));
        }
    }
    let rows = analyse(&readings, &context, &quick()).expect("a study").detection.expect("a detection").rows;
    assert_eq!(rows[0].called_by_case, (None, None), "a reader's shares have exact intervals");
    let all = rows.last().expect("all readers");
    for (by_case, pooled) in [(all.called_by_case.0, all.real_called_real), (all.called_by_case.1, all.synthetic_called_real)] {
        let (by_case, pooled) = (by_case.expect("decided"), pooled.expect("decided"));
        close(by_case.value, pooled.value, 1e-12);
        let width = |(low, high): (f64, f64)| high - low;
        assert!(width(by_case.interval.expect("a spread")) > 1.3 * width(pooled.interval), "{by_case:?} {pooled:?}");
    }

    let context = Context::plain("t", Template::AssistedReading, &["without", "with"], &readers);
    let mut readings = Vec::new();
    for case in 0..24 {
        let truth = if case % 2 == 0 { 5 } else { 1 };
        for reader in readers {
            for (arm, order) in [("without", 1), ("with", 2)] {
                let score = if case % 3 == order % 3 { 3 } else { truth };
                readings.push(Reading {
                    truth: Some(truth),
                    order: order as u32,
                    ..reading(reader, &case.to_string(), arm, score)
                });
            }
        }
    }
    let rows = analyse(&readings, &context, &quick()).expect("a study").assisted.expect("assisted").rows;
    assert!(rows[0].kinds_by_case.is_none());
    let (all, pooled) = (rows[3].kinds_by_case.expect("all readers"), rows[3].sensitivity.0.expect("present cases"));
    close(all[0].expect("present cases").value, pooled.value, 1e-12);
    let (low, high) = all[0].and_then(|e| e.interval).expect("a spread");
    assert!(high - low > 1.3 * (pooled.interval.1 - pooled.interval.0));
}

#[test]
fn changes_with_the_order_stand_for_no_more_trials_than_were_read() {
    let context = Context::plain("t", Template::Realism, &["a"], &["r"]);
    let of = |trials: u32| {
        let readings: Vec<Reading> = (1..=trials)
            .map(|order| Reading {
                order,
                seconds: 30.0 - 0.1 * f64::from(order),
                ..reading("r", &order.to_string(), "a", 1 + (order % 3) as i32)
            })
            .collect();
        analyse(&readings, &context, &quick()).expect("a study").drift.remove(0)
    };
    let (short, long) = (of(30), of(120));
    assert_eq!((short.per, long.per), (10, 100));
    let time = short.time.expect("a slope").value;
    assert!((-0.05..-0.03).contains(&time), "ten trials are a second of thirty: {time}");
}

#[test]
fn answers_without_spread_have_no_interval() {
    let context = Context::plain("t", Template::PairwiseChoice, &["a", "b"], &["r1"]);
    let readings: Vec<Reading> = (0..30).map(|case| choice("r1", case, "a", "b", 0)).collect();
    let found = analyse(&readings, &context, &quick()).expect("a study").choices.expect("choices");
    let all = found.pairs[0].all.expect("choices");
    assert_eq!((all.value, all.interval), (1.0, None), "30 equal choices do not prove that all others are so");
    assert!(found.pairs[0].rows[0].share.expect("choices").interval.0 < 0.9, "the exact interval knows");
}

#[test]
fn strengths_of_three_arms_follow_their_counts() {
    let context = Context::plain("t", Template::PairwiseChoice, &["a", "b", "c"], &["r"]);
    let mut readings = Vec::new();
    // a : b = 2 : 1, b : c = 2 : 1, a : c = 4 : 1, as strengths 4, 2, 1 give.
    for (first, second, wins, of) in [("a", "b", 20, 30), ("b", "c", 20, 30), ("a", "c", 24, 30)] {
        for case in 0..of {
            let (won, lost) = if case < wins { (first, second) } else { (second, first) };
            readings.push(choice("r", case, won, lost, 0));
        }
    }
    let found = analyse(&readings, &context, &quick()).expect("a study").choices.expect("choices");
    assert_eq!(found.pairs.len(), 3);
    close(found.strengths[1].expect("bound").value, -(2f64.ln()), 1e-6);
    close(found.strengths[2].expect("bound").value, -(4f64.ln()), 1e-6);
    let (low, high) = found.strengths[1].expect("bound").interval.expect("an interval");
    assert!(low < -(2f64.ln()) && -(2f64.ln()) < high);
}

#[test]
fn quartets_by_hand() {
    let arms = ["real", "m1", "m2", "m3"];
    let mut context = Context::plain("t", Template::Quartet, &arms, &["r"]);
    let mut readings = Vec::new();
    for case in 0..20 {
        let chosen = arms[if case < 8 { 0 } else { 1 + case % 3 }];
        let against = arms.iter().filter(|a| **a != chosen).map(|a| (*a).to_owned()).collect();
        readings.push(Reading { against, ..reading("r", &case.to_string(), chosen, (case % 4) as i32) });
    }
    let refused = analyse(&readings, &context, &quick()).expect_err("nothing tells which is real");
    assert!(refused.to_string().contains("name the arm of real images"));
    context.real_arm = Some("real".to_owned());
    let found = analyse(&readings, &context, &quick()).expect("a study").quartet.expect("a quartet");
    let right = found.rows[0].right.expect("answers");
    assert_eq!((right.hits, right.n, found.places.clone(), found.taken[0]), (8, 20, vec![5, 5, 5, 5], 8));
    // Exact binomial test of 8 in 20 against a quarter (SciPy).
    close(found.rows[0].test.expect("a test").p, QUARTET_P, 1e-7);
    close(found.all.expect("all").value, 0.4, 1e-12);
}

const QUARTET_P: f64 = 0.126_124_48;

#[test]
fn grading_by_hand() {
    let mut context = Context::plain("t", Template::VisualGrading, &["a", "b"], &["r1", "r2"]);
    context.criteria = vec!["Sharpness".to_owned(), "Noise".to_owned()];
    let mut readings = Vec::new();
    for case in 0..8 {
        for reader in ["r1", "r2"] {
            for (criterion, a, b) in [("Sharpness", 4, 3), ("Noise", 3 + case % 2, 3)] {
                for (arm, score) in [("a", a), ("b", b)] {
                    let criterion = criterion.to_owned();
                    readings.push(Reading { criterion, order: case as u32, ..reading(reader, &case.to_string(), arm, score) });
                }
            }
        }
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert_eq!(found.counts.planned, 8 * 2 * 2 * 2);
    let areas: Vec<f64> = found.scales.iter().map(|s| s.grading[0].area.expect("grades").value).collect();
    // Always higher: 1. Half higher, half equal: 0.75.
    close(areas[0], 1.0, 1e-12);
    close(areas[1], 0.75, 1e-12);
    // Two readers and two criteria, of which one always differs and one in half of the cases.
    assert!(
        found.scales.iter().flat_map(|s| &s.effects).filter(|e| e.reader.is_some()).all(|e| e.test.expect("a test").family == 4)
    );
    assert!(found.scales[0].no_model.is_some(), "arms that never overlap have no bound");
    assert_eq!(found.times.iter().find(|t| t.reader.is_none() && t.arm.is_none()).expect("all").n, 32, "criteria are one trial");
}

#[test]
fn help_by_hand() {
    let context = Context::plain("t", Template::AssistedReading, &["Without help", "With help"], &["r"]);
    let mut readings = Vec::new();
    // Truth, without, with; the last two come with help first.
    let cases = [(5, 2, 4), (5, 4, 5), (5, 3, 4), (5, 4, 2), (1, 4, 2), (1, 1, 1), (1, 3, 2), (1, 2, 1)];
    for (case, (truth, without, with)) in cases.into_iter().enumerate() {
        for (arm, score) in [("Without help", without), ("With help", with)] {
            let first = (arm == "Without help") == (case < 6);
            let round = if first { 1 } else { 2 };
            readings.push(Reading { truth: Some(truth), round, ..reading("r", &case.to_string(), arm, score) });
        }
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let scale = &found.scales[0];
    assert!(scale.effects.is_empty() && scale.model.is_none() && scale.no_model.is_none(), "points do not compare conditions");
    assert!(found.findings.is_empty() && found.drift.iter().all(|d| d.score.is_none()));
    let assisted = found.assisted.expect("assisted");
    let row = &assisted.rows[0];
    assert_eq!((row.without.expect("pairs").hits, row.with.expect("pairs").hits, row.gained, row.lost), (4, 7, 4, 1));
    close(row.difference.expect("pairs").value, 3.0 / 8.0, 1e-12);
    // One or fewer, or four or more, of five: 12 of 32.
    close(row.test.expect("a test").p, 12.0 / 32.0, 1e-12);
    // Without: present 2 4 3 4 against absent 4 1 3 2; with: 4 5 4 2 against 2 1 2 1.
    close(row.auc_without.expect("both kinds").value, (1.5 + 3.5 + 2.5 + 3.5) / 16.0, 1e-12);
    close(row.auc_with.expect("both kinds").value, (4.0 + 4.0 + 4.0 + 3.0) / 16.0, 1e-12);
    close(row.auc_difference.expect("both kinds").value, 0.25, 1e-12);
    assert_eq!((row.sensitivity.0.expect("present").hits, row.sensitivity.1.expect("present").hits), (2, 3));
    assert_eq!(assisted.order, OrderBalance { without_first: 6, with_first: 2 });
    assert!(found.notes.iter().all(|n| !n.contains("always came first")));

    let three = Context::plain("t", Template::AssistedReading, &["Without help", "With help", "x"], &["r"]);
    assert!(analyse(&readings, &three, &quick()).expect_err("three arms").to_string().contains("this study has 3"));
    let blind: Vec<Reading> = readings.into_iter().map(|r| Reading { truth: None, ..r }).collect();
    assert!(analyse(&blind, &context, &quick()).expect_err("no truth").to_string().contains("no case of this assisted reading"));
}

#[test]
fn catch_trials_pass_near_the_right_answer() {
    let context = Context::plain("t", Template::ReportAlignment, &["a", "b"], &["r"]);
    let mut readings = vec![reading("r", "1", "a", 1), reading("r", "1", "b", 0)];
    for (case, score) in [("x", -2), ("y", -1), ("z", 1)] {
        // A catch trial may have an image of no arm.
        let arm = if case == "x" { "elsewhere" } else { "a" };
        readings.push(Reading { purpose: Purpose::Catch, truth: Some(-2), ..reading("r", case, arm, score) });
    }
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert_eq!((found.catches[0].passed, found.catches[0].n, found.counts.catches, found.counts.cases), (2, 3, 3, 1));
}

#[test]
fn what_is_learnt_shows_where_answers_are_right_or_wrong() {
    let arms = ["real", "m1", "m2", "m3"];
    let mut context = Context::plain("t", Template::Quartet, &arms, &["r"]);
    context.real_arm = Some("real".to_owned());
    // Nothing is found in the first half, everything in the second.
    let readings: Vec<Reading> = (0..40)
        .map(|case| {
            let chosen = arms[if case < 20 { 1 + case % 3 } else { 0 }];
            let against = arms.iter().filter(|a| **a != chosen).map(|a| (*a).to_owned()).collect();
            Reading { against, order: case as u32 + 1, ..reading("r", &case.to_string(), chosen, (case % 4) as i32) }
        })
        .collect();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    let points = &found.curve.points;
    assert_eq!((points[0].right, points[points.len() - 1].right), (Some(0.0), Some(1.0)));
    // Least squares of 0 and 1 over 1 to 40: 200 ÷ 5330 a trial, ten times.
    let trend = found.drift[0].right.expect("a slope");
    close(trend.value, 10.0 * 200.0 / 5330.0, 1e-9);
    assert!(trend.p < 0.001 && trend.interval.0 > 0.0);
    let context = Context::plain("t", Template::PairwiseChoice, &["a", "b"], &["r"]);
    let readings: Vec<Reading> = (0..20)
        .map(|case| Reading { order: case as u32 + 1, ..choice("r", case, ["a", "b"][case % 2], ["b", "a"][case % 2], 0) })
        .collect();
    let found = analyse(&readings, &context, &quick()).expect("a study");
    assert!(found.drift[0].right.is_none() && found.curve.points.iter().all(|point| point.right.is_none()), "no choice is right");
}

#[test]
fn few_repeats_have_no_kappa() {
    let context = Context::plain("t", Template::Realism, &["a"], &["r"]);
    let of = |repeats: i32| {
        let mut readings: Vec<Reading> = (0..20).map(|case| reading("r", &case.to_string(), "a", 1 + case % 5)).collect();
        for case in 0..repeats {
            let score = if case == 1 { 3 } else { 1 + case % 5 };
            readings.push(Reading { purpose: Purpose::Repeat, ..reading("r", &case.to_string(), "a", score) });
        }
        analyse(&readings, &context, &quick()).expect("a study").repeats.remove(0)
    };
    assert!(of(5).kappa.is_none() && of(5).exact.is_some_and(|share| (share.hits, share.n) == (4, 5)));
    // First 1 2 3 4 5 1, then 1 3 3 4 5 1: 1 − Σ(d²) ÷ Σ over all pairs ÷ 6 = 1 − 1 ÷ (Σᵢⱼ (xᵢ − yⱼ)² ÷ 6).
    let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 1.0], [1.0, 3.0, 3.0, 4.0, 5.0, 1.0]);
    let all: f64 = x.iter().flat_map(|a| y.iter().map(move |b: &f64| (a - b) * (a - b))).sum();
    close(of(6).kappa.expect("six").value, 1.0 - 1.0 / (all / 6.0), 1e-9);
}
