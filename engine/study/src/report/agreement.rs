//! Agreement between readers, bias, repeatability, catch trials.

use super::table::{Table, caption};
use super::{arm_name, cells, reader_name, share_cells};
use crate::analysis::words::{count, counted, number, percent, percents, signed};
use crate::analysis::{Analysis, Context, Scale};

/// Everything on how far readers agree, with each other and with themselves.
pub(super) fn agreement(analysis: &Analysis, context: &Context) -> String {
    let mut out = String::new();
    for scale in &analysis.scales {
        if scale.agreement.is_empty() {
            continue;
        }
        if !scale.criterion.is_empty() {
            out.push_str(&format!("<h3>{}</h3>\n", crate::figures::escape(&scale.criterion)));
        }
        out.push_str(&measures(context, scale));
        out.push_str(&pairs(analysis, scale));
        out.push_str(&bias(analysis, scale));
    }
    if let Some(kappa) = analysis.choices.as_ref().and_then(|c| c.fleiss).or_else(|| analysis.quartet.as_ref()?.fleiss) {
        let mut table = Table::new("", &["Measure", "Value", "95 % by case", "n"]);
        let [value, interval] = cells(Some(kappa), 2);
        table.row(&["Fleiss’ κ of the chosen arm".to_owned(), value, interval, counted(kappa.n, "case", "cases")]);
        out.push_str(&table.html());
    }
    out + &repeats(analysis) + &catches(analysis)
}

fn measures(context: &Context, scale: &Scale) -> String {
    let mut table = Table::new("Agreement of all readers", &["Measure", "Value", "95 % by case", "n"]);
    for scope in &scale.agreement {
        if scale.agreement.len() > 1 {
            table.group(&scope.arm.map_or_else(|| "All arms".to_owned(), |arm| arm_name(context, arm)));
        }
        let images = counted(scope.images, "image", "images");
        let complete = counted(scope.complete, "image", "images");
        for (name, estimate, n) in [
            ("Krippendorff’s α, ordinal", scope.alpha, &images),
            ("Gwet’s AC2, quadratic weights", scope.ac2, &images),
            ("ICC(2,1), absolute agreement", scope.icc, &complete),
            ("Fleiss’ κ, yes (4, 5) or no", scope.fleiss, &complete),
        ] {
            if estimate.is_none() && name.starts_with("Fleiss") {
                continue;
            }
            let [value, interval] = cells(estimate, 2);
            table.row(&[name.to_owned(), value, interval, n.clone()]);
        }
    }
    table.html()
        + &caption(
            "α and AC2 use images that two or more readers scored, ICC and κ those that all scored. An image is one arm’s image \
             of one case; intervals resample cases.",
        )
}

fn pairs(analysis: &Analysis, scale: &Scale) -> String {
    let Some(all) = scale.agreement.first() else { return String::new() };
    let mut kappa = Table::new("Pairs of readers", &["Readers", "Images", "Same score", "Weighted κ", "95 % by case"]);
    let heads = ["Readers", "Position", "95 % by case", "Concentration", "95 % by case", "Random", "95 % by case"];
    let mut split = Table::new("Systematic and random disagreement", &heads);
    for pair in &all.pairs {
        let (a, b) = pair.readers;
        let name = format!("{} and {}", analysis.readers[a], analysis.readers[b]);
        let [value, interval] = cells(pair.kappa, 2);
        kappa.row(&[name.clone(), count(pair.images), percent(pair.exact, 1), value, interval]);
        let mut row = vec![name];
        for estimate in [pair.position, pair.concentration, pair.random] {
            row.extend(cells(estimate, 2));
        }
        split.row(&row);
    }
    if kappa.is_empty() {
        return String::new();
    }
    kappa.html()
        + &caption("κ: Cohen’s, quadratic weights.")
        + &split.html()
        + &caption(
            "Svensson’s measures: position is positive where the second reader scores higher, concentration where that reader \
             stays nearer to the middle, and random (relative rank variance) is what no such habit explains.",
        )
}

fn bias(analysis: &Analysis, scale: &Scale) -> String {
    let mut table =
        Table::new("Each reader against the others", &["Reader", "Bias, points", "95 % by case", "Scatter, SD", "Images"]);
    for b in scale.bias.iter().filter(|b| b.bias.is_some()) {
        let [_, interval] = cells(b.bias, 2);
        table.row(&[
            reader_name(analysis, Some(b.reader)),
            b.bias.map_or_else(|| "–".to_owned(), |e| signed(e.value, 2)),
            interval,
            b.scatter.map_or_else(|| "–".to_owned(), |s| number(s, 2)),
            count(b.images),
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    table.html()
        + &caption(
            "Bias: mean distance from the other readers’ mean score of the same image. Scatter: its deviation from image to \
             image, which a constant bias does not explain.",
        )
}

fn repeats(analysis: &Analysis) -> String {
    if analysis.repeats.iter().all(|r| r.pairs == 0) {
        return String::new();
    }
    let ordinal = analysis.template.is_ordinal();
    let heads = ["Reader", "Repeats", "Same answer", "95 % exact", "κ", "95 % bootstrap-t", "Second less first, points"];
    // A choice has no points.
    let heads = if ordinal { &heads[..] } else { &heads[..6] };
    let mut table = Table::new("Hidden repeats", heads);
    for r in &analysis.repeats {
        let [kappa, around] = cells(r.kappa, 2);
        let same = r.exact.map_or_else(|| "–".to_owned(), |s| format!("{} of {}, {}", s.hits, s.n, percent(s.value, 0)));
        let ends = r.exact.map_or_else(|| "–".to_owned(), |s| percents(s.interval, 0));
        let shift = r.shift.map_or_else(|| "–".to_owned(), |s| signed(s, 2));
        let row = [reader_name(analysis, Some(r.reader)), count(r.pairs), same, ends, kappa, around, shift];
        table.row(&row[..heads.len()]);
    }
    let what = if ordinal {
        "The same image a second time, unannounced. κ with quadratic weights; fewer than six repeats have none."
    } else {
        "The same images a second time, unannounced, in places of their own; the same answer is the same arm. κ without weights; \
         fewer than six repeats have none."
    };
    table.html() + &caption(what)
}

fn catches(analysis: &Analysis) -> String {
    if analysis.catches.is_empty() {
        return String::new();
    }
    let mut table = Table::new("Catch trials", &["Reader", "Passed", "95 % exact"]);
    for c in &analysis.catches {
        let share = crate::analysis::ShareOf::of(c.passed, c.n);
        let [passed, interval] = share_cells(share);
        table.row(&[reader_name(analysis, Some(c.reader)), passed, interval]);
    }
    let rule = if analysis.template.is_ordinal() {
        "Passed: at most one step from the right answer."
    } else {
        "Passed: the right image was chosen."
    };
    table.html() + &caption(&format!("Images with a known answer. {rule} Catch trials do not count in any other figure."))
}
