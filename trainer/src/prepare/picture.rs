//! From a file of any kind to the grey square that the autoencoder sees.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine::domain::GrayImage;
use engine::imageio::dicom::{View as DicomView, decode_radiograph};
use engine::imageio::fault::read_file;
use engine::imageio::kind::FileKind;
use engine::imageio::normalize::centre_square;
use engine::imageio::photo::decode_photo;
use engine::imageio::resize::ByteImage;
use engine::store::hash::hash_bytes;
use serde::{Deserialize, Serialize};

use super::case::View;

/// How 16-bit pictures become 8-bit ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sixteen {
    /// From the darkest to the brightest half percent: files whose values fill a part of the range only.
    #[default]
    Robust,
    /// As they are.
    Linear,
}

/// A source picture of 8 bits.
pub(crate) struct Picture {
    /// Grey, one channel.
    pub(crate) grey: ByteImage,
    /// Hash of the file.
    pub(crate) blake3: String,
    /// The projection, where the file says it.
    pub(crate) view: View,
}

/// The encoded square and what is told of it.
pub(crate) struct Square {
    /// Row by row in `[-1, 1]`.
    pub(crate) values: Vec<f32>,
    /// Mean grey, 0 to 1.
    pub(crate) mean: f32,
    /// Deviation.
    pub(crate) sd: f32,
}

/// Reads the first of several spellings of a file that exists.
///
/// # Errors
/// When there is none, or it is cut off, damaged or of a kind that is not read.
pub(crate) fn read(paths: &[PathBuf], sixteen: Sixteen) -> Result<Picture> {
    let Some(path) = paths.iter().find(|path| path.is_file()).or(paths.first()) else { bail!("no picture is named") };
    let bytes = read_file(path)?;
    decode(&bytes, &shown(path), sixteen)
}

