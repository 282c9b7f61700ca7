//! The report of a data set as one page, for whoever answers for the data: where its samples come from, what was left out
//! and why, whether splits are disjoint, what captions lost. Nothing is loaded from anywhere.

mod charts;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::fingerprint::{Counts, Fingerprint};
use charts::{Fact, bars, columns, escaped, facts, number, share, table};

const STYLE: &str = "\
:root{--ink:#1b2430;--soft:#5b6878;--line:#d9dfe6;--bar:#2f6f9f;--warn:#a4482b;--good:#2c7a4b;--page:#fff;--card:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#2c3743;--bar:#6aa9d6;--warn:#e29076;--good:#7cc79a;--page:#12181f;--card:#18212a}}\
body{margin:0 auto;max-width:1080px;padding:32px 24px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
h1{font-size:26px;margin:0}h2{font-size:16px;margin:0 0 8px}p{margin:4px 0 20px;color:var(--soft)}\
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));gap:16px;align-items:start}\
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;break-inside:avoid}.wide{grid-column:1/-1}\
dl{display:grid;grid-template-columns:1fr auto;gap:2px 16px;margin:0}dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\
.words td{vertical-align:top;white-space:normal;min-width:60px}.words td:nth-child(n+3){text-align:left;min-width:220px}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:3px 0 3px 14px;text-align:right;font-weight:400;white-space:nowrap}th:first-child{text-align:left;padding-left:0;white-space:normal}\
thead th{color:var(--soft);border-bottom:1px solid var(--line)}tbody tr+tr>*{border-top:1px solid var(--line)}\
p.note{margin:8px 0 0}.warn{color:var(--warn)}.good{color:var(--good)}svg{display:block;width:100%;height:auto}\
text{fill:var(--ink);font:12px system-ui,sans-serif}.n{fill:var(--soft)}rect{fill:var(--bar)}line{stroke:var(--warn);stroke-dasharray:4 3}";

/// The page.
pub(super) fn page(print: &Fingerprint) -> String {
    let mut out = String::new();
    let title = escaped(&print.name);
    let patients: usize = print.splits.values().map(|split| split.patients).sum();
    let _written = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}: data set report</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
         <p>{} samples of {} patients, {} px, encoded with the parts of {}.</p>\n<div class=\"grid\">\n",
        number(print.samples),
        number(patients),
        print.size_px,
        escaped(&print.provenance.model),
    );
    out.push_str(&taken(print));
    out.push_str(&splits(print));
    out.push_str(&facts("Captions", &captions(print)));
    out.push_str(&destroyed(print));
    out.push_str(&labels(print));
    out.push_str(&facts("What the sources do not tell", &unknown(print)));
    out.push_str(&facts("Files", &files(print)));
    out.push_str(&facts("Made with", &provenance(print)));
    for (title, counts) in [
        ("Collections", &print.sets),
        ("Views", &print.views),
        ("Sex", &print.sexes),
        ("Race", &print.races),
        ("Condition pictures", &print.conditions),
        ("Sizes of the source pictures", &print.sizes),
    ] {
        // That nothing is known stands among the facts.
        if !(counts.len() == 1 && counts.contains_key("unknown")) {
            out.push_str(&bars(title, counts, print.samples));
        }
    }
    out.push_str(&columns("Age in years", &print.ages, 0, None));
    out.push_str(&columns("Tokens of a caption", &print.tokens, 0, Some(print.provenance.max_tokens as f64)));
    out.push_str(&columns("Mean grey (0 black, 1 white)", &print.grey_means, 2, None));
    out.push_str(&columns("Deviation of greys", &print.grey_deviations, 2, None));
    out.push_str("</div>\n</body></html>\n");
    out
}

/// From the cases that the sources list to the samples that are there.
fn taken(print: &Fingerprint) -> String {
    let rejected: usize = print.rejects.values().sum();
    let listed = print.samples + rejected;
    let mut rows = vec![vec!["listed by the sources".to_owned(), number(listed), share(listed, listed)]];
    let mut reasons: Vec<(&String, &usize)> = print.rejects.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (kind, count) in reasons {
        rows.push(vec![format!("left out: {}", reason(kind)), number(*count), share(*count, listed)]);
    }
    rows.push(vec!["samples".to_owned(), number(print.samples), share(print.samples, listed)]);
    let note = if rejected > 0 { "rejects.csv names each case that was left out, with its reason." } else { "" };
    table("From list to sample", "", &["", "cases", "share"], &rows, note)
}

