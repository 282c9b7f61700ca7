//! From detector signal to grey values: logarithm, compressed base, detail, window, gamma.

use super::patient::Look;
use super::physics::{blur, box_down};
use super::texture::resized;

/// Numbers that fix the window of a picture.
///
/// They come from the same patient before findings are added, so a finding changes the picture where it
/// lies and not everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    base_low: f32,
    base_range: f32,
    low: f32,
    high: f32,
}

/// Part of the window kept free above the brightest anatomy.
const HEADROOM: f32 = 0.10;

/// Steps of the table of the gamma curve.
const GAMMA_STEPS: usize = 1024;

/// Fixes the window from a signal (primary and scatter) of `n`² samples.
pub(crate) fn window(signal: &[f32], n: usize, look: &Look) -> Window {
    let log = logarithm(signal);
    let base = blur(&log, n, 0.05 * n as f32);
    let (base_low, base_high) = percentiles(&base, 0.03, 0.97);
    let mut w = Window { base_low, base_range: (base_high - base_low).max(0.1), low: 0.0, high: 1.0 };
    let level = compressed(&base, &w, look);
    let z = combined(&log, &base, &level, &log, &w, look);
    let (low, high) = percentiles(&z, 0.01, 0.998);
    w.low = low;
    w.high = high.max(low + 0.05) + HEADROOM * (high - low).max(0.05);
    w
}

/// Grey values in 0..=1.
pub(crate) fn display(signal: &[f32], n: usize, look: &Look, w: &Window) -> Vec<f32> {
    let log = logarithm(signal);
    let small = if n.is_multiple_of(4) && n >= 256 { n / 4 } else { n };
    let coarse = blur(&box_down(&log, n, small), small, 0.05 * small as f32);
    let level = resized(&compressed(&coarse, w, look), small, n);
    let base = resized(&coarse, small, n);
    let fine = sharpening_blur(&log, n, 1.3 * n as f32 / 512.0);
    let mut z = combined(&log, &base, &level, &fine, w, look);
    let gain = 1.0 / (w.high - w.low);
    let curve: Vec<f32> = (0..=GAMMA_STEPS + 1).map(|i| (i as f32 / GAMMA_STEPS as f32).powf(look.gamma)).collect();
    for v in &mut z {
        let p = ((*v - w.low) * gain).clamp(0.0, 1.0) * GAMMA_STEPS as f32;
        let i = p as usize;
        *v = curve[i] + (curve[i + 1] - curve[i]) * (p - i as f32);
    }
    z
}

fn logarithm(signal: &[f32]) -> Vec<f32> {
    signal.iter().map(|v| -v.max(1e-6).ln()).collect()
}

/// The base squeezed into 0..=1 by a soft step, so that neither lung nor mediastinum is lost.
fn compressed(base: &[f32], w: &Window, look: &Look) -> Vec<f32> {
    let norm = 1.0 / (0.5 * look.slope).tanh();
    base.iter()
        .map(|b| {
            let level = (b - w.base_low) / w.base_range;
            0.5 + 0.5 * norm * (look.slope * (level - 0.5)).tanh()
        })
        .collect()
}

fn combined(log: &[f32], base: &[f32], level: &[f32], fine: &[f32], w: &Window, look: &Look) -> Vec<f32> {
    let inverse = 1.0 / w.base_range;
    let (detail, edge) = (look.detail_gain * inverse, look.edge_gain * inverse);
    (0..log.len().min(base.len()).min(level.len()).min(fine.len()))
        .map(|i| look.base_gain * level[i] + detail * (log[i] - base[i]) + edge * (log[i] - fine[i]))
        .collect()
}

/// A small separable Gaussian.
fn sharpening_blur(map: &[f32], n: usize, sigma: f32) -> Vec<f32> {
    let r = (2.5 * sigma).ceil().max(1.0) as usize;
    let mut kernel: Vec<f32> = (0..=2 * r).map(|i| (-0.5 * ((i as f32 - r as f32) / sigma).powi(2)).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|k| *k /= sum);
    let mut wide = vec![0.0f32; n * n];
    let mut padded = vec![0.0f32; n + 2 * r];
    for y in 0..n {
        let row = &map[y * n..(y + 1) * n];
        for (i, v) in padded.iter_mut().enumerate() {
            *v = row[i.saturating_sub(r).min(n - 1)];
        }
        let out = &mut wide[y * n..(y + 1) * n];
        for (k, &weight) in kernel.iter().enumerate() {
            for (o, &v) in out.iter_mut().zip(&padded[k..]) {
                *o += weight * v;
            }
        }
    }
    let mut out = vec![0.0f32; n * n];
    for y in 0..n {
        for (k, &weight) in kernel.iter().enumerate() {
            let from = (y + k).saturating_sub(r).min(n - 1);
            let row = &wide[from * n..(from + 1) * n];
            for (o, &v) in out[y * n..(y + 1) * n].iter_mut().zip(row) {
                *o += weight * v;
            }
        }
    }
    out
}

fn percentiles(values: &[f32], low: f32, high: f32) -> (f32, f32) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = |p: f32| sorted.get((p * last as f32).round() as usize).copied().unwrap_or(0.0);
    (at(low), at(high))
}
