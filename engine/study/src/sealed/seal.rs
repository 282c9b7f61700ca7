//! Making the sealed study and its key from design, cases, plan and images.

use std::collections::{BTreeMap, BTreeSet};

use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;
use engine::store::hash::hash_bytes;

use super::archive::{Packer, room};
use super::sheet::{FORMAT, VERSION, sealed_choices};
use super::tiles::scrambled;
use super::{AuditNote, Beside, SHEET, Sheet, entry_name, veil};
use crate::cases::{Case, CaseTable};
use crate::design::Design;
use crate::draw::{Draw, Use};
use crate::error::StudyError;
use crate::key::{Key, KeyCase, KeyImage, KeyTrial};
use crate::plan::{Assignment, Block, CaseId, ImageId, Plan, ReaderPlan, Round, Scheme, Trial};
use crate::template::Template;

/// An image that sealing asks for.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The image of a case and an arm.
    Arm(&'a Case, &'a str),
    /// An image that helps, by its place in the case's list.
    Example(&'a Case, usize),
}

/// What sealing makes.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The bytes of `NAME.cxstudy`.
    pub study: Vec<u8>,
    /// The key.
    pub key: Key,
}

/// What stands behind an opaque name of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    /// A case, an arm, whether its tiles are shuffled, and which showing to one reader it is: a second showing has a name of
    /// its own, so that a repeat looks like any other image.
    Arm { case: usize, arm: usize, scrambled: bool, showing: usize },
    /// An example of a case.
    Example { case: usize, place: usize },
    /// A practice case.
    Practice { case: usize, arm: usize },
}

/// Names of images, and of what is shown beside them (case, showing; practice apart).
struct Names {
    images: BTreeMap<Behind, ImageId>,
    texts: BTreeMap<(bool, usize, usize), CaseId>,
}

/// What one trial shows, before it has names.
struct Showing {
    images: Vec<Behind>,
    examples: Vec<Behind>,
    text: (bool, usize, usize),
}

