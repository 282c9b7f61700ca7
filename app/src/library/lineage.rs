//! Where a run came from and what came from it.

use rusqlite::{Connection, Row, params};

use super::LibraryError;

/// Ancestors that are shown at most.
const MAX_UP: usize = 8;
/// Runs that are shown at most.
const MAX_ALL: usize = 24;

/// A run in the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its number.
    pub id: i64,
    /// The run it came from, when that one is shown.
    pub parent: Option<i64>,
    /// Its lane, from 0: the first child stays in its parent's, later ones turn off.
    pub lane: usize,
    /// Its seed.
    pub seed: u64,
    /// How it came from its parent, in words, without the seed.
    pub words: String,
    /// Whether it was rejected.
    pub rejected: bool,
}

/// The family of a run, parents before their children.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// The run it is about.
    pub of: i64,
    /// The runs from top to bottom.
    pub nodes: Vec<Node>,
    /// Runs of the family that are not shown.
    pub more: usize,
}

/// What the words are made of.
struct Kin {
    id: i64,
    parent: Option<i64>,
    seed: u64,
    relation: String,
    step: Option<i64>,
    rejected: bool,
    told: [String; 5],
}

const COLUMNS: &str = "id, parent_run, seed, relation, parent_step, mark, impression, steps, guidance, model_name, sampler";

impl Kin {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            parent: row.get(1)?,
            seed: row.get::<_, i64>(2)?.cast_unsigned(),
            relation: row.get(3)?,
            step: row.get(4)?,
            rejected: row.get::<_, String>(5)? == "reject",
            told: [
                row.get(6)?,
                row.get::<_, i64>(7)?.to_string(),
                format!("{:.1}", row.get::<_, f64>(8)?),
                row.get(9)?,
                row.get(10)?,
            ],
        })
    }

    /// How it came from its parent.
    fn words(&self, parent: Option<&Self>) -> String {
        let how = match (self.relation.as_str(), self.step) {
            ("fork", Some(step)) => format!("forked at step {step}"),
            ("", _) if self.parent.is_none() => "first draft".to_owned(),
            ("" | "variant", _) => "variant".to_owned(),
            ("cell", _) => "grid cell".to_owned(),
            ("edit", _) => "edited region".to_owned(),
            (relation, _) => relation.to_owned(),
        };
        let names = ["text", "steps", "guidance", "model", "sampler"];
        let other: Vec<&str> = match parent {
            Some(parent) => {
                names.into_iter().zip(self.told.iter().zip(&parent.told)).filter(|(_, (a, b))| a != b).map(|(n, _)| n).collect()
            }
            None => Vec::new(),
        };
        match other.as_slice() {
            [] => how,
            [one] => format!("{how}, other {one}"),
            [first, .., last] if other.len() == 2 => format!("{how}, other {first} and {last}"),
            _ => format!("{how}, {} settings changed", other.len()),
        }
    }
}

/// The family of a run: its ancestors, their children, and what came from it.
///
/// # Errors
/// When SQLite refuses.
pub fn lineage(connection: &Connection, of: i64) -> Result<Lineage, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut one = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?1")).map_err(reading())?;
    let mut read_one = |id: i64| -> Result<Option<Kin>, LibraryError> {
        let mut rows = one.query([id]).map_err(reading())?;
        rows.next().map_err(reading())?.map(Kin::read).transpose().map_err(reading())
    };
    let Some(kin) = read_one(of)? else { return Ok(Lineage { of, ..Lineage::default() }) };
    let mut found = vec![kin];
    // Up, the newest ancestor first; a circle, which only another program could make, ends the way.
    while found.len() < MAX_UP
        && let Some(parent) = found.last().and_then(|k| k.parent)
        && !found.iter().any(|k| k.id == parent)
        && let Some(kin) = read_one(parent)?
    {
        found.push(kin);
    }
    found.reverse();
    // Down: children of everyone found, the run's own first, so that the limit drops far cousins.
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE parent_run = ?1 ORDER BY id LIMIT ?2");
    let mut children = connection.prepare_cached(&sql).map_err(reading())?;
    let mut count = connection.prepare_cached("SELECT count(*) FROM runs WHERE parent_run = ?1").map_err(reading())?;
    let mut turn: Vec<i64> = found.iter().rev().map(|k| k.id).collect();
    let mut more = 0;
    let mut at = 0;
    while at < turn.len() {
        let parent = turn[at];
        at += 1;
        let mut shown = found.iter().filter(|k| k.parent == Some(parent)).count();
        let mut rows = children.query(params![parent, (MAX_ALL + 1) as i64]).map_err(reading())?;
        while let Some(row) = rows.next().map_err(reading())? {
            let kin = Kin::read(row).map_err(reading())?;
            if found.len() < MAX_ALL && !found.iter().any(|k| k.id == kin.id) {
                turn.push(kin.id);
                found.push(kin);
                shown += 1;
            }
        }
        let all: i64 = count.query_row([parent], |r| r.get(0)).map_err(reading())?;
        more += usize::try_from(all).unwrap_or(0).saturating_sub(shown);
    }
    Ok(Lineage { of, nodes: laid_out(&found), more })
}

