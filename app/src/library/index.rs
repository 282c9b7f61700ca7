//! Few numbers of every run in memory, so that facets, order and the wall answer in milliseconds.
//!
//! Fifty thousand runs take about three megabytes; texts, notes and pictures stay in the file.

use std::collections::HashMap;

use engine::domain::{Finding, Side};
use rusqlite::Connection;

use super::{LibraryError, Mark, Verified};

/// Number of classes.
const CLASSES: usize = Finding::ALL.len();

/// What is drawn in a run: a bit for every class on every side, and how each class is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    places: u32,
    masks: u16,
    boxes: u16,
}

impl Drawn {
    /// Adds a layer.
    pub fn add(&mut self, finding: Finding, side: Side, boxed: bool) {
        self.places |= 1 << (side as usize * CLASSES + finding.index());
        let kinds = if boxed { &mut self.boxes } else { &mut self.masks };
        *kinds |= 1 << finding.index();
    }

    /// Whether nothing is drawn.
    pub fn is_empty(self) -> bool {
        self.places == 0
    }

    /// The classes that lie on one of `sides` (a bit each, in the order of [`Side`]), a bit each.
    pub fn classes_on(self, sides: u8) -> u16 {
        let all = (1u32 << CLASSES) - 1;
        let on = |side: usize| if sides & (1 << side) != 0 { (self.places >> (side * CLASSES)) & all } else { 0 };
        (on(0) | on(1) | on(2)) as u16
    }

    /// The sides on which one of `classes` (a bit each) lies, a bit each.
    pub fn sides_of(self, classes: u16) -> u8 {
        let on = |side: usize| u8::from((self.places >> (side * CLASSES)) & u32::from(classes) != 0) << side;
        on(0) | on(1) | on(2)
    }

    /// The classes in key order, each with whether it is only boxed.
    pub fn classes(self) -> impl Iterator<Item = (Finding, bool)> {
        let all = self.classes_on(7);
        Finding::ALL
            .into_iter()
            .filter(move |f| all & (1 << f.index()) != 0)
            .map(move |f| (f, self.masks & (1 << f.index()) == 0 && self.boxes & (1 << f.index()) != 0))
    }
}

/// One run on the wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Its number.
    pub id: i64,
    /// When it was made, milliseconds since 1970, UTC.
    pub created_ms: i64,
    /// Its seed.
    pub seed: u64,
    /// The least adherence of its layers, 0 to 1; `None` where none was measured.
    pub adherence: Option<f32>,
    /// What is drawn.
    pub drawn: Drawn,
    /// Star or reject.
    pub mark: Mark,
    /// Replay.
    pub verified: Verified,
    /// Whether a region of a real image was changed.
    pub edited: bool,
    /// Whether text and layers disagreed and were kept so.
    pub conflict: bool,
    /// Place of its model in [`Index::models`].
    pub model: u16,
    /// Place of its recipe in [`Index::recipes`].
    pub recipe: u16,
}

/// A model that made runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelName {
    /// The name on its card.
    pub name: String,
    /// Hash of its weights.
    pub hash: String,
}

/// Every run, by number.
#[derive(Clone, Debug, Default)]
pub struct Index {
    rows: Vec<Row>,
    models: Vec<ModelName>,
    recipes: Vec<String>,
    model_places: HashMap<ModelName, u16>,
    recipe_places: HashMap<String, u16>,
}

const COLUMNS: &str = "id, created_ms, seed, adherence, mark, verified, edited, conflict, model_name, model_hash, recipe";

