//! Which estimates go into which forest plot.

use super::Figure;
use super::canvas::Theme;
use super::forest::{Axis, Group, Line, forest};
use crate::analysis::words::{number, p, percent, percents, range, signed};
use crate::analysis::{Analysis, Context, Estimate, Scale, Test, letter};

fn pair_name((a, b): (usize, usize)) -> String {
    format!("{} − {}", letter(a), letter(b))
}

fn pair_heading(pair: (usize, usize), arms: &[String]) -> String {
    format!("{}\u{a0}\u{a0}{} less {}", pair_name(pair), arms[pair.0], arms[pair.1])
}

fn bracket(value: f64, interval: Option<(f64, f64)>) -> String {
    let (value, ends) = (number(value, 2), interval);
    ends.map_or(value.clone(), |(low, high)| format!("{value} [{}, {}]", number(low, 2), number(high, 2)))
}

fn holm(test: Option<Test>) -> String {
    test.map_or_else(|| "–".to_owned(), |t| p(t.holm))
}

fn line(label: &str, estimate: Option<Estimate>, mut figures: Vec<String>, sum: bool) -> Line {
    figures.insert(0, estimate.map_or_else(|| "–".to_owned(), |e| bracket(e.value, e.interval)));
    Line { label: label.to_owned(), at: estimate.map(|e| (e.value, e.interval)), figures, sum }
}

fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Everything on the axis.
const OPEN: (f64, f64) = (f64::MIN, f64::MAX);
const SHARE: (f64, f64) = (0.0, 1.0);

/// Mean differences between arms; `None` of one arm.
pub(super) fn effects(name: String, analysis: &Analysis, _: &Context, scale: &Scale, theme: Theme) -> Option<Figure> {
    if scale.effects.is_empty() {
        return None;
    }
    let several = analysis.readers.len() > 1;
    let groups: Vec<Group> = analysis
        .pairs
        .iter()
        .map(|&pair| {
            let mine = scale.effects.iter().filter(|e| e.pair == pair && (several || e.reader.is_some()));
            let lines = mine.map(|e| {
                let label = e.reader.map_or("All readers", |r| analysis.readers[r].as_str());
                let cases = e.difference.map_or(0, |d| d.n).to_string();
                line(label, e.difference, vec![cases, holm(e.test)], e.reader.is_none())
            });
            let heading = if analysis.pairs.len() > 1 { pair_heading(pair, &analysis.arms) } else { String::new() };
            Group { heading, lines: lines.collect() }
        })
        .collect();
    let axis = Axis {
        label: "Mean difference, score points".to_owned(),
        zero: Some(0.0),
        holds: vec![-0.5, 0.5],
        bounds: OPEN,
        heads: heads(&["Difference [95 %]", "Cases", "Holm p"]),
        percent: false,
    };
    let of = if scale.criterion.is_empty() { String::new() } else { format!(": {}", scale.criterion) };
    let which = if analysis.pairs.len() == 1 { format!(", {}", pair_name(analysis.pairs[0])) } else { String::new() };
    Some(Figure {
        name,
        title: format!("Effect{which}{of}"),
        caption: "Mean difference within a case with its 95 % interval (bootstrap by case), and the p of the paired Wilcoxon \
                  signed-rank test after Holm’s correction."
            .to_owned(),
        canvas: forest(&groups, &axis, theme),
    })
}

/// Areas of visual grading, one group a pair.
pub(super) fn grading(analysis: &Analysis, theme: Theme) -> Option<Figure> {
    if analysis.scales.iter().all(|s| s.grading.is_empty()) {
        return None;
    }
    let group = |&pair: &(usize, usize)| {
        let of_scale = |s: &Scale| {
            let found = s.grading.iter().find(|g| g.pair == pair)?;
            Some(line(&s.criterion, found.area, Vec::new(), false))
        };
        let heading = if analysis.pairs.len() > 1 { pair_heading(pair, &analysis.arms) } else { String::new() };
        Group { heading, lines: analysis.scales.iter().filter_map(of_scale).collect() }
    };
    let axis = Axis {
        label: "Area: above 0.5 the first arm has the higher grades".to_owned(),
        zero: Some(0.5),
        holds: vec![0.4, 0.6],
        bounds: SHARE,
        heads: heads(&["Area [95 %]"]),
        percent: false,
    };
    Some(Figure {
        name: "grading".to_owned(),
        title: "Visual grading by criterion".to_owned(),
        caption: "Area between the grades of two arms, mean of the readers, with its 95 % interval (bootstrap by case)."
            .to_owned(),
        canvas: forest(&analysis.pairs.iter().map(group).collect::<Vec<_>>(), &axis, theme),
    })
}

