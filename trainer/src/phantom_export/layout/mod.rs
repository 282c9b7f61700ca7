//! Phantoms in the file layouts of public data sets, so that what reads those can be tried without any patient.
//!
//! Numbers of patients and studies are invented, two studies a patient; the tables have the quirks of the real ones.

mod mimic;
mod nih;
mod siim;
mod vindr;

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result};
use engine::domain::{Finding, GrayImage, Side};
use engine::imageio::png::encode_thumbnail;
use engine::phantom::{PhantomCase, PhantomFinding};
use engine::store::hash::hash_bytes;

/// A file layout.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Our own: pictures, masks and `manifest.jsonl`.
    #[default]
    Plain,
    /// MIMIC-CXR-JPG with reports.
    Mimic,
    /// SIIM-ACR pneumothorax: DICOM and run lengths.
    Siim,
    /// VinDr-CXR: DICOM, labels and boxes of three readers.
    Vindr,
    /// NIH ChestX-ray14: PNG, labels and boxes.
    Nih,
}

/// A row of one of the tables that a layout has.
pub(super) struct Row {
    /// The table's file.
    pub(super) table: &'static str,
    /// Its cells.
    pub(super) cells: Vec<String>,
}

/// What a case becomes: files by relative path, and rows.
#[derive(Default)]
pub(super) struct Files {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) rows: Vec<Row>,
}

impl Files {
    fn row<S: ToString>(&mut self, table: &'static str, cells: impl IntoIterator<Item = S>) {
        self.rows.push(Row { table, cells: cells.into_iter().map(|cell| cell.to_string()).collect() });
    }
}

/// A case and its place in the set.
pub(super) struct Numbered<'a> {
    pub(super) seed: u64,
    pub(super) index: u64,
    pub(super) case: &'a PhantomCase,
}

impl Numbered<'_> {
    /// An invented number of the patient, 0 to 9,999,999; two cases in a row share it.
    fn patient(&self) -> u64 {
        // A factor prime to the range gives each patient a number of its own.
        ((self.index / 2).wrapping_mul(1_234_567) + 111_111) % 10_000_000
    }

    /// Letters that only this case has.
    fn letters(&self, what: &str) -> String {
        hash_bytes(format!("{what} {} {}", self.seed, self.index).as_bytes())
    }

    /// `train`, `validate` or `test`: eight, one and one of ten patients.
    fn split(&self) -> &'static str {
        match self.index / 2 % 10 {
            9 => "test",
            8 => "validate",
            _ => "train",
        }
    }
}

impl Layout {
    /// Files and rows of a case.
    pub(super) fn case(self, case: &Numbered<'_>) -> Result<Files> {
        match self {
            Self::Plain => Ok(Files::default()),
            Self::Mimic => mimic::case(case),
            Self::Siim => siim::case(case),
            Self::Vindr => vindr::case(case),
            Self::Nih => nih::case(case),
        }
    }

    /// Header lines of the tables.
    fn header(self, table: &str) -> Vec<&'static str> {
        match self {
            Self::Plain => Vec::new(),
            Self::Mimic => mimic::header(table),
            Self::Siim => siim::header(table),
            Self::Vindr => vindr::header(table),
            Self::Nih => nih::header(table),
        }
    }

    /// The tables of all rows, whole files.
    pub(super) fn tables(self, rows: Vec<Row>) -> Result<BTreeMap<&'static str, Vec<u8>>> {
        let mut writers: BTreeMap<&'static str, csv::Writer<Vec<u8>>> = BTreeMap::new();
        for Row { table, cells } in rows {
            let writer = match writers.remove(table) {
                Some(writer) => writer,
                None => {
                    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                    let header = self.header(table);
                    if !header.is_empty() {
                        writer.write_record(header)?;
                    }
                    writer
                }
            };
            writers.entry(table).or_insert(writer).write_record(&cells)?;
        }
        let mut tables = BTreeMap::new();
        for (table, writer) in writers {
            let text = writer.into_inner().with_context(|| format!("the table {table}"))?;
            tables.insert(table, if table.ends_with(".gz") { packed(&text)? } else { text });
        }
        Ok(tables)
    }
}

