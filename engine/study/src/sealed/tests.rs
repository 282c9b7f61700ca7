use std::io::{Cursor, Read as _};

use super::archive::Packer;
use super::*;
use crate::key::Key;
use crate::template::Template;
use crate::testing::{design, sealed, table};

fn study() -> (tempfile::TempDir, Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut design = design(Template::ReportAlignment, 2, 2);
    (design.plan.repeats, design.plan.catch, design.plan.practice) = (0.2, 1, 2);
    let made = sealed(&design, &table(&design, dir.path(), 6, 3));
    let key = made.key.to_bytes().expect("a key");
    (dir, made.study, key)
}

fn open(dir: &tempfile::TempDir, bytes: &[u8]) -> Result<Study, String> {
    let path = dir.path().join("s.cxstudy");
    std::fs::write(&path, bytes).expect("a file");
    Study::open(&path).map_err(|error| error.to_string())
}

#[test]
fn a_sealed_study_opens_and_its_key_fits() {
    let (dir, bytes, key) = study();
    let study = open(&dir, &bytes).expect("a study");
    assert_eq!(study.hash(), hash_bytes(&bytes));
    let key = Key::parse(std::str::from_utf8(&key).expect("text"), "s.cxkey").expect("a key");
    key.fits(&study, "s.cxkey").expect("its key");
    for plan in &study.sheet().readers {
        // 6 cases of 2 arms, a repeat of each arm, one catch trial.
        assert_eq!((plan.len(), key.trials[&plan.reader].len()), (15, 15));
        for trial in plan.trials() {
            assert_eq!(study.image(&trial.images[0]).expect("an image").width(), 16);
            assert!(!study.beside(&trial.case).expect("a text").impression.is_empty());
        }
    }
    let gives: Vec<Option<i32>> = study.sheet().practice.iter().map(|trial| trial.give).collect();
    assert_eq!(gives, [None, Some(1)]);
    assert_eq!(study.reader("R2").expect("a reader").reader, "R2");
    let error = study.reader("R9").expect_err("nobody").to_string();
    assert!(error.contains("\"R9\"; its readers are R1, R2"), "{error}");
    assert_eq!((grouped("4f20c8d19a"), short("4f20c8d19a")), ("4f20 c8d1 9a".to_owned(), "4f20 c8d1".to_owned()));
}

#[test]
fn an_image_is_the_arms_that_the_key_says() {
    let dir = tempfile::tempdir().expect("a folder");
    let design = design(Template::PairwiseChoice, 2, 3);
    let table = table(&design, dir.path(), 5, 0);
    let made = sealed(&design, &table);
    let study = open(&dir, &made.study).expect("a study");
    for (id, image) in &made.key.images {
        let case = table.cases.iter().find(|case| case.id == image.case).expect("a case");
        let source = crate::cases::read_image(&case.images[image.arm.as_ref().expect("an arm")]).expect("an image");
        assert_eq!(study.image(id).expect("an image"), source.image);
    }
    let shown: Vec<&ImageId> = study.sheet().readers[0].trials().flat_map(|trial| &trial.images).collect();
    let distinct: BTreeSet<&&ImageId> = shown.iter().collect();
    assert_eq!((shown.len(), distinct.len()), (30, 30), "an image that comes again has a name of its own");
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_another_seed_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut design = design(Template::Realism, 2, 2);
    design.plan.catch = 2;
    let table = table(&design, dir.path(), 8, 0);
    let (first, again) = (sealed(&design, &table), sealed(&design, &table));
    assert_eq!(first.study, again.study);
    assert_eq!(first.key.to_bytes().expect("a key"), again.key.to_bytes().expect("a key"));
    design.seed += 1;
    let other = sealed(&design, &table);
    assert_ne!(first.study, other.study);
    assert_ne!(first.key.to_bytes().expect("a key"), other.key.to_bytes().expect("a key"));
}

#[test]
fn another_program_can_unpack_it() {
    let (_dir, bytes, _) = study();
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).expect("a zip");
    let mut text = String::new();
    zip.by_name("study.json").expect("an entry").read_to_string(&mut text).expect("text");
    assert!(text.contains("\"format\":\"chexgen-study\""));
    assert_eq!(zip.len(), 1 + serde_json::from_str::<Sheet>(&text).expect("a sheet").images.len());
}

#[test]
fn hidden_repeats_are_not_found_by_bytes_hash_or_length() {
    let (dir, bytes, key) = study();
    let study = open(&dir, &bytes).expect("a study");
    let key = Key::parse(std::str::from_utf8(&key).expect("text"), "s.cxkey").expect("a key");
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).expect("a zip");
    let mut stored = std::collections::BTreeMap::new();
    for id in study.sheet().images.keys() {
        let mut file = Vec::new();
        zip.by_name(&entry_name(id, 2)).expect("an entry").read_to_end(&mut file).expect("bytes");
        stored.insert(id.clone(), file);
    }
    let lengths: BTreeSet<usize> = stored.values().map(Vec::len).collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    let hashes: BTreeSet<&String> = study.sheet().images.values().collect();
    assert_eq!(hashes.len(), stored.len(), "no hash comes twice");
    let mut twins = 0;
    for (a, one) in &stored {
        for (b, other) in stored.range(a.clone()..).skip(1) {
            let same = one.iter().zip(other).filter(|(x, y)| x == y).count();
            assert!(same * 20 < one.len(), "{a} and {b}: {same} of {} bytes are the same", one.len());
            if key.images[a] == key.images[b] {
                twins += 1;
                assert_eq!(study.image(a).expect("an image"), study.image(b).expect("an image"));
            }
        }
    }
    assert!(twins > 0, "the study has repeats");
}

