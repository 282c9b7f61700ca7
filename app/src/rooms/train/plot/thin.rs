//! From rows of a table to what a plot of so many columns shows, without losing an extreme.

use super::super::watch::table::{Cell, Column, Row};

/// A column of the screen: its place, and what lies in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Mean update.
    pub x: f64,
    /// Least, greatest and mean value.
    pub cell: Cell,
}

/// Rows that fall into the same column of the screen become one point.
pub(super) fn thin(rows: &[Row], column: Column, (from, to): (f64, f64), columns: usize) -> Vec<Point> {
    let width = (to - from).max(f64::MIN_POSITIVE) / columns.max(1) as f64;
    let mut points: Vec<(i64, Point, f64)> = Vec::new();
    for row in rows {
        let cell = row.cell(column);
        if cell.count == 0 {
            continue;
        }
        let place = ((row.middle() - from) / width).floor() as i64;
        match points.last_mut() {
            Some((at, point, count)) if *at == place => {
                let more = f64::from(cell.count);
                point.x = (point.x * *count + row.middle() * more) / (*count + more);
                point.cell = point.cell.with(cell);
                *count += more;
            }
            _ => points.push((place, Point { x: row.middle(), cell }, f64::from(cell.count))),
        }
    }
    points.into_iter().map(|(_, point, _)| point).collect()
}

/// Share of the updates so far over which a curve is smoothed at most: the first ones fall too fast for more.
const EARLY: f64 = 0.1;

/// A smooth line in the middle of a curve: at each point the straight line that fits best, where half of the weight lies
/// within `half` updates before and after. So it neither lags behind a falling curve nor bends away at its ends. All rows
/// count, also those beside the range.
pub(super) fn smooth(rows: &[Row], column: Column, half: u32, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let rows: Vec<(&Row, Cell)> = rows.iter().map(|row| (row, row.cell(column))).filter(|(_, c)| c.count > 0).collect();
    let half = |at: f64| f64::from(half.max(1)).min(1.0 + EARLY * at);
    let keep = |a: f64, b: f64| 0.5f64.powf((b - a) / half(0.5 * (a + b)));
    let own = |cell: Cell| Moments::one(f64::from(cell.count), f64::from(cell.mean));
    // What lies after each row, as seen from it.
    let mut after = vec![Moments::default(); rows.len()];
    for i in (1..rows.len()).rev() {
        let (here, next) = (rows[i - 1].0.middle(), rows[i].0.middle());
        after[i - 1] = after[i].plus(own(rows[i].1)).seen_from(here - next, keep(here, next));
    }
    let mut before = Moments::default();
    let mut line = Vec::new();
    for (i, (row, cell)) in rows.iter().enumerate() {
        let here = row.middle();
        if let Some((last, _)) = i.checked_sub(1).and_then(|last| rows.get(last)) {
            before = before.seen_from(here - last.middle(), keep(last.middle(), here));
        }
        before = before.plus(own(*cell));
        if f64::from(row.to) >= from && f64::from(row.from) <= to {
            line.push((here, before.plus(after[i]).fitted()));
        }
    }
    line
}

/// Weighted sums over points, their places counted from where one stands.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    weight: f64,
    x: f64,
    xx: f64,
    y: f64,
    xy: f64,
}

