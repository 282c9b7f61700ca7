//! Pausing, keeping and going on: the same bits as without.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::*;
use crate::store::run_state::RunState;

/// Requests of every sort for one sampler: new images with and without drawings, or an edit of a region.
fn batches(pipeline: &Pipeline, sampler: SamplerKind) -> Vec<Vec<GenerateRequest>> {
    let mut list = requests(pipeline);
    for request in &mut list {
        (request.sampler, request.eta, request.num_steps) = (sampler, 0.5, 5);
        request.karras = sampler.takes_karras();
    }
    let mut edit = list[1].clone();
    let image = Arc::new(GrayImage::from_unit(64, 64, &(0..4096).map(|i| (i % 97) as f32 / 97.0).collect::<Vec<_>>()).unwrap());
    let may_change = Arc::new(Mask::from_fn(64, 64, |x, y| x > 20 && y < 40));
    edit.source = Source::Region { image, may_change, strength: 0.8, feather_px: 2, kept: None };
    list.truncate(2);
    vec![list, vec![edit]]
}

/// Runs until the boundary before step `at`, keeps the run there and ends it.
fn kept_at(pipeline: &Pipeline, batch: &[GenerateRequest], at: usize) -> Option<RunState> {
    let cancel = Cancel::new();
    let mut kept = None;
    let first = batch[0].source.first_step(batch[0].calls());
    if at == first {
        cancel.pause();
    }
    let mut on_event = |event: Event| match event {
        Event::Step { step, .. } if step == at => cancel.pause(),
        Event::Paused { step, state, .. } => {
            assert_eq!(step, at);
            kept = state.map(|state| *state);
            cancel.cancel();
        }
        Event::Resumed => panic!("it was cancelled"),
        _ => {}
    };
    assert!(matches!(pipeline.generate(batch, &cancel, &mut on_event).unwrap(), Outcome::Cancelled));
    kept
}

