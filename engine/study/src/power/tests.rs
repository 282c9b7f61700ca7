use proptest::prelude::*;

use super::law::shares;
use super::*;

const QUICK: Options = Options { seed: 4, studies: 400 };

fn run(assumed: &Assumptions, cases: usize) -> f64 {
    power(&Assumed::Scores(assumed.clone()), cases, &QUICK, &Cancel::new()).expect("possible assumptions").power
}

#[test]
fn the_papers_study_has_all_the_power_it_needs() {
    let paper = Assumptions::default();
    assert!(run(&paper, 150) > 0.99, "{}", run(&paper, 150));
    let mut tried = 0;
    let needed = cases_for(0.8, &Assumed::Scores(paper.clone()), &QUICK, &Cancel::new(), &mut |_| tried += 1)
        .expect("possible")
        .expect("reached");
    assert!((15..60).contains(&needed.cases) && needed.power >= 0.8, "{needed:?}");
    assert!(tried > 3);
    let more =
        cases_for(0.9, &Assumed::Scores(paper.clone()), &QUICK, &Cancel::new(), &mut |_| ()).expect("possible").expect("reached");
    assert!(more.cases > needed.cases);
}

#[test]
fn without_a_difference_the_level_is_kept() {
    let same = Scores { mean: 0.9, sd: 1.1 };
    let none = Assumptions { first: same, second: same, ..Assumptions::default() };
    let none = Assumed::Scores(none);
    let found = power(&none, 60, &Options { seed: 9, studies: 2000 }, &Cancel::new()).expect("possible");
    assert!((0.035..0.065).contains(&found.power), "{found:?}");
    assert!(found.interval.0 < 0.05 && 0.05 < found.interval.1, "{found:?}");
    assert_eq!(cases_for(0.9, &none, &Options { seed: 9, studies: 20 }, &Cancel::new(), &mut |_| ()), Ok(None));
}

#[test]
fn more_readers_and_easier_images_help() {
    let weak =
        Assumptions { first: Scores { mean: 1.0, sd: 1.1 }, second: Scores { mean: 0.8, sd: 1.1 }, ..Assumptions::default() };
    let with = |readers, image_share| run(&Assumptions { readers, image_share, ..weak.clone() }, 100);
    assert!(with(4, 0.1) > with(1, 0.1) + 0.1);
    assert!(with(4, 0.1) > with(4, 0.6) + 0.1, "what all readers see alike, more readers do not average away");
}

#[test]
fn a_normal_difference_has_the_power_of_the_textbook() {
    // A fine scale is nearly continuous; Wilcoxon's test then has 3/π of the efficiency of t.
    let assumed = Assumptions {
        readers: 1,
        first: Scores { mean: 2.0, sd: 10.0 },
        second: Scores { mean: 0.0, sd: 10.0 },
        scale: (-50, 50),
        case_share: 0.5,
        image_share: 0.0,
        reader_share: 0.0,
        level: 0.05,
    };
    // Differences have mean 2 and deviation 10; 200 cases: noncentrality 2.83, with the efficiency 2.76, power 0.79.
    let found =
        power(&Assumed::Scores(assumed), 200, &Options { seed: 2, studies: 2000 }, &Cancel::new()).expect("possible").power;
    assert!((0.75..0.83).contains(&found), "{found}");
}

#[test]
fn shares_have_the_power_of_the_textbook() {
    // One reader, cases alike: a t test of a share of 0.65 against one half with 80 cases has a noncentrality of
    // 0.15 ÷ √(0.65 · 0.35 ÷ 80) = 2.81, so a power of 0.79.
    let alike = |against| Shares { case_share: 0.0, reader_share: 0.0, ..Shares::usual(1, 0.65, against) };
    let of = |shares: Shares, cases| {
        power(&Assumed::Shares(shares), cases, &Options { seed: 2, studies: 2000 }, &Cancel::new()).expect("possible").power
    };
    let found = of(alike(Against::Guessing(0.5)), 80);
    assert!((0.74..0.84).contains(&found), "{found}");
    // Without a difference the level is kept, of choices and of pairs.
    let same = |against| Shares::usual(3, 0.5, against);
    for against in [Against::Guessing(0.5), Against::Without(0.5)] {
        let found = of(same(against), 60);
        assert!((0.03..0.07).contains(&found), "{against:?}: {found}");
    }
    // Hard cases cost power where guessing is the measure, and help where each case is its own.
    let hard = |case_share, against| Shares { case_share, ..Shares::usual(3, 0.65, against) };
    assert!(of(hard(0.1, Against::Guessing(0.5)), 60) > of(hard(0.8, Against::Guessing(0.5)), 60) + 0.1);
    assert!(of(hard(0.8, Against::Without(0.5)), 60) > of(hard(0.1, Against::Without(0.5)), 60) + 0.05);
    let wrong = Shares::usual(2, 1.2, Against::Guessing(0.5)).check().expect_err("impossible").to_string();
    assert_eq!(wrong, "power.share: 1.2 was given; a share lies between 0.01 and 0.99");
}

#[test]
fn impossible_figures_are_named() {
    let error = |assumed: Assumptions| assumed.check().expect_err("impossible").to_string();
    let far = Scores { mean: 2.4, sd: 0.5 };
    assert_eq!(
        error(Assumptions { first: far, ..Assumptions::default() }),
        "power.first: a mean of 2.4 does not lie between -2 and 2"
    );
    let wide = Scores { mean: 1.9, sd: 1.5 };
    assert!(error(Assumptions { second: wide, ..Assumptions::default() }).starts_with("power.second: with a mean of 1.9"));
    assert!(error(Assumptions { readers: 0, ..Assumptions::default() }).starts_with("power.readers"));
    assert!(error(Assumptions { case_share: 0.9, ..Assumptions::default() }).starts_with("power.case_share"));
    let cancel = Cancel::new();
    cancel.cancel();
    assert_eq!(power(&Assumed::Scores(Assumptions::default()), 50, &QUICK, &cancel), Err(PowerError::Stopped));
    assert!(power(&Assumed::Scores(Assumptions::default()), 1, &QUICK, &Cancel::new()).is_err());
}

#[test]
fn intervals_of_shares_are_wilsons() {
    let (low, high) = wilson(8, 10);
    assert!((low - 0.490_16).abs() < 1e-4 && (high - 0.943_32).abs() < 1e-4, "{low} {high}");
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}

proptest! {
    #[test]
    fn laws_have_their_mean_and_deviation(mean in -1.8f64..1.8, share in 0.15f64..0.85) {
        let between = mean - mean.floor();
        let (narrow, wide) = ((between * (1.0 - between)).sqrt(), ((mean + 2.0) * (2.0 - mean)).sqrt());
        let sd = narrow + share * (wide - narrow);
        if let Ok(p) = shares(mean, sd, -2, 2) {
            let m: f64 = p.iter().enumerate().map(|(i, p)| p * (i as f64 - 2.0)).sum();
            let v: f64 = p.iter().enumerate().map(|(i, p)| p * (i as f64 - 2.0 - m).powi(2)).sum();
            prop_assert!((m - mean).abs() < 1e-3 && (v.sqrt() - sd).abs() < 1e-3, "{} {}", m, v.sqrt());
        }
    }
}
