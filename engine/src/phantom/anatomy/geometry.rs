//! Outlines of the chest in patient centimetres: body, lungs, domes, mediastinal band.

use crate::phantom::curve::{Curve, step};
use crate::phantom::patient::Patient;

use super::heart::Heart;

/// Values of the outline table, by row.
pub(crate) const HALF_WIDTH: usize = 0;
pub(crate) const BODY_DEPTH: usize = 1;
/// Lateral edge, medial edge, half depth of the right lung; the left lung follows three on.
pub(crate) const LATERAL: usize = 2;
pub(crate) const MEDIAL: usize = 3;
pub(crate) const DEPTH: usize = 4;
pub(crate) const BAND: usize = 8;
pub(crate) const BAND_PATH: usize = 9;
const COLUMNS: usize = 12;

const TOP: f32 = -24.0;
const PITCH: f32 = 0.1;
const ROWS: usize = 481;
const DOME_PITCH: f32 = 0.1;
const DOME_STEPS: usize = 200;

/// Tables of the patient's outlines, so that a sample costs a few interpolations.
pub(crate) struct Geometry {
    rows: Vec<[f32; COLUMNS]>,
    domes: [Vec<f32>; 2],
    /// Height of the costophrenic point, right and left.
    pub(crate) costophrenic: [f32; 2],
    /// Top of the lung, right and left.
    pub(crate) apex: [f32; 2],
    /// Inner width of the chest, the denominator of the cardiothoracic ratio.
    pub(crate) thorax_width: f32,
    pub(crate) heart: Heart,
    /// Shift of heart, vessels and airway to the patient's left, in cm.
    pub(crate) shift: f32,
}

impl Geometry {
    /// Outlines of a patient whose heart has the given cardiothoracic ratio; `widened` broadens
    /// the mediastinum and `pushed` moves it to the patient's left, both in cm.
    pub(crate) fn new(patient: &Patient, ctr: f32, widened: f32, pushed: f32) -> Self {
        let domes = [0, 1].map(|side| dome_table(patient, side));
        let costophrenic = [0, 1].map(|s| patient.dome[s] + patient.sulcus[s]);
        let apex = [0, 1].map(|s| -12.6 + patient.apex[s]);
        let thorax_width = 14.0 * (patient.lung_width[0] + patient.lung_width[1]);
        Self {
            rows: outline_rows(patient, &apex, &costophrenic, widened),
            domes,
            costophrenic,
            apex,
            thorax_width,
            heart: Heart::new(patient, ctr * thorax_width, ctr),
            shift: 0.3 * patient.rotation + pushed,
        }
    }

    /// The interpolated outline values at height `y`.
    pub(crate) fn row(&self, y: f32) -> [f32; COLUMNS] {
        let p = ((y - TOP) / PITCH).clamp(0.0, (ROWS - 2) as f32);
        let i = p as usize;
        let t = p - i as f32;
        let (a, b) = (&self.rows[i], &self.rows[i + 1]);
        std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t)
    }

    /// Height of the diaphragm at distance `ax` from the midline.
    pub(crate) fn dome(&self, side: usize, ax: f32) -> f32 {
        let p = (ax / DOME_PITCH).clamp(0.0, (DOME_STEPS - 2) as f32);
        let i = p as usize;
        let table = &self.domes[side];
        table[i] + (table[i + 1] - table[i]) * (p - i as f32)
    }

    /// Lateral edge of a lung at height `y`, as distance from the midline.
    pub(crate) fn lateral(&self, side: usize, y: f32) -> f32 {
        self.row(y)[LATERAL + 3 * side]
    }

    /// Where the aerated lung becomes visible beside the heart and mediastinum, as distance from the midline.
    pub(crate) fn visible_medial(&self, side: usize, y: f32) -> f32 {
        let row = self.row(y);
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let mut edge = row[BAND].max(row[MEDIAL + 3 * side]);
        for i in 0..120 {
            let ax = 0.1 * i as f32;
            if self.heart.path(sign * ax - self.shift, y) > 0.8 {
                edge = edge.max(ax);
            }
        }
        edge
    }

    /// Share of the full lung depth that is left at height `y`: 1 above the dome, the posterior sulcus below.
    pub(crate) fn above_dome(&self, side: usize, ax: f32, y: f32) -> f32 {
        let below = y - self.dome(side, ax);
        if below < -0.15 {
            return 1.0;
        }
        let sulcus = 0.36 * (-below.max(0.0) / 2.2).exp() * (1.0 - below.max(0.0) / 4.8).max(0.0);
        let t = step(-0.15, 0.15, below);
        1.0 + (sulcus - 1.0) * t
    }
}