fn resumed(pipeline: &Pipeline, state: &RunState) -> Vec<Generated> {
    match pipeline.resume(state, &RunOptions::default(), &Cancel::new(), &mut |_| {}).unwrap() {
        Outcome::Done(images) => images,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn a_run_that_is_kept_at_any_step_ends_with_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.state");
    for kind in [Kind::Practice, Kind::Release, Kind::Stable] {
        let model = TinyModel::new(kind);
        let (pipeline, other) = (model.open(), model.open());
        for sampler in SamplerKind::ALL {
            for batch in batches(&pipeline, sampler) {
                let whole = run(&pipeline, &batch);
                let of = batch[0].calls();
                for at in batch[0].source.first_step(of)..=of {
                    kept_at(&pipeline, &batch, at).unwrap().write(&path).unwrap();
                    let state = RunState::read(&path).unwrap();
                    assert_eq!((state.step, state.of, state.records.len()), (at, of, batch.len()));
                    for (a, b) in resumed(&other, &state).iter().zip(&whole) {
                        assert_eq!((&a.record, &a.image), (&b.record, &b.image), "{sampler:?} at step {at}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_solver_remembers_counts() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    for sampler in [SamplerKind::DpmPp2M, SamplerKind::DpmPpSde, SamplerKind::UniPc, SamplerKind::Pndm] {
        let batch = batches(&pipeline, sampler).remove(0);
        let mut state = kept_at(&pipeline, &batch, 2).unwrap();
        let whole = resumed(&pipeline, &state);
        state.solver = None;
        assert_ne!(resumed(&pipeline, &state)[0].image, whole[0].image, "{sampler:?}");
    }
}

#[test]
fn a_paused_run_waits_and_goes_on_or_stops() {
    let model = TinyModel::new(Kind::Practice);
    let list = requests(&model.open());
    let whole = run(&model.open(), &list);
    for stop in [false, true] {
        let (cancel, pipeline, list) = (Cancel::new(), model.open(), list.clone());
        let (tell, told) = mpsc::channel();
        let inner = cancel.clone();
        let thread = std::thread::Builder::new().name("run".into()).spawn(move || {
            let mut on_event = |event: Event| {
                let word = match &event {
                    Event::Step { step, .. } => format!("{step}"),
                    Event::Paused { step, of, state } => format!("paused {step}/{of} {}", state.is_some()),
                    Event::Resumed => "resumed".to_owned(),
                    _ => return,
                };
                if word == "2" {
                    inner.pause();
                }
                tell.send(word).unwrap();
            };
            pipeline.generate(&list, &inner, &mut on_event).unwrap()
        });
        let thread = thread.unwrap();
        let long = Duration::from_secs(60);
        let words: Vec<String> = (0..3).map(|_| told.recv_timeout(long).unwrap()).collect();
        assert_eq!(words, ["1", "2", "paused 2/4 true"]);
        assert!(told.recv_timeout(Duration::from_millis(100)).is_err(), "nothing goes on");
        if stop {
            cancel.cancel();
        } else {
            cancel.resume();
        }
        let outcome = thread.join().unwrap();
        let rest: Vec<String> = told.iter().collect();
        match outcome {
            Outcome::Cancelled => assert!(stop && rest.is_empty(), "{rest:?}"),
            Outcome::Done(images) => {
                assert!(!stop);
                assert_eq!(rest, ["resumed", "3", "4"]);
                for (a, b) in images.iter().zip(&whole) {
                    assert_eq!(a.image, b.image);
                }
            }
        }
    }
}

#[test]
fn a_kept_run_of_something_else_is_refused() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let batch = batches(&pipeline, SamplerKind::DpmPp2M).remove(0);
    let state = kept_at(&pipeline, &batch, 3).unwrap();
    let said = |pipeline: &Pipeline, state: &RunState, options: &RunOptions<'_>| {
        pipeline.resume(state, options, &Cancel::new(), &mut |_| {}).unwrap_err().to_string()
    };
    let plain = RunOptions::default();
    assert!(said(&TinyModel::new(Kind::Release).open(), &state, &plain).contains("other files"));
    let changed = |change: &dyn Fn(&mut RunState)| {
        let mut other = state.clone();
        change(&mut other);
        said(&pipeline, &other, &plain)
    };
    assert!(changed(&|s| s.records[1].engine_version = "0".into()).contains("engine 0"));
    assert!(changed(&|s| s.records[0].device = "cuda:1".into()).contains("device cuda"));
    assert!(changed(&|s| s.records[0].dtype = "bf16".into()).contains("number type bf16"));
    assert!(changed(&|s| s.of = 6).contains("step 3 of 6"));
    assert!(changed(&|s| s.step = 9).contains("step 9 of 5"));
    assert!(changed(&|s| s.latents = s.latents.narrow(0, 0, 1).unwrap()).contains("latents"));
    assert!(changed(&|s| drop(s.records.pop())).contains("latents"));
    let noise = candle_core::Tensor::zeros((2, 4, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let bytes = safetensors::serialize([("start", noise)], None).unwrap();
    let noise = ImportedNoise::from_bytes(&bytes, "noise").unwrap();
    assert!(said(&pipeline, &state, &RunOptions { noise: Some(&noise), ..plain }).contains("other noise"));
}

#[test]
fn a_damaged_file_of_a_kept_run_is_refused() {
    let pipeline = TinyModel::new(Kind::TextOnly).open();
    let batch = batches(&pipeline, SamplerKind::UniPc).remove(0);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.state");
    kept_at(&pipeline, &batch, 3).unwrap().write(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // Every byte of a file would take long; a prime stride meets header, notes and numbers.
    for at in (0..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[at] ^= 0x04;
        std::fs::write(&path, &broken).unwrap();
        if let Err(error) = RunState::read(&path) {
            let text = error.to_string();
            assert!(text.contains("run.state") && text.lines().count() == 1, "{text}");
        } else {
            assert!(at < whole.len() && whole[at..].starts_with(b" "), "byte {at} is not covered");
        }
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(RunState::read(&path).is_err(), "cut at {at}");
    }
    assert!(RunState::read(dir.path()).is_err() && RunState::read(&path.with_extension("none")).is_err());
    let text = String::from_utf8_lossy(&whole).into_owned();
    assert!(text.contains("chexgen-state"));
}
