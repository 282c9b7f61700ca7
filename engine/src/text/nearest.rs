//! The name that was meant by a word that is none, for the sentences of both programs.

/// The name that differs least, unless more than a third of the word's letters differ.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let best = names.iter().map(|name| (distance(word, name), *name)).min_by_key(|(d, _)| *d)?;
    (best.0 <= 1 + word.chars().count() / 3).then_some(best.1)
}

/// Letters to be added, taken away, changed, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in table[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = least;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        assert_eq!((distance("side", "side"), distance("sied", "side"), distance("sde", "side")), (0, 1, 1));
        assert_eq!(nearest("guidence", &["steps", "guidance"]), Some("guidance"));
        assert_eq!(nearest("colour", &["steps", "guidance"]), None);
    }
}
