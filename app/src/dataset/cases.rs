//! From rows to images to be made: seeds, twins, names, requests.

use std::path::Path;

use engine::domain::{GenerateRequest, Seed, Side};
use serde::{Deserialize, Serialize};

use super::compose;
use super::place::{self, MaskFolder, Placed};
use super::recipe::{MAX_IMAGES, Recipe, Source};
use super::row::{Class, Row};
use super::text;

/// Rows of a recipe and what composing left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows in their order; the first has number 1.
    pub list: Vec<Row>,
    /// What was left out, one sentence each.
    pub left_out: Vec<String>,
}

impl Rows {
    /// The rows of a recipe.
    ///
    /// # Errors
    /// One phrase that names what is wrong in it.
    pub fn of(recipe: &Recipe) -> Result<Self, String> {
        recipe.check()?;
        let rows = match (&recipe.who.quotas, &recipe.who.table) {
            (Some(quotas), _) => {
                let composed = compose::compose(quotas, recipe.seed)?;
                Self { list: composed.rows, left_out: composed.left_out }
            }
            (None, Some(table)) => Self { list: table.clone(), left_out: Vec::new() },
            (None, None) => Self::default(),
        };
        let images = count(recipe, &rows.list);
        if images > MAX_IMAGES {
            return Err(format!("{images} images are asked for; a recipe makes at most {MAX_IMAGES}"));
        }
        Ok(rows)
    }
}

/// How many images the rows make.
pub fn count(recipe: &Recipe, rows: &[Row]) -> usize {
    let twins = if recipe.how.twins { rows.iter().filter(|row| row.class != Class::Normal).count() } else { 0 };
    (rows.len() + twins) * recipe.how.seeds_per_row as usize
}

/// One image to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Number of its row, from 1.
    pub row: u32,
    /// Which of the row's seeds, from 1.
    pub copy: u32,
    /// Whether it is the twin without the finding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twin: bool,
}

impl Case {
    /// Its place in the data set, as the library keeps it: `12.1` or `12.1t`.
    pub fn cell(self) -> String {
        format!("{}.{}{}", self.row, self.copy, if self.twin { "t" } else { "" })
    }

    /// The case of a place.
    pub fn from_cell(cell: &str) -> Option<Self> {
        let (number, twin) = cell.strip_suffix('t').map_or((cell, false), |number| (number, true));
        let (row, copy) = number.split_once('.')?;
        Some(Self { row: row.parse().ok()?, copy: copy.parse().ok()?, twin })
    }

    /// Name of its files, without ending.
    pub fn name(self, row: &Row) -> String {
        let stem = if row.name.is_empty() { format!("row-{:05}", self.row) } else { row.name.clone() };
        format!("{stem}-s{}{}", self.copy, if self.twin { "-twin" } else { "" })
    }
}

/// All cases in their order: by row, seed, and the twin after its image.
pub fn cases(recipe: &Recipe, rows: &[Row]) -> Vec<Case> {
    let mut all = Vec::with_capacity(count(recipe, rows));
    for (i, row) in rows.iter().enumerate() {
        for copy in 1..=recipe.how.seeds_per_row {
            let case = Case { row: i as u32 + 1, copy, twin: false };
            all.push(case);
            if recipe.how.twins && row.class != Class::Normal {
                all.push(Case { twin: true, ..case });
            }
        }
    }
    all
}

/// What is needed to turn cases into requests.
#[derive(Clone, Debug)]
pub struct Maker<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Its rows.
    pub rows: &'a [Row],
    /// Settings of the sampler.
    settings: GenerateRequest,
    size_px: u32,
    masks: Option<MaskFolder>,
}

/// A case with everything to make it.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Which case.
    pub case: Case,
    /// Name of its files, without ending.
    pub name: String,
    /// The row with its region and text; the region is the finding's also for the twin, which has none.
    pub placed: Placed,
    /// What is asked of the model.
    pub request: GenerateRequest,
}

impl<'a> Maker<'a> {
    /// Prepares a recipe for a model with these natural settings and image size; reads the folder of masks, if one is used.
    ///
    /// # Errors
    /// When settings do not go together or the masks cannot be read.
    pub fn new(recipe: &'a Recipe, rows: &'a [Row], natural: &GenerateRequest, size_px: u32) -> Result<Self, String> {
        let settings = recipe.settings(natural)?;
        let named = rows.iter().any(|row| !row.mask.is_empty());
        let folder: &Path = &recipe.place.folder;
        let masks = match recipe.place.source {
            Source::Folder => Some(MaskFolder::read(folder)?),
            _ if named && folder.as_os_str().is_empty() => {
                return Err("rows name mask files; name the folder they lie in".to_owned());
            }
            _ => None,
        };
        Ok(Self { recipe, rows, settings, size_px, masks })
    }

    /// A row with its region and text.
    ///
    /// # Errors
    /// One phrase that names the row and why its place is impossible.
    pub fn place(&self, number: u32) -> Result<Placed, String> {
        let row = self.row(number)?;
        place::place(self.recipe, row, u64::from(number), self.size_px, self.masks.as_ref())
            .map_err(|why| format!("row {number} ({}): {why}", row.title()))
    }

