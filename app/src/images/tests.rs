use std::path::Path;
use std::sync::Arc;

use engine::cancel::Cancel;
use engine::domain::{Finding, GrayImage, Mask, RectPx};
use engine::imageio::dicom;
use engine::imageio::png;
use engine::masks::export::MaskFormat;
use engine::store::record::{SHAREABLE_KEYWORD, Tier};

use super::open::{Hints, open};
use super::*;
use crate::action::{Action as Any, Effect as AnyEffect};
use crate::jobs::Generator as _;
use crate::state::{Document, Level, Region, Shown, State};
use crate::testing::FakeModel;

mod bad_input;

const SIDE: u32 = 32;
const SECRET: &str = "A secret impression about a hidden person.";

fn act(state: &mut State, action: Any) -> Vec<AnyEffect> {
    crate::reduce::reduce(state, action)
}

fn images(state: &mut State, action: Action) -> Vec<AnyEffect> {
    act(state, Any::Images(action))
}

/// A studio without a window, with a model that is quick.
fn state(folder: &Path) -> State {
    let mut state = State::new(Document::empty(SIDE), folder.to_owned());
    crate::reduce::model_ready(&mut state, Arc::new(FakeModel::new(SIDE, std::time::Duration::ZERO)));
    state
}

/// Opens a file as the window does.
fn open_in(state: &mut State, path: &Path) {
    let hints = Hints::of(state);
    news(state, News::Opened(open(path, &hints)));
}

/// Runs the open case to its end, as the worker does.
fn generate(state: &mut State) {
    let effects = act(state, Any::Generate);
    crate::testing::begin(state, &effects);
    let job = state.job.as_ref().unwrap_or_else(|| panic!("no run began: {:?}", last(state)));
    let request = job.request.clone();
    let model = FakeModel::new(SIDE, std::time::Duration::ZERO);
    let made = model.generate(&request, &Cancel::new(), &mut |_| {}).expect("made").expect("not cancelled");
    crate::testing::finish(state, made);
    state.shown = Shown::Result(0);
}

fn last(state: &State) -> Option<String> {
    state.messages.list.last().map(|m| m.text.clone())
}

/// Writes what an action asks for; the last file.
fn written(state: &mut State, action: Action) -> std::path::PathBuf {
    let effects = images(state, action);
    let [AnyEffect::Images(Effect::Write(order))] = &effects[..] else { panic!("{effects:?}, {:?}", last(state)) };
    let written = write::write(order).expect("written");
    let file = written.files.last().expect("a file").clone();
    news(state, News::Written(Ok(written)));
    file
}

/// A radiograph of its own size, 16 bits, every value used once in a while.
fn radiograph(width: u32, height: u32) -> GrayImage {
    let pixels = (0..width * height).map(|i| ((i % width) * 37 + (i / width) * 91 + i * 7) as u16).collect();
    GrayImage::new(width, height, pixels).expect("an image")
}

/// A DICOM file of one.
fn dicom_file(dir: &Path, image: &GrayImage) -> std::path::PathBuf {
    let path = dir.join("opened.dcm");
    let capture = dicom::Capture {
        image,
        content: dicom::Content::Synthetic,
        record: None,
        full_size: None,
        spacing_mm: Some((0.14, 0.14)),
    };
    std::fs::write(&path, dicom::encode_capture(&capture).expect("encoded")).expect("written");
    path
}

/// A case with a file opened, a finding drawn and an impression.
fn edited_case(dir: &Path, width: u32, height: u32) -> State {
    let mut state = state(&dir.join("out"));
    open_in(&mut state, &dicom_file(dir, &radiograph(width, height)));
    assert_eq!(state.shown, Shown::Base, "{:?}", last(&state));
    act(&mut state, Any::SetImpression(SECRET.to_owned()));
    let mask = Mask::from_fn(SIDE, SIDE, |x, y| (12..20).contains(&x) && (14..19).contains(&y));
    act(&mut state, Any::AddMask);
    let id = state.view.chosen.expect("a layer");
    act(&mut state, Any::SetRegion(id, Region::Mask(Arc::new(mask))));
    state
}

