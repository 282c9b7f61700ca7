//! Samplers on processes whose answer is known, tables against their definitions, losses by hand.

use candle_core::{DType, Device, Tensor, Var};
use proptest::prelude::*;

use super::*;
use crate::cancel::Cancel;
use crate::domain::SamplerKind;

/// A network that knows the clean latent: every sampler must arrive there.
struct Oracle {
    schedule: NoiseSchedule,
    x_start: Tensor,
    prediction: Prediction,
    calls: Vec<usize>,
}

impl Denoiser for Oracle {
    fn prediction(&self) -> Prediction {
        self.prediction
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        self.calls.push(timestep);
        let bar = self.schedule.alphas_cumprod()[timestep];
        let (signal, sigma) = (bar.sqrt(), (1.0 - bar).sqrt());
        let epsilon = (x - self.x_start.affine(signal, 0.0)?)?.affine(1.0 / sigma, 0.0)?;
        let prediction = match self.prediction {
            Prediction::Epsilon => epsilon,
            Prediction::Denoised => self.x_start.clone(),
            Prediction::Velocity => (epsilon.affine(signal, 0.0)? - self.x_start.affine(sigma, 0.0)?)?,
        };
        Ok(ModelOutput { prediction, variance: None })
    }
}

fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().and_then(|t| t.to_vec1()).expect("values")
}

