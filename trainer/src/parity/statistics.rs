//! Kinds of statistics: correlations, paired tests, regression errors, agreement of readers.

use anyhow::Context as _;
use engine::statistics::agreement::{IccForm, Weights, cohen_kappa, icc};
use engine::statistics::{self, Method, Zeros};
use serde::Deserialize;

use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("metrics.statistics", tests_of_pairs), ("metrics.raters", raters)];

#[derive(Deserialize)]
struct Pair {
    x: Vec<f64>,
    y: Vec<f64>,
    #[serde(alias = "rho")]
    r: Option<f64>,
    t: Option<f64>,
    df: Option<usize>,
    p_two_sided: f64,
    ci95: Option<(f64, f64)>,
    statistic: Option<f64>,
    z: Option<f64>,
    #[serde(default)]
    args: WilcoxonArgs,
}

#[derive(Default, Deserialize)]
struct WilcoxonArgs {
    method: Option<String>,
    correction: Option<bool>,
    zero_method: Option<String>,
}

#[derive(Deserialize)]
struct Matrices {
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    r: f64,
    p_two_sided: f64,
}

#[derive(Deserialize)]
struct Statistics {
    pearson: Vec<Pair>,
    spearman: Vec<Pair>,
    wilcoxon: Vec<Pair>,
    paired_t: Vec<Pair>,
    pearson_flattened_matrix: Matrices,
}

fn tests_of_pairs(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let wanted: Statistics = serde_json::from_value(context.json(entry)?).context("statistics")?;
    let tolerance = entry.tolerance("p_two_sided");
    let mut comparison = Comparison::new();
    let mut numbers = |name: String, got: &[f64], want: &[f64]| comparison.numbers(&name, got, want, &tolerance);
    for (i, pair) in wanted.pearson.iter().enumerate() {
        let got = statistics::pearson(&pair.x, &pair.y).context("a correlation exists")?;
        let r = pair.r.context("pearson without r")?;
        numbers(format!("pearson[{i}]"), &[got.r, got.p.context("p")?], &[r, pair.p_two_sided]);
        if let Some((low, high)) = pair.ci95 {
            let (got_low, got_high) = got.ci95.context("an interval")?;
            numbers(format!("pearson[{i}].ci95"), &[got_low, got_high], &[low, high]);
        }
    }
    for (i, pair) in wanted.spearman.iter().enumerate() {
        let got = statistics::spearman(&pair.x, &pair.y).context("a correlation exists")?;
        let r = pair.r.context("spearman without rho")?;
        numbers(format!("spearman[{i}]"), &[got.r, got.p.context("p")?], &[r, pair.p_two_sided]);
    }
    for (i, pair) in wanted.paired_t.iter().enumerate() {
        let got = statistics::paired_t(&pair.x, &pair.y).context("a test exists")?;
        let want = [pair.t.context("paired_t without t")?, pair.p_two_sided, pair.df.context("paired_t without df")? as f64];
        numbers(format!("paired_t[{i}]"), &[got.t, got.p, got.df as f64], &want);
    }
    for (i, pair) in wanted.wilcoxon.iter().enumerate() {
        let zeros = match pair.args.zero_method.as_deref() {
            None | Some("wilcox") => Zeros::Drop,
            Some("pratt") => Zeros::Pratt,
            Some("zsplit") => Zeros::Split,
            Some(other) => anyhow::bail!("zero_method {other:?} is unknown"),
        };
        let method = match pair.args.method.as_deref() {
            None | Some("auto") => Method::Auto,
            Some("exact") => Method::Exact,
            Some("asymptotic" | "approx") => Method::Normal { correction: pair.args.correction.unwrap_or(false) },
            Some(other) => anyhow::bail!("method {other:?} is unknown"),
        };
        let got = statistics::signed_rank(&pair.x, &pair.y, zeros, method).context("a test exists")?;
        let want = [pair.statistic.context("wilcoxon without statistic")?, pair.p_two_sided];
        numbers(format!("wilcoxon[{i}]"), &[got.statistic(), got.p], &want);
        if let Some(z) = pair.z {
            numbers(format!("wilcoxon[{i}].z"), &[got.z.context("z")?], &[z]);
        }
    }
    let matrix = &wanted.pearson_flattened_matrix;
    let got = statistics::pearson(&matrix.x.concat(), &matrix.y.concat()).context("a correlation exists")?;
    numbers("matrix".to_owned(), &[got.r, got.p.context("p")?], &[matrix.r, matrix.p_two_sided]);
    Ok(comparison)
}

