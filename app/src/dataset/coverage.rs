//! How many rows fall into each cell of two axes, before anything is sampled.

use engine::domain::Side;
use engine::phantom::LesionSize;

use super::row::{Class, Row};
use crate::state::{Group, Sex};

/// What rows are counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The patient's side.
    #[default]
    Side,
    /// Sex.
    Sex,
    /// Bands of twenty years.
    Age,
    /// Size.
    Size,
    /// Group.
    Group,
}

impl Axis {
    /// All axes in menu order.
    pub const ALL: [Self; 5] = [Self::Side, Self::Sex, Self::Age, Self::Size, Self::Group];

    /// The word in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Side => "Side",
            Self::Sex => "Sex",
            Self::Age => "Age",
            Self::Size => "Size",
            Self::Group => "Group",
        }
    }

    /// The words above the columns.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Side => &["Right", "Left", "Both", "No side"],
            Self::Sex => &["Female", "Male", "Unstated"],
            Self::Age => &["0–19", "20–39", "40–59", "60–79", "80+", "Unstated"],
            Self::Size => &["Small", "Medium", "Large", "No size"],
            Self::Group => &["A", "B", "C", "Unstated"],
        }
    }

    /// The column of one finding of a row, by its side and size and the row's patient.
    pub fn column(self, row: &Row, side: Side, size: Option<LesionSize>) -> usize {
        match self {
            Self::Side => match side {
                _ if row.class == Class::Normal => 3,
                Side::Right => 0,
                Side::Left => 1,
                Side::Both => 2,
            },
            Self::Sex => match row.sex {
                Sex::Female => 0,
                Sex::Male => 1,
                Sex::Unstated => 2,
            },
            Self::Age => row.age.map_or(5, |age| (age as usize / 20).min(4)),
            Self::Size => match size {
                Some(LesionSize::Small) => 0,
                Some(LesionSize::Medium) => 1,
                Some(LesionSize::Large) => 2,
                None => 3,
            },
            Self::Group => match row.group {
                Group::A => 0,
                Group::B => 1,
                Group::C => 2,
                Group::Unstated => 3,
            },
        }
    }
}

/// Counts of findings by an axis: a row counts once for each of its findings, a normal one once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The findings that occur, in the order of [`Class::ALL`].
    pub classes: Vec<Class>,
    /// Columns that occur: their places in [`Axis::labels`].
    pub columns: Vec<usize>,
    /// Counts, row by row.
    pub counts: Vec<Vec<usize>>,
}

impl Matrix {
    /// Counts rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row> + Clone, axis: Axis) -> Self {
        let mut table = vec![vec![0usize; axis.labels().len()]; Class::ALL.len()];
        for row in rows {
            let mut count = |class: Class, side, size| {
                let place = Class::ALL.iter().position(|known| *known == class).unwrap_or(0);
                table[place][axis.column(row, side, size)] += 1;
            };
            if row.class == Class::Normal {
                count(Class::Normal, row.side, row.size);
            }
            row.lesions().for_each(|lesion| count(Class::Finding(lesion.finding), lesion.side, lesion.size));
        }
        let columns: Vec<usize> = (0..axis.labels().len()).filter(|&c| table.iter().any(|line| line[c] > 0)).collect();
        let mut matrix = Self { columns, ..Self::default() };
        for (class, line) in Class::ALL.into_iter().zip(table) {
            if line.iter().any(|&n| n > 0) {
                matrix.classes.push(class);
                matrix.counts.push(matrix.columns.iter().map(|&c| line[c]).collect());
            }
        }
        matrix
    }

    /// Sum of a finding.
    pub fn row_sum(&self, row: usize) -> usize {
        self.counts.get(row).map_or(0, |line| line.iter().sum())
    }

    /// Sum of a column.
    pub fn column_sum(&self, column: usize) -> usize {
        self.counts.iter().filter_map(|line| line.get(column)).sum()
    }

    /// Sum of all.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The largest count.
    pub fn most(&self) -> usize {
        self.counts.iter().flatten().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::cases::Rows;
    use crate::dataset::recipe::Recipe;

    #[test]
    fn every_axis_counts_every_row_once() {
        let rows = Rows::of(&Recipe::default()).expect("rows").list;
        for axis in Axis::ALL {
            let matrix = Matrix::of(&rows, axis);
            assert_eq!(matrix.total(), 24, "{axis:?}");
            assert_eq!((0..matrix.classes.len()).map(|i| matrix.row_sum(i)).sum::<usize>(), 24);
            assert_eq!((0..matrix.columns.len()).map(|i| matrix.column_sum(i)).sum::<usize>(), 24);
            assert!(matrix.columns.iter().all(|&c| c < axis.labels().len()) && matrix.most() > 0);
        }
        assert_eq!(Matrix::of(&rows, Axis::Side).classes.len(), 4);
        assert_eq!(Matrix::of(&Vec::new(), Axis::Age), Matrix::default());
    }
}
