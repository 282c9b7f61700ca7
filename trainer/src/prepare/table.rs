//! Tables of public data sets, as they come: CSV or tab-separated, plain or packed, with the quirks of their makers.
//!
//! A byte-order mark is skipped, `.gz` is unpacked by its content, header cells are trimmed and columns are found by
//! name, never by place; rows may be shorter than the header or longer, and quoted cells may hold commas and lines.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Longest cell that is read: a report is far shorter.
const MAX_CELL: usize = 16 << 20;

/// An open table that gives row after row.
pub(crate) struct Table {
    path: PathBuf,
    columns: BTreeMap<String, usize>,
    reader: csv::Reader<Box<dyn BufRead + Send>>,
    record: csv::StringRecord,
}

/// A row of a table.
pub(crate) struct Row<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a csv::StringRecord,
    /// Line in the file.
    pub(crate) line: u64,
}

impl Table {
    /// Opens a table; its first line names the columns.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_after(path, 0)
    }

    /// As [`Table::open`], with `skip` lines before the names.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub(crate) fn open_after(path: &Path, skip: usize) -> Result<Self> {
        let fail = || format!("cannot read {}", path.display());
        let mut source = BufReader::with_capacity(1 << 16, std::fs::File::open(path).with_context(fail)?);
        let packed = source.fill_buf().with_context(fail)?.starts_with(&[0x1f, 0x8b]);
        let mut text: Box<dyn BufRead + Send> = match packed {
            true => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(source))),
            false => Box::new(source),
        };
        if text.fill_buf().with_context(|| format!("{} is damaged", path.display()))?.starts_with(b"\xef\xbb\xbf") {
            text.consume(3);
        }
        Self::from_text(text, path, skip)
    }

    /// A table of open text; `path` names it.
    ///
    /// # Errors
    /// When the header cannot be read.
    pub(crate) fn from_text(mut text: Box<dyn BufRead + Send>, path: &Path, skip: usize) -> Result<Self> {
        let mut line = String::new();
        for _ in 0..skip {
            line.clear();
            text.read_line(&mut line).with_context(|| format!("{}: its first line cannot be read", path.display()))?;
        }
        let tabs = {
            let start = text.fill_buf().with_context(|| format!("{} is damaged", path.display()))?;
            let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
            first.contains(&b'\t') && !first.contains(&b',')
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(if tabs { b'\t' } else { b',' })
            .from_reader(text);
        let mut record = csv::StringRecord::new();
        if !reader.read_record(&mut record).map_err(|error| said(path, &error))? {
            bail!("{} is empty; it needs a line with the names of its columns", path.display());
        }
        let mut columns = BTreeMap::new();
        for (place, name) in record.iter().enumerate() {
            // Of columns with one name the first counts.
            columns.entry(name.trim().trim_start_matches('\u{feff}').to_owned()).or_insert(place);
        }
        Ok(Self { path: path.to_owned(), columns, reader, record })
    }

    /// Refuses a table that lacks a column.
    ///
    /// # Errors
    /// Names it, and those that are there.
    pub(crate) fn need(&self, columns: &[&str]) -> Result<()> {
        for name in columns {
            if !self.columns.contains_key(*name) {
                let known: Vec<&str> = self.columns.keys().take(20).map(String::as_str).collect();
                bail!("{}: the column {name:?} is missing; it has {}", self.path.display(), known.join(", "));
            }
        }
        Ok(())
    }

    /// Names of the columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The next row.
    ///
    /// # Errors
    /// When the table is cut off, damaged or not UTF-8.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        loop {
            if !self.reader.read_record(&mut self.record).map_err(|error| said(&self.path, &error))? {
                return Ok(None);
            }
            if self.record.iter().any(|cell| !cell.trim().is_empty()) {
                break;
            }
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        if self.record.iter().any(|cell| cell.len() > MAX_CELL) {
            bail!(
                "{}, line {line}: a cell is longer than {} MiB; a quotation mark is missing",
                self.path.display(),
                MAX_CELL >> 20
            );
        }
        Ok(Some(Row { columns: &self.columns, record: &self.record, line }))
    }

    /// Shows every row to `show`, whose errors get file and line.
    ///
    /// # Errors
    /// As [`Table::next`], and those of `show`.
    pub(crate) fn each(mut self, mut show: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let path = self.path.clone();
        while let Some(row) = self.next()? {
            show(&row).with_context(|| format!("{}, line {}", path.display(), row.line))?;
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    /// The trimmed cell of a column; empty where the row is too short or the column is not there.
    pub(crate) fn get(&self, column: &str) -> &'a str {
        self.columns.get(column).and_then(|place| self.record.get(*place)).unwrap_or_default().trim()
    }

    /// The trimmed cell at a place, for columns without a usable name.
    pub(crate) fn at(&self, place: usize) -> &'a str {
        self.record.get(place).unwrap_or_default().trim()
    }

    /// The place of a column.
    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.columns.get(column).copied()
    }

    /// The number of a cell; `None` where it is empty.
    ///
    /// # Errors
    /// When it is no number.
    pub(crate) fn number(&self, column: &str) -> Result<Option<f32>> {
        let text = self.get(column);
        if text.is_empty() {
            return Ok(None);
        }
        let value: f32 = text.parse().with_context(|| format!("column {column}: {text:?} is no number"))?;
        Ok(value.is_finite().then_some(value))
    }
}

