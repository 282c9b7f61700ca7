//! The optimiser against a plain transcription, and exact resume.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::{AdamW, AdamWConfig, Ema, FlatLayout, clip};

fn two_vars() -> Vec<(String, Var)> {
    let a = Var::from_vec(vec![0.5f32, -1.0, 2.0, 0.25], (2, 2), &Device::Cpu).expect("a variable");
    let b = Var::from_vec(vec![1.0f32, -3.0, 0.0], 3, &Device::Cpu).expect("a variable");
    vec![("b".to_owned(), b), ("a".to_owned(), a)]
}

fn values(vars: &[(String, Var)]) -> Vec<f32> {
    vars.iter().flat_map(|(_, v)| v.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")).collect()
}

/// A gradient that changes with the step.
fn gradient(step: usize) -> Vec<f32> {
    (0..7).map(|i| ((i * 7 + step * 3) as f32 * 0.61).sin() * 0.3).collect()
}

#[test]
fn update_follows_the_formula() {
    let vars = two_vars();
    let config = AdamWConfig { beta1: 0.9, beta2: 0.99, eps: 1e-6, weight_decay: 0.1 };
    let mut want: Vec<f64> = values(&vars).iter().map(|&w| f64::from(w)).collect();
    let (mut m, mut v) = (vec![0.0f64; 7], vec![0.0f64; 7]);
    let mut optimiser = AdamW::new(vars.clone(), config).expect("an optimiser");
    for step in 0..6 {
        let g = gradient(step);
        optimiser.step_flat(&Tensor::from_slice(&g, 7, &Device::Cpu).expect("a tensor"), 0.01, 0.5).expect("a step");
        for i in 0..7 {
            let gi = f64::from(g[i]) * 0.5;
            m[i] = 0.9 * m[i] + 0.1 * gi;
            v[i] = 0.99 * v[i] + 0.01 * gi * gi;
            let t = step as i32 + 1;
            let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.99f64.powi(t)));
            want[i] = want[i] * (1.0 - 0.01 * 0.1) - 0.01 * mh / (vh.sqrt() + 1e-6);
        }
    }
    for (got, want) in values(&vars).iter().zip(&want) {
        assert!((f64::from(*got) - want).abs() < 2e-6, "{got} instead of {want}");
    }
}

#[test]
fn gradients_find_their_variables() {
    let vars = two_vars();
    let layout = FlatLayout::new(vars.clone()).expect("a layout");
    let a = vars[1].1.as_tensor();
    let grads = a.sqr().and_then(|t| t.sum_all()).and_then(|t| t.backward()).expect("gradients");
    let flat = layout.gradients(&grads).and_then(|t| Ok(t.to_vec1::<f32>()?)).expect("a flat gradient");
    assert_eq!(flat, [0.0, 0.0, 0.0, 1.0, -2.0, 4.0, 0.5]);
}

#[test]
fn resume_is_exact() {
    let run = |from: usize, to: usize, optimiser: &mut AdamW| {
        for step in from..to {
            let g = Tensor::from_vec(gradient(step), 7, &Device::Cpu).expect("a tensor");
            optimiser.step_flat(&g, 0.02, 1.0).expect("a step");
        }
    };
    let whole = two_vars();
    run(0, 9, &mut AdamW::new(whole.clone(), AdamWConfig::default()).expect("an optimiser"));

    let mut first = AdamW::new(two_vars(), AdamWConfig::default()).expect("an optimiser");
    run(0, 4, &mut first);
    let state = first.state().expect("a state");
    run(4, 5, &mut first); // a saved state must not change with the run that goes on
    let resumed = two_vars();
    let mut second = AdamW::new(resumed.clone(), AdamWConfig::default()).expect("an optimiser");
    second.load_state(&state).expect("a fitting state");
    run(4, 9, &mut second);
    assert_eq!(values(&whole), values(&resumed));
}

#[test]
fn a_foreign_state_is_refused() {
    let mut optimiser = AdamW::new(two_vars(), AdamWConfig::default()).expect("an optimiser");
    let mut state = optimiser.state().expect("a state");
    state.remove("exp_avg_sq.a");
    let message = optimiser.load_state(&state).expect_err("a tensor is missing").to_string();
    assert!(message.contains("exp_avg_sq.a"), "{message}");
    assert!(AdamW::new(Vec::new(), AdamWConfig::default()).is_err());
}

#[test]
fn norm_and_factor() {
    let flat = Tensor::new(&[3.0f32, 0.0, -4.0], &Device::Cpu).expect("a tensor");
    assert!((clip::global_norm(&flat).expect("a norm") - 5.0).abs() < 1e-12);
    assert_eq!(clip::factor(0.5, Some(1.0)), 1.0);
    assert!((clip::factor(4.0, Some(1.0)) - 0.25).abs() < 1e-6);
    assert_eq!(clip::factor(4.0, None), 1.0);
}

#[test]
fn averages_move_and_resume() {
    let vars = two_vars();
    let mut ema = Ema::new(&vars, 0.75).expect("an average");
    vars[0].1.set(&Tensor::new(&[5.0f32, 1.0, 4.0], &Device::Cpu).expect("a tensor")).expect("set");
    ema.update(0).expect("an update");
    let b = |e: &Ema| e.tensors().expect("tensors")["b"].to_vec1::<f32>().expect("values");
    assert_eq!(b(&ema), [2.0, -2.0, 1.0]);
    let saved: BTreeMap<String, Tensor> = ema.tensors().expect("tensors");
    ema.update(1).expect("an update");
    let after = b(&ema);
    let mut again = Ema::new(&vars, 0.75).expect("an average");
    again.load(&saved).expect("fitting");
    again.update(1).expect("an update");
    assert_eq!(b(&again), after);
    assert_eq!(Ema::new(&vars, 0.999).expect("an average").with_ramp().decay_at(0), 0.1);
}

#[test]
fn a_single_variable_is_not_shared_with_the_average() {
    let var = Var::from_vec(vec![1.0f32, 2.0], 2, &Device::Cpu).expect("a variable");
    let mut ema = Ema::new(&[("w".to_owned(), var.clone())], 0.5).expect("an average");
    var.set(&Tensor::new(&[3.0f32, 4.0], &Device::Cpu).expect("a tensor")).expect("set");
    ema.update(0).expect("an update");
    assert_eq!(var.to_vec1::<f32>().expect("values"), [3.0, 4.0]);
    assert_eq!(ema.tensors().expect("tensors")["w"].to_vec1::<f32>().expect("values"), [2.0, 3.0]);
}