/// The kind of a reject in words.
fn reason(kind: &str) -> &str {
    match kind {
        "view" => "another view",
        "no_caption" => "no caption",
        "too_long" => "caption too long",
        "picture" => "picture missing or damaged",
        "text" => "text unreadable",
        "list" => "ruled out by its table",
        "annotation" => "annotation unusable",
        "not_finite" => "numbers that are not finite",
        "latent" => "latent missing or damaged",
        "size" => "latent of another size",
        other => other,
    }
}

/// The name of a split and where it stands.
fn ordered(print: &Fingerprint) -> Vec<&String> {
    let rank = |name: &str| ["train", "val", "test"].iter().position(|known| *known == name).unwrap_or(3);
    let mut names: Vec<&String> = print.splits.keys().collect();
    names.sort_by_key(|name| (rank(name), (*name).clone()));
    names
}

fn splits(print: &Fingerprint) -> String {
    let mut rows = Vec::new();
    for name in ordered(print) {
        let split = &print.splits[name];
        rows.push(vec![name.clone(), number(split.samples), share(split.samples, print.samples), number(split.patients)]);
    }
    let torn = print.patients_in_two_splits;
    let mut note = match torn {
        0 => "<span class=\"good\">Disjoint: no patient is in two splits</span> (each pseudonym was looked up in all of them)."
            .to_owned(),
        _ => format!("<span class=\"warn\">{} patients are in two splits.</span>", number(torn)),
    };
    let unknown: usize = print.splits.values().map(|split| split.without_patient).sum();
    if unknown > 0 {
        let _written =
            write!(note, " {} samples have no number of a patient; each counts as a patient of its own.", number(unknown));
    }
    table("Splits by patient", "", &["", "samples", "share", "patients"], &rows, &note)
}

fn row(name: &str, value: usize, warn: bool) -> Fact {
    (name.to_owned(), number(value), warn && value > 0)
}

fn captions(print: &Fingerprint) -> Vec<Fact> {
    vec![
        row("most tokens", print.most_tokens, false),
        row("tokens allowed", print.provenance.max_tokens, false),
        row("cut at the limit", print.cut, true),
        row("de-identification marks (___) taken out", print.marks, false),
        row("captions that had one", print.with_marks, false),
        row("words and sizes destroyed by cleaning", print.lost_words, true),
        row("captions that lost one", print.with_lost_words, true),
    ]
}

/// Words that the page shows; `report.json` has more.
const SHOWN_WORDS: usize = 40;

/// Which words cleaning destroyed, with a caption before and after.
fn destroyed(print: &Fingerprint) -> String {
    let (shown, different) = (print.destroyed.len().min(SHOWN_WORDS), print.different_lost_words);
    let rows = print.destroyed.iter().take(shown).map(|destroyed| {
        vec![destroyed.word.clone(), number(destroyed.count), destroyed.before.clone(), destroyed.after.clone()]
    });
    let mut note =
        "The model never read these words. The captions are quotations from the source, and under its terms.".to_owned();
    if different > shown {
        let _written = write!(note, " The {shown} most frequent of {} words.", number(different));
    }
    table(
        "Words destroyed by cleaning",
        "wide words",
        &["", "times", "a caption before", "after"],
        &rows.collect::<Vec<_>>(),
        &note,
    )
}

/// How often each label is present, uncertain, absent and not mentioned, and present in each split.
fn labels(print: &Fingerprint) -> String {
    let counted = |counts: &Counts, name: &str| counts.get(name).copied().unwrap_or_default();
    let names: BTreeSet<&String> =
        [&print.positive, &print.uncertain, &print.negative].into_iter().flat_map(Counts::keys).collect();
    let mut names: Vec<&String> = names.into_iter().collect();
    names.sort_by_key(|name| (usize::MAX - counted(&print.positive, name), (*name).clone()));
    let in_splits: Vec<String> = ordered(print).iter().map(|name| format!("in {name}")).collect();
    let mut columns = vec!["", "present", "share", "uncertain", "absent", "not mentioned"];
    columns.extend(in_splits.iter().map(String::as_str));
    let rows = names.into_iter().map(|name| {
        let [present, uncertain, absent] =
            [&print.positive, &print.uncertain, &print.negative].map(|counts| counted(counts, name));
        let silent = print.samples.saturating_sub(present + uncertain + absent);
        let mut row = vec![name.clone(), number(present), share(present, print.samples)];
        row.extend([uncertain, absent, silent].map(number));
        let split = |split: &&String| (counted(&print.splits[*split].positive, name), print.splits[*split].samples);
        row.extend(ordered(print).iter().map(split).map(|(present, all)| share(present, all)));
        row
    });
    table("Labels", "wide", &columns, &rows.collect::<Vec<_>>(), "")
}