/// Packed without a date, so that the same text gives the same bytes.
fn packed(text: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    writer.write_all(text)?;
    Ok(writer.finish()?)
}

/// What every picture says of itself.
const STATEMENT: &str = "Synthetic: a procedural phantom by ChexGen Studio, shows no patient";

/// The picture as a JPEG that says what it is.
fn jpeg(image: &GrayImage) -> Result<Vec<u8>> {
    let grey: Vec<u8> = image.pixels().iter().map(|&v| ((u32::from(v) + 128) / 257) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.encode(&grey, image.width(), image.height(), image::ExtendedColorType::L8)?;
    // A comment right behind the start of the file.
    let mut comment = vec![0xff, 0xfe];
    comment.extend(u16::try_from(STATEMENT.len() + 2)?.to_be_bytes());
    comment.extend(STATEMENT.as_bytes());
    bytes.splice(2..2, comment);
    Ok(bytes)
}

/// The picture as an 8-bit PNG that says what it is.
fn png8(image: &GrayImage) -> Result<Vec<u8>> {
    const BEHIND_HEADER: usize = 33;
    let mut bytes = encode_thumbnail(image, image.width().max(image.height()))?;
    let mut body = b"tEXtSynthetic\0".to_vec();
    body.extend(STATEMENT.as_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&body);
    let mut chunk = u32::try_from(body.len() - 4)?.to_be_bytes().to_vec();
    chunk.extend(body);
    chunk.extend(sum.sum().to_be_bytes());
    bytes.splice(BEHIND_HEADER..BEHIND_HEADER, chunk);
    Ok(bytes)
}

/// A sentence about a finding, for the section of findings.
fn sentence(finding: &PhantomFinding) -> String {
    let name = match finding.finding {
        Finding::Cardiomegaly => return "The heart is enlarged.".to_owned(),
        Finding::Device => "support device".to_owned(),
        Finding::Nodule => "nodular opacity".to_owned(),
        other => other.title().to_lowercase(),
    };
    let side = match finding.side {
        Side::Both => "bilateral ",
        side => side.name(),
    };
    let gap = if side.ends_with(' ') { "" } else { " " };
    let size = finding.severity_word.map(|word| format!("{word} ")).unwrap_or_default();
    let zone = match finding.zone.as_str() {
        "" | "whole" => String::new(),
        zone => format!(" in the {zone} zone"),
    };
    let article =
        if matches!(finding.finding, Finding::Consolidation | Finding::Atelectasis | Finding::Edema) { "" } else { "a " };
    format!("There is {article}{size}{side}{gap}{name}{zone}.")
}

#[cfg(test)]
mod tests {
    use engine::imageio::photo::decode_photo;
    use engine::imageio::png::decode_text;

    use super::*;

    #[test]
    fn pictures_say_that_they_are_synthetic_and_stay_readable() {
        let image = GrayImage::new(40, 24, (0..960).map(|i| (i * 60) as u16).collect()).unwrap();
        let photo = jpeg(&image).unwrap();
        assert!(photo.windows(STATEMENT.len()).any(|part| part == STATEMENT.as_bytes()));
        assert_eq!(decode_photo(&photo, "a.jpg").unwrap().width(), 40);
        let png = png8(&image).unwrap();
        assert_eq!(decode_text(&png, "Synthetic", "a.png").unwrap().as_deref(), Some(STATEMENT));
        let back = decode_photo(&png, "a.png").unwrap();
        assert!(back.pixels().iter().zip(image.pixels()).all(|(a, b)| a.abs_diff(*b) <= 257));
    }

    #[test]
    fn patients_have_two_studies_and_numbers_of_their_own() {
        let case = engine::phantom::draw(&engine::phantom::PhantomConfig::practice(), 1, 0, 64);
        let numbered = |index| Numbered { seed: 1, index, case: &case };
        assert_eq!(numbered(4).patient(), numbered(5).patient());
        let mut all: Vec<u64> = (0..4000).map(|index| numbered(index).patient()).collect();
        all.dedup();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2000);
    }
}
