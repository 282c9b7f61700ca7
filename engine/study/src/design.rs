//! What an investigator decides before anything is read: the file `study.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::equalise::Settings;
use crate::error::{StudyError, read_text};
use crate::template::Template;

mod keep;
mod power;
mod words;

pub use power::PowerAssumed;

/// Largest design that is read.
const MAX_BYTES: u64 = 1 << 20;
/// The layout of the file that this program reads and writes.
pub const FORMAT: u32 = 1;
/// Most readers of a study.
pub const MAX_READERS: usize = 200;
/// Most arms of a study.
pub const MAX_ARMS: usize = 12;

/// A study before it is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// Layout of the file: 1.
    pub format: u32,
    /// The study's name, as readers see it.
    pub title: String,
    /// What is asked.
    pub template: Template,
    /// The question in other words than the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Criteria that are scored one by one; visual grading only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// All random choices follow from it, the design and the cases.
    pub seed: u64,
    /// Codes of the readers, never names.
    pub readers: Vec<String>,
    /// What is compared, in the order of tables. Of assisted reading: without help, with help.
    pub arms: Vec<String>,
    /// The arm that holds real radiographs, where a template asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<String>,
    /// Whether every case has an image of every arm; otherwise each case has one image of one arm.
    #[serde(default = "yes")]
    pub paired: bool,
    /// The table of cases, relative to the design.
    pub cases: PathBuf,
    /// What readers agree to before they begin.
    pub consent: String,
    /// How images are made equal.
    #[serde(default)]
    pub images: Settings,
    /// How images stand on the screen.
    #[serde(default)]
    pub display: DisplaySettings,
    /// Order, repeats, catch trials, breaks.
    #[serde(default)]
    pub plan: PlanSettings,
    /// What the number of cases was chosen for; readers and scale are those of the design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerAssumed>,
}

fn yes() -> bool {
    true
}

/// How images stand on the readers' screens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisplaySettings {
    /// Device pixels per image pixel, the same for every image and reader.
    pub magnification: u32,
}

impl Default for DisplaySettings {
    fn default() -> Self {
        Self { magnification: 1 }
    }
}

/// Order, repeats, catch trials, breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanSettings {
    /// Trials between two breaks.
    pub block_size: u32,
    /// Least number of trials from one showing of a case to the next.
    pub separation: u32,
    /// Share of the images that come a second time.
    pub repeats: f64,
    /// Trials whose right answer is known, per reader.
    pub catch: u32,
    /// Practice trials before the study; nothing of them counts.
    pub practice: u32,
    /// Parts of the study with a washout between them; at most one for each showing of a case.
    pub rounds: u32,
    /// Least time between two rounds.
    pub washout_hours: f64,
    /// Whether a locked answer may be changed, with a reason.
    pub may_change: bool,
    /// Whether the arms of a case come in balanced order or always in that of `arms`.
    pub order: ArmOrder,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            block_size: 30,
            separation: 20,
            repeats: 0.10,
            catch: 0,
            practice: 0,
            rounds: 1,
            washout_hours: 336.0,
            may_change: false,
            order: ArmOrder::Balanced,
        }
    }
}

/// In which order the arms of one case are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArmOrder {
    /// Each arm equally often first, and each pair of successors equally often (Williams).
    Balanced,
    /// As listed in `arms`; assisted reading as in the paper.
    Fixed,
}

