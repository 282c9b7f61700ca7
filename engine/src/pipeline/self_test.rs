//! Whether an installed model works: it must make its reference image again.

use std::fmt;
use std::path::Path;

use super::{Error, OpenOptions, Outcome, Pipeline};
use crate::cancel::Cancel;
use crate::device::{Capabilities, DeviceKind, Precision};
use crate::domain::{GenerateRequest, GrayImage, Preset, RequestError, SamplerKind};
use crate::store::atomic::{WriteError, write_atomic};
use crate::store::hash::hash_image;
use crate::store::model_dir::{ModelDirError, ModelSpec, ReferenceSpec};

/// What a test image shows.
const IMPRESSION: &str = "No acute cardiopulmonary process.";
const SEED: u64 = 20_240_601;
/// Fields along a side of the coarse picture.
const FIELDS: u32 = 4;
/// How far a field's mean may be off on another processor, of 65535.
const TOLERANCE: u16 = 66;

/// Why a model did not pass, or its reference was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// The folder is no model.
    #[error(transparent)]
    Folder(#[from] ModelDirError),
    /// The model cannot be used.
    #[error(transparent)]
    Model(Box<Error>),
    /// The reference asks for something unknown.
    #[error(transparent)]
    Reference(#[from] RequestError),
    /// The description cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The description has no text form.
    #[error("the description cannot be written: {0}")]
    Text(String),
    /// Nothing came out.
    #[error("the model made no image")]
    NoImage,
    /// It was stopped.
    #[error("the test was stopped")]
    Cancelled,
    /// Another image came out.
    #[error(
        "the image is not the reference image of {device} (made on {here}, fields differ by up to {difference} of 65535); \
         import or export the model again"
    )]
    Differs {
        /// Where the reference was made.
        device: String,
        /// Where it was tried.
        here: String,
        /// Largest difference of a field's mean, of 65535.
        difference: u16,
    },
}

impl From<Error> for SelfTestError {
    fn from(error: Error) -> Self {
        Self::Model(Box::new(error))
    }
}

/// How a model did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It made its reference image, bit for bit.
    Equal,
    /// It made its reference image up to rounding; the reference is of another kind of processor.
    Close {
        /// Where the reference was made.
        device: String,
        /// Largest difference of a field's mean, of 65535.
        difference: u16,
    },
    /// It has no reference, and made an image.
    Works {
        /// Hash of the image.
        pixels_blake3: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("ok, the reference image bit for bit"),
            Self::Close { device, difference } => {
                write!(f, "ok, the reference image of {device} to rounding (fields differ by at most {difference} of 65535)")
            }
            Self::Works { pixels_blake3 } => write!(f, "ok, without a reference; made {pixels_blake3}"),
        }
    }
}

/// Opens a model and makes its reference image, or a test image of `steps` steps; gives the image too.
///
/// # Errors
/// When the model cannot be used, or makes another image than its reference.
pub fn self_test(dir: &Path, device: DeviceKind, steps: usize, cancel: &Cancel) -> Result<(Verdict, GrayImage), SelfTestError> {
    let reference = ModelSpec::read(dir)?.reference;
    let pipeline = open(dir, device)?;
    let Some(reference) = reference else {
        let image = image(&pipeline, &test_request(&pipeline, steps), cancel)?;
        return Ok((Verdict::Works { pixels_blake3: hash_image(&image) }, image));
    };
    let mut request = GenerateRequest::new(&reference.impression, reference.seed);
    request.sampler = reference.sampler.parse::<SamplerKind>()?;
    request.num_steps = reference.num_steps;
    request.guidance_scale = reference.guidance_scale;
    request.preset = reference.preset.parse::<Preset>()?;
    let image = image(&pipeline, &request, cancel)?;
    if hash_image(&image) == reference.pixels_blake3 {
        return Ok((Verdict::Equal, image));
    }
    let fields = fields(&image);
    let difference = fields.iter().zip(&reference.fields).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(u16::MAX);
    let here = device_words(device);
    if reference.device == here || fields.len() != reference.fields.len() || difference > TOLERANCE {
        return Err(SelfTestError::Differs { device: reference.device, here, difference });
    }
    Ok((Verdict::Close { device: reference.device, difference }, image))
}

