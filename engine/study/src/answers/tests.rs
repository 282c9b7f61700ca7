use super::*;
use crate::design::Design;
use crate::testing::{design, sealed, table};

const SCREEN: Screen = Screen { window_px: (1600, 1000), pixels_per_point: 1.0, scale: (1, 1) };

fn study(change: impl FnOnce(&mut Design)) -> (tempfile::TempDir, Study) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut design = design(Template::ReportAlignment, 2, 2);
    change(&mut design);
    let made = sealed(&design, &table(&design, dir.path(), 4, 2));
    std::fs::write(dir.path().join("s.cxstudy"), made.study).expect("a file");
    let study = Study::open(&dir.path().join("s.cxstudy")).expect("a study");
    (dir, study)
}

fn at(secs: i64) -> Moment {
    Moment { wall_ms: secs * 1000, mono_secs: secs as f64 }
}

fn locked(trial: u32, value: i32) -> Event {
    Event::Locked { trial, values: vec![value], seconds: 5.5, looked: Looked::default() }
}

/// Everything before the first trial.
fn begin(answers: &mut Answers) {
    let screen = Event::Display { screen: SCREEN, steps: true, rings: (4, 4), ambient: "dark".to_owned(), words: String::new() };
    let experience = Event::Experience { years: "5 to 10 years".to_owned(), training: String::new() };
    for (secs, event) in (1..).zip([Event::Consent, experience, screen]) {
        answers.append(at(secs), event).expect("saved");
    }
    for trial in 1..=answers.rules.practice as u32 {
        assert_eq!(answers.position(0), Position::Practice(trial));
        answers.append(at(9), Event::Practice { trial, as_asked: None }).expect("saved");
    }
}

#[test]
fn a_reader_goes_on_where_it_stood() {
    let (dir, study) = study(|design| (design.plan.practice, design.plan.block_size) = (2, 4));
    let path = Answers::file_beside(&dir.path().join("s.cxstudy"), "R1");
    assert!(path.ends_with("s-R1.cxanswers"));
    let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
    assert_eq!(answers.position(0), Position::Consent);
    begin(&mut answers);
    assert_eq!(answers.position(0), Position::Rest { next: 1 });
    answers.append(at(20), Event::Shown { trial: 1, screen: SCREEN }).expect("saved");
    answers.append(at(21), Event::Chosen { trial: 1, criterion: 0, value: 1, seconds: 1.0 }).expect("saved");
    answers.append(at(22), Event::Chosen { trial: 1, criterion: 0, value: -2, seconds: 2.0 }).expect("saved");
    answers.append(at(23), Event::Paused { trial: Some(1), seconds: 3.0 }).expect("saved");
    drop(answers);

    let mut answers = Answers::open(&path, &study, "R1").expect("the same answers");
    assert_eq!(answers.position(0), Position::Trial(1));
    let state = answers.progress().trials[&1].clone();
    assert_eq!((state.chosen, state.seconds), (vec![Some(-2)], 3.0));
    answers.append(at(30), locked(1, -2)).expect("saved");
    assert_eq!(answers.position(0), Position::Errors(1));
    let mark = MarkedErrorOf::omission();
    answers.append(at(31), Event::Marks { trial: 1, marks: vec![mark] }).expect("saved");
    answers.append(at(32), Event::Finished { trial: 1, seconds: 2.0 }).expect("saved");
    assert_eq!(answers.position(0), Position::Trial(2));
    for trial in 2..=4 {
        answers.append(at(40), locked(trial, 2)).expect("saved");
    }
    assert_eq!(answers.position(0), Position::Rest { next: 5 }, "a break after the block");
    for trial in 5..=8 {
        answers.append(at(50), locked(trial, 0)).expect("saved");
    }
    assert_eq!((answers.position(0), answers.progress().locked()), (Position::Done, 8));
}

/// A mark for the tests.
struct MarkedErrorOf;

