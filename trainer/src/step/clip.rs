//! Clipping of gradients by their global norm, as `torch.nn.utils.clip_grad_norm_`.

use candle_core::Tensor;

/// Euclidean norm of a flat gradient `[len]`; on the CPU summed in `f64`.
///
/// # Errors
/// When a tensor operation fails.
pub fn global_norm(flat: &Tensor) -> anyhow::Result<f64> {
    if flat.device().is_cpu() {
        let values: Vec<f32> = flat.to_vec1()?;
        return Ok(values.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt());
    }
    Ok(f64::from(flat.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt())
}

/// The factor to multiply gradients with: `min(1, max_norm / (norm + 1e-6))`; 1 without a limit.
pub fn factor(norm: f64, max_norm: Option<f64>) -> f64 {
    max_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0))
}
