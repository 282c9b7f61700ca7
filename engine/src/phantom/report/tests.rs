//! What is drawn can be read back from the text.

use std::collections::{BTreeSet, HashSet};

use rayon::prelude::*;

use super::parse::{Noun, Statement, statements};
use super::severity_word;
use crate::domain::Side;
use crate::phantom::lesion::{Device, Kind, PlannedFinding};
use crate::phantom::{Labels, PhantomConfig, Plan, plan};

fn expected(f: &PlannedFinding) -> Statement {
    let sided = f.side != Side::Both;
    let noun = match f.kind {
        Kind::Pneumothorax { .. } => Noun::Pneumothorax,
        Kind::Effusion { .. } => Noun::Effusion,
        Kind::Consolidation { pneumonia: true, .. } => Noun::Pneumonia,
        Kind::Consolidation { .. } => Noun::Consolidation,
        Kind::Nodule { .. } => Noun::Lesion,
        Kind::Cardiomegaly => Noun::Heart,
        Kind::WideMediastinum => Noun::Mediastinum,
        Kind::Edema => Noun::Edema,
        Kind::Atelectasis { .. } => Noun::Atelectasis,
        Kind::Fracture { .. } => Noun::Fracture,
        Kind::PleuralThickening => Noun::PleuralScar,
        Kind::Device(_) | Kind::Buttons { .. } => Noun::Device,
    };
    // Midline things and a heart have no side in words; fluid on both sides does.
    let names_both = matches!(f.kind, Kind::Effusion { .. } | Kind::Consolidation { .. } | Kind::Atelectasis { .. });
    let side = (sided || names_both).then_some(f.side);
    Statement { noun, side, severity: severity_word(f) }
}

fn labels_from_text(said: &[Statement]) -> Labels {
    let mut set = [false; 14];
    for s in said {
        let marks: &[usize] = match s.noun {
            Noun::Mediastinum => &[1],
            Noun::Heart => &[2],
            Noun::Lesion => &[3],
            Noun::Edema => &[5],
            Noun::Consolidation => &[4, 6],
            Noun::Pneumonia => &[4, 6, 7],
            Noun::Atelectasis => &[8],
            Noun::Pneumothorax => &[9],
            Noun::Effusion => &[10],
            Noun::PleuralScar => &[11],
            Noun::Fracture => &[12],
            Noun::Device => &[13],
        };
        marks.iter().for_each(|&m| set[m] = true);
    }
    set[0] = !set[1..13].contains(&true);
    Labels(set)
}

fn check(p: &Plan) {
    let mut said = statements(p.impression());
    assert_eq!(labels_from_text(&said), p.labels(), "{}", p.impression());
    let mut drawn: Vec<Statement> = p.findings.iter().filter(|f| !matches!(f.kind, Kind::Buttons { .. })).map(expected).collect();
    said.sort();
    drawn.sort();
    assert_eq!(said, drawn, "{}", p.impression());
}

#[test]
fn ten_thousand_impressions_are_read_back() {
    for config in [PhantomConfig::practice(), PhantomConfig::full()] {
        (0..5000u64).into_par_iter().for_each(|i| check(&plan(&config, 21, i)));
    }
}

#[test]
fn practice_text_is_short_and_varied() {
    let config = PhantomConfig::practice();
    let texts: Vec<String> = (0..2000).map(|i| plan(&config, 2, i).impression().to_owned()).collect();
    let longest = texts.iter().map(|t| t.split_whitespace().count()).max();
    assert!(longest <= Some(30), "{longest:?}");
    let distinct: HashSet<&String> = texts.iter().collect();
    assert!(distinct.len() > 900, "{}", distinct.len());
}

#[test]
fn every_finding_has_at_least_six_wordings() {
    let config = PhantomConfig::practice().with_only(crate::domain::Finding::Pneumothorax);
    let mut wordings: BTreeSet<String> = BTreeSet::new();
    for i in 0..600 {
        let p = plan(&config, 9, i);
        let f = &p.findings[0];
        if f.side == Side::Right && severity_word(f) == Some("large") {
            wordings.insert(p.impression().split('.').next().unwrap_or_default().to_owned());
        }
    }
    assert!(wordings.len() >= 6, "{wordings:?}");
}

#[test]
fn practice_mix_has_the_stated_shares() {
    let config = PhantomConfig::practice();
    let plans: Vec<Plan> = (0..4000).map(|i| plan(&config, 1, i)).collect();
    let share = |test: &dyn Fn(&Plan) -> bool| plans.iter().filter(|p| test(p)).count() as f64 / plans.len() as f64;
    let masked = |p: &Plan| p.findings.iter().filter(|f| f.kind != Kind::Cardiomegaly).count();
    for (count, expected) in [(0, 0.20), (1, 0.55), (2, 0.25)] {
        let found = share(&|p| masked(p) == count);
        assert!((found - expected).abs() < 0.03, "{count} findings: {found}");
    }
    let pacemakers = share(&|p| p.findings.iter().any(|f| matches!(f.kind, Kind::Device(Device::Pacemaker { .. }))));
    assert!(pacemakers > 0.1, "{pacemakers}");
}

/// The rules of `text::findings`, which know nothing of this grammar, read what it meant.
#[test]
fn impressions_are_read_by_the_rules_for_findings() {
    use crate::domain::Finding::{Consolidation, Nodule, PleuralEffusion, Pneumothorax};
    use crate::text::findings::mentions;

    let config = PhantomConfig::practice();
    let read = |index: u64| -> usize {
        let case = plan(&config, 5, index);
        let found = mentions(case.impression());
        // The text leaves some findings out; those it names must be right.
        let named: Vec<_> = case.classes().into_iter().filter(|c| found.iter().any(|m| m.finding == c.0)).collect();
        for (finding, side) in &named {
            let sided = matches!(finding, Pneumothorax | PleuralEffusion | Consolidation | Nodule);
            let right =
                |m: &crate::text::findings::Mention| m.finding == *finding && !m.negated() && (!sided || m.side == Some(*side));
            assert!(found.iter().any(right), "{finding} {side}: {:?} {found:#?}", case.impression());
        }
        named.len()
    };
    let named: usize = (0..600).into_par_iter().map(read).sum();
    assert!(named > 300, "only {named} findings were named");
}
