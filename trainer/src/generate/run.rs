//! A run of images: everything is checked, then what is missing is made, batch by batch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use engine::device::DeviceKind;
use engine::domain::{GenerateRequest, GrayImage, Seed};
use engine::pipeline::{AttentionMap, Event, Generated, ImportedNoise, ModelCard, Pipeline, RunOptions};
use engine::store::atomic::remove_leftovers;
use engine::store::hash::hash_bytes;
use engine::store::record::NoiseOrigin;
use rayon::prelude::*;

use super::begin::{Begin, memory_note};
use super::case::Case;
use super::existing::{self, Existing};
use super::names::{self, ResultFiles, Wanted};
use super::progress::Progress;
use super::report::Report;
use super::settings::Settings;
use super::sheet::{self, Film};
use super::warnings::Warnings;
use super::words::{self, Blocks};
use super::write::{Further, check_out_dir, write_all};
use super::{generate_watched, generate_with, model, noise_of};
use crate::ranks::Sharing;
use crate::run::signals::StopRequest;

/// Cases checked between two looks at the stop request.
const CHECKED_AT_ONCE: usize = 64;

/// A run of images.
pub struct Run {
    /// What to make.
    pub cases: Vec<Case>,
    /// Sampler settings.
    pub settings: Settings,
    /// Model folder or `practice`; `None` is the practice model.
    pub model: Option<String>,
    /// Where to compute.
    pub device: DeviceKind,
    /// Images that go through the sampler together; `None` chooses by the device.
    pub batch: Option<usize>,
    /// A file of noise; each case has its own row.
    pub noise: Option<PathBuf>,
    /// Blocks whose attention to the words is written beside each image.
    pub words: Option<Blocks>,
    /// Whether and how the steps are written beside each image.
    pub film: Option<Film>,
    /// Which of the images this process makes.
    pub sharing: Sharing,
    /// Folder of the results.
    pub out: PathBuf,
    /// Whether lines of JSON are printed.
    pub json: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every image of this process is there.
    Done,
    /// Stopped by the user; the files that are there are whole, and running it again goes on.
    Interrupted,
}

/// A case after its check.
struct Checked {
    state: State,
    notes: Vec<String>,
}

enum State {
    /// To be made, together with cases of the same key.
    Missing(String),
    /// There already.
    Kept { seed: Seed, differences: Vec<&'static str> },
}

/// A case to be made, and what it shares with its batch.
struct Missing<'a> {
    case: &'a Case,
    key: &'a str,
}

/// What a run uses beside its cases.
struct Tools<'a> {
    pipeline: &'a Pipeline,
    noise: Option<&'a ImportedNoise>,
    /// Blocks whose attention is watched; none if it is not.
    blocks: Vec<usize>,
    stop: &'a StopRequest,
}

/// What was seen of each image of a batch on the way.
struct Seen {
    frames: Vec<Vec<GrayImage>>,
    maps: Vec<Vec<AttentionMap>>,
    failure: Option<anyhow::Error>,
}

