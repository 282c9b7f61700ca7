use super::*;
use crate::state::{Document, Room, State as Studio};

fn studio() -> Studio {
    Studio::new(Document::empty(64), "saved".into())
}

fn act(state: &mut Studio, action: Action) -> Vec<Effect> {
    crate::reduce::reduce(state, crate::action::Action::Models(action))
}

fn opens(effects: &[Effect]) -> bool {
    effects.iter().any(|e| matches!(e, Effect::Models(Job::Open(_))))
}

/// A whole folder of a model that is no practice model.
fn folder(notice: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let practice = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
    for entry in std::fs::read_dir(practice).expect("the practice model").flatten() {
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("writable");
    }
    let description = dir.path().join("model.toml");
    let text = std::fs::read_to_string(&description).expect("readable");
    let notice = format!("notice = {notice:?}");
    let text: Vec<&str> = text
        .lines()
        .map(|l| match l {
            "practice = true" => "practice = false",
            l if l.starts_with("notice = ") => &notice,
            l => l,
        })
        .collect();
    std::fs::write(&description, text.join("\n")).expect("writable");
    dir
}

#[test]
fn terms_are_asked_for_once() {
    let dir = folder("Credentialed weights.");
    let known = Known::Folder(dir.path().to_owned());
    let mut state = studio();
    act(&mut state, Action::Add(dir.path().to_owned()));
    act(&mut state, Action::Found(Box::new(list::look(&known))));
    assert!(!opens(&act(&mut state, Action::Open(known.clone()))), "not before the notice was read");
    assert_eq!((state.models.asking.as_ref(), state.room), (Some(&known), Room::Train));
    act(&mut state, Action::Decline);
    assert!(state.settings.acknowledged.is_empty());
    act(&mut state, Action::Open(known.clone()));
    assert!(opens(&act(&mut state, Action::Acknowledge)));
    assert_eq!(state.settings.model.as_deref(), Some(dir.path()));
    assert!(opens(&act(&mut state, Action::Open(known.clone()))), "asked once");
    // Other terms are asked for again.
    let other = folder("Other terms.");
    let known = Known::Folder(other.path().to_owned());
    act(&mut state, Action::Found(Box::new(list::look(&known))));
    assert!(!opens(&act(&mut state, Action::Open(known))));
}

#[test]
fn a_model_that_is_not_whole_is_refused_with_what_is_missing() {
    let dir = folder("Terms.");
    for file in ["dit.safetensors", "tokenizer.json"] {
        std::fs::remove_file(dir.path().join(file)).expect("it was there");
    }
    let known = Known::Folder(dir.path().to_owned());
    let found = list::look(&known);
    assert_eq!(found.missing, ["tokenizer.json", "dit.safetensors"]);
    let problem = found.problem.clone().expect("it cannot be opened");
    assert!(problem.contains("dit.safetensors") && problem.ends_with('.') && !problem.contains('\n'), "{problem}");
    let mut state = studio();
    act(&mut state, Action::Found(Box::new(found)));
    assert!(!opens(&act(&mut state, Action::Open(known))));
    assert_eq!(state.messages.list.last().map(|m| m.text.as_str()), Some(problem.as_str()));
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(list::look(&Known::Folder(empty.path().to_owned())).missing, ["model.toml"]);
}

#[test]
fn an_import_without_its_parts_says_which() {
    let mut state = studio();
    act(&mut state, Action::SetForm(ImportForm { checkpoint: "a.pth".into(), ..ImportForm::default() }));
    assert!(act(&mut state, Action::Import).is_empty());
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("T5")));
    let full = ImportForm { checkpoint: "a.pth".into(), text: "t".into(), autoencoder: "v".into(), out: "o".into() };
    act(&mut state, Action::SetForm(full));
    assert_eq!(act(&mut state, Action::Import).len(), 1);
    assert!(act(&mut state, Action::Import).is_empty(), "one at a time");
    act(&mut state, Action::Imported(Some(Ok("o".into()))));
    assert_eq!(state.settings.models, [PathBuf::from("o")]);
}

#[test]
fn a_cut_off_file_is_refused_before_anything_is_loaded() {
    let dir = folder("Terms.");
    let weights = dir.path().join("dit.safetensors");
    let bytes = std::fs::read(&weights).expect("readable");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("writable");
    let problem = list::look(&Known::Folder(dir.path().to_owned())).problem.expect("it cannot be opened");
    assert!(problem.starts_with("dit.safetensors is cut off") && problem.ends_with("; copy the file again."), "{problem}");
    let gone = dir.path().join("gone");
    let problem = list::look(&Known::Folder(gone)).problem.expect("it cannot be opened");
    assert!(problem.starts_with("There is no such folder") && !problem.contains("model.toml"), "{problem}");
}

#[test]
fn a_chosen_path_fills_its_field() {
    let mut state = studio();
    assert_eq!(act(&mut state, Action::PickPart(Part::Text)).len(), 1);
    act(&mut state, Action::Picked(Part::Text, Some("t5".into())));
    assert_eq!(state.models.form.text, "t5");
    act(&mut state, Action::Picked(Part::Out, None));
    assert!(state.models.form.out.is_empty() && state.messages.list.last().is_some_and(|m| m.text.contains("type the path")));
}

#[test]
fn a_model_that_is_chosen_or_added_is_seen_behind_the_fields_of_the_import() {
    let mut state = studio();
    let known = Known::Folder("elsewhere".into());
    for show in [Action::Choose(Known::Practice), Action::Add("elsewhere".into())] {
        act(&mut state, Action::ToggleForm);
        act(&mut state, Action::SetForm(ImportForm { text: "t5".to_owned(), ..ImportForm::default() }));
        act(&mut state, show);
        assert!(!state.models.form_open && state.models.form.text == "t5", "the card is seen, the fields keep their words");
    }
    assert_eq!(state.models.chosen, known);
    // Terms that are to be read come first, too.
    let dir = folder("Credentialed weights.");
    let known = Known::Folder(dir.path().to_owned());
    act(&mut state, Action::Found(Box::new(list::look(&known))));
    act(&mut state, Action::ToggleForm);
    act(&mut state, Action::Open(known));
    assert!(state.models.asking.is_some() && !state.models.form_open);
}
