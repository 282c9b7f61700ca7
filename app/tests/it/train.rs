//! The Train room by accessible names: a run folder that grows, ends, is damaged and goes away.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use app::action::Action;
use app::rooms::train::{self, Tab};
use app::state::Room;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;

use crate::harness::{Studio, click, click_any, see, see_part, studio, until, wait};

/// A line of the log as `chexgen train` writes it.
pub(crate) fn line(stage: &str, step: u32, of: u32) -> String {
    let x = f64::from(step);
    let noise = |seed: f64| ((x * 12.9898 + seed).sin() * 43_758.547).fract() * 0.5;
    let loss = 0.6 + 1.2 * (-x / 60.0).exp() + 0.08 * noise(1.0);
    let levels: Vec<String> = (0..10)
        .map(|tenth| {
            if (step + tenth).is_multiple_of(7) {
                "null".to_owned()
            } else {
                format!("{:.4}", loss * (0.4 + 0.12 * f64::from(tenth)) + 0.1 * noise(2.0 + f64::from(tenth)))
            }
        })
        .collect();
    let (norm, lr) = (0.7 + 0.5 * noise(20.0).abs() + (-x / 30.0).exp(), 1.2e-3 * (x / 40.0).min(1.0));
    format!(
        "{{\"stage\":\"{stage}\",\"step\":{step},\"samples\":{},\"loss\":{loss:.6},\"parts\":[[\"mse\",{loss:.6}]],\"levels\":[{}],\
         \"grad_norm\":{norm:.5},\"clip_scale\":{:.5},\"lr\":{lr:e},\"applied\":{},\"seconds\":{:.4},\"samples_per_sec\":{:.2},\
         \"compute\":0.95,\"update\":0.036,\"data_wait\":{:.5},\"memory_mib\":{:.1},\"of\":{of}}}\n",
        32 * step,
        levels.join(","),
        (1.0 / norm).min(1.0),
        step != 77,
        0.33 + 0.02 * noise(21.0),
        97.0 + 6.0 * noise(22.0),
        0.004 + 0.006 * noise(23.0).abs(),
        802.0 + x / 100.0,
    )
}

/// The pictures of a panel after some updates: chests that become clearer.
fn sheet(step: u32) -> Vec<u8> {
    let side = 64u32;
    let image = GrayImage::new(
        6 * side,
        side,
        (0..6 * side * side)
            .map(|i| {
                let (x, y) = (i % (6 * side), i / (6 * side));
                let (u, v) = (f64::from(x % side) / f64::from(side) - 0.5, f64::from(y) / f64::from(side) - 0.5);
                let chest = (1.0 - 2.2 * u.hypot(v)).max(0.0)
                    + if u.abs() > 0.12 && u.abs() < 0.3 && v.abs() < 0.3 { -0.25 } else { 0.0 };
                let grain = ((f64::from(x * 7 + y * 13 + step) * 12.9898).sin() * 43_758.547).fract().abs();
                let known = (f64::from(step) / 300.0).min(1.0);
                ((known * chest.max(0.0) + (1.0 - known) * grain) * 60_000.0) as u16
            })
            .collect(),
    );
    encode_gray16(&image.expect("a sheet"), &[]).expect("packs")
}

/// Makes a run folder of one stage with so many updates.
pub(crate) fn run_folder(dir: &Path, name: &str, steps: u32, of: u32) -> PathBuf {
    let run = dir.join(name);
    let stage = run.join("text");
    std::fs::create_dir_all(stage.join("panel")).expect("writable");
    let config = format!(
        "name = \"Practice stage 1\"\nstage = \"text\"\n\n[data]\ncount = 16384\n\n[train]\nsteps = {of}\nbatch_size = 32\n\n\
         [train.optimizer]\nclip_norm = 1.0\n\n[train.checkpoints]\nkeep_last = 2\nkeep_every = 200\n"
    );
    std::fs::write(run.join("config.toml"), config).expect("writable");
    std::fs::write(run.join("lock"), "").expect("writable");
    let log: String = (1..=steps).map(|step| line("text", step, of)).collect();
    std::fs::write(run.join("metrics.jsonl"), log).expect("writable");
    let fixed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_824_000);
    for (step, milestone) in [(100, "\"warm\""), (200, "null"), (350, "null")] {
        let path = stage.join(format!("step-{step:08}.json"));
        std::fs::write(path.with_extension("safetensors"), vec![0u8; 1_500_000]).expect("writable");
        std::fs::write(&path, format!("{{\"step\":{step},\"milestone\":{milestone}}}")).expect("writable");
        let file = File::options().write(true).open(&path).expect("writable");
        file.set_modified(fixed + Duration::from_secs(60 * u64::from(step as u32))).expect("settable");
    }
    for step in [100, 200, 300] {
        std::fs::write(stage.join(format!("panel/step-{step:08}.png")), sheet(step)).expect("writable");
    }
    std::fs::write(stage.join("panel/truth.png"), sheet(9999)).expect("writable");
    let said = "{\"time\":1795824000,\"stage\":\"text\",\"step\":77,\"text\":\"text: the gradient of update 77 is not finite (samples 12, 15); it was left out\"}\n";
    std::fs::write(run.join("messages.jsonl"), said).expect("writable");
    run
}