/// The name of a file without its folders: those of public sets hold numbers of patients.
fn shown(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// As [`read`], from bytes.
pub(crate) fn decode(bytes: &[u8], name: &str, sixteen: Sixteen) -> Result<Picture> {
    let mut view = View::Unknown;
    let (image, deep) = match FileKind::of(bytes) {
        FileKind::Png => (decode_photo(bytes, name)?, bytes.get(24) == Some(&16)),
        FileKind::Jpeg => (decode_photo(bytes, name)?, false),
        FileKind::Dicom => {
            let radiograph = decode_radiograph(bytes, name)?;
            view = radiograph.view.map_or(View::Unknown, of_dicom);
            // A window is meant; only a file that hardly uses what it claims to have is stretched.
            let brightest = radiograph.image.pixels().iter().max().copied().unwrap_or(0);
            (radiograph.image, brightest < u16::MAX / 64)
        }
        FileKind::Empty => bail!("{name} is empty; copy it again"),
        FileKind::Other(kind) if !kind.is_empty() => bail!("{name} is {kind}, which is not read; convert it to PNG"),
        _ => bail!("{name} is no PNG, JPEG or DICOM picture; convert it to PNG"),
    };
    let samples = if deep && sixteen == Sixteen::Robust { stretched(&image) } else { plain(&image) };
    let grey = ByteImage::new(image.width() as usize, image.height() as usize, 1, samples).context("the picture")?;
    Ok(Picture { grey, blake3: hash_bytes(bytes), view })
}

fn of_dicom(view: DicomView) -> View {
    match view {
        DicomView::PosteroAnterior => View::Pa,
        DicomView::AnteroPosterior => View::Ap,
        DicomView::LeftLateral | DicomView::RightLateral => View::Lateral,
        _ => View::Unknown,
    }
}

/// 16 to 8 bits; what was 8 bits in the file comes back as it was.
fn plain(image: &GrayImage) -> Vec<u8> {
    image.pixels().iter().map(|&v| ((u32::from(v) + 128) / 257) as u8).collect()
}

/// From the half percent of the darkest to that of the brightest.
fn stretched(image: &GrayImage) -> Vec<u8> {
    let mut counts = vec![0usize; 1 << 16];
    for &v in image.pixels() {
        counts[usize::from(v)] += 1;
    }
    let total = image.pixels().len();
    let at = |share: f64| {
        let wanted = (share * (total.saturating_sub(1)) as f64).round() as usize;
        let mut seen = 0;
        counts.iter().position(|count| {
            seen += count;
            seen > wanted
        })
    };
    let (low, high) = (at(0.005).unwrap_or(0) as f32, at(0.995).unwrap_or(65535) as f32);
    let scale = 255.0 / (high - low).max(1.0);
    let table: Vec<u8> = (0..=u16::MAX).map(|v| ((f32::from(v) - low) * scale + 0.5).clamp(0.0, 255.0) as u8).collect();
    image.pixels().iter().map(|&v| table[usize::from(v)]).collect()
}

/// The square of `size` pixels: halved, resized and cropped in the middle, as the release does it.
pub(crate) fn square(grey: &ByteImage, size: usize) -> Square {
    let square = centre_square(grey, size);
    let table: Vec<f32> = (0..=255u8).map(|v| (f32::from(v) / 255.0 - 0.5) / 0.5).collect();
    let values: Vec<f32> = square.samples().iter().map(|&v| table[usize::from(v)]).collect();
    let mut counts = [0u64; 256];
    square.samples().iter().for_each(|&v| counts[usize::from(v)] += 1);
    let n = values.len().max(1) as f64;
    let mean = counts.iter().zip(0u32..).map(|(&c, v)| c as f64 * f64::from(v)).sum::<f64>() / n;
    let spread = counts.iter().zip(0u32..).map(|(&c, v)| c as f64 * (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    Square { values, mean: (mean / 255.0) as f32, sd: (spread.sqrt() / 255.0) as f32 }
}

#[cfg(test)]
mod tests {
    use engine::imageio::dicom::encode_secondary_capture;
    use engine::imageio::png::encode_gray16;
    use proptest::prelude::*;

    use super::*;

    fn ramp(low: u16, high: u16) -> GrayImage {
        let value = |i: u32| u32::from(low) + (i % 64) * u32::from(high - low) / 63;
        GrayImage::new(64, 48, (0..64 * 48).map(|i| value(i) as u16).collect()).unwrap()
    }

    #[test]
    fn a_dim_16_bit_picture_is_stretched_and_a_plain_one_stays() {
        let png = encode_gray16(&ramp(100, 4000), &[]).unwrap();
        let robust = decode(&png, "a.png", Sixteen::Robust).unwrap().grey;
        assert_eq!((robust.samples()[0], robust.samples()[63]), (0, 255));
        let linear = decode(&png, "a.png", Sixteen::Linear).unwrap().grey;
        assert_eq!((linear.samples()[0], linear.samples()[63]), (0, 16));
        let mut bytes = Vec::new();
        let grey: Vec<u8> = (0..64 * 48).map(|i| (i % 64 * 2) as u8).collect();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100)
            .encode(&grey, 64, 48, image::ExtendedColorType::L8)
            .unwrap();
        let jpeg = decode(&bytes, "a.jpg", Sixteen::Robust).unwrap().grey;
        assert!(jpeg.samples().iter().zip(&grey).all(|(a, b)| a.abs_diff(*b) <= 3), "8 bits are never stretched");
    }

    #[test]
    fn dicom_is_read_by_its_content() {
        let bytes = encode_secondary_capture(&ramp(0, 65535), "record", None).unwrap();
        let picture = decode(&bytes, "a.bin", Sixteen::Robust).unwrap();
        assert_eq!((picture.grey.width(), picture.grey.samples()[63], picture.view), (64, 255, View::Unknown));
    }

    #[test]
    fn damage_is_told_by_the_files_name() {
        let png = encode_gray16(&ramp(0, 65535), &[]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p10999999").join("cut.png");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        for (bytes, words) in [
            (&png[..png.len() / 2], "cut.png is cut off"),
            (&[][..], "cut.png is empty"),
            (b"GIF89a", "cut.png is a GIF picture"),
            (b"hello", "no PNG, JPEG or DICOM"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", read(std::slice::from_ref(&path), Sixteen::Robust).err().unwrap());
            assert!(error.contains(words) && !error.contains("p10999999"), "{error}");
        }
    }

    #[test]
    fn the_square_is_in_the_models_range() {
        let square = square(&decode(&encode_gray16(&ramp(0, 65535), &[]).unwrap(), "a", Sixteen::Linear).unwrap().grey, 16);
        assert_eq!(square.values.len(), 256);
        assert!(square.values.iter().all(|v| (-1.0..=1.0).contains(v)));
        assert!((square.mean - 0.5).abs() < 0.05 && square.sd > 0.1, "{} {}", square.mean, square.sd);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _picture_or_not = decode(&bytes, "x", Sixteen::Robust);
        }
    }
}
