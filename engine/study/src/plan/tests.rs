use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cases::Case;
use crate::design::ArmOrder;
use crate::template::Template;
use crate::testing::design;

/// A table without files.
fn table(design: &Design, cases: usize) -> CaseTable {
    let case = |index: usize| {
        let arms: Vec<&String> =
            if design.paired { design.arms.iter().collect() } else { vec![&design.arms[index % design.arms.len()]] };
        Case {
            id: format!("case-{index}"),
            impression: format!("Text {index}."),
            findings: [vec![], vec!["PTX".to_owned()], vec!["EFF".to_owned()]][index % 3].clone(),
            asked: Some("PTX".to_owned()),
            images: arms.into_iter().map(|arm| (arm.clone(), "x.png".into())).collect(),
            ..Case::default()
        }
    };
    CaseTable { cases: (0..cases).map(case).collect(), practice: Vec::new() }
}

/// Least distance between two trials that show something of the same case.
fn least_distance(trials: &[Assignment]) -> usize {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let mut least = usize::MAX;
    for (place, trial) in trials.iter().enumerate() {
        let touched: BTreeSet<usize> = trial.shown.iter().map(|shown| shown.case).chain([trial.case]).collect();
        for case in touched {
            if let Some(before) = last.insert(case, place) {
                least = least.min(place - before);
            }
        }
    }
    least
}

fn spread(counts: impl IntoIterator<Item = usize>) -> usize {
    let counts: Vec<usize> = counts.into_iter().collect();
    counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0)
}

