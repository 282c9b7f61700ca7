//! Which findings a case has, and their numbers.

use crate::domain::{Finding, Side};
use crate::phantom::config::{FindingMix, PhantomConfig};
use crate::phantom::patient::Patient;
use crate::phantom::rng::Rng;

use super::{Device, Kind, PlannedFinding, Zone};

/// The findings of a patient under a configuration.
pub(crate) fn findings(config: &PhantomConfig, p: &Patient) -> Vec<PlannedFinding> {
    let mut rng = p.rng("findings");
    if let Some(only) = config.only {
        return vec![one(config, p, only, None)];
    }
    match config.mix {
        FindingMix::Practice => practice(config, p, &mut rng),
        FindingMix::BaseRates => base_rates(config, p, &mut rng),
    }
}

fn practice(config: &PhantomConfig, p: &Patient, rng: &mut Rng) -> Vec<PlannedFinding> {
    const CLASSES: [Finding; 5] =
        [Finding::Pneumothorax, Finding::PleuralEffusion, Finding::Consolidation, Finding::Nodule, Finding::Device];
    let count = rng.weighted(&[0.20, 0.55, 0.25]);
    let mut list: Vec<PlannedFinding> = Vec::new();
    let first = rng.below(CLASSES.len());
    let second = (first + 1 + rng.below(CLASSES.len() - 1)) % CLASSES.len();
    for k in [first, second].into_iter().take(count) {
        // Air and fluid of the pleural space lie on different sides, so that both are plain.
        let avoid = list.iter().find(|f| pleural(&f.kind)).map(|f| f.side);
        list.push(one(config, p, CLASSES[k], avoid));
    }
    if rng.chance(0.12) {
        list.push(one(config, p, Finding::Cardiomegaly, None));
    }
    list
}

fn pleural(kind: &Kind) -> bool {
    matches!(kind, Kind::Pneumothorax { .. } | Kind::Effusion { .. })
}

/// Base rates of a large hospital list, raised with age where that is so, then co-occurrence.
fn base_rates(config: &PhantomConfig, p: &Patient, rng: &mut Rng) -> Vec<PlannedFinding> {
    let mut list: Vec<PlannedFinding> = Vec::new();
    if rng.chance(0.33) {
        return list;
    }
    let old = 1.0 + 0.012 * (p.age - 59.0);
    let portable = if p.is_portable() { 1.8 } else { 0.75 };
    let edema = rng.chance(0.075 * old * portable);
    let consolidation = rng.chance(0.17);
    let device = rng.chance(0.11 * portable);
    let big_heart = rng.chance(if edema { 0.6 } else { 0.16 * old });
    let effusion = rng.chance(if edema {
        0.5
    } else if consolidation {
        0.28
    } else {
        0.19
    });
    let atelectasis = rng.chance(if effusion { 0.4 } else { 0.14 });
    let fracture = rng.chance(0.04);
    let pneumothorax = rng.chance(if fracture { 0.15 } else { 0.045 });
    let nodule = rng.chance(0.068);
    let wanted = [
        (edema, Finding::Edema),
        (consolidation, Finding::Consolidation),
        (big_heart, Finding::Cardiomegaly),
        (effusion, Finding::PleuralEffusion),
        (atelectasis, Finding::Atelectasis),
        (fracture, Finding::Fracture),
        (pneumothorax, Finding::Pneumothorax),
        (nodule, Finding::Nodule),
    ];
    for (_, finding) in wanted.iter().filter(|(yes, _)| *yes) {
        let avoid = match finding {
            Finding::Pneumothorax => list.iter().find(|f| pleural(&f.kind)).map(|f| f.side),
            _ => None,
        };
        if avoid != Some(Side::Both) {
            list.push(one(config, p, *finding, avoid));
        }
    }
    let severity = |rng: &mut Rng| rng.range(config.min_severity, 1.0);
    if rng.chance(0.027) && !big_heart {
        let severity = severity(rng);
        list.push(plain(config, Side::Both, Zone::Whole, severity, Kind::WideMediastinum));
    }
    if rng.chance(0.02) && !pneumothorax && !effusion {
        let side = rng.pick([Side::Right, Side::Left]);
        let severity = severity(rng);
        list.push(plain(config, side, Zone::Whole, severity, Kind::PleuralThickening));
    }
    if rng.chance(0.03) {
        let count = 2 + rng.below(3) as u32;
        list.push(plain(config, Side::Both, Zone::Whole, 0.5, Kind::Buttons { count }));
    }
    if device {
        devices(config, p, rng, pneumothorax, &mut list);
    }
    list
}