fn act(h: &mut Studio, action: train::Action) {
    h.state_mut().act(Action::Train(action));
    h.run_steps(2);
}

fn opened(h: &mut Studio, run: &Path) {
    act(h, train::Action::Open(run.to_owned()));
    let run = run.to_owned();
    wait(h, "the run", move |a| {
        a.state.train.runs.iter().any(|r| r.path == run && r.view.stages.len() + r.view.trouble.iter().count() > 0)
    });
}

/// Every file of a folder with its content.
fn all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut todo = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).expect("there").flatten() {
            match entry.path() {
                path if path.is_dir() => todo.push(path),
                path => found.push((path.clone(), std::fs::read(&path).expect("readable"))),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_training_is_watched_while_it_runs_and_told_how_it_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = run_folder(dir.path(), "first", 400, 1000);
    let before = all(&run);
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Train");
    see(&mut h, "Watch a training");
    h.check_accessibility();
    let lock = File::open(run.join("lock")).expect("there");
    lock.try_lock().expect("nobody has it");
    opened(&mut h, &run);
    see_part(&mut h, "text: update 400 of 1\u{a0}000 (40 %)");
    see_part(&mut h, "It works just now");
    see_part(&mut h, "Loss: ");
    see_part(&mut h, "Loss by noise level, newest values");
    for plot in ["Gradient norm: ", "Learning rate: ", "Throughput: ", "Waiting for data: ", "Memory: "] {
        see_part(&mut h, plot);
    }
    see_part(&mut h, "1 update left out, as the gradient was not finite: at 77.");
    see_part(&mut h, "the gradient of update 77 is not finite (samples 12, 15)");
    see(&mut h, "milestone warm, 2 MB");
    see(&mut h, "every 200, 2 MB");
    h.check_accessibility();

    // It grows, and a line that is written only half waits.
    let mut log = File::options().append(true).open(run.join("metrics.jsonl")).expect("writable");
    let next = line("text", 401, 1000);
    log.write_all(&next.as_bytes()[..40]).expect("writable");
    log.write_all(&next.as_bytes()[40..]).expect("writable");
    see_part(&mut h, "text: update 401 of 1\u{a0}000");
    // It ends: how is told by its newest checkpoint.
    drop(lock);
    see_part(&mut h, "It ended at update 401 without a checkpoint of it: it goes on from update 350 and does 51 updates again.");
    click(&mut h, "Copy the command that goes on");
    see(&mut h, "Copied the command.");
    let copied = train::command::resume(&run).expect("plain text");
    assert!(copied.starts_with("chexgen train ") && copied.contains("config.toml --out "), "{copied}");

    // Only the line that this test wrote is new: the room has written nothing.
    let after = all(&run);
    assert_eq!(after.len(), before.len());
    for ((path, content), (_, was)) in after.iter().zip(&before) {
        assert!(content == was || path.ends_with("metrics.jsonl"), "{} was changed", path.display());
    }
}

#[test]
fn a_run_folder_that_is_dropped_on_any_room_opens_in_its_own() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    for (room, name) in [(Room::Canvas, "first"), (Room::Compare, "second"), (Room::Train, "third")] {
        let run = run_folder(dir.path(), name, 120, 1000);
        h.state_mut().act(Action::OpenRoom(room));
        h.state_mut().act(Action::Train(train::Action::Show(Tab::Runs)));
        h.step();
        crate::images::drop_files(&mut h, std::slice::from_ref(&run));
        until(&mut h, "the dropped run", |h| {
            let state = &h.state().state;
            state.room == Room::Train && state.train.shown().is_some_and(|(_, shown)| shown.path == run)
        });
        see_part(&mut h, "text: update 120 of 1\u{a0}000");
    }
    assert_eq!(h.state().state.train.runs.len(), 3);
    assert_eq!(h.state().state.images.opening, 0);
    // A folder of something else is said in a sentence and changes no room.
    let other = dir.path().join("other");
    std::fs::create_dir(&other).expect("writable");
    h.state_mut().act(Action::OpenRoom(Room::Canvas));
    let told = h.state().state.messages.list.len();
    crate::images::drop_files(&mut h, &[other]);
    wait(&mut h, "the sentence", |a| a.state.messages.list.len() > told);
    assert_eq!(h.state().state.room, Room::Canvas);
}

