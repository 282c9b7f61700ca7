use std::collections::BTreeMap;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, Side};
use engine::store::record::encode_png_with_record;

use super::*;
use crate::dataset::cases::{Maker, Rows, cases};
use crate::dataset::recipe::Recipe;
use crate::dataset::row::{Class, Lesion};
use crate::jobs::Generator as _;
use crate::testing::FakeModel;

const PX: u32 = 64;

fn plan(dir: &Path, tells: Tier) -> Plan {
    let mut recipe = Recipe::default();
    if let Some(quotas) = &mut recipe.who.quotas {
        quotas.rows = 8;
    }
    recipe.how.twins = true;
    let rows = Rows::of(&recipe).expect("rows").list;
    let natural = GenerateRequest { num_steps: 1, ..GenerateRequest::new("", 0) };
    let maker = Maker::new(&recipe, &rows, &natural, PX).expect("a maker");
    let model = FakeModel::new(PX, Duration::ZERO);
    let mut items = Vec::new();
    for case in cases(&recipe, &rows) {
        let made = maker.make(case).expect("a request");
        let artifact = model.generate(&made.request, &Cancel::new(), &mut |_| {}).expect("an image").expect("not stopped");
        let file = dir.join(format!("{}.png", made.name));
        std::fs::write(&file, encode_png_with_record(&artifact.image, &artifact.record).expect("a PNG")).expect("writable");
        items.push(Item { case, name: made.name, row: made.placed.row, file, adherence: None, each: Vec::new() });
    }
    let facts = datasheet::Facts {
        planned: items.len(),
        recipe,
        model: "Fake".to_owned(),
        model_hash: "abc".to_owned(),
        collected: false,
        practice: true,
        version: "0".to_owned(),
        set_aside: vec![("the side was wrong.".to_owned(), 2)],
        near_duplicates: Some(0),
        gaps: Vec::new(),
    };
    Plan { items, facts, tells, shards: true }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("inside").to_string_lossy().replace('\\', "/");
                found.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

#[test]
fn everything_comes_back_pixel_by_pixel() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(dir.path(), Tier::Full);
    let set = write(&dir.path().join("set"), &plan, |_| true).expect("written");
    let all = files(&set);
    let coco = &all["coco.json"];
    let names = yolo::decode_names(&String::from_utf8_lossy(&all["yolo/classes.txt"]), "classes").expect("names");
    let mut with_mask = 0;
    for item in &plan.items {
        let file = set.join(format!("images/{}.png", item.name));
        let record = RunRecord::read(&file).expect("a record");
        assert_eq!(png::read_gray(&file).expect("an image"), png::read_gray(&item.file).expect("an image"));
        let decoded = coco::decode(coco, &format!("{}.png", item.name), "coco").expect("an image of the set");
        let text = String::from_utf8_lossy(&all[&format!("yolo/{}.txt", item.name)]).into_owned();
        let boxes = yolo::decode(&text, PX, PX, "yolo").expect("boxes");
        assert_eq!(decoded.objects.len(), record.request.annotations.len());
        assert_eq!(boxes.len(), decoded.objects.len());
        for ((object, boxed), annotation) in decoded.objects.iter().zip(&boxes).zip(&record.request.annotations) {
            with_mask += 1;
            let mask = mask_of(&annotation.shape, PX);
            assert_eq!(object.labelled.mask, mask);
            assert_eq!(object.labelled.label, annotation.finding.name());
            assert_eq!(names[boxed.class], annotation.finding.name());
            assert_eq!(Some(boxed.rect), mask.bounds());
            assert_eq!(png::read_mask(&set.join(format!("masks/{}.png", item.name))).expect("a mask"), mask);
        }
    }
    assert_eq!(with_mask, 6);
    let manifest = crate::dataset::csv::parse(&String::from_utf8_lossy(&all["manifest.csv"])).expect("a table");
    assert_eq!(manifest.lines.len(), 14);
    for (_, line) in &manifest.lines {
        assert_eq!(hash_bytes(&all[&line[1]]), line[2], "the hash is the file's");
        assert!(line[4].is_empty() || hash_bytes(&all[&line[4]]) == line[5]);
    }
    assert_eq!(String::from_utf8_lossy(&all["manifest.jsonl"]).lines().count(), 14);
    let sheet = String::from_utf8_lossy(&all["datasheet.md"]).into_owned();
    for words in
        ["Every image is synthetic", "practice model", "2 × the side was wrong.", "| Nodule or mass |", "14 of 14 planned"]
    {
        assert!(sheet.contains(words), "{words}: {sheet}");
    }
    let tar = &all["shards/set-00000.tar"];
    assert_eq!(tar.len() % 512, 0);
    assert_eq!(&tar[257..262], b"ustar");
    assert!(tar.starts_with(b"row-00001-s1.png\0"));
}

