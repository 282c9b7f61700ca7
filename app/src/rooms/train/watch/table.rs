//! Numbers of a stage over its updates, thinned while they come: the memory has a limit, the extremes stay.
//!
//! A row holds the updates of equal stretches: least, greatest and mean of each column. When there are too many rows,
//! two become one.

/// Rows at most; a plot has fewer points across.
const ROWS: usize = 8192;
/// Tenths of the noise range.
pub const LEVELS: usize = 10;
/// Columns.
const COLUMNS: usize = 10 + LEVELS;

/// What a number of an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Mean loss.
    Loss,
    /// Norm of the gradient before clipping.
    GradNorm,
    /// What it was multiplied with.
    ClipScale,
    /// Learning rate.
    Rate,
    /// Samples a second.
    Speed,
    /// Share of the time in forward and backward.
    Compute,
    /// Share of the time in the optimiser.
    Update,
    /// Share of the time waiting for data.
    Wait,
    /// Share of the time waiting for other ranks.
    Exchange,
    /// Memory of the process in MiB.
    Memory,
    /// Mean loss in a tenth of the noise range, little noise first.
    Level(usize),
}

impl Column {
    fn index(self) -> usize {
        match self {
            Self::Loss => 0,
            Self::GradNorm => 1,
            Self::ClipScale => 2,
            Self::Rate => 3,
            Self::Speed => 4,
            Self::Compute => 5,
            Self::Update => 6,
            Self::Wait => 7,
            Self::Memory => 8,
            Self::Exchange => 9,
            Self::Level(tenth) => 10 + tenth.min(LEVELS - 1),
        }
    }
}

/// A column over a stretch of updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Least.
    pub low: f32,
    /// Greatest.
    pub high: f32,
    /// Mean.
    pub mean: f32,
    /// Updates that had a finite number; 0 where none had.
    pub count: u32,
}

impl Cell {
    /// Without an update.
    pub const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY, mean: 0.0, count: 0 };

    fn of(value: f32) -> Self {
        if value.is_finite() { Self { low: value, high: value, mean: value, count: 1 } } else { Self::EMPTY }
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        if other.count == 0 {
            return self;
        }
        let (a, b) = (f64::from(self.count), f64::from(other.count));
        let mean = (f64::from(self.mean) * a + f64::from(other.mean) * b) / (a + b);
        Self { low: self.low.min(other.low), high: self.high.max(other.high), mean: mean as f32, count: self.count + other.count }
    }
}

/// The numbers of an update; what it does not have is not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers([f32; COLUMNS]);

impl Default for Numbers {
    fn default() -> Self {
        Self([f32::NAN; COLUMNS])
    }
}

impl Numbers {
    /// Sets a number.
    pub fn set(&mut self, column: Column, value: Option<f64>) {
        self.0[column.index()] = value.map_or(f32::NAN, |value| value as f32);
    }

    /// A number, where it is finite.
    pub fn get(&self, column: Column) -> Option<f32> {
        Some(self.0[column.index()]).filter(|value| value.is_finite())
    }
}

/// A stretch of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// First update.
    pub from: u32,
    /// Last update.
    pub to: u32,
    lines: u32,
    cells: [Cell; COLUMNS],
}

impl Row {
    /// A column of it.
    pub fn cell(&self, column: Column) -> Cell {
        self.cells[column.index()]
    }

    /// The middle of it.
    pub fn middle(&self) -> f64 {
        (f64::from(self.from) + f64::from(self.to)) / 2.0
    }

    fn take(&mut self, other: &Self) {
        self.to = other.to;
        self.lines += other.lines;
        for (cell, other) in self.cells.iter_mut().zip(other.cells) {
            *cell = cell.with(other);
        }
    }
}

/// All of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: Vec<Row>,
    /// Updates of a full row.
    width: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: Vec::new(), width: 1 }
    }
}

impl Table {
    /// Adds an update; one that was done before is the beginning of a second try, which counts.
    pub fn push(&mut self, step: u32, numbers: &Numbers) {
        while self.rows.last().is_some_and(|row| row.from >= step) {
            self.rows.pop();
        }
        let row = Row { from: step, to: step, lines: 1, cells: numbers.0.map(Cell::of) };
        match self.rows.last_mut() {
            Some(last) if last.lines < self.width => last.take(&row),
            _ => self.rows.push(row),
        }
        if self.rows.len() > ROWS {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.width *= 2;
        let old = std::mem::take(&mut self.rows);
        self.rows.reserve(ROWS);
        let mut rows = old.into_iter();
        while let Some(mut row) = rows.next() {
            if let Some(next) = rows.next() {
                row.take(&next);
            }
            self.rows.push(row);
        }
    }

    /// The rows, oldest first.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows that touch a range of updates.
    pub fn between(&self, from: f64, to: f64) -> &[Row] {
        let first = self.rows.partition_point(|row| f64::from(row.to) < from);
        let last = self.rows.partition_point(|row| f64::from(row.from) <= to);
        self.rows.get(first..last).unwrap_or(&[])
    }

    /// Whether any update has this column.
    pub fn has(&self, column: Column) -> bool {
        self.rows.iter().rev().any(|row| row.cell(column).count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(steps: u32, value: impl Fn(u32) -> f64) -> Table {
        let mut table = Table::default();
        for step in 1..=steps {
            let mut numbers = Numbers::default();
            numbers.set(Column::Loss, Some(value(step)));
            table.push(step, &numbers);
        }
        table
    }

    #[test]
    fn a_million_updates_keep_their_extremes_and_their_mean() {
        let table = table(1_000_000, |step| match step {
            777_777 => 1e6,
            123_456 => -5.0,
            31 => f64::NAN,
            _ => f64::from(step % 2),
        });
        assert!(table.rows().len() <= ROWS && table.rows().len() > ROWS / 4, "{}", table.rows().len());
        let whole = table.rows().iter().fold(Cell::EMPTY, |sum, row| sum.with(row.cell(Column::Loss)));
        assert_eq!((whole.low, whole.high, whole.count), (-5.0, 1e6, 999_999));
        assert!((f64::from(whole.mean) - 1.5).abs() < 0.01, "{}", whole.mean);
        assert_eq!((table.rows()[0].from, table.rows().last().map(|row| row.to)), (1, Some(1_000_000)));
        let near = table.between(777_777.0, 777_777.0);
        assert!(near.len() == 1 && near[0].cell(Column::Loss).high == 1e6);
        assert!(table.rows().windows(2).all(|pair| pair[0].to < pair[1].from), "rows follow each other");
        assert!(!table.has(Column::Wait) && table.has(Column::Loss));
    }

    #[test]
    fn what_is_done_again_replaces_what_was() {
        let mut table = table(9, f64::from);
        let mut numbers = Numbers::default();
        numbers.set(Column::Loss, Some(70.0));
        table.push(7, &numbers);
        let last = table.rows().last().map(|row| (row.to, row.cell(Column::Loss).mean));
        assert_eq!((table.rows().len(), last), (7, Some((7, 70.0))));
    }
}