/// Areas under the curve of telling real from synthetic.
pub(super) fn detection(analysis: &Analysis, theme: Theme) -> Option<Figure> {
    let found = analysis.detection.as_ref()?;
    let several = analysis.readers.len() > 1;
    let lines = found.rows.iter().filter(|r| several || r.reader.is_some() || r.arm.is_some()).map(|row| {
        let label = match (row.reader, row.arm) {
            (Some(reader), _) => analysis.readers[reader].clone(),
            (None, Some(arm)) => format!("All readers, {} only", letter(arm)),
            (None, None) => "All readers".to_owned(),
        };
        let right = row.right.map_or_else(|| "–".to_owned(), |s| percent(s.value, 0));
        let d = row.d_prime.map_or_else(|| "–".to_owned(), |e| number(e.value, 2));
        line(&label, row.auc, vec![right, d], row.reader.is_none())
    });
    let groups = [Group { heading: String::new(), lines: lines.collect() }];
    let axis = Axis {
        label: "Area under the ROC curve; 0.5 is chance".to_owned(),
        zero: Some(0.5),
        holds: vec![0.4, 1.0],
        bounds: SHARE,
        heads: heads(&["Area [95 %]", "Right", "d′"]),
        percent: false,
    };
    Some(Figure {
        name: "detection".to_owned(),
        title: "Telling real from synthetic".to_owned(),
        caption: "Area under the ROC curve of the answers with its 95 % interval (DeLong for a reader, bootstrap by case for \
                  all), share of decided answers that are right, and d′."
            .to_owned(),
        canvas: forest(&groups, &axis, theme),
    })
}

/// Shares of choices between two arms, and strengths of three or more.
pub(super) fn choices(analysis: &Analysis, context: &Context, theme: Theme) -> Vec<Figure> {
    let Some(found) = analysis.choices.as_ref() else { return Vec::new() };
    let several = analysis.readers.len() > 1;
    let groups: Vec<Group> = found
        .pairs
        .iter()
        .map(|pair| {
            let mut lines: Vec<Line> = pair
                .rows
                .iter()
                .map(|row| {
                    let label = &analysis.readers[row.reader];
                    let at = row.share.map(|s| (s.value, Some(s.interval)));
                    share_line(label, at, row.share.map(|s| s.n), holm(row.test), false)
                })
                .collect();
            if let Some(all) = pair.all.filter(|_| several) {
                lines.push(share_line("All readers", Some((all.value, all.interval)), Some(pair.choices), String::new(), true));
            }
            let (a, b) = pair.pair;
            let heading = format!("{} over {}\u{a0}\u{a0}{} over {}", letter(a), letter(b), analysis.arms[a], analysis.arms[b]);
            Group { heading, lines }
        })
        .collect();
    let axis = Axis {
        label: "Share of choices that took the first arm, %".to_owned(),
        zero: Some(0.5),
        holds: vec![0.3, 0.7],
        bounds: SHARE,
        heads: heads(&["Share [95 %]", "n", "Holm p"]),
        percent: true,
    };
    let mut figures = vec![Figure {
        name: "choices".to_owned(),
        title: "Choice between two images".to_owned(),
        caption: "Share of choices with its 95 % interval: exact for a reader, bootstrap by case for all; exact test against \
                  one half with Holm’s correction."
            .to_owned(),
        canvas: forest(&groups, &axis, theme),
    }];
    if !found.strengths.is_empty() {
        let lines = found.strengths.iter().enumerate().skip(1).map(|(arm, strength)| {
            let label = format!("{}\u{a0}\u{a0}{}", context.letter(arm), analysis.arms[arm]);
            line(&label, *strength, Vec::new(), false)
        });
        let axis = Axis {
            label: format!("Bradley–Terry strength against {}, logits", letter(0)),
            zero: Some(0.0),
            holds: vec![-0.5, 0.5],
            bounds: OPEN,
            heads: heads(&["Strength [95 %]"]),
            percent: false,
        };
        figures.push(Figure {
            name: "strengths".to_owned(),
            title: format!("Strength of the arms against {}", letter(0)),
            caption: "Bradley–Terry strengths of all choices with 95 % intervals (bootstrap by case).".to_owned(),
            canvas: forest(&[Group { heading: String::new(), lines: lines.collect() }], &axis, theme),
        });
    }
    figures
}

fn share_line(label: &str, at: Option<(f64, Option<(f64, f64)>)>, n: Option<usize>, test: String, sum: bool) -> Line {
    let said = at.map_or_else(
        || "–".to_owned(),
        |(value, interval)| {
            let ends = interval.map_or_else(String::new, |i| format!(" [{}]", percents(i, 1)));
            format!("{}{ends}", percent(value, 1))
        },
    );
    let n = n.map_or_else(|| "0".to_owned(), |n| n.to_string());
    Line { label: label.to_owned(), at, figures: vec![said, n, test], sum }
}

