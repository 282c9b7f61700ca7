//! Whether what was accepted is what was planned.

use std::collections::BTreeMap;

use super::coverage::{Axis, Matrix};
use super::row::{Class, Row};

/// A cell in which plan and result differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The finding.
    pub class: Class,
    /// The word of the column.
    pub label: &'static str,
    /// Images that were planned.
    pub planned: usize,
    /// Images that were accepted.
    pub accepted: usize,
}

impl Gap {
    /// The gap in one sentence.
    pub fn sentence(&self) -> String {
        let label = self.label.to_lowercase();
        format!("{}, {label}: {} of {} accepted.", self.class.title(), self.accepted, self.planned)
    }
}

/// Cells of an axis in which fewer or more images were accepted than planned; `planned` and `accepted` hold a row an image.
pub fn gaps(planned: &[&Row], accepted: &[&Row], axis: Axis) -> Vec<Gap> {
    let count = |rows: &[&Row]| {
        let matrix = Matrix::of(rows.iter().copied(), axis);
        let mut cells = BTreeMap::new();
        for (class, line) in matrix.classes.iter().zip(&matrix.counts) {
            for (&column, &n) in matrix.columns.iter().zip(line) {
                cells.insert((*class, column), n);
            }
        }
        cells
    };
    let (plan, got) = (count(planned), count(accepted));
    let cells: std::collections::BTreeSet<_> = plan.keys().chain(got.keys()).copied().collect();
    let of = |map: &BTreeMap<(Class, usize), usize>, cell| map.get(cell).copied().unwrap_or(0);
    cells
        .iter()
        .map(|cell| Gap { class: cell.0, label: axis.labels()[cell.1], planned: of(&plan, cell), accepted: of(&got, cell) })
        .filter(|gap| gap.planned != gap.accepted)
        .collect()
}

#[cfg(test)]
mod tests {
    use engine::domain::{Finding, Side};

    use super::*;

    #[test]
    fn only_cells_that_differ_are_told() {
        let (right, left) =
            (Row::new(Class::Finding(Finding::Nodule), Side::Right), Row::new(Class::Finding(Finding::Nodule), Side::Left));
        let planned = [&right, &right, &left];
        let found = gaps(&planned, &[&right, &left], Axis::Side);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sentence(), "Nodule or mass, right: 1 of 2 accepted.");
        assert!(gaps(&planned, &planned, Axis::Age).is_empty());
    }
}
