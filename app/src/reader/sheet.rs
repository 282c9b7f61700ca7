//! What the window needs of a sealed study, for one reader: words, the order of the images, and how large they are.
//!
//! Nothing in here tells who made an image: the sealed study does not hold it.

use study::StudyError;
use study::sealed::{Beside, Study};
use study::template::{Choice, Template};

/// One trial: what is shown together and asked about once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Its number in the reader's whole plan, from 1; practice cases count for themselves.
    pub number: u32,
    /// The text that the image was made from, where the template shows it.
    pub impression: Option<String>,
    /// Who is on the image: "Man, 58 years. Upright PA view."
    pub patient: Option<String>,
    /// The finding that is asked for, in an assisted reading.
    pub finding: Option<String>,
    /// Opaque names of the images that are scored, in the order in which they are shown.
    pub images: Vec<String>,
    /// Opaque names of examples beside them.
    pub examples: Vec<String>,
    /// The answer that a practice case asks for.
    pub give: Option<i32>,
    /// Round, from 1.
    pub round: u32,
    /// Block in the whole plan, from 1.
    pub block: u32,
    /// Place in its block, from 1.
    pub in_block: u32,
    /// Trials of its block.
    pub of_block: u32,
}

/// A round and how long after the round before it may begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Number, from 1.
    pub number: u32,
    /// Hours since the last answer of the round before.
    pub washout_hours: f64,
}

/// The study as one reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Title of the study.
    pub title: String,
    /// Kind of study.
    pub template: Template,
    /// What is asked.
    pub question: String,
    /// What can be answered, lowest first.
    pub choices: Vec<Choice>,
    /// Criteria that are scored one after another; empty where one question is asked.
    pub criteria: Vec<String>,
    /// What the reader agrees to.
    pub consent: String,
    /// Hash of the study file, hexadecimal.
    pub hash: String,
    /// The reader's code.
    pub reader: String,
    /// Whether an answer may be changed after it was locked, with a reason.
    pub may_change: bool,
    /// Whole device pixels for one image pixel, fixed when the study was sealed.
    pub multiple: u32,
    /// Size of every image in pixels.
    pub image_px: [u32; 2],
    /// Practice cases.
    pub practice: Vec<Trial>,
    /// All trials in the reader's order.
    pub trials: Vec<Trial>,
    /// Rounds, in order.
    pub rounds: Vec<Round>,
}

impl Sheet {
    /// Blocks of the whole plan.
    pub fn blocks(&self) -> u32 {
        self.trials.last().map_or(0, |t| t.block)
    }

    /// How often a trial is answered: once a criterion, or once.
    pub fn questions(&self) -> usize {
        self.criteria.len().max(1)
    }

    /// The first eight digits of the hash, grouped by four.
    pub fn short_hash(&self) -> String {
        grouped_hash(&self.hash, 8)
    }

    /// The choice on a key that is pressed, if it is one.
    pub fn choice_on(&self, key: char) -> Option<usize> {
        self.choices.iter().position(|c| c.key == key)
    }

    /// The answer that a practice case asks for, so that keys and scores meet once before they count.
    ///
    /// Where the study asks for none, the first case asks for the second highest answer, or the last of a choice.
    pub fn asked(&self, practice: &Trial) -> Option<usize> {
        if self.practice.iter().any(|t| t.give.is_some()) {
            return self.choices.iter().position(|c| Some(c.value) == practice.give);
        }
        let last = self.choices.len().checked_sub(1);
        let asked = self.choices.len().checked_sub(2).filter(|_| self.template.is_ordinal()).or(last);
        asked.filter(|_| practice.number <= 1)
    }
}

