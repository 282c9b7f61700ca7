//! What a person should know before a recipe runs: empty cells, rows that are alike, impossible places, cost.

use std::collections::HashMap;

use super::cases::{Maker, Rows};
use super::coverage::{Axis, Matrix};
use super::recipe::{Recipe, Source};
use super::row::{Class, Row};

/// Most sentences of one kind.
const MOST: usize = 5;

/// Warnings about a plan, one sentence each; what cannot run at all is an error elsewhere.
pub fn warnings(recipe: &Recipe, rows: &Rows) -> Vec<String> {
    let mut notes: Vec<String> = rows.left_out.clone();
    notes.extend(empty_cells(&rows.list));
    notes.extend(alike(recipe, &rows.list));
    let has_finding = rows.list.iter().any(|row| row.class != Class::Normal);
    if recipe.place.source == Source::Text && has_finding {
        notes.push("Findings have no region: the text alone decides where they lie, and no mask is exported.".to_owned());
    }
    if recipe.how.keep_best && recipe.how.seeds_per_row == 1 {
        notes.push("Keep the best of a row needs two or more seeds for each row.".to_owned());
    }
    if recipe.how.twins && !has_finding {
        notes.push("Twins are made of images with a finding; no row has one.".to_owned());
    }
    notes
}

/// Cells without a row although finding and column both occur.
fn empty_cells(rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    for axis in [Axis::Side, Axis::Sex] {
        let matrix = Matrix::of(rows, axis);
        for (class, line) in matrix.classes.iter().zip(&matrix.counts) {
            let Class::Finding(finding) = class else { continue };
            for (&column, &n) in matrix.columns.iter().zip(line) {
                let label = axis.labels()[column];
                let may_be = axis != Axis::Side
                    || !matches!(label, "Both" | "No side") && engine::phantom::possible_sides(*finding).len() > 1;
                if n == 0 && may_be && label != "Unstated" {
                    found.push(format!(
                        "{} has no row with {} {}.",
                        finding.title(),
                        axis.title().to_lowercase(),
                        label.to_lowercase()
                    ));
                }
            }
        }
    }
    shortened(found, "empty cells")
}

fn shortened(mut sentences: Vec<String>, what: &str) -> Vec<String> {
    if sentences.len() > MOST {
        let more = sentences.len() - MOST + 1;
        sentences.truncate(MOST - 1);
        sentences.push(format!("{more} more {what}."));
    }
    sentences
}

/// Rows of a table that say the same.
fn alike(recipe: &Recipe, rows: &[Row]) -> Vec<String> {
    if recipe.who.table.is_none() {
        return Vec::new();
    }
    let mut first: HashMap<Row, usize> = HashMap::new();
    let mut found = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let key = Row { name: String::new(), ..row.clone() };
        match first.get(&key) {
            Some(earlier) => found.push(format!("Rows {} and {} are alike; only their seeds differ.", earlier + 1, i + 1)),
            None => drop(first.insert(key, i)),
        }
    }
    shortened(found, "rows that are alike")
}

/// Rows that cannot be made, with the reason; at most `most` are named.
pub fn impossible(maker: &Maker<'_>, most: usize) -> Vec<String> {
    let numbers = 1..=u32::try_from(maker.rows.len()).unwrap_or(u32::MAX);
    numbers.filter_map(|number| maker.check(number).err()).take(most).collect()
}

/// What a run takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Images to make.
    pub images: usize,
    /// Seconds, when the pace is known.
    pub secs: Option<f64>,
    /// Bytes on disk, about.
    pub bytes: u64,
}

impl Cost {
    /// The cost of `images` of `size_px`², from the seconds that one image took.
    pub fn of(images: usize, size_px: u32, secs_each: Option<f64>) -> Self {
        // A 16-bit radiograph packs to about 1.7 bytes a pixel; record and masks add some.
        let each = u64::from(size_px).pow(2) * 17 / 10 + 12_000;
        Self { images, secs: secs_each.map(|secs| secs * images as f64), bytes: each * images as u64 }
    }

