use engine::cancel::Cancel;

use super::*;
use crate::analysis::testing::{Planted, drawn, fixed, quick, told};
use crate::analysis::{Options, analyse};
use crate::reading::{Purpose, Reading};
use crate::template::Template;

fn told_page() -> String {
    let (readings, context) = told();
    html(&analyse(&readings, &context, &quick()).expect("a study"), &context)
}

/// Text without tags and with plain spaces.
fn plain(page: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            '\u{202f}' | '\u{a0}' => out.push(' '),
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let page = told_page();
    for outside in ["http://", "https://", "<script", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for tag in ["section", "table", "figure", "svg", "tr", "td", "p", "ul", "li", "div", "text", "span", "b", "code"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("@media print"));
    assert!(page.len() < 200_000, "{} bytes", page.len());
    assert_eq!(page, told_page(), "the same study gives the same page");
}

#[test]
fn the_page_says_what_was_found() {
    let text = plain(&told_page());
    for part in [
        "SIMULATED READERS. A program gave all answers of this study",
        "40 cases · 2 arms · 3 readers · 237 of 240 answers",
        "The odds ratio for a higher score, A over B, is 2.48 (95 % interval 1.50–4.10, p &lt; 0.001); the mean difference A − B is 0.52",
        "Odds ratio for a higher score, A over B2.481.50–4.10&lt; 0.001",
        "Reader SD, logits0.350.12–1.05",
        "Krippendorff’s α, ordinal0.14",
        "Passed Study file unchanged",
        "Reader 2: Block 4 was read after 11 days; the plan says 14.",
        "4f20 c8d1 91ab 03e7",
        "Guessing the arm, area under the ROC curve0.53",
        "Impression of case",
        "small effusion &amp; &lt;opacity&gt;",
        "No probe guessed the arm better than chance.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn methods_say_what_was_done_and_no_more() {
    let (readings, mut context) = told();
    let analysis = analyse(&readings, &context, &quick()).expect("a study");
    let text = methods(&analysis, &context).join("\n").replace(['\u{202f}', '\u{a0}'], " ");
    for part in [
        "The answers to 40 cases were simulated for 3 readers by a program; no person read the images.",
        "A (Simulated model one) and B (Simulated model two)",
        "a scale of five steps from −2 (complete mismatch) to +2 (perfect agreement).",
        "For each reader, 4 images were shown a second time, without notice.",
        "5 practice trials came first and were not analysed.",
        "balanced over arms and drawn with the seed 7, with at least 10 trials between two images of one case",
        "There were 2 rounds, at least 14 days apart.",
        "The impression was shown, and the arm of an image was hidden. The sealed study file held neither arms",
        "reader, case and image as random effects",
        "Missing answers were not filled in",
        "200 resamples of cases",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for never in ["catch trial", "Fleiss", "DeLong", "Bradley", "McNemar"] {
        assert!(!text.contains(never), "{never}");
    }
    context.simulated = false;
    let text = methods(&analysis, &context).join("\n").replace(['\u{202f}', '\u{a0}'], " ");
    let expected =
        "Three readers (10 years, chest radiology; 20 years, chest radiology; 5 years, chest radiology) read 40 cases.";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn one_of_each_is_singular() {
    let (readings, mut context) = drawn(3, Planted { cases: 30, readers: 1, arms: &[0.0, -0.8], reader_sd: 0.0, case_sd: 0.5 });
    context.simulated = false;
    context.plan.repeats = 1;
    context.plan.practice = 1;
    let options = Options { resamples: 1, ..quick() };
    let analysis = analyse(&readings, &context, &options).expect("a study");
    let text = methods(&analysis, &context).join("\n").replace(['\u{202f}', '\u{a0}'], " ");
    for part in [
        "One reader read 30 cases.",
        "For each reader, 1 image was shown a second time, without notice.",
        "1 practice trial came first and was not analysed.",
        "case as random effect",
        "over 1 resample of cases",
        "No answer was missing.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("Agreement between readers") && !text.contains("For all readers together"), "{text}");
    assert!(!html(&analysis, &context).contains("SIMULATED"));
}

#[test]
fn the_long_table_comes_back_as_it_was() {
    let (mut readings, context) = fixed();
    readings[0].comment = "a \"quoted\" word, and\na line".to_owned();
    let bytes = csv(&readings, &context).expect("a table");
    let mut reader = ::csv::Reader::from_reader(&bytes[..]);
    let heads = reader.headers().expect("a header").clone();
    assert_eq!(heads.iter().collect::<Vec<_>>(), COLUMNS.iter().map(|(n, _)| *n).collect::<Vec<_>>());
    let at = |name: &str| heads.iter().position(|h| h == name).expect("a column");
    let rows: Vec<::csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    assert_eq!(rows.len(), readings.len());
    assert_eq!(rows.iter().filter(|r| &r[at("purpose")] == "repeat").count(), 12);
    assert!(rows.iter().enumerate().all(|(i, r)| r[at("record_id")] == (i + 1).to_string()));
    for reading in &readings {
        let found = rows.iter().find(|r| {
            r[at("reader")] == reading.reader
                && r[at("trial")] == reading.order.to_string()
                && r[at("purpose")] == *purpose(reading)
        });
        let row = found.expect("the reading");
        assert_eq!(&row[at("score")], reading.score.to_string());
        assert_eq!(&row[at("case_id")], reading.case);
        assert_eq!(&row[at("remark")], reading.comment);
        assert_eq!(&row[at("arm")], if reading.arm.ends_with("one") { "A" } else { "B" });
        let flags: u32 = ["omission", "commission", "place", "extent", "severity", "artefact"]
            .iter()
            .map(|kind| row[at(&format!("err_{kind}"))].parse::<u32>().expect("0 or 1"))
            .sum();
        assert_eq!(flags as usize, reading.errors.len());
    }
    // A field of REDCap: small letters, figures and underscores, a letter first.
    assert!(COLUMNS.iter().all(|(n, _)| {
        n.starts_with(|c: char| c.is_ascii_lowercase())
            && n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }));
    let dictionary = String::from_utf8(dictionary(&context).expect("a dictionary")).expect("UTF-8");
    assert_eq!(dictionary.lines().count(), COLUMNS.len() + 1);
    assert!(dictionary.contains("-2: Complete mismatch; -1: Key findings missing"));
}

fn purpose(reading: &Reading) -> &'static str {
    match reading.purpose {
        Purpose::Scored => "scored",
        Purpose::Repeat => "repeat",
        Purpose::Catch => "catch",
    }
}

#[test]
fn each_kind_of_study_has_its_own_section() {
    use crate::analysis::testing::reading;
    let arms = ["real", "m1", "m2", "m3"];
    for (template, heading) in [
        (Template::RealOrSynthetic, "Real or synthetic"),
        (Template::PairwiseChoice, "Choices"),
        (Template::Quartet, "Finding the real image"),
        (Template::VisualGrading, "Visual grading"),
        (Template::AssistedReading, "With and without help"),
    ] {
        let used = if template == Template::AssistedReading { &arms[..2] } else { &arms[..] };
        let mut context = Context::plain("t", template, used, &["r1", "r2"]);
        context.real_arm = Some("real".to_owned());
        if template == Template::VisualGrading {
            context.criteria = vec!["Sharpness <1>".to_owned(), "Noise".to_owned()];
        }
        let mut readings = Vec::new();
        for case in 0..24usize {
            for (r, reader) in ["r1", "r2"].into_iter().enumerate() {
                for (a, arm) in used.iter().enumerate() {
                    let value = (case * 7 + a * 3 + r * (case % 3)) % template.choices().len();
                    let mut one = reading(reader, &case.to_string(), arm, template.choices()[value].value);
                    one.order = (case * used.len() + a + 1) as u32;
                    one.truth = (template == Template::AssistedReading).then_some(if case % 2 == 0 { 5 } else { 1 });
                    match template {
                        Template::PairwiseChoice => one.against = vec![arms[(a + 1 + case % 3) % 4].to_owned()],
                        Template::Quartet if a != (case + r) % 4 => continue,
                        Template::Quartet => one.against = arms.iter().filter(|x| *x != arm).map(|x| (*x).to_owned()).collect(),
                        _ => {}
                    }
                    if context.criteria.is_empty() {
                        readings.push(one);
                    } else {
                        let each = context.criteria.iter().map(|c| Reading { criterion: c.clone(), ..one.clone() });
                        readings.extend(each);
                    }
                }
            }
        }
        let analysis = analyse(&readings, &context, &quick()).expect("a study");
        let page = html(&analysis, &context);
        assert!(page.contains(&format!(">{heading}</h2>")), "{heading}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{heading}");
        assert!(!plain(&page).contains("Sharpness <1>"));
    }
}

/// A study of this kind with enough answers for each part of the report.
fn of_kind(template: Template, arms: &[&str], cases: usize) -> (Vec<Reading>, crate::analysis::Context) {
    let mut context = crate::analysis::Context::plain("t", template, arms, &["r1", "r2"]);
    context.real_arm = (template != Template::AssistedReading).then(|| arms[0].to_owned());
    let mut readings = Vec::new();
    for case in 0..cases {
        for (r, reader) in ["r1", "r2"].into_iter().enumerate() {
            for (a, arm) in arms.iter().enumerate() {
                let score = template.choices()[(case * 7 + a * 3 + r * (case % 3)) % template.choices().len()].value;
                let mut one = crate::analysis::testing::reading(reader, &case.to_string(), arm, score);
                one.order = (case * arms.len() + a + 1) as u32;
                one.truth = (template == Template::AssistedReading).then_some(if case % 2 == 0 { 5 } else { 1 });
                if !template.is_ordinal() {
                    if a != (case + r * (case % 2)) % arms.len() {
                        continue;
                    }
                    one.against = arms.iter().filter(|x| *x != arm).map(|x| (*x).to_owned()).collect();
                }
                if case < 5 {
                    readings.push(Reading { purpose: Purpose::Repeat, ..one.clone() });
                }
                readings.push(one);
            }
        }
    }
    (readings, context)
}

fn said(readings: &[Reading], context: &crate::analysis::Context) -> (String, String) {
    let analysis = analyse(readings, context, &quick()).expect("a study");
    let words = methods(&analysis, context).join("\n").replace(['\u{202f}', '\u{a0}'], " ");
    (plain(&html(&analysis, context)), words)
}

#[test]
fn help_is_not_said_to_be_hidden() {
    let (readings, context) = of_kind(Template::AssistedReading, &["unaided", "aided"], 24);
    let (page, words) = said(&readings, &context);
    assert!(!words.contains("arm of an image"), "{words}");
    for part in [
        "readers saw by the examples beside the image whether they had help",
        "The finding was taken as present where the table of cases lists it; an answer of 4 or 5 called it present",
        "The primary analysis was the change of the share of right answers over all readers, with an interval by case.",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    for part in [
        "Change in percentage points.",
        "Sensitivity\nReaderWithout help95 %With help95 %",
        "Specificity",
        "both conditions show the same images",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn each_kind_names_its_primary_analysis_and_where_readers_differ() {
    let four = ["real", "m1", "m2", "m3"];
    for (template, arms) in [
        (Template::RealOrSynthetic, &four[..2]),
        (Template::PairwiseChoice, &four[..2]),
        (Template::Quartet, &four[..]),
        (Template::Realism, &four[..2]),
    ] {
        let (readings, context) = of_kind(template, arms, 30);
        let (page, words) = said(&readings, &context);
        assert!(words.to_lowercase().contains("primary analysis"), "{template:?}: {words}");
        assert!(page.contains("Where readers differ"), "{template:?}");
        let points = page.contains("Second less first, points");
        assert_eq!(points, template.is_ordinal(), "a choice has no points: {template:?}");
        let taken = page.contains("Readers took different images of");
        assert_eq!(taken, !template.is_ordinal(), "{template:?}");
    }
}

#[test]
fn a_finding_without_a_test_is_not_corrected_over_none() {
    let (mut readings, context) = of_kind(Template::Realism, &["a", "b"], 8);
    for one in &mut readings {
        one.findings = vec![if one.case == "1" { "PTX" } else { "EFF" }.to_owned()];
        if one.case.parse::<usize>().is_ok_and(|case| case > 4) {
            one.findings = vec!["NOD".to_owned()];
        }
    }
    let (page, _) = said(&readings, &context);
    assert!(page.contains("Change for each 10 trials"), "sixteen trials say little of a hundred");
    assert!(
        page.contains("No finding has the six cases that an interval and a test take.") && !page.contains("over 0"),
        "{page}"
    );
}

#[test]
fn choices_have_a_table_by_finding() {
    for (template, taken, chance) in [(Template::PairwiseChoice, "A over B", "50 %"), (Template::Quartet, "Real image", "25 %")] {
        let arms = ["real", "m1", "m2", "m3"];
        let (mut readings, context) = of_kind(template, if template == Template::Quartet { &arms } else { &arms[..2] }, 24);
        for one in &mut readings {
            one.findings = vec![["PTX", "EFF"][one.case.len() % 2].to_owned()];
        }
        let (page, words) = said(&readings, &context);
        let section = page.split("By finding").nth(2).expect("a link and a section");
        let section = section.split("Where readers differ").next().unwrap_or_default();
        for part in [
            "Finding",
            "Pneumothorax14",
            "Pleural effusion10",
            taken,
            "Exploratory. A case with several findings counts in each.",
            &format!("Exact test against the {chance} of guessing"),
            "Holm’s correction over 2 tests",
        ] {
            assert!(section.contains(part), "{part}\n{section}");
        }
        assert!(words.contains("Shares within findings are exploratory."), "{words}");
    }
}

#[test]
fn the_files_of_a_report() {
    let font = include_bytes!("../../../../assets/fonts/IBMPlexSans-Regular.ttf");
    let (readings, context) = told();
    let analysis = analyse(&readings, &context, &quick()).expect("a study");
    let go = Cancel::new();
    let mut drawn = Vec::new();
    let all = files(&readings, &analysis, &context, &[font], 1.0, &go, &mut |done, of| drawn.push((done, of))).expect("a report");
    assert!(drawn.len() > 1 && drawn.iter().enumerate().all(|(at, step)| *step == (at, drawn.len())), "{drawn:?}");
    let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names[..5], ["report.html", "methods.txt", "readings.csv", "dictionary.csv", "analysis.json"]);
    assert!(names.contains(&"figures/scores.svg") && names.contains(&"figures/time.png"));
    assert!(all.iter().all(|f| !f.bytes.is_empty()));
    let json: serde_json::Value = serde_json::from_slice(&all[4].bytes).expect("JSON");
    assert_eq!(json["counts"]["scored"], 237);
    assert!(json["scales"][0]["model"]["effects"][0]["odds_ratio"]["value"].as_f64().is_some_and(|v| (v - 2.485).abs() < 0.01));
    assert_eq!(all, files(&readings, &analysis, &context, &[font], 1.0, &go, &mut |_, _| ()).expect("a report"));
    go.cancel();
    assert!(matches!(files(&readings, &analysis, &context, &[font], 1.0, &go, &mut |_, _| ()), Err(ReportError::Stopped)));
}