#[derive(Deserialize)]
struct RegressionAndRaters {
    regression: Regression,
    raters: Raters,
}

#[derive(Deserialize)]
struct Regression {
    truth: Vec<f64>,
    pred: Vec<f64>,
    mae: f64,
    mse: f64,
    pearson_r: f64,
}

#[derive(Deserialize)]
struct Raters {
    rater1: Vec<i64>,
    rater2: Vec<i64>,
    categories: Vec<i64>,
    kappa: f64,
    kappa_linear: f64,
    kappa_quadratic: f64,
    icc: Vec<IccRow>,
    mean: [f64; 2],
    std_sample: [f64; 2],
}

#[derive(Deserialize)]
struct IccRow {
    #[serde(rename = "Type")]
    form: String,
    #[serde(rename = "ICC")]
    icc: f64,
    #[serde(rename = "F")]
    f: f64,
    df1: f64,
    df2: f64,
    pval: f64,
    #[serde(rename = "CI95")]
    ci95: [f64; 2],
}

fn raters(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let wanted: RegressionAndRaters = serde_json::from_value(context.json(entry)?).context("raters")?;
    let tolerance = entry.tolerance("icc");
    let mut comparison = Comparison::new();
    let regression = &wanted.regression;
    let errors: Vec<f64> = regression.pred.iter().zip(&regression.truth).map(|(a, b)| a - b).collect();
    let mean_of = |of: fn(f64) -> f64| statistics::mean(&errors.iter().copied().map(of).collect::<Vec<_>>());
    let got = [
        mean_of(f64::abs).context("mae")?,
        mean_of(|e| e * e).context("mse")?,
        statistics::pearson(&regression.truth, &regression.pred).context("r")?.r,
    ];
    comparison.numbers("regression", &got, &[regression.mae, regression.mse, regression.pearson_r], &tolerance);

    let raters = &wanted.raters;
    let places = |ratings: &[i64]| -> anyhow::Result<Vec<usize>> {
        ratings.iter().map(|r| raters.categories.iter().position(|c| c == r).context("a rating outside the categories")).collect()
    };
    let (first, second) = (places(&raters.rater1)?, places(&raters.rater2)?);
    let k = raters.categories.len();
    for (name, weights, want) in [
        ("kappa", Weights::Identity, raters.kappa),
        ("kappa_linear", Weights::Linear, raters.kappa_linear),
        ("kappa_quadratic", Weights::Quadratic, raters.kappa_quadratic),
    ] {
        let got = cohen_kappa(&first, &second, k, weights).context("a kappa exists")?.value;
        comparison.numbers(name, &[got], &[want], &tolerance);
    }
    let numbers = |ratings: &[i64]| ratings.iter().map(|&r| r as f64).collect::<Vec<_>>();
    let (x, y) = (numbers(&raters.rater1), numbers(&raters.rater2));
    let rows: Vec<Vec<f64>> = x.iter().zip(&y).map(|(a, b)| vec![*a, *b]).collect();
    for row in &raters.icc {
        let (form, of_mean) = match row.form.as_str() {
            "ICC(1,1)" => (IccForm::OneWay, false),
            "ICC(A,1)" => (IccForm::Absolute, false),
            "ICC(C,1)" => (IccForm::Consistency, false),
            "ICC(1,k)" => (IccForm::OneWay, true),
            "ICC(A,k)" => (IccForm::Absolute, true),
            "ICC(C,k)" => (IccForm::Consistency, true),
            other => anyhow::bail!("intraclass correlation {other:?} is unknown"),
        };
        let got = icc(&rows, form, of_mean).context("a correlation exists")?;
        let want = [row.icc, row.f, row.df1, row.df2, row.pval];
        comparison.numbers(&row.form, &[got.value, got.f, got.df.0, got.df.1, got.p], &want, &tolerance);
        comparison.numbers(&format!("{} interval", row.form), &[got.ci95.0, got.ci95.1], &row.ci95, &entry.tolerance("ci95"));
    }
    let summary = |values: &[f64]| statistics::Summary::of(values).context("a summary exists");
    let (a, b) = (summary(&x)?, summary(&y)?);
    comparison.numbers("mean", &[a.mean, b.mean], &raters.mean, &tolerance);
    comparison.numbers("std_sample", &[a.sd.context("sd")?, b.sd.context("sd")?], &raters.std_sample, &tolerance);
    Ok(comparison)
}
