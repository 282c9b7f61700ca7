//! The Reading room: a study built, audited, sealed, read by simulated readers, joined and analysed, all by accessible names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app::action::Action;
use app::rooms::reading::state::{Field, Tab};
use app::rooms::reading::{self};
use app::state::Room;
use engine::cancel::Cancel;
use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;
use study::answers::Answers;
use study::key::Key;
use study::sealed::Study;
use study::simulate::{Simulation, read};

use crate::harness::{Studio, click, click_any, see, see_part, studio, wait};

/// Cases of the table.
const CASES: usize = 16;

fn act(h: &mut Studio, action: reading::Action) {
    h.state_mut().act(Action::Reading(action));
    h.run_steps(2);
}

fn idle(h: &mut Studio, what: &str) {
    wait(h, what, |a| a.state.reading.busy.is_none());
}

fn checked(h: &mut Studio) {
    wait(h, "the check of the design", |a| {
        let room = &a.state.reading;
        room.checked.as_ref().is_some_and(|found| found.faults.is_empty() && found.cases == CASES)
    });
}

/// A chest of a sort, different in each case; with a frame where that is wanted.
fn chest(case: usize, framed: bool) -> GrayImage {
    let side = 64u32;
    let value = |x: u32, y: u32| -> u16 {
        let (u, v) = (f64::from(x) / 64.0 - 0.5, f64::from(y) / 64.0 - 0.5);
        let wave = ((x * (3 + case as u32) + y * (5 + 2 * case as u32)) % 23) as f64 * 300.0;
        let edge = x < 3 || y < 3 || x >= side - 3 || y >= side - 3;
        if framed && edge { 65_535 } else { ((1.0 - u.hypot(v)).max(0.0) * 40_000.0 + wave) as u16 }
    };
    let pixels = (0..side * side).map(|i| value(i % side, i / side)).collect();
    GrayImage::new(side, side, pixels).expect("an image")
}

/// A folder with a table of two arms, the second of which has frames.
fn table(dir: &Path) -> PathBuf {
    std::fs::create_dir_all(dir).expect("writable");
    let mut text = "case,impression,findings,image:plain,image:framed\n".to_owned();
    for case in 0..CASES {
        for (arm, framed) in [("plain", false), ("framed", true)] {
            let bytes = encode_gray16(&chest(case, framed), &[]).expect("packs");
            std::fs::write(dir.join(format!("{arm}-{case}.png")), bytes).expect("writable");
        }
        text.push_str(&format!("{case},Finding {case}.,PTX,plain-{case}.png,framed-{case}.png\n"));
    }
    let path = dir.join("cases.csv");
    std::fs::write(&path, text).expect("writable");
    path
}

#[test]
fn a_study_goes_from_its_table_to_its_analysis() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::Reading));
    see(&mut h, "Try with a simulated study");
    see(&mut h, "The cases come from a table, or from runs of the Runs room.");
    h.check_accessibility();

    // Build: the arms come from the table; what is missing is one sentence.
    let folder = dir.path().join("saved").join("reader-study");
    act(&mut h, reading::Action::SetPath(Field::Cases, table(&folder)));
    wait(&mut h, "the arms", |a| a.state.reading.design.arms == ["plain", "framed"]);
    see_part(&mut h, "No plan fits the design");
    let image = folder.join("framed-3.png");
    let bytes = std::fs::read(&image).expect("there");
    std::fs::remove_file(&image).expect("removed");
    let mut design = h.state().state.reading.design.clone();
    design.plan.block_size = 8;
    act(&mut h, reading::Action::Edit(Box::new(design.clone())));
    see_part(&mut h, "the image of framed of the case \"3\" is not there");
    std::fs::write(&image, bytes).expect("writable");
    design.plan.separation = 4;
    design.images.trim_borders = false;
    act(&mut h, reading::Action::Edit(Box::new(design)));
    checked(&mut h);
    click(&mut h, "Save design");
    see_part(&mut h, "The design was written");
    assert!(folder.join("study.toml").is_file());

    // The frame is found, and gone when images are made equal.
    act(&mut h, reading::Action::Show(Tab::Seal));
    see_part(&mut h, "No leak audit was made");
    act(&mut h, reading::Action::Show(Tab::Audit));
    click(&mut h, "Audit the images");
    idle(&mut h, "the audit");
    let leaks = |h: &Studio| h.state().state.reading.audit.as_ref().map(|a| a.record.after.must_equalise().count());
    assert!(leaks(&h).is_some_and(|n| n > 0), "a frame tells the arms apart");
    h.check_accessibility();
    act(&mut h, reading::Action::Show(Tab::Seal));
    see_part(&mut h, "can still be told apart");
    act(&mut h, reading::Action::Show(Tab::Audit));
    click(&mut h, "Equalise");
    idle(&mut h, "the second audit");
    assert_eq!(leaks(&h), Some(0), "{:?}", h.state().state.reading.audit.as_ref().map(|a| a.record.after.summary()));
    see_part(&mut h, "as readers will see it");
    assert!(folder.join("audit.json").is_file());

    act(&mut h, reading::Action::Show(Tab::Seal));
    click(&mut h, "Seal the study");
    idle(&mut h, "sealing");
    let hashes = h.state().state.reading.sealed.clone().expect("sealed");
    see(&mut h, &study::sealed::grouped(&hashes.study.1));
    click(&mut h, "Copy hash: Study");

    // Read: how far readers are, and no score.
    act(&mut h, reading::Action::Show(Tab::Read));
    see_part(&mut h, "Not begun");
    let (study, key) = (Study::open(&hashes.study.0).expect("opens"), Key::read(&hashes.key.0).expect("reads"));
    let simulation = Simulation::usual(&study, &key);
    for code in ["R1", "R2"] {
        let file = Answers::file_beside(&hashes.study.0, code);
        read(&file, &study, &key, code, &simulation, (1, 0), &Cancel::new(), &mut |_, _| ()).expect("answers");
    }
    click(&mut h, "Look again");
    let trials = study.reader("R1").expect("planned").len();
    see(&mut h, &format!("{trials} of {trials} answers locked"));

    // Join: a wrong key is one sentence, the right one gives the analysis.
    act(&mut h, reading::Action::Show(Tab::Join));
    let wrong = dir.path().join("wrong.cxkey");
    std::fs::write(&wrong, "{}").expect("writable");
    act(&mut h, reading::Action::SetPath(Field::Key, wrong));
    click(&mut h, "Join key");
    see_part(&mut h, "this is not the key of a study");
    act(&mut h, reading::Action::SetPath(Field::Key, hashes.key.0));
    click(&mut h, "Join key");
    wait(&mut h, "the analysis", |a| a.state.reading.analysis.is_some());
    see(&mut h, "SIMULATED READERS");
    see_part(&mut h, "A, R1: −2 ");
    assert_eq!(h.state().state.reading.tab, Tab::Analysis);
    h.check_accessibility();
}

