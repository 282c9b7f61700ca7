//! Scores, effects, order, errors, findings and cases.

use super::page::Figures;
use super::table::{Table, caption};
use super::{arm_name, cells, pair_name, reader_name};
use crate::analysis::words::{count, counted, number, p, percent, percents, quarter, range, ratio, signed};
use crate::analysis::{Analysis, Context, Scale, letter};
use crate::reading::ErrorKind;

/// Each scale: figures and tables of scores and effects.
pub(super) fn results(analysis: &Analysis, context: &Context, figures: &Figures<'_>) -> String {
    if analysis.assisted.is_some() {
        return String::new();
    }
    let several = analysis.scales.len() > 1;
    let mut out = String::new();
    for (i, scale) in analysis.scales.iter().enumerate() {
        let name = |stem: &str| if several { format!("{stem}-{}", i + 1) } else { stem.to_owned() };
        out.push_str(&figures.html(&name("scores")));
        out.push_str(&scores(analysis, context, scale));
        out.push_str(&figures.html(&name("effects")));
        out.push_str(&model(analysis, scale));
        out.push_str(&effects(analysis, scale));
    }
    out
}

fn of(scale: &Scale) -> String {
    if scale.criterion.is_empty() { String::new() } else { format!(": {}", scale.criterion) }
}

fn scores(analysis: &Analysis, context: &Context, scale: &Scale) -> String {
    let choices = analysis.template.choices();
    let figures: Vec<&str> = choices.iter().map(|c| c.figure).collect();
    let heads: Vec<&str> = ["Reader", "n"].into_iter().chain(figures).chain(["Mean ± SD", "Median", "Quartiles"]).collect();
    let mut table = Table::new(&format!("Scores{}", of(scale)), &heads);
    let several = analysis.readers.len() > 1;
    for arm in 0..analysis.arms.len() {
        table.group(&arm_name(context, arm));
        for cell in scale.cells.iter().filter(|c| c.arm == arm && (several || c.reader.is_some())) {
            let mut row = vec![reader_name(analysis, cell.reader), count(cell.n)];
            row.extend(cell.counts.iter().map(|n| count(*n)));
            let sd = cell.sd.map_or_else(String::new, |sd| format!(" ± {}", number(sd, 2)));
            row.push(cell.mean.map_or_else(|| "–".to_owned(), |mean| format!("{}{sd}", number(mean, 2))));
            row.push(cell.median.map_or_else(|| "–".to_owned(), quarter));
            row.push(
                cell.quartiles.map_or_else(|| "–".to_owned(), |(low, high)| format!("{} to {}", quarter(low), quarter(high))),
            );
            if cell.reader.is_none() { table.sum(&row) } else { table.row(&row) }
        }
    }
    table.html()
}

fn model(analysis: &Analysis, scale: &Scale) -> String {
    let Some(model) = &scale.model else { return String::new() };
    let mut table = Table::new(
        &format!(
            "{}{}",
            if analysis.detection.is_none() { "Primary: ordinal mixed model" } else { "Ordinal mixed model" },
            of(scale)
        ),
        &["", "Estimate", "95 % interval", "p", "Holm p", "n"],
    );
    for e in &model.effects {
        let (a, b) = e.pair;
        table.row(&[
            format!("Odds ratio for a higher score, {} over {}", letter(a), letter(b)),
            ratio(e.odds_ratio.value),
            e.odds_ratio.interval.map_or_else(|| "–".to_owned(), |(l, h)| format!("{}–{}", ratio(l), ratio(h))),
            p(e.test.p),
            p(e.test.holm),
            counted(e.odds_ratio.n, "score", "scores"),
        ]);
    }
    let spread = |sd: Option<crate::analysis::Estimate>| cells(sd, 2);
    let [value, interval] = spread(model.reader_sd);
    let readers = model.reader_sd.map_or_else(|| "1 reader".to_owned(), |e| counted(e.n, "reader", "readers"));
    table.row(&["Reader SD, logits".to_owned(), value, interval, String::new(), String::new(), readers]);
    let [value, interval] = spread(Some(model.case_sd));
    let n = counted(model.case_sd.n, "case", "cases");
    table.row(&["Case SD, logits".to_owned(), value, interval, String::new(), String::new(), n]);
    if let Some(sd) = model.image_sd {
        let [value, interval] = spread(Some(sd));
        let n = counted(sd.n, "image", "images");
        table.row(&["Image SD, logits".to_owned(), value, interval, String::new(), String::new(), n]);
    }
    let tests = model.effects.first().map_or(1, |e| e.test.family);
    let holm = if tests > 1 { format!(" Holm’s correction over {tests} tests.") } else { String::new() };
    let vanished = if [model.reader_sd, Some(model.case_sd), model.image_sd].into_iter().flatten().any(|e| e.interval.is_none()) {
        " A deviation that the data do not show has no interval."
    } else {
        ""
    };
    table.html()
        + &caption(&format!(
            "Cumulative-link model with logit link and normal random effects of reader, case and, where several readers see it, \
             image; errors clustered by case, Wald intervals on Student’s t.{holm}{vanished}{}",
            if analysis.readers.len() > 1 && analysis.readers.len() < 5 {
                " With few readers the deviation between them is uncertain and tends to be estimated too small."
            } else {
                ""
            }
        ))
}

