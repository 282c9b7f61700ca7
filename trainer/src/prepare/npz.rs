//! `.npz` files of numbers, as NumPy writes them: zip archives of `.npy` arrays.
//!
//! # Source
//! NumPy's format description, version 1.0 to 3.0.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Largest array that is read.
const MAX_BYTES: u64 = 256 << 20;

/// An array of numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Reads all arrays of a file.
///
/// # Errors
/// When it is no such file, cut off or damaged, or holds anything but numbers; objects are never loaded.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Array>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    parse(&bytes).with_context(|| format!("{name} is no whole .npz file"))
}

/// As [`read`], from bytes.
pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Array>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.trim_end_matches(".npy").to_owned();
        ensure!(entry.size() <= MAX_BYTES, "array {name} is larger than {} MiB", MAX_BYTES >> 20);
        let mut data = Vec::new();
        (&mut entry).take(MAX_BYTES).read_to_end(&mut data)?;
        arrays.insert(name.clone(), array(&data).with_context(|| format!("array {name}"))?);
    }
    Ok(arrays)
}

/// One array.
fn array(data: &[u8]) -> Result<Array> {
    ensure!(data.starts_with(b"\x93NUMPY"), "its beginning is not NumPy's");
    let cut = || anyhow!("it is cut off");
    let version = *data.get(6).ok_or_else(cut)?;
    let (length, begin): (usize, usize) = match version {
        1 => (usize::from(u16::from_le_bytes([*data.get(8).ok_or_else(cut)?, *data.get(9).ok_or_else(cut)?])), 10),
        2 | 3 => {
            let bytes = data.get(8..12).ok_or_else(cut)?;
            (u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize, 12)
        }
        other => bail!("its format version {other} is not read"),
    };
    let header = data.get(begin..begin.saturating_add(length)).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).context("its header is no text")?;
    let value = |key: &str| {
        let at = header.find(&format!("'{key}'")).ok_or_else(|| anyhow!("its header has no {key}"))?;
        Ok::<&str, anyhow::Error>(header[at..].split_once(':').ok_or_else(cut)?.1.trim_start())
    };
    ensure!(value("fortran_order")?.starts_with("False"), "it lies column by column; save it row by row");
    let tuple =
        value("shape")?.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or_else(|| anyhow!("its shape is none"))?.0;
    let side = |text: &str| text.trim().parse::<usize>().map_err(|_| anyhow!("its shape is none"));
    let shape: Vec<usize> = tuple.split(',').filter(|text| !text.trim().is_empty()).map(side).collect::<Result<_>>()?;
    let count =
        shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side)).ok_or_else(|| anyhow!("its shape is too large"))?;
    let descr = value("descr")?;
    let data = &data[begin + length..];
    let numbers = |width: usize| -> Result<std::slice::ChunksExact<'_, u8>> {
        let needed = count.checked_mul(width).ok_or_else(|| anyhow!("its shape is too large"))?;
        Ok(data.get(..needed).ok_or_else(cut)?.chunks_exact(width))
    };
    let kind = descr.trim_start_matches(['\'', '"']).split(['\'', '"']).next().unwrap_or_default();
    let values: Vec<f32> = match kind {
        "<f4" => numbers(4)?.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        "<f2" => numbers(2)?.map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        "<f8" => numbers(8)?.map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32).collect(),
        "<i8" => numbers(8)?.map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32).collect(),
        "<i4" => numbers(4)?.map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32).collect(),
        "|u1" | "|b1" => numbers(1)?.map(|b| f32::from(b[0])).collect(),
        other => bail!("its number type {other:?} is not read"),
    };
    Ok(Array { shape, values })
}

/// A file of arrays of `f32`, unpacked and without a date, as `numpy.savez` makes it.
///
/// # Errors
/// When an array does not fit its shape.
pub(crate) fn bytes(arrays: &[(&str, &Array)]) -> Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, array) in arrays {
        ensure!(array.values.len() == array.shape.iter().product::<usize>(), "array {name} does not fit its shape");
        writer.start_file(format!("{name}.npy"), options)?;
        let shape: Vec<String> = array.shape.iter().map(|side| format!("{side},")).collect();
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.join(" "));
        // The values begin at a multiple of 64.
        let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
        header.push_str(&" ".repeat(padded - header.len() - 1));
        header.push('\n');
        writer.write_all(b"\x93NUMPY\x01\x00")?;
        writer.write_all(&(header.len() as u16).to_le_bytes())?;
        writer.write_all(header.as_bytes())?;
        let data: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        writer.write_all(&data)?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_same_every_time() {
        let image = Array { shape: vec![2, 1, 3], values: vec![0.5, -1.0, f32::MIN, 3.0, 1e-20, 7.0] };
        let mask = Array { shape: vec![4], values: vec![1.0, 1.0, 0.0, 0.0] };
        let made = bytes(&[("image", &image), ("caption_mask", &mask)]).unwrap();
        assert_eq!(made, bytes(&[("image", &image), ("caption_mask", &mask)]).unwrap());
        let read = parse(&made).unwrap();
        assert_eq!((&read["image"], &read["caption_mask"]), (&image, &mask));
    }

    #[test]
    fn damage_is_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        let made = bytes(&[("image", &Array { shape: vec![8], values: vec![0.0; 8] })]).unwrap();
        std::fs::write(&path, &made[..made.len() - 5]).unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("a.npz is no whole .npz file"));
        assert!(array(b"\x93NUMPY\x01\x00\x05\x00").is_err());
        let pickled = b"\x93NUMPY\x01\x00\x3b\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }      \n";
        assert!(format!("{:#}", array(pickled).unwrap_err()).contains("number type \"|O\" is not read"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut tail in prop::collection::vec(any::<u8>(), 0..200), whole in any::<bool>()) {
            let mut start = b"\x93NUMPY\x01\x00\x30\x00{'descr': '<f4', 'fortran_order': False, 'shape': (".to_vec();
            start.append(&mut tail);
            let _array_or_not = array(&start);
            if whole {
                let _arrays_or_not = parse(&start[10..]);
            }
        }
    }
}
