//! Each fused operation against its composition, its gradients, thread counts and batches.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::*;

const CPU: Device = Device::Cpu;

/// Reproducible numbers of about unit size.
fn numbers(seed: u64, dims: &[usize]) -> Tensor {
    let count: usize = dims.iter().product();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let data: Vec<f32> = (0..count).map(|_| 2. * (next() + next() + next()) - 3.).collect();
    Tensor::from_vec(data, dims, &CPU).unwrap()
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// Largest difference, relative to the largest number of `want`.
fn distance(got: &Tensor, want: &Tensor) -> f32 {
    assert_eq!(got.dims(), want.dims());
    let (got, want) = (flat(got), flat(want));
    let top = want.iter().fold(1e-6_f32, |top, x| top.max(x.abs()));
    let worst = got.iter().zip(&want).map(|(a, b)| (a - b).abs());
    worst.fold(0., |worst, d| if d > worst || d.is_nan() { d } else { worst }) / top
}

type Op<'a> = &'a (dyn Fn(&[Tensor]) -> Result<Tensor> + Sync);

/// The result of `op` and the gradient of each input for a fixed random weighting of the result.
fn run(op: Op<'_>, inputs: &[Tensor]) -> (Tensor, Vec<Tensor>) {
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = op(&tensors).unwrap();
    let weighting = numbers(99, y.dims());
    let grads = (&y * &weighting).unwrap().sum_all().unwrap().backward().unwrap();
    let grads = vars
        .iter()
        .enumerate()
        .map(|(i, v)| grads.get(v).unwrap_or_else(|| panic!("no gradient for input {i}")).clone())
        .collect();
    (y.detach(), grads)
}

/// Compares values and gradients of the fused and the composed form, and asks for the same bits
/// from one, two and three threads.
fn check(inputs: &[Tensor], fused: Op<'_>, composed: Op<'_>) {
    let (y, grads) = run(fused, inputs);
    let (want, want_grads) = run(composed, inputs);
    assert!(distance(&y, &want) < 2e-6, "value: {}", distance(&y, &want));
    for (i, (got, want)) in grads.iter().zip(&want_grads).enumerate() {
        let d = distance(got, want);
        assert!(d < 1e-5, "gradient of input {i}: {d}");
    }
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (y_again, grads_again) = pool.install(|| run(fused, inputs));
        assert_eq!(flat(&y), flat(&y_again), "value with {threads} threads");
        for (i, (a, b)) in grads.iter().zip(&grads_again).enumerate() {
            assert_eq!(flat(a), flat(b), "gradient of input {i} with {threads} threads");
        }
    }
}

/// Asks for the same bits of each batch row alone and in the batch.
fn check_rows(x: &Tensor, op: Op<'_>) {
    let all = op(std::slice::from_ref(x)).unwrap();
    for row in 0..x.dim(0).unwrap() {
        let alone = op(&[x.narrow(0, row, 1).unwrap()]).unwrap();
        assert_eq!(flat(&alone), flat(&all.narrow(0, row, 1).unwrap()), "row {row}");
    }
}

#[test]
fn linear_matches_and_trains() {
    for (dims, out) in [(vec![2, 70, 24], 48), (vec![1, 24], 5), (vec![3, 24], 1)] {
        let inputs = [numbers(1, &dims), numbers(2, &[out, 24]), numbers(3, &[out])];
        let composed: Op<'_> = &|t| {
            let rows = t[0].elem_count() / 24;
            let mut dims = t[0].dims().to_vec();
            *dims.last_mut().unwrap() = t[1].dim(0)?;
            linear::composed(&t[0].reshape((rows, 24))?, &t[1], Some(&t[2]))?.reshape(dims)
        };
        check(&inputs, &|t| linear(&t[0], &t[1], Some(&t[2])), composed);
    }
    let inputs = [numbers(4, &[9, 24]), numbers(5, &[7, 24])];
    check(&inputs, &|t| linear(&t[0], &t[1], None), &|t| linear::composed(&t[0], &t[1], None));
}

