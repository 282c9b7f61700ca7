//! The page as a whole.

use super::style::STYLE;
use super::table::{Table, paragraph};
use super::{agreement, kinds, methods, outcome, results, trust};
use crate::analysis::words::{count, counted};
use crate::analysis::{Analysis, Context};
use crate::figures::{Figure, Theme, escape, figures};

/// The report of a study as one page of HTML.
pub fn html(analysis: &Analysis, context: &Context) -> String {
    let drawn = figures(analysis, context, Theme::Light);
    let figures = Figures(&drawn);
    let outcome = kinds::heading(analysis).is_some();
    let sections: Vec<(&str, &str, String)> = [
        ("outcome", kinds::heading(analysis).unwrap_or_default(), kinds::outcome(analysis, context, &figures)),
        ("results", if outcome { "Scores" } else { "Results" }, results::results(analysis, context, &figures)),
        ("agreement", "Agreement and repeatability", agreement::agreement(analysis, context)),
        ("order", "Learning, fatigue and time", results::order(analysis, context, &figures)),
        ("errors", "Errors", results::errors(analysis, context, &figures)),
        ("findings", "By finding", results::findings(analysis, context)),
        ("differ", "Where readers differ", results::differing(analysis, context)),
        ("methods", "Methods", methods::methods(analysis, context).iter().map(|p| paragraph(p)).collect()),
        ("notes", "Gaps and limits", list(&analysis.notes)),
        ("trust", "Integrity, deviations and leak audit", trust::trust(context)),
        ("files", "Files", trust::files(analysis, context)),
    ]
    .into_iter()
    .filter(|(_, _, body)| !body.is_empty())
    .collect();
    let links: Vec<String> = sections.iter().map(|(id, title, _)| format!("<a href=\"#{id}\">{}</a>", escape(title))).collect();
    let body: String = sections
        .iter()
        .map(|(id, title, body)| format!("<section>\n<h2 id=\"{id}\">{}</h2>\n{body}</section>\n", escape(title)))
        .collect();
    let badge = if context.simulated { "<span class=\"badge\">SIMULATED READERS</span>" } else { "" };
    let banner = if context.simulated {
        "<div class=\"banner\"><b>SIMULATED READERS.</b> A program gave all answers of this study; no person read the images. \
         The figures show what the analysis does, and nothing about the arms.</div>\n"
    } else {
        ""
    };
    let title = escape(&context.title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}{badge}</h1>\n<p class=\"sub\">{}</p>\n<p class=\"nav\">{}</p>\n</header>\n{banner}{}{}{body}</main>\n\
         </body>\n</html>\n",
        escape(&subtitle(analysis)),
        links.join(" · "),
        main_result(analysis, context),
        design(analysis, context),
    )
}

/// Figures by name.
pub(super) struct Figures<'a>(&'a [Figure]);

impl Figures<'_> {
    /// The figure with its heading and caption; empty where the study has none of that name.
    pub(super) fn html(&self, name: &str) -> String {
        self.0.iter().find(|f| f.name == name).map_or_else(String::new, |f| {
            format!(
                "<figure>\n<h3>{}</h3>\n{}\n<figcaption>{}</figcaption>\n</figure>\n",
                escape(&f.title),
                f.inline(),
                escape(&f.caption)
            )
        })
    }
}

fn subtitle(analysis: &Analysis) -> String {
    let c = &analysis.counts;
    let parts = [
        analysis.template.name().to_owned(),
        counted(c.cases, "case", "cases"),
        counted(analysis.arms.len(), "arm", "arms"),
        counted(analysis.readers.len(), "reader", "readers"),
        format!("{} of {}", count(c.scored), counted(c.planned, "answer", "answers")),
    ];
    parts.join(" · ")
}

fn main_result(analysis: &Analysis, context: &Context) -> String {
    let sentences = outcome::main_result(analysis, context);
    if sentences.is_empty() {
        return String::new();
    }
    format!("<div class=\"main\">\n{}</div>\n", sentences.iter().map(|s| paragraph(s)).collect::<String>())
}

/// Arms and readers.
fn design(analysis: &Analysis, context: &Context) -> String {
    let chosen = analysis.choices.is_some() || analysis.quartet.is_some();
    let mut arms = Table::new("Arms", &["Letter", "Name", if chosen { "Times chosen" } else { "Readings" }]).text(1);
    for (arm, name) in analysis.arms.iter().enumerate() {
        let real = if context.real_arm.as_ref() == Some(name) { " (real images)" } else { "" };
        let answers: usize = analysis.times.iter().filter(|t| t.arm == Some(arm)).map(|t| t.n).sum();
        arms.row(&[context.letter(arm), format!("{name}{real}"), count(answers)]);
    }
    let mut readers = Table::new("Readers", &["Reader", "Experience", "Answers", "Planned"]).text(1);
    for (facts, done) in context.readers.iter().zip(&analysis.completeness) {
        let experience = if facts.experience.is_empty() { "not stated" } else { &facts.experience };
        readers.row(&[facts.code.as_str(), experience, &count(done.scored), &count(done.planned)]);
    }
    let asked = format!("The readers were asked: “{}”", context.question);
    format!("{}{}{}", paragraph(&asked), arms.html(), readers.html())
}

fn list(sentences: &[String]) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let items: Vec<String> = sentences.iter().map(|s| format!("<li>{}</li>", escape(s))).collect();
    format!("<ul>\n{}\n</ul>\n", items.join("\n"))
}
