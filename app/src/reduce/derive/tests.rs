//! Forks, twins and what is compared, without a window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{GrayImage, Mask, SamplerKind, Source};

use super::*;
use crate::action::Action;
use crate::examples::Example;
use crate::jobs::{Generator, Progress};
use crate::reduce::{self, model_ready};
use crate::state::sight::{self, Mode};
use crate::testing::{self, FakeModel};

fn studio() -> State {
    let mut state = State::new(Example::RightPneumothorax.document(64), PathBuf::from("out"));
    model_ready(&mut state, Arc::new(FakeModel::new(64, Duration::ZERO)));
    state
}

/// Applies an action; a job that it asks for begins at once.
fn reduce(state: &mut State, action: Action) -> Vec<crate::action::Effect> {
    let effects = reduce::reduce(state, action);
    testing::begin(state, &effects);
    effects
}

/// Lets the job in progress run to its end.
fn run(state: &mut State) {
    let job = state.job.as_ref().expect("a job");
    let (id, request) = (job.id, job.request.clone());
    let mut told = Vec::new();
    let artifact = FakeModel::new(64, Duration::ZERO)
        .generate(&request, &Cancel::new(), &mut |progress| told.push(progress))
        .expect("the fake model works")
        .expect("nobody cancelled");
    for progress in told {
        if let Progress::Step { step, of, preview, latent } = progress {
            reduce::step_done(state, id, step, of, Arc::new(preview), latent, 0.1);
        }
    }
    testing::finish(state, artifact);
}

fn said(state: &State) -> &str {
    state.messages.list.last().map_or("", |m| m.text.as_str())
}

#[test]
fn a_fork_begins_with_the_kept_latents_and_what_is_drawn_now() {
    let mut state = studio();
    reduce(&mut state, Action::Generate);
    run(&mut state);
    let parent = state.results[0].clone();
    reduce(&mut state, Action::Show(Shown::ResultStep(0, 4)));
    // The sampler of now does not matter: the latents belong to the parent's steps.
    reduce(&mut state, Action::SetSteps(20));
    reduce(&mut state, Action::SetSeed(7));
    reduce(&mut state, Action::SetImpression("Small right pneumothorax.".to_owned()));
    assert_eq!(reduce(&mut state, Action::Fork).len(), 1);
    let job = state.job.as_ref().expect("a job");
    let task = &state.queue.job(job.id).expect("its row").task;
    assert_eq!((task.relation, task.parent_run, task.parent_step), (Relation::Fork, parent.run_id(), Some(5)));
    assert_eq!((job.request.num_steps, job.request.seed), (8, parent.artifact.request.seed));
    assert!(job.request.impression.ends_with("Small right pneumothorax."));
    let kept = parent.latents[4].clone().expect("kept");
    assert_eq!(job.request.source, Source::Latent { latent: kept, step: 5 });

    // Its film begins after step 5, and numbers go on.
    run(&mut state);
    assert_eq!(state.results[0].previews.len(), 3);
    let film = Film::of(&state);
    assert_eq!((film.first, film.total, film.chosen_step()), (5, 8, Some(8)));
    reduce(&mut state, Action::StepFilm(-10_000));
    assert_eq!(state.shown_title(), "Predicted image at step 6");
    // A fork of a fork.
    assert_eq!(reduce(&mut state, Action::Fork).len(), 1);
    let job = state.job.as_ref().expect("a job").id;
    assert_eq!(state.queue.job(job).expect("its row").task.parent_step, Some(6));
}

