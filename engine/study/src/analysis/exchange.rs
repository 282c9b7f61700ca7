//! Whether an image is taken more or less often than by guessing: an exact test that keeps the readers of a case together.
//!
//! Where readers guess, any image of a case could as well have been the counted one. So the images of each case trade
//! places with equal chance, with all the choices that they got: readers who agree do not count as more evidence. Of one
//! choice a case this is the binomial law.

/// How often the images of each case were taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taken {
    /// Places of the arms, of which the first is counted; `None` of quartets, where it is the real image.
    pub(super) pair: Option<(usize, usize)>,
    /// Choices by case, then image; the counted image first. Zeros where a case has no choice.
    pub(super) by_case: Vec<Vec<usize>>,
}

/// Two-sided exact p: outcomes at least as far from what is expected as the one seen.
pub(super) fn p_of(cases: &[&[usize]]) -> f64 {
    let most: usize = cases.iter().filter_map(|counts| counts.iter().max()).sum();
    let mut odds = vec![0.0; most + 1];
    odds[0] = 1.0;
    for counts in cases {
        let mut next = vec![0.0; most + 1];
        for (at, odds) in odds.iter().enumerate().filter(|(_, odds)| **odds > 0.0) {
            for n in *counts {
                next[at + n] += odds / counts.len() as f64;
            }
        }
        odds = next;
    }
    let expected: f64 = cases.iter().map(|counts| counts.iter().sum::<usize>() as f64 / counts.len() as f64).sum();
    let seen: usize = cases.iter().filter_map(|counts| counts.first()).sum();
    // Equal distances differ by rounding.
    let bound = (seen as f64 - expected).abs() - 1e-9;
    odds.iter().enumerate().filter(|(at, _)| (*at as f64 - expected).abs() >= bound).map(|(_, odds)| odds).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use engine::statistics::proportion::binomial_two_sided;

    use super::p_of;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} for {want}");
    }

    #[test]
    fn one_choice_a_case_follows_the_binomial_law() {
        let of = |hits: usize, n: usize, images: usize| {
            let case = |took: bool| (0..images).map(|image| usize::from((image == 0) == took && image < 2)).collect::<Vec<_>>();
            let cases: Vec<Vec<usize>> = (0..n).map(|i| case(i < hits)).collect();
            p_of(&cases.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        for hits in 0..=12 {
            close(of(hits, 12, 2), binomial_two_sided(hits, 12, 0.5).expect("choices"));
        }
        // Six of eight where two are expected: only 6, 7 and 8 are as far, 277 of 65 536.
        close(of(6, 8, 4), (28.0 * 9.0 + 8.0 * 3.0 + 1.0) / 65_536.0);
    }

    #[test]
    fn readers_who_agree_are_one_piece_of_evidence() {
        let (alone, alike) = ([[1, 0]; 8], [[3, 0]; 8]);
        let p = |cases: &[[usize; 2]]| p_of(&cases.iter().map(<[usize; 2]>::as_slice).collect::<Vec<_>>());
        close(p(&alike), p(&alone));
        close(p(&alone), 2.0 / 256.0);
        close(p(&[[2, 2]; 8]), 1.0);
    }
}