#[test]
fn curves_and_panels_are_looked_at_by_buttons_and_keys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (run_folder(dir.path(), "first", 400, 1000), run_folder(dir.path(), "second", 250, 1000));
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::Train));
    opened(&mut h, &second);
    opened(&mut h, &first);
    click(&mut h, "Log scale");
    h.key_press_modifiers(Modifiers::ALT, Key::End);
    see(&mut h, "updates 360 to 400");
    click(&mut h, "All updates");
    wait(&mut h, "the whole stage", |a| a.state.train.zoom.is_none() && a.state.train.log);
    // A drag over the loss shows these updates only.
    let rect = h.get_all_by_label_contains("Loss: ").next().expect("the plot").rect();
    let at = |share: f32| eframe::egui::pos2(rect.left() + 60.0 + share * (rect.width() - 90.0), rect.center().y);
    h.drag_at(at(0.25));
    h.step();
    h.hover_at(at(0.5));
    h.step();
    h.drop_at(at(0.75));
    h.run_steps(3);
    wait(&mut h, "a part", |a| a.state.train.zoom.is_some_and(|(from, to)| from > 50.0 && to < 350.0));
    click(&mut h, "All updates");

    // Over each other, with letters.
    click(&mut h, "Draw second beside the chosen run");
    see_part(&mut h, "Loss: B ");
    until(&mut h, "both", |h| h.query_all_by_label_contains("; A ").next().is_some());
    see(&mut h, "The strip of noise levels is that of the chosen run.");

    // Panels: scrubbed, held, enlarged.
    see(&mut h, "Update 300, synthetic panel of the training");
    h.key_press_modifiers(Modifiers::ALT, Key::Comma);
    see(&mut h, "Update 200, synthetic panel of the training");
    click(&mut h, "Compare with this panel");
    click(&mut h, "Earlier panel");
    see(&mut h, "Update 100, synthetic panel of the training");
    see(&mut h, "Update 200, synthetic panel of the training");
    see(&mut h, "Data that the panel is compared with");
    click_any(&mut h, "Update 100, synthetic panel of the training");
    see(&mut h, "Back to the curves");
    assert!(h.query_all_by_label_contains("Loss: ").next().is_none());
    h.check_accessibility();
    h.key_press(Key::Escape);
    h.run_steps(3);
    see_part(&mut h, "Loss: ");

    click(&mut h, "Show the configuration");
    see_part(&mut h, "clip_norm = 1.0");
    // The other run, by key; what was chosen in the one before is forgotten.
    h.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
    see_part(&mut h, "text: update 250 of 1\u{a0}000");
    wait(&mut h, "the newest panel", |a| a.state.train.panel.is_none() && a.state.train.held.is_none());
    click(&mut h, "Take second off the list");
    wait(&mut h, "one run", |a| a.state.train.runs.len() == 1 && a.state.settings.training.len() == 1);
    // The models are one click away.
    click(&mut h, "Show the models");
    see(&mut h, "Add a folder…");
    assert_eq!(h.state().state.train.tab, Tab::Models);
}

#[test]
fn what_is_no_run_is_a_sentence_and_remembered_runs_come_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = run_folder(dir.path(), "first", 30, 1000);
    let old = dir.path().join("old");
    std::fs::create_dir(&old).expect("writable");
    let text = "{\"stage\":\"base\",\"step\":1,\"loss\":0.5,\"parts\":[],\"grad_norm\":0.6,\"lr\":0.1,\"data_wait\":0.0,\"skipped\":0}\nno line\n";
    std::fs::write(old.join("metrics.jsonl"), text).expect("writable");
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::Train));
    opened(&mut h, dir.path());
    see_part(&mut h, "This folder holds no training");
    opened(&mut h, &old);
    see_part(&mut h, "Line 2 of metrics.jsonl is damaged and was left out.");
    see_part(&mut h, "An older version wrote this log: it does not tell the loss by noise level, clipping");
    see_part(&mut h, "config.toml is missing");
    opened(&mut h, &run);
    see_part(&mut h, "text: update 30 of");
    std::fs::rename(&run, dir.path().join("away")).expect("movable");
    see_part(&mut h, "The folder is not there any more");
    see_part(&mut h, "text: update 30 of");
    std::fs::rename(dir.path().join("away"), &run).expect("movable");
    until(&mut h, "it is back", |h| h.query_all_by_label_contains("The folder is not there any more").next().is_none());
    drop(h);

    // Another session.
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::Train));
    wait(&mut h, "the runs of before", |a| a.state.train.runs.len() == 3);
    see_part(&mut h, "Run C first");
}