#[test]
fn a_radiograph_becomes_the_base_or_a_case_of_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut state = state(dir.path());
    let file = dicom_file(dir.path(), &radiograph(100, 60));
    open_in(&mut state, &file);
    let base = state.document.base.clone().expect("a base");
    assert_eq!((base.original.width(), base.image.width(), base.edit), (100, SIDE, true));
    assert_eq!(base.original_spacing_mm, Some((0.14, 0.14)));
    assert!((base.spacing_mm.expect("mm").0 - 0.14 * 100.0 / 32.0).abs() < 1e-6);
    assert!(state.document.name.starts_with("Radiograph "), "{}", state.document.name);
    // With text in the case, the next one opens a case of its own.
    act(&mut state, Any::SetImpression("Text.".to_owned()));
    open_in(&mut state, &file);
    assert_eq!((state.document.impression.as_str(), state.tabs.list.len()), ("", 2));
    act(&mut state, Any::Undo);
    assert!(state.document.base.is_some(), "a case of its own begins with its image");
    assert!(last(&state).is_some_and(|m| m.contains("in a new case")), "{:?}", last(&state));
}

#[test]
fn an_edit_changes_its_region_and_nothing_else_at_any_size() {
    for (width, height) in [(SIDE, SIDE), (300, 200), (20, 26)] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut state = edited_case(dir.path(), width, height);
        generate(&mut state);
        let mut cache = Cache::default();
        let kept = cache.facts(&state).kept.expect("an edit");
        assert!(kept.changed == 0 && kept.outside > 500, "{kept:?}");
        assert_eq!(facts::mark(&state), "EDITED REGION");
        for (png, dicom) in [(true, false), (false, true)] {
            images(&mut state, Action::SetExport(ExportChoice { png, dicom, ..ExportChoice::default() }));
            let file = written(&mut state, Action::Export);
            assert!(last(&state).is_some_and(|m| m.contains("; 0 of ") || (width, height) == (SIDE, SIDE)), "{:?}", last(&state));
            let bytes = std::fs::read(&file).expect("readable");
            let full = if png {
                png::decode_gray(&bytes, "a").expect("a PNG")
            } else {
                dicom::decode_radiograph(&bytes, "a").expect("DICOM").image
            };
            let opened = radiograph(width, height);
            let place = engine::imageio::letterbox::Letterbox::new(width, height, SIDE);
            let region = cache.facts(&state).region.expect("a region").mask;
            let inside = engine::imageio::letterbox::unfit_mask(&region, place, width, height);
            assert_eq!((full.width(), full.height()), (width, height));
            let differ = |wanted: u8| {
                let pairs = full.pixels().iter().zip(opened.pixels()).zip(inside.bits());
                pairs.filter(|((a, b), bit)| a != b && **bit == wanted).count()
            };
            assert_eq!(differ(0), 0, "outside the region every pixel is the file's");
            assert!(differ(1) > inside.area() / 2, "inside it changed");
        }
    }
}