#[test]
fn an_arranged_weight_gives_the_same_bits() {
    for (rows, width, out) in [(1, 5, 7), (2, 96, 64), (3, 700, 40), (120, 768, 192), (300, 64, 1), (64, 1, 9)] {
        let (x, w, b) = (numbers(1, &[rows, width]), numbers(2, &[out, width]), numbers(3, &[out]));
        let arranged = arranged(&w).unwrap();
        assert_eq!(flat(&arranged), flat(&w));
        for b in [None, Some(&b)] {
            assert_eq!(flat(&linear(&x, &arranged, b).unwrap()), flat(&linear(&x, &w, b).unwrap()), "{rows} {width} {out}");
        }
        // Rows of it are a smaller layer, as for queries, keys and values of one matrix.
        let half = out / 2;
        let part = |w: &Tensor| linear(&x, &w.narrow(0, half, out - half).unwrap(), None).unwrap();
        assert_eq!(flat(&part(&arranged)), flat(&part(&w)), "{rows} {width} {out}");
        // A frozen layer passes gradients on.
        let gradient = |w: &Tensor| {
            let x = Var::from_tensor(&x).unwrap();
            let y = linear(x.as_tensor(), w, None).unwrap().sqr().unwrap().sum_all().unwrap();
            flat(y.backward().unwrap().get(x.as_tensor()).unwrap())
        };
        assert!(gradient(&arranged).iter().zip(gradient(&w)).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs().max(1.)));
    }
    let trained = Var::from_tensor(&numbers(2, &[6, 5])).unwrap();
    assert!(arranged(trained.as_tensor()).unwrap().is_contiguous(), "what is trained stays as it is");
}

#[test]
fn linear_rows_do_not_depend_on_each_other() {
    for (width, out) in [(24, 3), (256, 1536), (700, 40), (1152, 16), (1024, 256), (2, 5)] {
        let (x, w, b) = (numbers(1, &[97, width]), numbers(2, &[out, width]), numbers(3, &[out]));
        let all = linear(&x, &w, Some(&b)).unwrap();
        for count in [1, 2, 3, 17, 64, 65, 66] {
            let some = linear(&x.narrow(0, 5, count).unwrap(), &w, Some(&b)).unwrap();
            let want = all.narrow(0, 5, count).unwrap();
            assert_eq!(flat(&some), flat(&want), "{count} rows, {width} to {out}");
        }
    }
}

#[test]
fn layer_norms_match_and_train() {
    let inputs = [numbers(1, &[2, 37, 48]), numbers(2, &[2, 48]), numbers(3, &[2, 48])];
    let composed: Op<'_> = &|t| layer_norm::composed(&t[0], &(&t[2] + 1.)?, &t[1], 1e-6);
    check(&inputs, &|t| layer_norm_modulate(&t[0], &t[1], &t[2], 1e-6), composed);

    let inputs = [numbers(1, &[2, 3, 37, 20]), numbers(2, &[20]), numbers(3, &[20])];
    let composed: Op<'_> = &|t| {
        let (w, b) = (t[1].unsqueeze(0)?, t[2].unsqueeze(0)?);
        layer_norm::composed(&t[0].reshape((1, 222, 20))?, &w, &b, 1e-5)?.reshape((2, 3, 37, 20))
    };
    check(&inputs, &|t| layer_norm(&t[0], Some(&t[1]), Some(&t[2]), 1e-5), composed);

    let plain = layer_norm(&inputs[0], None, None, 1e-5).unwrap();
    let (w, b) = (inputs[1].ones_like().unwrap(), inputs[2].zeros_like().unwrap());
    assert_eq!(flat(&plain), flat(&layer_norm(&inputs[0], Some(&w), Some(&b), 1e-5).unwrap()));
}

#[test]
fn rms_norm_matches_and_trains() {
    let inputs = [numbers(1, &[2, 75, 48]), numbers(2, &[48])];
    check(&inputs, &|t| rms_norm(&t[0], &t[1], 1e-6), &|t| rms_norm::composed(&t[0], &t[1], 1e-6));
}

#[test]
fn gated_residual_matches_and_trains() {
    let inputs = [numbers(1, &[2, 70, 48]), numbers(2, &[2, 48]), numbers(3, &[2, 70, 48])];
    check(&inputs, &|t| gated_residual(&t[0], &t[1], &t[2]), &|t| gated_residual::composed(&t[0], &t[1], &t[2]));
}

