//! The methods text: what was done, in plain scientific English, and nothing that was not.

use crate::analysis::words::{count, counted, list, number, percent, range};
use crate::analysis::{Analysis, Context, letter};
use crate::template::Template;

/// Paragraphs of the methods section, filled in from plan and analysis.
pub fn methods(analysis: &Analysis, context: &Context) -> Vec<String> {
    let mut out = vec![design(analysis, context), blinding(analysis, context)];
    out.push(statistics(analysis));
    let agreement = agreement(analysis);
    if !agreement.is_empty() {
        out.push(agreement);
    }
    out.push(intervals(analysis, context));
    out.retain(|paragraph| !paragraph.is_empty());
    out
}

fn design(analysis: &Analysis, context: &Context) -> String {
    let plan = &context.plan;
    let readers = readers(context);
    let cases = counted(analysis.counts.cases, "case", "cases");
    let arms: Vec<String> =
        context.arms.iter().enumerate().map(|(i, name)| format!("{} ({name}{})", letter(i), real(context, name))).collect();
    let arms = list(&arms);
    let shown = match context.template {
        Template::PairwiseChoice => {
            format!("In each trial two images of one case stood beside each other; the arms were {arms}.")
        }
        Template::Quartet => {
            format!("In each trial four images stood beside each other, one of them real; the arms were {arms}.")
        }
        Template::AssistedReading => format!("Each case was read in both conditions, {arms}."),
        _ if context.arms.len() == 1 => format!("Each case had one image, of arm {arms}."),
        _ => format!("Each case had one image of each arm: {arms}."),
    };
    let asked = format!("The question was “{}”", context.question);
    let choices = context.template.choices();
    let scale = match (choices.first(), choices.last()) {
        (Some(low), Some(high)) if context.template.is_ordinal() => format!(
            ", answered on a scale of {} steps from {} ({}) to {} ({})",
            spelled(choices.len()),
            low.figure,
            low.words.to_lowercase(),
            high.figure,
            high.words.to_lowercase()
        ),
        _ => String::new(),
    };
    let criteria = if context.criteria.is_empty() {
        String::new()
    } else {
        let what = if context.criteria.len() == 1 { "criterion was" } else { "criteria were" };
        format!(" The {what} {}.", list(&context.criteria))
    };
    let actors = if context.simulated {
        format!("The answers to {cases} were simulated for {readers} by a program; no person read the images.")
    } else if context.readers.len() == 1 {
        format!("One reader{} read {cases}.", experience(context))
    } else {
        format!("{} readers{} read {cases}.", capital(&spelled(context.readers.len())), experience(context))
    };
    let mut extra = Vec::new();
    if plan.repeats > 0 {
        let (one, many) = match context.template {
            Template::PairwiseChoice => ("pair of images was shown a second time", "pairs of images were shown a second time"),
            Template::Quartet => ("quartet was shown a second time", "quartets were shown a second time"),
            _ => ("image was shown a second time", "images were shown a second time"),
        };
        extra.push(counted(plan.repeats, one, many));
    }
    if plan.catches > 0 {
        extra.push(counted(plan.catches, "catch trial had a known answer", "catch trials had a known answer"));
    }
    let extra = if extra.is_empty() { String::new() } else { format!(" For each reader, {}, without notice.", list(&extra)) };
    let practice = if plan.practice > 0 {
        format!(
            " {} came first and {} not analysed.",
            counted(plan.practice, "practice trial", "practice trials"),
            if plan.practice == 1 { "was" } else { "were" }
        )
    } else {
        String::new()
    };
    // A question brings its own mark, unless a clause follows it.
    let stop = if scale.is_empty() { "" } else { "." };
    format!("{actors} {shown} {asked}{scale}{stop}{criteria}{extra}{practice}")
}

fn real(context: &Context, name: &str) -> &'static str {
    if context.real_arm.as_deref() == Some(name) { ", real images" } else { "" }
}

/// "3 readers".
pub(super) fn readers(context: &Context) -> String {
    counted(context.readers.len(), "reader", "readers")
}

fn experience(context: &Context) -> String {
    let known: Vec<String> = context.readers.iter().filter(|r| !r.experience.is_empty()).map(|r| r.experience.clone()).collect();
    if known.is_empty() || known.len() < context.readers.len() { String::new() } else { format!(" ({})", known.join("; ")) }
}