#[test]
fn a_study_of_version_1_is_still_read() {
    let (dir, bytes, _) = study();
    let study = open(&dir, &bytes).expect("a study");
    let mut sheet = study.sheet().clone();
    sheet.version = 1;
    let images: std::collections::BTreeMap<_, _> =
        sheet.images.keys().map(|id| (id.clone(), study.image(id).expect("an image"))).collect();
    let mut packer = Packer::new();
    for (id, hash) in &mut sheet.images {
        let plain = engine::imageio::png::encode_gray16(&images[id], &[]).expect("a PNG");
        *hash = hash_bytes(&plain);
        packer.add(&format!("images/{id}.png"), &plain).expect("room");
    }
    packer.add(SHEET, &serde_json::to_vec(&sheet).expect("JSON")).expect("room");
    let old = open(&dir, &packer.finish().expect("an archive")).expect("a study of before");
    for (id, image) in &images {
        assert_eq!(&old.image(id).expect("an image"), image);
    }
}

#[test]
fn nothing_in_study_or_key_names_a_file_and_nothing_in_the_study_an_arm() {
    let (dir, bytes, key) = study();
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let folder = dir.path().display().to_string();
    for word in ["secret-", ".csv", folder.as_str()] {
        assert!(!has(&bytes, word) && !has(&key, word), "{word}");
    }
    for word in ["arm1", "arm2", "case-", "scored", "catch", "\"findings\"", "tEXt", "iTXt"] {
        assert!(!has(&bytes, word), "{word}");
    }
    assert!(has(&key, "arm1") && has(&bytes, "pneumothorax"), "the search finds what is there");
}

#[test]
fn every_changed_byte_is_seen_in_one_sentence() {
    let (dir, bytes, key) = study();
    // Every byte of headers, lists and marks, and a sample of the pictures between them.
    let places = (0..bytes.len()).filter(|at| at % 53 == 0 || *at < 200 || at + 400 > bytes.len());
    for at in places {
        let mut changed = bytes.clone();
        changed[at] ^= 0x21;
        let error = open(&dir, &changed).expect_err("changed");
        assert!(error.contains("s.cxstudy") && !error.contains('\n'), "byte {at}: {error}");
    }
    for cut in [0, 1, 50, bytes.len() / 2, bytes.len() - 1] {
        let error = open(&dir, &bytes[..cut]).expect_err("cut off");
        assert!(error.contains("s.cxstudy") && !error.contains('\n'), "{cut}: {error}");
    }
    for at in (0..key.len()).step_by(13) {
        let mut changed = key.clone();
        changed[at] ^= 0x01;
        let Ok(text) = std::str::from_utf8(&changed) else { continue };
        let error = Key::parse(text, "s.cxkey").expect_err("changed").to_string();
        assert!(error.contains("s.cxkey") && !error.contains('\n'), "byte {at}: {error}");
    }
    assert!(open(&dir, &bytes).is_ok());
}

#[test]
fn a_new_closing_hash_makes_another_study() {
    let (dir, bytes, key) = study();
    let key = Key::parse(std::str::from_utf8(&key).expect("text"), "s.cxkey").expect("a key");
    let (study, sheet) = {
        let study = open(&dir, &bytes).expect("a study");
        let mut sheet = study.sheet().clone();
        sheet.title = "Another title".to_owned();
        (study, sheet)
    };
    let edited = open(&dir, &packed(&study, &serde_json::to_vec(&sheet).expect("JSON"))).expect("well made");
    let error = key.fits(&edited, "s.cxkey").expect_err("edited").to_string();
    assert!(error.contains("it is the key of study") && error.contains("take the key that was sealed with it"), "{error}");
}

/// The archive of a study with another sheet.
fn packed(study: &Study, sheet: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new();
    for id in study.sheet().images.keys() {
        packer.add(&entry_name(id, 2), &study.archive.read(&entry_name(id, 2), 1 << 20).expect("an entry")).expect("room");
    }
    packer.add(SHEET, sheet).expect("room");
    packer.finish().expect("an archive")
}

