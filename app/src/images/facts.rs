//! What the panels say about an edit, worked out once for each change and not once a frame.

use std::sync::Arc;

use engine::domain::{GrayImage, Source};
use engine::imageio::edited::{Kept, kept_outside};

use crate::reduce::shown_result;
use crate::state::sight::OPENED;
use crate::state::{Base, EditRegion, Layer, Shown, State};

/// Facts about the edit in hand and the one that is shown.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the next run may change.
    pub region: Option<EditRegion>,
    /// What stayed outside of the region in the shown result.
    pub kept: Option<Kept>,
}

/// Facts and what they were worked out from.
#[derive(Debug, Default)]
pub struct Cache {
    region: Option<(Vec<Layer>, Option<Base>, Option<EditRegion>)>,
    kept: Option<(Arc<GrayImage>, Option<Kept>)>,
}

impl Cache {
    /// The facts of the state.
    pub fn facts(&mut self, state: &State) -> Facts {
        let document = &state.document;
        // Images are compared by address first, so nothing is gone through while nothing changes.
        let known = self.region.as_ref().is_some_and(|(layers, base, _)| *layers == document.layers && *base == document.base);
        if !known {
            self.region = Some((document.layers.clone(), document.base.clone(), document.edit_region()));
        }
        let artifact = shown_result(state).and_then(|i| state.results.get(i)).map(|result| &result.artifact);
        let kept = artifact.and_then(|artifact| {
            if self.kept.as_ref().is_none_or(|(image, _)| !Arc::ptr_eq(image, &artifact.image)) {
                let kept = match &artifact.request.source {
                    Source::Region { image, may_change, .. } => kept_outside(image, &artifact.image, may_change),
                    Source::Noise | Source::Image { .. } | Source::Latent { .. } => None,
                };
                self.kept = Some((Arc::clone(&artifact.image), kept));
            }
            self.kept.as_ref().and_then(|(_, kept)| *kept)
        });
        Facts { region: self.region.as_ref().and_then(|(_, _, region)| region.clone()), kept }
    }
}

/// The words in the lower left corner of the image: what kind of picture it is.
pub fn mark(state: &State) -> &'static str {
    mark_of(state, state.shown)
}

/// The words for another picture than the one on the canvas.
pub fn mark_of(state: &State, shown: Shown) -> &'static str {
    let source = match shown {
        Shown::Base => return OPENED,
        Shown::Live | Shown::LiveStep(_) => state.job.as_ref().map(|job| &job.request.source),
        Shown::Result(i) | Shown::ResultStep(i, _) => state.results.get(i).map(|result| &result.artifact.request.source),
        Shown::Example | Shown::Blank => None,
    };
    match source {
        Some(Source::Region { .. }) => "EDITED REGION",
        Some(Source::Image { .. }) => "EDITED IMAGE",
        Some(Source::Noise | Source::Latent { .. }) | None => "Synthetic",
    }
}

/// Whether the picture on the canvas is an edited one.
pub fn is_edited(state: &State) -> bool {
    mark(state).starts_with("EDITED")
}