impl Run {
    /// Makes what is missing, in the order of the cases.
    ///
    /// # Errors
    /// When an input cannot be used, a file that is not ours is in the way, or a result cannot be written.
    pub fn run(&self, stop: &StopRequest) -> Result<Ended> {
        self.settings.check()?;
        check_out_dir(&self.out)?;
        names::refuse_shared(self.cases.iter().map(|case| (case.name.as_str(), case.stem.as_str(), self.wanted(case))))?;
        let noise = self.noise.as_deref().map(ImportedNoise::read).transpose().context("--noise")?;
        let pipeline = model::open(&model::model_dir(self.model.as_deref())?, self.device)?;
        let blocks =
            self.words.as_ref().map_or(Ok(Vec::new()), |blocks| blocks.of(pipeline.block_count().context("--word-maps")?))?;
        let tools = Tools { pipeline: &pipeline, noise: noise.as_ref(), blocks, stop };
        self.clean_up()?;
        let share = self.sharing.share();
        let mut report = Report::new(std::io::stdout(), self.json, share);
        let Some(checked) = self.check_all(&tools)? else {
            report.summary(&self.out.display().to_string(), true, self.there())?;
            return Ok(Ended::Interrupted);
        };
        let absent = |(index, checked): (usize, &Checked)| matches!(checked.state, State::Missing(_)).then_some(index);
        let absent: Vec<usize> = checked.iter().enumerate().filter_map(absent).collect();
        let mine = self.sharing.take(&self.out, &self.work(), &absent)?;
        let mut warnings = Warnings::default();
        let mut missing: Vec<Missing<'_>> = Vec::new();
        for (index, (case, checked)) in self.cases.iter().zip(&checked).enumerate() {
            match &checked.state {
                State::Missing(_) if mine.pieces.binary_search(&index).is_err() => {}
                // What is there is told by one rank only.
                State::Kept { .. } if !share.owns(index) => {}
                State::Missing(key) => {
                    let cleans = pipeline.card().cleans_text();
                    for text in std::iter::once(&case.impression).chain(&case.twin) {
                        warnings.check_text(&case.place(), text, pipeline.count_tokens(text), cleans)?;
                    }
                    checked.notes.iter().for_each(|note| warnings.note(&case.place(), note));
                    missing.push(Missing { case, key });
                }
                State::Kept { seed, differences } => {
                    if !differences.is_empty() {
                        warnings.kept(&case.place(), differences);
                    }
                    let files = self.files(case);
                    let wanted = self.wanted(case);
                    report.kept(&case.name, &files, files.mask.exists(), wanted, *seed, !differences.is_empty())?;
                }
            }
        }
        warnings.print()?;
        let ended = self.make(&missing, &tools, &mut report)?;
        let there = self.there();
        report.summary(&self.out.display().to_string(), ended == Ended::Interrupted, there)?;
        mine.end(ended == Ended::Done && there.is_none_or(|(there, of)| there == of));
        Ok(ended)
    }

    /// What this job makes, for ranks to find each other by.
    fn work(&self) -> String {
        let stems: Vec<&str> = self.cases.iter().map(|case| case.stem.as_str()).collect();
        hash_bytes(stems.join("\n").as_bytes())
    }

    /// Images that are there and all that shall be, where other processes make some of them.
    fn there(&self) -> Option<(usize, usize)> {
        let count = || self.cases.iter().filter(|case| self.files(case).image.exists()).count();
        (self.sharing.share().world() > 1).then(|| (count(), self.cases.len()))
    }

    /// Takes away what killed runs left half-written in the folders of the results.
    fn clean_up(&self) -> Result<()> {
        let folders: BTreeSet<PathBuf> =
            self.cases.iter().filter_map(|case| self.files(case).image.parent().map(Path::to_owned)).collect();
        for folder in folders {
            remove_leftovers(&folder)?;
        }
        Ok(())
    }

    /// Checks every case and what stands in its place; `None` if it was stopped. The first offence is returned.
    fn check_all(&self, tools: &Tools<'_>) -> Result<Option<Vec<Checked>>> {
        let mut all = Vec::with_capacity(self.cases.len());
        for cases in self.cases.chunks(CHECKED_AT_ONCE) {
            if tools.stop.is_raised() {
                return Ok(None);
            }
            let some: Vec<Result<Checked>> = cases.par_iter().map(|case| self.check(case, tools)).collect();
            for checked in some {
                all.push(checked?);
            }
        }
        Ok(Some(all))
    }

