//! What is handed on of a study: one page of HTML, a long table, a data dictionary, the methods text.
//!
//! The page needs no script and no other file, prints well, and takes light or dark from the reader's settings. It
//! computes nothing: each number comes from the [`Analysis`].

mod agreement;
mod bundle;
mod kinds;
mod methods;
mod outcome;
mod page;
mod results;
mod style;
mod table;
mod table_file;
mod trust;

pub use bundle::{ReportError, ReportFile, files};
pub use methods::methods;
pub use page::html;
pub use table_file::{COLUMNS, TableError, csv, dictionary};

use crate::analysis::{Analysis, Context, Estimate, ShareOf, letter, words};

/// "A, Simulated model one".
fn arm_name(context: &Context, arm: usize) -> String {
    format!("{}, {}", letter(arm), context.arms[arm])
}

/// "A − B".
fn pair_name((a, b): (usize, usize)) -> String {
    format!("{} − {}", letter(a), letter(b))
}

fn reader_name(analysis: &Analysis, reader: Option<usize>) -> String {
    reader.map_or_else(|| "All readers".to_owned(), |r| analysis.readers[r].clone())
}

/// Value and interval as two cells; dashes where there is none.
fn cells(estimate: Option<Estimate>, places: usize) -> [String; 2] {
    let dash = || "–".to_owned();
    match estimate {
        None => [dash(), dash()],
        Some(e) => [words::number(e.value, places), e.interval.map_or_else(dash, |i| words::range(i, places))],
    }
}

/// "31 of 50, 62.0 %" and its interval.
fn share_cells(share: Option<ShareOf>) -> [String; 2] {
    share.map_or_else(
        || ["–".to_owned(), "–".to_owned()],
        |s| [format!("{} of {}, {}", s.hits, s.n, words::percent(s.value, 1)), words::percents(s.interval, 1)],
    )
}

#[cfg(test)]
mod tests;
