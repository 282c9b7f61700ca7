//! Which timesteps of a long process a short one keeps.

use super::{DiffusionError, Result};

/// Kept original timesteps, ascending.
///
/// `spec` is `"ddimN"` (an integer stride that gives exactly N steps) or counts such as `"100"` or
/// `"10,15,20"` (equal sections, each cut into that many steps). The stride of a section is added up
/// in `f64` and rounded half to even, as Python's `round` does. An empty `spec` keeps everything.
///
/// # Errors
/// When the text is not of this form, or a section is shorter than its count.
///
/// # Source
/// Nichol and Dhariwal, "Improved denoising diffusion probabilistic models" (2021), `space_timesteps`.
pub fn space_timesteps(num_timesteps: usize, spec: &str) -> Result<Vec<usize>> {
    let refuse = |reason| DiffusionError::Respacing { spec: spec.to_owned(), steps: num_timesteps, reason };
    if spec.trim().is_empty() {
        return Ok((0..num_timesteps).collect());
    }
    if let Some(count) = spec.strip_prefix("ddim") {
        let desired: usize = count.trim().parse().map_err(|_| refuse("a whole number must follow \"ddim\""))?;
        let stride = (1..num_timesteps).find(|stride| num_timesteps.div_ceil(*stride) == desired);
        let stride = stride.ok_or_else(|| refuse("no whole stride gives that many steps"))?;
        return Ok((0..num_timesteps).step_by(stride).collect());
    }
    let counts = spec
        .split(',')
        .map(|part| part.trim().parse::<usize>())
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|_| refuse("it must be whole numbers with commas between"))?;
    let (size, extra) = (num_timesteps / counts.len(), num_timesteps % counts.len());
    let mut kept = Vec::new();
    let mut start = 0;
    for (i, &count) in counts.iter().enumerate() {
        let size = size + usize::from(i < extra);
        if size < count {
            return Err(refuse("a section has fewer timesteps than are to be kept"));
        }
        let stride = if count <= 1 { 1.0 } else { (size - 1) as f64 / (count - 1) as f64 };
        let mut position = 0.0f64;
        for _ in 0..count {
            kept.push(start + position.round_ties_even() as usize);
            position += stride;
        }
        start += size;
    }
    if kept.is_empty() {
        return Err(refuse("it keeps no timestep"));
    }
    kept.sort_unstable();
    kept.dedup();
    Ok(kept)
}