    /// Time in words.
    pub fn time(&self) -> String {
        match self.secs {
            None => "unknown until an image was made".to_owned(),
            Some(secs) if secs < 90.0 => format!("about {secs:.0} s"),
            Some(secs) if secs < 5400.0 => format!("about {:.0} min", secs / 60.0),
            Some(secs) => format!("about {:.1} h", secs / 3600.0),
        }
    }

    /// Disk space in words.
    pub fn disk(&self) -> String {
        let mb = self.bytes as f64 / 1e6;
        if mb < 1000.0 { format!("about {mb:.0} MB") } else { format!("about {:.1} GB", mb / 1000.0) }
    }
}

/// Up to `most` rows that show a plan: evenly over its order, in which findings, sides and sizes stand together.
pub fn examples(rows: usize, most: usize) -> Vec<u32> {
    let n = rows.min(most);
    (0..n).map(|i| ((2 * i + 1) * rows / (2 * n)) as u32 + 1).collect()
}

#[cfg(test)]
mod tests {
    use engine::domain::{Finding, GenerateRequest, Side};
    use engine::phantom::Zone;

    use super::*;
    use crate::dataset::recipe::Who;

    fn table(rows: Vec<Row>) -> Recipe {
        Recipe { who: Who { quotas: None, table: Some(rows) }, ..Recipe::default() }
    }

    #[test]
    fn gaps_and_twins_of_rows_are_told() {
        let ptx = Row::new(Class::Finding(Finding::Pneumothorax), Side::Left);
        let nodule = Row::new(Class::Finding(Finding::Nodule), Side::Right);
        let recipe = table(vec![ptx.clone(), nodule, ptx]);
        let notes = warnings(&recipe, &Rows::of(&recipe).expect("rows"));
        assert!(notes.contains(&"Pneumothorax has no row with side right.".to_owned()), "{notes:?}");
        assert!(notes.contains(&"Rows 1 and 3 are alike; only their seeds differ.".to_owned()), "{notes:?}");
        let fine = Recipe::default();
        assert_eq!(warnings(&fine, &Rows::of(&fine).expect("rows")), Vec::<String>::new());
    }

    #[test]
    fn impossible_rows_are_named() {
        let apical = Row { zone: Some(Zone::Apical), ..Row::new(Class::Finding(Finding::PleuralEffusion), Side::Left) };
        let recipe = table(vec![Row::new(Class::Normal, Side::Both), apical]);
        let rows = Rows::of(&recipe).expect("rows").list;
        let maker = Maker::new(&recipe, &rows, &GenerateRequest::new("", 0), 64).expect("a maker");
        let found = impossible(&maker, 9);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("row 2") && found[0].contains("base"), "{found:?}");
        let odd = Row {
            impression: "Small left effusion.".to_owned(),
            ..Row::new(Class::Finding(Finding::PleuralEffusion), Side::Right)
        };
        let rows = [odd];
        let maker = Maker::new(&recipe, &rows, &GenerateRequest::new("", 0), 64).expect("a maker");
        assert!(impossible(&maker, 9)[0].contains("its text says left"), "{:?}", impossible(&maker, 9));
    }

    #[test]
    fn costs_and_examples() {
        let cost = Cost::of(240, 512, Some(6.0));
        assert_eq!((cost.time().as_str(), cost.disk().as_str()), ("about 24 min", "about 110 MB"));
        assert!(Cost::of(1, 64, None).time().contains("unknown"));
        assert_eq!(Cost::of(10_000, 512, Some(6.0)).time(), "about 16.7 h");
        assert_eq!(examples(3, 12), [1, 2, 3]);
        let many = examples(100, 12);
        assert!(many.len() == 12 && many.windows(2).all(|w| w[0] < w[1]) && many[11] <= 100, "{many:?}");
        assert!(examples(0, 12).is_empty());
    }
}
