//! Why the report can be believed: integrity, deviations, leak audit, digests, columns of the data file.

use super::table::{Table, caption, paragraph};
use super::table_file::COLUMNS;
use crate::analysis::words::{grouped, number, range};
use crate::analysis::{Analysis, Context};
use crate::figures::escape;
use crate::template::Template;

/// Checks, deviations, leak audit.
pub(super) fn trust(context: &Context) -> String {
    let mut out = String::new();
    if !context.integrity.is_empty() {
        let items: Vec<String> = context
            .integrity
            .iter()
            .map(|c| {
                let (class, word) = if c.passed { ("ok", "Passed") } else { ("bad", "Failed") };
                format!("<li><b class=\"{class}\">{word}</b> {}</li>", escape(&c.text))
            })
            .collect();
        out.push_str(&format!("<h3>Integrity</h3>\n<ul class=\"checks\">\n{}\n</ul>\n", items.join("\n")));
    }
    out.push_str("<h3>Deviations from the plan</h3>\n");
    if context.deviations.is_empty() {
        out.push_str(&paragraph("None was recorded."));
    } else {
        let items: Vec<String> = context
            .deviations
            .iter()
            .map(|d| {
                let who = d.reader.as_ref().map_or_else(String::new, |r| format!("{}: ", escape(r)));
                format!("<li>{who}{}</li>", escape(&d.text))
            })
            .collect();
        out.push_str(&format!("<ul>\n{}\n</ul>\n", items.join("\n")));
    }
    out.push_str("<h3>Leak audit before sealing</h3>\n");
    out.push_str(&match &context.audit {
        None if context.template == Template::AssistedReading => {
            paragraph("None was needed: both conditions show the same images, so nothing in the files can tell them apart.")
        }
        None if context.arms.len() == 1 => paragraph("None was needed: there is one arm, and nothing to tell it apart from."),
        None => paragraph("No audit is on record: whether simple features of the files tell the arm was not measured."),
        Some(audit) => {
            let inside = audit.chance.0 <= audit.guess && audit.guess <= audit.chance.1;
            let mut table = Table::new("", &["", "Value"]);
            table.row(&[format!("Guessing the arm, {}", audit.measure), number(audit.guess, 2)]);
            table.row(&["Where guessing by chance lies".to_owned(), range(audit.chance, 2)]);
            table.row(&["Strongest probe".to_owned(), audit.probe.clone()]);
            if let Some(before) = audit.before {
                table.row(&["Before the images were equalised".to_owned(), number(before, 2)]);
            }
            let said = if inside {
                "No probe guessed the arm better than chance."
            } else {
                "A probe guessed the arm better than chance: a reader could in principle use the same trait."
            };
            table.html() + &caption(said)
        }
    });
    out
}

/// Digests of the files, and what the data file holds.
pub(super) fn files(analysis: &Analysis, context: &Context) -> String {
    let mut out = String::new();
    let hashes = &context.hashes;
    let mut items = Vec::new();
    let mut put = |name: &str, hash: &str| {
        if !hash.is_empty() {
            items.push(format!(
                "<tr><td class=\"name\">{}</td><td><code>{}</code></td></tr>",
                escape(name),
                escape(&grouped(hash))
            ));
        }
    };
    put("Sealed study", &hashes.study);
    put("Key", &hashes.key);
    for (reader, hash) in &hashes.answers {
        put(&format!("Answers, {reader}"), hash);
    }
    if !items.is_empty() {
        out.push_str(&format!(
            "<div class=\"wide\"><table>\n<caption>Digests (BLAKE3)</caption>\n<thead><tr><th>File</th><th>Digest</th></tr></thead>\n\
             <tbody>\n{}\n</tbody></table></div>\n",
            items.join("\n")
        ));
    }
    let seed = format!(
        "Intervals resample {} times with the seed {}; the same readings give the same figures. A dash stands where an interval \
         cannot be given: one unit only, or units that are all alike.{}",
        crate::analysis::words::count(analysis.resamples),
        analysis.seed,
        if context.program.is_empty() { String::new() } else { format!(" Made by {}.", context.program) }
    );
    out.push_str(&paragraph(&seed));
    let mut table = Table::new("Columns of the long table (CSV)", &["Column", "What it holds"]).text(1);
    for (name, holds) in COLUMNS {
        table.row(&[*name, *holds]);
    }
    out + &table.html()
}
