//! Makes an image again from its run record and says whether it is the same, bit for bit.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use engine::device::DeviceKind;
use engine::domain::GrayImage;
use engine::imageio::png::read_gray;
use engine::pipeline::{Generated, ImportedNoise, ModelCard, OpenOptions, Pipeline, RunOptions};
use engine::store::hash::hash_image;
use engine::store::record::RunRecord;

use crate::generate::{Progress, ResultFiles, check_out_dir, generate_with, model, noise_of, write_result};
use crate::run::signals::StopRequest;
use crate::work::WorkShare;

/// A replay.
#[derive(Clone, Debug)]
pub struct Replay {
    /// A record, or an image with its record inside.
    pub file: PathBuf,
    /// Model folder or `practice`; `None` is the practice model if the record names it.
    pub model: Option<String>,
    /// Where to compute; `None` is where the record was made, if this machine has it, else the processor.
    pub device: Option<DeviceKind>,
    /// Folder for the new image and its record.
    pub out: Option<PathBuf>,
    /// The file of noise, for an image that was made with one.
    pub noise: Option<PathBuf>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The same bits.
    Identical,
    /// Other bits; each entry is one difference.
    Different(Vec<String>),
    /// Stopped by the user.
    Interrupted,
}

impl Replay {
    /// Runs it.
    ///
    /// # Errors
    /// When the record or the model cannot be read, or the new image cannot be written.
    pub fn run(&self, stop: &StopRequest) -> Result<Verdict> {
        let record = RunRecord::read(&self.file)?;
        let noise = self.noise.as_deref().map(ImportedNoise::read).transpose()?;
        let noise = noise_of(&record, &self.file, noise.as_ref())?;
        let files = self.out.as_deref().map(|out| self.new_files(out)).transpose()?;
        let dir = model::model_dir(self.model.as_deref())?;
        let device = self.device.unwrap_or_else(|| device_of(&record));
        let options = OpenOptions { keep_embeddings: true, ..OpenOptions::of_record(&record, device) };
        let pipeline = Pipeline::open_with(&dir, &device, &options).with_context(|| format!("--model {}", dir.display()))?;
        let card = pipeline.card();
        ensure!(
            self.model.is_some() || card.name == record.model_name,
            "{} was made by model {:?}; name its folder with --model",
            self.file.display(),
            record.model_name
        );
        if card.size_px != record.size_px {
            let sizes = format!("the model makes {0}×{0} pixels and the record says {1}×{1}", card.size_px, record.size_px);
            let mut differences = circumstances(&record, card, None);
            differences.insert(0, sizes);
            return Ok(Verdict::Different(differences));
        }
        let mut progress = Progress::new(1, record.request.calls(), WorkShare::WHOLE);
        let options = RunOptions { noise: noise.as_ref(), ..RunOptions::default() };
        let made = generate_with(&pipeline, std::slice::from_ref(&record.request), &options, stop, &progress)?;
        progress.finish_images(1);
        progress.clear();
        let Some(new) = made.and_then(|images| images.into_iter().next()) else { return Ok(Verdict::Interrupted) };
        if let Some(files) = &files {
            write_result(files, &new)?;
        }
        Ok(self.compare(&record, &new, card))
    }

    /// Where the new files go; older ones are not replaced.
    fn new_files(&self, out: &Path) -> Result<ResultFiles> {
        check_out_dir(out)?;
        let Some(stem) = self.file.file_stem().and_then(|stem| stem.to_str()) else {
            bail!("{} has a name that is not UTF-8; rename it", self.file.display());
        };
        let files = ResultFiles::new(out, stem);
        for file in [&files.image, &files.mask, &files.record] {
            ensure!(!file.exists(), "{} exists; choose another --out", file.display());
        }
        Ok(files)
    }

