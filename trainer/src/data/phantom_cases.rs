//! Phantoms with a finished autoencoder, encoded once and kept in memory: what a stage learns from where no data set is
//! at hand.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::condition::Palette;
use engine::domain::Finding;
use engine::model::Autoencoder;
use half::f16;

use super::cases::{Caption, Case, Cases, Choose, ConditionKind, Latents};
use super::latents::Normaliser;
use super::phantoms::{CHUNK, CaseText, Phantoms, Stop, condition_pixels, region_bit};

/// Greys of the two lungs, the patient's right first, in pictures of the anatomy.
const LUNGS: [f32; 2] = [0.5, 0.35];

/// What encodes phantoms.
pub struct Encoders<'a> {
    /// The autoencoder.
    pub autoencoder: &'a dyn Autoencoder,
    /// Maps of its latents: pictures, conditions; fitted to the first cases where none are given.
    pub maps: Option<(Normaliser, Normaliser)>,
    /// Makes captions of texts.
    pub caption: &'a dyn Fn(&str) -> Result<Caption>,
    /// Width of a caption's rows; `None` where captions are tokens.
    pub caption_width: Option<usize>,
    /// Greys of condition pictures.
    pub palette: &'a Palette,
    /// Kinds of condition pictures that are wanted.
    pub kinds: &'a [ConditionKind],
    /// Whether posteriors are kept; else their means.
    pub sample_posterior: bool,
}

/// The encoded phantoms.
pub struct PhantomCases {
    shape: (usize, usize),
    caption_width: Option<usize>,
    maps: (Normaliser, Normaliser),
    cases: Vec<Packed>,
    fingerprint: String,
}

/// A case in half precision.
struct Packed {
    image: Halves,
    caption: PackedCaption,
    conditions: Vec<(ConditionKind, Halves)>,
}

/// Latents in half precision.
struct Halves {
    mean: Vec<f16>,
    deviation: Vec<f16>,
}

enum PackedCaption {
    Tokens(Vec<u32>),
    Rows(Vec<f16>),
}

fn wide(values: &[f16]) -> Vec<f32> {
    values.iter().map(|value| value.to_f32()).collect()
}

impl Halves {
    fn latents(&self) -> Latents {
        Latents { mean: wide(&self.mean), deviation: wide(&self.deviation) }
    }
}

impl PhantomCases {
    /// Draws and encodes all cases of the store, a chunk at a time. `next` is given how each chunk went, with how many are
    /// done, and tells whether to go on: the result is `None` where it does not. A chunk is left when `stop` asks for it, and
    /// then went as `false`.
    ///
    /// # Errors
    /// When a case cannot be drawn or encoded, or that of `next`.
    pub fn encode(
        data: &Phantoms,
        with: &Encoders<'_>,
        device: &Device,
        stop: Stop<'_>,
        mut next: impl FnMut(usize, Result<bool>) -> Result<bool>,
    ) -> Result<Option<Self>> {
        let size = data.size_px();
        let factor = with.autoencoder.factor();
        ensure!(size.is_multiple_of(factor), "phantoms of {size} px are no multiple of the autoencoder's {factor}");
        let mut maps = with.maps.clone().unzip();
        let mut cases = Vec::with_capacity(data.len());
        for index in 0..data.len() / CHUNK {
            let went = encode_chunk(data, index, with, &mut maps, device, stop, &mut cases);
            if !next(index + 1, went)? {
                return Ok(None);
            }
        }
        let (image_map, condition_map) = maps;
        let image_map = image_map.context("the data set has no case")?;
        Ok(Some(Self {
            shape: (with.autoencoder.latent_channels(), size / factor),
            caption_width: with.caption_width,
            // Without any condition picture its map is never used.
            maps: (image_map.clone(), condition_map.unwrap_or(image_map)),
            fingerprint: format!("{} phantoms of {size} px", cases.len()),
            cases,
        }))
    }

    /// Maps of the latents: pictures, conditions.
    pub fn maps(&self) -> &(Normaliser, Normaliser) {
        &self.maps
    }

    /// Tokens of the longest caption.
    pub fn longest(&self) -> usize {
        let width = self.caption_width.unwrap_or(1).max(1);
        let length = |case: &Packed| match &case.caption {
            PackedCaption::Tokens(ids) => ids.len(),
            PackedCaption::Rows(rows) => rows.len() / width,
        };
        self.cases.iter().map(length).max().unwrap_or(1)
    }
}

