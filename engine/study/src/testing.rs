//! Small studies for the tests of this crate.

use std::fmt::Write as _;
use std::path::Path;

use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;
use engine::store::atomic::write_atomic;

use crate::cases::{CaseTable, read_image};
use crate::design::Design;
use crate::plan::Plan;
use crate::sealed::{AuditNote, Sealed, Source, seal};
use crate::template::Template;

/// Findings and impressions by turns.
const CASES: [(&str, &str); 4] = [
    ("PTX", "Moderate right pneumothorax."),
    ("none", "No acute findings."),
    ("EFF", "Small left pleural effusion."),
    ("CON;EFF", "Right lower lobe consolidation with effusion."),
];

/// A design of a template with these readers and arms, without repeats.
pub(crate) fn design(template: Template, readers: usize, arms: usize) -> Design {
    let list = |what: &str, n: usize| (1..=n).map(|i| format!("{what}{i}")).collect::<Vec<_>>();
    let text = format!(
        "format = 1\ntitle = \"A study\"\ntemplate = {:?}\nseed = 7\nreaders = {:?}\narms = {:?}\ncases = \"cases.csv\"\nconsent = \"I agree.\"\n{}{}[plan]\nrepeats = 0.0\nseparation = 1\n",
        serde_json::to_value(template).expect("a name").as_str().unwrap_or_default(),
        list("R", readers),
        list("arm", arms),
        if template == Template::VisualGrading { "criteria = [\"Sharpness\", \"Contrast\"]\n" } else { "" },
        if matches!(template, Template::RealOrSynthetic | Template::Quartet) { "real = \"arm1\"\n" } else { "" },
    );
    Design::parse(&text, "study.toml").expect("a design")
}

/// Writes a table of cases and their images (16 × 16 pixels) into a folder, and reads it.
pub(crate) fn table(design: &Design, folder: &Path, cases: usize, practice: usize) -> CaseTable {
    let mut text = String::from("case,impression,findings,sex,age,view,asked,use");
    design.arms.iter().for_each(|arm| write!(text, ",image:{arm}").expect("a string"));
    for case in 0..cases + practice {
        let (findings, impression) = CASES[case % CASES.len()];
        let used = if case < cases { "scored" } else { "practice" };
        write!(text, "\ncase-{case},{impression},{findings},Woman,{},PA,PTX,{used}", 40 + case).expect("a string");
        for (place, arm) in design.arms.iter().enumerate() {
            // Assisted reading shows one image in both conditions.
            let (arm, place) = if design.template == Template::AssistedReading { (&design.arms[0], 0) } else { (arm, place) };
            let name = format!("secret-{arm}-{case}.png");
            let pixels = (0..256).map(|i| (i * 200 + case * 31 + place * 977) as u16).collect();
            let image = GrayImage::new(16, 16, pixels).expect("a picture");
            write_atomic(&folder.join(&name), &encode_gray16(&image, &[]).expect("a PNG")).expect("a writable folder");
            write!(text, ",{name}").expect("a string");
        }
    }
    write_atomic(&folder.join("cases.csv"), text.as_bytes()).expect("a writable folder");
    CaseTable::read(design, folder).expect("a table")
}

/// Seals a design with its table.
pub(crate) fn sealed(design: &Design, table: &CaseTable) -> Sealed {
    let plan = Plan::build(design, table).expect("a plan");
    let note = AuditNote::LeftOut { reason: "a test".to_owned() };
    let mut images = |source: Source<'_>| {
        let path = match source {
            Source::Arm(case, arm) => &case.images[arm],
            Source::Example(case, place) => &case.examples[place],
        };
        Ok(read_image(path)?.image)
    };
    seal(design, table, &plan, note, &mut images, &mut |_, _| {}).expect("a sealed study")
}
