use super::*;
use crate::dataset::recipe::AgeBand;

fn count(rows: &[Row], test: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| test(row)).count()
}

#[test]
fn largest_remainders_add_up() {
    assert_eq!(apportion(&[1, 1, 1], 10), [4, 3, 3]);
    assert_eq!(apportion(&[41, 24, 21, 14], 10), [4, 3, 2, 1]);
    assert_eq!(apportion(&[41, 24, 21, 15], 10), [4, 2, 2, 2]);
    assert_eq!(apportion(&[0, 5], 7), [0, 7]);
    assert_eq!(apportion(&[0, 0], 7), [0, 0]);
    // Every total and many ratios: the sum is exact and no count is a whole unit away from its share.
    for total in 0..60 {
        for a in 0..7 {
            for b in 0..7 {
                let shares = [a, b, 3];
                let counts = apportion(&shares, total);
                assert_eq!(counts.iter().sum::<usize>(), total, "{shares:?} {total}");
                for (share, count) in shares.iter().zip(&counts) {
                    let exact = f64::from(*share) * total as f64 / f64::from(a + b + 3);
                    assert!((exact - *count as f64).abs() < 1.0, "{shares:?} {total}: {counts:?}");
                }
            }
        }
    }
}

#[test]
fn every_stretch_is_even() {
    for shares in [vec![1, 1], vec![1, 2, 3], vec![5, 1], vec![0, 2, 1]] {
        let places = spread(&shares, 60);
        assert_eq!(places.len(), 60);
        let sum: u32 = shares.iter().sum();
        for length in 1..=60 {
            for (k, share) in shares.iter().enumerate() {
                let given = places[..length].iter().filter(|&&p| p == k).count() as f64;
                let exact = f64::from(*share) * length as f64 / f64::from(sum);
                assert!((given - exact).abs() <= 1.01, "{shares:?} at {length}: {given} for {exact}");
            }
        }
    }
    assert!(spread(&[], 5).is_empty() && spread(&[0], 5).is_empty());
}

#[test]
fn quotas_are_met_exactly_and_evenly() {
    let quotas = Quotas { rows: 96, ..Quotas::default() };
    let composed = compose(&quotas, 3).expect("possible");
    let rows = &composed.rows;
    assert_eq!(rows.len(), 96);
    for (class, _) in &quotas.findings {
        assert_eq!(count(rows, |r| r.class == *class), 24, "{class:?}");
        for sex in [Sex::Female, Sex::Male] {
            assert_eq!(count(rows, |r| r.class == *class && r.sex == sex), 12, "{class:?} {sex:?}");
        }
        for band in &quotas.ages {
            let ages = band.from..=band.to;
            assert_eq!(count(rows, |r| r.class == *class && r.age.is_some_and(|a| ages.contains(&a))), 8, "{class:?}");
            // Age is not tied to sex.
            let young = count(rows, |r| r.class == *class && r.sex == Sex::Male && r.age.is_some_and(|a| ages.contains(&a)));
            assert_eq!(young, 4, "{class:?}");
        }
    }
    let nodule = Class::Finding(Finding::Nodule);
    assert_eq!(count(rows, |r| r.class == nodule && r.side == Side::Left), 12);
    for size in LesionSize::ALL {
        assert_eq!(count(rows, |r| r.class == nodule && r.size == Some(size)), 8);
    }
    for group in [Group::A, Group::B, Group::C] {
        assert_eq!(count(rows, |r| r.group == group), 32);
    }
    assert_eq!(compose(&quotas, 3), Ok(composed.clone()));
    assert_ne!(rows_hash(&compose(&quotas, 4).expect("possible").rows), rows_hash(rows), "ages follow the seed");
}

#[test]
fn small_groups_do_not_all_fall_to_the_first_choice() {
    let findings = [Finding::Pneumothorax, Finding::PleuralEffusion, Finding::Nodule, Finding::Consolidation];
    let findings: Vec<_> = findings.map(|f| (Class::Finding(f), 1)).to_vec();
    for (rows, right) in [(4, 2), (8, 4), (12, 6), (20, 10)] {
        let quotas = Quotas { rows, findings: findings.clone(), ..Quotas::default() };
        let composed = compose(&quotas, 1).expect("possible").rows;
        assert_eq!(count(&composed, |r| r.side == Side::Right), right, "of {rows} rows");
        let sizes = LesionSize::ALL.map(|size| count(&composed, |r| r.size == Some(size)));
        assert!(sizes.iter().all(|n| n.abs_diff(rows as usize / 3) <= 1), "of {rows} rows: {sizes:?}");
    }
    // Three times as often on the right, one row a finding: still three times.
    let quotas = Quotas { rows: 4, findings, sides: vec![(Side::Right, 3), (Side::Left, 1)], ..Quotas::default() };
    assert_eq!(count(&compose(&quotas, 1).expect("possible").rows, |r| r.side == Side::Left), 1);
    // However small the groups, no group is a whole unit away from its shares.
    for n in 0..12 {
        for before in [[0, 0, 0], [5, 0, 0], [0, 9, 1]] {
            let counts = apportion_after(&[3, 2, 1], n, &before);
            assert_eq!(counts.iter().sum::<usize>(), n);
            let exact = [0.5, 1.0 / 3.0, 1.0 / 6.0].map(|share| share * n as f64);
            assert!(counts.iter().zip(exact).all(|(c, e)| (*c as f64 - e).abs() < 1.0), "{counts:?} of {n}");
        }
    }
}