#[test]
fn bytes_are_the_same_and_an_interrupted_export_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(dir.path(), Tier::MarkOnly);
    let one = write(&dir.path().join("one"), &plan, |_| true).expect("written");
    let two = dir.path().join("two");
    assert!(write(&two, &plan, |n| n < 5).expect_err("stopped").contains("again to go on"));
    assert!(!two.exists(), "whole or absent");
    assert!(write(&two, &plan, |_| true).is_ok());
    assert_eq!(files(&one), files(&two));
    let text = files(&one).into_values().any(|bytes| bytes.windows(4).any(|w| w == b"sex:"));
    assert!(!text, "mark only: no text of a request goes out");
    assert!(write(&two, &plan, |_| true).expect_err("taken").contains("already"));
}

#[test]
fn forged_pixels_and_empty_sets_do_not_go_out() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut plan = plan(dir.path(), Tier::Full);
    let record = RunRecord::read(&plan.items[0].file).expect("a record");
    let black = engine::domain::GrayImage::black(PX, PX);
    std::fs::write(&plan.items[0].file, encode_png_with_record(&black, &record).expect("a PNG")).expect("writable");
    let error = write(&dir.path().join("set"), &plan, |_| true).expect_err("forged");
    assert!(error.contains(&plan.items[0].name) && error.contains("pixels"), "{error}");
    assert!(!dir.path().join("set").exists());
    plan.items.clear();
    assert!(write(&dir.path().join("set"), &plan, |_| true).expect_err("empty").contains("accept"));
}

#[test]
fn each_finding_of_an_image_counts_by_itself() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut recipe = Recipe::default();
    let lesion = |finding, side| Lesion { finding, side, zone: None, size: None };
    let first = Row::new(Class::Finding(Finding::PleuralEffusion), Side::Left);
    recipe.who.quotas = None;
    recipe.who.table = Some(vec![Row { more: vec![lesion(Finding::Nodule, Side::Right)], ..first }]);
    let rows = Rows::of(&recipe).expect("rows").list;
    let natural = GenerateRequest { num_steps: 1, ..GenerateRequest::new("", 0) };
    let made = Maker::new(&recipe, &rows, &natural, PX).expect("a maker").make(cases(&recipe, &rows)[0]).expect("a request");
    let model = FakeModel::new(PX, Duration::ZERO);
    let artifact = model.generate(&made.request, &Cancel::new(), &mut |_| {}).expect("an image").expect("not stopped");
    let file = dir.path().join("a.png");
    std::fs::write(&file, encode_png_with_record(&artifact.image, &artifact.record).expect("a PNG")).expect("writable");
    let each = vec![Some(0.75), Some(0.5)];
    let item = Item { case: made.case, name: "a".to_owned(), row: made.placed.row, file, adherence: Some(0.5), each };
    let mut plan = plan(dir.path(), Tier::Full);
    (plan.items, plan.facts.collected) = (vec![item], true);
    let set = write(&dir.path().join("set"), &plan, |_| true).expect("written");
    let all = files(&set);
    let mask = |name: &str| png::read_mask(&set.join(name)).expect("a mask");
    let (effusion, nodule) = (mask("masks/a-pleural_effusion.png"), mask("masks/a-nodule.png"));
    let mut both = effusion.clone();
    both.union_with(&nodule);
    assert_eq!(mask("masks/a.png"), both);
    let objects = coco::decode(&all["coco.json"], "a.png", "coco").expect("an image of the set").objects;
    assert_eq!(objects.iter().map(|o| o.labelled.label.as_str()).collect::<Vec<_>>(), ["pleural_effusion", "nodule"]);
    let line: serde_json::Value = serde_json::from_slice(&all["manifest.jsonl"]).expect("one line");
    assert_eq!(line["findings"][1]["finding"], "nodule");
    assert_eq!((line["findings"][0]["adherence"].as_f64(), line["adherence"].as_f64()), (Some(0.75), Some(0.5)));
    assert!(String::from_utf8_lossy(&all["manifest.csv"]).contains("nodule/right/"));
    let sheet = String::from_utf8_lossy(&all["datasheet.md"]).into_owned();
    assert!(sheet.contains("Put together by a person") && !sheet.contains("from the recipe"), "{sheet}");
    assert!(sheet.contains("| Pleural effusion |") && sheet.contains("| Nodule or mass |"), "{sheet}");
}
