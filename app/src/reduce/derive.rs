//! Runs that come from the shown one: forks from a step, twins without the findings.

use engine::domain::{Finding, Source};
use engine::text::findings::mentions;

use super::run;
use crate::action::Effect;
use crate::library::Relation;
use crate::state::film::{fork_request, forks_exactly};
use crate::state::{Demographics, Film, Level, Shown, State, StudioResult};

/// The text of a twin whose every sentence named a drawn finding.
const HEALTHY: &str = "No acute findings.";

/// Starts a run that goes on from the shown step.
pub(super) fn fork(state: &mut State) -> Vec<Effect> {
    let (step, latent, parent) = match Film::of(state).fork() {
        Ok((step, latent, parent)) => (step, latent.clone(), parent.clone()),
        Err(why) => {
            state.messages.push(Level::Note, why);
            return Vec::new();
        }
    };
    // The run in progress is not in the library yet, so a fork of it has no parent there.
    let from = match state.shown {
        Shown::Live | Shown::LiveStep(_) => None,
        _ => super::shown_result(state).and_then(|i| state.results.get(i)).and_then(StudioResult::run_id),
    };
    let now = state.document.request(&state.sampling);
    let request = fork_request(&now, &parent, step, &latent);
    let unchanged = request.impression == parent.impression
        && request.annotations == parent.annotations
        && same_region(&request.source, &parent.source)
        && request.guidance_scale == parent.guidance_scale;
    let effects = run::begin(state, request, Relation::Fork, from, u32::try_from(step).ok());
    if !effects.is_empty() && unchanged {
        let words = if forks_exactly(parent.sampler) {
            "Nothing was changed, so this fork repeats its parent exactly."
        } else {
            "Nothing was changed; this sampler remembers earlier steps, so the fork differs from its parent in small things."
        };
        state.messages.push(Level::Note, words);
    }
    effects
}

/// Whether two runs may change the same pixels.
fn same_region(a: &Source, b: &Source) -> bool {
    match (a, b) {
        (Source::Region { may_change: a, feather_px: seam_a, .. }, Source::Region { may_change: b, feather_px: seam_b, .. }) => {
            a == b && seam_a == seam_b
        }
        _ => matches!(a, Source::Region { .. }) == matches!(b, Source::Region { .. }),
    }
}

/// Starts the shown run again without its findings; when it is there, both are compared.
pub(super) fn twin(state: &mut State) -> Vec<Effect> {
    let Some(original) = super::shown_result(state).and_then(|i| state.results.get(i)) else {
        state.messages.push(Level::Note, "Show a finished image first; its twin is the same image without the findings.");
        return Vec::new();
    };
    let request = &original.artifact.request;
    let drawn: Vec<Finding> = request.annotations.iter().map(|a| a.finding).collect();
    let text = without_findings(&request.impression, &drawn);
    let twin = request.twin_without_findings(text);
    if twin == *request {
        state.messages.push(Level::Note, "This image has no finding to take away; its twin would be the same image.");
        return Vec::new();
    }
    let (original, parent) = (StudioResult::clone(original), original.run_id());
    if let Some(there) = state.results.iter().find(|r| r.artifact.request == twin).cloned() {
        state.sight.compare_twin(&there);
        show(state, &original);
        return Vec::new();
    }
    let effects = run::begin(state, twin.clone(), Relation::Twin, parent, None);
    if !effects.is_empty() {
        state.sight.await_twin(twin, original);
    }
    effects
}

/// A result is there: where it is a twin that somebody waits for, both images are compared.
pub(super) fn finished(state: &mut State) {
    let Some(newest) = state.results.first().cloned() else { return };
    if let Some(original) = state.sight.take_awaited(&newest.artifact.request) {
        state.sight.compare_twin(&newest);
        show(state, &original);
    }
}

fn show(state: &mut State, original: &StudioResult) {
    let same = |r: &StudioResult| std::sync::Arc::ptr_eq(&r.artifact.image, &original.artifact.image);
    if let Some(index) = state.results.iter().position(same) {
        state.shown = Shown::Result(index);
    }
}

/// The text without the sentences that say one of the findings is there, prefix kept; with none given, without those
/// that name any finding.
fn without_findings(impression: &str, findings: &[Finding]) -> String {
    let (who, text) = Demographics::parse(impression);
    let named: Vec<std::ops::Range<usize>> = mentions(&text)
        .into_iter()
        .filter(|m| !m.negated() && (findings.is_empty() || findings.contains(&m.finding)))
        .map(|m| m.span)
        .collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut from = 0;
    let ends = text.match_indices(['.', ';', '\n']).map(|(at, end)| at + end.len()).chain([text.len()]);
    for to in ends {
        if !named.iter().any(|span| span.start < to && span.end > from) {
            kept.push(text[from..to].trim());
        }
        from = to;
    }
    kept.retain(|sentence| !sentence.is_empty());
    let rest = if kept.is_empty() { HEALTHY.to_owned() } else { kept.join(" ") };
    format!("{}{rest}", who.prefix())
}

#[cfg(test)]
mod tests;
