use super::*;
use crate::domain::{Seed, Stream};
use crate::noise;

/// A study with known truth: `arms` arms, every reader scores every case of every arm.
fn study(seed: u64, cases: usize, readers: usize, effect: f64, reader_sd: f64, case_sd: f64) -> Vec<Score> {
    let draw = |block: u32, n: usize| noise::normal(Seed(seed), Stream::TrainNoise, block, n);
    let (u, v) = (draw(0, readers), draw(1, cases));
    let unit = noise::uniform(Seed(seed), Stream::Augment, 0, cases * readers * 2);
    let cuts = [-2.0, -0.8, 0.4, 1.8];
    let mut scores = Vec::new();
    for case in 0..cases {
        for reader in 0..readers {
            for arm in 0..2 {
                let share = unit[(case * readers + reader) * 2 + arm];
                let logistic = (share / (1.0 - share)).ln();
                let latent = effect * arm as f64 + reader_sd * f64::from(u[reader]) + case_sd * f64::from(v[case]) + logistic;
                scores.push(Score { category: cuts.iter().filter(|&&c| latent > c).count(), arm, reader, case });
            }
        }
    }
    scores
}

#[test]
fn planted_effects_come_back() {
    let fitted = fit(&study(3, 300, 4, 1.2, 0.5, 1.0)).expect("a study with overlap");
    let effect = fitted.arms[0];
    assert!((effect.log_odds - 1.2).abs() < 3.0 * effect.error && effect.error < 0.15, "{effect:?}");
    assert!(effect.p < 1e-6 && effect.ci95.0 < effect.ci95.1);
    assert!((fitted.case_sd - 1.0).abs() < 0.3, "{}", fitted.case_sd);
    let (low, high) = fitted.case_sd_ci95.expect("cases differ");
    assert!(low < 1.0 && 1.0 < high && high - low < 0.6, "{low} to {high}");
    let (low, high) = fitted.reader_sd_ci95.expect("readers differ");
    assert!(low < fitted.reader_sd && fitted.reader_sd < high);
    assert_eq!(fitted.readers.len(), 4);
    assert!(fitted.thresholds.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn intervals_cover_and_nothing_is_found_in_nothing() {
    let (mut held, mut alarms) = (0, 0);
    for seed in 0..40 {
        let with = fit(&study(seed, 60, 3, 0.8, 0.4, 0.8)).expect("a study with overlap").arms[0];
        held += usize::from(with.ci95.0 <= 0.8 && 0.8 <= with.ci95.1);
        let without = fit(&study(seed + 1000, 60, 3, 0.0, 0.4, 0.8)).expect("a study with overlap").arms[0];
        alarms += usize::from(without.p < 0.05);
    }
    assert!(held >= 34, "{held} of 40 intervals hold the truth");
    assert!(alarms <= 6, "{alarms} false alarms of 40");
}

#[test]
fn a_spread_that_is_not_there_has_no_interval() {
    let alone = fit(&study(9, 60, 1, 0.6, 0.0, 0.8)).expect("a study with overlap");
    assert_eq!(alone.reader_sd_ci95, None);
    assert!(alone.case_sd_ci95.is_some());
}

#[test]
fn too_little_and_separation_are_said() {
    let one = |category, arm, case| Score { category, arm, reader: 0, case };
    assert_eq!(fit(&[one(1, 0, 0), one(1, 1, 1)]), Err(FitError::TooFew { what: "the category" }));
    assert_eq!(fit(&[one(1, 0, 0), one(2, 0, 1)]), Err(FitError::TooFew { what: "the arm" }));
    let apart: Vec<Score> = (0..20).flat_map(|case| [one(0, 0, case), one(4, 1, case)]).collect();
    assert!(fit(&apart).is_err());
}

#[test]
fn unused_categories_and_gaps_in_numbers_do_not_matter() {
    let scores = study(5, 80, 3, 0.5, 0.3, 0.7);
    let renamed: Vec<Score> =
        scores.iter().map(|s| Score { category: s.category * 3, reader: s.reader * 2 + 1, case: s.case + 7, ..*s }).collect();
    assert_eq!(fit(&scores), fit(&renamed));
}

/// A study in which images have effects of their own.
fn with_images(seed: u64, cases: usize, readers: usize, effect: f64, image_sd: f64) -> Vec<Score> {
    let draw = |block: u32, n: usize| noise::normal(Seed(seed), Stream::TrainNoise, block, n);
    let (u, v, w) = (draw(0, readers), draw(1, cases), draw(2, cases * 2));
    let unit = noise::uniform(Seed(seed), Stream::Augment, 0, cases * readers * 2);
    let cuts = [-2.0, -0.8, 0.4, 1.8];
    let mut scores = Vec::new();
    for case in 0..cases {
        for reader in 0..readers {
            for arm in 0..2 {
                let share = unit[(case * readers + reader) * 2 + arm];
                let latent = effect * arm as f64
                    + 0.4 * f64::from(u[reader])
                    + 0.8 * f64::from(v[case])
                    + image_sd * f64::from(w[case * 2 + arm])
                    + (share / (1.0 - share)).ln();
                scores.push(Score { category: cuts.iter().filter(|&&c| latent > c).count(), arm, reader, case });
            }
        }
    }
    scores
}

#[test]
fn effects_of_images_come_back() {
    let scores = with_images(4, 250, 4, 0.7, 1.0);
    let (plain, wide) = (fit(&scores).expect("overlap"), fit_with_images(&scores).expect("overlap"));
    let (low, high) = wide.image_sd_ci95.expect("images have a spread");
    assert!(low < 1.0 && 1.0 < high && high - low < 0.6, "{low} to {high}");
    // Errors by case hold for both; without the effect of the image an odds ratio is one over images, and nearer to 1.
    assert!(wide.arms[0].log_odds > 1.03 * plain.arms[0].log_odds, "{} and {}", wide.arms[0].log_odds, plain.arms[0].log_odds);
    assert!((wide.arms[0].log_odds - 0.7).abs() < 3.0 * wide.arms[0].error);
    assert!(wide.log_likelihood > plain.log_likelihood + 10.0);
    assert_eq!((plain.image_sd, plain.image_sd_ci95), (None, None));
}

/// Three scores an image are few for Laplace's approximation of its effect.
#[test]
fn few_scores_do_not_shrink_the_deviation_between_images() {
    let laplace = |scores: &[Score]| {
        let scores = joined(scores);
        let marginal = Marginal { scores: &scores, categories: 5, arms: 2, readers: 3, cases: 150, images: true };
        let found = optimise::minimise(&marginal.start(), |at| marginal.negative_log(at).0).expect("overlap");
        marginal.deviations(&found).image
    };
    let studies: Vec<Vec<Score>> = (0..8).map(|seed| with_images(seed, 150, 3, 0.8, 1.0)).collect();
    let mean = |of: &dyn Fn(&[Score]) -> f64| studies.iter().map(|scores| of(scores)).sum::<f64>() / studies.len() as f64;
    let whole = mean(&|scores| fit_with_images(scores).expect("overlap").image_sd.expect("it is in the model"));
    let alone = mean(&laplace);
    assert!((0.9..1.1).contains(&whole), "{whole}");
    assert!(alone < whole - 0.05, "{alone} by Laplace's approximation alone, {whole} by quadrature");
}

/// The interval is that of a paired t test: with few cases wider than the normal law says.
#[test]
fn intervals_and_tests_take_students_t() {
    let effect = fit_with_images(&with_images(2, 12, 3, 0.7, 0.5)).expect("overlap").arms[0];
    assert_eq!(effect.df, 11);
    let (low, high) = effect.ci95;
    assert!(((high - low) / effect.error - 2.0 * 2.200_985).abs() < 1e-4, "{effect:?}");
}

#[test]
fn images_without_effects_change_nothing() {
    let scores = with_images(6, 200, 3, 0.7, 0.0);
    let (plain, wide) = (fit(&scores).expect("overlap"), fit_with_images(&scores).expect("overlap"));
    assert!(wide.image_sd.expect("it is in the model") < 0.4, "{:?}", wide.image_sd);
    assert!((wide.arms[0].log_odds - plain.arms[0].log_odds).abs() < 0.03);
    let one: Vec<Score> = scores.into_iter().filter(|s| s.reader == 0).collect();
    assert_eq!(fit_with_images(&one), fit(&one), "one reader cannot tell an image from noise");
}