/// Makes a reference image and keeps its hash in the model's description.
///
/// # Errors
/// When the model cannot be used or its description not be written.
pub fn write_reference(dir: &Path, device: DeviceKind, steps: usize) -> Result<ReferenceSpec, SelfTestError> {
    let mut spec = ModelSpec::read(dir)?;
    let pipeline = open(dir, device)?;
    let request = test_request(&pipeline, steps);
    let image = image(&pipeline, &request, &Cancel::new())?;
    let reference = ReferenceSpec {
        impression: request.impression,
        seed: request.seed.0,
        sampler: request.sampler.name().to_owned(),
        num_steps: request.num_steps,
        guidance_scale: request.guidance_scale,
        preset: request.preset.name().to_owned(),
        pixels_blake3: hash_image(&image),
        device: device_words(device),
        fields: fields(&image),
    };
    spec.reference = Some(reference.clone());
    let text = spec.to_toml().map_err(|e| SelfTestError::Text(e.to_string()))?;
    write_atomic(&dir.join("model.toml"), text.as_bytes())?;
    Ok(reference)
}

/// Opens a model as references are made: in `f32` anywhere.
fn open(dir: &Path, device: DeviceKind) -> Result<Pipeline, Error> {
    let options = OpenOptions { precision: Precision::F32, ..OpenOptions::default() };
    Pipeline::open_with(dir, &device, &options)
}

fn test_request(pipeline: &Pipeline, steps: usize) -> GenerateRequest {
    let mut request = pipeline.card().request(IMPRESSION, SEED);
    request.num_steps = steps;
    request
}

fn image(pipeline: &Pipeline, request: &GenerateRequest, cancel: &Cancel) -> Result<GrayImage, SelfTestError> {
    match pipeline.generate(std::slice::from_ref(request), cancel, &mut |_| {})? {
        Outcome::Done(mut images) => images.pop().map(|made| made.image).ok_or(SelfTestError::NoImage),
        Outcome::Cancelled => Err(SelfTestError::Cancelled),
    }
}
/// Mean grey value of each field of a coarse grid, row by row.
fn fields(image: &GrayImage) -> Vec<u16> {
    let (width, height) = (image.width(), image.height());
    let mut fields = Vec::with_capacity((FIELDS * FIELDS) as usize);
    for row in 0..FIELDS {
        for column in 0..FIELDS {
            let rows = row * height / FIELDS..(row + 1) * height / FIELDS;
            let columns = column * width / FIELDS..(column + 1) * width / FIELDS;
            let (mut sum, mut count) = (0u64, 0u64);
            for y in rows {
                for x in columns.clone() {
                    sum += u64::from(image.pixels()[(y * width + x) as usize]);
                    count += 1;
                }
            }
            fields.push((sum / count.max(1)) as u16);
        }
    }
    fields
}

/// Device and vector instructions: what the last bits depend on.
fn device_words(device: DeviceKind) -> String {
    let has = Capabilities::of_this_build();
    match device {
        DeviceKind::Cpu if has.avx512 => "cpu avx512".to_owned(),
        DeviceKind::Cpu if has.avx2 => "cpu avx2".to_owned(),
        DeviceKind::Cpu => "cpu".to_owned(),
        DeviceKind::Cuda(_) => "cuda".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_means() {
        let pixels: Vec<u16> = (0..64u16).map(|i| if i % 8 < 4 { 100 } else { 300 }).collect();
        let fields = fields(&GrayImage::new(8, 8, pixels).unwrap());
        assert_eq!(fields, [100, 100, 300, 300].repeat(4));
    }
}
