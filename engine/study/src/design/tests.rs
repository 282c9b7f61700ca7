use super::*;
use crate::testing::design;

fn changed(from: &str, to: &str) -> String {
    let text = design(Template::ReportAlignment, 2, 2).to_toml().expect("TOML");
    assert!(text.contains(from), "{text}");
    Design::parse(&text.replace(from, to), "study.toml").expect_err("a fault").to_string()
}

#[test]
fn what_is_written_is_read_back() {
    for template in Template::ALL {
        let arms = if template == Template::Quartet { 4 } else { 2 };
        let made = design(template, 3, arms);
        assert_eq!(Design::parse(&made.to_toml().expect("TOML"), "x").expect("a design"), made);
    }
    let design = design(Template::ReportAlignment, 1, 2);
    assert_eq!((design.plan.block_size, design.plan.may_change, design.paired), (30, false, true));
    assert_eq!(design.asked(), Template::ReportAlignment.question());
}

#[test]
fn each_fault_is_one_sentence_with_its_field() {
    for (from, to, words) in [
        ("format = 1", "format = 2", "format"),
        ("\"R1\", \"R2\"", "\"R1\", \"r1\"", "readers: \"r1\" is listed twice"),
        ("\"R1\", \"R2\"", "", "readers: 1 to"),
        ("\"R1\", \"R2\"", "\"../R1\"", "file name"),
        ("separation = 1", "separation = 0", "plan.separation"),
        ("repeats = 0.0", "repeats = 0.9", "plan.repeats"),
        ("block_size = 30", "block_sise = 30", "block_sise"),
        ("rounds = 1", "rounds = 3", "plan.rounds"),
        ("template = \"report-alignment\"", "template = \"quartet\"", "arms: a quartet takes 4"),
        ("template = \"report-alignment\"", "template = \"visual-grading\"", "criteria"),
        ("seed = 7", "seed = 7\nreal = \"nobody\"", "real: \"nobody\" is none of the arms"),
        ("seed = 7", "seed = -7", "seed"),
        ("title = \"A study\"", "title = \"\"", "title: it is empty"),
        ("title = \"A study\"", "title = ", "line"),
    ] {
        let error = changed(from, to);
        assert!(error.starts_with("study.toml: ") && error.contains(words) && !error.contains('\n'), "{to}: {error}");
    }
}

#[test]
fn a_value_of_another_kind_is_told_in_plain_words() {
    for (from, to, words) in [
        (
            "block_size = 30",
            "block_size = \"x\"",
            "plan.block_size: line 23: a whole number, 0 or more and not beyond 4294967295 is expected; the text \"x\" stands there",
        ),
        ("block_size = 30", "block_size = -1", "is expected; -1 stands there"),
        ("block_size = 30", "block_size = 1.5", "is expected; 1.5 stands there"),
        ("repeats = 0.0", "repeats = \"10%\"", "a number, such as 0.5 is expected; the text \"10%\" stands there"),
        ("may_change = false", "may_change = \"no\"", "true or false, without quotes is expected; the text \"no\" stands there"),
        ("title = \"A study\"", "title = 3", "a text in quotes is expected; 3 stands there"),
        ("[\"R1\", \"R2\"]", "\"R1\"", "a list in square brackets, such as [\"one\", \"two\"] is expected; the text \"R1\""),
        ("block_size = 30", "block_sise = 30", "there is no such value: \"block_sise\"; did you mean \"block_size\"?"),
        (
            "\"report-alignment\"",
            "\"report-aligment\"",
            "it cannot be that: \"report-aligment\"; did you mean \"report-alignment\"?",
        ),
        ("title = \"A study\"\n", "", "title is missing; add it"),
    ] {
        let error = changed(from, to);
        assert!(error.contains(words), "{to}: {error}");
        for code in ["u32", "u64", "f64", "sequence", "boolean", "variant"] {
            assert!(!error.contains(code), "{to}: {error}");
        }
    }
}

#[test]
fn power_is_assumed_of_what_a_template_asks() {
    use crate::power::Assumed;
    for template in Template::ALL {
        let arms = if template == Template::Quartet { 4 } else { 2 };
        let assumed = design(template, 3, arms).assumptions();
        assert!(assumed.check().is_ok(), "{template:?}");
        let shares = matches!(template, Template::PairwiseChoice | Template::Quartet | Template::AssistedReading);
        assert_eq!(matches!(assumed, Assumed::Shares(_)), shares, "{template:?}");
        let text = design(template, 3, arms).to_toml().expect("TOML");
        let given = |lines: &str| Design::parse(&format!("{text}[power]\n{lines}\n"), "x").map_err(|error| error.to_string());
        let low = template.choices()[0].value;
        let scores = format!("first = {{ mean = {}.5, sd = 0.8 }}\nsecond = {{ mean = {}.1, sd = 0.8 }}", low + 2, low + 2);
        let (fits, other) = if shares { ("share = 0.6", scores.as_str()) } else { (scores.as_str(), "share = 0.6") };
        let read = given(fits).expect("a design");
        assert_ne!(read.assumptions(), assumed, "{template:?}");
        assert_eq!(Design::parse(&read.to_toml().expect("TOML"), "x").expect("a design"), read);
        let refused = given(other).expect_err("of another kind");
        assert!(refused.contains("power.") && refused.contains("give "), "{refused}");
    }
}

#[test]
fn showings_count_pairs_and_arms() {
    assert_eq!(design(Template::PairwiseChoice, 1, 4).showings(), 6);
    assert_eq!(design(Template::Quartet, 1, 4).showings(), 1);
    assert_eq!(design(Template::ReportAlignment, 1, 3).showings(), 3);
}

#[test]
fn comments_of_a_design_stay_when_it_is_written_again() {
    let before = "# The study of the spring.\nformat = 1\ntitle = \"Alignment\" # short\ntemplate = \"report-alignment\"\nseed = 7\n\
        readers = [\"R1\", \"R2\"]\narms = [\"ours\", \"theirs\"]\ncases = \"cases.csv\"\nconsent = \"I agree.\"\n\n\
        # Nobody reads longer than this.\n[plan]\nblock_size = 25 # images\n\n# As the paper.\n[images]\ntrim_borders = true\n";
    let mut design = Design::parse(before, "study.toml").expect("a design");
    assert_eq!(design.to_toml_over(before).expect("text"), before, "nothing changed");
    design.title = "Alignment II".to_owned();
    design.plan.block_size = 30;
    design.plan.separation = 9;
    design.question = Some("How well?".to_owned());
    let after = design.to_toml_over(before).expect("text");
    for kept in
        ["# The study of the spring.", "\"Alignment II\" # short", "# Nobody reads longer", "30 # images", "# As the paper."]
    {
        assert!(after.contains(kept), "{kept}\n{after}");
    }
    assert_eq!(Design::parse(&after, "study.toml").expect("a design"), design, "{after}");
    design.question = None;
    let again = design.to_toml_over(&after).expect("text");
    assert!(!again.contains("How well?") && again.contains("30 # images"), "{again}");
    // A design that is not whole yet is written with its comments, too; over another file it is written anew.
    design.readers.clear();
    assert!(design.to_toml_over(before).expect("text").contains("# As the paper."));
    assert_eq!(design.to_toml_over("no = \"design\"").expect("text"), design.to_toml().expect("text"));
}
