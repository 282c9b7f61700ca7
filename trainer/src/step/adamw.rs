//! AdamW (Loshchilov and Hutter 2019), with the arithmetic of `torch.optim.AdamW`, on one variable at a time.
//!
//! The variable is the `f32` master weight. On a processor an update is bound by memory, so moments, weight and averages
//! are changed together, block by block.

use anyhow::{Result, bail};
use candle_core::{Storage, Tensor, Var};
use rayon::prelude::*;

use super::in_place::{PIECE, slice, with_slices};

/// Settings that stay the same during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay: each step first multiplies weights by `1 - lr * weight_decay`.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 }
    }
}

/// Running means of a variable's gradient and of its square.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) exp_avg: Tensor,
    pub(super) exp_avg_sq: Tensor,
}

impl Moments {
    pub(super) fn zeros(var: &Var) -> Result<Self> {
        let zeros = || var.as_detached_tensor().zeros_like();
        Ok(Self { exp_avg: zeros()?, exp_avg_sq: zeros()? })
    }

    /// An update of a variable on a graphics card.
    pub(super) fn update(&mut self, var: &Var, gradient: &Tensor, rate: &Rate) -> Result<()> {
        let Rate { config: AdamWConfig { beta1, beta2, eps, .. }, decay, step_size, root2, scale } = *rate;
        let g = gradient.affine(scale, 0.0)?;
        self.exp_avg = (self.exp_avg.affine(beta1, 0.0)? + g.affine(1.0 - beta1, 0.0)?)?;
        self.exp_avg_sq = (self.exp_avg_sq.affine(beta2, 0.0)? + g.sqr()?.affine(1.0 - beta2, 0.0)?)?;
        let denominator = self.exp_avg_sq.sqrt()?.affine(1.0 / root2, eps)?;
        let change = self.exp_avg.div(&denominator)?.affine(step_size, 0.0)?;
        var.set(&(var.as_detached_tensor().affine(decay, 0.0)? - change)?)?;
        Ok(())
    }

