//! What tests of the reading window need: a study without a file, and answers that are kept in memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;
use engine::store::atomic::write_atomic;
use study::StudyError;
use study::answers::Event;
use study::cases::{CaseTable, read_image};
use study::design::Design;
use study::plan::Plan;
use study::sealed::{self, AuditNote, seal};
use study::template::Template;

use super::desk::{Book, Entry};
use super::door::Begun;
use super::plates::Source;
use super::sheet::{Round, Sheet, Trial};
use super::state::{Begun as Past, Stage, State, Turn};

/// Trials of a block.
const BLOCK: u32 = 4;

/// A sheet of so many trials in blocks of four, with two practice cases.
pub fn sheet(template: Template, trials: u32) -> Sheet {
    let trial = |name: &str, number: u32| {
        Trial {
        number,
        impression: template.shows_impression().then(|| {
            "Right lower lobe consolidation, most likely pneumonia. No pleural effusion. No pneumothorax. Heart size is normal.".to_owned()
        }),
        patient: Some("Man, 58 years. Upright PA view.".to_owned()),
        finding: (template == Template::AssistedReading).then(|| "Pneumothorax".to_owned()),
        images: (0..template.images()).map(|i| format!("{name}{number}-{i}")).collect(),
        round: 1,
        block: (number - 1) / BLOCK + 1,
        in_block: (number - 1) % BLOCK + 1,
        of_block: BLOCK.min(trials - (number - 1) / BLOCK * BLOCK),
        ..Trial::default()
    }
    };
    let criteria =
        if template == Template::VisualGrading { vec!["Sharpness", "Contrast", "Anatomy of the ribs"] } else { vec![] };
    Sheet {
        title: template.name().to_owned(),
        template,
        question: template.question().to_owned(),
        choices: template.choices().to_vec(),
        criteria: criteria.into_iter().map(str::to_owned).collect(),
        consent: "You will see chest radiographs, some of them synthetic, and score how well they fit a text.".to_owned(),
        hash: "4f20c8d19abc0123".repeat(4),
        reader: "R2".to_owned(),
        may_change: false,
        multiple: 1,
        image_px: [512; 2],
        practice: (1..=2).map(|n| trial("p", n)).collect(),
        trials: (1..=trials).map(|n| trial("t", n)).collect(),
        rounds: vec![Round { number: 1, washout_hours: 0.0 }],
    }
}

/// A state in its first trial, with the image on the screen for two seconds.
pub fn in_trial() -> State {
    let mut state = State::new(Arc::new(sheet(Template::ReportAlignment, 6)), 1, 0);
    let trial = state.sheet.trials[0].clone();
    state.stage = Stage::Trial(0);
    state.turn = Turn::new(&state.sheet, &trial, false);
    state.turn.images.iter_mut().for_each(|i| *i = Some(Arc::new(GrayImage::black(2, 2))));
    state.turn.was_shown = true;
    state.turn.clock.start(0.0);
    state
}

/// A drawn chest that differs with its name.
pub struct Drawn(pub u32);

impl Source for Drawn {
    fn picture(&self, name: &str) -> Result<GrayImage, String> {
        let side = self.0;
        let seed = name.bytes().fold(7u32, |a, b| a.wrapping_mul(31).wrapping_add(u32::from(b))) % 97;
        let round = |x: f32, y: f32, w: f32, h: f32| 1.0 - (x / w).powi(2) - (y / h).powi(2);
        let grey = |u: f32, v: f32| {
            let body = (round(u, v - 0.1, 0.47, 0.72) * 3.0).clamp(0.0, 1.0);
            let lung = |x: f32| (round(u - x, v + 0.04, 0.155, 0.34) * 2.5).clamp(0.0, 1.0);
            let lungs = lung(-0.19).max(lung(0.19)) * (1.0 - (round(u - 0.05, v - 0.16, 0.17, 0.17) * 4.0).clamp(0.0, 1.0));
            let rib = ((v + u.abs() * 0.5) * 60.0).sin().max(0.0) * 0.06;
            let spot = (round(u + 0.2, v - 0.08, 0.08, 0.07) * 2.0).clamp(0.0, 1.0) * (seed as f32 / 97.0);
            0.02 + body * (0.6 - 0.48 * lungs + rib) + 0.3 * spot * lungs
        };
        let at = |i: u32| (i as f32 + 0.5) / side as f32 - 0.5;
        let values: Vec<f32> = (0..side * side).map(|i| grey(at(i % side), at(i / side))).collect();
        GrayImage::from_unit(side, side, &values).map_err(|e| e.to_string())
    }
}

/// Answers in memory, with a disk that can be full.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Kept>>);

/// What is kept.
#[derive(Default)]
pub struct Kept {
    /// Everything that was written.
    pub events: Vec<Event>,
    /// Whether nothing more can be written.
    pub is_full: bool,
}

