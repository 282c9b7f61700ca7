//! Contact sheets: many pictures on one, with their labels and the mark that they are synthetic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::GrayImage;
use engine::imageio::png::{Text, encode_gray16};
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::record::SYNTHETIC_MARK;

use super::lettering::Lettering;
use crate::canvas::picture::Window;

/// Longest side of one picture on the sheet, in pixels.
const SIDE: usize = 384;
/// Room between pictures and around them.
const GAP: usize = 16;
/// Height of letters.
const LETTERS: f32 = 15.0;
/// Height of one line of words.
const LINE: usize = 21;
/// Pixels that a sheet has at most.
const MOST: usize = 120_000_000;

/// Keyword and text of the mark of a sheet that shows opened images.
const FOREIGN_MARK: (&str, &str) =
    (SYNTHETIC_MARK.0, "Contact sheet of ChexGen Studio: opened images beside synthetic ones. Not for diagnosis.");

/// One picture of a sheet.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The picture; `None` leaves the place empty.
    pub image: Option<Arc<GrayImage>>,
    /// Lines below it.
    pub lines: Vec<String>,
}

/// What goes onto a sheet.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// First line.
    pub title: String,
    /// Words over the columns; empty for none.
    pub columns: Vec<String>,
    /// Words before the rows; empty for none.
    pub rows: Vec<String>,
    /// Pictures in a row.
    pub across: usize,
    /// The pictures, row by row.
    pub tiles: Vec<Tile>,
    /// How grey becomes light.
    pub window: Window,
    /// Whether pictures are among them that this studio did not make.
    pub foreign: bool,
}

impl Sheet {
    /// What the sheet is, for its first line and for the mark inside.
    fn mark(&self) -> &'static str {
        if self.foreign {
            "Opened images beside synthetic ones. Not for diagnosis."
        } else {
            "Synthetic. Not a patient. Not for diagnosis."
        }
    }
}

/// Draws a sheet.
///
/// # Errors
/// One sentence when it would be too large.
pub(super) fn draw(sheet: &Sheet) -> Result<GrayImage, String> {
    let mut lettering = Lettering::new();
    let across = sheet.across.max(1);
    let down = sheet.tiles.len().div_ceil(across).max(1);
    let side = sheet.tiles.iter().filter_map(|t| t.image.as_ref()).map(|i| i.width().max(i.height())).max().unwrap_or(1);
    let side = (side as usize).min(SIDE);
    let lines = sheet.tiles.iter().map(|t| t.lines.len()).max().unwrap_or(0);
    let row_words: Vec<_> = sheet.rows.iter().map(|words| lettering.line(words, LETTERS)).collect();
    let left = row_words.iter().map(|(width, ..)| width + GAP).max().unwrap_or(0).min(2 * SIDE);
    let cell = (side + GAP, side + GAP + lines * LINE);
    let width = left + GAP + across * cell.0;
    let heading = heading(&mut lettering, sheet, width.saturating_sub(2 * GAP));
    let top = GAP + heading.len() * LINE + GAP / 2 + if sheet.columns.is_empty() { 0 } else { LINE };
    let height = top + down * cell.1 + LINE;
    if width.saturating_mul(height) > MOST {
        return Err(format!("A sheet of {} pictures would have {width} × {height} pixels; choose fewer.", sheet.tiles.len()));
    }
    let mut paper = Paper { width, height, values: vec![0.035; width * height] };
    let mut write = |paper: &mut Paper, words: &str, x: usize, y: usize, most: usize, light: f32| {
        let (w, h, ink) = lettering.line(words, LETTERS);
        paper.ink(&ink, (w, h), (x, y), most, light);
    };
    for (line, words) in heading.iter().enumerate() {
        write(&mut paper, words, GAP, GAP + line * LINE, width.saturating_sub(2 * GAP), 0.85);
    }
    for (column, words) in sheet.columns.iter().enumerate().take(across) {
        write(&mut paper, words, left + GAP + column * cell.0, top - LINE, side, 0.7);
    }
    for (row, words) in sheet.rows.iter().enumerate().take(down) {
        write(&mut paper, words, GAP, top + row * cell.1 + side / 2, left.saturating_sub(GAP), 0.7);
    }
    for (i, tile) in sheet.tiles.iter().enumerate() {
        let at = (left + GAP + i % across * cell.0, top + i / across * cell.1);
        match &tile.image {
            Some(image) => paper.picture(image, at, side, sheet.window),
            None => paper.frame(at, side),
        }
        for (line, words) in tile.lines.iter().enumerate() {
            write(&mut paper, words, at.0, at.1 + side + 3 + line * LINE, side, 0.7);
        }
    }
    GrayImage::from_unit(width as u32, height as u32, &paper.values).map_err(|e| format!("The sheet cannot be drawn: {e}."))
}