#[test]
fn a_fork_of_an_edit_changes_the_same_image_in_the_region_of_now() {
    let mut state = studio();
    let opened = Arc::new(GrayImage::new(64, 64, (0..64 * 64).map(|i| i * 3).collect()).expect("64 × 64"));
    let mut base = crate::state::Base::square("opened", crate::state::BaseOrigin::File, Arc::clone(&opened));
    (base.edit, base.strength) = (true, 0.75);
    let region = |x0: u32| Arc::new(Mask::from_fn(64, 64, |x, y| (x0..x0 + 14).contains(&x) && (20..40).contains(&y)));
    let layer = state.document.push(Finding::Nodule, crate::state::Region::MayChange(region(8)));
    state.document.base = Some(base);
    reduce(&mut state, Action::Generate);
    run(&mut state);
    let parent = state.results[0].clone();
    assert_eq!((parent.first_step, parent.previews.len()), (2, 6));

    // Another text, strength and region: the image and the steps stay the parent's.
    reduce(&mut state, Action::Show(Shown::ResultStep(0, 3)));
    reduce(&mut state, Action::SetImpression("Clear lungs.".to_owned()));
    reduce(&mut state, Action::Images(crate::images::Action::SetStrength(0.2)));
    let moved = region(40);
    state.document.layer_mut(layer).expect("it is there").region = crate::state::Region::MayChange(Arc::clone(&moved));
    assert_eq!(reduce(&mut state, Action::Fork).iter().filter(|e| matches!(e, crate::action::Effect::Library(_))).count(), 1);
    let request = state.job.as_ref().expect("a job").request.clone();
    let kept = parent.latents[3].clone().expect("kept");
    let Source::Region { image, may_change, strength, kept: from, .. } = &request.source else { panic!("no region") };
    assert_eq!((image, may_change, *strength), (&opened, &moved, 0.75));
    assert_eq!(from.as_ref().map(|k| (&k.latent, k.step)), Some((&kept, 6)));
    run(&mut state);
    let fork = &state.results[0];
    assert_eq!((fork.first_step, fork.previews.len()), (6, 2));
    let pixels = fork.artifact.image.pixels().iter().zip(opened.pixels()).zip(moved.bits());
    assert!(pixels.clone().all(|((new, old), &inside)| inside == 1 || new == old), "the rest is the opened image");
    assert!(pixels.clone().any(|((new, old), _)| new != old));

    // In a case without the image, and in one that edits another, the parent's region stays.
    let other = Arc::new(GrayImage::black(64, 64));
    let mut another = crate::state::Base::square("another", crate::state::BaseOrigin::File, other);
    (another.edit, another.whole) = (true, true);
    for base in [None, Some(another)] {
        state.document.base = base;
        let now = state.document.request(&state.sampling);
        let request = fork_request(&now, &parent.artifact.request, 6, &kept);
        assert_eq!(request.source, parent.artifact.request.source.from_step(kept.clone(), 6));
    }
}

#[test]
fn an_unchanged_fork_of_an_edit_says_that_it_repeats_its_parent() {
    let mut state = studio();
    let opened = Arc::new(GrayImage::black(64, 64));
    let mut base = crate::state::Base::square("opened", crate::state::BaseOrigin::File, opened);
    base.edit = true;
    state.document.base = Some(base);
    state.sampling.sampler = SamplerKind::Ddim;
    reduce(&mut state, Action::Generate);
    run(&mut state);
    for (feather, repeats) in [(None, true), (Some(9), false)] {
        if let Some(px) = feather {
            reduce(&mut state, Action::Images(crate::images::Action::SetFeather(px)));
        }
        let told = state.messages.list.len();
        reduce(&mut state, Action::StepFilm(-2));
        reduce(&mut state, Action::Fork);
        let said = state.messages.list[told..].iter().any(|m| m.text.contains("repeats its parent exactly"));
        assert_eq!(said, repeats);
        run(&mut state);
    }
}

#[test]
fn what_cannot_be_forked_says_why() {
    let mut state = studio();
    assert!(reduce(&mut state, Action::Fork).is_empty());
    assert!(said(&state).starts_with("Show a step"), "{}", said(&state));
    reduce(&mut state, Action::Generate);
    run(&mut state);
    assert!(reduce(&mut state, Action::Fork).is_empty(), "the last step is the image");
    assert!(said(&state).contains("go back along the film"), "{}", said(&state));
    state.results[0].latents.clear();
    reduce(&mut state, Action::StepFilm(-1));
    assert!(reduce(&mut state, Action::Fork).is_empty());
    assert!(said(&state).contains("were not kept"), "{}", said(&state));
}

#[test]
fn an_unchanged_fork_says_whether_it_repeats_its_parent() {
    for (sampler, words) in [(SamplerKind::Ddim, "repeats its parent exactly"), (SamplerKind::UniPc, "remembers earlier steps")] {
        let mut state = studio();
        state.sampling.sampler = sampler;
        reduce(&mut state, Action::Generate);
        run(&mut state);
        reduce(&mut state, Action::StepFilm(-3));
        reduce(&mut state, Action::Fork);
        assert!(said(&state).contains(words), "{}", said(&state));
        // With another text there is nothing to note.
        let notes = state.messages.list.len();
        run(&mut state);
        reduce(&mut state, Action::SetImpression("Clear lungs.".to_owned()));
        reduce(&mut state, Action::StepFilm(-3));
        reduce(&mut state, Action::Fork);
        assert_eq!(state.messages.list.len(), notes);
    }
}