impl Index {
    /// Reads all runs.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn load(connection: &Connection) -> Result<Self, LibraryError> {
        let mut index = Self::default();
        index.add_new(connection)?;
        Ok(index)
    }

    /// Adds the runs that came since; true when there were any.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn add_new(&mut self, connection: &Connection) -> Result<bool, LibraryError> {
        let last = self.rows.last().map_or(0, |r| r.id);
        let before = self.rows.len();
        let reading = || LibraryError::sql("cannot be read");
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id > ?1 ORDER BY id");
        let mut statement = connection.prepare_cached(&sql).map_err(reading())?;
        let mut rows = statement.query([last]).map_err(reading())?;
        while let Some(row) = rows.next().map_err(reading())? {
            let row = self.row_of(row).map_err(reading())?;
            self.rows.push(row);
        }
        self.add_layers(connection, last)?;
        Ok(self.rows.len() > before)
    }

    /// Reads some runs again.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn read_again(&mut self, connection: &Connection, ids: &[i64]) -> Result<(), LibraryError> {
        let reading = || LibraryError::sql("cannot be read");
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let mut statement = connection.prepare_cached(&sql).map_err(reading())?;
        for &id in ids {
            let Some(place) = self.place(id) else { continue };
            let mut rows = statement.query([id]).map_err(reading())?;
            if let Some(row) = rows.next().map_err(reading())? {
                let drawn = self.rows[place].drawn;
                self.rows[place] = Row { drawn, ..self.row_of(row).map_err(reading())? };
            }
        }
        Ok(())
    }

    fn row_of(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        let text = |i: usize| -> rusqlite::Result<&str> { Ok(row.get_ref(i)?.as_str()?) };
        let model = ModelName { name: text(8)?.to_owned(), hash: text(9)?.to_owned() };
        Ok(Row {
            id: row.get(0)?,
            created_ms: row.get(1)?,
            seed: row.get::<_, i64>(2)?.cast_unsigned(),
            adherence: row.get::<_, Option<f64>>(3)?.map(|v| v as f32).filter(|v| v.is_finite()),
            drawn: Drawn::default(),
            mark: Mark::from_word(text(4)?).unwrap_or_default(),
            verified: Verified::from_word(text(5)?).unwrap_or_default(),
            edited: row.get(6)?,
            conflict: row.get(7)?,
            model: place_of(&mut self.models, &mut self.model_places, model),
            recipe: place_of(&mut self.recipes, &mut self.recipe_places, text(10)?.to_owned()),
        })
    }

    /// The layers of all runs after `last`.
    fn add_layers(&mut self, connection: &Connection, last: i64) -> Result<(), LibraryError> {
        let reading = || LibraryError::sql("cannot be read");
        let mut statement = connection
            .prepare_cached("SELECT run, finding, side, kind FROM run_findings WHERE run > ?1 ORDER BY run")
            .map_err(reading())?;
        let mut layers = statement.query([last]).map_err(reading())?;
        let mut place = self.rows.partition_point(|r| r.id <= last);
        while let Some(layer) = layers.next().map_err(reading())? {
            let run: i64 = layer.get(0).map_err(reading())?;
            while self.rows.get(place).is_some_and(|r| r.id < run) {
                place += 1;
            }
            let text =
                |i: usize| -> Result<&str, LibraryError> { layer.get_ref(i).and_then(|v| Ok(v.as_str()?)).map_err(reading()) };
            let finding: Finding =
                text(1)?.parse().map_err(|_| LibraryError::Foreign { what: "an unknown finding".to_owned() })?;
            let side = match text(2)? {
                "right" => Side::Right,
                "left" => Side::Left,
                _ => Side::Both,
            };
            let boxed = text(3)? == "box";
            if let Some(row) = self.rows.get_mut(place).filter(|r| r.id == run) {
                row.drawn.add(finding, side, boxed);
            }
        }
        Ok(())
    }

    /// The rows, by number.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// A run by number.
    pub fn row(&self, id: i64) -> Option<&Row> {
        self.place(id).map(|p| &self.rows[p])
    }

    /// The place of a run in [`Index::rows`].
    pub fn place(&self, id: i64) -> Option<usize> {
        self.rows.binary_search_by_key(&id, |r| r.id).ok()
    }

    /// The models, in the order they were first seen.
    pub fn models(&self) -> &[ModelName] {
        &self.models
    }

    /// The recipes, in the order they were first seen; the empty one is "by hand".
    pub fn recipes(&self) -> &[String] {
        &self.recipes
    }
}

/// The place of a value in a list of few, added when it is new; the last place holds all that no longer fit.
fn place_of<T: Clone + Eq + std::hash::Hash>(list: &mut Vec<T>, places: &mut HashMap<T, u16>, value: T) -> u16 {
    if let Some(place) = places.get(&value) {
        return *place;
    }
    if list.len() > usize::from(u16::MAX) {
        return u16::MAX;
    }
    let place = list.len() as u16;
    list.push(value.clone());
    places.insert(value, place);
    place
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, library};
    use super::*;

    #[test]
    fn rows_come_with_their_layers_and_new_ones_are_added() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        let layers = [(Finding::Pneumothorax, Side::Right, false), (Finding::PleuralEffusion, Side::Left, true)];
        Sample { seed: u64::MAX, layers: &layers, adherence: Some(0.5), ..Sample::default() }.insert(&db);
        Sample::default().insert(&db);
        let mut index = Index::load(&db.connection).expect("the library reads");
        assert_eq!(index.rows().len(), 2);
        let row = index.row(1).expect("run 1");
        assert_eq!((row.seed, row.adherence), (u64::MAX, Some(0.5)));
        let classes: Vec<_> = row.drawn.classes().collect();
        assert_eq!(classes, [(Finding::Pneumothorax, false), (Finding::PleuralEffusion, true)]);
        assert_eq!(row.drawn.sides_of(1 << Finding::PleuralEffusion.index()), 1 << (Side::Left as u8));
        assert!(index.row(2).expect("run 2").drawn.is_empty());

        assert!(!index.add_new(&db.connection).expect("nothing new"));
        Sample { layers: &layers[1..], ..Sample::default() }.insert(&db);
        assert!(index.add_new(&db.connection).expect("one is new"));
        assert!(!index.row(3).expect("run 3").drawn.is_empty());
        assert!(index.row(2).expect("run 2").drawn.is_empty(), "layers go to their own run");

        db.connection.execute("UPDATE runs SET mark = 'star' WHERE id = 1", []).expect("a mark");
        index.read_again(&db.connection, &[1, 99]).expect("it reads again");
        let row = index.row(1).expect("run 1");
        assert_eq!(row.mark, Mark::Star);
        assert!(!row.drawn.is_empty(), "layers stay");
    }
}
