//! The settings file: JSON with a version, whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use engine::store::atomic::write_atomic;
use engine::store::record::Tier;
use serde::{Deserialize, Serialize};

use super::{MAX_RECENT, Settings, TEXT_PERCENT};
use crate::command::{Chord, KeyMap};
use crate::shell::tips::Lesson;
use crate::state::Room;

/// Name of the file inside the studio's folder.
pub const FILE_NAME: &str = "settings.json";
/// Mark of the file.
const FORMAT: &str = "chexgen-studio-settings";
/// A settings file is small; a larger one is none of ours.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    version: u32,
    #[serde(default = "natural_percent")]
    text_percent: u32,
    #[serde(default)]
    reduce_motion: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    right: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dock: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(default)]
    tips_hidden: bool,
    #[serde(default)]
    has_generated: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tips_done: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    #[serde(default)]
    remember_opened: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<[f32; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    save_folder: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    training: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acknowledged: Vec<String>,
    /// Keys by the command's name, such as `"tool.brush": ["B"]`.
    #[serde(default)]
    keys: std::collections::BTreeMap<String, Vec<String>>,
}

fn natural_percent() -> u32 {
    100
}

/// Reads the settings in a folder; without a file they are the natural ones.
///
/// # Errors
/// One sentence that names what is wrong; the file is left as it is.
pub fn read(folder: &Path) -> Result<Settings, String> {
    let path = folder.join(FILE_NAME);
    let broken = |what: String| {
        format!(
            "The settings could not be read: {what}; the natural ones are used and the file is left alone ({}).",
            path.display()
        )
    };
    let text = match std::fs::metadata(&path) {
        Ok(meta) if meta.len() > MAX_BYTES => return Err(broken("the file is too large".to_owned())),
        Ok(_) => std::fs::read(&path).map_err(|e| broken(e.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(error) => return Err(broken(error.to_string())),
    };
    let form: Form = serde_json::from_slice(&text).map_err(|e| broken(e.to_string()))?;
    if form.format != FORMAT || form.version != 1 {
        return Err(broken(format!("they are of the kind {} in version {}", form.format, form.version)));
    }
    from_form(form).map_err(broken)
}

/// Writes the settings into a folder, which is made when missing.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(folder: &Path, settings: &Settings) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let text = serde_json::to_vec_pretty(&to_form(settings)).map_err(io::Error::other)?;
    write_atomic(&folder.join(FILE_NAME), &text).map_err(io::Error::other)
}

/// Puts a file that cannot be read aside under a free name, so that another can be written.
///
/// # Errors
/// When the folder cannot be written.
pub fn put_aside(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(FILE_NAME);
    let free = (1..).map(|n| folder.join(format!("settings-damaged-{n}.json"))).find(|p| !p.exists());
    let to = free.ok_or_else(|| io::Error::other("no free name"))?;
    std::fs::rename(path, &to)?;
    Ok(to)
}

fn to_form(settings: &Settings) -> Form {
    let s = settings.clone();
    let keys = s.keys.changed().map(|(id, keys)| (id.to_owned(), keys.iter().map(|k| k.text()).collect())).collect();
    Form {
        format: FORMAT.to_owned(),
        version: 1,
        text_percent: s.text_percent,
        reduce_motion: s.reduce_motion,
        left: s.left,
        right: s.right,
        dock: s.dock,
        room: Some(s.room.title().to_owned()),
        tips_hidden: s.tips_hidden,
        has_generated: s.has_generated,
        tips_done: s.lesson.names(),
        tier: Some(s.tier.title().to_owned()),
        remember_opened: s.remember_opened,
        recent: if s.remember_opened { s.recent } else { Vec::new() },
        window: s.window,
        save_folder: s.save_folder,
        models: s.models,
        training: s.training,
        model: s.model,
        acknowledged: s.acknowledged,
        keys,
    }
}

fn from_form(form: Form) -> Result<Settings, String> {
    let mut keys = KeyMap::default();
    for (id, texts) in form.keys {
        let chords: Option<Vec<Chord>> = texts.iter().map(|t| Chord::parse(t)).collect();
        keys.set(&id, chords.ok_or_else(|| format!("the keys of {id} are {texts:?}"))?);
    }
    let room = match form.room {
        None => Room::default(),
        Some(name) => Room::ALL.into_iter().find(|r| r.title() == name).ok_or_else(|| format!("the room is {name:?}"))?,
    };
    let size = |v: Option<f32>| v.filter(|v| v.is_finite() && *v > 0.0);
    let tier = match form.tier {
        None => Tier::Full,
        Some(name) => Tier::ALL.into_iter().find(|t| t.title() == name).ok_or_else(|| format!("the tier is {name:?}"))?,
    };
    let mut recent = if form.remember_opened { form.recent } else { Vec::new() };
    recent.truncate(MAX_RECENT);
    Ok(Settings {
        keys,
        text_percent: form.text_percent.clamp(TEXT_PERCENT.0, TEXT_PERCENT.1),
        reduce_motion: form.reduce_motion,
        left: size(form.left),
        right: size(form.right),
        dock: size(form.dock),
        room: if room.is_built() { room } else { Room::default() },
        tips_hidden: form.tips_hidden,
        has_generated: form.has_generated,
        lesson: Lesson::from_names(&form.tips_done),
        tier,
        remember_opened: form.remember_opened,
        recent,
        window: form.window.filter(|w| w.iter().all(|v| v.is_finite() && *v >= 100.0)),
        save_folder: form.save_folder,
        models: form.models,
        training: form.training,
        model: form.model,
        acknowledged: form.acknowledged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(dir.path()), Ok(Settings::default()), "no file yet");
        let mut settings = Settings { text_percent: 150, reduce_motion: true, left: Some(280.0), ..Settings::default() };
        settings.room = Room::Compare;
        settings.opened(Path::new("a.png"));
        settings.opened(Path::new("b.png"));
        settings.opened(Path::new("a.png"));
        settings.remember_opened = true;
        settings.tier = Tier::Shareable;
        settings.lesson.pass(crate::shell::tips::Step::Generate);
        settings.window = Some([1280.0, 800.0]);
        settings.keys.set("tool.brush", vec![Chord::ctrl_shift(eframe::egui::Key::P)]);
        settings.acknowledged.push("abc".into());
        settings.training.push("runs/first".into());
        write(dir.path(), &settings).expect("writable");
        assert_eq!(settings.recent, [PathBuf::from("a.png"), PathBuf::from("b.png")]);
        assert_eq!(read(dir.path()).as_ref(), Ok(&settings));
        // Without the person's wish no path of an opened file is written.
        settings.remember_opened = false;
        write(dir.path(), &settings).expect("writable");
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).expect("readable");
        assert!(!text.contains("a.png") && read(dir.path()).is_ok_and(|s| s.recent.is_empty()), "{text}");
    }

    #[test]
    fn what_is_not_understood_is_named_and_left_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join(FILE_NAME);
        let head = r#"{"format": "chexgen-studio-settings", "version": 1"#;
        for (text, word) in [
            ("not json".to_owned(), "expected"),
            (format!(r#"{head}, "colour": "red"}}"#), "colour"),
            (r#"{"format": "chexgen-studio-settings", "version": 9}"#.to_owned(), "version 9"),
            (format!(r#"{head}, "keys": {{"tool.brush": ["Hyper+B"]}}}}"#), "tool.brush"),
            (format!(r#"{head}, "room": "Cellar"}}"#), "Cellar"),
            (format!(r#"{head}, "tier": "Secret"}}"#), "Secret"),
        ] {
            std::fs::write(&path, &text).expect("writable");
            let why = read(dir.path()).expect_err("it is refused");
            assert!(why.contains(word) && why.ends_with('.') && !why.contains('\n'), "{why}");
            assert_eq!(std::fs::read_to_string(&path).expect("readable"), text);
        }
        let aside = put_aside(dir.path()).expect("it is put aside");
        assert!(aside.exists() && !path.exists());
    }

    #[test]
    fn absurd_numbers_are_brought_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let text = r#"{"format": "chexgen-studio-settings", "version": 1, "text_percent": 4000, "left": -3, "window": [0, 5]}"#;
        std::fs::write(dir.path().join(FILE_NAME), text).expect("writable");
        let settings = read(dir.path()).expect("readable");
        assert_eq!((settings.text_percent, settings.left, settings.window), (200, None, None));
    }
}