#[test]
fn what_is_exported_restores_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut state = edited_case(dir.path(), 120, 90);
    act(&mut state, Any::AddKeep);
    let id = state.view.chosen.expect("a layer");
    let keep = Mask::from_fn(SIDE, SIDE, |x, y| x == 15 && y < 20);
    act(&mut state, Any::SetRegion(id, Region::Keep(Arc::new(keep))));
    images(&mut state, Action::SetStrength(0.6));
    images(&mut state, Action::SetFeather(2));
    generate(&mut state);
    let result = Arc::clone(&state.results[0].artifact);
    for (png, dicom) in [(true, false), (false, true)] {
        images(&mut state, Action::SetExport(ExportChoice { png, dicom, ..ExportChoice::default() }));
        let file = written(&mut state, Action::Export);
        let mut other = self::state(dir.path());
        open_in(&mut other, &file);
        assert!(other.messages.list.iter().all(|m| m.level != Level::Error), "{:?}", other.messages.list);
        assert_eq!(other.messages.list.len(), 1, "nothing to remark: {:?}", other.messages.list);
        assert_eq!(other.document.impression, SECRET);
        assert_eq!(other.document.annotations(), state.document.annotations());
        assert_eq!(other.results[0].artifact.image, result.image);
        assert_eq!(other.results[0].artifact.request, result.request);
        let base = other.document.base.as_ref().expect("the opened image");
        assert_eq!(*base.original, radiograph(120, 90), "the opened image came back, bit for bit");
        assert_eq!(base.original_spacing_mm, Some((0.14, 0.14)));
        assert_eq!((base.edit, base.strength, base.feather_px), (true, 0.6, 2));
        // The same request again, and the same file again.
        assert_eq!(other.document.request(&other.sampling), result.request);
        images(&mut other, Action::SetExport(ExportChoice { png, dicom, ..ExportChoice::default() }));
        let again = written(&mut other, Action::Export);
        assert_eq!(std::fs::read(again).expect("readable"), std::fs::read(file).expect("readable"));
    }
}

#[test]
fn no_tier_tells_more_than_it_says() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut state = edited_case(dir.path(), 64, 64);
    state.document.name = "Hidden Person".to_owned();
    generate(&mut state);
    let out = dir.path().join("out");
    let place = dir.path().to_string_lossy().into_owned();
    for tier in Tier::ALL {
        let masks = MaskFormat::ALL.into_iter().collect();
        images(&mut state, Action::SetExport(ExportChoice { png: true, dicom: true, masks, tier, own_size: true }));
        written(&mut state, Action::Export);
        let mut files = 0;
        for entry in std::fs::read_dir(&out).expect("written").flatten() {
            let (name, bytes) =
                (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("readable"));
            files += 1;
            let mut plain = bytes.clone();
            for keyword in ["chexgen", "chexgen-full-size", SHAREABLE_KEYWORD] {
                plain.extend(png::decode_text(&bytes, keyword, "a").ok().flatten().unwrap_or_default().into_bytes());
            }
            let tells = |words: &str| plain.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words.as_bytes()));
            let is_full = tier == Tier::Full && (name.ends_with(".png") || name.ends_with(".dcm"));
            let is_image = is_full && !name.contains('_');
            assert_eq!(tells("secret impression"), is_image, "{name} in {tier:?}");
            assert!(!tells(&place), "{name} in {tier:?} names a folder");
            if tier != Tier::Full {
                assert!(!name.contains("hidden") && !tells("hidden"), "{name} in {tier:?} says whose it is");
                assert!(!tells("\"png\"") && !tells("runs"), "{name} in {tier:?} holds control pixels");
            }
        }
        assert!(files >= 9, "{files} files");
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

#[test]
fn a_shareable_image_opens_as_a_picture_with_its_settings() {
    let dir = tempfile::tempdir().expect("a folder");
    for dicom in [false, true] {
        let mut state = state(&dir.path().join(format!("{dicom}")));
        act(&mut state, Any::SetImpression(SECRET.to_owned()));
        act(&mut state, Any::SetSeed(4242));
        generate(&mut state);
        let choice = ExportChoice { png: !dicom, dicom, tier: Tier::Shareable, ..ExportChoice::default() };
        images(&mut state, Action::SetExport(choice));
        let file = written(&mut state, Action::Export);
        let mut other = self::state(dir.path());
        open_in(&mut other, &file);
        assert_eq!((other.sampling.seed, other.document.impression.as_str()), (4242, ""));
        assert!(other.document.base.as_ref().is_some_and(|b| !b.edit), "{:?}", last(&other));
    }
}