    /// An update of a variable and its averages on the processor, in one pass over memory: each number is read and
    /// written once. `averages` have the share that each keeps, and its numbers. Threads take pieces, which changes no
    /// bit.
    ///
    /// Without a gradient it counts as zero.
    pub(super) fn update_here(
        &self,
        var: &Var,
        gradient: Option<&Tensor>,
        rate: &Rate,
        averages: &[(f64, &Tensor)],
    ) -> Result<()> {
        let kept: Vec<(f32, f32)> = averages.iter().map(|(keep, _)| (*keep as f32, (1.0 - keep) as f32)).collect();
        let mut tensors = vec![&self.exp_avg, &self.exp_avg_sq, var.as_tensor()];
        tensors.extend(averages.iter().map(|(_, tensor)| *tensor));
        let opened = gradient.map(|gradient| gradient.storage_and_layout());
        let gradient = match &opened {
            Some((storage, layout)) => match &**storage {
                Storage::Cpu(storage) => Some(slice(storage, layout)?),
                _ => bail!("a gradient left the processor"),
            },
            None => None,
        };
        with_slices(&tensors, &|open| {
            let [m, v, w, shadows @ ..] = open else { candle_core::bail!("an update needs weights and both moments") };
            let piece = |at: usize, m: &mut [f32], v: &mut [f32], w: &mut [f32], shadows: &mut [&mut [f32]]| {
                let gradient = gradient.map(|gradient| &gradient[at..at + w.len()]);
                rate.change(m, v, w, gradient);
                for (shadow, (keep, take)) in shadows.iter_mut().zip(&kept) {
                    shadow.iter_mut().zip(&*w).for_each(|(s, w)| *s = *s * keep + take * w);
                }
            };
            let mut pieces: Vec<Piece<'_>> = m
                .chunks_mut(BLOCK)
                .zip(v.chunks_mut(BLOCK))
                .zip(w.chunks_mut(BLOCK))
                .map(|((m, v), w)| (m, v, w, Vec::new()))
                .collect();
            for shadow in shadows {
                pieces.iter_mut().zip(shadow.chunks_mut(BLOCK)).for_each(|(piece, shadow)| piece.3.push(shadow));
            }
            let work = |(at, (m, v, w, shadows)): (usize, &mut Piece<'_>)| piece(at * BLOCK, m, v, w, shadows);
            match pieces.len() {
                few if few <= PIECE / BLOCK => pieces.iter_mut().enumerate().for_each(work),
                _ => pieces.par_iter_mut().with_min_len(PIECE / BLOCK).enumerate().for_each(work),
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Numbers that are changed while they lie in the core's own cache: moments, weights, averages.
type Piece<'a> = (&'a mut [f32], &'a mut [f32], &'a mut [f32], Vec<&'a mut [f32]>);

/// Of each of six lists these take 24 KiB together.
const BLOCK: usize = 1 << 10;

/// What an update of a variable goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    config: AdamWConfig,
    decay: f64,
    step_size: f64,
    root2: f64,
    scale: f64,
}

impl Rate {
    /// Of update number `step` (from 1); gradients are multiplied by `scale` first.
    pub(super) fn new(config: &AdamWConfig, lr: f64, scale: f64, step: u64) -> Self {
        let power = step.min(i32::MAX as u64) as i32;
        let (correction1, correction2) = (1.0 - config.beta1.powi(power), 1.0 - config.beta2.powi(power));
        Self {
            config: *config,
            decay: 1.0 - lr * config.weight_decay,
            step_size: lr / correction1,
            root2: correction2.sqrt(),
            scale,
        }
    }

    /// Moments, then weights.
    fn change(&self, m: &mut [f32], v: &mut [f32], w: &mut [f32], gradient: Option<&[f32]>) {
        let AdamWConfig { beta1, beta2, eps, .. } = self.config;
        let (one_minus1, one_minus2, b2, s) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, beta2 as f32, self.scale as f32);
        let moments = |m: &mut f32, v: &mut f32, g: f32| {
            *m += one_minus1 * (g * s - *m);
            *v = *v * b2 + one_minus2 * ((g * s) * (g * s));
        };
        match gradient {
            Some(gradient) => m.iter_mut().zip(v.iter_mut()).zip(gradient).for_each(|((m, v), g)| moments(m, v, *g)),
            None => m.iter_mut().zip(v.iter_mut()).for_each(|(m, v)| moments(m, v, 0.0)),
        }
        let (decay, step_size, root2, eps) = (self.decay as f32, self.step_size as f32, self.root2 as f32, eps as f32);
        for ((w, m), v) in w.iter_mut().zip(&*m).zip(&*v) {
            *w = *w * decay - step_size * (m / (v.sqrt() / root2 + eps));
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// What one number becomes, by the formulas alone.
    fn one(w: f32, m: f32, v: f32, g: f32, rate: &Rate) -> (f32, f32, f32) {
        let AdamWConfig { beta1, beta2, eps, .. } = rate.config;
        let s = rate.scale as f32;
        let m = m + (1.0 - beta1) as f32 * (g * s - m);
        let v = v * beta2 as f32 + (1.0 - beta2) as f32 * ((g * s) * (g * s));
        let change = rate.step_size as f32 * (m / (v.sqrt() / rate.root2 as f32 + eps as f32));
        (w * rate.decay as f32 - change, m, v)
    }

    #[test]
    fn a_pass_over_memory_gives_the_bits_of_each_number_alone_on_any_number_of_threads() {
        // Below a block, over its edge, and enough for several threads.
        for count in [7, BLOCK + 1, 5 * PIECE + 3] {
            let of = |factor: f32| -> Vec<f32> { (0..count).map(|i| factor * ((i * 37 % 101) as f32 - 50.0) / 50.0).collect() };
            let tensor = |values: Vec<f32>| Tensor::from_vec(values, count, &Device::Cpu).unwrap();
            let (w, m, v, g) = (of(1.0), of(0.1), of(0.01).iter().map(|v| v.abs()).collect::<Vec<_>>(), of(3.0));
            let rate = Rate::new(&AdamWConfig::default(), 1e-3, 0.5, 3);
            for (threads, gradient) in [(1, true), (3, true), (3, false)] {
                let moments = Moments { exp_avg: tensor(m.clone()), exp_avg_sq: tensor(v.clone()) };
                let (var, quick, slow) = (Var::from_tensor(&tensor(w.clone())).unwrap(), tensor(w.clone()), tensor(m.clone()));
                let given = tensor(g.clone());
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| moments.update_here(&var, gradient.then_some(&given), &rate, &[(0.5, &quick), (0.75, &slow)]))
                    .unwrap();
                let found = |tensor: &Tensor| tensor.to_vec1::<f32>().unwrap();
                let (fw, fm, fv) = (found(var.as_tensor()), found(&moments.exp_avg), found(&moments.exp_avg_sq));
                let (fq, fs) = (found(&quick), found(&slow));
                for i in 0..count {
                    let expected = one(w[i], m[i], v[i], if gradient { g[i] } else { 0.0 }, &rate);
                    assert_eq!(
                        (fw[i].to_bits(), fm[i].to_bits(), fv[i].to_bits()),
                        (expected.0.to_bits(), expected.1.to_bits(), expected.2.to_bits())
                    );
                    assert_eq!((fq[i], fs[i]), (w[i] * 0.5 + 0.5 * expected.0, m[i] * 0.75 + 0.25 * expected.0));
                }
            }
        }
    }
}