impl Cases for PhantomCases {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn id(&self, index: usize) -> String {
        format!("phantom {index}")
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn latent_shape(&self) -> (usize, usize) {
        self.shape
    }

    fn caption_width(&self) -> Option<usize> {
        self.caption_width
    }

    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
        let case = self.cases.get(index).with_context(|| format!("there is no phantom {index} of {}", self.cases.len()))?;
        let has: Vec<ConditionKind> = case.conditions.iter().map(|(kind, _)| *kind).collect();
        let chosen = choose(&has);
        let condition = case.conditions.iter().find(|(kind, _)| Some(*kind) == chosen);
        Ok(Case {
            image: case.image.latents(),
            caption: match &case.caption {
                PackedCaption::Tokens(ids) => Caption::Tokens(ids.clone()),
                PackedCaption::Rows(rows) => Caption::Rows(wide(rows)),
            },
            condition: condition.map(|(_, latents)| latents.latents()),
            features: None,
        })
    }
}

/// Adds the cases of chunk `index`; false where `stop` ended that, and then some of them are missing.
fn encode_chunk(
    data: &Phantoms,
    index: usize,
    with: &Encoders<'_>,
    (image_map, condition_map): &mut (Option<Normaliser>, Option<Normaliser>),
    device: &Device,
    stop: Stop<'_>,
    cases: &mut Vec<Packed>,
) -> Result<bool> {
    let (size, chunk) = (data.size_px(), data.chunk(index)?);
    let pictures: Vec<f32> = chunk.images.iter().map(|&v| f32::from(v) / 127.5 - 1.0).collect();
    let first = cases.len();
    let Some(images) = encoded(&pictures, size, with, image_map, device, stop)? else { return Ok(false) };
    for (image, text) in images.into_iter().zip(&chunk.texts) {
        if stop() {
            return Ok(false);
        }
        let caption = match (with.caption)(&text.prompt)? {
            Caption::Tokens(ids) => PackedCaption::Tokens(ids),
            Caption::Rows(rows) => PackedCaption::Rows(rows.into_iter().map(f16::from_f32).collect()),
        };
        cases.push(Packed { image, caption, conditions: Vec::new() });
    }
    for &kind in with.kinds {
        let mut drawn = Vec::with_capacity(CHUNK * size * size);
        for (i, text) in chunk.texts.iter().enumerate() {
            let regions = &chunk.regions[i * size * size..(i + 1) * size * size];
            match kind {
                ConditionKind::Mask => condition_pixels(with.palette, size, regions, text, false, &mut drawn)?,
                ConditionKind::Box => condition_pixels(with.palette, size, regions, text, true, &mut drawn)?,
                ConditionKind::Severity => severity_pixels(size, regions, text, &mut drawn)?,
                ConditionKind::Anatomy => anatomy_pixels(size, &data.lungs(index * CHUNK + i), &mut drawn),
            }
        }
        let Some(packed) = encoded(&drawn, size, with, condition_map, device, stop)? else { return Ok(false) };
        for ((case, packed), text) in cases[first..].iter_mut().zip(packed).zip(&chunk.texts) {
            // A condition must tell the whole truth: everything that can be drawn is, or there is nothing to draw; lungs are
            // there in every case.
            let tells = text.findings.is_empty() || text.findings.iter().any(|f| f.drawn);
            if kind == ConditionKind::Anatomy || tells {
                case.conditions.push((kind, packed));
            }
        }
    }
    Ok(true)
}