#[test]
fn every_mask_format_comes_back_as_layers() {
    let dir = tempfile::tempdir().expect("a folder");
    for format in MaskFormat::ALL {
        for size in [None, Some((96, 64))] {
            if format == MaskFormat::Siim && size.is_none() {
                // Run lengths do not say their size; without an image they are read on the grid of their data set.
                continue;
            }
            let out = dir.path().join(format!("{format:?}-{size:?}"));
            let mut state = state(&out);
            if let Some((width, height)) = size {
                open_in(&mut state, &dicom_file(dir.path(), &radiograph(width, height)));
            }
            let mask = Mask::from_fn(SIDE, SIDE, |x, y| (4..10).contains(&x) && (12..18).contains(&y) && (x, y) != (9, 17));
            let boxed = RectPx::from_corners(16.0, 10.0, 24.0, 20.0);
            state.document.push(Finding::Edema, Region::Mask(Arc::new(mask.clone())));
            state.document.push(Finding::Nodule, Region::Box(Some(boxed)));
            images(&mut state, Action::SetExport(ExportChoice { png: false, masks: [format].into(), ..ExportChoice::default() }));
            written(&mut state, Action::Export);
            state.document.layers.retain(|l| l.region == Region::Guide);
            let files = std::fs::read_dir(&out).expect("written").flatten().map(|entry| entry.path());
            for file in files.filter(|file| !file.to_string_lossy().ends_with("_classes.txt")) {
                open_in(&mut state, &file);
                assert!(state.images.offer.is_some(), "{}: {:?}", file.display(), last(&state));
                images(&mut state, Action::Accept);
            }
            let found: Vec<(Finding, Mask)> = state
                .document
                .layers
                .iter()
                .filter_map(|layer| match &layer.region {
                    Region::Mask(mask) => Some((layer.finding, Mask::clone(mask))),
                    Region::Box(Some(rect)) => Some((layer.finding, Mask::from_rect(SIDE, SIDE, rect))),
                    _ => None,
                })
                .collect();
            let shape =
                if format == MaskFormat::Yolo { Mask::from_rect(SIDE, SIDE, &mask.bounds().expect("drawn")) } else { mask };
            let wanted = [(Finding::Edema, shape), (Finding::Nodule, Mask::from_rect(SIDE, SIDE, &boxed))];
            assert_eq!(found.len(), 2, "{format:?} {size:?}");
            for (finding, mask) in wanted {
                assert!(found.contains(&(finding, mask)), "{format:?} {size:?}: {finding}");
            }
        }
    }
}

#[test]
fn names_are_never_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut state = edited_case(dir.path(), 64, 64);
    generate(&mut state);
    let first = written(&mut state, Action::Export);
    let before = std::fs::read(&first).expect("readable");
    let second = written(&mut state, Action::Export);
    assert_ne!(first, second);
    assert_eq!(std::fs::read(&first).expect("readable"), before);
    // Save writes the edit at its own size, with its record.
    let order = order_for_save(&state, 0).expect("an edit");
    let saved = write::write(&order).expect("saved");
    assert_eq!(saved.files.len(), 2, "{:?}", saved.files);
}

#[test]
fn an_edit_of_an_edit_builds_on_it_at_full_size() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut state = edited_case(dir.path(), 150, 150);
    generate(&mut state);
    let effects = images(&mut state, Action::UseShown);
    assert!(matches!(&effects[..], [AnyEffect::Images(Effect::Compose(..))]), "{effects:?}");
    // Without an opened image behind it, a result is used at once.
    let mut plain = self::state(dir.path());
    act(&mut plain, Any::SetImpression("Clear lungs.".to_owned()));
    generate(&mut plain);
    assert!(images(&mut plain, Action::UseShown).is_empty());
    assert!(plain.document.base.as_ref().is_some_and(|b| !b.edit && b.title.starts_with("Result, seed")));
    assert_eq!(plain.shown, Shown::Base);
}

