//! One case becomes one sample, or a reject with its reason.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::{Context, Result};
use candle_core::{DType, Tensor};
use engine::device::{DeviceKind, available_memory_bytes};
use engine::pipeline::Encoders;

use super::caption::{Caption, NoCaption, prepare, words};
use super::case::{Case, Input, View, Words};
use super::config::PrepareConfig;
use super::picture::{self, square};
use super::plan::Planned;
use super::regions::{Crop, draw};
use super::{npz, table};
use crate::data::dataset::{About, Binding, ConditionKind, Moments, Reject, Sample};

/// Bytes of caption rows that are kept for captions that come again.
const KEPT_BYTES: usize = 256 << 20;
/// Bytes that encoding takes for each pixel of a picture, at most: the first level of the published autoencoder.
const BYTES_A_PIXEL: u64 = 4400;
/// Logarithm of the variance of latents that were drawn already: as good as none.
const DRAWN: f32 = -30.0;

/// What a case became.
pub(crate) enum Made {
    Sample(Box<About>, Vec<u8>, Lost),
    Reject(Reject),
}

/// What the cleaning of a caption destroyed.
#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) words: Vec<String>,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Makes samples on any number of threads.
pub(crate) struct Maker<'a> {
    config: &'a PrepareConfig,
    binding: &'a Binding,
    encoders: &'a Encoders,
    rows: Mutex<Kept>,
    turns: Turns,
}

#[derive(Default)]
struct Kept {
    rows: HashMap<Vec<u32>, Arc<Vec<f32>>>,
    bytes: usize,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(config: &'a PrepareConfig, binding: &'a Binding, encoders: &'a Encoders, device: DeviceKind) -> Self {
        let one = BYTES_A_PIXEL * (binding.size_px * binding.size_px) as u64;
        let fit = available_memory_bytes().map_or(2, |free| (free / 2 / one.max(1)).max(1));
        // A card does one thing at a time.
        let turns = if device == DeviceKind::Cpu { usize::try_from(fit).unwrap_or(1) } else { 1 };
        Self { config, binding, encoders, rows: Mutex::default(), turns: Turns::new(turns) }
    }

    /// The sample of a case.
    ///
    /// # Errors
    /// When the encoders fail; what is wrong with the case is a reject.
    pub(crate) fn make(&self, planned: &Planned, key: &str) -> Result<Made> {
        let source = &self.config.sources[planned.source];
        let reject = |fault: Fault| {
            let (kind, reason) = (fault.0.to_owned(), one_line(&fault.1));
            Made::Reject(Reject { set: source.set().to_owned(), case: planned.case.name.clone(), kind, reason })
        };
        let about = About {
            key: key.to_owned(),
            set: source.set().to_owned(),
            patient: planned.patient.clone(),
            view: planned.case.view.name().to_owned(),
            sex: planned.case.sex.clone(),
            age: planned.case.age,
            race: planned.case.race.clone(),
            labels: planned.case.labels.clone(),
            ..About::default()
        };
        let made = match &planned.case.input {
            Input::Picture(_) => self.of_picture(planned, about)?,
            Input::Release { .. } => self.of_release(&planned.case, about)?,
        };
        let (sample, lost) = match made {
            Ok(made) => made,
            Err(fault) => return Ok(reject(fault)),
        };
        if let Some(name) = sample.not_finite() {
            return Ok(reject(Fault::new("not_finite", format!("its {name} holds numbers that are not finite (NaN)"))));
        }
        let bytes = sample.to_bytes(self.binding, self.config.latents, self.config.caption_rows)?;
        Ok(Made::Sample(Box::new(sample.about), bytes, lost))
    }