    fn compare(&self, record: &RunRecord, new: &Generated, card: &ModelCard) -> Verdict {
        let same_control = record.control_blake3 == new.record.control_blake3;
        if new.record.pixels_blake3 == record.pixels_blake3 && same_control {
            // The record holds; the picture beside it may still have been changed by hand.
            return match self.picture() {
                Some(old) if hash_image(&old) != record.pixels_blake3 => Verdict::Different(vec![format!(
                    "the record gives the image it describes, but the picture beside it was changed afterwards ({})",
                    grey_difference(&old, &new.image)
                )]),
                _ => Verdict::Identical,
            };
        }
        let mut differences = Vec::new();
        if let Some(old) = self.picture() {
            differences.push(grey_difference(&old, &new.image));
        }
        if !same_control {
            differences.push("the condition picture differs".to_owned());
        }
        let circumstances = circumstances(record, card, Some(&new.record));
        if circumstances.is_empty() {
            let same = "model, engine and device are the same; a processor with other vector instructions, or a build \
                        with other kernels, changes the last bits";
            differences.push(same.to_owned());
        }
        differences.extend(circumstances);
        Verdict::Different(differences)
    }

    /// The picture of the record: the file itself, or the PNG beside it.
    fn picture(&self) -> Option<GrayImage> {
        read_gray(&self.file.with_extension("png")).ok()
    }
}

/// The record's device where it can be opened, else the processor.
fn device_of(record: &RunRecord) -> DeviceKind {
    let named: Option<DeviceKind> = record.device.parse().ok();
    named.filter(|device| device.open().is_ok()).unwrap_or_default()
}

/// What is not as it was: model files, engine, device, number type.
fn circumstances(record: &RunRecord, card: &ModelCard, new: Option<&RunRecord>) -> Vec<String> {
    let mut list = Vec::new();
    let changed = record.changed_files(&card.files);
    if !changed.is_empty() {
        list.push(format!("model files changed: {}", changed.join(", ")));
    }
    if card.name != record.model_name {
        list.push(format!("model {:?} instead of {:?}", card.name, record.model_name));
    }
    if let Some(new) = new {
        for (what, then, now) in [
            ("engine", &record.engine_version, &new.engine_version),
            ("device", &record.device, &new.device),
            ("number type", &record.dtype, &new.dtype),
        ] {
            if then != now {
                list.push(format!("{what} {now} instead of {then}"));
            }
        }
        if record.steps_ran != new.steps_ran {
            list.push(format!("{} steps ran instead of {}", new.steps_ran, record.steps_ran));
        }
    }
    list
}

/// Largest and mean difference of two pictures in 16-bit grey levels.
fn grey_difference(old: &GrayImage, new: &GrayImage) -> String {
    if (old.width(), old.height()) != (new.width(), new.height()) {
        return format!("its size is {}×{} instead of {}×{}", old.width(), old.height(), new.width(), new.height());
    }
    let differences = old.pixels().iter().zip(new.pixels()).map(|(a, b)| a.abs_diff(*b));
    let max = differences.clone().max().unwrap_or(0);
    let mean = differences.map(f64::from).sum::<f64>() / old.pixels().len() as f64;
    format!("grey values differ by {max} at most and {mean:.3} on average, of 65535")
}

/// The verdict as one line.
pub fn sentence(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Identical => "identical".to_owned(),
        Verdict::Different(differences) => format!("different: {}", differences.join("; ")),
        Verdict::Interrupted => "interrupted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_differences_are_counted() {
        let image = |pixels: &[u16]| GrayImage::new(2, 2, pixels.to_vec()).unwrap();
        let text = grey_difference(&image(&[0, 10, 20, 65535]), &image(&[0, 12, 10, 65535]));
        assert_eq!(text, "grey values differ by 10 at most and 3.000 on average, of 65535");
        assert!(grey_difference(&image(&[0; 4]), &GrayImage::black(4, 1)).contains("2×2 instead of 4×1"));
    }

    #[test]
    fn a_verdict_is_one_line() {
        assert_eq!(sentence(&Verdict::Identical), "identical");
        let different = Verdict::Different(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(sentence(&different), "different: a; b");
    }
}
