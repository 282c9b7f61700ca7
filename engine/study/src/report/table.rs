//! Tables of the page.

use crate::figures::escape;

/// One table; the first column holds names, the others figures unless they are made text.
pub(super) struct Table {
    caption: String,
    heads: Vec<(String, bool)>,
    rows: String,
    count: usize,
}

impl Table {
    pub(super) fn new(caption: &str, heads: &[&str]) -> Self {
        let heads = heads.iter().enumerate().map(|(i, h)| ((*h).to_owned(), i > 0)).collect();
        Self { caption: caption.to_owned(), heads, rows: String::new(), count: 0 }
    }

    /// Makes a column text, set at the left.
    pub(super) fn text(mut self, column: usize) -> Self {
        self.heads[column].1 = false;
        self
    }

    pub(super) fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        self.put(cells, "");
    }

    /// A row that sums up others.
    pub(super) fn sum<S: AsRef<str>>(&mut self, cells: &[S]) {
        self.put(cells, " class=\"sum\"");
    }

    /// A heading inside of the table.
    pub(super) fn group(&mut self, heading: &str) {
        let span = self.heads.len();
        self.rows.push_str(&format!("<tr class=\"group\"><td colspan=\"{span}\">{}</td></tr>\n", escape(heading)));
    }

    fn put<S: AsRef<str>>(&mut self, cells: &[S], class: &str) {
        self.rows.push_str(&format!("<tr{class}>"));
        for (cell, (_, right)) in cells.iter().zip(&self.heads) {
            let class = if *right { " class=\"r\"" } else { "" };
            self.rows.push_str(&format!("<td{class}>{}</td>", escape(cell.as_ref())));
        }
        self.rows.push_str("</tr>\n");
        self.count += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn html(&self) -> String {
        let heads: Vec<String> = self
            .heads
            .iter()
            .map(|(h, right)| format!("<th scope=\"col\"{}>{}</th>", if *right { " class=\"r\"" } else { "" }, escape(h)))
            .collect();
        // A short table is not torn between two sheets of paper.
        let short = if self.count < 11 { " short" } else { "" };
        let caption =
            if self.caption.is_empty() { String::new() } else { format!("<caption>{}</caption>\n", escape(&self.caption)) };
        format!(
            "<div class=\"wide{short}\"><table>\n{caption}<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
            heads.concat(),
            self.rows
        )
    }
}

/// A paragraph.
pub(super) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// A line under a table.
pub(super) fn caption(text: &str) -> String {
    format!("<p class=\"cap\">{}</p>\n", escape(text))
}