impl MarkedErrorOf {
    fn omission() -> crate::reading::MarkedError {
        crate::reading::MarkedError { kind: crate::reading::ErrorKind::Omission, place: Some((0.25, 0.75)) }
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let (dir, study) = study(|_| {});
    let mut answers = Answers::open(&dir.path().join("a"), &study, "R1").expect("new answers");
    begin(&mut answers);
    let events = answers.progress().events;
    let long = "x".repeat(5000);
    for (event, words) in [
        (locked(2, 1), "an earlier answer is not locked"),
        (locked(99, 1), "no trial 99"),
        (locked(1, 7), "no answer to"),
        (Event::Locked { trial: 1, values: vec![], seconds: 0.0, looked: Looked::default() }, "no answer to"),
        (Event::Chosen { trial: 1, criterion: 1, value: 1, seconds: 0.0 }, "no criterion"),
        (Event::Changed { trial: 1, values: vec![1], reason: "slip".to_owned() }, "does not let a locked answer be changed"),
        (Event::Comment { trial: 1, text: long }, "shorten it"),
    ] {
        let error = answers.append(at(1), event).expect_err(words).to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    }
    answers.append(at(1), locked(1, 1)).expect("saved");
    let error = answers.append(at(1), locked(1, 2)).expect_err("twice").to_string();
    assert!(error.contains("locked already"), "{error}");
    assert_eq!(answers.progress().events, events + 1);
}

#[test]
fn changes_add_where_the_plan_allows_them() {
    let (dir, study) = study(|design| design.plan.may_change = true);
    let path = dir.path().join("a");
    let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
    answers.append(at(1), locked(1, 1)).expect("saved");
    let change = |reason: &str| Event::Changed { trial: 1, values: vec![-1], reason: reason.to_owned() };
    assert!(answers.append(at(2), change(" ")).is_err(), "a reason is needed");
    answers.append(at(2), change("pressed the wrong key")).expect("saved");
    let state = answers.progress().trials[&1].clone();
    assert_eq!((state.locked, state.current), (Some(vec![1]), Some(vec![-1])));
    assert_eq!(state.reasons, [(true, "pressed the wrong key".to_owned())]);
    let view: (i64, String) = answers
        .connection
        .query_row("SELECT trial, answer FROM answers", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the view of current answers");
    assert_eq!(view, (1, "[-1]".to_owned()));
    drop(answers);
    assert_eq!(AnswersFile::read(&path).expect("answers").entries.len(), 2, "both are kept");
}

#[test]
fn the_database_itself_refuses_to_change_and_to_delete() {
    let (dir, study) = study(|_| {});
    let path = dir.path().join("a");
    let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
    (1..=3).for_each(|trial| answers.append(at(1), locked(trial, 1)).expect("saved"));
    drop(answers);
    let connection = Connection::open(&path).expect("a database");
    for sql in [
        "UPDATE events SET body = '{}' WHERE seq = 1",
        "DELETE FROM events",
        "REPLACE INTO events (seq, body, hash) VALUES (1, 'x', 'y')",
        "INSERT INTO events (seq, body, hash) VALUES (9, 'x', 'y')",
        "INSERT INTO events (seq, body, hash) VALUES (NULL, 'x', 'y')",
        "UPDATE about SET reader = 'R2'",
        "DELETE FROM about",
        "INSERT INTO about (id, study, reader) VALUES (2, 'x', 'y')",
        "REPLACE INTO about (id, study, reader) VALUES (1, 'x', 'y')",
    ] {
        assert!(connection.execute_batch(sql).is_err(), "{sql}");
    }
    drop(connection);
    assert_eq!(AnswersFile::read(&path).expect("answers").entries.len(), 3);
}

#[test]
fn an_edited_log_is_seen() {
    let (dir, study) = study(|_| {});
    let path = dir.path().join("a");
    let fresh = || {
        drop(std::fs::remove_file(&path));
        let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
        (1..=3).for_each(|trial| answers.append(at(1), locked(trial, 1)).expect("saved"));
        drop(answers);
        Connection::open(&path).expect("a database")
    };
    let off = "DROP TRIGGER events_stay; DROP TRIGGER events_are_kept; DROP TRIGGER about_stays;";
    let again = |connection: &Connection| {
        let schema = include_str!("schema.sql");
        let triggers = schema.lines().filter(|line| {
            ["events_stay", "events_are_kept", "about_stays"].iter().any(|name| line.contains(&format!("TRIGGER {name} ")))
        });
        connection.execute_batch(&triggers.collect::<String>()).expect("the triggers are back");
    };
    for (sql, words) in [
        ("UPDATE events SET body = replace(body, '[1]', '[2]') WHERE seq = 2", "the chain of events breaks at event 2"),
        ("UPDATE events SET hash = lower(hex(randomblob(32))) WHERE seq = 1", "the chain of events breaks at event 1"),
        ("DELETE FROM events WHERE seq = 2", "the chain of events breaks at event 2"),
        ("UPDATE about SET reader = 'R2'", "the chain of events breaks at event 1"),
        ("UPDATE about SET study = 'other'", "the chain of events breaks at event 1"),
    ] {
        let connection = fresh();
        connection.execute_batch(off).expect("whoever owns the file can drop them");
        connection.execute_batch(sql).expect("an edit");
        again(&connection);
        drop(connection);
        let error = AnswersFile::read(&path).expect_err(sql).to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{sql}: {error}");
        assert!(Answers::open(&path, &study, "R1").is_err(), "{sql}");
    }
    let connection = fresh();
    connection.execute_batch(off).expect("an edit");
    drop(connection);
    let error = AnswersFile::read(&path).expect_err("no triggers").to_string();
    assert!(error.contains("other tables than answers"), "{error}");
}

#[test]
fn two_windows_foreign_files_and_the_answers_of_others_are_refused() {
    let (dir, study) = study(|_| {});
    let path = dir.path().join("a");
    let first = Answers::open(&path, &study, "R1").expect("new answers");
    for error in [Answers::open(&path, &study, "R1").expect_err("taken"), AnswersFile::read(&path).expect_err("taken")] {
        assert!(error.to_string().contains("is open in another window"), "{error}");
    }
    drop(first);
    let error = Answers::open(&path, &study, "R2").expect_err("R1's").to_string();
    assert!(error.contains("holds the answers of \"R1\", not of \"R2\""), "{error}");
    let (_other_dir, other) = self::study(|design| design.seed = 8);
    let error = Answers::open(&path, &other, "R1").expect_err("another study").to_string();
    assert!(error.contains("it holds answers to study") && error.contains("and this is study"), "{error}");
    assert!(Answers::open(&path, &study, "R1").is_ok(), "it is as it was");

    std::fs::write(dir.path().join("text"), "hello, I am a text and no database at all. ".repeat(100)).expect("a file");
    let database = Connection::open(dir.path().join("other")).expect("a database");
    database.execute_batch("CREATE TABLE t (x)").expect("a table");
    drop(database);
    std::fs::write(dir.path().join("empty"), "").expect("a file");
    for name in ["text", "other"] {
        let before = std::fs::read(dir.path().join(name)).expect("a file");
        let error = Answers::open(&dir.path().join(name), &study, "R1").expect_err(name).to_string();
        assert!(error.contains("this is no file of answers") && !error.contains('\n'), "{error}");
        assert_eq!(std::fs::read(dir.path().join(name)).expect("a file"), before, "{name} was changed");
    }
    for name in ["text", "other", "empty", "none"] {
        assert!(AnswersFile::read(&dir.path().join(name)).is_err(), "{name}");
    }
    let error = Answers::open(&dir.path().join("none/a"), &study, "R1").expect_err("no folder").to_string();
    assert!(error.contains("folder is missing"), "{error}");
}

#[test]
fn the_file_that_is_handed_over_is_one_whole_file() {
    let (dir, study) = study(|_| {});
    let mut answers = Answers::open(&dir.path().join("a"), &study, "R1").expect("new answers");
    begin(&mut answers);
    answers.append(at(5), locked(1, 1)).expect("saved");
    let copy = dir.path().join("handed.cxanswers");
    let hash = answers.hand_over(&copy).expect("a copy");
    let bytes = std::fs::read(&copy).expect("a file");
    assert_eq!(hash, hash_bytes(&bytes));
    assert_eq!((bytes[18], bytes[19]), (1, 1), "no log belongs to it");
    let read = AnswersFile::read(&copy).expect("answers");
    assert_eq!((read.reader.as_str(), read.entries.len(), read.head.as_str()), ("R1", 4, answers.head()));
    assert_eq!(read.study, study.hash());
    answers.append(at(6), Event::Closed).expect("the window goes on");
    answers.hand_over(&copy).expect("and again");
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert!(!names.iter().any(|name| name.contains("part") || name.contains("writing")), "{names:?}");
    let error = answers.hand_over(&dir.path().join("none/x")).expect_err("no folder").to_string();
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn reading_leaves_nothing_beside_the_file() {
    let (dir, study) = study(|_| {});
    let path = dir.path().join("a 100% #1?.cxanswers");
    let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
    answers.append(at(1), Event::Consent).expect("saved");
    drop(answers);
    let names = || -> Vec<_> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(AnswersFile::read(&path).expect("answers").entries.len(), 1);
    assert_eq!(names(), before);
}

#[test]
fn a_round_waits_for_its_washout_and_a_clock_set_back_only_waits_longer() {
    let (dir, study) = study(|design| (design.plan.rounds, design.plan.washout_hours) = (2, 24.0));
    let mut answers = Answers::open(&dir.path().join("a"), &study, "R1").expect("new answers");
    begin(&mut answers);
    (1..=4).for_each(|trial| answers.append(at(1000), locked(trial, 1)).expect("saved"));
    let ready_ms = (1000 + 24 * 3600) * 1000;
    assert_eq!(answers.position(2_000_000), Position::Washout { next: 5, ready_ms });
    assert_eq!(answers.position(-1), Position::Washout { next: 5, ready_ms }, "the clock was set back");
    assert_eq!(answers.position(ready_ms), Position::Rest { next: 5 });
    answers.append(at(1200), Event::Round { round: 2, reason: "the clock was wrong".to_owned() }).expect("saved");
    assert_eq!(answers.position(2_000_000), Position::Rest { next: 5 });
}

#[test]
fn every_answer_of_a_scale_of_criteria_has_one_value_each() {
    let dir = tempfile::tempdir().expect("a folder");
    let design = design(Template::VisualGrading, 1, 2);
    let made = sealed(&design, &table(&design, dir.path(), 3, 0));
    std::fs::write(dir.path().join("s.cxstudy"), made.study).expect("a file");
    let study = Study::open(&dir.path().join("s.cxstudy")).expect("a study");
    let mut answers = Answers::open(&dir.path().join("a"), &study, "R1").expect("new answers");
    assert!(answers.append(at(1), locked(1, 3)).is_err());
    answers.append(at(1), Event::Chosen { trial: 1, criterion: 1, value: 4, seconds: 1.0 }).expect("saved");
    assert_eq!(answers.progress().trials[&1].chosen, [None, Some(4)]);
    let both = Event::Locked { trial: 1, values: vec![3, 4], seconds: 1.0, looked: Looked::default() };
    answers.append(at(1), both).expect("saved");
}

#[test]
fn a_file_that_may_not_grow_loses_nothing() {
    let (dir, study) = study(|_| {});
    let path = dir.path().join("a");
    let mut answers = Answers::open(&path, &study, "R1").expect("new answers");
    let comment = |number: usize| Event::Comment { trial: 1, text: format!("{number} {}", "x".repeat(900)) };
    answers.append(at(1), comment(0)).expect("saved");
    // A limit on pages stands for the full disk, for whoever runs the tests may not be allowed to make one.
    answers.connection.pragma_update(None, "max_page_count", 8).expect("a limit");
    let mut saved = 1;
    let error = loop {
        match answers.append(at(2), comment(saved)) {
            Ok(()) => saved += 1,
            Err(error) => break error.to_string(),
        }
        assert!(saved < 100, "the limit does not act");
    };
    assert!(error.contains("not saved in") && error.contains("the disk is full; free some space and try again"), "{error}");
    assert!(answers.append(at(2), comment(saved)).is_err());
    assert_eq!(answers.progress().events as usize, saved);
    answers.connection.pragma_update(None, "max_page_count", 1000).expect("no limit");
    answers.append(at(3), comment(saved)).expect("the same event again");
    let head = answers.head().to_owned();
    drop(answers);
    let read = AnswersFile::read(&path).expect("answers");
    assert_eq!((read.entries.len(), read.head), (saved + 1, head));
}

#[test]
fn a_damaged_file_is_one_sentence_or_reads_as_before() {
    let (dir, study) = study(|_| {});
    let mut answers = Answers::open(&dir.path().join("a"), &study, "R1").expect("new answers");
    begin(&mut answers);
    (1..=3).for_each(|trial| answers.append(at(10), locked(trial, 1)).expect("saved"));
    let copy = dir.path().join("handed.cxanswers");
    answers.hand_over(&copy).expect("a copy");
    let (bytes, whole) = (std::fs::read(&copy).expect("a file"), AnswersFile::read(&copy).expect("answers"));
    let mut seen = 0;
    for place in (0..bytes.len()).filter(|place| place % 29 == 0 || *place < 100) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x15;
        std::fs::write(&copy, &damaged).expect("a file");
        match AnswersFile::read(&copy) {
            Ok(read) => assert_eq!(
                (read.entries, read.head, read.reader),
                (whole.entries.clone(), whole.head.clone(), "R1".to_owned()),
                "byte {place}"
            ),
            Err(error) => {
                seen += 1;
                let sentence = error.to_string();
                assert!(sentence.contains("handed.cxanswers") && !sentence.contains('\n'), "byte {place}: {sentence}");
            }
        }
        for beside in ["handed.cxanswers-wal", "handed.cxanswers-shm"] {
            drop(std::fs::remove_file(dir.path().join(beside)));
        }
    }
    assert!(seen > 20, "only {seen} of the changes were seen");
    for cut in [0, 50, 4096, bytes.len() - 1] {
        std::fs::write(&copy, &bytes[..cut]).expect("a file");
        if let Ok(read) = AnswersFile::read(&copy) {
            assert_eq!(read.entries, whole.entries, "{cut} bytes");
        }
    }
}