    /// Whether a row can be made, as far as it can be told without drawing its placement.
    ///
    /// # Errors
    /// As [`Maker::place`], and when the row's own text names the other side only.
    pub fn check(&self, number: u32) -> Result<(), String> {
        let row = self.row(number)?;
        let refuse = |why: String| Err(format!("row {number} ({}): {why}", row.title()));
        row.check().or_else(refuse)?;
        if self.recipe.how.check_sides
            && let Some(other) = other_side(row)
        {
            return refuse(format!("its text says {other} and the row {}; mend one of them", opposite(other)));
        }
        if self.recipe.place.source == Source::Sampled && row.mask.is_empty() {
            return row.lesions().try_for_each(|lesion| lesion.wish().check().or_else(|e| refuse(e.to_string())));
        }
        self.place(number).map(|_| ())
    }

    fn row(&self, number: u32) -> Result<&'a Row, String> {
        let row = (number as usize).checked_sub(1).and_then(|i| self.rows.get(i));
        row.ok_or_else(|| format!("there is no row {number}"))
    }

    /// A case with everything to make it.
    ///
    /// # Errors
    /// As [`Maker::place`].
    pub fn make(&self, case: Case) -> Result<Made, String> {
        let placed = self.place(case.row)?;
        let row = self.row(case.row)?;
        let (words, annotations) = if case.twin {
            (text::normal(self.recipe.seed, u64::from(case.row)), Vec::new())
        } else {
            (placed.impression.clone(), placed.annotations(self.recipe.how.strength))
        };
        let request = GenerateRequest {
            impression: format!("{}{words}", row.demographics().prefix()),
            annotations,
            seed: seed(self.recipe.seed, case),
            ..self.settings.clone()
        };
        request.check().map_err(|e| format!("row {}: {e}", case.row))?;
        Ok(Made { case, name: case.name(row), placed, request })
    }
}

/// The side that a row's own text names, when all its findings lie on the other one and the text does not name that.
fn other_side(row: &Row) -> Option<Side> {
    let text = row.impression.to_lowercase();
    let names = |side: Side| text.split(|c: char| !c.is_alphanumeric()).any(|w| w == side.name());
    let own = row.lesions().next()?.side;
    if own == Side::Both || row.lesions().any(|lesion| lesion.side != own) {
        return None;
    }
    (names(opposite(own)) && !names(own)).then_some(opposite(own))
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Right => Side::Left,
        Side::Left => Side::Right,
        Side::Both => Side::Both,
    }
}

/// The seed of a case; a twin has that of its image.
pub fn seed(recipe_seed: u64, case: Case) -> Seed {
    seed_of_try(recipe_seed, case, 1)
}

/// The seed of a further try of a case, counted from 1.
pub fn seed_of_try(recipe_seed: u64, case: Case, attempt: u32) -> Seed {
    let further = if attempt > 1 { format!(" try {attempt}") } else { String::new() };
    // 53 bits pass through every JSON reader unharmed.
    Seed(Seed::for_case(recipe_seed, &format!("row {} seed {}{further}", case.row, case.copy)).0 >> 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_recipe_gives_the_same_requests() {
        let mut recipe = Recipe::default();
        recipe.how.seeds_per_row = 2;
        recipe.how.twins = true;
        let rows = Rows::of(&recipe).expect("rows").list;
        let all = cases(&recipe, &rows);
        assert_eq!(all.len(), count(&recipe, &rows));
        assert_eq!(all.len(), 2 * (24 + 18));
        let natural = GenerateRequest::new("", 0);
        let maker = Maker::new(&recipe, &rows, &natural, 64).expect("a maker");
        let again = Recipe::parse(&recipe.to_json().expect("JSON")).expect("a recipe");
        let rows_again = Rows::of(&again).expect("rows").list;
        let maker_again = Maker::new(&again, &rows_again, &natural, 64).expect("a maker");
        let mut names = std::collections::HashSet::new();
        for case in &all {
            let made = maker.make(*case).expect("a request");
            assert_eq!(maker_again.make(*case), Ok(made.clone()));
            assert!(names.insert(made.name.clone()), "{}", made.name);
            assert_eq!(Case::from_cell(&case.cell()), Some(*case));
            assert_eq!(made.request.annotations.is_empty(), case.twin || made.placed.row.class == Class::Normal);
            assert!(made.request.impression.starts_with("sex:"), "{}", made.request.impression);
            if case.twin {
                let image = maker.make(Case { twin: false, ..*case }).expect("its image");
                assert_eq!(image.request.seed, made.request.seed);
                assert_ne!(image.request.impression, made.request.impression);
            }
        }
        let seeds: std::collections::HashSet<u64> = all.iter().filter(|c| !c.twin).map(|c| seed(1, *c).0).collect();
        assert_eq!(seeds.len(), 48);
        assert_eq!(Case::from_cell("x"), None);
    }

    #[test]
    fn what_is_too_much_or_missing_is_said() {
        let mut recipe = Recipe::default();
        if let Some(quotas) = &mut recipe.who.quotas {
            quotas.rows = 100_000;
        }
        recipe.how.seeds_per_row = 64;
        assert!(Rows::of(&recipe).expect_err("too many").contains("at most"));
        let rows = [Row { mask: "a.png".to_owned(), ..Row::new(Class::ALL[1], engine::domain::Side::Left) }];
        let error = Maker::new(&Recipe::default(), &rows, &GenerateRequest::new("", 0), 64).expect_err("no folder");
        assert!(error.contains("folder"), "{error}");
    }
}
