use super::*;

fn line(stage: &str, step: u32) -> String {
    format!(
        "{{\"stage\":\"{stage}\",\"step\":{step},\"loss\":{},\"seconds\":0.5,\"applied\":true,\"of\":100}}\n",
        1.0 / f64::from(step)
    )
}

fn look(run: &mut Run) -> Option<View> {
    run.look(&mut |_| true)
}

fn begun(dir: &Path, text: &str) -> Run {
    std::fs::write(dir.join("config.toml"), "stage = \"text\"\nname = \"A run\"\n[train]\nsteps = 100\n").expect("writable");
    std::fs::write(dir.join("metrics.jsonl"), text).expect("writable");
    Run::new(dir)
}

#[test]
fn a_run_that_grows_is_followed_and_a_damaged_line_is_one_sentence() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut run = begun(
        dir.path(),
        &[line("text", 1), "{\"stage\":3}\n".to_owned(), line("text", 2), "{\"stage\":\"te".to_owned()].concat(),
    );
    let view = look(&mut run).expect("something new");
    assert_eq!((view.stages.len(), view.stages[0].step, view.plan.name.as_str()), (1, 2, "A run"));
    assert!(view.notes.iter().any(|note| note.starts_with("Line 2 of metrics.jsonl is damaged")), "{:?}", view.notes);
    assert_eq!((view.standing, view.share(), view.left()), (Standing::Running, Some(0.02), Some(49.0)));
    assert!(look(&mut run).is_none(), "nothing changed");
    let path = dir.path().join("metrics.jsonl");
    let mut text = [line("text", 1), "{\"stage\":3}\n".to_owned(), line("text", 2)].concat();
    text.push_str(&line("text", 3));
    std::fs::write(&path, &text).expect("writable");
    assert_eq!(look(&mut run).map(|view| view.stages[0].step), Some(3));
    // Who goes on from an earlier checkpoint writes the file anew.
    std::fs::write(&path, [line("text", 1), line("text", 2)].concat()).expect("writable");
    let view = look(&mut run).expect("something new");
    assert_eq!((view.stages[0].step, view.stages[0].lines), (2, 2));
    assert!(view.notes.iter().all(|note| !note.contains("damaged")));
    std::fs::write(
        dir.path().join("messages.jsonl"),
        "{\"time\":5,\"stage\":\"text\",\"step\":2,\"text\":\"It was left out\"}\n",
    )
    .expect("writable");
    assert_eq!(look(&mut run).map(|view| view.said[0].text.clone()), Some("It was left out".to_owned()));
}

#[test]
fn how_a_run_stands_is_told_by_lock_checkpoints_and_last_weights() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut run = begun(dir.path(), &line("text", 5));
    let stage = dir.path().join("text");
    std::fs::create_dir(&stage).expect("writable");
    let lock = std::fs::File::create(dir.path().join("lock")).expect("writable");
    let standing = |run: &mut Run| look(run).map(|view| view.standing);
    assert_eq!(standing(&mut run), Some(Standing::Crashed), "no checkpoint holds update 5");
    lock.try_lock().expect("free");
    assert_eq!(standing(&mut run), Some(Standing::Running));
    lock.unlock().expect("held");
    std::fs::write(stage.join("step-00000005.json"), "{}").expect("writable");
    std::fs::write(stage.join("step-00000005.safetensors"), "tensors").expect("writable");
    assert_eq!(standing(&mut run), Some(Standing::Stopped));
    std::fs::write(stage.join("final.safetensors"), "weights").expect("writable");
    assert_eq!(standing(&mut run), Some(Standing::Finished));
}

#[test]
fn what_is_no_run_is_one_sentence_each_and_what_was_read_stays() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let trouble = |folder: &Path| look(&mut Run::new(folder)).and_then(|view| view.trouble).unwrap_or_default();
    assert!(trouble(&dir.path().join("nothing")).contains("no such folder"));
    assert!(trouble(dir.path()).contains("holds no training"));
    std::fs::write(dir.path().join("model.toml"), "").expect("writable");
    assert!(trouble(dir.path()).contains("add it under Models"));
    let folder = dir.path().join("run");
    std::fs::create_dir(&folder).expect("writable");
    let mut run = begun(&folder, &line("text", 1));
    look(&mut run).expect("a view");
    std::fs::remove_dir_all(&folder).expect("removed");
    let view = look(&mut run).expect("a view");
    assert!(view.trouble.is_some_and(|why| why.contains("moved, removed")) && view.stages[0].step == 1);
    assert!(look(&mut run).is_none(), "it is said once");
    // A folder that a run only begins in is no fault.
    std::fs::create_dir(&folder).expect("writable");
    std::fs::write(folder.join("lock"), "").expect("writable");
    assert_eq!(look(&mut run).map(|view| (view.standing, view.trouble)), Some((Standing::NotBegun, None)));
}

#[test]
fn a_log_of_a_million_updates_is_read_in_pieces() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let text: String = (1..=1_000_000).map(|step| line("text", step)).collect();
    let mut run = begun(dir.path(), &text);
    let view = look(&mut run).expect("a view");
    let rows = view.stages[0].table.rows().len();
    assert!(view.stages[0].lines == 1_000_000 && rows <= 8192, "{rows}");
}