fn unknown(print: &Fingerprint) -> Vec<Fact> {
    let of = |counts: &Counts, name: &str| counts.get(name).copied().unwrap_or_default();
    let fact = |name: &str, count: usize| {
        let value = if count == 0 { "0".to_owned() } else { format!("{} ({})", number(count), share(count, print.samples)) };
        (name.to_owned(), value, false)
    };
    vec![
        fact("samples without a view", of(&print.views, "UNKNOWN")),
        fact("samples without a sex", of(&print.sexes, "unknown")),
        fact("samples without an age", print.without_age),
        fact("samples without a race", of(&print.races, "unknown")),
        fact("samples without any present label", print.without_label),
    ]
}

fn files(print: &Fingerprint) -> Vec<Fact> {
    vec![
        row("source files that occur more than once", print.repeated_files, true),
        row("of these, in more than one split", print.repeated_across_splits, true),
        row("regions whose class has no grey", print.unknown_classes, true),
        row("shards", print.provenance.shards, false),
        ("size of the shards".to_owned(), format!("{:.1} MB", print.provenance.bytes as f64 / 1e6), false),
    ]
}

fn provenance(print: &Fingerprint) -> Vec<Fact> {
    let made = &print.provenance;
    let short = |name: &str, hash: &str| (name.to_owned(), hash.get(..16).unwrap_or(hash).to_owned(), false);
    vec![
        short("recipe (settings, cases, parts)", &print.recipe),
        short("autoencoder", &made.autoencoder),
        short("text encoder", &made.text),
        short("tokenizer", &made.tokenizer),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::SplitCounts;
    use super::*;

    #[test]
    fn the_page_tells_what_was_left_out_and_whether_splits_are_disjoint() {
        let counts =
            |rows: &[(&str, usize)]| -> Counts { rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect() };
        let split =
            |samples, present| SplitCounts { samples, patients: 3, without_patient: 0, positive: counts(&[("Edema", present)]) };
        let mut print = Fingerprint {
            name: "A <set>".to_owned(),
            samples: 10,
            splits: [("test".to_owned(), split(2, 1)), ("train".to_owned(), split(8, 2))].into(),
            positive: counts(&[("Edema", 3)]),
            uncertain: counts(&[("Edema", 1)]),
            negative: counts(&[("Fracture", 10)]),
            sexes: counts(&[("unknown", 10)]),
            races: counts(&[("Asian", 4), ("unknown", 6)]),
            rejects: counts(&[("view", 30)]),
            ..Fingerprint::default()
        };
        let text = page(&print);
        for words in [
            "A &lt;set&gt;",
            "10 samples of 6 patients",
            "left out: another view",
            "75 %",
            "no patient is in two splits",
            "Asian",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("<h2>Sex</h2>") && text.contains("samples without a sex</dt><dd>10 (100 %)"), "{text}");
        assert!(text.find(">train<") < text.find(">test<"), "in the order of use");
        let edema = text.split("Edema").nth(1).unwrap().split("</tr>").next().unwrap();
        for cell in ["<td>3</td><td>30 %</td><td>1</td><td>0</td><td>6</td>", "<td>25 %</td><td>50 %</td>"] {
            assert!(edema.contains(cell), "{cell}: {edema}");
        }
        print.patients_in_two_splits = 2;
        assert!(page(&print).contains("2 patients are in two splits"));
    }

    #[test]
    fn the_page_shows_which_words_were_destroyed_and_that_there_are_more() {
        use super::super::fingerprint::Destroyed;
        let word = |at: usize| Destroyed {
            word: format!("{at}mm"),
            count: 100 - at,
            before: format!("A {at}mm <nodule>."),
            after: "a nodule.".to_owned(),
        };
        let mut print =
            Fingerprint { destroyed: (0..50).map(word).collect(), different_lost_words: 1234, ..Fingerprint::default() };
        let text = page(&print);
        assert!(text.contains("0mm</th><td>100</td><td>A 0mm &lt;nodule&gt;.</td><td>a nodule.</td>"), "{text}");
        assert!(text.contains("39mm") && !text.contains("40mm") && text.contains("The 40 most frequent of 1"), "{text}");
        print.destroyed.clear();
        assert!(!page(&print).contains("Words destroyed by cleaning"));
    }
}
