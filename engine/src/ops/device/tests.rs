//! The forms for other devices, run on a CPU, against plain compositions: values and gradients.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::super::{
    attention as attention_op, conv2d as conv2d_op, gated_residual as gated_residual_op, group_norm as group_norm_op,
    layer_norm as layer_norm_op, linear as linear_op, rms_norm as rms_norm_op,
};
use super::*;

/// Reproducible numbers of about unit size.
fn numbers(seed: u64, dims: &[usize]) -> Tensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let count = dims.iter().product();
    let data: Vec<f32> = (0..count).map(|_| 2. * (next() + next() + next()) - 3.).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// Largest difference, relative to the largest number of `want`.
fn distance(got: &Tensor, want: &Tensor) -> f32 {
    assert_eq!(got.dims(), want.dims());
    let (got, want) = (flat(got), flat(want));
    assert!(got.iter().all(|x| x.is_finite()));
    let top = want.iter().fold(1e-6_f32, |top, x| top.max(x.abs()));
    got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0., f32::max) / top
}

type Op<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// The result and the gradient of each input where every input is used twice: as it is, and doubled.
fn run(op: Op<'_>, inputs: &[Tensor]) -> (Tensor, Vec<Tensor>) {
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let doubled: Vec<Tensor> = tensors.iter().map(|x| (x * 2.).unwrap()).collect();
    let y = op(&tensors).unwrap();
    let second = op(&doubled).unwrap();
    let weighting = numbers(99, y.dims()).to_dtype(y.dtype()).unwrap();
    let loss = ((&y + second.sin().unwrap()).unwrap() * weighting).unwrap();
    let grads = loss.sum_all().unwrap().backward().unwrap();
    let grads = vars.iter().enumerate().map(|(i, v)| grads.get(v).unwrap_or_else(|| panic!("no gradient for input {i}")).clone());
    let grads = grads.collect();
    (y.detach(), grads)
}

fn check(name: &str, inputs: &[Tensor], op: Op<'_>, plain: Op<'_>) {
    let (y, grads) = run(op, inputs);
    let (want, want_grads) = run(plain, inputs);
    assert!(distance(&y, &want) < 1e-5, "{name}: value {}", distance(&y, &want));
    for (i, (got, want)) in grads.iter().zip(&want_grads).enumerate() {
        let d = distance(got, want);
        assert!(d < 1e-5, "{name}: gradient of input {i}: {d}");
    }
    let fixed = op(inputs).unwrap();
    assert!(!fixed.track_op(), "{name}: nothing is trained");
    assert_eq!(flat(&y), flat(&fixed), "{name}: same value without training");
    // One trained input at a time.
    for (i, want) in grads_alone(op, inputs).iter().zip(grads_alone(plain, inputs)).enumerate() {
        let (got, want) = want;
        assert!(distance(got, &want) < 1e-5, "{name}: input {i} alone: {}", distance(got, &want));
    }
}

fn grads_alone(op: Op<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
    let alone = |i: usize| {
        let var = Var::from_tensor(&inputs[i]).unwrap();
        let mut inputs = inputs.to_vec();
        inputs[i] = var.as_tensor().clone();
        let y = op(&inputs).unwrap();
        let loss = (numbers(98, y.dims()) * y).unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        grads.get(&var).unwrap().clone()
    };
    (0..inputs.len()).map(alone).collect()
}

#[test]
fn linear_matches() {
    let plain: Op<'_> = &|t| linear_op::composed(&t[0], &t[1], t.get(2));
    for (rows, width, out) in [(7, 5, 3), (1024, 8, 6), (520, 4, 130)] {
        let inputs = [numbers(1, &[rows, width]), numbers(2, &[out, width]), numbers(3, &[out])];
        check("linear", &inputs, &|t| linear(&t[0], &t[1], Some(&t[2])), plain);
        check("linear", &inputs[..2], &|t| linear(&t[0], &t[1], None), plain);
    }
    let inputs = [numbers(1, &[5, 2, 4]), numbers(2, &[3, 4])];
    let turned: Op<'_> = &|t| linear(&t[0].transpose(0, 1)?, &t[1], None);
    check("strided", &inputs, turned, &|t| t[0].transpose(0, 1)?.broadcast_matmul(&t[1].t()?));
}

#[test]
fn norms_match() {
    let inputs = [numbers(1, &[3, 37, 48]), numbers(2, &[3, 48]), numbers(3, &[3, 48])];
    check("modulate", &inputs, &|t| layer_norm(&t[0], 3, Some((&t[1], 1.)), Some(&t[2]), 1e-5), &|t| {
        layer_norm_op::composed(&t[0], &(&t[1] + 1.)?, &t[2], 1e-5)
    });
    let inputs = [numbers(1, &[1, 64, 20]), numbers(2, &[1, 20]), numbers(3, &[1, 20])];
    check("layer norm", &inputs, &|t| layer_norm(&t[0], 1, Some((&t[1], 0.)), Some(&t[2]), 1e-5), &|t| {
        layer_norm_op::composed(&t[0], &t[1], &t[2], 1e-5)
    });
    let ones = inputs[1].ones_like().unwrap();
    let zeros = inputs[1].zeros_like().unwrap();
    check("no weights", &inputs[..1], &|t| layer_norm(&t[0], 1, None, None, 1e-2), &|t| {
        layer_norm_op::composed(&t[0], &ones, &zeros, 1e-2)
    });
    let inputs = [numbers(1, &[2, 33, 48]), numbers(2, &[48])];
    check("rms norm", &inputs, &|t| rms_norm(&t[0], &t[1], 1e-6), &|t| rms_norm_op::composed(&t[0], &t[1], 1e-6));
}

