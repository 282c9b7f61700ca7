//! Classifier-free guidance on a batch whose first half is conditional and whose second half is not.

use candle_core::Tensor;

use crate::domain::Preset;

use super::error::{ModelError, Result};

/// Latent channels that the released code guides.
pub const RELEASE_CHANNELS: usize = 3;

/// How many output channels a preset guides, of a network that predicts `in_channels` of them.
pub fn guided_channels(preset: Preset, in_channels: usize) -> usize {
    match preset {
        Preset::Release => RELEASE_CHANNELS.min(in_channels),
        Preset::Paper | Preset::Ours => in_channels,
    }
}

/// Splits a batch `(2n, …)` into its halves.
pub(super) fn halves(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let rows = x.dim(0)?;
    if rows % 2 != 0 || rows == 0 {
        return Err(ModelError::Shape {
            what: "guided batch",
            got: x.dims().to_vec(),
            expected: "an even number of rows: the conditional half, then the unconditional half".into(),
        });
    }
    Ok((x.narrow(0, 0, rows / 2)?, x.narrow(0, rows / 2, rows / 2)?))
}

/// Guided prediction of `n` rows from both halves `(n, C', H, W)`.
///
/// The first `channels` channels become `uncond + scale (cond - uncond)`; the others keep the conditional
/// value.
///
/// # Errors
/// When shapes differ.
pub fn guide(conditional: &Tensor, unconditional: &Tensor, channels: usize, scale: f64) -> Result<Tensor> {
    let total = conditional.dim(1)?;
    let cond = conditional.narrow(1, 0, channels)?;
    let uncond = unconditional.narrow(1, 0, channels)?;
    let guided = (&uncond + ((cond - &uncond)? * scale)?)?;
    if channels == total {
        return Ok(guided);
    }
    Ok(Tensor::cat(&[guided, conditional.narrow(1, channels, total - channels)?], 1)?)
}

/// Guided output `(2n, C', H, W)` as the released code returns it.
///
/// Guided channels are equal in both halves; the others keep each half's own value.
///
/// # Errors
/// When the number of rows is odd.
pub fn guide_both(output: &Tensor, channels: usize, scale: f64) -> Result<Tensor> {
    let (conditional, unconditional) = halves(output)?;
    let first = guide(&conditional, &unconditional, channels, scale)?;
    let total = output.dim(1)?;
    if channels == total {
        return Ok(Tensor::cat(&[&first, &first], 0)?);
    }
    let guided = first.narrow(1, 0, channels)?;
    let second = Tensor::cat(&[guided, unconditional.narrow(1, channels, total - channels)?], 1)?;
    Ok(Tensor::cat(&[first, second], 0)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_release_guides_the_first_three_channels_of_any_number() {
        for total in [4, 8] {
            let half = |offset: f32| {
                let values: Vec<f32> = (0..total * 4).map(|i| offset + i as f32).collect();
                Tensor::from_vec(values, (1, total, 2, 2), &Device::Cpu).unwrap()
            };
            let values = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let (conditional, unconditional) = (half(0.0), half(1.0));
            let guided = |preset| values(guide(&conditional, &unconditional, guided_channels(preset, total), 4.0).unwrap());
            let plain = values(conditional.clone());
            let (release, paper) = (guided(Preset::Release), guided(Preset::Paper));
            assert_eq!(release[..12], paper[..12]);
            assert_eq!(release[12..], plain[12..]);
            assert!(paper.iter().zip(&plain).all(|(guided, plain)| *guided == plain - 3.0));
        }
    }
}