/// Makes the sealed study and its key. `images` gives each image in the form of the study: square, all of one size.
/// `progress` gets the number of images that are done and that of all.
///
/// # Errors
/// Those of `images`; also when images are of different sizes, or the study becomes too large.
pub fn seal(
    design: &Design,
    table: &CaseTable,
    plan: &Plan,
    audit: AuditNote,
    images: &mut dyn FnMut(Source<'_>) -> Result<GrayImage, StudyError>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Sealed, StudyError> {
    let showings: Vec<Vec<Showing>> = plan.readers.iter().map(|scheme| shown_to(design, table, scheme)).collect();
    let practice = practice(design, table, plan.key);
    let names = names(showings.iter().flatten().chain(&practice), plan.key);
    let failed = |what: String| StudyError::input("the sealed study", what);

    // In the order of the names, which says nothing about arms.
    let by_name: BTreeMap<&ImageId, Behind> = names.images.iter().map(|(behind, id)| (id, *behind)).collect();
    let (mut files, mut longest, mut side) = (Vec::new(), 0, None);
    for (done, (id, behind)) in by_name.iter().enumerate() {
        progress(done, by_name.len());
        let image = picture(design, table, plan.key, *behind, images)?;
        let this = (image.width(), image.height());
        let first = *side.get_or_insert(this);
        if this.0 != this.1 || this != first {
            return Err(failed(format!(
                "its images must be square and of one size, and one is {}×{} where another is {}×{}; make them equal first",
                this.0, this.1, first.0, first.1
            )));
        }
        let file = encode_gray16(&image, &[]).map_err(|error| failed(error.to_string()))?;
        longest = longest.max(file.len());
        // All become as long as the longest; what will not fit is told now and not after the last image.
        room((done as u64 + 1) * longest as u64).map_err(failed)?;
        files.push(((*id).clone(), file));
    }
    let (mut packer, mut hashes) = (Packer::new(), BTreeMap::new());
    for (id, file) in files {
        let covered = veil::covered(&id.0, &file, longest).map_err(failed)?;
        packer.add(&entry_name(&id, VERSION), &covered).map_err(failed)?;
        hashes.insert(id, hash_bytes(&covered));
    }
    progress(by_name.len(), by_name.len());

    let sheet = Sheet {
        format: FORMAT.to_owned(),
        version: VERSION,
        title: design.title.clone(),
        template: design.template,
        question: design.asked().to_owned(),
        choices: sealed_choices(design.template),
        criteria: design.criteria.clone(),
        consent: design.consent.clone(),
        may_change: design.plan.may_change,
        side_px: side.map_or(0, |side| side.0),
        magnification: design.display.magnification,
        audit,
        practice: practice_trials(design, &practice, &names),
        readers: plan.readers.iter().zip(&showings).map(|(scheme, shown)| reader_plan(design, scheme, shown, &names)).collect(),
        cases: names.texts.iter().map(|(text, id)| (id.clone(), beside(design, table, *text))).collect(),
        images: hashes,
    };
    sheet.check().map_err(failed)?;
    let text = serde_json::to_vec(&sheet).map_err(|error| failed(error.to_string()))?;
    packer.add(SHEET, &text).map_err(failed)?;
    let study = packer.finish().map_err(failed)?;
    let key = key(design, table, plan, &names, &hash_bytes(&study));
    Ok(Sealed { study, key })
}

/// What a reader's trials show.
fn shown_to(design: &Design, table: &CaseTable, scheme: &Scheme) -> Vec<Showing> {
    let mut times: BTreeMap<(usize, usize, bool), usize> = BTreeMap::new();
    let mut texts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next = |key: &(usize, usize, bool)| {
        let count = times.entry(*key).or_default();
        *count += 1;
        *count - 1
    };
    let one = |trial: &Assignment| {
        let images = trial.shown.iter().map(|shown| {
            let showing = next(&(shown.case, shown.arm, shown.scrambled));
            Behind::Arm { case: shown.case, arm: shown.arm, scrambled: shown.scrambled, showing }
        });
        let images: Vec<Behind> = images.collect();
        let count = texts.entry(trial.case).or_default();
        *count += 1;
        let helped = design.template == Template::AssistedReading && trial.shown.first().is_some_and(|shown| shown.arm == 1);
        let examples = if helped { table.cases[trial.case].examples.len() } else { 0 };
        let examples = (0..examples).map(|place| Behind::Example { case: trial.case, place }).collect();
        Showing { images, examples, text: (false, trial.case, *count - 1) }
    };
    scheme.trials.iter().map(one).collect()
}

/// Practice cases in random order, each with an arm by turns.
fn practice(design: &Design, table: &CaseTable, key: u64) -> Vec<Showing> {
    let mut order: Vec<usize> = (0..table.practice.len()).collect();
    Draw::new(key, Use::Practice, 0).shuffle(&mut order);
    order.truncate(design.plan.practice as usize);
    let one = |(turn, case): (usize, usize)| {
        let there = |arm: &usize| table.practice[case].images.contains_key(&design.arms[*arm]);
        let mut arms: Vec<usize> = (0..design.arms.len()).filter(there).collect();
        let turn = turn % arms.len().max(1);
        arms.rotate_left(turn);
        let images = arms.into_iter().take(design.template.images()).map(|arm| Behind::Practice { case, arm });
        Showing { images: images.collect(), examples: Vec::new(), text: (true, case, 0) }
    };
    order.into_iter().enumerate().map(one).collect()
}

/// An opaque name for everything that is shown.
fn names<'a>(showings: impl Iterator<Item = &'a Showing>, key: u64) -> Names {
    let (mut images, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for showing in showings {
        images.extend(showing.images.iter().chain(&showing.examples).copied());
        texts.insert(showing.text);
    }
    let mut draw = Draw::new(key, Use::Names, 0);
    let mut taken = BTreeSet::new();
    let mut fresh = || {
        loop {
            let name = draw.name();
            if taken.insert(name.clone()) {
                return name;
            }
        }
    };
    let images = images.into_iter().map(|behind| (behind, ImageId(fresh()))).collect();
    Names { images, texts: texts.into_iter().map(|text| (text, CaseId(fresh()))).collect() }
}

fn picture(
    design: &Design,
    table: &CaseTable,
    key: u64,
    behind: Behind,
    images: &mut dyn FnMut(Source<'_>) -> Result<GrayImage, StudyError>,
) -> Result<GrayImage, StudyError> {
    match behind {
        Behind::Arm { case, arm, scrambled: shuffle, .. } => {
            let image = images(Source::Arm(&table.cases[case], &design.arms[arm]))?;
            Ok(if shuffle { scrambled(&image, key, case as u32) } else { image })
        }
        Behind::Example { case, place } => images(Source::Example(&table.cases[case], place)),
        Behind::Practice { case, arm } => images(Source::Arm(&table.practice[case], &design.arms[arm])),
    }
}

fn beside(design: &Design, table: &CaseTable, (practice, case, _): (bool, usize, usize)) -> Beside {
    let case = if practice { &table.practice[case] } else { &table.cases[case] };
    let asked = case.asked.as_ref().and_then(|code| code.parse::<engine::domain::Finding>().ok());
    Beside {
        impression: if design.template.shows_impression() { case.impression.clone() } else { String::new() },
        sex: case.sex.clone(),
        age: case.age.clone(),
        view: case.view.clone(),
        asked: asked.map(|finding| finding.title().to_owned()).unwrap_or_default(),
    }
}

fn trial(index: usize, showing: &Showing, names: &Names) -> Trial {
    let id = |behind: &Behind| names.images[behind].clone();
    Trial {
        index: index as u32 + 1,
        case: names.texts[&showing.text].clone(),
        images: showing.images.iter().map(id).collect(),
        examples: showing.examples.iter().map(id).collect(),
        give: None,
    }
}

/// The second practice trial of a scale asks for its last but one value: whoever presses "1" for "+1" learns it there.
fn practice_trials(design: &Design, practice: &[Showing], names: &Names) -> Vec<Trial> {
    let mut trials: Vec<Trial> = practice.iter().enumerate().map(|(index, showing)| trial(index, showing, names)).collect();
    let choices = design.template.choices();
    if design.template.is_ordinal()
        && let Some(choice) = choices.len().checked_sub(2).and_then(|place| choices.get(place))
    {
        let second = 1.min(trials.len().saturating_sub(1));
        if let Some(trial) = trials.get_mut(second) {
            trial.give = Some(choice.value);
        }
    }
    trials
}

fn reader_plan(design: &Design, scheme: &Scheme, showings: &[Showing], names: &Names) -> ReaderPlan {
    let mut rounds: Vec<Round> = Vec::new();
    for (index, (assignment, showing)) in scheme.trials.iter().zip(showings).enumerate() {
        if rounds.last().is_none_or(|round| round.number != assignment.round) {
            let washout_hours = if rounds.is_empty() { 0.0 } else { design.plan.washout_hours };
            rounds.push(Round { number: assignment.round, washout_hours, blocks: Vec::new() });
        }
        let Some(round) = rounds.last_mut() else { continue };
        if round.blocks.last().is_none_or(|block| block.number != assignment.block) {
            round.blocks.push(Block { number: assignment.block, trials: Vec::new() });
        }
        if let Some(block) = round.blocks.last_mut() {
            block.trials.push(trial(index, showing, names));
        }
    }
    ReaderPlan { reader: scheme.reader.clone(), rounds }
}

fn key(design: &Design, table: &CaseTable, plan: &Plan, names: &Names, study: &str) -> Key {
    let image = |(behind, id): (&Behind, &ImageId)| {
        let (case, arm, scrambled) = match *behind {
            Behind::Arm { case, arm, scrambled, .. } => (&table.cases[case], Some(arm), scrambled),
            Behind::Example { case, .. } => (&table.cases[case], None, false),
            Behind::Practice { case, arm } => (&table.practice[case], Some(arm), false),
        };
        let arm = arm.map(|arm| design.arms[arm].clone());
        (id.clone(), KeyImage { case: case.id.clone(), arm, scrambled })
    };
    let trials = |scheme: &Scheme| {
        let one = |assignment: &Assignment| KeyTrial {
            case: table.cases[assignment.case].id.clone(),
            purpose: assignment.purpose,
            truth: assignment.truth,
        };
        (scheme.reader.clone(), scheme.trials.iter().map(one).collect())
    };
    let cases = table.cases.iter().map(|case| KeyCase {
        id: case.id.clone(),
        impression: case.impression.clone(),
        findings: case.findings.clone(),
        sex: case.sex.clone(),
        age: case.age.clone(),
        view: case.view.clone(),
        asked: case.asked.clone(),
    });
    Key::new(study, design, names.images.iter().map(image).collect(), plan.readers.iter().map(trials).collect(), cases.collect())
}
