//! Balanced squares: each treatment equally often in each place and after each other treatment.

/// Rows of a Williams design of `n` treatments: `n` rows where `n` is even, `2 n` where it is odd.
///
/// Each treatment stands equally often in each place, and each ordered pair of different treatments stands beside each
/// other equally often. Row `i` begins with treatment `i % n`, so that any `n` successive rows of one half begin with all.
pub fn williams(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return Vec::new();
    }
    // 0, 1, n-1, 2, n-2, …: all differences of neighbours are different.
    let first: Vec<usize> = (0..n).map(|place| if place % 2 == 1 { place.div_ceil(2) } else { (n - place / 2) % n }).collect();
    let from = |start: &[usize]| -> Vec<Vec<usize>> {
        (0..n).map(|row| start.iter().map(|value| (value + row + n - start[0]) % n).collect()).collect()
    };
    let mut rows = from(&first);
    if n % 2 == 1 && n > 1 {
        let mirrored: Vec<usize> = first.into_iter().rev().collect();
        rows.extend(from(&mirrored));
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn places_and_successors_are_balanced() {
        for n in 1..=12 {
            let rows = williams(n);
            assert_eq!(rows.len(), if n % 2 == 1 && n > 1 { 2 * n } else { n });
            let mut after: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            for (index, row) in rows.iter().enumerate() {
                assert_eq!(row[0], index % n);
                let mut sorted = row.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>());
                for pair in row.windows(2) {
                    *after.entry((pair[0], pair[1])).or_default() += 1;
                }
            }
            for place in 0..n {
                let mut seen: Vec<usize> = rows.iter().map(|row| row[place]).collect();
                seen.sort_unstable();
                let each = rows.len() / n;
                assert!(seen.chunks(each).enumerate().all(|(value, chunk)| chunk.iter().all(|v| *v == value)), "{n} {place}");
            }
            assert_eq!(after.len(), n * (n - 1));
            assert!(after.values().all(|count| *count == rows.len() / n), "{n}: {after:?}");
        }
        assert!(williams(0).is_empty());
    }
}
