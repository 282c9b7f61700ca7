use resvg::usvg;

use super::*;
use crate::analysis::testing::{Planted, drawn, quick, told};
use crate::analysis::{Options, Pairs, analyse};

const REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexSans-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexSans-Medium.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexSans-SemiBold.ttf");
const FONTS: [&[u8]; 3] = [REGULAR, MEDIUM, SEMI_BOLD];

fn of_told() -> Vec<Figure> {
    let (readings, context) = told();
    figures(&analyse(&readings, &context, &quick()).expect("a study"), &context, Theme::Light)
}

/// Four arms and six readers, the last of each with a name that no column holds.
fn crowded() -> Vec<Figure> {
    let planted = Planted { cases: 40, readers: 6, arms: &[0.0, -0.5, -1.0, -1.5], reader_sd: 0.4, case_sd: 0.6 };
    let (readings, context) = drawn(1, planted);
    let each = Options { pairs: Pairs::Each, resamples: 60, ..quick() };
    figures(&analyse(&readings, &context, &each).expect("a study"), &context, Theme::Dark)
}

fn alone() -> Vec<Figure> {
    let (readings, context) = drawn(2, Planted { cases: 25, readers: 1, arms: &[0.0, -1.0], reader_sd: 0.0, case_sd: 0.6 });
    figures(&analyse(&readings, &context, &quick()).expect("a study"), &context, Theme::Light)
}

#[test]
fn a_study_has_its_figures() {
    let names: Vec<String> = of_told().into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["scores", "effects", "learning", "errors", "places", "time"]);
    let one = alone();
    let effects = one.iter().find(|f| f.name == "effects").expect("two arms");
    assert!(!effects.svg().contains("All readers"), "one reader is no sum");
}

#[test]
fn bars_show_each_count() {
    let all = of_told();
    let svg = all[0].svg();
    for text in [">15<", ">13<", "Simulated model one", "Reader 2 (n = 39)", ">0.82<", "± 1.22"] {
        assert!(svg.contains(text), "{text}");
    }
    // A score of one case in 40 has no room for more than its colour in a narrow bar, but says itself.
    assert!(svg.contains("Complete mismatch: 1\u{a0}case"));
}

#[test]
fn everything_lies_inside_of_its_picture() {
    let mut options = usvg::Options { font_family: "IBM Plex Sans".to_owned(), ..usvg::Options::default() };
    for font in FONTS {
        options.fontdb_mut().load_font_data(font.to_vec());
    }
    for figure in of_told().into_iter().chain(crowded()).chain(alone()) {
        let tree = usvg::Tree::from_str(&figure.svg(), &options).expect("a picture");
        let mut texts = 0;
        inside(tree.root(), tree.size().width(), tree.size().height(), &figure.name, &mut texts);
        assert!(texts > 4, "{}: {texts} texts", figure.name);
    }
}

fn inside(group: &usvg::Group, width: f32, height: f32, name: &str, texts: &mut usize) {
    for node in group.children() {
        if let usvg::Node::Group(group) = node {
            inside(group, width, height, name, texts);
            continue;
        }
        let b = node.abs_bounding_box();
        let fits = b.left() >= -0.5 && b.top() >= -0.5 && b.right() <= width + 0.5 && b.bottom() <= height + 0.5;
        let text = if let usvg::Node::Text(text) = node {
            *texts += 1;
            text.chunks().iter().map(usvg::TextChunk::text).collect::<Vec<_>>().concat()
        } else {
            String::new()
        };
        assert!(fits, "{name}: {text:?} at {b:?} runs out of {width} × {height}");
    }
}

#[test]
fn pictures_of_dots_are_the_same_each_time_and_not_empty() {
    for (figure, again) in of_told().iter().zip(&of_told()) {
        let first = png(figure, &FONTS, 1.0).expect("a picture");
        assert_eq!(first, png(again, &FONTS, 1.0).expect("a picture"), "{}", figure.name);
        let picture = resvg::tiny_skia::Pixmap::decode_png(&first).expect("a PNG");
        assert_eq!(picture.width(), 792);
        let dark = picture.pixels().iter().filter(|p| p.red() < 0x60).count();
        assert!(dark > 500, "{}: {dark} dark dots", figure.name);
    }
    let all = of_told();
    let refused = png(&all[0], &FONTS, 0.0).expect_err("no scale").to_string();
    assert!(refused.contains("choose a scale from 0.1 to 10"), "{refused}");
}

#[test]
fn axes_have_round_figures() {
    assert_eq!(forest::ticks(-0.62, 1.13, 6), [-0.5, 0.0, 0.5, 1.0]);
    assert_eq!(forest::ticks(0.0, 1.0, 6), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
    assert_eq!(forest::decimals(&forest::ticks(0.0, 0.1, 5)), 2);
    assert_eq!(forest::decimals(&forest::ticks(0.0, 50.0, 5)), 0);
}
