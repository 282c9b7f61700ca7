//! Figures of a picture, one function a probe.

use engine::domain::GrayImage;

use super::probe::Probe;
use super::spectrum::Spectrum;
use crate::equalise::dct::{SIDE, forward};
use crate::equalise::survey::{MIDDLE, comb, histogram, laplacians, lattice, levels, margins, smooth_curve, thirds};

/// Share of a side that is a corner.
const CORNER: f64 = 0.12;
/// A difference of neighbouring greys, of the whole range, that noise does not make.
const EDGE: f64 = 0.08;
/// Least values, so that logarithms exist.
const TINY: f64 = 1e-6;

/// The figures of all probes of pixels, in the order of [`Probe::PIXELS`]; each in the order of its names.
pub(super) fn figures(image: &GrayImage) -> Vec<Vec<f64>> {
    let counts = histogram(image);
    let spectrum = Spectrum::of(image);
    let of = |probe: &Probe| match probe {
        Probe::Size => size(image),
        Probe::Depth => depth(&counts),
        Probe::Comb => gaps(&counts),
        Probe::Borders => borders(image),
        Probe::Corners => corners(image),
        Probe::Grey => greys(image),
        Probe::Blocks => blocks(image),
        Probe::Spectrum => spectrum.bands(),
        Probe::Grid => spectrum.peaks(),
        Probe::Noise => noise(image, &counts),
        Probe::Sharpness => sharpness(image),
        Probe::Metadata | Probe::FileName | Probe::FileSize | Probe::Joint => Vec::new(),
    };
    Probe::PIXELS.iter().map(of).collect()
}

fn size(image: &GrayImage) -> Vec<f64> {
    let (w, h) = (f64::from(image.width()), f64::from(image.height()));
    vec![w, h, (w / h).ln()]
}

fn depth(counts: &[u32]) -> Vec<f64> {
    // Black and white are levels of any depth.
    let inner = &counts[1..counts.len() - 1];
    let pixels: f64 = inner.iter().map(|&c| f64::from(c)).sum();
    let on_bytes: f64 = inner.iter().skip(256).step_by(257).map(|&c| f64::from(c)).sum();
    vec![(65536.0 / lattice(counts).max(1.0)).log2(), on_bytes / pixels.max(1.0)]
}

fn gaps(counts: &[u32]) -> Vec<f64> {
    let levels = levels(counts);
    let gap = |w: &&[f64]| w[0] + w[2] >= 16.0 && w[1] < 0.175 * (w[0] + w[2]);
    let empty = levels.windows(3).filter(gap).count() as f64;
    vec![comb(counts).max(0.1).ln(), empty / levels.len() as f64]
}

fn borders(image: &GrayImage) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let pixels = image.pixels();
    let mut out: Vec<f64> = margins(image).into_iter().map(f64::from).collect();
    // Means of lines know nothing of noise; a border that is not plain shows as a step from one to the next, larger
    // than the steps further inside.
    let rows: Vec<f64> = pixels.chunks_exact(w).map(|row| row.iter().map(|&v| f64::from(v)).sum::<f64>() / w as f64).collect();
    let columns: Vec<f64> =
        (0..w).map(|x| pixels[x..].iter().step_by(w).map(|&v| f64::from(v)).sum::<f64>() / h as f64).collect();
    // Over six lines, so that a step that was blurred by a change of size counts as much.
    let largest = |means: &[f64]| means.windows(7).map(|lines| (lines[0] - lines[6]).abs()).fold(0.0, f64::max);
    let parts = |means: &[f64]| {
        let near = (means.len() / 8).max(7).min(means.len() / 2);
        let (head, rest) = means.split_at(near);
        let (inner, tail) = rest.split_at(rest.len() - near);
        (largest(head).max(largest(tail)), largest(inner))
    };
    let ((a, b), (c, d)) = (parts(&rows), parts(&columns));
    out.push((a.max(c) + 64.0).ln() - (b.max(d) + 64.0).ln());
    out
}

/// Sharp edges in each corner against those of other places of its size: how far neighbouring greys differ by more
/// than noise does. A chest has few in corners.
fn corners(image: &GrayImage) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let (cw, ch) = (((w as f64 * CORNER) as usize).clamp(2.min(w), w), ((h as f64 * CORNER) as usize).clamp(2.min(h), h));
    let at = |x: usize, y: usize| f64::from(image.pixels()[y * w + x]) / 65535.0;
    let (mut corners, mut elsewhere) = (Vec::new(), 0.0);
    for place in 0..16 {
        let (left, top) = (place % 4 * (w - cw) / 3, place / 4 * (h - ch) / 3);
        let mut sum = 0.0;
        for y in top..top + ch {
            for x in left..(left + cw).saturating_sub(1) {
                sum += ((at(x, y) - at(x + 1, y)).abs() - EDGE).max(0.0);
            }
        }
        if [0, 3].contains(&(place % 4)) && [0, 3].contains(&(place / 4)) { corners.push(sum) } else { elsewhere += sum / 12.0 }
    }
    corners.iter().map(|sum| (sum + 0.01).ln() - (elsewhere + 0.01).ln()).collect()
}

