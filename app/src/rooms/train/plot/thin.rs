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

/// The exponential mean with a half-life in updates, of all rows up to each point; those before the range count, too.
pub(super) fn smooth(rows: &[Row], column: Column, half_life: u32, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut line = Vec::new();
    for row in rows {
        let cell = row.cell(column);
        if f64::from(row.from) > to {
            break;
        }
        if cell.count == 0 {
            continue;
        }
        let keep = 0.5f64.powf(f64::from(cell.count) / f64::from(half_life.max(1)));
        sum = keep * sum + (1.0 - keep) * f64::from(cell.mean);
        weight = keep * weight + (1.0 - keep);
        if f64::from(row.to) >= from {
            line.push((row.middle(), sum / weight));
        }
    }
    line
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
    fn smoothing_forgets_its_start_and_weighs_the_first_updates_rightly() {
        let step: Vec<f64> = (0..400).map(|i| if i < 200 { 1.0 } else { 3.0 }).collect();
        let table = table(&step);
        let line = smooth(table.rows(), Column::Loss, 20, (1.0, 400.0));
        assert_eq!(line[0].1, 1.0, "the first value is not drawn to 0");
        let at = |update: f64| line.iter().find(|(x, _)| *x == update).map_or(0.0, |(_, y)| *y);
        assert!((at(220.0) - 2.0).abs() < 0.01, "half of the way after a half-life: {}", at(220.0));
        // A part of it is the same line.
        let part = smooth(table.rows(), Column::Loss, 20, (210.0, 230.0));
        assert_eq!(part.iter().find(|(x, _)| *x == 220.0).map(|(_, y)| *y), Some(at(220.0)));
    }
}