/// Title and mark in one line of at most `most` pixels, or in as many as they need: the mark is never cut off.
fn heading(lettering: &mut Lettering, sheet: &Sheet, most: usize) -> Vec<String> {
    let mut fits = |words: &str| lettering.line(words, LETTERS).0 <= most;
    let whole = format!("{}  ·  {}", sheet.title, sheet.mark());
    if fits(&whole) {
        return vec![whole];
    }
    let mut lines: Vec<String> = Vec::new();
    for words in [sheet.title.as_str(), sheet.mark()] {
        let mut line = String::new();
        for word in words.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && !fits(&longer) {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line = longer;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// Draws a sheet and saves it under the first free name in a folder.
///
/// # Errors
/// One sentence that names the file.
pub(super) fn save(sheet: &Sheet, folder: &Path, stem: &str) -> anyhow::Result<PathBuf> {
    let picture = draw(sheet).map_err(anyhow::Error::msg)?;
    let mark = if sheet.foreign { FOREIGN_MARK } else { SYNTHETIC_MARK };
    let bytes = encode_gray16(&picture, &[Text::Plain(mark.0, mark.1)])?;
    let path = free_path(folder, stem, "png")?;
    write_atomic(&path, &bytes)?;
    Ok(path)
}

/// The first of `stem.ext`, `stem-2.ext`, … that is free in a folder, which is made.
///
/// # Errors
/// When the folder cannot be made or written.
pub(super) fn free_path(folder: &Path, stem: &str, extension: &str) -> anyhow::Result<PathBuf> {
    ensure_writable_dir(folder)?;
    (1..10_000)
        .map(|n| folder.join(if n == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{n}.{extension}") }))
        .find(|path| !path.exists())
        .ok_or_else(|| anyhow::anyhow!("there are already ten thousand files of this name; choose another folder"))
}

struct Paper {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Paper {
    fn ink(&mut self, ink: &[f32], (w, h): (usize, usize), (x, y): (usize, usize), most: usize, light: f32) {
        for row in 0..h.min(self.height.saturating_sub(y)) {
            for column in 0..w.min(most).min(self.width.saturating_sub(x)) {
                let pixel = &mut self.values[(y + row) * self.width + x + column];
                let cover = ink[row * w + column];
                *pixel += (light - *pixel) * cover;
            }
        }
    }

    /// A picture in a square of `side`, proportions kept; each pixel is the mean of what it covers.
    fn picture(&mut self, image: &GrayImage, (x, y): (usize, usize), side: usize, window: Window) {
        let (iw, ih) = (image.width() as usize, image.height() as usize);
        let longest = iw.max(ih).max(1);
        let (w, h) = ((iw * side / longest).max(1), (ih * side / longest).max(1));
        let (x, y) = (x + (side - w) / 2, y + (side - h) / 2);
        let span = |i: usize, n: usize, of: usize| (i * of / n)..((i + 1) * of).div_ceil(n).max(i * of / n + 1).min(of);
        for row in 0..h {
            for column in 0..w {
                let (mut sum, mut count) = (0u64, 0u64);
                for v in span(row, h, ih) {
                    for u in span(column, w, iw) {
                        (sum, count) = (sum + u64::from(image.pixels()[v * iw + u]), count + 1);
                    }
                }
                let grey = sum as f32 / count.max(1) as f32 / 65535.0;
                let seen = ((grey - window.level) / window.width.max(1e-4) + 0.5).clamp(0.0, 1.0);
                let seen = if window.inverted { 1.0 - seen } else { seen };
                if let Some(pixel) = self.values.get_mut((y + row) * self.width + x + column) {
                    *pixel = seen;
                }
            }
        }
    }

    fn frame(&mut self, (x, y): (usize, usize), side: usize) {
        for i in 0..side {
            for (u, v) in [(x + i, y), (x + i, y + side - 1), (x, y + i), (x + side - 1, y + i)] {
                if let Some(pixel) = self.values.get_mut(v * self.width + u) {
                    *pixel = 0.16;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(n: usize) -> Sheet {
        let image = Arc::new(GrayImage::new(8, 8, vec![65535; 64]).expect("8 by 8"));
        let tile = |i: usize| Tile { image: (i != 1).then(|| Arc::clone(&image)), lines: vec![format!("seed {i}")] };
        Sheet {
            title: "Compare".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: Vec::new(),
            across: 2,
            tiles: (0..n).map(tile).collect(),
            window: Window { width: 1.0, level: 0.5, inverted: false },
            foreign: false,
        }
    }

    #[test]
    fn every_picture_has_its_place() {
        let picture = draw(&sheet(3)).expect("it is small");
        let white = picture.pixels().iter().filter(|&&v| v == 65535).count();
        assert_eq!(white, 2 * 64, "two pictures of 8 by 8, one place is empty");
    }

    #[test]
    fn the_mark_of_a_narrow_sheet_is_not_cut_off() {
        let mut lettering = Lettering::new();
        let mut narrow = sheet(2);
        "Right pneumothorax: seed by guidance".clone_into(&mut narrow.title);
        assert_eq!(heading(&mut lettering, &narrow, 2000).len(), 1, "one line where there is room");
        for most in [140, 300, 550] {
            let lines = heading(&mut lettering, &narrow, most);
            assert!(lines.len() > 1 && lines.iter().all(|l| lettering.line(l, LETTERS).0 <= most), "{most}: {lines:?}");
            assert!(lines.join(" ").ends_with(narrow.mark()), "{lines:?}");
        }
        let height = |title: &str| draw(&Sheet { title: title.to_owned(), ..sheet(2) }).expect("it is small").height() as usize;
        assert!(height("Seed by guidance of a case") > height(""), "the pictures stand below the heading");
    }

    #[test]
    fn sheets_are_marked_and_named_anew() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = save(&sheet(2), dir.path(), "sheet").expect("it is saved");
        let second = save(&sheet(2), dir.path(), "sheet").expect("it is saved");
        assert_ne!(first, second);
        let bytes = std::fs::read(&first).expect("it is there");
        let mark = SYNTHETIC_MARK.1.as_bytes();
        assert!(bytes.windows(mark.len()).any(|w| w == mark), "the file says that it is synthetic");
        let mixed = save(&Sheet { foreign: true, ..sheet(2) }, dir.path(), "mixed").expect("it is saved");
        let bytes = std::fs::read(&mixed).expect("it is there");
        let says = |mark: &str| bytes.windows(mark.len()).any(|w| w == mark.as_bytes());
        assert!(says(FOREIGN_MARK.1) && !says(SYNTHETIC_MARK.1), "an opened image is not called synthetic");
    }

    #[test]
    fn absurd_sheets_are_refused_with_a_sentence() {
        let mut many = sheet(1);
        let large = Arc::new(GrayImage::black(400, 400));
        many.tiles = (0..1000).map(|_| Tile { image: Some(Arc::clone(&large)), lines: Vec::new() }).collect();
        let error = draw(&many).expect_err("too large");
        assert!(error.contains("1000 pictures") && error.ends_with('.'), "{error}");
    }
}
