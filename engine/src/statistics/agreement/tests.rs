use super::*;

/// Krippendorff's own example: 4 readers, 12 units, categories 1 to 5, gaps.
fn example() -> Vec<Vec<Option<usize>>> {
    let readers: [[u8; 12]; 4] = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ];
    (0..12).map(|unit| readers.iter().map(|r| r[unit].checked_sub(1).map(usize::from)).collect()).collect()
}

fn close(got: f64, want: f64, by: f64) {
    assert!((got - want).abs() < by, "{got} for {want}");
}

#[test]
fn alpha_of_the_published_example() {
    close(krippendorff_alpha(&example(), 5, Level::Nominal).expect("read twice"), 0.743, 5e-4);
    close(krippendorff_alpha(&example(), 5, Level::Ordinal).expect("read twice"), 0.815, 5e-4);
    close(krippendorff_alpha(&example(), 5, Level::Interval).expect("read twice"), 0.849, 5e-4);
    assert_eq!(krippendorff_alpha(&[vec![Some(1), None]], 5, Level::Ordinal), None);
}

#[test]
fn gwet_of_the_same_example() {
    // Published for these data: AC1 0.775 with a standard error of 0.143.
    let ac1 = gwet(&example(), 5, Weights::Identity).expect("read twice");
    close(ac1.value, 0.775, 5e-4);
    close(ac1.error.expect("an error"), 0.143, 5e-4);
    let (low, high) = ac1.ci95.expect("an interval");
    assert!(low > 0.4 && high <= 1.0 && ac1.p.expect("a test") < 0.01);
    assert!(gwet(&example(), 5, Weights::Quadratic).expect("read twice").value > ac1.value);
}

#[test]
fn fleiss_of_the_published_example() {
    // Fleiss' table as reprinted in textbooks: 10 subjects, 14 readers, 5 categories, kappa 0.210.
    let table = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ];
    let ratings: Vec<Vec<Option<usize>>> =
        table.iter().map(|row| row.iter().enumerate().flat_map(|(c, &n)| vec![Some(c); n]).collect()).collect();
    close(fleiss_kappa(&ratings, 5).expect("read by all").value, 0.210, 5e-4);
    let mut gap = ratings;
    gap[0].pop();
    assert_eq!(fleiss_kappa(&gap, 5), None);
}

#[test]
fn perfect_and_opposite_readers() {
    let (a, b) = (vec![0, 1, 2, 3, 4, 2], vec![4, 3, 2, 1, 0, 2]);
    close(cohen_kappa(&a, &a, 5, Weights::Quadratic).expect("read").value, 1.0, 1e-12);
    assert!(cohen_kappa(&a, &b, 5, Weights::Quadratic).expect("read").value < -0.9);
    assert_eq!(cohen_kappa(&[1, 1], &[1, 1], 5, Weights::Identity), None, "chance explains all");
    assert_eq!(cohen_kappa(&[5], &[1], 5, Weights::Identity), None);
}

#[test]
fn errors_of_kappa_are_those_of_statsmodels() {
    let table = [[4, 2, 0, 0], [1, 6, 3, 0], [0, 2, 5, 1], [0, 1, 0, 3]];
    let pairs: Vec<(usize, usize)> =
        table.iter().enumerate().flat_map(|(a, row)| row.iter().enumerate().flat_map(move |(b, &n)| vec![(a, b); n])).collect();
    let each: Vec<&[(usize, usize)]> = pairs.chunks(1).collect();
    for (weights, value, error) in [
        (Weights::Quadratic, 0.745_810_056, 0.097_296_779),
        (Weights::Linear, 0.626_213_592, 0.110_945_780),
        (Weights::Identity, 0.503_546_099, 0.130_399_466),
    ] {
        let (kappa, by) = cohen_kappa_of_groups(&each, 4, weights).expect("a spread");
        close(kappa, value, 1e-8);
        // Statsmodels divides by n, not n − 1.
        close(by, error * (28f64 / 27.0).sqrt(), 1e-8);
        let (x, y): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
        close(cohen_kappa(&x, &y, 4, weights).expect("read").value, kappa, 1e-12);
        // The same pairs twice in a group say nothing more.
        let twice: Vec<Vec<(usize, usize)>> = pairs.iter().map(|&pair| vec![pair; 2]).collect();
        let twice: Vec<&[(usize, usize)]> = twice.iter().map(Vec::as_slice).collect();
        close(cohen_kappa_of_groups(&twice, 4, weights).expect("a spread").1, by, 1e-12);
    }
    assert_eq!(cohen_kappa_of_groups(&[&[(1, 1)], &[(1, 1)]], 4, Weights::Identity), None, "chance explains all");
    assert_eq!(cohen_kappa_of_groups(&[&[(4, 1)], &[(1, 1)]], 4, Weights::Identity), None);
}

#[test]
fn a_constant_bias_is_no_inconsistency() {
    let ratings: Vec<Vec<f64>> =
        (0..20).map(|i| vec![f64::from(i % 7), f64::from(i % 7) + 1.0 + 0.01 * f64::from(i % 3)]).collect();
    let consistent = icc(&ratings, IccForm::Consistency, false).expect("a spread");
    let absolute = icc(&ratings, IccForm::Absolute, false).expect("a spread");
    assert!(consistent.value > 0.999 && absolute.value < 0.95, "{consistent:?} {absolute:?}");
    assert!(absolute.ci95.0 < absolute.value && absolute.value < absolute.ci95.1);
    assert_eq!(icc(&[vec![1.0, 1.0], vec![1.0, 1.0]], IccForm::Absolute, false), None);
}

#[test]
fn habit_and_chance_are_told_apart() {
    let first: Vec<usize> = (0..100).map(|i| i % 4).collect();
    let higher: Vec<usize> = first.iter().map(|c| c + 1).collect();
    let bias = disagreement(&first, &higher, 5).expect("read");
    assert!(bias.position > 0.2 && bias.random < 1e-12 && bias.percent_agreement == 0.0, "{bias:?}");
    let shuffled: Vec<usize> = (0..100).map(|i| (i * 7 + i / 4) % 4).collect();
    let chance = disagreement(&first, &shuffled, 5).expect("read");
    assert!(chance.position.abs() < 0.05 && chance.random > 0.05, "{chance:?}");
    let same = disagreement(&first, &first, 5).expect("read");
    assert_eq!((same.percent_agreement, same.position, same.random), (1.0, 0.0, 0.0));
}