#[test]
fn a_newcomer_sees_a_whole_study_and_takes_its_report() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Reading");
    click(&mut h, "Try with a simulated study");
    wait(&mut h, "the simulated study", |a| a.state.reading.analysis.is_some());
    idle(&mut h, "the work");
    for name in ["SIMULATED READERS", "Scores", "Agreement", "Per reader", "Where readers differ", "Integrity"] {
        see(&mut h, name);
    }
    see_part(&mut h, "Case bootstrap: ");
    see_part(&mut h, "Krippendorff α, ordinal, ");

    // The cases behind the numbers, and those with one finding alone.
    click(&mut h, "Open all in Compare");
    assert_eq!(h.state().state.room, Room::Compare);
    assert_eq!(h.state().state.compare.entries.len(), 8, "four whole cases of two arms");
    h.state_mut().act(Action::OpenRoom(Room::Reading));
    h.run_steps(2);
    let all = h.state().state.reading.analysis.as_ref().expect("analysed").whole.counts.cases;
    click_any(&mut h, "Cases with: Pneumothorax");
    wait(&mut h, "the split", |a| a.state.reading.analysis.as_ref().is_some_and(|found| found.shown().counts.cases < all));
    click_any(&mut h, "Cases with: All findings");
    click(&mut h, "Methods text");
    click(&mut h, "Export report");
    idle(&mut h, "the report");
    let report = h.state().state.reading.paths.report.clone();
    wait(&mut h, "the report", |_| report.join("report.html").is_file());
    let page = std::fs::read_to_string(report.join("report.html")).expect("written");
    assert!(page.contains("SIMULATED READERS"), "the page says it too");
    assert!(report.join("readings.csv").is_file() && report.join("figures/scores.svg").is_file());

    // Every step of it can be looked at.
    for tab in Tab::ALL {
        click(&mut h, tab.title());
        assert_eq!(h.state().state.reading.tab, tab);
        h.check_accessibility();
    }
    // At 150 % the columns stand below each other, and everything is still there.
    h.state_mut().act(Action::Shell(app::shell::Action::ScaleText(50)));
    h.run_steps(4);
    see(&mut h, "Where readers differ");
    h.check_accessibility();
}

#[test]
fn chosen_runs_become_an_arm() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Generate");
    wait(&mut h, "an image", |a| a.state.results.first().is_some_and(|r| r.run.is_some()));
    let (id, words) = {
        let run = h.state().state.results[0].run.clone().expect("kept");
        (run.id, h.state().state.document.impression.clone())
    };
    act(&mut h, reading::Action::AddRuns(vec![id]));
    wait(&mut h, "the arm", |a| a.state.reading.design.arms == ["Runs"]);
    wait(&mut h, "the case", |a| a.state.reading.checked.as_ref().is_some_and(|found| found.cases == 1));
    assert_eq!(h.state().state.reading.checked.as_ref().map(|found| found.first[0].1.clone()), Some(words));
    act(&mut h, reading::Action::AddRuns(vec![id]));
    wait(&mut h, "a second arm", |a| a.state.reading.design.arms == ["Runs", "Runs 2"]);
}
