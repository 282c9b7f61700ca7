//! Beam through the maps: three energies, scatter, noise.

use super::patient::Exposure;
use super::rng::Rng;
use super::scene::Scene;

/// Linear attenuation in 1/cm at 45, 60 and 80 keV.
const SOFT: [f32; 3] = [0.262, 0.217, 0.193];
const FAT: [f32; 3] = [0.213, 0.188, 0.171];
const LUNG: [f32; 3] = [0.064, 0.053, 0.047];
const BONE: [f32; 3] = [0.99, 0.604, 0.428];
const STEEL: [f32; 3] = [21.0, 9.5, 4.7];

/// Soft tissue that is left in front of and behind the lungs: the chest wall, in cm.
const CHEST_WALL: f32 = 3.2;

/// `exp(x)` for x ≤ 0 by a polynomial, so that a compiler can use wide registers; relative error below 1e-5.
#[inline(always)]
fn exp_negative(x: f32) -> f32 {
    // Adding and taking off 1.5·2²³ rounds to the nearest whole number.
    const MAGIC: f32 = 12_582_912.0;
    let t = (x * std::f32::consts::LOG2_E).max(-60.0);
    let shifted = t + MAGIC;
    let r = t - (shifted - MAGIC);
    let p = 1.0 + r * (std::f32::consts::LN_2 + r * (0.240_226_5 + r * (0.055_504_1 + r * (0.009_618_1 + r * 0.001_333_4))));
    // The low bits of `shifted` hold the whole part; moved up they become the exponent.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    p * scale
}

/// The maps of one run of samples.
struct Run<'a> {
    body: &'a [f32],
    cavity: &'a [f32],
    fat: &'a [f32],
    lung: &'a [f32],
    vessel: &'a [f32],
    plus: &'a [f32],
    gas: &'a [f32],
    bone: &'a [f32],
    metal: &'a [f32],
}

impl<'a> Run<'a> {
    fn new(s: &'a Scene, range: std::ops::Range<usize>) -> Self {
        let cut = |map: &'a [f32]| &map[range.clone()];
        Self {
            body: cut(&s.body),
            cavity: cut(&s.cavity),
            fat: cut(&s.fat),
            lung: cut(&s.lung),
            vessel: cut(&s.vessel),
            plus: cut(&s.plus),
            gas: cut(&s.gas),
            bone: cut(&s.bone),
            metal: cut(&s.metal),
        }
    }

    /// Primary transmission of the run.
    fn transmission(&self, spectrum: &[f32; 3], out: &mut [f32]) {
        let n = out.len();
        let (body, cavity, fat, lung) = (&self.body[..n], &self.cavity[..n], &self.fat[..n], &self.lung[..n]);
        let (vessel, plus, gas) = (&self.vessel[..n], &self.plus[..n], &self.gas[..n]);
        let (bone, metal) = (&self.bone[..n], &self.metal[..n]);
        for i in 0..n {
            let wall = (body[i] - cavity[i]).max(CHEST_WALL.min(body[i]));
            // Bone takes the place of soft tissue, vessels of lung.
            let soft = (wall + vessel[i] + plus[i] - gas[i] - 0.8 * bone[i]).max(0.0);
            let mut sum = 0.0;
            for e in 0..3 {
                let mu = SOFT[e] * soft + FAT[e] * fat[i] + LUNG[e] * lung[i] + BONE[e] * bone[i] + STEEL[e] * metal[i];
                sum += spectrum[e] * exp_negative(-mu);
            }
            out[i] = sum;
        }
    }
}

/// Primary transmission on the output grid of `size`² pixels, each the mean of its samples.
pub(crate) fn primary(scene: &Scene, exposure: &Exposure, size: usize) -> Vec<f32> {
    let n = scene.frame.grid;
    let f = (n / size).max(1);
    let gain = 1.0 / (f * f) as f32;
    let mut line = vec![0.0f32; n];
    let mut out = vec![0.0f32; size * size];
    for (y, row) in out.chunks_exact_mut(size).enumerate() {
        for k in 0..f {
            let start = (y * f + k) * n;
            Run::new(scene, start..start + n).transmission(&exposure.spectrum, &mut line);
            for (v, samples) in row.iter_mut().zip(line.chunks_exact(f)) {
                *v += gain * samples.iter().sum::<f32>();
            }
        }
    }
    out
}

/// Transmission of every `stride`-th sample, a cheap look at the whole picture.
pub(crate) fn thumbnail(scene: &Scene, exposure: &Exposure, stride: usize) -> Vec<f32> {
    let n = scene.frame.grid;
    let m = n / stride;
    let mut line = vec![0.0f32; n];
    let mut out = Vec::with_capacity(m * m);
    for y in 0..m {
        let start = (y * stride + stride / 2) * n;
        Run::new(scene, start..start + n).transmission(&exposure.spectrum, &mut line);
        out.extend((0..m).map(|x| line[x * stride + stride / 2]));
    }
    out
}

