//! Quasi-Newton search (BFGS) with numeric slopes, for a handful of parameters.

use super::FitError;

const ROUNDS: usize = 200;
/// Relative step of the numeric slope.
const SLOPE_STEP: f64 = 1e-5;
/// Step of the numeric curvature.
const CURVE_STEP: f64 = 1e-3;

fn slope(at: &[f64], f: &impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut probe = at.to_vec();
    (0..at.len())
        .map(|i| {
            let h = SLOPE_STEP * at[i].abs().max(1.0);
            probe[i] = at[i] + h;
            let up = f(&probe);
            probe[i] = at[i] - h;
            let down = f(&probe);
            probe[i] = at[i];
            (up - down) / (2.0 * h)
        })
        .collect()
}

/// The point where `f` is least, from `start`.
pub(super) fn minimise(start: &[f64], f: impl Fn(&[f64]) -> f64) -> Result<Vec<f64>, FitError> {
    let n = start.len();
    let mut at = start.to_vec();
    let mut value = f(&at);
    let mut gradient = slope(&at, &f);
    let mut inverse = identity(n);
    let mut fresh = true;
    for _ in 0..ROUNDS {
        if gradient.iter().all(|g| g.abs() < 1e-4) {
            return Ok(at);
        }
        let mut direction: Vec<f64> = (0..n).map(|i| -(0..n).map(|j| inverse[i * n + j] * gradient[j]).sum::<f64>()).collect();
        let mut fall: f64 = direction.iter().zip(&gradient).map(|(d, g)| d * g).sum();
        if fall >= 0.0 {
            inverse = identity(n);
            direction = gradient.iter().map(|g| -g).collect();
            fall = -gradient.iter().map(|g| g * g).sum::<f64>();
            fresh = true;
        }
        let longest = direction.iter().fold(0.0f64, |m, d| m.max(d.abs()));
        let mut length = if longest > 1.0 { 1.0 / longest } else { 1.0 };
        let next = loop {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(a, d)| a + length * d).collect();
            let there = f(&next);
            if there <= value + 1e-4 * length * fall {
                break Some((next, there));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        // Hardly a step falls any more. What was learnt of the bends may mislead, so it is forgotten once; where the slope
        // itself leads no further, this is the bottom as far as numbers tell.
        let gained = next.as_ref().map_or(0.0, |(_, there)| value - there);
        if gained.abs() < 1e-10 * (1.0 + value.abs()) {
            if fresh {
                return Ok(next.map_or(at, |(next, _)| next));
            }
            (inverse, fresh) = (identity(n), true);
            continue;
        }
        let Some((next, there)) = next else { return Ok(at) };
        fresh = false;
        let next_gradient = slope(&next, &f);
        let s: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        update(&mut inverse, &s, &y);
        (at, value, gradient) = (next, there, next_gradient);
    }
    Err(FitError::NotSettled { rounds: ROUNDS })
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect()
}

fn update(inverse: &mut [f64], s: &[f64], y: &[f64]) {
    let n = s.len();
    let sy: f64 = s.iter().zip(y).map(|(a, b)| a * b).sum();
    if sy <= 1e-12 {
        return;
    }
    let hy: Vec<f64> = (0..n).map(|i| (0..n).map(|j| inverse[i * n + j] * y[j]).sum()).collect();
    let yhy: f64 = y.iter().zip(&hy).map(|(a, b)| a * b).sum();
    for i in 0..n {
        for j in 0..n {
            inverse[i * n + j] += (1.0 + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
        }
    }
}

/// Covariance of the parameters, row by row: the inverse curvature at the bottom; `None` where it is flat.
///
/// A parameter at which `f` does not bend, such as a deviation that vanished, is held fixed: its variance is infinite
/// and its covariances are 0.
pub(super) fn covariance(at: &[f64], f: impl Fn(&[f64]) -> f64) -> Option<Vec<f64>> {
    let n = at.len();
    let value = f(at);
    let shifted = |moves: &[(usize, f64)]| {
        let mut probe = at.to_vec();
        moves.iter().for_each(|&(i, h)| probe[i] += h);
        f(&probe)
    };
    let h = CURVE_STEP;
    let second = |i: usize, j: usize| {
        if i == j {
            (shifted(&[(i, h)]) - 2.0 * value + shifted(&[(i, -h)])) / (h * h)
        } else {
            (shifted(&[(i, h), (j, h)]) - shifted(&[(i, h), (j, -h)]) - shifted(&[(i, -h), (j, h)])
                + shifted(&[(i, -h), (j, -h)]))
                / (4.0 * h * h)
        }
    };
    let mut curve = vec![0.0; n * n];
    for i in 0..n {
        for j in i..n {
            let value = second(i, j);
            curve[i * n + j] = value;
            curve[j * n + i] = value;
        }
    }
    let mut free: Vec<usize> = (0..n).filter(|&i| curve[i * n + i] > 1e-4).collect();
    // A deviation on its way to nothing bends the likelihood hardly, and is bent by the others more: it is held, too.
    while !free.is_empty() {
        if let Some(found) = inverse(&curve, &free, n) {
            return Some(found);
        }
        let flattest = (0..free.len()).min_by(|&a, &b| curve[free[a] * (n + 1)].total_cmp(&curve[free[b] * (n + 1)]))?;
        free.remove(flattest);
    }
    None
}

/// The inverse of the rows and columns `free` of a curvature; `None` where these are not positive.
fn inverse(curve: &[f64], free: &[usize], n: usize) -> Option<Vec<f64>> {
    let m = free.len();
    let part: Vec<f64> = (0..m * m).map(|k| curve[free[k / m] * n + free[k % m]]).collect();
    let mut covariance = vec![0.0; n * n];
    (0..n).for_each(|i| covariance[i * n + i] = f64::INFINITY);
    for (a, &i) in free.iter().enumerate() {
        let unit: Vec<f64> = (0..m).map(|b| f64::from(u8::from(a == b))).collect();
        let (column, _) = cholesky_solve(&part, &unit)?;
        free.iter().zip(column).for_each(|(&j, value)| covariance[i * n + j] = value);
    }
    Some(covariance)
}

/// Solves `matrix · x = right` for a symmetric positive matrix; also its log-determinant.
pub(super) fn cholesky_solve(matrix: &[f64], right: &[f64]) -> Option<(Vec<f64>, f64)> {
    let n = right.len();
    let mut low = matrix.to_vec();
    let mut log_det = 0.0;
    for j in 0..n {
        for k in 0..j {
            for i in j..n {
                low[i * n + j] -= low[i * n + k] * low[j * n + k];
            }
        }
        let pivot = low[j * n + j];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        log_det += pivot.ln();
        let root = pivot.sqrt();
        for i in j..n {
            low[i * n + j] /= root;
        }
    }
    let mut x = right.to_vec();
    for i in 0..n {
        for k in 0..i {
            x[i] -= low[i * n + k] * x[k];
        }
        x[i] /= low[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            x[i] -= low[k * n + i] * x[k];
        }
        x[i] /= low[i * n + i];
    }
    Some((x, log_det))
}