impl Moments {
    /// A point where one stands.
    fn one(weight: f64, y: f64) -> Self {
        Self { weight, y: weight * y, ..Self::default() }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            x: self.x + other.x,
            xx: self.xx + other.xx,
            y: self.y + other.y,
            xy: self.xy + other.xy,
        }
    }

    /// The same points from a place `by` further on, with their weights made smaller.
    fn seen_from(self, by: f64, keep: f64) -> Self {
        Self {
            weight: keep * self.weight,
            x: keep * (self.x - by * self.weight),
            xx: keep * (self.xx - 2.0 * by * self.x + by * by * self.weight),
            y: keep * self.y,
            xy: keep * (self.xy - by * self.y),
        }
    }

    /// The height here of the straight line that fits best; of two points or fewer the mean.
    fn fitted(self) -> f64 {
        let (mean_x, mean_y) = (self.x / self.weight, self.y / self.weight);
        let spread = self.xx / self.weight - mean_x * mean_x;
        let slope = if spread > 0.5 { (self.xy / self.weight - mean_x * mean_y) / spread } else { 0.0 };
        mean_y - slope * mean_x
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::watch::table::{Numbers, Table};
    use super::*;

    fn table(values: &[f64]) -> Table {
        let mut table = Table::default();
        for (i, value) in values.iter().enumerate() {
            let mut numbers = Numbers::default();
            numbers.set(Column::Loss, Some(*value));
            table.push(i as u32 + 1, &numbers);
        }
        table
    }

    #[test]
    fn a_spike_stays_and_points_are_no_more_than_columns() {
        let mut values = vec![1.0; 4000];
        values[1234] = 99.0;
        values[7] = f64::NAN;
        let table = table(&values);
        let points = thin(table.rows(), Column::Loss, (1.0, 4000.0), 300);
        assert!(points.len() <= 301, "{}", points.len());
        let spike = points.iter().find(|point| point.cell.high == 99.0);
        assert!(spike.is_some_and(|point| (point.x - 1235.0).abs() < 14.0 && point.cell.low == 1.0));
        assert_eq!(points.iter().map(|point| point.cell.count).sum::<u32>(), 3999);
    }

    #[test]
    fn the_smooth_line_lies_in_the_middle_of_the_curve() {
        // A loss that falls and levels off, with noise; a share of the points must lie on each side everywhere.
        let clean = |i: f64| 0.6 + 1.2 * (-i / 60.0).exp();
        let noise = |i: f64| ((i * 12.9898).sin() * 43_758.547).fract() * 0.2;
        let values: Vec<f64> = (1..=2000).map(|i| clean(f64::from(i)) + noise(f64::from(i))).collect();
        let table = table(&values);
        for half in [10, 50, 200] {
            let line = smooth(table.rows(), Column::Loss, half, (1.0, 2000.0));
            assert_eq!(line.len(), 2000);
            for part in [0..60, 60..200, 200..1000, 1000..1940, 1940..2000] {
                let above = part.clone().filter(|&i| values[i] > line[i].1).count() as f64 / part.len() as f64;
                assert!((0.3..=0.7).contains(&above), "half {half}, {part:?}: {above}");
            }
            let worst = line.iter().skip(20).map(|(x, y)| (y - clean(*x)).abs()).fold(0.0, f64::max);
            assert!(worst < 0.2, "half {half}: {worst}");
        }
    }

    #[test]
    fn a_straight_line_is_its_own_smooth_line_and_a_step_is_met_in_its_middle() {
        let table_of = |f: &dyn Fn(f64) -> f64| table(&(1..=400).map(|i| f(f64::from(i))).collect::<Vec<_>>());
        let straight = table_of(&|x| 3.0 - 0.005 * x);
        for (x, y) in smooth(straight.rows(), Column::Loss, 50, (1.0, 400.0)) {
            assert!((y - (3.0 - 0.005 * x)).abs() < 1e-4, "{x}: {y}");
        }
        let step = table_of(&|x| if x < 200.5 { 1.0 } else { 3.0 });
        let whole = smooth(step.rows(), Column::Loss, 20, (1.0, 400.0));
        let at = |line: &[(f64, f64)], update: f64| line.iter().find(|(x, _)| *x == update).map_or(0.0, |(_, y)| *y);
        assert!((at(&whole, 200.0) + at(&whole, 201.0) - 4.0).abs() < 0.2, "not before it, not after it");
        assert!((at(&whole, 1.0) - 1.0).abs() < 1e-4 && (at(&whole, 400.0) - 3.0).abs() < 0.05);
        // A part of it is the same line; one value is itself.
        let part = smooth(step.rows(), Column::Loss, 20, (210.0, 230.0));
        assert_eq!((part.len(), at(&part, 220.0)), (21, at(&whole, 220.0)));
        assert_eq!(smooth(table(&[2.5]).rows(), Column::Loss, 50, (1.0, 2.0)), [(1.0, 2.5)]);
    }
}