/// The sheet of one reader.
///
/// # Errors
/// When the study has no such reader; the sentence lists those it has.
pub fn of(study: &Study, reader: &str) -> Result<Sheet, StudyError> {
    let plan = study.reader(reader)?;
    let sealed = study.sheet();
    let template = sealed.template;
    let trial = |t: &study::plan::Trial| {
        let beside = study.beside(&t.case).cloned().unwrap_or_default();
        let ids = |ids: &[study::plan::ImageId]| ids.iter().map(|id| id.0.clone()).collect();
        let filled = |text: String| Some(text).filter(|t| !t.is_empty());
        Trial {
            number: t.index,
            impression: filled(beside.impression.clone()),
            patient: filled(patient(&beside)),
            finding: filled(beside.asked),
            images: ids(&t.images),
            examples: ids(&t.examples),
            give: t.give,
            ..Trial::default()
        }
    };
    let mut trials = Vec::with_capacity(plan.len());
    for round in &plan.rounds {
        for block in &round.blocks {
            let of_block = block.trials.len() as u32;
            for (in_block, t) in (1..).zip(&block.trials) {
                trials.push(Trial { round: round.number, block: block.number, in_block, of_block, ..trial(t) });
            }
        }
    }
    Ok(Sheet {
        title: sealed.title.clone(),
        template,
        question: sealed.question.clone(),
        choices: template.choices().to_vec(),
        criteria: sealed.criteria.clone(),
        consent: sealed.consent.clone(),
        hash: study.hash().to_owned(),
        reader: reader.to_owned(),
        may_change: sealed.may_change,
        multiple: sealed.magnification,
        image_px: [sealed.side_px; 2],
        practice: sealed.practice.iter().map(trial).collect(),
        trials,
        rounds: plan.rounds.iter().map(|r| Round { number: r.number, washout_hours: r.washout_hours }).collect(),
    })
}

/// Who is on the image, as one or two short sentences: "Man, 58 years. Upright PA view."
fn patient(beside: &Beside) -> String {
    let sex = match beside.sex.to_lowercase().as_str() {
        "m" | "male" | "man" => "Man".to_owned(),
        "f" | "female" | "woman" => "Woman".to_owned(),
        _ => beside.sex.clone(),
    };
    let age = match beside.age.parse::<f64>() {
        Ok(years) => format!("{years} years"),
        Err(_) => beside.age.clone(),
    };
    let who: Vec<String> = [sex, age].into_iter().filter(|w| !w.is_empty()).collect();
    let view = if beside.view.is_empty() { String::new() } else { format!("{} view", beside.view) };
    let sentences = [who.join(", "), view].into_iter().filter(|s| !s.is_empty()).map(|s| format!("{s}."));
    sentences.collect::<Vec<_>>().join(" ")
}

/// The first digits of a hash, grouped by four.
pub fn grouped_hash(hash: &str, digits: usize) -> String {
    let digits: Vec<char> = hash.chars().take(digits).collect();
    digits.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::testing;

    #[test]
    fn a_patient_is_told_in_words() {
        let beside = |sex: &str, age: &str, view: &str| {
            patient(&Beside { sex: sex.to_owned(), age: age.to_owned(), view: view.to_owned(), ..Beside::default() })
        };
        assert_eq!(beside("M", "58", "PA"), "Man, 58 years. PA view.");
        assert_eq!(beside("female", "", ""), "Woman.");
        assert_eq!(beside("", "", ""), "");
    }

    #[test]
    fn a_hash_is_grouped_by_four() {
        assert_eq!(grouped_hash("4f20c8d19abc", 8), "4f20 c8d1");
        assert_eq!(grouped_hash("4f2", 8), "4f2");
    }

    #[test]
    fn practice_asks_for_plus_one_in_the_papers_study() {
        for (template, asked) in [(Template::ReportAlignment, 1), (Template::PairwiseChoice, 1), (Template::Quartet, 3)] {
            let sheet = testing::sheet(template, 4);
            let at = sheet.asked(&sheet.practice[0]).expect("it asks for one");
            assert_eq!(sheet.choices[at].value, asked, "{template:?}");
            assert_eq!(sheet.asked(&sheet.practice[1]), None);
        }
    }

    #[test]
    fn what_the_study_asks_for_goes_first() {
        let mut sheet = testing::sheet(Template::ReportAlignment, 4);
        sheet.practice[1].give = Some(-2);
        assert_eq!((sheet.asked(&sheet.practice[0]), sheet.asked(&sheet.practice[1])), (None, Some(0)));
    }
}