fn effects(analysis: &Analysis, scale: &Scale) -> String {
    if scale.effects.is_empty() {
        return String::new();
    }
    let heads =
        ["Reader", "Cases", "Difference", "95 % by case", "Wilcoxon p", "Holm p", "Rank-biserial", "Paired t, 95 %", "t test p"];
    let mut table = Table::new(&format!("Differences in score points{}", of(scale)), &heads);
    let several = analysis.readers.len() > 1;
    let dash = || "–".to_owned();
    for &pair in &analysis.pairs {
        if analysis.pairs.len() > 1 {
            table.group(&pair_name(pair));
        }
        for e in scale.effects.iter().filter(|e| e.pair == pair && (several || e.reader.is_some())) {
            let [value, interval] = cells(e.difference, 2);
            let row = [
                reader_name(analysis, e.reader),
                e.difference.map_or_else(|| "0".to_owned(), |d| count(d.n)),
                value,
                interval,
                e.test.map_or_else(dash, |t| p(t.p)),
                e.test.map_or_else(dash, |t| p(t.holm)),
                e.rank_biserial.map_or_else(dash, |r| number(r, 2)),
                e.paired_t.map_or_else(dash, |t| range(t.interval, 2)),
                e.paired_t.map_or_else(dash, |t| p(t.p)),
            ];
            if e.reader.is_none() { table.sum(&row) } else { table.row(&row) }
        }
    }
    let family = scale.effects.iter().filter(|e| e.reader.is_some()).find_map(|e| e.test).map_or(1, |t| t.family);
    let which = if analysis.pairs.len() == 1 { format!("{}. ", pair_name(analysis.pairs[0])) } else { String::new() };
    let pooled = if several { " All readers: each case counts once, with the mean over its readers." } else { "" };
    table.html()
        + &caption(&format!(
            "{which}Wilcoxon: paired signed-rank test, Holm’s correction over {}.{pooled} The paired t test stands here for \
             comparison with studies that report it; it is not corrected.",
            counted(family, "test", "tests of single readers")
        ))
}

