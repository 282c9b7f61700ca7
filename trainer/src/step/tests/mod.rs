//! The optimiser against a plain transcription, exact resume, and the backward pass by blocks.

mod pass;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::gradients::clip_factor;
use super::{AdamWConfig, Average, Gradients, Group, Optimizer, OptimizerConfig};

fn two_vars() -> Vec<(String, Var)> {
    let a = Var::from_vec(vec![0.5f32, -1.0, 2.0, 0.25], (2, 2), &Device::Cpu).expect("a variable");
    let b = Var::from_vec(vec![1.0f32, -3.0, 0.0], 3, &Device::Cpu).expect("a variable");
    vec![("b".to_owned(), b), ("a".to_owned(), a)]
}

fn values(vars: &[(String, Var)]) -> Vec<f32> {
    vars.iter().flat_map(|(_, v)| v.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")).collect()
}

/// A gradient of seven numbers that changes with the step.
fn gradient(step: usize) -> Vec<f32> {
    (0..7).map(|i| ((i * 7 + step * 3) as f32 * 0.61).sin() * 0.3).collect()
}

/// Gives the variables these gradients, through a loss that has them.
fn with(vars: &[(String, Var)], numbers: &[f32]) -> Gradients {
    let mut gradients = Gradients::new(vars.to_vec());
    gradients.begin(true, true);
    add(&mut gradients, vars, numbers);
    gradients
}

fn add(gradients: &mut Gradients, vars: &[(String, Var)], numbers: &[f32]) {
    let mut from = 0;
    for (_, var) in vars {
        let wanted = Tensor::from_slice(&numbers[from..from + var.elem_count()], var.shape(), &Device::Cpu).expect("a tensor");
        from += var.elem_count();
        let loss = var.as_tensor().mul(&wanted).and_then(|t| t.sum_all()).expect("a loss");
        gradients.absorb(&mut loss.backward().expect("gradients")).expect("fitting");
    }
}

fn optimizer(vars: &[(String, Var)], config: &OptimizerConfig) -> Optimizer {
    Optimizer::new(vars.to_vec(), config).expect("an optimiser")
}

#[test]
fn update_follows_the_formula_group_by_group() {
    let vars = two_vars();
    let adamw = AdamWConfig { beta1: 0.9, beta2: 0.99, eps: 1e-6, weight_decay: 0.1 };
    let groups = vec![Group { contains: "a".to_owned(), lr_scale: 0.5, weight_decay: 0.0 }];
    let config = OptimizerConfig { adamw, groups, clip_norm: Some(0.25), averages: Vec::new() };
    let mut want: Vec<f64> = values(&vars).iter().map(|&w| f64::from(w)).collect();
    let (mut m, mut v) = (vec![0.0f64; 7], vec![0.0f64; 7]);
    let mut optimizer = optimizer(&vars, &config);
    for step in 0..6 {
        let g = gradient(step);
        let norm = g.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
        let report = optimizer.step(&with(&vars, &g), 0.01).expect("a step");
        assert!((report.grad_norm - norm).abs() < 1e-6 && report.clip_scale < 1.0);
        for i in 0..7 {
            let gi = f64::from(g[i]) * (0.25 / (norm + 1e-6));
            let (lr, decay) = if i < 3 { (0.01, 0.1) } else { (0.005, 0.0) };
            m[i] = 0.9 * m[i] + 0.1 * gi;
            v[i] = 0.99 * v[i] + 0.01 * gi * gi;
            let t = step as i32 + 1;
            let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.99f64.powi(t)));
            want[i] = want[i] * (1.0 - lr * decay) - lr * mh / (vh.sqrt() + 1e-6);
        }
    }
    for (got, want) in values(&vars).iter().zip(&want) {
        assert!((f64::from(*got) - want).abs() < 2e-6, "{got} instead of {want}");
    }
    let unknown = vec![Group { contains: "c".to_owned(), lr_scale: 1.0, weight_decay: 0.0 }];
    assert!(Optimizer::new(vars, &OptimizerConfig { groups: unknown, ..config }).is_err());
}

#[test]
fn gradients_find_their_variables_and_micro_batches_add_up() {
    let vars = two_vars();
    let a = vars[1].1.as_tensor();
    let mut found = a.sqr().and_then(|t| t.sum_all()).and_then(|t| t.backward()).expect("gradients");
    let mut gradients = Gradients::new(vars.clone());
    gradients.begin(true, false);
    gradients.absorb(&mut found).expect("fitting");
    assert_eq!(gradients.missing(), ["b"]);
    let of =
        |gradients: &Gradients, name| gradients.of(name).and_then(|t| Ok(t.flatten_all()?.to_vec1::<f32>()?)).expect("values");
    assert_eq!(of(&gradients, "a"), [1.0, -2.0, 4.0, 0.5]);
    assert_eq!(of(&gradients, "b"), [0.0; 3]);
    gradients.begin(false, true);
    let told = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let ears = told.clone();
    gradients.listen(Box::new(move |which, _| {
        ears.borrow_mut().extend(which.to_vec());
        Ok(())
    }));
    add(&mut gradients, &vars, &[1.0; 7]);
    assert_eq!(*told.borrow(), [0, 1], "the last micro-batch is final, part by part");
    assert_eq!(of(&gradients, "a"), [2.0, -1.0, 5.0, 1.5]);
    assert!(gradients.missing().is_empty());
    gradients.begin(true, true);
    assert_eq!(gradients.missing(), ["b", "a"]);
}