fn wave(seed: f32, shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 1.37 + seed).sin() * 1.4).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn run(kind: SamplerKind, prediction: Prediction, num_steps: usize, eta: f64, karras: bool) -> (Tensor, Oracle) {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let mut oracle = Oracle { schedule: schedule.clone(), x_start: wave(0.3, &[2, 4, 5, 3]), prediction, calls: Vec::new() };
    let config = SamplerConfig { kind, num_steps, eta, karras };
    let mut noise = |step: u32, shape: &[usize]| Ok(wave(step as f32, shape));
    let outcome = sample(&config, &schedule, &mut oracle, wave(9.0, &[2, 4, 5, 3]), &mut noise, &Cancel::new(), &mut |_| {});
    match outcome.expect("a run") {
        Outcome::Done(x) => (x, oracle),
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn every_sampler_finds_a_known_latent() {
    for prediction in [Prediction::Velocity, Prediction::Denoised, Prediction::Epsilon] {
        for (kind, eta, karras) in [
            (SamplerKind::Ddpm, 0.0, false),
            (SamplerKind::Ddim, 0.0, false),
            (SamplerKind::Ddim, 0.7, false),
            (SamplerKind::DpmPp2M, 0.0, false),
            (SamplerKind::DpmPp2M, 0.0, true),
            (SamplerKind::DpmPpSde, 0.0, false),
            (SamplerKind::DpmPpSde, 0.0, true),
            (SamplerKind::UniPc, 0.0, false),
            (SamplerKind::UniPc, 0.0, true),
        ] {
            for steps in [1, 2, 14, 25, 70] {
                let (x, oracle) = run(kind, prediction, steps, eta, karras);
                assert_eq!(oracle.calls.len(), steps, "{kind:?} {steps}");
                assert!(oracle.calls.is_sorted_by(|a, b| a >= b));
                // From pure noise the noise prediction divides by sqrt(alpha_bar) = 0.006, hence the slack.
                let bound = if prediction == Prediction::Epsilon { 3e-3 } else { 2e-5 };
                let error = largest_difference(&x, &oracle.x_start);
                assert!(error < bound, "{kind:?} {prediction:?} {steps} steps, eta {eta}, karras {karras}: {error}");
            }
        }
    }
}

#[test]
fn pndm_finds_a_known_latent_and_asks_once_more() {
    for steps in [1, 2, 3, 4, 14, 25, 70] {
        let (x, oracle) = run(SamplerKind::Pndm, Prediction::Epsilon, steps, 0.0, false);
        assert_eq!(oracle.calls.len(), steps + usize::from(steps > 1), "{steps}");
        assert!(steps == 1 || oracle.calls[1] == oracle.calls[2], "where the first move ends is visited twice");
        let error = largest_difference(&x, &oracle.x_start);
        assert!(error < 3e-3, "{steps} steps: {error}");
    }
}

#[test]
fn as_many_steps_as_timesteps_stay_finite() {
    for (kind, karras) in SamplerKind::ALL.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let (x, _) = run(kind, Prediction::Velocity, 1000, 0.0, karras);
        assert!(values(&x).iter().all(|v| v.is_finite()), "{kind:?}");
    }
}

#[test]
fn rows_do_not_touch_each_other() {
    for kind in SamplerKind::ALL {
        let schedule = NoiseSchedule::linear(1000).expect("a schedule");
        let config = SamplerConfig { kind, num_steps: 9, eta: 0.5, karras: false };
        let both = |rows: &[usize]| {
            let pick = |t: Tensor| Tensor::stack(&rows.iter().map(|r| t.get(*r).expect("a row")).collect::<Vec<_>>(), 0);
            let x_start = pick(wave(0.3, &[2, 4, 5, 3])).expect("rows");
            let mut oracle = Oracle { schedule: schedule.clone(), x_start, prediction: Prediction::Velocity, calls: Vec::new() };
            let mut noise = |step: u32, _: &[usize]| pick(wave(step as f32, &[2, 4, 5, 3]));
            let start = pick(wave(9.0, &[2, 4, 5, 3])).expect("rows");
            match sample(&config, &schedule, &mut oracle, start, &mut noise, &Cancel::new(), &mut |_| {}).expect("a run") {
                Outcome::Done(x) => x,
                Outcome::Cancelled => panic!("nobody cancelled"),
            }
        };
        let (together, alone) = (both(&[0, 1]), both(&[1]));
        assert_eq!(values(&together.get(1).expect("a row")), values(&alone), "{kind:?}");
    }
}

#[test]
fn cancelling_stops_before_the_next_step() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let mut oracle = Oracle {
        schedule: schedule.clone(),
        x_start: wave(0.3, &[1, 1, 2, 2]),
        prediction: Prediction::Velocity,
        calls: Vec::new(),
    };
    let cancel = Cancel::new();
    let config = SamplerConfig { kind: SamplerKind::DpmPp2M, num_steps: 20, eta: 0.0, karras: false };
    let stop = cancel.clone();
    let mut seen = Vec::new();
    let outcome =
        sample(&config, &schedule, &mut oracle, wave(1.0, &[1, 1, 2, 2]), &mut |_, s| Ok(wave(0.0, s)), &cancel, &mut |event| {
            seen.push((event.index, event.of));
            if event.index == 2 {
                stop.cancel();
            }
        });
    assert!(matches!(outcome, Ok(Outcome::Cancelled)));
    assert_eq!(seen, [(0, 20), (1, 20), (2, 20)]);
    assert_eq!(oracle.calls.len(), 3);
}

#[test]
fn inversion_undoes_sampling() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule").respaced("50").expect("a respacing");
    let mut ddim = Ddim::new(schedule.clone(), 0.0).expect("a sampler");
    let (x, epsilon) = (wave(0.1, &[1, 2, 3, 3]), wave(4.0, &[1, 2, 3, 3]));
    let output = ModelOutput { prediction: epsilon, variance: None };
    let up = ddim.invert(20, &x, Prediction::Epsilon, &output).expect("a step");
    let down = ddim.step(50 - 1 - 21, &up.x, Prediction::Epsilon, &output, &mut |_, s| Ok(wave(0.0, s))).expect("a step");
    assert!(largest_difference(&down.x, &x) < 1e-5);
}

#[test]
fn levels_are_those_of_the_latents() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    for kind in SamplerKind::ALL {
        for karras in [false, true] {
            let sampler = SamplerConfig { kind, num_steps: 12, eta: 0.0, karras }.build(&schedule).expect("a sampler");
            let calls = kind.calls(12);
            let mut levels: Vec<(f64, f64)> = (0..=calls).map(|i| sampler.level(i).expect("a level")).collect();
            assert_eq!(levels[calls], (1.0, 0.0), "{kind:?} ends clean");
            assert!(sampler.level(calls + 1).is_err());
            // PNDM is twice where its first move ends.
            levels.dedup();
            assert_eq!(levels.len(), 13);
            assert!(levels.iter().all(|(signal, noise)| (signal * signal + noise * noise - 1.0).abs() < 1e-12));
            assert!(levels.is_sorted_by(|a, b| a.0 < b.0), "{kind:?}");
        }
    }
}