/// Learning, fatigue and time.
pub(super) fn order(analysis: &Analysis, _: &Context, figures: &Figures<'_>) -> String {
    let mut out = figures.html("learning");
    let scored = analysis.drift.iter().any(|d| d.score.is_some());
    let score = if scored { &["Score, points", "95 % interval", "p"][..] } else { &[] };
    let judged = analysis.drift.iter().any(|d| d.right.is_some());
    let right = if judged { &["Right, % points", "95 % interval", "p"][..] } else { &[] };
    let heads: Vec<&str> = [&["Reader"][..], score, right, &["Time", "95 % interval", "p", "n"]].concat();
    let per = analysis.drift.first().map_or(100, |d| d.per);
    let mut table = Table::new(&format!("Change for each {per} trials"), &heads);
    let dash = || "–".to_owned();
    for d in analysis.drift.iter().filter(|d| d.score.is_some() || d.time.is_some()) {
        let mut row = vec![reader_name(analysis, Some(d.reader))];
        if scored {
            row.push(d.score.map_or_else(dash, |t| signed(t.value, 2)));
            row.push(d.score.map_or_else(dash, |t| range(t.interval, 2)));
            row.push(d.score.map_or_else(dash, |t| p(t.p)));
        }
        if judged {
            row.push(d.right.map_or_else(dash, |t| signed(100.0 * t.value, 1)));
            row.push(d.right.map_or_else(dash, |t| range((100.0 * t.interval.0, 100.0 * t.interval.1), 1)));
            row.push(d.right.map_or_else(dash, |t| p(t.p)));
        }
        row.push(d.time.map_or_else(dash, |t| format!("{}\u{202f}%", signed(100.0 * t.value, 1))));
        row.push(d.time.map_or_else(dash, |t| percents(t.interval, 1)));
        row.push(d.time.map_or_else(dash, |t| p(t.p)));
        row.push(d.time.or(d.score).map_or_else(dash, |t| count(t.n)));
        table.row(&row);
    }
    if !table.is_empty() {
        out.push_str(&table.html());
        let means = if analysis.template.is_ordinal() { ", each arm with its own mean" } else { "" };
        out.push_str(&caption(&format!(
            "Least-squares slopes along each reader’s order{means}; time by the slope of its logarithm. Intervals from t; p without \
             correction.",
        )));
    }
    out + &figures.html("time")
}

/// Errors marked after low scores.
pub(super) fn errors(analysis: &Analysis, context: &Context, figures: &Figures<'_>) -> String {
    let rows = &analysis.errors.rows;
    if rows.is_empty() || rows.iter().all(|r| r.low == 0) {
        return String::new();
    }
    let kinds: Vec<String> = ErrorKind::ALL.iter().map(|k| short(k.name())).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let heads: Vec<&str> = ["Reader", "Low of all"].into_iter().chain(kinds).chain(["Not marked"]).collect();
    let mut table = Table::new("Error types", &heads);
    let several = analysis.readers.len() > 1;
    for arm in 0..analysis.arms.len() {
        table.group(&arm_name(context, arm));
        let of_arm = || rows.iter().filter(|r| r.arm == arm);
        for row in of_arm().filter(|r| r.reader.is_some()).chain(of_arm().filter(|r| r.reader.is_none() && several)) {
            let share = if row.scored > 0 { percent(row.low as f64 / row.scored as f64, 1) } else { "–".to_owned() };
            let mut line =
                vec![reader_name(analysis, row.reader), format!("{} of {}, {share}", count(row.low), count(row.scored))];
            line.extend(row.counts.iter().map(|n| count(*n)));
            line.push(count(row.unmarked));
            if row.reader.is_none() { table.sum(&line) } else { table.row(&line) }
        }
    }
    let low: Vec<&str> = analysis.template.choices().iter().filter(|c| c.asks_error).map(|c| c.figure).collect();
    figures.html("errors")
        + &table.html()
        + &caption(&format!(
            "The type was asked after an answer of {} was locked. Place, extent and severity are discrepancies.",
            low.join(" or ")
        ))
        + &figures.html("places")
}