fn blinding(analysis: &Analysis, context: &Context) -> String {
    let plan = &context.plan;
    let mut out: Vec<String> = Vec::new();
    let shown = if context.template == Template::AssistedReading {
        // Help cannot be hidden from who gets it.
        "The impression was hidden; readers saw by the examples beside the image whether they had help."
    } else if context.template.shows_impression() {
        "The impression was shown, and the arm of an image was hidden."
    } else {
        "The impression and the arm of an image were hidden."
    };
    let sealed = if context.hashes.study.is_empty() {
        shown.to_owned()
    } else {
        format!(
            "{shown} The sealed study file held neither arms nor file names; these were in a separate key that was joined after \
             reading."
        )
    };
    out.push(sealed);
    if let Some(seed) = plan.seed {
        let apart = if plan.separation > 0 {
            format!(", with at least {} between two images of one case", counted(plan.separation, "trial", "trials"))
        } else {
            String::new()
        };
        out.push(format!("Each reader had their own order, balanced over arms and drawn with the seed {seed}{apart}."));
    }
    if plan.blocks > 1 {
        out.push(format!("Reading was divided into {} for each reader.", counted(plan.blocks, "block", "blocks")));
    }
    if plan.rounds > 1 {
        let washout = plan.washout_hours.map_or_else(String::new, |hours| format!(", at least {} apart", hours_said(hours)));
        out.push(format!("There were {}{washout}.", counted(plan.rounds as usize, "round", "rounds")));
    }
    out.push(
        if plan.changes_allowed {
            "A locked answer could be changed with a reason, which was recorded."
        } else {
            "A locked answer could not be changed."
        }
        .to_owned(),
    );
    if !plan.equalised.is_empty() {
        out.push(format!("Before sealing, all images were equalised to {}.", plan.equalised));
    }
    if let Some(audit) = &context.audit {
        out.push(format!(
            "A leak audit tried to guess the arm from simple features of the files by cross-validation: {} of the strongest probe, {}, was {} \
             (by chance {}).",
            audit.measure,
            audit.probe,
            number(audit.guess, 2),
            range(audit.chance, 2)
        ));
    }
    if let Some(order) = analysis.assisted.as_ref().map(|a| a.order) {
        out.push(format!(
            "Reading without help came first in {} and with help first in {}.",
            counted(order.without_first, "pair of answers", "pairs of answers"),
            counted(order.with_first, "pair", "pairs")
        ));
    }
    out.join(" ")
}

fn hours_said(hours: f64) -> String {
    if hours >= 48.0 && (hours / 24.0).fract() == 0.0 {
        counted((hours / 24.0) as usize, "day", "days")
    } else {
        format!("{}\u{202f}h", number(hours, usize::from(hours.fract() != 0.0)))
    }
}

fn statistics(analysis: &Analysis) -> String {
    let mut out: Vec<String> = Vec::new();
    let several = analysis.readers.len() > 1;
    let pairs = &analysis.pairs;
    if analysis.detection.is_some() {
        out.push(
            "Telling real from synthetic, the primary analysis, was measured by the area under the ROC curve of the five-step answers (DeLong’s interval \
             for a reader), by d′ with half an answer added to each count, and by the share of decided answers that were right, \
             with exact intervals and exact binomial tests against one half."
                .to_owned(),
        );
    }
    if let Some(model) = analysis.scales.iter().find_map(|s| s.model.as_ref()) {
        let (random, integrated, same) = if model.reader_sd.is_some() {
            (
                "reader, case and image as random effects",
                "integrated over cases and images by quadrature and over readers by Laplace’s approximation",
                "the same reader, case and image",
            )
        } else {
            ("case as random effect", "integrated over cases by quadrature", "the same case")
        };
        let df = model.effects.first().map_or(0, |e| e.df);
        let model = format!(
            "a cumulative-link mixed model of the scores with logit link, arm as fixed effect and {random}, fitted by maximum \
             likelihood {integrated}; effects are odds ratios for a higher score, given {same}, with standard errors clustered \
             by case (White 1982) and Wald intervals and tests on Student’s t with {} of freedom, cases less one.",
            counted(df, "degree", "degrees")
        );
        out.push(if analysis.detection.is_some() {
            format!("The scores of the arms were also compared by {model}")
        } else {
            format!("The primary analysis was {model}")
        });
    }
    if analysis.scales.iter().any(|s| !s.effects.is_empty()) {
        let each = if several { "For each reader, arms" } else { "Arms" };
        out.push(format!(
            "{each} were compared within cases by the Wilcoxon signed-rank test (zero differences left out; exact up to 25 pairs \
             that differ, else the normal approximation with correction for ties and continuity), with the matched-pairs \
             rank-biserial correlation as effect size. Paired t tests are given for comparison with studies that report them."
        ));
        if several {
            out.push("For all readers together each case counted once, with the mean difference over its readers.".to_owned());
        }
    }
    if analysis.scales.iter().any(|s| !s.grading.is_empty()) {
        out.push(
            "For each criterion the grades of two arms were compared by the area under the visual grading curve, averaged over \
             readers."
                .to_owned(),
        );
    }
    if let Some(choices) = &analysis.choices {
        out.push(format!(
            "The primary analysis was, for each pair of arms, the share of {} that took the first arm, with an interval by case. \
             The shares of each reader have exact intervals and exact binomial tests against one half.",
            if several { "all readers’ choices" } else { "choices" }
        ));
        if !choices.strengths.is_empty() {
            out.push("Bradley–Terry strengths summarise all pairs of arms.".to_owned());
        }
    }
    if let Some(quartet) = &analysis.quartet {
        out.push(format!(
            "The primary analysis was the share of quartets in which the real image was found{}, with an interval by case; guessing \
             finds {}. The share of each reader has an exact interval and an exact binomial test against guessing.",
            if several { " over all readers" } else { "" },
            percent(quartet.chance, 0)
        ));
    }
    if analysis.assisted.is_some() {
        out.push(format!(
            "The finding was taken as present where the table of cases lists it; an answer of 4 or 5 called it present, of 1 or 2 \
             absent, and “cannot tell” was never right. The primary analysis was the change of the share of right answers{}, with \
             an interval by case. Each reader’s answers with and without help were compared by McNemar’s exact test of right \
             answers and by the difference of areas under the ROC curve (DeLong for paired curves); sensitivity and specificity \
             have exact intervals for a reader and intervals by case for all.",
            if several { " over all readers" } else { "" }
        ));
    }
    if !analysis.findings.is_empty() && !pairs.is_empty() {
        let what = if analysis.template.is_ordinal() { "Effects" } else { "Shares" };
        out.push(format!("{what} within findings are exploratory."));
    }
    if analysis.drift.iter().any(|d| d.score.is_some() || d.time.is_some()) {
        out.push("Learning and fatigue were assessed by least-squares slopes along each reader’s order.".to_owned());
    }
    if families(analysis) {
        out.push("Holm’s correction was applied within each family of tests; the tables state its size.".to_owned());
    }
    out.join(" ")
}