fn outline_rows(p: &Patient, apex: &[f32; 2], cp: &[f32; 2], widened: f32) -> Vec<[f32; COLUMNS]> {
    let outline = Curve::new(
        &[-24.0, -19.0, -16.6, -15.2, -13.8, -12.4, -10.0, -7.0, -4.5, -2.0, 2.0, 8.0, 13.0, 19.0, 24.0],
        &[6.0, 5.7, 6.9, 10.4, 15.6, 18.6, 20.0, 19.4, 17.6, 16.3, 15.6, 15.3, 15.1, 15.3, 15.5],
    );
    let depth = Curve::new(&[-19.0, -15.0, -12.0, -8.0, 0.0, 8.0, 14.0, 19.0], &[5.5, 6.2, 7.6, 9.6, 11.2, 11.6, 11.4, 11.2]);
    let band = Curve::new(&[-19.0, -13.0, -10.0, -7.0, -3.0, 2.0, 10.0], &[3.0, 2.5, 2.6, 2.7, 2.7, 2.6, 2.5]);
    let band_path = Curve::new(&[-19.0, -13.0, -6.0, 2.0, 10.0], &[2.6, 2.8, 4.2, 6.2, 6.2]);
    let lungs = [0, 1].map(|s| {
        let (w, taper) = (p.lung_width[s], p.lung_taper[s]);
        let a = apex[s];
        let heights = [a, a + 0.25, a + 0.8, a + 1.5, -10.0 + 0.6 * (a + 12.6), -8.0, -5.0, -1.0, 3.0, 6.0, cp[s].max(7.0)];
        // A taper moves the upper chest wall in or out and leaves the base.
        let weight = [0.2, 0.3, 0.5, 0.7, 1.0, 1.1, 1.0, 0.6, 0.2, 0.0, 0.0];
        let edge = [3.9, 4.9, 6.0, 6.95, 8.4, 10.0, 11.7, 13.1, 13.8, 14.0, 13.6];
        let lateral: Vec<f32> = (0..11).map(|i| w * (edge[i] + taper * weight[i])).collect();
        let lateral = Curve::new(&heights, &lateral);
        let medial = Curve::new(&heights, &[3.5, 2.9, 2.2, 1.5, 0.5, 0.1, 0.0, 0.0, 0.0, 0.0, 0.2]);
        let half = Curve::new(&heights, &[0.6, 1.6, 2.9, 3.9, 5.2, 6.6, 7.9, 8.6, 8.8, 8.7, 8.4]);
        (lateral, medial, half)
    });
    (0..ROWS)
        .map(|i| {
            let y = TOP + PITCH * i as f32;
            let mut row = [0.0; COLUMNS];
            let shoulder = step(-17.0, -11.0, y) * step(-3.0, -8.0, y);
            row[HALF_WIDTH] = outline.at(y) * (0.5 + 0.5 * p.lung_width[0]) + 0.55 * p.fat + p.shoulder * shoulder;
            row[BODY_DEPTH] = depth.at(y) * p.body_depth;
            for (s, (lateral, medial, half)) in lungs.iter().enumerate() {
                row[LATERAL + 3 * s] = lateral.at(y);
                row[MEDIAL + 3 * s] = medial.at(y);
                row[DEPTH + 3 * s] = half.at(y) * p.depth[s] * step(apex[s] - 0.05, apex[s] + 0.7, y);
            }
            let widen = widened * step(-13.0, -9.0, y) * step(2.0, -3.0, y);
            row[BAND] = band.at(y) * p.mediastinum + widen;
            row[BAND_PATH] = band_path.at(y);
            row
        })
        .collect()
}

fn dome_table(p: &Patient, side: usize) -> Vec<f32> {
    let (top, peak) = (p.dome[side], p.dome_peak[side]);
    let reach = 13.7 * p.lung_width[side];
    let [amount, phase] = p.lobulation[side];
    (0..DOME_STEPS)
        .map(|i| {
            let ax = DOME_PITCH * i as f32;
            let fall = if ax > peak {
                p.sulcus[side] * ((ax - peak) / (reach - peak).max(1.0)).powf(2.3)
            } else {
                1.5 * ((peak - ax) / 4.6).powi(2)
            };
            let wave = amount * (1.05 * ax + phase).sin() * step(reach, reach - 4.0, ax);
            top + fall.min(9.0) + wave
        })
        .collect()
}
