//! No operation may cut a gradient: some of candle's fused ones do so without an error.

use super::*;

fn check(vars: &HashMap<String, Var>, frozen: &[&str], loss: &Tensor) {
    let grads = loss.backward().unwrap();
    let mut names: Vec<&String> = vars.keys().collect();
    names.sort();
    for name in names {
        let var = &vars[name];
        let Some(grad) = grads.get(var) else { panic!("{name} has no gradient") };
        let grad = values(grad);
        assert!(grad.iter().all(|g| g.is_finite()), "{name} has a gradient that is not finite");
        let largest = grad.iter().fold(0f32, |m, g| m.max(g.abs()));
        assert!(largest > 1e-7 || frozen.contains(&name.as_str()), "{name} has gradient {largest:e}");
    }
}

#[test]
fn every_tensor_of_the_transformer_learns() {
    let cfg = tiny();
    let vars = random_vars(&dit_params(&cfg).unwrap());
    let dit = Dit::new(builder(&vars), &cfg).unwrap();
    let (x, t, y, mask) = inputs(&cfg, 2);
    let y = dit.captions().drop_captions(&y, &[false, true]).unwrap();
    let out = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
    // Only a key's bias is invisible: softmax ignores what all keys share. It is one part of a whole tensor.
    check(&vars, &[], &out.sqr().unwrap().mean_all().unwrap());
}

#[test]
fn gradients_equal_finite_differences() {
    let cfg = DitConfig { depth: 2, ..tiny() };
    let vars = random_vars(&dit_params(&cfg).unwrap());
    let (x, t, y, mask) = inputs(&cfg, 2);
    let loss = || {
        let dit = Dit::new(builder(&vars), &cfg).unwrap();
        dit.forward(&x, &t, &y, Some(&mask)).unwrap().sqr().unwrap().mean_all().unwrap()
    };
    let grads = loss().backward().unwrap();
    for name in
        ["blocks.0.attn.qkv.weight", "blocks.1.cross_attn.kv_linear.weight", "blocks.0.shift_scale_gate_table", "t_block.1.bias"]
    {
        let var = &vars[name];
        let grad = grads.get(var).unwrap();
        let start = var.as_tensor().copy().unwrap();
        // Along the gradient itself the slope is its squared length.
        let slope = grad.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        let step = 2e-3 / f64::from(slope.sqrt());
        let at = |sign: f64| {
            var.set(&(&start + (grad * (sign * step)).unwrap()).unwrap()).unwrap();
            f64::from(loss().to_scalar::<f32>().unwrap())
        };
        let measured = (at(1.0) - at(-1.0)) / (2.0 * step);
        var.set(&start).unwrap();
        let ratio = measured / f64::from(slope);
        assert!((ratio - 1.0).abs() < 0.03, "{name}: measured slope is {ratio} of the gradient's");
    }
}

#[test]
fn every_tensor_of_the_control_model_learns_together() {
    let cfg = tiny();
    let vars = random_vars(&control_params(&cfg, 2, Base::Trained).unwrap());
    let model = ControlDit::new(builder(&vars), &cfg, 2).unwrap();
    let (x, t, y, mask) = inputs(&cfg, 2);
    let condition = random("condition", x.dims(), 1.0);
    let y = model.base().captions().drop_captions(&y, &[true, false]).unwrap();
    let out = model.forward(&x, &t, &y, Some(&mask), Some(&condition), 1.0).unwrap();
    check(&vars, &[], &out.sqr().unwrap().mean_all().unwrap());
}

#[test]
fn a_base_of_plain_tensors_stays_frozen() {
    let cfg = tiny();
    let params = control_params(&cfg, 2, Base::Frozen).unwrap();
    let (frozen, learning): (Vec<_>, Vec<_>) = params.into_iter().partition(|p| !p.trainable);
    let vars = random_vars(&learning);
    let mut tensors: HashMap<String, Tensor> = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    tensors.extend(frozen.iter().map(|p| (p.name.clone(), random(&p.name, &p.shape, 0.2))));
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let model = ControlDit::new(vb, &cfg, 2).unwrap();
    let (x, t, y, mask) = inputs(&cfg, 2);
    let condition = random("condition", x.dims(), 1.0);
    let out = model.forward(&x, &t, &y, Some(&mask), Some(&condition), 1.0).unwrap();
    check(&vars, &[], &out.sqr().unwrap().mean_all().unwrap());
}

#[test]
fn captions_that_are_variables_get_gradients_where_they_are_kept() {
    let cfg = tiny();
    let dit = plain_dit(&cfg);
    let (x, t, y, mask) = inputs(&cfg, 2);
    for mask in [mask, Tensor::new(&[[0u8, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1]], &Device::Cpu).unwrap()] {
        let y = Var::from_tensor(&y).unwrap();
        let out = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
        let grads = out.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        let grad = grads.get(&y).unwrap().abs().unwrap().sum(2).unwrap().to_vec2::<f32>().unwrap();
        let mask = mask.to_vec2::<u8>().unwrap();
        for (grad, kept) in grad.iter().flatten().zip(mask.iter().flatten()) {
            assert_eq!(*grad > 0.0, *kept != 0, "gradient {grad} where kept is {kept}");
        }
    }
}
