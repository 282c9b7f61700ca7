//! Systematic against random disagreement of two readers on an ordinal scale (Svensson 1993, 2012).

/// What a disagreement is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disagreement {
    /// Share of subjects with the same category.
    pub percent_agreement: f64,
    /// Relative position, −1 to 1: positive when the second reader chooses higher categories.
    pub position: f64,
    /// Relative concentration, −1 to 1: positive when the second reader stays nearer to the middle.
    pub concentration: f64,
    /// Relative rank variance, 0 to 1: disagreement that no difference in habit explains.
    pub random: f64,
}

/// Splits the disagreement of two readers over `k` categories; `None` where lengths differ or nothing was read.
pub fn disagreement(first: &[usize], second: &[usize], k: usize) -> Option<Disagreement> {
    let n = first.len();
    if n == 0 || second.len() != n || first.iter().chain(second).any(|&c| c >= k) {
        return None;
    }
    let nf = n as f64;
    let mut table = vec![vec![0.0f64; k]; k];
    for (&a, &b) in first.iter().zip(second) {
        table[a][b] += 1.0;
    }
    let x: Vec<f64> = table.iter().map(|row| row.iter().sum()).collect();
    let y: Vec<f64> = (0..k).map(|j| table.iter().map(|row| row[j]).sum()).collect();
    let below = |counts: &[f64], c: usize| counts[..c].iter().sum::<f64>();
    let up_to = |counts: &[f64], c: usize| counts[..=c].iter().sum::<f64>();
    let p_up: f64 = (0..k).map(|c| y[c] * below(&x, c)).sum::<f64>() / (nf * nf);
    let p_down: f64 = (0..k).map(|c| x[c] * below(&y, c)).sum::<f64>() / (nf * nf);
    let position = p_up - p_down;
    let inside = |outer: &[f64], inner: &[f64]| -> f64 {
        (0..k).map(|c| inner[c] * below(outer, c) * (nf - up_to(outer, c))).sum::<f64>() / nf.powi(3)
    };
    let spread = inside(&x, &y) - inside(&y, &x);
    let most = (p_up - p_up * p_up).min(p_down - p_down * p_down);
    let concentration = if most > 0.0 { (spread / most).clamp(-1.0, 1.0) } else { 0.0 };
    // Augmented ranks: among equal readings of one reader, the other's decides.
    let rank_in = |before: f64, inside_before: f64, here: f64| before + inside_before + (here + 1.0) / 2.0;
    let mut random = 0.0;
    for a in 0..k {
        for b in 0..k {
            let here = table[a][b];
            if here > 0.0 {
                let by_first = rank_in(below(&x, a), table[a][..b].iter().sum(), here);
                let by_second = rank_in(below(&y, b), table[..a].iter().map(|row| row[b]).sum(), here);
                random += here * (by_first - by_second).powi(2);
            }
        }
    }
    let same: f64 = (0..k).map(|c| table[c][c]).sum();
    Some(Disagreement { percent_agreement: same / nf, position, concentration, random: 6.0 * random / nf.powi(3) })
}
