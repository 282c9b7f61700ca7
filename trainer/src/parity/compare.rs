//! Tolerances and the gathering of differences.

use anyhow::Context as _;
use candle_core::{DType, Device, Tensor};
use serde_json::Value;

/// How far a result may be from its golden.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// Absolute part of `|a-b| <= atol + rtol |b|`, also the largest difference of 8-bit levels.
    pub atol: f64,
    /// Relative part of `|a-b| <= atol + rtol |b|`.
    pub rtol: f64,
    /// Instead of the two above: `max|a-b| <= this * max|b|`.
    pub max_rel_to_max_abs: Option<f64>,
    /// In addition: `mean|a-b| <= this`.
    pub mean_abs: Option<f64>,
    /// In addition: this share of the entries may be outside, by at most the second number.
    pub outliers: Option<(f64, f64)>,
}

impl Tolerance {
    /// No difference at all.
    pub const EXACT: Self = Self { atol: 0.0, rtol: 0.0, max_rel_to_max_abs: None, mean_abs: None, outliers: None };

    /// An absolute bound.
    pub fn absolute(atol: f64) -> Self {
        Self { atol, ..Self::EXACT }
    }

    /// Reads the object of a manifest; `None` when it holds no bound.
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        let exact = value.get("exact").and_then(Value::as_bool) == Some(true);
        let found = Self {
            atol: number("atol").or_else(|| number("max_level_difference")).unwrap_or(0.0),
            rtol: number("rtol").unwrap_or(0.0),
            max_rel_to_max_abs: number("max_rel_to_max_abs"),
            mean_abs: number("mean_abs"),
            outliers: None,
        };
        (exact || found != Self::EXACT).then_some(found)
    }
}

/// The differences of one entry.
#[derive(Debug, Default)]
pub struct Comparison {
    max_abs: f64,
    max_rel: f64,
    compared: usize,
    failures: Vec<String>,
}

impl Comparison {
    /// Nothing compared yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether something was compared and everything agreed.
    pub fn passed(&self) -> bool {
        self.compared > 0 && self.failures.is_empty()
    }

    /// Largest absolute difference of all numbers.
    pub fn max_abs(&self) -> f64 {
        self.max_abs
    }

    /// Largest ratio of a tensor's largest difference to its largest golden magnitude.
    pub fn max_rel(&self) -> f64 {
        self.max_rel
    }

    /// What disagreed, in words.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Records a disagreement that is not a number.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.compared += 1;
        self.failures.push(what.into());
    }

    /// Compares two values for equality.
    pub fn equal<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, got: &T, want: &T) {
        self.compared += 1;
        if got != want {
            let clip = |v: &T| format!("{v:?}").chars().take(160).collect::<String>();
            self.failures.push(format!("{name}: got {}, expected {}", clip(got), clip(want)));
        }
    }

    /// Compares two tensors of any dtype; shapes must agree.
    ///
    /// # Errors
    /// When a tensor cannot be read as numbers.
    pub fn tensor(&mut self, name: &str, got: &Tensor, want: &Tensor, tolerance: &Tolerance) -> anyhow::Result<()> {
        if got.dims() != want.dims() {
            self.fail(format!("{name}: shape {:?}, expected {:?}", got.dims(), want.dims()));
            return Ok(());
        }
        let values = |t: &Tensor| -> anyhow::Result<Vec<f64>> {
            t.to_device(&Device::Cpu)?
                .to_dtype(DType::F64)
                .and_then(|t| t.flatten_all()?.to_vec1())
                .with_context(|| format!("reading {name}"))
        };
        self.numbers(name, &values(got)?, &values(want)?, tolerance);
        Ok(())
    }

    /// Compares tensors slice by slice along the first axis, each slice with its own scale.
    ///
    /// # Errors
    /// As [`Comparison::tensor`].
    pub fn rows(&mut self, name: &str, got: &Tensor, want: &Tensor, tolerance: &Tolerance) -> anyhow::Result<()> {
        if got.dims() != want.dims() || want.dims().is_empty() {
            return self.tensor(name, got, want, tolerance);
        }
        for i in 0..want.dims()[0] {
            self.tensor(&format!("{name}[{i}]"), &got.get(i)?, &want.get(i)?, tolerance)?;
        }
        Ok(())
    }

    /// Compares two lists of numbers; equal infinities and two NaN agree.
    pub fn numbers(&mut self, name: &str, got: &[f64], want: &[f64], tolerance: &Tolerance) {
        self.compared += 1;
        if got.len() != want.len() {
            self.failures.push(format!("{name}: {} numbers, expected {}", got.len(), want.len()));
            return;
        }
        let (mut worst, mut scale, mut sum) = (0.0f64, 0.0f64, 0.0f64);
        let (mut outside, mut first) = (0usize, None);
        for (i, (&a, &b)) in got.iter().zip(want).enumerate() {
            let difference = difference(a, b);
            worst = worst.max(difference);
            sum += difference;
            if b.is_finite() {
                scale = scale.max(b.abs());
            }
            let bound =
                if tolerance.max_rel_to_max_abs.is_some() { f64::INFINITY } else { tolerance.atol + tolerance.rtol * b.abs() };
            if difference > bound || difference.is_infinite() {
                outside += 1;
                first.get_or_insert((i, a, b));
            }
        }
        let relative = if worst == 0.0 { 0.0 } else { worst / scale.max(f64::MIN_POSITIVE) };
        self.max_abs = self.max_abs.max(worst);
        self.max_rel = self.max_rel.max(relative);
        if let Some(bound) = tolerance.max_rel_to_max_abs
            && relative > bound
        {
            self.failures.push(format!("{name}: max|a-b|/max|b| = {relative:.3e}, allowed {bound:.1e}"));
        }
        if let Some(bound) = tolerance.mean_abs
            && sum > bound * got.len() as f64
        {
            self.failures.push(format!("{name}: mean|a-b| = {:.3e}, allowed {bound:.1e}", sum / got.len() as f64));
        }
        let forgiven =
            tolerance.outliers.is_some_and(|(share, limit)| outside as f64 <= share * got.len() as f64 && worst <= limit);
        if let Some((i, a, b)) = first
            && !forgiven
        {
            self.failures.push(format!(
                "{name}: {outside} of {} outside, first at {i}: got {a:.7e}, expected {b:.7e} (atol {:.1e}, rtol {:.1e})",
                got.len(),
                tolerance.atol,
                tolerance.rtol
            ));
        }
    }
}

/// `|a - b|`; infinite when only one is NaN or when infinities differ.
fn difference(a: f64, b: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let d = (a - b).abs();
    if d.is_nan() { f64::INFINITY } else { d }
}