fn count<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    items.into_iter().for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_plan_keeps_everything_that_it_promises(
        arms in 2usize..=5, readers in 1usize..=6, cases in 12usize..=60, seed in 0u64..1000,
        separation in 1u32..=8, repeats in 0usize..=3, catch in 0u32..=4, block in 5u32..=40, rounds in 1u32..=2,
    ) {
        let mut design = design(Template::ReportAlignment, readers, arms);
        design.seed = seed;
        // A fifth of the cases leaves room for repeats and catch trials.
        let separation = separation.min(cases as u32 / 5);
        design.plan.separation = separation;
        design.plan.repeats = repeats as f64 / cases as f64;
        design.plan.catch = catch;
        design.plan.block_size = block;
        design.plan.rounds = rounds;
        let table = table(&design, cases);
        let plan = Plan::build(&design, &table).expect("a plan");
        prop_assert_eq!(&plan, &Plan::build(&design, &table).expect("the same plan"));

        let mut first_by_case: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut after = BTreeMap::new();
        for scheme in &plan.readers {
            let trials = &scheme.trials;
            prop_assert!(least_distance(trials) >= separation as usize);
            let of = |purpose| trials.iter().filter(move |trial| trial.purpose == purpose);
            // Every image once, its repeats apart and later, equally many of each arm.
            let images = count(of(Purpose::Scored).map(|trial| trial.shown.clone()));
            prop_assert_eq!(images.len(), cases * arms);
            prop_assert!(images.values().all(|times| *times == 1));
            prop_assert!(of(Purpose::Scored).all(|trial| trial.shown[0].case == trial.case && trial.truth.is_none()));
            let repeated = count(of(Purpose::Repeat).map(|trial| trial.shown[0].arm));
            prop_assert!(repeats == 0 || repeated.len() == arms && repeated.values().all(|times| *times == repeats));
            for (place, trial) in trials.iter().enumerate().filter(|(_, trial)| trial.purpose == Purpose::Repeat) {
                prop_assert!(trials[..place].iter().any(|other| other.purpose == Purpose::Scored && other.shown == trial.shown));
            }
            // Catch trials contradict the text, and lie in different stretches.
            let catches: Vec<usize> = (0..trials.len()).filter(|i| trials[*i].purpose == Purpose::Catch).collect();
            prop_assert_eq!(catches.len(), catch as usize);
            let stretch = trials.len() / catches.len().max(1);
            prop_assert!(catches.windows(2).all(|pair| pair[1] - pair[0] >= 1 && pair[1] - pair[0] <= 2 * stretch + 2));
            prop_assert!(catches.iter().all(|i| trials[*i].truth == Some(-2) && trials[*i].shown[0].case != trials[*i].case));

            // Order of arms: first equally often over cases, and within every stretch of a pass.
            let mut by_case: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for trial in of(Purpose::Scored) {
                by_case.entry(trial.case).or_default().push(trial.shown[0].arm);
            }
            let first = count(by_case.values().map(|order| order[0]));
            prop_assert!(first.len() == arms && spread(first.into_values()) <= 1);
            for (case, order) in by_case {
                first_by_case.entry(case).or_default().push(order[0]);
                order.windows(2).for_each(|pair| *after.entry((pair[0], pair[1])).or_insert(0usize) += 1);
            }
            let scored: Vec<&Assignment> = of(Purpose::Scored).collect();
            let rows = if arms % 2 == 0 { arms } else { 2 * arms };
            for pass in scored.chunks(cases) {
                for set in pass.chunks_exact(rows) {
                    prop_assert!(spread(count(set.iter().map(|trial| trial.shown[0].arm)).into_values()) == 0);
                }
            }
            // Blocks and rounds in order, blocks of a round equally long.
            prop_assert!(trials.windows(2).all(|pair| pair[0].block <= pair[1].block && pair[0].round <= pair[1].round));
            for round in 1..=rounds {
                let blocks = count(trials.iter().filter(|trial| trial.round == round).map(|trial| trial.block));
                prop_assert!(spread(blocks.values().copied()) <= 1 && blocks.values().all(|length| *length <= block as usize));
            }
        }
        // Over readers each arm is first equally often for each case, as far as numbers allow.
        for firsts in first_by_case.values() {
            let mut counts = count(firsts.iter().copied());
            for arm in 0..arms {
                counts.entry(arm).or_insert(0);
            }
            let most = if arms % 2 == 0 { 1 } else { 2 };
            prop_assert!(spread(counts.into_values()) <= most);
        }
        // Carry-over: where each row is used equally often, each arm follows each other one equally often.
        let rows = if arms % 2 == 0 { arms } else { 2 * arms };
        if cases % rows == 0 {
            prop_assert_eq!(spread(after.values().copied()), 0);
            prop_assert_eq!(after.len(), arms * (arms - 1));
        }
        // Another reader, another seed: another order.
        if readers > 1 {
            prop_assert_ne!(&plan.readers[0].trials, &plan.readers[1].trials);
        }
        design.seed += 1;
        prop_assert_ne!(Plan::build(&design, &table).expect("a plan").readers, plan.readers);
    }

    #[test]
    fn the_largest_separation_is_named_and_works(arms in 2usize..=3, cases in 6usize..=20, seed in 0u64..50, repeats in 0usize..=1) {
        let mut design = design(Template::ReportAlignment, 2, arms);
        (design.seed, design.plan.repeats) = (seed, repeats as f64 / cases as f64);
        design.plan.separation = 200;
        let table = table(&design, cases);
        let sentence = Plan::build(&design, &table).expect_err("200 does not fit").to_string();
        let named = sentence.split("plan.separation to ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
        let named: u32 = named.parse().expect("a number");
        prop_assert!(named as usize <= cases && (repeats == 1 || named as usize == cases));
        design.plan.separation = named;
        let plan = Plan::build(&design, &table).expect("the named separation works");
        prop_assert!(plan.readers.iter().all(|scheme| least_distance(&scheme.trials) >= named as usize));
        design.plan.separation = named + 1;
        prop_assert!(Plan::build(&design, &table).is_err());
    }
}

#[test]
fn the_plan_of_a_reader_stays_when_another_arm_is_not_known() {
    // Whoever knows the seed but not what only the investigator knows computes another plan.
    let mut known = design(Template::ReportAlignment, 2, 2);
    let table = table(&known, 30);
    let plan = Plan::build(&known, &table).expect("a plan");
    known.arms = vec!["arm1".to_owned(), "guess".to_owned()];
    let mut guessed = table.clone();
    for case in &mut guessed.cases {
        let image = case.images.remove("arm2").expect("an image");
        case.images.insert("guess".to_owned(), image);
    }
    assert_ne!(Plan::build(&known, &guessed).expect("a plan").readers, plan.readers);
}