#[test]
fn every_composed_row_can_be_placed() {
    let all = Quotas { rows: 400, findings: Class::ALL.map(|class| (class, 1)).to_vec(), zones: Vec::new(), ..Quotas::default() };
    for row in compose(&all, 1).expect("possible").rows {
        let Some(finding) = row.class.finding() else { continue };
        let wish = PlacementWish { finding, side: row.side, zone: row.zone, size: row.size };
        assert_eq!(wish.check(), Ok(()), "{row:?}");
    }
}

#[test]
fn the_impossible_is_left_out_or_refused_with_a_reason() {
    let findings = vec![(Class::Finding(Finding::Pneumothorax), 1), (Class::Finding(Finding::Nodule), 1)];
    let quotas = Quotas { findings, zones: vec![(Zone::Apical, 1), (Zone::Upper, 1)], ..Quotas::default() };
    let composed = compose(&quotas, 1).expect("each has one");
    assert!(composed.left_out.iter().any(|s| s.contains("Pneumothorax, zone upper")), "{:?}", composed.left_out);
    assert!(composed.left_out.iter().any(|s| s.contains("Nodule or mass, zone apical")), "{:?}", composed.left_out);
    assert!(composed.left_out.iter().any(|s| s.contains("apical and large")), "{:?}", composed.left_out);
    let none = Quotas { zones: vec![(Zone::Basal, 1)], ..quotas.clone() };
    assert!(compose(&none, 1).expect_err("no zone fits").contains("none of the zones"));
    let both = Quotas { sides: vec![(Side::Both, 1)], ..quotas.clone() };
    assert!(compose(&both, 1).expect_err("no side fits").contains("none of the sides"));
    assert!(compose(&Quotas { rows: 0, ..quotas.clone() }, 1).is_err());
    let turned = Quotas { ages: vec![AgeBand { from: 60, to: 40, share: 1 }], ..quotas };
    assert!(compose(&turned, 1).expect_err("turned round").contains("60 to 40"));
}

#[test]
fn rows_take_second_and_third_findings_by_their_shares() {
    let classes = [Finding::Pneumothorax, Finding::PleuralEffusion, Finding::Nodule, Finding::Cardiomegaly];
    let findings = std::iter::once((Class::Normal, 1)).chain(classes.map(|f| (Class::Finding(f), 1))).collect();
    let quotas = Quotas { rows: 100, findings, together: vec![2, 1, 1], ..Quotas::default() };
    let rows = compose(&quotas, 1).expect("possible").rows;
    let with = |n: usize| rows.iter().filter(|row| row.lesions().count() == n).count();
    assert_eq!([with(0), with(1), with(2), with(3)], [20, 40, 20, 20]);
    assert!(rows.iter().all(|row| row.check().is_ok() && row.lesions().all(|lesion| lesion.wish().check().is_ok())));
    // Further findings are spread over the classes and the sides.
    let further = |f: Finding| rows.iter().flat_map(|row| &row.more).filter(|lesion| lesion.finding == f).count();
    assert!(classes.iter().all(|&f| (13..=17).contains(&further(f))), "{:?}", classes.map(further));
    let right = rows.iter().flat_map(|row| &row.more).filter(|lesion| lesion.side == Side::Right).count();
    let left = rows.iter().flat_map(|row| &row.more).filter(|lesion| lesion.side == Side::Left).count();
    assert!(right.abs_diff(left) <= 3, "{right} right, {left} left");
    // The matrix counts each, and recipes of before stay what they are.
    let matrix = crate::dataset::coverage::Matrix::of(&rows, crate::dataset::coverage::Axis::Side);
    assert_eq!(matrix.total(), 20 + 40 + 2 * 20 + 3 * 20);
    assert!(!serde_json::to_string(&Quotas::default()).expect("JSON").contains("together"));
    let alone = vec![(Class::Finding(Finding::Nodule), 1)];
    let alone = compose(&Quotas { findings: alone, ..quotas.clone() }, 1).expect("possible");
    assert!(alone.left_out.iter().any(|s| s.contains("no other class has a share")), "{:?}", alone.left_out);
    assert!(compose(&Quotas { together: vec![1; 4], ..quotas }, 1).expect_err("too many").contains("at most 3"));
}
