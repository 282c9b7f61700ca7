//! Phantoms with a finished autoencoder and text encoder: what a stage learns from where no data set is at hand.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::condition::Palette;
use engine::domain::Finding;
use engine::model::Autoencoder;
use half::f16;

use super::cases::{Caption, Case, Cases, Choose, ConditionKind, Latents};
use super::latents::Normaliser;
use super::phantoms::{CHUNK, CaseText, Phantoms, condition_pixels, region_bit};
use crate::pretrain::parts::TextSide;

/// Greys of the two lungs, the patient's right first, in pictures of the anatomy.
const LUNGS: [f32; 2] = [0.5, 0.35];

/// What encodes phantoms.
pub struct Encoders<'a> {
    /// The autoencoder.
    pub autoencoder: &'a dyn Autoencoder,
    /// Maps of its latents: pictures, conditions.
    pub maps: (&'a Normaliser, &'a Normaliser),
    /// The text encoder.
    pub text: &'a TextSide,
    /// Width of its rows.
    pub text_width: usize,
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
    text_width: usize,
    images: Vec<Packed>,
    captions: Vec<Vec<f16>>,
    conditions: Vec<Vec<(ConditionKind, Packed)>>,
    fingerprint: String,
}

/// Latents of a case in half precision.
struct Packed {
    mean: Vec<f16>,
    deviation: Vec<f16>,
}

impl Packed {
    fn latents(&self) -> Latents {
        let wide = |values: &[f16]| values.iter().map(|value| value.to_f32()).collect();
        Latents { mean: wide(&self.mean), deviation: wide(&self.deviation) }
    }
}

impl PhantomCases {
    /// Draws and encodes all cases of the store; `progress` hears of finished chunks.
    ///
    /// # Errors
    /// When a case cannot be drawn or encoded.
    pub fn encode(data: &Phantoms, with: &Encoders<'_>, device: &Device, mut progress: impl FnMut(usize)) -> Result<Self> {
        let size = data.size_px();
        let pixels = size * size;
        let factor = with.autoencoder.factor();
        ensure!(size.is_multiple_of(factor), "phantoms of {size} px are no multiple of the autoencoder's {factor}");
        let mut set = Self {
            shape: (with.autoencoder.latent_channels(), size / factor),
            text_width: with.text_width,
            images: Vec::new(),
            captions: Vec::new(),
            conditions: Vec::new(),
            fingerprint: String::new(),
        };
        for index in 0..data.len() / CHUNK {
            let chunk = data.chunk(index)?;
            let pictures: Vec<f32> = chunk.images.iter().map(|&v| f32::from(v) / 127.5 - 1.0).collect();
            set.images.extend(encoded(&pictures, size, with, with.maps.0, device)?);
            let mut conditions: Vec<Vec<(ConditionKind, Packed)>> = (0..CHUNK).map(|_| Vec::new()).collect();
            for &kind in with.kinds {
                let mut drawn = Vec::with_capacity(CHUNK * pixels);
                for (i, text) in chunk.texts.iter().enumerate() {
                    let regions = &chunk.regions[i * pixels..(i + 1) * pixels];
                    match kind {
                        ConditionKind::Mask => condition_pixels(with.palette, size, regions, text, false, &mut drawn)?,
                        ConditionKind::Box => condition_pixels(with.palette, size, regions, text, true, &mut drawn)?,
                        ConditionKind::Severity => severity_pixels(size, regions, text, &mut drawn)?,
                        ConditionKind::Anatomy => anatomy_pixels(size, &data.lungs(index * CHUNK + i), &mut drawn),
                    }
                }
                let packed = encoded(&drawn, size, with, with.maps.1, device)?;
                for ((place, packed), text) in conditions.iter_mut().zip(packed).zip(&chunk.texts) {
                    // A condition must tell the whole truth; lungs are there in every case.
                    let tells = text.findings.is_empty() || text.findings.iter().any(|f| f.drawn);
                    if kind == ConditionKind::Anatomy || tells {
                        place.push((kind, packed));
                    }
                }
            }
            set.conditions.append(&mut conditions);
            for text in &chunk.texts {
                set.captions.push(with.text.embed(&text.prompt)?.into_iter().map(f16::from_f32).collect());
            }
            progress(index + 1);
        }
        set.fingerprint = format!("{} phantoms of {size} px", set.images.len());
        Ok(set)
    }
}

impl Cases for PhantomCases {
    fn len(&self) -> usize {
        self.images.len()
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
        Some(self.text_width)
    }

    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
        let has: Vec<ConditionKind> = self.conditions[index].iter().map(|(kind, _)| *kind).collect();
        let chosen = choose(&has);
        let condition = self.conditions[index].iter().find(|(kind, _)| Some(*kind) == chosen);
        Ok(Case {
            image: self.images[index].latents(),
            caption: Caption::Rows(self.captions[index].iter().map(|value| value.to_f32()).collect()),
            condition: condition.map(|(_, packed)| packed.latents()),
            features: None,
        })
    }
}

/// Normalised latents of grey pictures in `-1..=1`, picture after picture.
fn encoded(pictures: &[f32], size: usize, with: &Encoders<'_>, map: &Normaliser, device: &Device) -> Result<Vec<Packed>> {
    const AT_ONCE: usize = 16;
    let mut all = Vec::new();
    let channels = with.autoencoder.image_channels();
    for part in pictures.chunks(AT_ONCE * size * size) {
        let rows = part.len() / (size * size);
        let picture = Tensor::from_slice(part, (rows, 1, size, size), device)?;
        let picture = if channels == 1 { picture } else { picture.repeat((1, channels, 1, 1))? };
        let posterior = with.autoencoder.encode(&picture)?;
        let numbers = |tensor: &Tensor| -> Result<Vec<f16>> {
            Ok(tensor.to_dtype(DType::F16)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
        };
        let means = numbers(&map.apply(&posterior.mean)?)?;
        let deviations = match with.sample_posterior {
            true => numbers(&map.scaled(&posterior.deviation()?)?)?,
            false => Vec::new(),
        };
        let each = means.len() / rows;
        for row in 0..rows {
            let of = |all: &[f16]| all.get(row * each..(row + 1) * each).map(<[f16]>::to_vec).unwrap_or_default();
            all.push(Packed { mean: of(&means), deviation: of(&deviations) });
        }
    }
    Ok(all)
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

/// A store in an `Arc`, as stages take it.
pub fn shared(cases: PhantomCases) -> Arc<dyn Cases> {
    Arc::new(cases)
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
