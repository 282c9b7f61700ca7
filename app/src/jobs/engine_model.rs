//! The engine's pipeline as the window's generator, and how it is found and opened.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use engine::adherence::{PracticeChecker, Seen};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, GenerateRequest, GrayImage};
use engine::pipeline::{self, MemoryPlan, Outcome, Pipeline, RunOptions, RunState};
use engine::store::find_model::practice_model_dir;
use engine::text::Cleaned;

use super::{Artifact, Card, Generator, Kept, Opener, Progress, TokenCount};

/// A loaded pipeline.
struct EngineModel {
    pipeline: Pipeline,
    card: Card,
    folder: PathBuf,
    /// The checker beside a practice model, read when it is first needed so that it does not slow the start.
    checker: OnceLock<Result<Option<PracticeChecker>, String>>,
    /// Whether runs tell where their words act.
    watch_words: AtomicBool,
    memory: Option<u64>,
}

impl EngineModel {
    /// Blocks whose attention is told: all, or none.
    fn watched_blocks(&self) -> Vec<usize> {
        let wanted = self.watch_words.load(Ordering::Relaxed);
        let count = if wanted { self.pipeline.block_count().unwrap_or(0) } else { 0 };
        (0..count).collect()
    }
}

impl Generator for EngineModel {
    fn card(&self) -> &Card {
        &self.card
    }

    fn count_tokens(&self, text: &str) -> TokenCount {
        let count = self.pipeline.count_tokens(text);
        TokenCount { used: count.used, limit: count.limit, cut_at: count.cut_at }
    }

    fn condition(&self, annotations: &[Annotation]) -> Option<GrayImage> {
        let mut request = self.pipeline.card().request("condition", 0);
        request.annotations = annotations.to_vec();
        self.pipeline.condition(&request)
    }

    fn clean(&self, text: &str) -> Option<Cleaned> {
        if self.pipeline.card().cleans_text() { engine::text::clean(text).ok() } else { None }
    }

    fn round_trip(&self, picture: &GrayImage) -> anyhow::Result<Option<GrayImage>> {
        Ok(Some(self.pipeline.round_trip(picture)?))
    }

    fn look(&self, image: &GrayImage) -> anyhow::Result<Option<Seen>> {
        // It learned from practice images of one size; whatever it would say of others means nothing.
        if !self.card.practice || image.width() != self.card.size_px {
            return Ok(None);
        }
        let open = || {
            let device = DeviceKind::Cpu.open().map_err(|e| e.to_string())?;
            PracticeChecker::open(&self.folder, &device).map_err(|e| e.to_string())
        };
        match self.checker.get_or_init(open) {
            Ok(Some(checker)) => Ok(Some(checker.look(image)?)),
            Ok(None) => Ok(None),
            Err(why) => Err(anyhow::anyhow!("{why}")),
        }
    }

    fn token_texts(&self, text: &str) -> Vec<String> {
        self.pipeline.token_texts(text).unwrap_or_default()
    }

    fn watch_words(&self, on: bool) {
        self.watch_words.store(on, Ordering::Relaxed);
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        let mut on_event = |event| tell(event, on_progress);
        let blocks = self.watched_blocks();
        let options = RunOptions { attention: &blocks, ..RunOptions::default() };
        image(self.pipeline.generate_with(std::slice::from_ref(request), &options, cancel, &mut on_event)?, request)
    }

    fn resume(
        &self,
        request: &GenerateRequest,
        kept: &Path,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        let state = RunState::read(kept)?;
        // A state that is another request's would give another image under this one's name.
        anyhow::ensure!(
            matches!(state.records.as_slice(), [record] if record.request == *request),
            "the run that was kept is another one; generate it again"
        );
        let mut on_event = |event| tell(event, on_progress);
        let blocks = self.watched_blocks();
        let options = RunOptions { attention: &blocks, ..RunOptions::default() };
        image(self.pipeline.resume(&state, &options, cancel, &mut on_event)?, request)
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.memory
    }
}

/// An event of the engine as the window's.
fn tell(event: pipeline::Event, on_progress: &mut dyn FnMut(Progress)) {
    match event {
        pipeline::Event::Started { steps } => on_progress(Progress::Started { steps }),
        pipeline::Event::Step { step, of, previews, noisy, .. } => {
            if let Some(preview) = previews.into_iter().next() {
                let latent = noisy.first().and_then(|latent| latent.values().ok());
                on_progress(Progress::Step { step, of, preview, latent });
            }
        }
        pipeline::Event::Paused { step, of, state } => {
            let state = state.map(|state| Kept::new(move |path| Ok(state.write(path)?)));
            on_progress(Progress::Paused { step, of, state });
        }
        pipeline::Event::Resumed => on_progress(Progress::Resumed),
        pipeline::Event::Attention { maps, .. } => {
            if let Some(map) = maps.into_iter().next() {
                on_progress(Progress::Attention(map));
            }
        }
        pipeline::Event::Finished => {}
    }
}

fn image(outcome: Outcome, request: &GenerateRequest) -> anyhow::Result<Option<Artifact>> {
    match outcome {
        Outcome::Cancelled => Ok(None),
        Outcome::Done(images) => {
            let made = images.into_iter().next().context("the engine returned no image")?;
            Ok(Some(Artifact {
                image: Arc::new(made.image),
                condition: made.condition,
                request: request.clone(),
                record: made.record,
            }))
        }
    }
}

/// Opens a model folder, or the practice model when none is named.
pub fn opener(folder: Option<PathBuf>) -> Opener {
    Box::new(move || {
        let folder = match &folder {
            Some(folder) => folder.clone(),
            None => {
                let exe = std::env::current_exe().ok();
                let source_tree = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
                practice_model_dir(exe.as_deref(), source_tree).context("start with --model FOLDER")?
            }
        };
        // A build for graphics cards takes the first one that works.
        let card = DeviceKind::Cuda(0);
        let device = if cfg!(feature = "cuda") && card.open().is_ok() { card } else { DeviceKind::Cpu };
        let pipeline = Pipeline::open_cached(&folder, &device)?;
        let from = pipeline.card();
        let card = Card {
            name: from.name.clone(),
            hash: from.hash.clone(),
            practice: from.practice,
            size_px: from.size_px,
            token_limit: from.token_limit,
            natural: from.request("", 0),
        };
        let (checker, watch_words) = (OnceLock::new(), AtomicBool::new(false));
        let memory = MemoryPlan::of(&folder).ok().map(|plan| plan.peak());
        Ok(Arc::new(EngineModel { pipeline, card, folder, checker, watch_words, memory }) as Arc<dyn Generator>)
    })
}