#[test]
fn a_run_may_begin_in_the_middle() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    for kind in SamplerKind::ALL {
        let config = SamplerConfig { kind, num_steps: 9, eta: 0.5, karras: false };
        let x_start = wave(0.3, &[1, 2, 3, 3]);
        // PNDM mixes answers of several timesteps, and only the noise is the same at all of them.
        let prediction = if kind == SamplerKind::Pndm { Prediction::Epsilon } else { Prediction::Velocity };
        let mut oracle = Oracle { schedule: schedule.clone(), x_start, prediction, calls: Vec::new() };
        let mut noise = |step: u32, shape: &[usize]| Ok(wave(step as f32, shape));
        let mut run = |start: Tensor, first: usize, kept: &mut Vec<Tensor>| {
            let mut sampler = config.build(&schedule).expect("a sampler");
            let cancel = Cancel::new();
            let mut keep = |event: StepEvent<'_>| kept.push(event.x.clone());
            let ended =
                drive_from(sampler.as_mut(), &mut oracle, start, first, &mut noise, &cancel, &mut |_, x| Ok(x), &mut keep);
            match ended.expect("a run") {
                Outcome::Done(x) => x,
                Outcome::Cancelled => panic!("nobody cancelled"),
            }
        };
        let mut kept = Vec::new();
        let whole = run(wave(9.0, &[1, 2, 3, 3]), 0, &mut kept);
        let rest = run(kept[3].clone(), 4, &mut Vec::new());
        match kind {
            SamplerKind::Ddpm | SamplerKind::Ddim => assert_eq!(values(&whole), values(&rest), "{kind:?}"),
            // Their memory starts anew.
            _ => assert!(largest_difference(&whole, &rest) < 2e-5, "{kind:?}"),
        }
        let calls = kind.calls(9);
        assert_eq!(kept.len(), calls);
        assert_eq!(values(&run(kept[calls - 1].clone(), calls, &mut Vec::new())), values(&whole), "no step is left");
    }
}

/// A network whose answer bends with the latent and the timestep.
struct Bent(Prediction);

impl Denoiser for Bent {
    fn prediction(&self) -> Prediction {
        self.0
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        let bump = (x.affine(0.8, 0.0)? / x.sqr()?.affine(0.1, 1.0)?)?;
        Ok(ModelOutput { prediction: (bump + 0.1 * (timestep as f64 / 100.0).cos())?, variance: None })
    }
}

#[test]
fn inverted_noise_leads_back() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule").respaced("40").expect("a respacing");
    let clean = wave(0.3, &[2, 3, 4, 4]);
    for prediction in [Prediction::Epsilon, Prediction::Velocity] {
        let error = |refinements: usize| {
            let (mut network, cancel) = (Bent(prediction), Cancel::new());
            let up = invert(Inversion { refinements }, &schedule, &mut network, clean.clone(), &cancel, &mut |_| {});
            let Outcome::Done(noise) = up.expect("an inversion") else { panic!("nobody cancelled") };
            let mut ddim = Ddim::new(schedule.clone(), 0.0).expect("a sampler");
            let down = drive(&mut ddim, &mut network, noise, &mut |_, s| Ok(wave(0.0, s)), &cancel, &mut |_| {});
            let Outcome::Done(back) = down.expect("a run") else { panic!("nobody cancelled") };
            largest_difference(&back, &clean)
        };
        let (plain, once, often) = (error(0), error(1), error(12));
        assert!(once < 0.5 * plain && often < 1e-3, "{prediction:?}: {plain} {once} {often}");
    }
}