#[test]
fn well_closed_nonsense_is_one_sentence() {
    let (dir, bytes, _) = study();
    let study = open(&dir, &bytes).expect("a study");
    let sheet = serde_json::to_value(study.sheet()).expect("JSON");
    let with = |pointer: &str, value: serde_json::Value| {
        let mut sheet = sheet.clone();
        *sheet.pointer_mut(pointer).expect("a field") = value;
        packed(&study, &serde_json::to_vec(&sheet).expect("JSON"))
    };
    for (pointer, value) in [
        ("/side_px", serde_json::json!(4_000_000_000u32)),
        ("/version", serde_json::json!(3)),
        ("/format", serde_json::json!("other")),
        ("/readers/0/rounds/0/blocks/0/trials/0/images/0", serde_json::json!("0000000000000000")),
        ("/readers/0/rounds/0/blocks/0/trials/0/index", serde_json::json!(7)),
        ("/readers/0/rounds/0/blocks/0/number", serde_json::json!(9)),
        ("/readers/0/reader", serde_json::json!("../../R1")),
        ("/choices/0/value", serde_json::json!(5)),
        ("/images", serde_json::json!({})),
        ("/practice", serde_json::json!("x")),
    ] {
        let error = open(&dir, &with(pointer, value)).expect_err(pointer);
        assert!(error.contains("s.cxstudy") && !error.contains('\n'), "{pointer}: {error}");
    }
    for sheet in [&b"{}"[..], b"", b"[[[[[[[[", b"\xff\xff"] {
        let error = open(&dir, &packed(&study, sheet)).expect_err("no sheet");
        assert!(error.contains("study.json") && !error.contains('\n'), "{error}");
    }
    // A name that climbs out, an entry too many, a picture of another size or none at all.
    let small = engine::imageio::png::encode_gray16(&GrayImage::black(8, 8), &[]).expect("a PNG");
    for (name, content) in [("../../evil.png", &small[..]), ("images/zz.png", &small), ("images/../x", b"x")] {
        let mut packer = Packer::new();
        packer.add(name, content).expect("room");
        packer.add(SHEET, &serde_json::to_vec(&sheet).expect("JSON")).expect("room");
        let error = open(&dir, &packer.finish().expect("an archive")).expect_err(name);
        assert!(error.contains("other entries than its list"), "{name}: {error}");
    }
    let id = study.sheet().images.keys().next().expect("an image").clone();
    for picture in [&small[..], b"no picture"].map(|file| veil::covered(&id.0, file, 0).expect("short")) {
        let picture = &picture[..];
        let mut sheet = study.sheet().clone();
        sheet.images = [(id.clone(), hash_bytes(picture))].into();
        sheet.practice.clear();
        sheet.readers.truncate(1);
        sheet.readers[0].rounds[0].blocks.truncate(1);
        let trials = &mut sheet.readers[0].rounds[0].blocks[0].trials;
        trials.truncate(1);
        trials[0].images = vec![id.clone()];
        let mut packer = Packer::new();
        packer.add(&entry_name(&id, 2), picture).expect("room");
        packer.add(SHEET, &serde_json::to_vec(&sheet).expect("JSON")).expect("room");
        let study = open(&dir, &packer.finish().expect("an archive")).expect("a study");
        let error = study.image(&id).expect_err("no such picture").to_string();
        assert!(error.contains("is not 16 × 16 pixels"), "{error}");
    }
}

#[test]
fn packed_entries_and_long_lists_are_refused_before_memory_is_taken() {
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;
    let dir = tempfile::tempdir().expect("a folder");
    let closed = |mut zip: zip::ZipWriter<Cursor<Vec<u8>>>| {
        let comment = [&b"chexgen-study "[..], &[b'0'; 64]].concat();
        zip.set_raw_comment(comment.into_boxed_slice()).expect("a comment");
        let mut bytes = zip.finish().expect("a zip").into_inner();
        let body = bytes.len() - 64;
        let hash = hash_bytes(&bytes[..body]);
        bytes[body..].copy_from_slice(hash.as_bytes());
        bytes
    };
    // A bomb: 256 MiB of zeros in a few hundred KiB.
    let mut bomb = zip::ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file(SHEET, SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Deflated)).expect("an entry");
    let zeros = vec![0u8; 1 << 20];
    (0..256).for_each(|_| bomb.write_all(&zeros).expect("room"));
    let bomb = closed(bomb);
    assert!(bomb.len() < 1 << 20);
    let error = open(&dir, &bomb).expect_err("a bomb");
    assert!(error.contains("an entry of it is packed"), "{error}");
    // Thousands of entries that the sheet does not list.
    let mut many = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Stored);
    for entry in 0..20_000 {
        many.start_file(format!("images/{entry:016}.png"), stored).expect("an entry");
    }
    many.start_file(SHEET, stored).expect("an entry");
    many.write_all(b"{}").expect("room");
    let error = open(&dir, &closed(many)).expect_err("too many");
    assert!(error.contains("study.json"), "{error}");
    // An archive of something else, and no archive.
    let other = zip::ZipWriter::new(Cursor::new(Vec::new())).finish().expect("a zip").into_inner();
    for bytes in [&other[..], b"hello", &[0; 5000], b"PK\x03\x04"] {
        let error = open(&dir, bytes).expect_err("foreign");
        assert!(!error.contains('\n') && error.contains("s.cxstudy"), "{error}");
    }
}