fn greys(image: &GrayImage) -> Vec<f64> {
    let curve = smooth_curve(image, MIDDLE);
    [1, 10, 25, 50, 75, 90, 99].into_iter().map(|p| curve[p] / 65535.0).collect()
}

/// Blocks: steps that come back every eight pixels, and windows on their grid whose fine coefficients vanish.
fn blocks(image: &GrayImage) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let at = |x: usize, y: usize| f64::from(image.pixels()[y * w + x]) / 257.0;
    if w < 3 * SIDE || h < 3 * SIDE {
        return vec![0.0; 3];
    }
    // How much a step exceeds its neighbours, summed by its place modulo eight.
    let profile = |length: usize, lines: usize, value: &dyn Fn(usize, usize) -> f64| {
        let (mut sum, mut count, mut all) = ([0.0; SIDE], [0.0; SIDE], 0.0);
        for i in 2..length - 1 {
            for line in 0..lines {
                let step = |j: usize| (value(j, line) - value(j - 1, line)).abs();
                sum[i % SIDE] += step(i) - 0.5 * (step(i - 1) + step(i + 1));
                count[i % SIDE] += 1.0;
                all += step(i);
            }
        }
        let mean = all / ((length - 3) * lines) as f64 + 0.05;
        let excess: Vec<f64> = sum.iter().zip(count).map(|(s, c)| s / c / mean).collect();
        let phase = (0..SIDE).fold(0, |best, i| if excess[i] > excess[best] { i } else { best });
        let rest = (excess.iter().sum::<f64>() - excess[phase]) / (SIDE - 1) as f64;
        (excess[phase] - rest, phase)
    };
    let (across, left) = profile(w, h, &|x, y| at(x, y));
    let (down, top) = profile(h, w, &|y, x| at(x, y));
    let vanished = |left: usize, top: usize| {
        let (mut small, mut all) = (0.0, 0.0f64);
        for y0 in (top..h - SIDE + 1).step_by(SIDE) {
            for x0 in (left..w - SIDE + 1).step_by(SIDE) {
                let mut block = [0.0; SIDE * SIDE];
                block.iter_mut().enumerate().for_each(|(i, v)| *v = at(x0 + i % SIDE, y0 + i / SIDE) as f32);
                let coefficients = forward(&block);
                let fine = coefficients.iter().enumerate().filter(|(i, _)| i % SIDE + i / SIDE >= 6);
                small += fine.filter(|(_, c)| c.abs() < 0.75).count() as f64;
                all += 1.0;
            }
        }
        small / all.max(1.0) / 43.0
    };
    vec![across, down, vanished(left, top) - vanished((left + 4) % SIDE, (top + 4) % SIDE)]
}

/// Noise in thirds of brightness, as logarithms of grey levels of 256.
fn noise(image: &GrayImage, counts: &[u32]) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let (low, high) = thirds(counts);
    let (mut sum, mut count) = ([0.0; 3], [0.0f64; 3]);
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            let at = y * w + x;
            let grey = image.pixels()[at];
            if grey == 0 || grey == u16::MAX {
                continue;
            }
            let third = usize::from(f64::from(grey) > low) + usize::from(f64::from(grey) > high);
            sum[third] += laplacians(image.pixels(), w, at).abs();
            count[third] += 1.0;
        }
    }
    let scale = (std::f64::consts::PI / 2.0).sqrt() / 6.0 / 257.0;
    sum.iter().zip(count).map(|(s, c)| (scale * s / c.max(1.0) + 0.02).ln()).collect()
}

fn sharpness(image: &GrayImage) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let pixels = image.pixels();
    let change = |distance: usize| {
        let (mut sum, mut count) = (0.0, 0.0f64);
        for y in 0..h {
            let row = &pixels[y * w..(y + 1) * w];
            for x in distance..w {
                sum += f64::from(row[x].abs_diff(row[x - distance]));
            }
            count += w.saturating_sub(distance) as f64;
            if y >= distance {
                let above = &pixels[(y - distance) * w..][..w];
                sum += row.iter().zip(above).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
                count += w as f64;
            }
        }
        (sum / count.max(1.0) / 65535.0 + TINY).ln()
    };
    let [one, two, four, eight] = [1, 2, 4, 8].map(change);
    vec![one - two, two - four, four - eight, eight]
}
