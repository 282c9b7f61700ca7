//! The engine's pipeline as the window's generator, and how it is found and opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, GenerateRequest, GrayImage};
use engine::pipeline::{self, Outcome, Pipeline};
use engine::store::find_model::practice_model_dir;

use super::{Artifact, Card, Generator, Opener, Progress, TokenCount};

/// A loaded pipeline.
struct EngineModel {
    pipeline: Pipeline,
    card: Card,
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

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        let mut on_event = |event: pipeline::Event| match event {
            pipeline::Event::Started { steps } => on_progress(Progress::Started { steps }),
            pipeline::Event::Step { step, of, previews, noisy, .. } => {
                if let Some(preview) = previews.into_iter().next() {
                    let latent = noisy.first().and_then(|latent| latent.values().ok());
                    on_progress(Progress::Step { step, of, preview, latent });
                }
            }
            pipeline::Event::Attention { .. }
            | pipeline::Event::Paused { .. }
            | pipeline::Event::Resumed
            | pipeline::Event::Finished => {}
        };
        match self.pipeline.generate(std::slice::from_ref(request), cancel, &mut on_event)? {
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
}

/// Opens a model folder, or the practice model when none is named.
pub fn opener(folder: Option<PathBuf>) -> Opener {
    Box::new(move || {
        let folder = match folder {
            Some(folder) => folder,
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
        Ok(Arc::new(EngineModel { pipeline, card }) as Arc<dyn Generator>)
    })
}