/// Devices come in company: a breathing tube brings a feeding tube and a line, air in the pleura a drain.
fn devices(config: &PhantomConfig, p: &Patient, rng: &mut Rng, pneumothorax: bool, list: &mut Vec<PlannedFinding>) {
    let mut add = |side: Side, device: Device| {
        list.push(plain(config, side, Zone::Whole, 0.5, Kind::Device(device)));
    };
    let line_side = rng.pick([Side::Right, Side::Right, Side::Left]);
    let line = Device::Central { jugular: rng.chance(0.6), atrium: rng.chance(0.12) };
    let tube = endotracheal(rng);
    if p.is_portable() {
        match rng.weighted(&[0.5, 0.35, 0.15]) {
            0 => {
                add(Side::Both, tube);
                if rng.chance(0.7) {
                    add(Side::Both, Device::Nasogastric);
                }
                if rng.chance(0.6) {
                    add(line_side, line);
                }
            }
            1 => add(line_side, line),
            _ => add(Side::Both, Device::Nasogastric),
        }
    } else {
        match rng.weighted(&[0.6, 0.2, 0.2]) {
            0 => add(pacemaker_side(rng), Device::Pacemaker { leads: 1 + rng.below(2) as u32 }),
            1 => add(line_side, line),
            _ => add(Side::Both, Device::SternalWires { rings: 5 + rng.below(3) as u32 }),
        }
    }
    if pneumothorax && rng.chance(0.3) {
        let side = list.iter().find(|f| matches!(f.kind, Kind::Pneumothorax { .. })).map_or(Side::Right, |f| f.side);
        list.push(plain(config, side, Zone::Whole, 0.5, Kind::Device(Device::ChestTube)));
    }
}

fn plain(config: &PhantomConfig, side: Side, zone: Zone, severity: f32, kind: Kind) -> PlannedFinding {
    PlannedFinding { side, zone, severity, gain: config.lesion_gain, kind }
}

fn pacemaker_side(rng: &mut Rng) -> Side {
    if rng.chance(0.8) { Side::Left } else { Side::Right }
}

fn endotracheal(rng: &mut Rng) -> Device {
    let above = if rng.chance(0.15) { rng.range(0.6, 2.0) } else { rng.range(2.6, 6.0) };
    Device::Endotracheal { above_carina: tenth(above) }
}

fn tenth(v: f32) -> f32 {
    (v * 10.0).round() / 10.0
}