#[test]
fn activations_match() {
    let x = (numbers(1, &[4000]) * 3.).unwrap();
    let inputs = [Tensor::cat(&[x, Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap()], 0).unwrap()];
    check("gelu", &inputs, &|t| gelu_tanh(&t[0]), &|t| t[0].gelu());
    check("silu", &inputs, &|t| silu(&t[0]), &|t| t[0].silu());
}

#[test]
fn gated_residual_matches() {
    let inputs = [numbers(1, &[2, 70, 48]), numbers(2, &[2, 48]), numbers(3, &[2, 70, 48])];
    check("gated residual", &inputs, &|t| gated_residual(&t[0], &t[1], &t[2]), &|t| {
        gated_residual_op::composed(&t[0], &t[1], &t[2])
    });
}

#[test]
fn attention_matches() {
    for lens in [None, Some([9, 4]), Some([0, 7])] {
        let lens = lens.as_ref().map(|lens| lens.as_slice());
        let inputs = [numbers(1, &[2, 3, 15, 8]), numbers(2, &[2, 3, 9, 8]), numbers(3, &[2, 3, 9, 8])];
        check("attention", &inputs, &|t| attention(&t[0], &t[1], &t[2], lens, None, 0.25), &|t| {
            attention_op::composed(&t[0], &t[1], &t[2], lens, None, 0.25)
        });
        for images in [1, 2] {
            let mut inputs = inputs.to_vec();
            inputs.push(numbers(4, &[images, 3, 15, 9]));
            check("attention with bias", &inputs, &|t| attention(&t[0], &t[1], &t[2], lens, Some(&t[3]), 1.), &|t| {
                attention_op::composed(&t[0], &t[1], &t[2], lens, Some(&t[3]), 1.)
            });
        }
    }
}

#[test]
fn group_norm_matches() {
    for silu in [false, true] {
        let inputs = [numbers(1, &[3, 12, 9, 7]), numbers(2, &[12]), numbers(3, &[12])];
        check("group norm", &inputs, &|t| group_norm(&t[0], 4, &t[1], &t[2], 1e-5, silu), &|t| {
            group_norm_op::composed(&t[0], 4, &t[1], &t[2], 1e-5, silu)
        });
    }
}

#[test]
fn conv2d_matches() {
    for (size, k, stride, padding, channels, out) in [
        ((9, 7), 3, 1, 1, 5, 6),
        ((1, 2), 3, 1, 1, 2, 3),
        ((4, 4), 3, 1, 1, 1, 1),
        ((8, 5), 1, 1, 0, 5, 7),
        ((16, 16), 3, 2, 1, 5, 7),
        ((17, 14), 3, 2, 0, 4, 3),
        ((9, 9), 2, 2, 0, 3, 2),
        ((5, 6), 5, 1, 2, 2, 3),
        ((4, 5), 1, 1, 1, 2, 3),
        ((10, 11), 3, 3, 0, 2, 2),
    ] {
        let inputs = [numbers(1, &[3, channels, size.0, size.1]), numbers(2, &[out, channels, k, k]), numbers(3, &[out])];
        let shape = |t: &[Tensor]| conv2d_op::Shape::new(&t[0], &t[1], stride, padding);
        let plain = |t: &[Tensor]| conv2d_op::composed(&t[0], &t[1], &shape(t)?);
        let name = format!("conv2d {size:?} {k} {stride} {padding}");
        check(&name, &inputs[..2], &|t| conv2d(&t[0], &t[1], None, shape(t)?), &plain);
        check(&name, &inputs, &|t| conv2d(&t[0], &t[1], Some(&t[2]), shape(t)?), &|t| {
            plain(t)?.broadcast_add(&t[2].reshape((1, out, 1, 1))?)
        });
    }
}

#[test]
fn heads_are_split_and_joined() {
    let inputs = [numbers(1, &[2, 5, 12])];
    check("split", &inputs, &|t| split_heads(&t[0], 3), &|t| t[0].reshape((2, 5, 3, 4))?.transpose(1, 2)?.contiguous());
    let inputs = [numbers(1, &[2, 3, 5, 4])];
    check("join", &inputs, &|t| join_heads(&t[0]), &|t| t[0].transpose(1, 2)?.contiguous()?.reshape((2, 5, 12)));
}
