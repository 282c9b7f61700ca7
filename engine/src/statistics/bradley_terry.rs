//! Strengths of several things from choices between two of them (Bradley and Terry 1952).

/// Rounds of the search at most; near a bound it is slow.
const ROUNDS: usize = 20_000;
/// A relative change below this is the end.
const SETTLED: f64 = 1e-10;

/// Logarithms of the strengths against the first thing, whose own is 0: thing i is chosen over j with the odds
/// exp(s_i − s_j). `wins[i][j]` is how often i was chosen over j.
///
/// Found by the minorising steps of Hunter (2004). `None` where the table is not square or the strengths have no
/// bound: some group of things was never chosen over the others (Ford 1957).
pub fn strengths(wins: &[Vec<f64>]) -> Option<Vec<f64>> {
    let n = wins.len();
    if n < 2 || wins.iter().any(|row| row.len() != n) || !connected(wins) {
        return None;
    }
    let mut strength = vec![1.0f64; n];
    for _ in 0..ROUNDS {
        let mut next: Vec<f64> = (0..n)
            .map(|i| {
                let won: f64 = (0..n).filter(|&j| j != i).map(|j| wins[i][j]).sum();
                let met: f64 = (0..n).filter(|&j| j != i).map(|j| (wins[i][j] + wins[j][i]) / (strength[i] + strength[j])).sum();
                won / met
            })
            .collect();
        let mean_log = next.iter().map(|s| s.ln()).sum::<f64>() / n as f64;
        next.iter_mut().for_each(|s| *s /= mean_log.exp());
        let change = next.iter().zip(&strength).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        strength = next;
        if !change.is_finite() {
            return None;
        }
        if change < SETTLED {
            return Some(strength.iter().map(|s| (s / strength[0]).ln()).collect());
        }
    }
    None
}

/// Whether each thing beats each other one, directly or through others.
fn connected(wins: &[Vec<f64>]) -> bool {
    let reaches_all = |forward: bool| {
        let mut seen = vec![false; wins.len()];
        let mut open = vec![0];
        seen[0] = true;
        while let Some(i) = open.pop() {
            for j in 0..wins.len() {
                let won = if forward { wins[i][j] } else { wins[j][i] };
                if j != i && won > 0.0 && !seen[j] {
                    seen[j] = true;
                    open.push(j);
                }
            }
        }
        seen.iter().all(|s| *s)
    };
    reaches_all(true) && reaches_all(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_things_have_the_odds_of_their_counts() {
        let found = strengths(&[vec![0.0, 30.0], vec![10.0, 0.0]]).expect("both won");
        assert!((found[1] + 3f64.ln()).abs() < 1e-8, "{found:?}");
    }

    #[test]
    fn consistent_counts_give_their_strengths_back() {
        // Strengths 1, 2, 4: each pair met 60 times in just the expected shares.
        let truth = [1.0, 2.0, 4.0];
        let wins: Vec<Vec<f64>> = (0..3)
            .map(|i| (0..3).map(|j| if i == j { 0.0 } else { 60.0 * truth[i] / (truth[i] + truth[j]) }).collect())
            .collect();
        let found = strengths(&wins).expect("all won");
        for (got, want) in found.iter().zip(truth) {
            assert!((got - f64::ln(want)).abs() < 1e-7, "{found:?}");
        }
    }

    #[test]
    fn strengths_without_bound_are_none() {
        assert_eq!(strengths(&[vec![0.0, 5.0], vec![0.0, 0.0]]), None);
        assert_eq!(strengths(&[vec![0.0, 5.0, 1.0], vec![4.0, 0.0, 3.0], vec![0.0, 0.0, 0.0]]), None);
        assert_eq!(strengths(&[vec![0.0]]), None);
    }
}