/// Parents before children, oldest child first, each in its lane.
fn laid_out(found: &[Kin]) -> Vec<Node> {
    let known = |id: Option<i64>| id.and_then(|id| found.iter().find(|k| k.id == id));
    let mut nodes: Vec<Node> = Vec::new();
    // From the end of the list, so that the first child is taken first.
    let mut open: Vec<(&Kin, usize)> = found.iter().filter(|k| known(k.parent).is_none()).map(|k| (k, 0)).collect();
    let mut next_lane = 1;
    while let Some((kin, lane)) = open.pop() {
        let parent = known(kin.parent);
        nodes.push(Node {
            id: kin.id,
            parent: parent.map(|p| p.id),
            lane,
            seed: kin.seed,
            words: kin.words(parent),
            rejected: kin.rejected,
        });
        let mut children: Vec<&Kin> = found.iter().filter(|k| k.parent == Some(kin.id) && k.id != kin.id).collect();
        children.sort_by_key(|k| k.id);
        let lanes: Vec<usize> = (0..children.len())
            .map(|i| {
                if i == 0 {
                    lane
                } else {
                    next_lane += 1;
                    next_lane - 1
                }
            })
            .collect();
        // A branch is drawn before the line it left goes on: it is the shorter one most often.
        open.extend(children.into_iter().zip(lanes));
        if nodes.len() > found.len() {
            break;
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, library};
    use super::*;

    #[test]
    fn a_family_is_laid_out_from_its_first_draft() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        let s = Sample { seed: 1476, ..Sample::default() };
        s.insert(&db);
        Sample { parent: Some(1), relation: "edit", ..s }.insert(&db);
        Sample { parent: Some(2), relation: "fork", parent_step: Some(20), impression: "Other.", ..s }.insert(&db);
        Sample { parent: Some(2), relation: "twin", mark: "reject", ..s }.insert(&db);
        Sample { seed: 9, ..s }.insert(&db);
        for of in 1..=4 {
            let family = lineage(&db.connection, of).expect("it reads");
            let ids: Vec<i64> = family.nodes.iter().map(|n| n.id).collect();
            assert_eq!((ids.as_slice(), family.of, family.more), ([1, 2, 4, 3].as_slice(), of, 0));
            let lanes: Vec<usize> = family.nodes.iter().map(|n| n.lane).collect();
            assert_eq!(lanes, [0, 0, 1, 0]);
        }
        let nodes = lineage(&db.connection, 1).expect("it reads").nodes;
        let words: Vec<&str> = nodes.iter().map(|n| n.words.as_str()).collect();
        assert_eq!(words, ["first draft", "edited region", "twin", "forked at step 20, other text"]);
        assert!(nodes[2].rejected);
        assert_eq!(lineage(&db.connection, 5).expect("it reads").nodes.len(), 1);
        assert_eq!(lineage(&db.connection, 77).expect("it reads").nodes, []);
    }

    #[test]
    fn large_families_are_cut_and_counted() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        let s = Sample::default();
        s.insert(&db);
        for _ in 0..100 {
            Sample { parent: Some(1), relation: "variant", ..s }.insert(&db);
        }
        let family = lineage(&db.connection, 60).expect("it reads");
        assert_eq!(family.nodes.len(), MAX_ALL);
        assert_eq!(family.more, 101 - MAX_ALL);
        assert!(family.nodes.iter().any(|n| n.id == 60), "the run itself is always there");
    }

    #[test]
    fn a_circle_ends() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        Sample::default().insert(&db);
        Sample { parent: Some(1), ..Sample::default() }.insert(&db);
        db.connection.execute("UPDATE runs SET parent_run = 2 WHERE id = 1", []).expect("a circle");
        assert!(lineage(&db.connection, 1).is_ok());
        db.connection.execute("UPDATE runs SET parent_run = 1 WHERE id = 1", []).expect("a smaller one");
        assert!(lineage(&db.connection, 1).is_ok());
    }
}