#[test]
fn resume_is_exact_with_every_average() {
    let config = OptimizerConfig {
        averages: vec![Average::with_half_life(2, true), Average::with_half_life(50, false)],
        ..OptimizerConfig::default()
    };
    let run = |from: usize, to: usize, optimizer: &mut Optimizer, vars: &[(String, Var)]| {
        for step in from..to {
            optimizer.step(&with(vars, &gradient(step)), 0.02).expect("a step");
        }
    };
    let whole = two_vars();
    let mut uninterrupted = optimizer(&whole, &config);
    run(0, 9, &mut uninterrupted, &whole);

    let vars = two_vars();
    let mut first = optimizer(&vars, &config);
    run(0, 4, &mut first, &vars);
    let state = first.state().expect("a state");
    run(4, 5, &mut first, &vars); // a saved state must not change with the run that goes on
    let resumed = two_vars();
    let mut second = optimizer(&resumed, &config);
    second.load_state(4, &state).expect("a fitting state");
    run(4, 9, &mut second, &resumed);
    assert_eq!(values(&whole), values(&resumed));
    let all = |optimizer: &Optimizer| {
        let state = optimizer.state().expect("a state");
        state
            .into_iter()
            .map(|(name, t)| (name, t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(all(&uninterrupted), all(&second));
    assert_eq!(all(&second).len(), 2 * 5);
}

#[test]
fn a_foreign_state_is_refused_and_nothing_changes() {
    let vars = two_vars();
    let mut optimizer = optimizer(&vars, &OptimizerConfig::default());
    let mut state = optimizer.state().expect("a state");
    let before = values(&vars);
    state.insert("weight.b".to_owned(), Tensor::new(&[9.0f32, 9.0, 9.0], &Device::Cpu).expect("a tensor"));
    state.remove("exp_avg_sq.a");
    let message = optimizer.load_state(3, &state).expect_err("a tensor is missing").to_string();
    assert!(message.contains("exp_avg_sq.a"), "{message}");
    assert_eq!((values(&vars), optimizer.steps_taken()), (before, 0));
    assert!(Optimizer::new(Vec::new(), &OptimizerConfig::default()).is_err());
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let vars = two_vars();
    let mut optimizer = optimizer(&vars, &OptimizerConfig::default());
    let before = values(&vars);
    let report = optimizer.step(&with(&vars, &[1.0, f32::NAN, 0.0, 0.0, 0.0, 0.0, 0.0]), 0.1).expect("a step");
    assert!(!report.applied && report.grad_norm.is_nan());
    assert_eq!((values(&vars), optimizer.steps_taken()), (before, 0));
}

#[test]
fn norm_and_factor() {
    let vars = two_vars();
    let gradients = with(&vars, &[3.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0]);
    assert!((gradients.norm().expect("a norm") - 5.0).abs() < 1e-12);
    assert_eq!(clip_factor(0.5, Some(1.0)), 1.0);
    assert!((clip_factor(4.0, Some(1.0)) - 0.25).abs() < 1e-6);
    assert_eq!(clip_factor(4.0, None), 1.0);
}

#[test]
fn averages_are_kept_apart_shown_and_taken_back() {
    let vars = two_vars();
    let averages = vec![Average::with_half_life(1, false), Average::with_half_life(2, false)];
    let mut optimizer = optimizer(&vars, &OptimizerConfig { averages, ..OptimizerConfig::default() });
    let start = values(&vars);
    optimizer.step(&with(&vars, &[1.0; 7]), 0.5).expect("a step");
    let after = values(&vars);
    for (index, keep) in [(0, 0.5f32), (1, 0.5f32.sqrt())] {
        optimizer.show_average(index).expect("shown");
        for ((got, old), new) in values(&vars).iter().zip(&start).zip(&after) {
            assert!((got - (keep * old + (1.0 - keep) * new)).abs() < 1e-6);
        }
        let state = optimizer.state().expect("a state");
        assert_eq!(state["weight.b"].to_vec1::<f32>().expect("values"), after[..3], "the state holds what is trained");
        optimizer.show_weights().expect("back");
        assert_eq!(values(&vars), after);
    }
    assert!((Average::with_half_life(6931, false).decay - 0.9999).abs() < 1e-8, "the published decay");
    assert_eq!(Average::with_half_life(10_000, true).decay_at(0), 0.1);
}