impl Design {
    /// Reads and checks a design.
    ///
    /// # Errors
    /// One sentence with file, field and remedy.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Self::parse(&read_text(path, MAX_BYTES)?, &path.display().to_string())
    }

    /// Parses and checks the text of a design; `file` is used in errors.
    ///
    /// # Errors
    /// As [`Design::read`].
    pub fn parse(text: &str, file: &str) -> Result<Self, StudyError> {
        let reader = toml::Deserializer::parse(text).map_err(|error| StudyError::input(file, toml_words(&error, text)))?;
        let design: Self = serde_path_to_error::deserialize(reader).map_err(|error| {
            let field = error.path().to_string();
            let what = toml_words(error.inner(), text);
            StudyError::input(file, if field == "." { what } else { format!("{field}: {what}") })
        })?;
        design.check().map_err(|what| StudyError::input(file, what))?;
        Ok(design)
    }

    /// The text of `study.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, such as a seed above 2⁶³.
    pub fn to_toml(&self) -> Result<String, StudyError> {
        toml::to_string(self).map_err(|error| StudyError::input("study.toml", error.to_string()))
    }

    /// The text of `study.toml` made of an earlier one: comments, order and values that did not change stay as they were.
    ///
    /// # Errors
    /// As [`Design::to_toml`].
    pub fn to_toml_over(&self, before: &str) -> Result<String, StudyError> {
        let text = self.to_toml()?;
        Ok(keep::over(before, self, &text).unwrap_or(text))
    }

    /// What is asked, in the study's words or the template's.
    pub fn asked(&self) -> &str {
        self.question.as_deref().unwrap_or_else(|| self.template.question())
    }

    /// The criteria of one trial; a single unnamed one where the template asks one question.
    pub fn criteria(&self) -> Vec<String> {
        if self.criteria.is_empty() { vec![String::new()] } else { self.criteria.clone() }
    }

    /// Checks what no single field can tell.
    ///
    /// # Errors
    /// What is wrong, beginning with the field.
    pub fn check(&self) -> Result<(), String> {
        use Template::{AssistedReading, PairwiseChoice, Quartet, RealOrSynthetic, Realism, VisualGrading};
        if self.format != FORMAT {
            return Err(format!("format: this program reads format {FORMAT}, not {}; use a later one", self.format));
        }
        if i64::try_from(self.seed).is_err() {
            return Err("seed: it must lie below 9223372036854775808, which TOML can hold".to_owned());
        }
        word("title", &self.title, 200)?;
        word("consent", &self.consent, 20_000)?;
        codes("readers", &self.readers, MAX_READERS)?;
        codes("arms", &self.arms, MAX_ARMS)?;
        if self.cases.as_os_str().is_empty() {
            return Err("cases: name the table of cases".to_owned());
        }
        let arms = self.arms.len();
        match self.template {
            PairwiseChoice if !(2..=4).contains(&arms) => return Err("arms: a pairwise choice takes 2 to 4 arms".to_owned()),
            Quartet if arms != 4 => return Err("arms: a quartet takes 4 arms, one of them real".to_owned()),
            AssistedReading if arms != 2 => {
                return Err("arms: assisted reading takes 2 arms, without help and with help".to_owned());
            }
            _ => {}
        }
        let needs_real = matches!(self.template, RealOrSynthetic | Quartet);
        match &self.real {
            None if needs_real => return Err("real: name the arm that holds real radiographs".to_owned()),
            Some(real) if !self.arms.contains(real) => return Err(format!("real: {real:?} is none of the arms")),
            _ => {}
        }
        if self.criteria.is_empty() == (self.template == VisualGrading) {
            return Err("criteria: visual grading needs a list of them, and no other template takes one".to_owned());
        }
        if self.criteria.len() > 9 {
            return Err("criteria: at most 9 can be scored in one trial".to_owned());
        }
        for criterion in &self.criteria {
            word("criteria", criterion, 80)?;
        }
        if !self.paired && !matches!(self.template, Realism | RealOrSynthetic | VisualGrading) {
            return Err("paired: only realism, real or synthetic and visual grading take cases of one arm each".to_owned());
        }
        if !(1..=8).contains(&self.display.magnification) {
            return Err("display.magnification: it must lie between 1 and 8".to_owned());
        }
        self.plan.check(self)?;
        self.check_power()
    }

    /// How often a reader sees each case, repeats and catch trials left out.
    pub fn showings(&self) -> usize {
        let arms = self.arms.len();
        match self.template {
            Template::PairwiseChoice => arms * arms.saturating_sub(1) / 2,
            Template::Quartet => 1,
            Template::AssistedReading => 2,
            _ if !self.paired => 1,
            _ => arms,
        }
    }
}

impl PlanSettings {
    fn check(&self, design: &Design) -> Result<(), String> {
        if !(1..=1000).contains(&self.block_size) {
            return Err("plan.block_size: it must lie between 1 and 1000".to_owned());
        }
        if self.separation == 0 {
            return Err("plan.separation: it must be at least 1".to_owned());
        }
        if !(0.0..=0.5).contains(&self.repeats) {
            return Err("plan.repeats: it must lie between 0 and 0.5".to_owned());
        }
        if self.catch > 200 || self.practice > 50 {
            return Err("plan: at most 200 catch trials and 50 practice trials".to_owned());
        }
        let known = matches!(design.template, Template::Quartet | Template::AssistedReading);
        if self.catch > 0 && known {
            return Err(format!(
                "plan.catch: every trial of {:?} has a right answer already; set it to 0",
                design.template.name()
            ));
        }
        let showings = design.showings();
        if self.rounds == 0 || self.rounds as usize > showings {
            return Err(format!("plan.rounds: a case is shown {showings} times, so there can be 1 to {showings} rounds"));
        }
        if !(0.0..=20_000.0).contains(&self.washout_hours) {
            return Err("plan.washout_hours: it must lie between 0 and 20000".to_owned());
        }
        Ok(())
    }
}

/// A text that is there and not too long.
fn word(field: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{field}: it is empty"));
    }
    if text.chars().count() > longest {
        return Err(format!("{field}: it is longer than {longest} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(format!("{field}: it holds control characters"));
    }
    Ok(())
}

/// A list of short codes, each once.
pub(crate) fn codes(field: &str, list: &[String], most: usize) -> Result<(), String> {
    if list.is_empty() || list.len() > most {
        return Err(format!("{field}: 1 to {most} are needed, {} are listed", list.len()));
    }
    let mut seen = BTreeSet::new();
    for code in list {
        word(field, code, 40)?;
        if code.contains(['/', '\\', '\n', '\t', ':', ',', ';', '"']) || code.trim() != code || code.starts_with('.') {
            return Err(format!("{field}: {code:?} cannot be part of a file name; use letters, digits, spaces and dashes"));
        }
        if !seen.insert(code.to_lowercase()) {
            return Err(format!("{field}: {code:?} is listed twice"));
        }
    }
    Ok(())
}

/// The parser's words with the line.
fn toml_words(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", words::plain(error.message())),
        None => words::plain(error.message()),
    }
}

#[cfg(test)]
mod tests;
