use proptest::prelude::*;

use super::v1::{mask_from_runs, runs_from_mask};
use super::*;
use std::sync::Arc;

use crate::domain::{Annotation, Finding, LatentValues, Mask, Preset, RectPx, SamplerKind, Seed, Source, StepRange};
use crate::store::hash::{hash_bytes, hash_image};

fn example() -> RunRecord {
    let mut request = GenerateRequest::new("Large left-sided pneumothorax — \"tension\".", u64::MAX - 3);
    let mask = Mask::from_fn(20, 10, |x, y| x > 12 && y % 3 != 0);
    request.annotations.push(Annotation::mask(Finding::Pneumothorax, mask));
    let rect = RectPx { x0: 0.1, y0: 1.5, x1: 30.3, y1: 17.25 };
    request.annotations.push(Annotation { strength: 0.7, ..Annotation::boxed(Finding::Device, rect, 64, 48) });
    request.guidance_scale = 1.1;
    request.eta = 0.3;
    request.karras = true;
    request.sampler = SamplerKind::Ddim;
    request.preset = Preset::Release;
    RunRecord {
        request,
        model_name: "practice".to_owned(),
        files: vec![FileHash { name: "dit.safetensors".to_owned(), blake3: hash_bytes(b"w") }],
        engine_version: "0.1.0".to_owned(),
        device: "cpu".to_owned(),
        dtype: "f32".to_owned(),
        size_px: 256,
        steps_ran: 25,
        pixels_blake3: hash_image(&GrayImage::black(2, 2)),
        control_blake3: None,
        noise: None,
        band_rows: None,
    }
}

#[test]
fn json_and_png_give_the_record_back() {
    let record = example();
    assert_eq!(RunRecord::from_json(&record.to_json().unwrap(), "r.json").unwrap(), record);
    let dir = tempfile::tempdir().unwrap();
    let image = GrayImage::new(3, 1, vec![1, 500, 65535]).unwrap();
    let path = dir.path().join("a.PNG");
    std::fs::write(&path, encode_png_with_record(&image, &record).unwrap()).unwrap();
    assert_eq!(RunRecord::read(&path).unwrap(), record);
    assert_eq!(png::read_gray(&path).unwrap(), image);
    assert!(png::read_text(&path, "Comment").unwrap().unwrap().contains("Synthetic"));
}

#[test]
fn a_kept_disagreement_stands_in_the_record_and_only_its_number_is_shared() {
    let mut record = example();
    let plain = record.to_json().unwrap();
    assert!(!plain.contains("kept_conflicts"), "a record without one is the file of before");
    assert!(!Shareable::of(&record).to_json().unwrap().contains("kept_conflicts"));
    record.request.kept_conflicts = vec!["The text says left, and layer 1 lies right.".to_owned()];
    let json = record.to_json().unwrap();
    assert_eq!(RunRecord::from_json(&json, "r.json").unwrap(), record);
    let waiting = request_to_json(&record.request).unwrap();
    assert_eq!(request_from_json(&waiting, "q").unwrap(), record.request);
    let shared = Shareable::of(&record).to_json().unwrap();
    assert_eq!(Shareable::from_json(&shared, "s").unwrap().kept_conflicts, 1);
    assert!(!shared.contains("layer 1"), "{shared}");
    assert!(record.request.twin_without_findings("Clear.").kept_conflicts.is_empty());
}

#[test]
fn the_file_says_that_it_is_synthetic() {
    let value: serde_json::Value = serde_json::from_str(&example().to_json().unwrap()).unwrap();
    assert_eq!(value["synthetic"], true);
    assert_eq!(value["version"], 1);
}

/// The error after one change of the example's JSON.
fn error_after(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value: serde_json::Value = serde_json::from_str(&example().to_json().unwrap()).unwrap();
    change(&mut value);
    RunRecord::from_json(&value.to_string(), "r.json").expect_err("the change must be refused").to_string()
}

#[test]
fn foreign_json_is_refused_by_name_and_field() {
    let read = |text: &str| RunRecord::from_json(text, "r.json").unwrap_err().to_string();
    assert!(read("{").starts_with("r.json is not a run record"));
    assert!(read("[1, 2]").contains("`format`"));
    assert!(read("{\"format\": \"other\"}").contains("`format`"));
    assert!(error_after(|v| v["version"] = 2.into()).contains("version 2"));
    assert!(error_after(|v| v["extra"] = 1.into()).contains("extra"));
    assert!(error_after(|v| v["request"]["seed"] = (-1).into()).contains("request.seed"));
    assert!(error_after(|v| drop(v["request"].as_object_mut().unwrap().remove("preset"))).contains("preset"));
    assert!(error_after(|v| v["request"]["sampler"] = "euler".into()).contains("ddpm, ddim, dpmpp"));
    assert!(error_after(|v| v["request"]["guidance_scale"] = 99.into()).contains("guidance"));
    assert!(error_after(|v| v["synthetic"] = false.into()).contains("synthetic"));
    assert!(error_after(|v| v["pixels_blake3"] = "00".into()).contains("pixels_blake3"));
    assert!(error_after(|v| v["request"]["annotations"][0]["finding"] = "cat".into()).contains("annotations[0]"));
    let runs = |text: &'static str| error_after(|v| v["request"]["annotations"][0]["shape"]["runs"] = text.into());
    assert!(runs("10 20").contains("cover 30 of the 200"));
    assert!(runs("10 999").contains("go past"));
    assert!(runs("10 -1").contains("whole number"));
}