#[test]
fn inverted_noise_leads_back_on_a_published_walk() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let clean = wave(0.3, &[2, 3, 4, 4]);
    // Where a walk ends at the noise of timestep 0, that noise is left.
    for (set_alpha_to_one, bound) in [(true, 1e-3), (false, 3e-2)] {
        let stepping = Stepping { steps_offset: 1, set_alpha_to_one, ..Stepping::default() };
        let kept = stepping.schedule(&schedule, 40).expect("a walk");
        let mut ddim = DdimScheduler::new(&schedule, stepping.ddim(40, 0.0)).expect("a sampler");
        assert!(kept.timesteps().iter().rev().eq(ddim.timesteps()));
        let (mut network, cancel) = (Bent(Prediction::Epsilon), Cancel::new());
        let up = invert(Inversion { refinements: 12 }, &kept, &mut network, clean.clone(), &cancel, &mut |_| {});
        let Outcome::Done(noise) = up.expect("an inversion") else { panic!("nobody cancelled") };
        let down = drive(&mut ddim, &mut network, noise, &mut |_, s| Ok(wave(0.0, s)), &cancel, &mut |_| {});
        let Outcome::Done(back) = down.expect("a run") else { panic!("nobody cancelled") };
        let error = largest_difference(&back, &clean);
        assert!(error < bound, "{set_alpha_to_one}: {error}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let build = |num_steps, eta, kind| SamplerConfig { kind, num_steps, eta, karras: false }.build(&schedule).is_err();
    assert!(build(0, 0.0, SamplerKind::Ddpm));
    assert!(build(1001, 0.0, SamplerKind::DpmPp2M));
    assert!(build(10, f64::NAN, SamplerKind::Ddim));
    assert!(build(10, 1.5, SamplerKind::Ddim));
    assert!(build(0, 0.0, SamplerKind::UniPc) && build(1001, 0.0, SamplerKind::DpmPpSde));
    assert!(UniPc::new(&schedule, &UniPcConfig { order: 3, ..UniPcConfig::default() }).is_err());
    assert!(NoiseSchedule::linear(0).is_err());
    assert!(NoiseSchedule::from_betas(vec![0.1, f64::NAN]).is_err());
    assert!(schedule.keep(&[5, 5]).is_err());
    for spec in ["ddim", "ddim70", "12x", "1001", "600,10", "-3", "0"] {
        assert!(schedule.respaced(spec).is_err(), "{spec}");
    }
}

#[test]
fn tables_follow_their_definitions() {
    let full = NoiseSchedule::linear(1000).expect("a schedule");
    let kept = full.respaced("25").expect("a respacing");
    assert_eq!(kept.timesteps()[..6], [0, 42, 83, 125, 166, 208]);
    for (i, &t) in kept.timesteps().iter().enumerate() {
        assert!((kept.alphas_cumprod()[i] / full.alphas_cumprod()[t] - 1.0).abs() < 1e-12);
    }
    assert_eq!(kept.alphas_cumprod_prev()[0], 1.0);
    assert_eq!(kept.alphas_cumprod_next()[24], 0.0);
    assert_eq!(kept.posterior_log_variance_clipped()[0], kept.posterior_log_variance_clipped()[1]);
    let zero = rescale_zero_terminal_snr(full.betas()).expect("betas");
    assert_eq!(zero[999], 1.0);
}

#[test]
fn variational_term_trains_the_variance_only() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let (x_start, noise) = (wave(0.2, &[3, 2, 4, 4]).affine(0.4, 0.0).expect("a tensor"), wave(5.0, &[3, 2, 4, 4]));
    let t = [0usize, 40, 999];
    let x_t = schedule.add_noise(&x_start, &noise, &t).expect("latents");
    let output = Var::from_tensor(&wave(2.0, &[3, 4, 4, 4])).expect("a variable");
    let config = LossConfig { prediction: Prediction::Epsilon, variance: Variance::LearnedRange, kind: LossKind::Mse };
    let loss = training_loss(&schedule, &config, &output, &x_start, &x_t, &t, &noise).expect("a loss");
    let vb = loss.vb.expect("a variational term");
    let grads = vb.sum_all().and_then(|l| l.backward()).expect("gradients");
    let grad = grads.get(&output).expect("a gradient");
    assert!(values(&grad.narrow(1, 0, 2).expect("prediction")).iter().all(|g| *g == 0.0));
    assert!(values(&grad.narrow(1, 2, 2).expect("variance")).iter().all(|g| *g != 0.0 && g.is_finite()));
    // Numerically: the gradient of one entry of each row.
    let bits = |shifted: &Tensor| {
        let vb = training_loss(&schedule, &config, shifted, &x_start, &x_t, &t, &noise).expect("a loss").vb;
        values(&vb.expect("a variational term"))
    };
    for row in 0..3 {
        let mut bump = vec![0.0f32; 3 * 4 * 16];
        bump[row * 64 + 40] = 1e-2;
        let bump = Tensor::from_vec(bump, (3, 4, 4, 4), &Device::Cpu).expect("a tensor");
        let (up, down) =
            (bits(&(output.as_tensor() + &bump).expect("a sum")), bits(&(output.as_tensor() - &bump).expect("a sum")));
        let (slope, want) = ((up[row] - down[row]) / 2e-2, values(grad)[row * 64 + 40]);
        assert!((slope - want).abs() < 2e-2 * want.abs() + 2e-4, "row {row}: {slope} against {want}");
    }
}