/// Normalised latents of grey pictures in `-1..=1`, picture after picture; a map that is not there is fitted to them. `None`
/// where `stop` ended it.
fn encoded(
    pictures: &[f32],
    size: usize,
    with: &Encoders<'_>,
    map: &mut Option<Normaliser>,
    device: &Device,
    stop: Stop<'_>,
) -> Result<Option<Vec<Halves>>> {
    const AT_ONCE: usize = 16;
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    let channels = with.autoencoder.image_channels();
    for part in pictures.chunks(AT_ONCE * size * size) {
        if stop() {
            return Ok(None);
        }
        let rows = part.len() / (size * size);
        let picture = Tensor::from_slice(part, (rows, 1, size, size), device)?;
        let picture = if channels == 1 { picture } else { picture.repeat((1, channels, 1, 1))? };
        let posterior = with.autoencoder.encode(&picture)?;
        if with.sample_posterior {
            deviations.push(posterior.deviation()?.detach());
        }
        means.push(posterior.mean.detach());
    }
    let means = Tensor::cat(&means, 0)?;
    let fitted = match map.take() {
        Some(known) => known,
        None => Normaliser::fit(&means)?,
    };
    let map = map.insert(fitted);
    let numbers = |tensor: &Tensor| -> Result<Vec<f16>> {
        Ok(tensor.to_dtype(DType::F16)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
    };
    let rows = means.dim(0)?;
    let means = numbers(&map.apply(&means)?)?;
    let deviations = if deviations.is_empty() { Vec::new() } else { numbers(&map.scaled(&Tensor::cat(&deviations, 0)?)?)? };
    let each = means.len() / rows;
    let of = |all: &[f16], row: usize| all.get(row * each..(row + 1) * each).map(<[f16]>::to_vec).unwrap_or_default();
    Ok(Some((0..rows).map(|row| Halves { mean: of(&means, row), deviation: of(&deviations, row) }).collect()))
}

/// Regions of findings, the lighter the more severe.
fn severity_pixels(size: usize, regions: &[u8], text: &CaseText, out: &mut Vec<f32>) -> Result<()> {
    let mut greys = vec![0f32; size * size];
    for finding in text.findings.iter().filter(|f| f.drawn) {
        let class: Finding = finding.class.parse().context("a packed finding")?;
        let (bit, grey) = (region_bit(class), 0.2 + 0.8 * finding.severity.clamp(0.0, 1.0));
        for (pixel, region) in greys.iter_mut().zip(regions) {
            if region & bit != 0 {
                *pixel = pixel.max(grey);
            }
        }
    }
    out.extend(greys.into_iter().map(|grey| 2.0 * grey - 1.0));
    Ok(())
}

/// The lungs, each in a grey of its own.
fn anatomy_pixels(size: usize, lungs: &[Vec<(f32, f32)>; 2], out: &mut Vec<f32>) {
    let first = out.len();
    out.resize(first + size * size, -1.0);
    for (outline, grey) in lungs.iter().zip(LUNGS) {
        for y in 0..size {
            // Where the row through the pixels' centres meets the outline.
            let at = y as f32 + 0.5;
            let mut cuts = Vec::new();
            for (i, &(x0, y0)) in outline.iter().enumerate() {
                let (x1, y1) = outline[(i + 1) % outline.len()];
                if (y0 <= at) != (y1 <= at) {
                    cuts.push(x0 + (at - y0) / (y1 - y0) * (x1 - x0));
                }
            }
            cuts.sort_by(f32::total_cmp);
            for pair in cuts.chunks_exact(2) {
                let (from, to) = (pair[0].max(0.0).round() as usize, pair[1].clamp(0.0, size as f32).round() as usize);
                for x in from..to.min(size) {
                    out[first + y * size + x] = 2.0 * grey - 1.0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::phantom::PhantomConfig;

    use super::*;
    use crate::data::phantoms::PackedFinding;

    #[test]
    fn lungs_are_filled_where_they_are_drawn() {
        let phantoms = Phantoms::new(1, PhantomConfig::practice(), 64, 256, None);
        let mut out = Vec::new();
        anatomy_pixels(64, &phantoms.lungs(0), &mut out);
        let share = |grey: f32| out.iter().filter(|v| (**v - (2.0 * grey - 1.0)).abs() < 1e-6).count() as f32 / 4096.0;
        assert!((0.08..0.35).contains(&share(LUNGS[0])) && (0.08..0.35).contains(&share(LUNGS[1])));
        // The patient's right lung is on the left of the picture.
        let of = |grey: f32| out.iter().position(|v| (*v - (2.0 * grey - 1.0)).abs() < 1e-6).unwrap_or(0) % 64;
        assert!(of(LUNGS[0]) < of(LUNGS[1]));
    }

    #[test]
    fn a_worse_finding_is_lighter() -> Result<()> {
        let finding = |class: &str, severity| PackedFinding {
            class: class.to_owned(),
            side: "left".to_owned(),
            rect: [0.0; 4],
            drawn: true,
            severity,
        };
        let text =
            CaseText { prompt: String::new(), findings: vec![finding("pneumothorax", 0.9), finding("pleural_effusion", 0.1)] };
        let (air, fluid) = (region_bit(Finding::Pneumothorax), region_bit(Finding::PleuralEffusion));
        let mut out = Vec::new();
        severity_pixels(2, &[air, fluid, air | fluid, 0], &text, &mut out)?;
        assert!(out[0] > out[1] && out[2] == out[0] && out[3] == -1.0, "{out:?}");
        Ok(())
    }
}