    fn of_picture(&self, planned: &Planned, mut about: About) -> Result<std::result::Result<(Sample, Lost), Fault>> {
        let case = &planned.case;
        let source = &self.config.sources[planned.source];
        let Input::Picture(paths) = &case.input else { return Ok(Err(Fault::new("input", "it has no picture"))) };
        // Words first: they are quick to read and rule many cases out.
        let caption = match self.caption(case)? {
            Ok(caption) => caption,
            Err(fault) => return Ok(Err(fault)),
        };
        let read = match picture::read(paths, source.sixteen_bit) {
            Ok(read) => read,
            Err(error) => return Ok(Err(Fault::new("picture", format!("{error:#}")))),
        };
        let view = if case.view == View::Unknown { read.view } else { case.view };
        if !self.config.views.is_empty() && !self.config.views.iter().any(|wanted| wanted == view.name()) {
            return Ok(Err(Fault::new("view", format!("its view is {}", view.name()))));
        }
        about.view = view.name().to_owned();
        (about.width, about.height) = (read.grey.width() as u32, read.grey.height() as u32);
        about.source_blake3 = read.blake3;
        let crop = Crop::new(about.width, about.height, self.binding.size_px);
        let drawn = match draw(case, &self.config.conditions, &self.binding.palette, crop) {
            Ok(drawn) => drawn,
            Err(error) => return Ok(Err(Fault::new("annotation", format!("{error:#}")))),
        };
        let square = square(&read.grey, self.binding.size_px);
        drop(read.grey);
        (about.grey_mean, about.grey_sd) = (square.mean, square.sd);
        about.unknown_classes = drawn.unknown.len();
        let mut conditions = std::collections::BTreeMap::new();
        for (kind, pixels) in drawn.pictures {
            about.conditions.push(kind);
            conditions.insert(kind, self.encode(&pixels)?);
        }
        let image = self.encode(&square.values)?;
        let rows = self.rows(&caption.ids)?;
        let Caption { text, ids, marks, lost: words, before, cut } = caption;
        (about.tokens, about.cut, about.marks, about.lost) = (ids.len(), cut, marks, words.len());
        let after = if words.is_empty() { String::new() } else { text.clone() };
        Ok(Ok((Sample { about, text, image, ids, caption: rows, conditions }, Lost { words, before, after })))
    }

    /// The caption of a case, of its own words or those of its report.
    fn caption(&self, case: &Case) -> Result<std::result::Result<Caption, Fault>> {
        let settings = &self.config.captions;
        let report = match &case.words {
            Words::Report(path) if path.is_file() => match table::read_text(path) {
                Ok(text) => Some(text),
                Err(_) => return Ok(Err(Fault::new("text", "its report cannot be read as UTF-8 text"))),
            },
            Words::ReportText(text) => Some(text.clone()),
            _ => None,
        };
        let own = match &case.words {
            Words::Caption(text) => Some(text.as_str()),
            _ => None,
        };
        let limit = self.binding.max_tokens;
        let said = words(case, report.as_deref(), own, settings);
        Ok(match prepare(&said, case, settings, limit, self.encoders.tokenizer()) {
            Ok(Ok(caption)) => Ok(caption),
            Ok(Err(NoCaption::Missing)) => {
                let why = match (&case.words, &report) {
                    (Words::Report(_), None) => "its report is not there",
                    (_, Some(_)) => "its report has none of the sections in captions.from",
                    _ => "it has no caption",
                };
                Err(Fault::new("no_caption", why))
            }
            Ok(Err(NoCaption::TooLong { tokens, limit })) => {
                Err(Fault::new("too_long", format!("its caption has {tokens} tokens, and at most {limit} are taken")))
            }
            Err(error) => Err(Fault::new("text", format!("{error:#}"))),
        })
    }