/// Whether any family has more than one test.
fn families(analysis: &Analysis) -> bool {
    let of_effects = analysis.scales.iter().flat_map(|s| &s.effects).filter_map(|e| e.test);
    let of_models = analysis.scales.iter().filter_map(|s| s.model.as_ref()).flat_map(|m| &m.effects).map(|e| e.test);
    let of_detection = analysis.detection.iter().flat_map(|d| &d.rows).filter_map(|r| r.test);
    let of_choices = analysis.choices.iter().flat_map(|c| &c.pairs).flat_map(|p| &p.rows).filter_map(|r| r.test);
    let of_quartets = analysis.quartet.iter().flat_map(|q| &q.rows).filter_map(|r| r.test);
    let of_help = analysis.assisted.iter().flat_map(|a| &a.rows).filter_map(|r| r.test);
    let of_findings = analysis.findings.iter().flat_map(|f| &f.effects).filter_map(|e| e.test);
    let of_shares = analysis.findings.iter().flat_map(|f| &f.shares).filter_map(|s| s.test);
    let all = of_effects.chain(of_models).chain(of_detection).chain(of_choices).chain(of_quartets).chain(of_help);
    all.chain(of_findings).chain(of_shares).any(|t| t.family > 1)
}

fn agreement(analysis: &Analysis) -> String {
    let mut measures: Vec<String> = Vec::new();
    let scopes = || analysis.scales.iter().flat_map(|s| &s.agreement);
    if scopes().flat_map(|a| &a.pairs).any(|p| p.kappa.is_some()) {
        measures.push("Cohen’s κ with quadratic weights for each pair of readers".to_owned());
    }
    if scopes().any(|a| a.ac2.is_some()) {
        measures.push("Gwet’s AC2 with quadratic weights".to_owned());
    }
    if scopes().any(|a| a.alpha.is_some()) {
        measures.push("Krippendorff’s α for ordinal data".to_owned());
    }
    if scopes().any(|a| a.icc.is_some()) {
        measures.push("the intraclass correlation ICC(2,1)".to_owned());
    }
    if scopes().any(|a| a.fleiss.is_some()) {
        measures.push("Fleiss’ κ of answers taken as yes or no".to_owned());
    }
    if analysis.choices.as_ref().is_some_and(|c| c.fleiss.is_some())
        || analysis.quartet.as_ref().is_some_and(|q| q.fleiss.is_some())
    {
        measures.push("Fleiss’ κ of the chosen arm".to_owned());
    }
    let mut out = Vec::new();
    if !measures.is_empty() {
        out.push(format!("Agreement between readers was measured by {}.", list(&measures)));
    }
    if scopes().flat_map(|a| &a.pairs).any(|p| p.position.is_some()) {
        out.push("Svensson’s method separated systematic from random disagreement.".to_owned());
    }
    if analysis.repeats.iter().any(|r| r.pairs > 0) {
        out.push(
            "Repeatability was measured on the hidden repeats, which count nowhere else, with bootstrap-t intervals of κ."
                .to_owned(),
        );
    }
    out.join(" ")
}

fn intervals(analysis: &Analysis, context: &Context) -> String {
    let missing = if analysis.completeness.iter().any(|c| c.scored < c.planned) {
        "Missing answers were not filled in; each estimate states what it rests on."
    } else {
        "No answer was missing."
    };
    let program =
        if context.program.is_empty() { String::new() } else { format!(" The analysis was made with {}.", context.program) };
    format!(
        "Intervals cover 95\u{202f}%; where not said otherwise they are percentile bootstrap intervals, expanded for the number of cases, over {} of cases, with \
         readers taken as they are. {missing} \
         All p values are two-sided.{program}",
        counted(analysis.resamples, "resample", "resamples")
    )
}

/// With a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Small numbers in words.
fn spelled(n: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(n).map_or_else(|| count(n), |w| (*w).to_owned())
}