    fn check(&self, case: &Case, tools: &Tools<'_>) -> Result<Checked> {
        let card = tools.pipeline.card();
        let (request, note) = case.request(card, &self.settings)?;
        ensure!(
            request.annotations.is_empty() || card.has_control,
            "{}: model {:?} cannot follow masks or boxes; leave them out or choose a model with control",
            case.place(),
            card.name
        );
        let noise = case_noise(case, tools.noise)?.map(|(_, origin)| origin);
        let notes = note.into_iter().chain(memory_note(&case.begin, &request, card)).collect();
        let (files, wanted) = (self.files(case), self.wanted(case));
        if let Existing::Result(record) = existing::look(&files, wanted).with_context(|| case.place())? {
            let differences = existing::differences(&record, &request, &case.begin, noise.as_ref(), card);
            if !differences.is_empty() || existing::is_complete(&files, wanted, &record, case.twin.as_deref()) {
                return Ok(Checked { state: State::Kept { seed: record.request.seed, differences }, notes });
            }
        }
        Ok(Checked { state: State::Missing(key(case, &request)), notes })
    }

    fn make(&self, cases: &[Missing<'_>], tools: &Tools<'_>, report: &mut Report<impl std::io::Write>) -> Result<Ended> {
        let card = tools.pipeline.card();
        let Some(first) = cases.first() else { return Ok(Ended::Done) };
        let steps = first.case.request(card, &self.settings)?.0.calls();
        let twins = cases.iter().filter(|missing| missing.case.twin.is_some()).count();
        let mut progress = Progress::new(cases.len() + twins, steps, self.sharing.share());
        for together in cases.chunk_by(|a, b| a.key == b.key && self.noise.is_none()) {
            for batch in together.chunks(self.batch_size(card)) {
                let begin = Instant::now();
                let batch: Vec<&Case> = batch.iter().map(|missing| missing.case).collect();
                let made = self.make_batch(&batch, tools, &mut progress).with_context(|| places(&batch))?;
                let Some(results) = made else {
                    progress.clear();
                    return Ok(Ended::Interrupted);
                };
                let time = begin.elapsed() / u32::try_from(batch.len()).unwrap_or(u32::MAX);
                for (case, (result, further)) in batch.iter().zip(&results) {
                    let files = self.files(case);
                    write_all(&files, result, further).with_context(|| case.place())?;
                    let (has_mask, seed) = (result.condition.is_some(), result.record.request.seed);
                    progress.suspend(|| report.made(&case.name, &files, has_mask, self.wanted(case), seed, time))?;
                }
            }
        }
        progress.clear();
        Ok(Ended::Done)
    }

    /// The images of a batch with their further files; `None` if it was stopped.
    fn make_batch(
        &self,
        batch: &[&Case],
        tools: &Tools<'_>,
        progress: &mut Progress,
    ) -> Result<Option<Vec<(Generated, Further)>>> {
        let Tools { pipeline, stop, .. } = *tools;
        let noise = batch.first().map_or(Ok(None), |case| case_noise(case, tools.noise))?.map(|(noise, _)| noise);
        let mut requests = Vec::with_capacity(batch.len());
        for case in batch {
            let (request, _) = case.request(pipeline.card(), &self.settings)?;
            match case.begin.resolve(request, pipeline, noise.as_ref(), stop, progress)? {
                Some(request) => requests.push(request),
                None => return Ok(None),
            }
        }
        let without_previews = !matches!(self.film, Some(Film::Linear));
        let options = RunOptions { noise: noise.as_ref(), attention: &tools.blocks, without_previews };
        let mut seen = Seen { frames: vec![Vec::new(); batch.len()], maps: vec![Vec::new(); batch.len()], failure: None };
        let mut watch = |event: &Event| seen.note(event, self.film, pipeline, &requests);
        let made = generate_watched(pipeline, &requests, &options, stop, progress, &mut watch)?;
        let Some(images) = made else { return Ok(None) };
        if let Some(failure) = seen.failure {
            return Err(failure);
        }
        progress.finish_images(batch.len());
        let told = |(case, request): (&&Case, &GenerateRequest)| Some(request.twin_without_findings(case.twin.clone()?));
        let twin_requests: Vec<GenerateRequest> = batch.iter().zip(&requests).filter_map(told).collect();
        let options = RunOptions { noise: noise.as_ref(), without_previews: true, ..RunOptions::default() };
        let made = generate_with(pipeline, &twin_requests, &options, stop, progress)?;
        let Some(twins) = made else { return Ok(None) };
        progress.finish_images(twins.len());
        let mut twins = twins.into_iter();
        let mut results = Vec::with_capacity(batch.len());
        for (row, (case, image)) in batch.iter().zip(images).enumerate() {
            let twin = case.twin.as_ref().and_then(|_| twins.next());
            let film = self.film.map_or(Ok(None), |_| sheet::film(&seen.frames[row]))?;
            let words = (!tools.blocks.is_empty()).then(|| -> Result<_> {
                let files = self.files(case);
                let name = files.image.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let first = case.begin.first_step(&requests[row]);
                let tokens = pipeline.token_texts(&requests[row].impression)?;
                words::sheet(&name, &seen.maps[row], first, &tools.blocks, &tokens)
            });
            results.push((image, Further { twin, words: words.transpose()?, film }));
        }
        Ok(Some(results))
    }

    fn files(&self, case: &Case) -> ResultFiles {
        ResultFiles::new(&self.out, &case.stem)
    }

    fn wanted(&self, case: &Case) -> Wanted {
        Wanted { twin: case.twin.is_some(), words: self.words.is_some(), film: self.film.is_some() }
    }

    /// A processor gains nothing from batches; a graphics card does.
    fn batch_size(&self, card: &ModelCard) -> usize {
        self.batch.unwrap_or(if card.device.starts_with("cuda") { 8 } else { 1 }).max(1)
    }
}

impl Seen {
    fn note(&mut self, event: &Event, film: Option<Film>, pipeline: &Pipeline, requests: &[GenerateRequest]) {
        match event {
            Event::Step { step, of, previews, latents, .. } => {
                let first = requests.first().map_or(0, |request| request.source.first_step(*of));
                if !sheet::is_shown(step - 1 - first.min(step - 1), of - first) {
                    return;
                }
                for (row, frames) in self.frames.iter_mut().enumerate() {
                    let frame = match film {
                        None => continue,
                        Some(Film::Linear) => Ok(previews.get(row).cloned()),
                        Some(Film::Decoded) => {
                            let decode = |latent| pipeline.decode(latent).map_err(anyhow::Error::from);
                            latents.get(row).map(decode).transpose()
                        }
                    };
                    match frame {
                        Ok(frame) => frames.extend(frame),
                        Err(error) => self.failure = Some(error),
                    }
                }
            }
            Event::Attention { maps, .. } => {
                self.maps.iter_mut().zip(maps).for_each(|(kept, map)| kept.push(map.clone()));
            }
            _ => {}
        }
    }
}

/// The noise of a case from a file, and what its record will say of it.
fn case_noise(case: &Case, noise: Option<&ImportedNoise>) -> Result<Option<(ImportedNoise, NoiseOrigin)>> {
    if let Begin::Fork(fork) = &case.begin {
        let own = noise_of(&fork.record, &fork.file, noise)?;
        return Ok(own.zip(fork.record.noise.clone()));
    }
    if let Some(rows) = noise.map(ImportedNoise::rows).filter(|rows| case.noise_row >= *rows) {
        bail!("{}: --noise has {rows} rows, and this is image {}; ask for fewer images", case.place(), case.noise_row + 1);
    }
    let with_origin = |noise: &ImportedNoise| {
        let origin = NoiseOrigin { blake3: noise.blake3().to_owned(), row: case.noise_row };
        (noise.clone().starting_at(case.noise_row), origin)
    };
    Ok(noise.map(with_origin))
}

/// Equal for cases that may go through the sampler together.
fn key(case: &Case, request: &GenerateRequest) -> String {
    let first = case.begin.first_step(request);
    format!(
        "{first} {} {} {} {} {} {}",
        request.num_steps,
        request.sampler.name(),
        request.eta,
        request.karras,
        request.guidance_scale,
        request.preset.name()
    )
}

fn places(batch: &[&Case]) -> String {
    match batch {
        [] => String::new(),
        [one] => one.place(),
        [first, .., last] => format!("{} to {:?}", first.place(), last.name),
    }
}