/// "Place" of "Discrepancy: place".
fn short(kind: &str) -> String {
    let last = kind.rsplit(": ").next().unwrap_or(kind);
    let mut chars = last.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Effects by finding.
pub(super) fn findings(analysis: &Analysis, _: &Context) -> String {
    if !analysis.template.is_ordinal() {
        return shares(analysis);
    }
    if analysis.findings.is_empty() || analysis.pairs.is_empty() {
        return String::new();
    }
    let means: Vec<String> = (0..analysis.arms.len()).map(|arm| format!("Mean {}", letter(arm))).collect();
    let means: Vec<&str> = means.iter().map(String::as_str).collect();
    let heads: Vec<&str> =
        ["Finding", "Cases"].into_iter().chain(means).chain(["Pair", "Difference", "95 % by case", "Holm p"]).collect();
    let mut table = Table::new("", &heads);
    for row in &analysis.findings {
        for (i, e) in row.effects.iter().enumerate() {
            let first = i == 0;
            let mut line =
                vec![if first { row.name.clone() } else { String::new() }, if first { count(row.cases) } else { String::new() }];
            line.extend(
                row.means.iter().map(|m| if first { m.map_or_else(|| "–".to_owned(), |m| number(m, 2)) } else { String::new() }),
            );
            line.push(pair_name(e.pair));
            line.extend(cells(e.difference, 2));
            line.push(e.test.map_or_else(|| "–".to_owned(), |t| p(t.holm)));
            table.row(&line);
        }
    }
    let tests = analysis.findings.iter().flat_map(|r| &r.effects).find_map(|e| e.test).map_or(0, |t| t.family);
    let tested = match tests {
        0 => "No finding has the six cases that an interval and a test take.".to_owned(),
        1 => "Signed-rank test over cases; fewer than six cases have no interval and no test.".to_owned(),
        _ => format!(
            "Signed-rank test over cases, Holm’s correction over {tests} tests; fewer than six cases have no interval and no test."
        ),
    };
    table.html() + &caption(&format!("Exploratory. A case with several findings counts in each. {tested}"))
}

/// Shares of choices by finding.
fn shares(analysis: &Analysis) -> String {
    if analysis.findings.is_empty() {
        return String::new();
    }
    let mut table = Table::new("", &["Finding", "Cases", "Taken", "Share", "95 % by case", "Choices", "Holm p"]).text(2);
    for row in &analysis.findings {
        for (i, s) in row.shares.iter().enumerate() {
            let (name, cases) = if i == 0 { (row.name.clone(), count(row.cases)) } else { (String::new(), String::new()) };
            let dash = || "–".to_owned();
            table.row(&[
                name,
                cases,
                s.pair.map_or_else(|| "Real image".to_owned(), |(a, b)| format!("{} over {}", letter(a), letter(b))),
                s.share.map_or_else(dash, |e| percent(e.value, 1)),
                s.share.and_then(|e| e.interval).map_or_else(dash, |i| percents(i, 1)),
                count(s.choices),
                s.test.map_or_else(dash, |t| p(t.holm)),
            ]);
        }
    }
    let family = analysis.findings.iter().flat_map(|r| &r.shares).find_map(|s| s.test).map(|t| t.family);
    let chance = percent(analysis.quartet.as_ref().map_or(0.5, |q| q.chance), 0);
    let exact = format!(
        "Exact test against the {chance} of guessing, for which the images of a case trade places and its readers stay together"
    );
    let few = "fewer than six cases have no interval and no test.";
    let tested = match family {
        None => "No finding has the six cases that an interval and a test take.".to_owned(),
        Some(1) => format!("{exact}; {few}"),
        Some(tests) => format!("{exact}, with Holm’s correction over {tests} tests; {few}"),
    };
    table.html() + &caption(&format!("Exploratory. A case with several findings counts in each. {tested}"))
}

/// Cases where readers differ most.
pub(super) fn differing(analysis: &Analysis, context: &Context) -> String {
    if analysis.differing.is_empty() {
        return String::new();
    }
    let arms: Vec<String> = (0..analysis.arms.len()).map(letter).collect();
    let heads: Vec<&str> = ["Case", "Impression"].into_iter().chain(arms.iter().map(String::as_str)).collect();
    let mut table = Table::new("", &heads).text(1);
    let mut criterion = "";
    for case in &analysis.differing {
        if case.criterion != criterion {
            criterion = &case.criterion;
            table.group(criterion);
        }
        let impression = context.impressions.get(&case.case).map_or("", String::as_str);
        let mut line = vec![case.case.clone(), impression.to_owned()];
        line.extend((0..analysis.arms.len()).map(|arm| case.said(analysis, arm)));
        table.row(&line);
    }
    let (of, first) = (counted(analysis.differing_images, "image", "images"), counted(analysis.differing.len(), "case", "cases"));
    let readers = analysis.readers.join(", ");
    let note = if !analysis.template.is_ordinal() {
        let sets = counted(analysis.differing_images, "set of images", "sets of images");
        format!(
            "Who took the image of each arm; a dash: nobody, empty: not shown. Readers took different images of {sets} in all."
        )
    } else if analysis.scales.len() > 1 {
        format!(
            "Scores in the order {readers}. The first cases of each criterion; readers differ on {of}, criteria counted apart."
        )
    } else {
        format!("Scores in the order {readers}. The first {first}; readers differ on {of} in all.")
    };
    table.html() + &caption(&note)
}