/// The JSON of a record from before edits, step ranges, areas and imported noise.
const OLD: &str = r#"{
  "format": "chexgen-run", "version": 1, "synthetic": true,
  "request": {
    "impression": "Nodule.", "seed": 7, "num_steps": 25, "sampler": "dpmpp", "eta": 0.0, "karras": false,
    "guidance_scale": 2.0, "preset": "paper",
    "annotations": [{
      "finding": "nodule", "strength": 0.5,
      "shape": {"kind": "mask", "width": 2, "height": 2, "runs": "1 2 1"}
    }]
  },
  "model": {"name": "practice", "files": []},
  "engine_version": "0.1.0", "device": "cpu", "dtype": "f32", "size_px": 256, "steps_ran": 25,
  "pixels_blake3": "HASH", "control_blake3": null
}"#;

#[test]
fn older_records_read_as_before_and_stay_as_they_are() {
    let text = OLD.replace("HASH", &hash_bytes(b"p"));
    let record = RunRecord::from_json(&text, "old.json").unwrap();
    assert_eq!(record.request.source, Source::Noise);
    let annotation = &record.request.annotations[0];
    assert_eq!((annotation.steps, annotation.area_px, annotation.strength), (StepRange::ALL, None, 0.5));
    assert_eq!(record.noise, None);
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&record.to_json().unwrap()), value(&text), "nothing is added");
}

#[test]
fn drawings_of_unlike_strength_had_their_mean_before() {
    let record = example();
    let strengths = |record: &RunRecord| record.request.annotations.iter().map(|a| a.strength).collect::<Vec<_>>();
    assert_eq!(strengths(&record), [1.0, 0.7]);
    let json = record.to_json().unwrap();
    assert_eq!(strengths(&RunRecord::from_json(&json, "r").unwrap()), [1.0, 0.7]);
    let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["request"].as_object_mut().unwrap().remove("apart"), Some(true.into()));
    let older = RunRecord::from_json(&value.to_string(), "r").unwrap();
    let mean = ((1.0 + f64::from(0.7f32)) / 2.0) as f32;
    assert_eq!(strengths(&older), [mean, mean]);
    assert!(!older.to_json().unwrap().contains("apart"));
}