/// Mean over whole blocks; `n` must be a multiple of `size`.
pub(crate) fn box_down(map: &[f32], n: usize, size: usize) -> Vec<f32> {
    let f = (n / size).max(1);
    if f == 1 {
        return map.to_vec();
    }
    let gain = 1.0 / (f * f) as f32;
    let mut out = Vec::with_capacity(size * size);
    for y in 0..size {
        for x in 0..size {
            let mut sum = 0.0;
            for row in 0..f {
                let start = (y * f + row) * n + x * f;
                sum += map[start..start + f].iter().sum::<f32>();
            }
            out.push(sum * gain);
        }
    }
    out
}

/// Three box passes, close to a Gaussian of deviation `sigma` samples; edges repeat.
pub(crate) fn blur(map: &[f32], n: usize, sigma: f32) -> Vec<f32> {
    // Three boxes of half-width r have variance r(r+1).
    let r = ((0.25 + sigma * sigma).sqrt() - 0.5).round().max(1.0) as usize;
    let mut a = map.to_vec();
    let mut b = vec![0.0; a.len()];
    for _ in 0..3 {
        box_rows(&a, &mut b, n, r);
        transpose(&b, &mut a, n);
    }
    // Rows and columns take turns: six passes, three along each axis.
    for _ in 0..3 {
        box_rows(&a, &mut b, n, r);
        transpose(&b, &mut a, n);
    }
    a
}

fn box_rows(from: &[f32], to: &mut [f32], n: usize, r: usize) {
    let gain = 1.0 / (2 * r + 1) as f32;
    for (row, out) in from.chunks_exact(n).zip(to.chunks_exact_mut(n)) {
        let at = |i: isize| row[i.clamp(0, n as isize - 1) as usize];
        let mut sum: f32 = (-(r as isize)..=r as isize).map(at).sum();
        for (x, v) in out.iter_mut().enumerate() {
            *v = sum * gain;
            sum += at((x + r + 1) as isize) - at(x as isize - r as isize);
        }
    }
}

fn transpose(from: &[f32], to: &mut [f32], n: usize) {
    for y0 in (0..n).step_by(16) {
        for x0 in (0..n).step_by(16) {
            for y in y0..(y0 + 16).min(n) {
                for x in x0..(x0 + 16).min(n) {
                    to[x * n + y] = from[y * n + x];
                }
            }
        }
    }
}

/// Adds scatter: a wide blur of the primary and a constant; returns it on the grid of `primary`.
pub(crate) fn with_scatter(primary: &[f32], n: usize, exposure: &Exposure, field_cm: f32) -> Vec<f32> {
    let small = if n.is_multiple_of(4) && n >= 128 { n / 4 } else { n };
    let coarse = box_down(primary, n, small);
    let mean = coarse.iter().sum::<f32>() / coarse.len().max(1) as f32;
    let wide = blur(&coarse, small, 3.5 * small as f32 / field_cm);
    let smooth = super::texture::resized(&wide, small, n);
    primary.iter().zip(&smooth).map(|(&p, &s)| p + exposure.scatter * (0.35 * s + 0.05 * mean)).collect()
}

/// Quantum and electronic noise; `pixels_512` is the pixel area relative to 512 px.
pub(crate) fn add_noise(signal: &mut [f32], exposure: &Exposure, rng: &mut Rng, pixel_area: f32) {
    let photons = (exposure.photons * pixel_area).max(1.0);
    let mean = signal.iter().sum::<f32>() / signal.len().max(1) as f32;
    let electronic = (exposure.electronic * mean).powi(2) / pixel_area.max(0.05);
    for chunk in signal.chunks_mut(2) {
        let [a, b, c, d] = rng.words();
        for (v, (p, q)) in chunk.iter_mut().zip([(a, b), (c, d)]) {
            // Four 16-bit uniforms: near-normal, deviation 1 after scaling.
            let sum = (p & 0xffff) as f32 + (p >> 16) as f32 + (q & 0xffff) as f32 + (q >> 16) as f32;
            let z = (sum - 131_070.0) * (1.732_050_8 / 65536.0);
            *v = (*v + z * (*v / photons + electronic).sqrt()).max(1e-6);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_agrees_with_the_library() {
        for i in 0..4000 {
            let x = -0.01 * i as f32;
            let (fast, exact) = (exp_negative(x), x.exp());
            assert!((fast - exact).abs() <= 2e-5 * exact + 1e-20, "{x}: {fast} {exact}");
        }
    }

    #[test]
    fn blur_keeps_a_constant_and_has_the_asked_width() {
        let n = 64;
        assert!(blur(&vec![0.7; n * n], n, 4.0).iter().all(|v| (v - 0.7).abs() < 1e-5));
        let mut dot = vec![0.0; n * n];
        dot[32 * n + 32] = 1.0;
        let out = blur(&dot, n, 4.0);
        let variance: f32 = (0..n * n).map(|i| out[i] * ((i % n) as f32 - 32.0).powi(2)).sum();
        assert!((variance.sqrt() - 4.0).abs() < 0.6, "{}", variance.sqrt());
    }
}