#[test]
fn pairs_change_sides_and_quartets_change_places() {
    let pairs = design(Template::PairwiseChoice, 2, 3);
    let plan = Plan::build(&pairs, &table(&pairs, 24)).expect("a plan");
    let mut by_case: BTreeMap<(usize, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for scheme in &plan.readers {
        assert_eq!(scheme.trials.len(), 72);
        let left = count(scheme.trials.iter().map(|trial| {
            let mut arms: Vec<usize> = trial.shown.iter().map(|shown| shown.arm).collect();
            let first = arms[0];
            arms.sort_unstable();
            by_case.entry((trial.case, arms.clone())).or_default().push(first);
            (arms, first)
        }));
        assert!(left.len() == 6 && left.values().all(|times| *times == 12), "{left:?}");
    }
    assert!(by_case.values().all(|firsts| firsts[0] != firsts[1]), "the second reader sees each pair the other way round");

    let four = design(Template::Quartet, 4, 4);
    let plan = Plan::build(&four, &table(&four, 20)).expect("a plan");
    for scheme in &plan.readers {
        for place in 0..4 {
            let real = scheme.trials.iter().filter(|trial| trial.shown[place].arm == 0);
            assert_eq!(real.clone().count(), 5);
            assert!(real.into_iter().all(|trial| trial.truth == Some(place as i32)));
        }
    }
}

#[test]
fn truths_are_known_where_there_are_any() {
    let mut single = design(Template::RealOrSynthetic, 1, 2);
    (single.paired, single.plan.catch) = (false, 2);
    let cases = table(&single, 20);
    let plan = Plan::build(&single, &cases).expect("a plan");
    for trial in &plan.readers[0].trials {
        let real = trial.shown[0].arm == 0 && trial.purpose == Purpose::Scored;
        assert_eq!(trial.truth, Some(if real { 5 } else { 1 }));
        assert_eq!(trial.shown[0].scrambled, trial.purpose == Purpose::Catch);
        assert!(cases.cases[trial.shown[0].case].images.contains_key(&single.arms[trial.shown[0].arm]));
    }
    assert_eq!(plan.readers[0].trials.len(), 22);

    let mut aided = design(Template::AssistedReading, 2, 2);
    (aided.plan.rounds, aided.plan.order) = (2, ArmOrder::Fixed);
    let cases = table(&aided, 9);
    let plan = Plan::build(&aided, &cases).expect("a plan");
    for trial in plan.readers.iter().flat_map(|scheme| &scheme.trials) {
        assert_eq!(trial.shown[0].arm as u32 + 1, trial.round, "without help first");
        assert_eq!(trial.truth, Some(if cases.cases[trial.case].findings == ["PTX"] { 5 } else { 1 }));
    }
    aided.plan.order = ArmOrder::Balanced;
    let plan = Plan::build(&aided, &cases).expect("a plan");
    let helped_first = plan.readers[0].trials.iter().filter(|trial| trial.round == 1 && trial.shown[0].arm == 1).count();
    assert!((4..=5).contains(&helped_first), "{helped_first}");
}

#[test]
fn catch_trials_without_a_mismatch_are_refused() {
    let mut same = design(Template::ReportAlignment, 1, 2);
    same.plan.catch = 1;
    let mut cases = table(&same, 12);
    cases.cases.iter_mut().for_each(|case| case.findings = vec!["PTX".to_owned()]);
    let sentence = Plan::build(&same, &cases).expect_err("no two differ").to_string();
    assert!(sentence.contains("fill the column `findings`"), "{sentence}");
    // The words of the impressions are enough.
    cases.cases[3].findings.clear();
    cases.cases[3].impression = "Large left pleural effusion.".to_owned();
    assert!(Plan::build(&same, &cases).is_ok());
}