#[test]
fn edits_ranges_and_areas_survive() {
    let image = Arc::new(GrayImage::new(3, 2, vec![0, 9, 500, 70, 65535, 3]).unwrap());
    let may_change = Arc::new(Mask::from_fn(3, 2, |x, _| x > 0));
    let latent = LatentValues::new(1, 2, 2, vec![0.1, -2.5e-8, 3.0, -0.0]).unwrap();
    let edited = Source::Region { image: image.clone(), may_change, strength: 0.9, feather_px: 4, kept: None };
    for source in [
        Source::Image { image: image.clone(), strength: 0.3, kept: None },
        edited.clone(),
        edited.from_step(latent.clone(), 5),
        Source::Image { image, strength: 0.3, kept: None }.from_step(latent.clone(), 2),
        Source::Latent { latent, step: 3 },
    ] {
        let mut record = example();
        record.request.source = source;
        record.request.annotations[0].steps = StepRange { first: 0.1, last: 0.7 };
        record.request.annotations[1].area_px = Some(12);
        record.noise = Some(NoiseOrigin { blake3: hash_bytes(b"n"), row: 3 });
        assert_eq!(RunRecord::from_json(&record.to_json().unwrap(), "r").unwrap(), record);
    }
    let source = |text: &str| error_after(|v| v["request"]["source"] = serde_json::from_str(text).unwrap());
    assert!(source(r#"{"kind": "image", "strength": 0.5, "png": "?"}"#).contains("request.source: png is not base64"));
    assert!(source(r#"{"kind": "image", "strength": 0.5, "png": "Zm9v"}"#).contains("not a PNG"));
    let fork = r#"{"kind": "region", "strength": 0.5, "feather_px": 1, "may_change": "", "png": "", "kept": {"step": 1}}"#;
    assert!(source(fork).contains("channels"), "{}", source(fork));
    let short = r#"{"kind": "latent", "step": 1, "channels": 1, "height": 1, "width": 2, "values": "AAAAAA=="}"#;
    assert!(source(short).contains("1×1×2"));
    assert!(error_after(|v| v["request"]["annotations"][0]["steps"] = vec![0.7, 0.1].into()).contains("step range"));
    assert!(error_after(|v| v["noise"] = serde_json::json!({"blake3": "00", "row": 1})).contains("noise.blake3"));
}

#[test]
fn tiers_tell_what_they_say() {
    let mut record = example();
    let image = Arc::new(GrayImage::new(4, 4, (0..16).map(|v| v * 1000).collect()).unwrap());
    let may_change = Arc::new(Mask::from_fn(4, 4, |x, _| x == 2));
    record.request.source = Source::Region { image: image.clone(), may_change, strength: 0.5, feather_px: 1, kept: None };
    for tier in Tier::ALL {
        let png = encode_png(&image, &record, tier, None).unwrap();
        let text = |keyword| png::decode_text(&png, keyword, "a").unwrap();
        assert!(text("Comment").unwrap().starts_with("EDITED REGION"), "{tier:?}");
        assert_eq!(text(PNG_KEYWORD).is_some(), tier == Tier::Full);
        assert_eq!(text(SHAREABLE_KEYWORD).is_some(), tier == Tier::Shareable);
        let capture = encode_dicom(&image, &record, tier, None, None).unwrap();
        let inside = crate::imageio::dicom::decode_text(&capture, "a").unwrap();
        match tier {
            Tier::Full => assert_eq!(RunRecord::from_json(&inside.unwrap(), "a").unwrap(), record),
            Tier::Shareable => {
                let shared = Shareable::from_json(&inside.unwrap(), "a").unwrap();
                assert_eq!(shared, Shareable::of(&record));
                assert_eq!((shared.edited.as_deref(), shared.seed), (Some("region"), record.request.seed.0));
                assert_eq!(shared.source_blake3, Some(hash_image(&image)));
                let json = shared.to_json().unwrap();
                assert!(!json.contains("tension") && !json.contains("runs") && !json.contains("png"), "{json}");
            }
            Tier::MarkOnly => assert_eq!(inside, None),
        }
    }
    assert!(Shareable::from_json(&record.to_json().unwrap(), "a").is_err());
}

#[test]
fn an_edit_at_full_size_gives_the_opened_image_back() {
    let opened = GrayImage::new(9, 7, (0..63).map(|v| v * 900).collect()).unwrap();
    let region = Mask::from_fn(9, 7, |x, y| (3..5).contains(&x) && (1..6).contains(&y));
    let changed = opened.pixels().iter().zip(region.bits()).map(|(v, m)| if *m == 1 { 7 } else { *v }).collect();
    let edited = GrayImage::new(9, 7, changed).unwrap();
    let result = GrayImage::black(4, 4);
    let full = FullSize::new(&opened, &region, result, crate::imageio::edited::Detail::Opened, Some((0.2, 0.3)));
    let back = FullSize::from_json(&full.to_json().unwrap(), "a").unwrap();
    assert_eq!(back, full);
    assert_eq!(back.opened(&edited), Some(opened.clone()));
    assert_eq!(back.opened(&GrayImage::black(2, 2)), None);
    let nothing = FullSize::new(&opened, &Mask::empty(9, 7), GrayImage::black(1, 1), full.detail, None);
    assert_eq!(nothing.opened(&opened), Some(opened));
}

#[test]
fn a_picture_without_record_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.png");
    std::fs::write(&path, png::encode_gray16(&GrayImage::black(2, 2), &[]).unwrap()).unwrap();
    assert!(RunRecord::read(&path).unwrap_err().to_string().contains("no run record inside"));
    assert!(RunRecord::read(&dir.path().join("q.json")).unwrap_err().to_string().contains("q.json"));
}

#[test]
fn changed_missing_and_added_files_are_named() {
    let record = example();
    assert!(record.changed_files(&record.files).is_empty());
    let file = |name: &str, content: &[u8]| FileHash { name: name.to_owned(), blake3: hash_bytes(content) };
    assert_eq!(record.changed_files(&[file("dit.safetensors", b"other")]), ["dit.safetensors"]);
    assert_eq!(record.changed_files(&[file("dit.safetensors", b"w"), file("a", b"")]), ["a"]);
    assert_eq!(record.changed_files(&[]), ["dit.safetensors"]);
}

proptest! {
    #[test]
    fn any_mask_survives_its_runs(w in 1u32..40, h in 1u32..40, bits in proptest::collection::vec(any::<bool>(), 1600)) {
        let mask = Mask::from_fn(w, h, |x, y| bits[(y * w + x) as usize]);
        prop_assert_eq!(mask_from_runs(w, h, &runs_from_mask(&mask)).unwrap(), mask);
    }

    #[test]
    fn any_text_gives_a_mask_or_an_error(w in 0u32..5, h in 0u32..5, runs in "[0-9 ]{0,20}") {
        drop(mask_from_runs(w, h, &runs));
    }

    #[test]
    fn any_numbers_survive(seed in any::<u64>(), guidance in 0.0f32..30.0, eta in 0.0f32..=1.0, x in 0.0f32..40.0) {
        let mut record = example();
        record.request.seed = Seed(seed);
        record.request.guidance_scale = guidance;
        record.request.eta = eta;
        let rect = RectPx { x0: x, y0: 0.0, x1: x + 1.0, y1: 0.1 };
        record.request.annotations = vec![Annotation::boxed(Finding::Nodule, rect, 64, 64)];
        prop_assert_eq!(RunRecord::from_json(&record.to_json().unwrap(), "r").unwrap(), record);
    }
}