/// Bytes with a text in place of another of the same length, everywhere.
fn put(bytes: &mut [u8], old: &[u8], new: &[u8]) -> usize {
    assert_eq!(old.len(), new.len());
    let mut count = 0;
    for at in 0..=bytes.len() - old.len() {
        if &bytes[at..at + old.len()] == old {
            bytes[at..at + old.len()].copy_from_slice(new);
            count += 1;
        }
    }
    count
}

#[test]
fn who_the_patient_is_stays_outside() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dicom_file(dir.path(), &radiograph(64, 64));
    let mut bytes = std::fs::read(&file).expect("readable");
    assert!(put(&mut bytes, b"SYNTHETIC ", b"DOE^JANE77") >= 2, "name and number");
    assert!(put(&mut bytes, b"ChexGen Studio", b"St Mary's Hosp") >= 1, "institution and comments");
    assert!(put(&mut bytes, b"2.25.", b"9.87.") >= 3, "the numbers of study, series and image");
    std::fs::write(&file, &bytes).expect("written");
    let mut state = state(&dir.path().join("out"));
    open_in(&mut state, &file);
    act(&mut state, Any::SetImpression("Nodule.".to_owned()));
    images(&mut state, Action::SetWhole(true));
    generate(&mut state);
    let known = ["DOE", "JANE", "Mary", "9.87."];
    let said = format!("{state:?}");
    for word in known {
        assert!(!said.contains(word), "the state holds {word}");
    }
    let masks = [MaskFormat::DicomSeg].into();
    images(&mut state, Action::SetExport(ExportChoice { dicom: true, masks, ..ExportChoice::default() }));
    written(&mut state, Action::Export);
    for entry in std::fs::read_dir(dir.path().join("out")).expect("written").flatten() {
        let bytes = std::fs::read(entry.path()).expect("readable");
        let record = png::decode_text(&bytes, "chexgen", "a").ok().flatten().unwrap_or_default();
        for word in known {
            assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{:?} holds {word}", entry.file_name());
            assert!(!record.contains(word) && !entry.file_name().to_string_lossy().contains(word));
        }
    }
    // A damaged one says what is wrong, and not whose it is.
    bytes.truncate(900);
    std::fs::write(&file, &bytes).expect("written");
    open_in(&mut state, &file);
    let sentence = last(&state).expect("a sentence");
    assert!(sentence.ends_with("(opened.dcm).") && known.iter().all(|word| !sentence.contains(word)), "{sentence}");
}

#[test]
fn the_windows_of_a_file_are_presets() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dicom_file(dir.path(), &radiograph(64, 64));
    let mut bytes = std::fs::read(&file).expect("readable");
    // The window of the whole range becomes a narrower one.
    assert_eq!(put(&mut bytes, b"65536 ", b"20000 ") + put(&mut bytes, b"32768 ", b"30000 "), 2);
    std::fs::write(&file, &bytes).expect("written");
    let mut state = state(dir.path());
    open_in(&mut state, &file);
    let base = state.document.base.clone().expect("a base");
    let stored = base.stored.clone().expect("two ways to look");
    let titles: Vec<_> = stored.windows().iter().map(|w| w.title.as_str()).collect();
    assert_eq!(titles, ["Centre 30000, width 20000", "Full range"]);
    let effects = images(&mut state, Action::SetFileWindow(1));
    let [AnyEffect::Images(Effect::Rewindow(_, 1, SIDE))] = &effects[..] else { panic!("{effects:?}") };
    let original = Arc::new(stored.image(1).expect("the full range"));
    let square = Arc::new(engine::imageio::letterbox::fit_image(&original, SIDE).expect("a square"));
    news(&mut state, News::Rewindowed(stored, 1, Arc::clone(&original), square));
    let now = state.document.base.clone().expect("a base");
    assert_eq!((now.window, &now.original), (1, &original));
    assert_eq!(*original, radiograph(64, 64), "the full range is what is stored");
    assert_ne!(base.original, original);
    act(&mut state, Any::Undo);
    assert_eq!(state.document.base, Some(base));
}