/// One finding of a class; each class has its own stream. `avoid` names a side to stay away from.
fn one(config: &PhantomConfig, p: &Patient, class: Finding, avoid: Option<Side>) -> PlannedFinding {
    let mut rng = p.rng(class.name());
    let rng = &mut rng;
    let is_practice = config.mix == FindingMix::Practice;
    let mut severity = rng.range(config.min_severity, 1.0);
    let mut side = rng.pick([Side::Right, Side::Left]);
    if let Some(other) = avoid {
        side = if other == Side::Right { Side::Left } else { Side::Right };
    }
    let may_be_both = avoid.is_none();
    let (zone, kind) = match class {
        Finding::Pneumothorax => {
            severity = severity.max(0.1);
            let apical = severity < 0.6 && rng.chance(0.45);
            (
                if apical { Zone::Apical } else { Zone::Whole },
                Kind::Pneumothorax { tension: !is_practice && severity > 0.8 && rng.chance(0.5) },
            )
        }
        Finding::PleuralEffusion => {
            if may_be_both && rng.chance(if is_practice { 0.12 } else { 0.3 }) {
                side = Side::Both;
            }
            let layering = !is_practice && p.is_portable() && severity > 0.25 && rng.chance(0.4);
            (Zone::Basal, Kind::Effusion { layering })
        }
        Finding::Consolidation => {
            let (zone, v) = height(rng);
            if rng.chance(if is_practice { 0.06 } else { 0.15 }) {
                side = Side::Both;
            }
            let at = [rng.range(0.15, 0.75), v];
            let pneumonia = rng.chance(if is_practice { 0.3 } else { 0.5 });
            (
                zone,
                Kind::Consolidation {
                    lobar: !is_practice && zone == Zone::Upper && side == Side::Right && rng.chance(0.4),
                    at,
                    pneumonia,
                    bronchogram: severity > 0.5 && rng.chance(0.5),
                },
            )
        }
        Finding::Nodule => {
            let (zone, v) = height(rng);
            let at = [rng.range(0.08, 0.92), v];
            let diameter = if is_practice {
                rng.range(1.0, 3.6)
            } else if rng.chance(0.7) {
                rng.range(0.8, 3.0)
            } else {
                rng.range(3.0, 7.0)
            };
            let diameter = tenth(diameter);
            severity = ((diameter - 0.6) / 5.0).clamp(0.05, 1.0);
            (zone, Kind::Nodule { at, diameter, spiculated: rng.chance(0.3), calcified: !is_practice && rng.chance(0.1) })
        }
        Finding::Cardiomegaly => {
            side = Side::Both;
            (Zone::Whole, Kind::Cardiomegaly)
        }
        Finding::Atelectasis => {
            if rng.chance(0.4) {
                side = Side::Both;
            }
            (Zone::Basal, Kind::Atelectasis { plates: 1 + rng.below(3) as u32 })
        }
        Finding::Edema => {
            side = Side::Both;
            severity = severity.max(0.16);
            (Zone::Perihilar, Kind::Edema)
        }
        Finding::Fracture => {
            let rib = 3 + rng.below(6);
            let phi = std::f32::consts::PI * rng.range(0.24, 0.44);
            let displaced = rng.chance(0.6);
            (Zone::Whole, Kind::Fracture { rib, phi, displaced, old: !displaced && rng.chance(0.5) })
        }
        Finding::Device => {
            severity = 0.5;
            let device = match rng.weighted(if is_practice { &[0.72, 0.12, 0.16, 0.0] } else { &[0.35, 0.2, 0.3, 0.15] }) {
                0 => {
                    if !is_practice {
                        side = pacemaker_side(rng);
                    }
                    Device::Pacemaker { leads: 1 + rng.below(2) as u32 }
                }
                1 => {
                    side = Side::Both;
                    endotracheal(rng)
                }
                2 => Device::Central { jugular: rng.chance(0.5), atrium: rng.chance(0.12) },
                _ => {
                    side = Side::Both;
                    rng.pick([Device::Nasogastric, Device::SternalWires { rings: 6 }])
                }
            };
            (Zone::Whole, Kind::Device(device))
        }
    };
    plain(config, side, zone, severity, kind)
}

/// A third of the lung and a height within it, 0 at the apex, 1 on the diaphragm.
fn height(rng: &mut Rng) -> (Zone, f32) {
    match rng.below(3) {
        0 => (Zone::Upper, rng.range(0.17, 0.33)),
        1 => (Zone::Mid, rng.range(0.43, 0.58)),
        _ => (Zone::Lower, rng.range(0.70, 0.87)),
    }
}
