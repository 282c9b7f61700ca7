use engine::imageio::png::{decode_gray, read_text};
use proptest::prelude::*;

use super::*;

fn noisy(width: u32, height: u32, seed: u64) -> GrayImage {
    let mut chance = crate::draw::Draw::new(seed, crate::draw::Use::Grain, 0);
    let grey = |i: u32| f64::from(10_000 + i % width * 200 + i / width * 300) + 300.0 * chance.normal();
    GrayImage::new(width, height, (0..width * height).map(grey).map(|v| v as u16).collect()).expect("a picture")
}

fn plan(images: &[(&str, &str, &GrayImage)], settings: &Settings) -> Result<Plan, EqualiseError> {
    let surveys: Vec<_> = images.iter().map(|(a, c, i)| ((*a).to_owned(), (*c).to_owned(), Survey::of(i))).collect();
    Plan::new(&surveys, settings, 3)
}

#[test]
fn equal_images_stay_as_they_are() {
    let settings = Settings { depth: Depth::Keep, ..Settings::default() };
    let (a, b) = (noisy(64, 64, 1), noisy(64, 64, 2));
    let plan = plan(&[("A", "1", &a), ("B", "1", &b)], &settings).expect("a plan");
    assert_eq!(plan.apply("A", "1", &a).expect("known"), a);
    assert_eq!(plan.apply("B", "1", &b).expect("known"), b);
    assert!(plan.done()[0].steps.iter().any(|s| s.contains("kept as they are")), "{:?}", plan.done());
}

#[test]
fn the_smallest_field_and_the_fewest_levels_rule() {
    let a = noisy(90, 70, 1);
    let b = noisy(64, 80, 2);
    let b = GrayImage::new(64, 80, b.pixels().iter().map(|v| v / 257 * 257).collect()).expect("its size");
    let plan = plan(&[("A", "1", &a), ("B", "1", &b)], &Settings::default()).expect("a plan");
    assert_eq!((plan.side_px(), plan.bits()), (64, 8));
    for (arm, image) in [("A", &a), ("B", &b)] {
        let made = plan.apply(arm, "1", image).expect("known");
        assert_eq!((made.width(), made.height()), (64, 64));
        assert!(made.pixels().iter().all(|v| v % 257 == 0));
        assert_eq!(made, plan.apply(arm, "1", image).expect("known"), "the same twice");
    }
    // Whole pixels of the middle are copied, so 8 bits stay what they are.
    let made = plan.apply("B", "1", &b).expect("known");
    assert_eq!(made.get(5, 9), b.get(5, 9 + 8));
}

#[test]
fn bars_and_borders_are_cut_off_all_alike() {
    let a = noisy(80, 80, 1);
    let mut pixels = noisy(80, 80, 2).pixels().to_vec();
    // Bars of a fifth left and right, and a border of two lines at the top.
    pixels.iter_mut().enumerate().for_each(|(i, v)| {
        if i % 80 < 16 || i % 80 >= 64 || i / 80 < 2 {
            *v = 0;
        }
    });
    let b = GrayImage::new(80, 80, pixels).expect("its size");
    let plan = plan(&[("A", "1", &a), ("B", "1", &b)], &Settings::default()).expect("a plan");
    for (arm, image) in [("A", &a), ("B", &b)] {
        let made = plan.apply(arm, "1", image).expect("known");
        assert_eq!(made.width(), 48);
        assert_eq!(survey::margins(&made), [0; 4], "{arm}");
    }
    let words = |arm: usize| plan.done()[arm].steps.join(" ");
    assert!(
        words(1).contains("Bars of one grey were cut off 1 of 1") && !words(0).contains("Bars of one grey"),
        "{:?}",
        plan.done()
    );
    assert!(words(0).contains("2.5 % of the height at the top") || words(0).contains("at the top"), "{:?}", plan.done());
}

#[test]
fn a_letterbox_shows_one_field_a_case() {
    let (a, b) = (noisy(100, 60, 1), noisy(90, 60, 2));
    let settings = Settings { field: Field::Letterbox, ..Settings::default() };
    let plan = plan(&[("A", "1", &a), ("B", "1", &b)], &settings).expect("a plan");
    let bars: Vec<_> = [("A", &a), ("B", &b)]
        .into_iter()
        .map(|(arm, image)| survey::margins(&plan.apply(arm, "1", image).expect("known")))
        .collect();
    assert_eq!(bars[0], bars[1]);
    assert!(bars[0][1] > 10, "{bars:?}");
    let error = plan.apply("A", "2", &a).expect_err("another case").to_string();
    assert!(error.contains("2 of arm A was not among"), "{error}");
}

#[test]
fn what_would_show_is_refused_in_a_sentence() {
    let (a, b) = (noisy(64, 64, 1), noisy(48, 48, 2));
    let settings = Settings { side_px: Some(64), ..Settings::default() };
    let error = plan(&[("A", "c1", &a), ("B", "c2", &b)], &settings).expect_err("it enlarges").to_string();
    assert_eq!(
        error,
        "images.side_px is 64, but c2 of arm B has only 48 pixels a side after cropping, and enlarging shows; ask for at most 48, or leave side_px out"
    );
    let tiny = noisy(9, 12, 1);
    assert!(matches!(plan(&[("A", "1", &tiny)], &Settings::default()), Err(EqualiseError::TooSmall { has: 9, .. })));
    assert_eq!(Plan::new(&[], &Settings::default(), 1).expect_err("nothing"), EqualiseError::Empty);
}

#[test]
fn files_of_the_study_carry_nothing() {
    let image = noisy(32, 32, 1);
    let bytes = encode(&image).expect("a PNG");
    assert_eq!(decode_gray(&bytes, "x").expect("a PNG"), image);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.png");
    std::fs::write(&path, &bytes).expect("written");
    assert_eq!(read_text(&path, "Comment").expect("a PNG"), None);
    assert!(crate::picture::Picture::open(&path).expect("a PNG").source.expect("a file").metadata.is_empty());
}

#[test]
fn settings_are_read_as_they_are_written() {
    let settings =
        Settings { side_px: Some(512), grey: Grey::MatchArms, clean: Clean::Blocks, cover_corners: true, ..Settings::default() };
    let text = toml::to_string(&settings).expect("plain data");
    assert_eq!(toml::from_str::<Settings>(&text).expect("its own form"), settings);
    assert_eq!(toml::from_str::<Settings>("").expect("all left out"), Settings::default());
    assert!(toml::from_str::<Settings>("sizes = 3").is_err());
}

proptest! {
    #[test]
    fn any_sizes_become_one(w in 17u32..60, h in 17u32..60, w2 in 17u32..60, h2 in 17u32..60, letterbox: bool, clean: bool) {
        let (a, b) = (noisy(w, h, 1), noisy(w2, h2, 2));
        let settings = Settings {
            field: if letterbox { Field::Letterbox } else { Field::Square },
            clean: if clean { Clean::Noise } else { Clean::Off },
            grey: Grey::MatchImages,
            ..Settings::default()
        };
        if let Ok(plan) = plan(&[("A", "1", &a), ("B", "1", &b)], &settings) {
            for (arm, image) in [("A", &a), ("B", &b)] {
                let made = plan.apply(arm, "1", image).expect("known");
                prop_assert_eq!((made.width(), made.height()), (plan.side_px(), plan.side_px()));
            }
        }
    }
}