#[test]
fn a_twin_is_made_once_and_opens_the_comparison() {
    let mut state = studio();
    reduce(&mut state, Action::Twin);
    assert!(said(&state).starts_with("Show a finished image first"), "{}", said(&state));
    reduce(&mut state, Action::Generate);
    run(&mut state);
    let original = state.results[0].clone();
    assert_eq!(reduce(&mut state, Action::Twin).len(), 1);
    let job = state.job.as_ref().expect("a job");
    let task = &state.queue.job(job.id).expect("its row").task;
    assert_eq!((task.relation, task.parent_run), (Relation::Twin, original.run_id()));
    assert!(job.request.annotations.is_empty());
    assert_eq!(job.request.seed, original.artifact.request.seed);
    assert!(job.request.impression.ends_with(". No pleural effusion. Heart size is normal."), "{}", job.request.impression);
    run(&mut state);
    let a = state.sight.a.as_ref().expect("the twin is A");
    assert!(Arc::ptr_eq(&a.image, &state.results[0].artifact.image));
    assert!(Arc::ptr_eq(&state.shown_image().expect("shown"), &original.artifact.image), "the original is B");
    assert_eq!((state.sight.mode, state.sight.difference), (Mode::Swipe, true));

    // Again: both are there, so nothing runs.
    reduce(&mut state, Action::Sight(sight::Action::SetMode(Mode::Single)));
    assert!(reduce(&mut state, Action::Twin).is_empty() && state.job.is_none());
    assert_eq!(state.sight.mode, Mode::Swipe);
    // A twin has no twin of its own.
    reduce(&mut state, Action::Show(Shown::Result(0)));
    let drawn = state.results[0].artifact.request.clone();
    assert_eq!(drawn.annotations.len(), 0);
    assert!(reduce(&mut state, Action::Twin).is_empty());
    assert!(said(&state).contains("no finding to take away"), "{}", said(&state));
}

#[test]
fn a_cancelled_twin_compares_nothing_later() {
    let mut state = studio();
    reduce(&mut state, Action::Generate);
    run(&mut state);
    reduce(&mut state, Action::Twin);
    testing::cancel(&mut state);
    reduce(&mut state, Action::Generate);
    run(&mut state);
    assert_eq!(state.sight.mode, Mode::Single);
}

#[test]
fn modes_need_two_pictures_and_keep_a_what_it_was() {
    let mut state = studio();
    let act = |state: &mut State, action| reduce(state, Action::Sight(action));
    act(&mut state, sight::Action::Toggle);
    assert_eq!(state.sight.mode, Mode::Single);
    assert!(said(&state).contains("nothing to compare with"), "{}", said(&state));
    for seed in [1, 2] {
        reduce(&mut state, Action::SetSeed(seed));
        reduce(&mut state, Action::Generate);
        run(&mut state);
    }
    act(&mut state, sight::Action::Toggle);
    assert_eq!(state.sight.mode, Mode::Swipe);
    let seed = |state: &State| state.sight.a.as_ref().and_then(|a| a.request().map(|r| r.seed.0));
    assert_eq!(seed(&state), Some(1), "the one made before");
    // A new result does not change A.
    reduce(&mut state, Action::SetSeed(3));
    reduce(&mut state, Action::Generate);
    run(&mut state);
    assert_eq!(seed(&state), Some(1));
    act(&mut state, sight::Action::Swap);
    assert_eq!((seed(&state), state.shown), (Some(3), Shown::Result(2)));
    for expected in [Mode::Blink, Mode::Single, Mode::SideBySide] {
        act(&mut state, sight::Action::NextMode);
        assert_eq!(state.sight.mode, expected);
    }
    act(&mut state, sight::Action::ToggleDifference);
    assert!(state.sight.difference && state.sight.is_comparing());
    act(&mut state, sight::Action::Toggle);
    assert!(!state.sight.is_comparing());
    act(&mut state, sight::Action::SwipeTo(f32::NAN));
    act(&mut state, sight::Action::SwipeTo(7.0));
    assert_eq!(state.sight.swipe, 1.0);
}

#[test]
fn a_twin_keeps_what_does_not_name_the_finding() {
    let text = "sex:Male, age:64.0, race:A. Moderate right pneumothorax. No pleural effusion. Heart size is normal.";
    let twin = without_findings(text, &[Finding::Pneumothorax]);
    assert_eq!(twin, "sex:Male, age:64.0, race:A. No pleural effusion. Heart size is normal.");
    assert_eq!(without_findings("Small left effusion.", &[Finding::PleuralEffusion]), HEALTHY);
    // Another finding stays, a denied one too.
    let text = "Small left effusion with a nodule; no pneumothorax. Pacemaker in place";
    let twin = without_findings(text, &[Finding::Pneumothorax, Finding::Device]);
    assert_eq!(twin, "Small left effusion with a nodule; no pneumothorax.");
    assert_eq!(without_findings(text, &[]), "no pneumothorax.");
}