    /// A sample of what the published preparation made.
    fn of_release(&self, case: &Case, mut about: About) -> Result<std::result::Result<(Sample, Lost), Fault>> {
        let Input::Release { image, text, condition } = &case.input else {
            return Ok(Err(Fault::new("input", "it has no latents")));
        };
        let latents = |path: &std::path::Path| -> Result<std::result::Result<Moments, Fault>> {
            let shape = [self.binding.channels, self.binding.side, self.binding.side];
            let array = match npz::read(path).and_then(|mut arrays| arrays.remove("image").context("it has no array `image`")) {
                Ok(array) => array,
                Err(error) => return Ok(Err(Fault::new("latent", format!("{error:#}")))),
            };
            if array.shape != shape {
                return Ok(Err(Fault::new("size", format!("its latent is {:?}, and the model's {shape:?}", array.shape))));
            }
            let scaled = Tensor::from_vec(array.values, (1, shape[0], shape[1], shape[2]), &candle_core::Device::Cpu)?;
            let mean: Vec<f32> = self.encoders.unscaled(&scaled.to_device(self.encoders.device())?)?.flatten_all()?.to_vec1()?;
            let log_var = vec![DRAWN; mean.len()];
            Ok(Ok(Moments { mean, log_var }))
        };
        let image = match latents(image)? {
            Ok(moments) => moments,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut conditions = std::collections::BTreeMap::new();
        if let Some(path) = condition {
            match latents(path)? {
                Ok(moments) => drop(conditions.insert(ConditionKind::Mask, moments)),
                Err(fault) => return Ok(Err(fault)),
            }
            about.conditions.push(ConditionKind::Mask);
        }
        let caption = match npz::read(text).and_then(|arrays| caption_of(arrays, self.binding)) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(Fault::new("text", format!("{error:#}")))),
        };
        about.tokens = caption.len() / self.binding.text_width;
        (about.width, about.height) = (self.binding.size_px as u32, self.binding.size_px as u32);
        Ok(Ok((Sample { about, text: String::new(), image, ids: Vec::new(), caption, conditions }, Lost::default())))
    }

    fn encode(&self, pixels: &[f32]) -> Result<Moments> {
        let _turn = self.turns.take();
        let posterior = self.encoders.encode(pixels, self.binding.size_px)?;
        Ok(Moments { mean: posterior.mean.flatten_all()?.to_vec1()?, log_var: posterior.log_var.flatten_all()?.to_vec1()? })
    }

    /// Rows of a caption, encoded alone; one that came before is not encoded again.
    fn rows(&self, ids: &[u32]) -> Result<Vec<f32>> {
        let known = self.rows.lock().unwrap_or_else(PoisonError::into_inner).rows.get(ids).cloned();
        if let Some(rows) = known {
            return Ok(rows.to_vec());
        }
        let turn = self.turns.take();
        let rows: Vec<f32> = self.encoders.embed(ids)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        drop(turn);
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += 4 * rows.len();
        kept.rows.insert(ids.to_vec(), Arc::new(rows.clone()));
        Ok(rows)
    }
}

/// Rows of a caption that the published preparation made, without those its mask hides.
fn caption_of(mut arrays: std::collections::BTreeMap<String, npz::Array>, binding: &Binding) -> Result<Vec<f32>> {
    let mut take = |name: &str| arrays.remove(name).with_context(|| format!("it has no array `{name}`"));
    let (rows, mask) = (take("caption_embedding")?, take("caption_mask")?);
    let width = binding.text_width;
    anyhow::ensure!(
        rows.shape.last() == Some(&width) && rows.values.len() == mask.values.len() * width,
        "its caption is {:?} with a mask of {:?}, and the model reads rows of width {width}",
        rows.shape,
        mask.shape
    );
    let used = mask.values.iter().take_while(|kept| **kept != 0.0).count();
    anyhow::ensure!(mask.values[used..].iter().all(|kept| *kept == 0.0), "its mask has gaps");
    anyhow::ensure!(
        (1..=binding.max_tokens).contains(&used),
        "its caption has {used} tokens, and 1 to {} are read",
        binding.max_tokens
    );
    Ok(rows.values[..used * width].to_vec())
}

/// The kind of a reason, and the reason.
struct Fault(&'static str, String);

impl Fault {
    fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self(kind, reason.into())
    }
}

/// A reason on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many may encode at once, as memory allows.
struct Turns {
    free: Mutex<usize>,
    given: Condvar,
}

struct Turn<'a>(&'a Turns);

impl Turns {
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(count.max(1)), given: Condvar::new() }
    }

    fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.given.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given.notify_one();
    }
}