#[test]
fn perfect_predictions_cost_nothing() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let (x_start, noise, t) = (wave(0.2, &[2, 2, 4, 4]), wave(5.0, &[2, 2, 4, 4]), [3usize, 700]);
    let velocity = velocity_target(&schedule, &x_start, &noise, &t).expect("a target");
    let x_t = schedule.add_noise(&x_start, &noise, &t).expect("latents");
    assert!(
        largest_difference(&Prediction::Velocity.denoised(&schedule, &x_t, &t, &velocity).expect("latents"), &x_start) < 1e-5
    );
    assert!(values(&velocity_loss(&schedule, &velocity, &x_start, &noise, &t).expect("a loss")).iter().all(|l| *l == 0.0));
    let off = (velocity + 0.5).expect("a tensor");
    let loss = velocity_loss(&schedule, &off, &x_start, &noise, &t).expect("a loss");
    assert!(values(&loss).iter().all(|l| (l - 0.25).abs() < 1e-6));
    let config = LossConfig { prediction: Prediction::Epsilon, variance: Variance::FixedSmall, kind: LossKind::Mse };
    let loss = training_loss(&schedule, &config, &noise, &x_start, &x_t, &t, &noise).expect("a loss");
    assert_eq!(values(&loss.loss), [0.0, 0.0]);
    let learned = LossConfig { variance: Variance::LearnedRange, ..config };
    assert!(training_loss(&schedule, &learned, &noise, &x_start, &x_t, &t, &noise).is_err());
    let zeros = Tensor::zeros((2, 3, 4, 4), DType::F32, &Device::Cpu).expect("a tensor");
    assert!(training_loss(&schedule, &config, &zeros, &x_start, &x_t, &t, &noise).is_err());
}

proptest! {
    #[test]
    fn respacing_never_panics(steps in 1usize..1200, spec in "(ddim)?[0-9]{0,4}(,[0-9]{1,3}){0,3}") {
        if let Ok(kept) = space_timesteps(steps, &spec) {
            prop_assert!(!kept.is_empty() && kept.is_sorted() && kept.iter().all(|t| *t < steps));
        }
    }

    #[test]
    fn spacings_stay_inside(total in 1usize..1100, count in 1usize..1100, offset in 0usize..3) {
        let schedule = NoiseSchedule::from_betas(vec![0.01; total]).expect("a schedule");
        for spacing in [TimestepSpacing::Linspace, TimestepSpacing::Leading, TimestepSpacing::Trailing] {
            let config = DpmPp2MConfig { steps: count, spacing, steps_offset: offset, ..DpmPp2MConfig::default() };
            if let Ok(solver) = DpmPp2M::new(&schedule, &config) {
                prop_assert!(solver.timesteps().iter().all(|t| *t < total));
                prop_assert!(solver.sigmas().iter().all(|s| s.is_finite()));
            }
        }
    }
}