/// Shares of quartets in which the real image was found.
pub(super) fn quartet(analysis: &Analysis, theme: Theme) -> Option<Figure> {
    let found = analysis.quartet.as_ref()?;
    let mut lines: Vec<Line> = found
        .rows
        .iter()
        .map(|row| {
            let at = row.right.map(|s| (s.value, Some(s.interval)));
            share_line(&analysis.readers[row.reader], at, row.right.map(|s| s.n), holm(row.test), false)
        })
        .collect();
    if let Some(all) = found.all.filter(|_| analysis.readers.len() > 1) {
        let n = found.rows.iter().filter_map(|r| r.right).map(|s| s.n).sum();
        lines.push(share_line("All readers", Some((all.value, all.interval)), Some(n), String::new(), true));
    }
    let axis = Axis {
        label: format!("Real image found, %; guessing finds {}", percent(found.chance, 0)),
        zero: Some(found.chance),
        holds: vec![0.1, 0.5],
        bounds: SHARE,
        heads: heads(&["Share [95 %]", "n", "Holm p"]),
        percent: true,
    };
    Some(Figure {
        name: "quartets".to_owned(),
        title: "Finding the real image among four".to_owned(),
        caption: "Share of quartets in which the real image was found, with its 95 % interval: exact for a reader, bootstrap \
                  by case for all; exact test against chance with Holm’s correction."
            .to_owned(),
        canvas: forest(&[Group { heading: String::new(), lines }], &axis, theme),
    })
}

/// Change of accuracy and of the area with help.
pub(super) fn assisted(analysis: &Analysis, theme: Theme) -> Option<Figure> {
    let found = analysis.assisted.as_ref()?;
    let rows = || found.rows.iter().filter(|r| r.reader.is_some() || analysis.readers.len() > 1);
    let label = |reader: Option<usize>| reader.map_or("All readers", |r| analysis.readers[r].as_str());
    let accuracy = rows().map(|row| {
        let said = row.difference.map_or_else(|| "–".to_owned(), points);
        let at = row.difference.map(|e| (e.value, e.interval));
        let test = if row.reader.is_some() { holm(row.test) } else { String::new() };
        Line { label: label(row.reader).to_owned(), at, figures: vec![said, test], sum: row.reader.is_none() }
    });
    let areas = rows().map(|row| line(label(row.reader), row.auc_difference, vec![String::new()], row.reader.is_none()));
    let groups = [
        Group { heading: "Share right, with less without help".to_owned(), lines: accuracy.collect() },
        Group { heading: "Area under the ROC curve, with less without help".to_owned(), lines: areas.collect() },
    ];
    let axis = Axis {
        label: "Difference; 0 is no help".to_owned(),
        zero: Some(0.0),
        holds: vec![-0.1, 0.1],
        bounds: (-1.0, 1.0),
        heads: heads(&["Difference [95 %]", "Holm p"]),
        percent: false,
    };
    Some(Figure {
        name: "assisted".to_owned(),
        title: "Reading with help".to_owned(),
        caption: "Change of the share right (bootstrap by case; McNemar’s exact test with Holm’s correction) and of the area \
                  under the ROC curve (DeLong for a reader, bootstrap by case for all), each with its 95 % interval."
            .to_owned(),
        canvas: forest(&groups, &axis, theme),
    })
}

fn points(e: Estimate) -> String {
    let ends = e.interval.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", number(low, 2), number(high, 2)));
    format!("{}{ends}", signed(e.value, 2))
}

/// Median time with quartiles.
pub(super) fn times(analysis: &Analysis, theme: Theme) -> Option<Figure> {
    let several = analysis.readers.len() > 1;
    let of = |arms: bool| {
        let rows = analysis.times.iter().filter(move |t| t.arm.is_some() == arms && (several || t.reader.is_some() || arms));
        let lines = rows.map(|t| {
            let label = match (t.reader, t.arm) {
                (Some(reader), _) => analysis.readers[reader].clone(),
                (None, Some(arm)) => format!("{}\u{a0}\u{a0}{}", letter(arm), analysis.arms[arm]),
                (None, None) => "All readers".to_owned(),
            };
            let hour = t.per_hour.map_or_else(|| "–".to_owned(), |n| number(n, 0));
            let said = format!("{} [{}]", number(t.median, 1), range(t.quartiles, 1));
            let trials = crate::analysis::words::count(t.n);
            Line {
                label,
                at: Some((t.median, Some(t.quartiles))),
                figures: vec![said, trials, hour],
                sum: t.reader.is_none() && t.arm.is_none(),
            }
        });
        lines.collect::<Vec<_>>()
    };
    let mut groups = vec![Group { heading: String::new(), lines: of(false) }];
    if analysis.arms.len() > 1 && analysis.choices.is_none() && analysis.quartet.is_none() {
        groups.push(Group { heading: "By arm, all readers".to_owned(), lines: of(true) });
    }
    if groups.iter().all(|g| g.lines.is_empty()) {
        return None;
    }
    let axis = Axis {
        label: "Active time for one trial, seconds".to_owned(),
        zero: None,
        holds: vec![0.0],
        bounds: (0.0, f64::MAX),
        heads: heads(&["Median [quartiles]", "Trials", "Per hour"]),
        percent: false,
    };
    Some(Figure {
        name: "time".to_owned(),
        title: "Time".to_owned(),
        caption: "Median active time with quartiles, pauses left out, and trials in an hour of active time.".to_owned(),
        canvas: forest(&groups, &axis, theme),
    })
}
