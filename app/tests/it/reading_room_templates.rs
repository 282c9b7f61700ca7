//! The analysis of each template in the Reading room: sealed, answered by simulated readers, joined, and looked at.
//!
//! Leaves its pictures in `target/screenshots`, where there is a renderer.

use std::path::Path;
use std::time::Duration;

use app::action::Action;
use app::reader::testing::sealed;
use app::rooms::reading;
use app::rooms::reading::state::{Field, Tab};
use app::state::Room;
use eframe::egui::{Vec2, vec2};
use egui_kittest::kittest::Queryable;
use engine::cancel::Cancel;
use study::answers::Answers;
use study::key::Key;
use study::sealed::Study;
use study::simulate::{Simulation, read};
use study::template::Template;

use crate::harness::{Studio, click, see, see_part, studio, wait};
use crate::pictures::drawn;

/// Readers of each study.
const READERS: [&str; 3] = ["R1", "R2", "R3"];
/// Cases of each study.
const CASES: usize = 24;

/// A sealed study with its answers.
fn answered(folder: &Path, template: Template) -> std::path::PathBuf {
    let file = sealed(folder, template, &READERS, CASES, 48).expect("a study");
    let (study, key) = (Study::open(&file).expect("opens"), Key::read(&file.with_extension("cxkey")).expect("reads"));
    let simulation = Simulation::usual(&study, &key);
    for code in READERS {
        let answers = Answers::file_beside(&file, code);
        read(&answers, &study, &key, code, &simulation, (5, 0), &Cancel::new(), &mut |_, _| ()).expect("answers");
    }
    file
}

fn act(h: &mut Studio, action: reading::Action) {
    h.state_mut().act(Action::Reading(action));
    h.run_steps(2);
}

fn picture(h: &mut Studio, template: Template, size: Vec2) {
    h.set_size(size);
    h.remove_cursor();
    h.state_mut().state.messages.list.iter_mut().for_each(|m| m.closed = true);
    h.run_steps(6);
    let exe = std::env::current_exe().expect("a test");
    let folder = exe.ancestors().nth(2).expect("a target folder").join("screenshots");
    std::fs::create_dir_all(&folder).expect("writable");
    let name = serde_json::to_value(template).expect("a name");
    let name = format!("analysis-{}-{}.png", name.as_str().expect("words"), size.x);
    h.render().expect("software rendering works").save(folder.join(name)).expect("writable");
}

/// What each template has that others have not.
fn own(template: Template) -> &'static [&'static str] {
    match template {
        Template::ReportAlignment | Template::Realism => {
            &["Scores", "Effect, A − B", "Agreement", "Columns: Primary: ordinal mixed model, Estimate, 95 % interval"]
        }
        // The area is the primary analysis there, not the model.
        Template::RealOrSynthetic => &["Telling real from synthetic", "Columns: Ordinal mixed model, Estimate, 95 % interval"],
        Template::PairwiseChoice => &["Share that chose A over B", "Columns: , Median time"],
        Template::Quartet => &["Real radiograph found", "Taken for the real one"],
        Template::VisualGrading => &["Visual grading", "Sharpness", "Contrast"],
        Template::AssistedReading => &[
            "Right with help − without",
            "Area under the ROC curve, with − without",
            "Columns: Sensitivity, Without, 95 %, With, 95 %",
            "Columns: Specificity, Without, 95 %, With, 95 %",
        ],
    }
}

#[test]
fn the_analysis_of_every_template_can_be_looked_at() {
    for template in Template::ALL {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = answered(dir.path(), template);
        let renders = drawn(dir.path(), vec2(1600.0, 1000.0));
        let is_drawn = renders.is_some();
        let mut h = renders.unwrap_or_else(|| studio(dir.path(), Duration::ZERO));
        h.state_mut().act(Action::OpenRoom(Room::Reading));
        act(&mut h, reading::Action::Show(Tab::Join));
        act(&mut h, reading::Action::SetPath(Field::Study, file));
        wait(&mut h, "the answers beside the study", |a| a.state.reading.answers.len() == READERS.len());
        click(&mut h, "Join key");
        wait(&mut h, "the analysis", |a| a.state.reading.analysis.is_some() && a.state.reading.busy.is_none());
        for words in own(template) {
            see(&mut h, words);
        }
        see(&mut h, "Per reader");
        see_part(&mut h, if template.is_ordinal() { "1–3 of " } else { "Taken by R" });
        if matches!(template, Template::ReportAlignment | Template::Realism) {
            see_part(&mut h, "Image SD, logits, ");
        }
        // The ids of these cases begin with the word.
        see_part(&mut h, "Compare case-");
        assert!(h.query_all_by_label_contains("ase case-").next().is_none(), "{template:?}: the word stands twice");
        let pictures = |h: &Studio| h.state().state.reading.analysis.as_ref().map_or(0, |analysis| analysis.pictures.len());
        assert!(pictures(&h) > 0, "{template:?}: the cases behind the numbers");
        see_part(&mut h, "Simulated readers: a program gave these answers");
        let within = match template {
            Template::PairwiseChoice => "A chosen over B in ",
            Template::Quartet => "Real radiograph found in ",
            _ => "",
        };
        if !within.is_empty() {
            see(&mut h, "Cases with: Pleural effusion");
            act(&mut h, reading::Action::SetFinding(Some("EFF".to_owned())));
            wait(&mut h, "these cases", |a| a.state.reading.analysis.as_ref().is_some_and(|found| !found.parts.is_empty()));
            see_part(&mut h, within);
        }
        h.check_accessibility();
        if is_drawn {
            for size in [vec2(1600.0, 1000.0), vec2(1280.0, 800.0)] {
                picture(&mut h, template, size);
            }
        }
    }
}

#[test]
fn joined_answers_bring_the_images_of_the_study_beside_them() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = answered(dir.path(), Template::Quartet);
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::Reading));
    act(&mut h, reading::Action::Show(Tab::Join));
    act(&mut h, reading::Action::SetPath(Field::Study, file.clone()));
    wait(&mut h, "the answers beside the study", |a| a.state.reading.answers.len() == READERS.len());
    click(&mut h, "Join key");
    wait(&mut h, "the analysis", |a| a.state.reading.analysis.is_some() && a.state.reading.busy.is_none());
    let joined = h.state().state.reading.paths.joined.clone();
    drop(h);
    for (has_key, expected) in [(true, true), (false, false)] {
        if !has_key {
            std::fs::remove_file(file.with_extension("cxkey")).expect("the key is there");
        }
        let other = tempfile::tempdir().expect("a temporary folder");
        let mut h = studio(other.path(), Duration::ZERO);
        h.state_mut().act(Action::OpenRoom(Room::Reading));
        act(&mut h, reading::Action::Show(Tab::Join));
        act(&mut h, reading::Action::SetPath(Field::Joined, joined.clone()));
        click(&mut h, "Open joined answers");
        wait(&mut h, "the analysis", |a| a.state.reading.analysis.is_some() && a.state.reading.busy.is_none());
        let found = h.state().state.reading.analysis.as_ref().is_some_and(|analysis| !analysis.pictures.is_empty());
        assert_eq!(found, expected);
        if !has_key {
            see_part(&mut h, "name the sealed study and its key in step 5");
        }
    }
}