/// All text of a file, unpacked where it is packed.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::bufread::MultiGzDecoder::new(bytes.as_slice())
            .take(1 << 30)
            .read_to_end(&mut plain)
            .with_context(|| format!("{} is damaged", path.display()))?;
        plain
    } else {
        bytes
    };
    let text =
        String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text; save it again as UTF-8", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The one file of a folder whose name begins and ends so, packed or not.
///
/// # Errors
/// When there is none; the sentence names what was looked for.
pub(crate) fn find(dir: &Path, begin: &str, end: &str) -> Result<PathBuf> {
    match find_maybe(dir, begin, end)? {
        Some(path) => Ok(path),
        None => bail!("{} holds no {begin}*{end} or {begin}*{end}.gz; name the folder of the data set", dir.display()),
    }
}

/// As [`find`], where the file may be missing.
///
/// # Errors
/// When the folder cannot be listed.
pub(crate) fn find_maybe(dir: &Path, begin: &str, end: &str) -> Result<Option<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        if plain.starts_with(begin) && plain.ends_with(end) && path.is_file() {
            found.push(path);
        }
    }
    // The shortest is the plain one where both are there; the order of a folder says nothing.
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(found.into_iter().next())
}

fn said(path: &Path, error: &csv::Error) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            anyhow::anyhow!("{}, line {line}: it is not UTF-8 text; save it again as UTF-8", path.display())
        }
        csv::ErrorKind::Io(error) => anyhow::anyhow!("{} is damaged or cut off: {error}; copy it again", path.display()),
        _ => anyhow::anyhow!("{} cannot be read as a table: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn rows(bytes: &[u8], column: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut out = Vec::new();
        Table::open(&path)
            .unwrap()
            .each(|row| {
                out.push(row.get(column).to_owned());
                Ok(())
            })
            .unwrap();
        out
    }

    #[test]
    fn quirks_of_public_tables_are_read() {
        assert_eq!(rows("\u{feff}ImageId, EncodedPixels\na, -1\n\nb,5 3\n".as_bytes(), "EncodedPixels"), ["-1", "5 3"]);
        // Ragged rows, a trailing empty column, quoted commas and line breaks.
        let nih =
            b"Image Index,Finding Labels,OriginalImage[Width,Height],\na.png,\"A|B\nC, D\",1,2,\nb.png\nc.png,x,1,2,3,4,5\n";
        assert_eq!(rows(nih, "Finding Labels"), ["A|B\nC, D", "", "x"]);
        assert_eq!(rows(b"PatientID\tReport\ns1\ta, b\n", "Report"), ["a, b"]);
        let long = format!("id,text\n1,\"{}\"\n", "x".repeat(300_000));
        assert_eq!(rows(long.as_bytes(), "text")[0].len(), 300_000);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"a,b\n1,2\n").unwrap();
        assert_eq!(rows(&packed.finish().unwrap(), "b"), ["2"]);
        assert_eq!(rows(b"a,b\n1,2\n", "c"), [""]);
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let read = Table::open(&path).and_then(|table| {
                table.need(&["a"])?;
                table.each(|row| row.number("a").map(drop))
            });
            format!("{:#}", read.unwrap_err())
        };
        assert!(read(b"").contains("is empty"));
        assert!(read(b"b,c\n").contains("the column \"a\" is missing; it has b, c"));
        assert!(read(b"a\n1\nx\n").contains("t.csv, line 3: column a: \"x\" is no number"));
        assert!(read(b"a\n\xff\n").contains("line 2: it is not UTF-8"));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let noise: Vec<u8> =
            (0..40_000u32).flat_map(|i| format!("{}\n", i.wrapping_mul(2_654_435_761) % 9973).into_bytes()).collect();
        packed.write_all(b"a\n").unwrap();
        packed.write_all(&noise).unwrap();
        let packed = packed.finish().unwrap();
        assert!(read(&packed[..packed.len() / 2]).contains("damaged or cut off"));
        assert!(format!("{:#}", Table::open(&dir.path().join("none.csv")).err().unwrap()).contains("none.csv"));
        assert!(find(dir.path(), "mimic-", "-split.csv").unwrap_err().to_string().contains("mimic-*-split.csv"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_a_sentence(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let read = Table::from_text(Box::new(std::io::Cursor::new(bytes)), Path::new("x"), 0);
            if let Ok(mut table) = read {
                while let Ok(Some(row)) = table.next() {
                    let _cell = (row.get("a"), row.at(3));
                }
            }
        }

        #[test]
        fn cells_come_back(cells in prop::collection::vec("[ -~\n]{0,20}", 1..5)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record((0..cells.len()).map(|i| format!("c{i}"))).unwrap();
            writer.write_record(&cells).unwrap();
            let bytes = writer.into_inner().unwrap();
            let mut table = Table::from_text(Box::new(std::io::Cursor::new(bytes)), Path::new("x"), 0).unwrap();
            match table.next().unwrap() {
                Some(row) => for (i, cell) in cells.iter().enumerate() {
                    prop_assert_eq!(row.get(&format!("c{i}")), cell.trim());
                },
                None => prop_assert!(cells.iter().all(|cell| cell.trim().is_empty())),
            }
        }
    }
}
