//! Principal components of image blocks, in closed form, to start the autoencoder's linear path.

/// Mean and leading components of `dim`-long rows.
pub struct Pca {
    /// Mean row.
    pub mean: Vec<f32>,
    /// Components, strongest first, each of unit length.
    pub components: Vec<Vec<f32>>,
    /// Standard deviation along each component.
    pub deviations: Vec<f32>,
}

/// Principal components of rows of length `dim` laid end to end.
///
/// Jacobi rotations on the covariance, in `f64`: exact and quick for the 64 numbers of an 8×8 block.
pub fn pca(rows: &[f32], dim: usize) -> Pca {
    let count = (rows.len() / dim.max(1)).max(1);
    let mut mean = vec![0f64; dim];
    for row in rows.chunks_exact(dim) {
        for (m, &v) in mean.iter_mut().zip(row) {
            *m += f64::from(v);
        }
    }
    mean.iter_mut().for_each(|m| *m /= count as f64);
    let mut cov = vec![0f64; dim * dim];
    let mut centred = vec![0f64; dim];
    for row in rows.chunks_exact(dim) {
        for ((c, &v), m) in centred.iter_mut().zip(row).zip(&mean) {
            *c = f64::from(v) - m;
        }
        for i in 0..dim {
            for j in i..dim {
                cov[i * dim + j] += centred[i] * centred[j];
            }
        }
    }
    for i in 0..dim {
        for j in i..dim {
            let v = cov[i * dim + j] / count as f64;
            cov[i * dim + j] = v;
            cov[j * dim + i] = v;
        }
    }
    let vectors = jacobi(&mut cov, dim);
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&a, &b| cov[b * dim + b].total_cmp(&cov[a * dim + a]));
    Pca {
        mean: mean.iter().map(|&v| v as f32).collect(),
        components: order.iter().map(|&k| (0..dim).map(|i| vectors[i * dim + k] as f32).collect()).collect(),
        deviations: order.iter().map(|&k| cov[k * dim + k].max(0.0).sqrt() as f32).collect(),
    }
}

/// Makes the symmetric matrix diagonal in place and returns its eigenvectors as columns.
fn jacobi(a: &mut [f64], n: usize) -> Vec<f64> {
    let mut v = vec![0f64; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let scale: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..60 {
        let off: f64 =
            (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if off <= 1e-22 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = a[p * n + q];
                if apq == 0.0 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                    let (x, y) = (v[k * n + p], v[k * n + q]);
                    v[k * n + p] = c * x - s * y;
                    v[k * n + q] = s * x + c * y;
                }
            }
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_axes_of_a_known_cloud() {
        // Points on two orthogonal axes with known spread, shifted.
        let mut rows = Vec::new();
        for k in -50..=50 {
            let (major, minor) = (k as f32 * 0.3, (k * 7919i32).rem_euclid(101) as f32 * 0.01);
            rows.extend([1.0 + 0.6 * major - 0.8 * minor, 2.0 + 0.8 * major + 0.6 * minor, 5.0]);
        }
        let pca = pca(&rows, 3);
        assert!((pca.mean[2] - 5.0).abs() < 1e-5);
        assert!(pca.deviations[0] > 8.0 && pca.deviations[1] < 0.4 && pca.deviations[2] < 1e-6);
        let c = &pca.components[0];
        assert!((c[0] * 0.6 + c[1] * 0.8).abs() > 0.999);
    }
}
