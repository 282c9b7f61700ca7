//! Ranks from 1, ties sharing their mean rank.

/// Mean ranks of the values, in their order.
pub fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|&a, &b| values[a] == values[b]).scan(0usize, |done, group| {
        let first = *done;
        *done += group.len();
        Some((first, group))
    }) {
        let (first, members) = group;
        let rank = first as f64 + (members.len() as f64 + 1.0) / 2.0;
        for &i in members {
            ranks[i] = rank;
        }
    }
    ranks
}

/// Sizes of the groups of equal values.
pub fn tie_sizes(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), vec![4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(tie_sizes(&[3.0, 1.0, 3.0, 2.0, 3.0]), vec![1, 1, 3]);
        assert!(mean_ranks(&[]).is_empty());
    }
}
