//! Counter-based random numbers: a value depends on (seed, stream, index) and on nothing else.
//!
//! So an image is the same whatever the batch size, the row order or the number of threads.

mod philox;

pub use philox::Philox;

use crate::domain::{Seed, Stream};

/// `count` standard normal values of a stream; `block` selects an independent part, such as a step.
///
/// Box–Muller on Philox pairs, computed in `f64`, so the values do not depend on a library's version.
pub fn normal(seed: Seed, stream: Stream, block: u32, count: usize) -> Vec<f32> {
    let generator = Philox::new(seed.0);
    let mut out = Vec::with_capacity(count + 3);
    let mut index = 0u64;
    while out.len() < count {
        let [a, b, c, d] = generator.block(index, stream as u32, block);
        for (u, v) in [(a, b), (c, d)] {
            let radius = (-2.0 * ((f64::from(u) + 0.5) / 4_294_967_296.0).ln()).sqrt();
            let angle = std::f64::consts::TAU * ((f64::from(v) + 0.5) / 4_294_967_296.0);
            out.push((radius * angle.cos()) as f32);
            out.push((radius * angle.sin()) as f32);
        }
        index += 1;
    }
    out.truncate(count);
    out
}

/// `count` values uniform in `[0, 1)` of a stream.
pub fn uniform(seed: Seed, stream: Stream, block: u32, count: usize) -> Vec<f64> {
    let generator = Philox::new(seed.0);
    let blocks = count.div_ceil(4) as u64;
    let mut out: Vec<f64> = (0..blocks)
        .flat_map(|index| generator.block(index, stream as u32, block))
        .map(|u| f64::from(u) / 4_294_967_296.0)
        .collect();
    out.truncate(count);
    out
}

#[cfg(test)]
mod tests;