#[test]
fn activations_match_their_formulas() {
    let x = (numbers(1, &[40_000]) * 4.).unwrap();
    let x = Tensor::cat(&[x, Tensor::new(&[0_f32, -80., 80., -9., -4e4, 4e4], &CPU).unwrap()], 0);
    let x = x.unwrap();
    let gelu_of = |x: f64| {
        let t = ((2. / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).tanh();
        0.5 * x * (1. + t)
    };
    let silu_of = |x: f64| x / (1. + (-x).exp());
    let exact = |x: f64| 0.5 * x * candle_core::cpu::erf::erfc_f64(-x / std::f64::consts::SQRT_2);
    let cases: [(Op<'_>, &dyn Fn(f64) -> f64); 3] =
        [(&|t| gelu_tanh(&t[0]), &gelu_of), (&|t| gelu(&t[0]), &exact), (&|t| silu(&t[0]), &silu_of)];
    for (op, formula) in cases {
        let (y, grads) = run(op, std::slice::from_ref(&x));
        let weighting = flat(&numbers(99, x.dims()));
        for (((x, y), g), w) in flat(&x).iter().zip(flat(&y)).zip(flat(&grads[0])).zip(weighting) {
            let x = f64::from(*x);
            let want = formula(x);
            assert!((f64::from(y) - want).abs() <= 3e-7 * want.abs() + 1e-7, "{x}: {y} {want}");
            let step = 1e-5;
            let slope = (formula(x + step) - formula(x - step)) / (2. * step) * f64::from(w);
            assert!((f64::from(g) - slope).abs() <= 2e-6 * (1. + slope.abs()), "{x}: {g} {slope}");
        }
    }
    let nan = gelu_tanh(&Tensor::new(&[f32::NAN], &CPU).unwrap()).unwrap();
    assert!(flat(&nan)[0].is_nan(), "a NaN is not hidden");
}

#[test]
fn group_norm_matches_and_trains() {
    for silu in [false, true] {
        let inputs = [numbers(1, &[2, 12, 9, 7]), numbers(2, &[12]), numbers(3, &[12])];
        check(&inputs, &|t| group_norm(&t[0], 4, &t[1], &t[2], 1e-6, silu), &|t| {
            group_norm::composed(&t[0], 4, &t[1], &t[2], 1e-6, silu)
        });
    }
}

#[test]
fn attention_matches_and_trains() {
    let inputs = [numbers(1, &[2, 3, 150, 16]), numbers(2, &[2, 3, 41, 16]), numbers(3, &[2, 3, 41, 16])];
    for lens in [None, Some([41, 17])] {
        let lens = lens.as_ref().map(|lens| lens.as_slice());
        check(&inputs, &|t| attention(&t[0], &t[1], &t[2], lens, None, 0.25), &|t| {
            attention::composed(&t[0], &t[1], &t[2], lens, None, 0.25)
        });
    }
}

#[test]
fn attention_bias_is_used_and_trained() {
    for images in [1, 2] {
        let inputs = [
            numbers(1, &[2, 2, 30, 8]),
            numbers(2, &[2, 2, 30, 8]),
            numbers(3, &[2, 2, 30, 8]),
            numbers(4, &[images, 2, 30, 30]),
        ];
        let lens = Some([11, 30].as_slice());
        let fused: Op<'_> = &|t| attention(&t[0], &t[1], &t[2], lens, Some(&t[3]), 1.);
        check(&inputs, fused, &|t| attention::composed(&t[0], &t[1], &t[2], lens, Some(&t[3]), 1.));
        let frozen: Op<'_> = &|t| attention(&t[0], &t[1], &t[2], lens, Some(&inputs[3]), 1.);
        let (y, grads) = run(fused, &inputs);
        let (y_frozen, grads_frozen) = run(frozen, &inputs[..3]);
        assert_eq!(flat(&y), flat(&y_frozen));
        for (a, b) in grads.iter().zip(&grads_frozen) {
            assert_eq!(flat(a), flat(b));
        }
    }
}

#[test]
fn attention_takes_split_heads_and_empty_rows() {
    let (q, k) = (numbers(1, &[2, 20, 3, 8]), numbers(2, &[2, 12, 3, 8]));
    let heads = |x: &Tensor| x.transpose(1, 2).unwrap();
    let lens = Some([0, 5].as_slice());
    let y = attention(&heads(&q), &heads(&k), &heads(&k), lens, None, 0.3).unwrap();
    let solid = |x: &Tensor| heads(x).contiguous().unwrap();
    let want = attention(&solid(&q), &solid(&k), &solid(&k), lens, None, 0.3).unwrap();
    assert!(distance(&y, &want) < 1e-6);
    assert!(flat(&y.narrow(0, 0, 1).unwrap()).iter().all(|x| *x == 0.), "no key, no answer");
    assert!(y.transpose(1, 2).unwrap().is_contiguous(), "joining the heads copies nothing");
    let short = k.narrow(1, 0, 5).unwrap();
    let alone = |x: &Tensor| heads(&x.narrow(0, 1, 1).unwrap());
    let y_alone = attention(&alone(&q), &alone(&short), &alone(&short), None, None, 0.3).unwrap();
    assert_eq!(flat(&y.narrow(0, 1, 1).unwrap()), flat(&y_alone), "padding changes no bit");
    assert!(attention(&q, &k, &k, Some(&[1]), None, 1.).is_err());
}

#[test]
fn conv2d_matches_and_trains() {
    for (size, k, stride, padding, channels, out) in [
        ((19, 23), 3, 1, 1, 5, 7),
        ((9, 5), 3, 1, 1, 20, 4),
        ((16, 16), 3, 2, 1, 5, 7),
        ((17, 15), 3, 2, 0, 4, 3),
        ((8, 12), 1, 1, 0, 5, 7),
        ((8, 12), 2, 2, 0, 4, 6),
        ((9, 9), 2, 2, 0, 3, 2),
        ((5, 6), 5, 1, 2, 2, 3),
        ((2, 1), 3, 1, 1, 2, 3),
    ] {
        let inputs = [numbers(1, &[2, channels, size.0, size.1]), numbers(2, &[out, channels, k, k]), numbers(3, &[out])];
        let oracle: Op<'_> = &|t| {
            let s = conv2d::Shape::new(&t[0], &t[1], stride, padding)?;
            conv2d::composed(&t[0], &t[1], &s)?.broadcast_add(&t[2].reshape((1, out, 1, 1))?)
        };
        let candle = inputs[0].conv2d(&inputs[1], padding, stride, 1, 1).unwrap();
        let candle = candle.broadcast_add(&inputs[2].reshape((1, out, 1, 1)).unwrap()).unwrap();
        assert!(distance(&oracle(&inputs).unwrap(), &candle) < 2e-6, "composed {size:?} {k}");
        check(&inputs, &|t| conv2d(&t[0], &t[1], Some(&t[2]), stride, padding), oracle);
        check_rows(&inputs[0], &|t| conv2d(&t[0], &inputs[1], None, stride, padding));
    }
}

#[test]
fn winograd_convolution_matches_and_trains() {
    for (height, width, channels, out) in [(32, 32, 32, 40), (33, 47, 40, 32), (7, 150, 33, 32)] {
        let inputs = [numbers(1, &[2, channels, height, width]), numbers(2, &[out, channels, 3, 3]), numbers(3, &[out])];
        let oracle: Op<'_> = &|t| {
            let s = conv2d::Shape::new(&t[0], &t[1], 1, 1)?;
            conv2d::composed(&t[0], &t[1], &s)?.broadcast_add(&t[2].reshape((1, out, 1, 1))?)
        };
        check(&inputs, &|t| conv2d(&t[0], &t[1], Some(&t[2]), 1, 1), oracle);
        check_rows(&inputs[0], &|t| conv2d(&t[0], &inputs[1], None, 1, 1));
    }
}

#[test]
fn upsample_matches_and_trains() {
    let inputs = [numbers(1, &[2, 3, 5, 4])];
    check(&inputs, &|t| upsample2x(&t[0]), &|t| upsample::composed(&t[0]));
    let candle = inputs[0].upsample_nearest2d(10, 8).unwrap();
    assert_eq!(flat(&upsample2x(&inputs[0]).unwrap()), flat(&candle));
}

#[test]
fn rows_of_a_batch_are_independent() {
    let x = numbers(1, &[3, 40, 32]);
    let w = numbers(2, &[32]);
    check_rows(&x, &|t| layer_norm(&t[0], Some(&w), None, 1e-6));
    check_rows(&x, &|t| rms_norm(&t[0], &w, 1e-6));
    check_rows(&x, &|t| gelu_tanh(&t[0]));
    check_rows(&x, &|t| gelu(&t[0]));
    check_rows(&numbers(3, &[3, 32, 8, 8]), &|t| group_norm(&t[0], 8, &w, &w, 1e-6, true));
    check_rows(&numbers(4, &[3, 4, 80, 16]), &|t| attention(&t[0], &t[0], &t[0], None, None, 0.2));
}

#[test]
fn half_precision_comes_back_as_it_went_in() {
    for dtype in [DType::BF16, DType::F16] {
        let x = numbers(1, &[2, 8, 6, 6]).to_dtype(dtype).unwrap();
        let w = numbers(2, &[8, 8, 3, 3]);
        let v = numbers(3, &[8]);
        let results = [
            conv2d(&x, &w, Some(&v), 1, 1),
            group_norm(&x, 4, &v, &v, 1e-5, true),
            upsample2x(&x),
            gelu_tanh(&x),
            attention(&x, &x, &x, None, None, 0.5),
            linear(&x, &numbers(4, &[3, 6]), None),
        ];
        for result in results {
            assert_eq!(result.unwrap().dtype(), dtype);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let x = numbers(1, &[2, 8, 6, 6]);
    let w = numbers(2, &[8]);
    assert!(group_norm(&x, 3, &w, &w, 1e-5, false).is_err());
    assert!(group_norm(&x, 4, &w.narrow(0, 0, 4).unwrap(), &w, 1e-5, false).is_err());
    assert!(conv2d(&x, &numbers(2, &[4, 7, 3, 3]), None, 1, 1).is_err());
    assert!(conv2d(&x, &numbers(2, &[4, 8, 3, 3]), Some(&w), 1, 1).is_err());
    assert!(linear(&x, &numbers(2, &[4, 7]), None).is_err());
    assert!(rms_norm(&x, &w, 1e-5).is_err());
    assert!(layer_norm(&x, Some(&w), None, 1e-5).is_err());
    assert!(gated_residual(&x, &w, &x).is_err());
}
