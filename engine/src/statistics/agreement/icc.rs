//! Intraclass correlation (Shrout and Fleiss 1979, McGraw and Wong 1996).

use crate::statistics::distributions::{f_quantile, f_upper};

/// Which correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IccForm {
    /// One-way random.
    OneWay,
    /// Two-way random, absolute agreement: readers are a sample, their bias counts. ICC(2,1) is the single form.
    Absolute,
    /// Two-way, consistency: a reader's constant bias does not count.
    Consistency,
}

/// A correlation with its test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Icc {
    /// The correlation.
    pub value: f64,
    /// The statistic of the test against none.
    pub f: f64,
    /// Its degrees of freedom.
    pub df: (f64, f64),
    /// p of that test.
    pub p: f64,
    /// 95 % interval.
    pub ci95: (f64, f64),
}

/// The correlation of `ratings[subject][reader]`; `mean_of_readers` asks for that of their mean (ICC(·,k)).
///
/// `None` with fewer than two subjects or readers, rows of different length, or no spread.
pub fn icc(ratings: &[Vec<f64>], form: IccForm, mean_of_readers: bool) -> Option<Icc> {
    let (n, k) = (ratings.len(), ratings.first()?.len());
    if n < 2 || k < 2 || ratings.iter().any(|row| row.len() != k) {
        return None;
    }
    let (nf, kf) = (n as f64, k as f64);
    let grand = ratings.iter().flatten().sum::<f64>() / (nf * kf);
    let row_mean = |row: &[f64]| row.iter().sum::<f64>() / kf;
    let rows: f64 = kf * ratings.iter().map(|row| (row_mean(row) - grand).powi(2)).sum::<f64>();
    let columns: f64 = nf * (0..k).map(|j| (ratings.iter().map(|row| row[j]).sum::<f64>() / nf - grand).powi(2)).sum::<f64>();
    let total: f64 = ratings.iter().flatten().map(|v| (v - grand).powi(2)).sum();
    let msr = rows / (nf - 1.0);
    let msc = columns / (kf - 1.0);
    let mse = (total - rows - columns) / ((nf - 1.0) * (kf - 1.0));
    let msw = (total - rows) / (nf * (kf - 1.0));
    let df1 = nf - 1.0;
    let one_way = form == IccForm::OneWay;
    let (noise, df2) = if one_way { (msw, nf * (kf - 1.0)) } else { (mse, (nf - 1.0) * (kf - 1.0)) };
    let f = msr / noise;
    if !f.is_finite() {
        return None;
    }
    let p = f_upper(f, df1, df2)?;
    let (single, ci) = match form {
        IccForm::OneWay | IccForm::Consistency => {
            let low = f / f_quantile(0.025, df1, df2)?;
            let high = f * f_quantile(0.025, df2, df1)?;
            let of = |ratio: f64| (ratio - 1.0) / (ratio + kf - 1.0);
            (of(f), (of(low), of(high)))
        }
        IccForm::Absolute => {
            let value = (msr - mse) / (msr + (kf - 1.0) * mse + kf * (msc - mse) / nf);
            (value, absolute_interval(value, msr, msc, mse, nf, kf)?)
        }
    };
    let of_mean = |r: f64| kf * r / (1.0 + (kf - 1.0) * r);
    let value = if mean_of_readers {
        match form {
            IccForm::OneWay => (msr - msw) / msr,
            IccForm::Absolute => (msr - mse) / (msr + (msc - mse) / nf),
            IccForm::Consistency => (msr - mse) / msr,
        }
    } else {
        single
    };
    let ci95 = if mean_of_readers { (of_mean(ci.0), of_mean(ci.1)) } else { ci };
    Some(Icc { value, f, df: (df1, df2), p, ci95 })
}

/// Interval of ICC(A,1) by Satterthwaite's degrees of freedom (McGraw and Wong, table 7).
fn absolute_interval(r: f64, msr: f64, msc: f64, mse: f64, n: f64, k: f64) -> Option<(f64, f64)> {
    let ratio = msc / mse;
    let v = (k - 1.0) * (n - 1.0) * (k * r * ratio + n * (1.0 + (k - 1.0) * r) - k * r).powi(2)
        / ((n - 1.0) * k * k * r * r * ratio * ratio + (n * (1.0 + (k - 1.0) * r) - k * r).powi(2));
    let low = f_quantile(0.025, n - 1.0, v)?;
    let high = f_quantile(0.025, v, n - 1.0)?;
    let base = k * msc + (k * n - k - n) * mse;
    Some((n * (msr - low * mse) / (low * base + n * msr), n * (high * msr - mse) / (base + n * high * msr)))
}