impl Memory {
    /// What was written.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().map(|kept| kept.events.clone()).unwrap_or_default()
    }

    /// Fills the disk or makes room.
    pub fn fill(&self, is_full: bool) {
        if let Ok(mut kept) = self.0.lock() {
            kept.is_full = is_full;
        }
    }
}

impl Book for Memory {
    fn write(&mut self, entry: &Entry) -> Result<(), String> {
        let mut kept = self.0.lock().map_err(|e| e.to_string())?;
        if kept.is_full {
            return Err("Not saved: the disk is full. Make room on it, then try again.".to_owned());
        }
        kept.events.push(entry.event.clone());
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(String, String), String> {
        Ok(("study-R2-handed-over.cxanswers".to_owned(), "9abc01234f20c8d1".repeat(4)))
    }
}

/// What the window begins with: a study of drawn chests whose answers go to memory.
pub fn begun(sheet: Sheet, past: Past) -> (Begun, Memory) {
    let memory = Memory::default();
    let side = sheet.image_px[0];
    let mut state = State::new(Arc::new(sheet), 1, 0);
    state.begun = past;
    (Begun { state, book: Box::new(memory.clone()), source: Arc::new(Drawn(side)) }, memory)
}

fn write_drawn(folder: &Path, name: &str, side_px: u32) -> Result<(), StudyError> {
    let picture = Drawn(side_px).picture(name).map_err(|why| StudyError::input(name, why))?;
    let png = encode_gray16(&picture, &[]).map_err(|why| StudyError::input(name, why.to_string()))?;
    Ok(write_atomic(&folder.join(name), &png)?)
}

/// Writes a sealed study of drawn chests and its key into a folder, with two practice cases, and returns its file.
///
/// # Errors
/// What the study does not take.
pub fn sealed(folder: &Path, template: Template, readers: &[&str], cases: usize, side_px: u32) -> Result<PathBuf, StudyError> {
    let arms = match template {
        Template::Quartet => vec!["real", "a", "b", "c"],
        Template::AssistedReading => vec!["alone", "helped"],
        _ => vec!["ours", "theirs"],
    };
    let is_assisted = template == Template::AssistedReading;
    let criteria = if template == Template::VisualGrading { "criteria = [\"Sharpness\", \"Contrast\"]\n" } else { "" };
    let real = match template {
        Template::Quartet => "real = \"real\"\n",
        Template::RealOrSynthetic => "real = \"ours\"\n",
        _ => "",
    };
    let name = serde_json::to_value(template).unwrap_or_default();
    let text = format!(
        "format = 1\ntitle = \"A study\"\ntemplate = {name}\nseed = 7\nreaders = {readers:?}\narms = {arms:?}\ncases = \"cases.csv\"\n\
         consent = \"You score radiographs, some of them synthetic.\"\n{criteria}{real}[plan]\nrepeats = 0.0\nseparation = 1\n\
         block_size = 10\npractice = 2\n{}",
        if is_assisted { "rounds = 2\nwashout_hours = 0.0\norder = \"fixed\"\n" } else { "" }
    );
    let design = Design::parse(&text, "study.toml")?;
    for name in ["example-1.png", "example-2.png"] {
        write_drawn(folder, name, side_px)?;
    }
    let mut table = String::from("case,impression,findings,sex,age,view,asked,use,examples");
    arms.iter().for_each(|arm| table.push_str(&format!(",image:{arm}")));
    for case in 0..cases + 2 {
        let used = if case < cases { "scored" } else { "practice" };
        // With help, a finding is told from none.
        let found = if is_assisted && case % 3 == 2 { "none" } else { "EFF" };
        table.push_str(&format!(
            "\ncase-{case},Small left pleural effusion {case}.,{found},Woman,{},PA,EFF,{used},",
            30 + case % 60
        ));
        if is_assisted {
            table.push_str("example-1.png;example-2.png");
        }
        for arm in &arms {
            // Both rounds show the same image.
            let name = if is_assisted { format!("image-{case}.png") } else { format!("{arm}-{case}.png") };
            write_drawn(folder, &name, side_px)?;
            table.push_str(&format!(",{name}"));
        }
    }
    write_atomic(&folder.join("cases.csv"), table.as_bytes())?;
    let cases = CaseTable::read(&design, folder)?;
    let plan = Plan::build(&design, &cases)?;
    let note = AuditNote::LeftOut { reason: "a test".to_owned() };
    let mut images = |source: sealed::Source<'_>| {
        let path = match source {
            sealed::Source::Arm(case, arm) => &case.images[arm],
            sealed::Source::Example(case, place) => &case.examples[place],
        };
        Ok(read_image(path)?.image)
    };
    let sealed = seal(&design, &cases, &plan, note, &mut images, &mut |_, _| {})?;
    let path = folder.join("a-study.cxstudy");
    sealed.key.write(&path.with_extension("cxkey"))?;
    write_atomic(&path, &sealed.study)?;
    Ok(path)
}
