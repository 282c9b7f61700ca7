use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};

use super::*;

fn tiny(feed_forward_proj: FeedForward) -> T5Config {
    T5Config {
        d_model: 12,
        d_kv: 5,
        d_ff: 20,
        num_layers: 2,
        num_heads: 3,
        vocab_size: 17,
        feed_forward_proj,
        relative_attention_num_buckets: 8,
        relative_attention_max_distance: 20,
        layer_norm_epsilon: 1e-6,
    }
}

/// Weights that depend on place only, so that runs agree.
fn weights(config: &T5Config) -> Vec<(String, Tensor)> {
    let wave = |salt: usize, count: usize| (0..count).map(move |i| ((i * 37 + salt * 101) as f32 * 0.7).sin() * 0.4);
    config
        .param_shapes()
        .into_iter()
        .enumerate()
        .map(|(salt, (name, shape))| {
            let values: Vec<f32> = wave(salt, shape.iter().product()).collect();
            (name, Tensor::from_vec(values, shape, &Device::Cpu).expect("shape"))
        })
        .collect()
}

fn encoder(config: &T5Config) -> T5Encoder {
    let vb = VarBuilder::from_tensors(weights(config).into_iter().collect(), DType::F32, &Device::Cpu);
    T5Encoder::new(vb, config).expect("all tensors are there")
}

fn ids(rows: &[&[u32]]) -> Tensor {
    let flat: Vec<u32> = rows.concat();
    Tensor::from_vec(flat, (rows.len(), rows[0].len()), &Device::Cpu).expect("shape")
}

fn max_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar()).expect("same shapes")
}

#[test]
fn buckets_follow_the_reference() {
    // 32 buckets, distance 128: values computed with the reference's formula.
    let buckets = relative_buckets(120, &T5Config::xxl());
    let from_first: Vec<u32> = [0, 1, 7, 8, 11, 12, 16, 23, 32, 64, 90, 91, 119].iter().map(|&k| buckets[k]).collect();
    assert_eq!(from_first, [0, 17, 23, 24, 24, 25, 26, 27, 28, 30, 30, 31, 31]);
    assert_eq!(buckets[119 * 120], 15, "far behind");
    assert_eq!(buckets[120], 1, "one behind");
}

#[test]
fn padding_changes_no_real_token() {
    let encoder = encoder(&tiny(FeedForward::GatedGelu));
    let alone = encoder.forward(&ids(&[&[3, 5, 1]]), None).expect("runs");
    let batch = ids(&[&[3, 5, 1, 0, 0], &[9, 4, 8, 2, 1]]);
    let mask = ids(&[&[1, 1, 1, 0, 0], &[1, 1, 1, 1, 1]]);
    let padded = encoder.forward(&batch, Some(&mask)).expect("runs");
    let kept = padded.narrow(0, 0, 1).and_then(|row| row.narrow(1, 0, 3)).expect("narrow");
    assert!(max_difference(&alone, &kept) < 1e-5);
    let unmasked = encoder.forward(&batch, None).expect("runs");
    assert!(max_difference(&alone, &unmasked.narrow(0, 0, 1).and_then(|row| row.narrow(1, 0, 3)).expect("narrow")) > 1e-3);
}

#[test]
fn position_matters() {
    let encoder = encoder(&tiny(FeedForward::GatedGelu));
    let forward = encoder.forward(&ids(&[&[3, 5, 1]]), None).expect("runs");
    let swapped = encoder.forward(&ids(&[&[5, 3, 1]]), None).expect("runs");
    let last = |x: &Tensor| x.narrow(1, 2, 1).expect("narrow");
    assert!(max_difference(&last(&forward), &last(&swapped)) > 1e-4, "attention without position would not see the order");
}

#[test]
fn either_embedding_name_is_found() {
    let config = tiny(FeedForward::Relu);
    let other = weights(&config)
        .into_iter()
        .map(|(name, tensor)| (if name == EMBEDDING_NAMES[0] { EMBEDDING_NAMES[1].to_owned() } else { name }, tensor))
        .collect();
    let vb = VarBuilder::from_tensors(other, DType::F32, &Device::Cpu);
    let renamed = T5Encoder::new(vb, &config).expect("the second name").forward(&ids(&[&[3, 1]]), None).expect("runs");
    let named = encoder(&config).forward(&ids(&[&[3, 1]]), None).expect("runs");
    assert_eq!(max_difference(&named, &renamed), 0.0);
    assert!(T5Encoder::new(VarBuilder::from_tensors(Default::default(), DType::F32, &Device::Cpu), &config).is_err());
}

#[test]
fn every_weight_has_a_gradient_and_it_is_right() {
    let config = tiny(FeedForward::GatedGelu);
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let made = T5Encoder::new(vb, &config).expect("makes its variables");
    {
        let data = map.data().lock().expect("no other thread");
        assert_eq!(data.len(), config.param_shapes().len());
        for (name, value) in weights(&config) {
            data[&name].set(&value).expect("same shape");
        }
    }
    let tokens = ids(&[&[3, 5, 16, 0], &[9, 4, 8, 1]]);
    let mask = ids(&[&[1, 1, 1, 0], &[1, 1, 1, 1]]);
    let loss = |encoder: &T5Encoder| encoder.forward(&tokens, Some(&mask))?.sqr()?.sin()?.sum_all();
    let gradients = loss(&made).and_then(|l| l.backward()).expect("backward");
    for (name, _) in config.param_shapes() {
        let var: Var = map.data().lock().expect("no other thread")[&name].clone();
        let gradient = gradients.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let flat: Vec<f32> = gradient.flatten_all().and_then(|g| g.to_vec1()).expect("f32");
        let (at, &largest) = flat.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).expect("not empty");
        assert!(largest != 0.0, "{name}: zero gradient");
        let before = var.as_tensor().copy().expect("copy");
        let moved = |step: f32| -> f32 {
            let mut values: Vec<f32> = before.flatten_all().and_then(|t| t.to_vec1()).expect("f32");
            values[at] += step;
            var.set(&Tensor::from_vec(values, before.dims(), &Device::Cpu).expect("shape")).expect("same shape");
            loss(&made).and_then(|l| l.to_scalar()).expect("scalar")
        };
        let slope = (moved(2e-3) - moved(-2e-3)) / 4e-3;
        var.set(&before).expect("same shape");
        assert!((slope - largest).abs() < 0.05 * largest.abs() + 0.02, "{name}: {largest} against {slope}");
    }
}

#[test]
fn reads_a_published_configuration() {
    let text = r#"{"architectures": ["T5EncoderModel"], "d_ff": 10240, "d_kv": 64, "d_model": 4096, "feed_forward_proj": "gated-gelu",
        "layer_norm_epsilon": 1e-06, "num_heads": 64, "num_layers": 24, "vocab_size": 32128, "relative_attention_num_buckets": 32}"#;
    assert_eq!(serde_json::from_str::<T5Config>(text).expect("parses"), T5Config::xxl());
    assert!(serde_json::from_str::<T5Config>(&text.replace("gated-gelu", "swish")).is_err());
    let count: usize = T5Config::xxl().param_shapes().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert_eq!(count, 4_762_310_656, "the published count, the embedding counted once");
}

/// Weights in memory, handed out as a file would.
struct InMemory(std::collections::HashMap<String, Tensor>);

impl WeightSource for InMemory {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.0.get(name).cloned().ok_or_else(|| candle_core::Error::Msg(format!("no {name}")))
    }

    fn rows(&self, name: &str, rows: &[u32]) -> Result<Tensor> {
        self.tensor(name)?.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)
    }
}

#[test]
fn a_streamed_encoder_gives_the_same_bits() {
    let bits = |t: &Tensor| -> Vec<u32> {
        let values: Vec<f32> = t.flatten_all().and_then(|t| t.to_vec1()).expect("f32");
        values.iter().map(|value| value.to_bits()).collect()
    };
    for kind in [FeedForward::GatedGelu, FeedForward::Relu] {
        let config = tiny(kind);
        let source = std::sync::Arc::new(InMemory(weights(&config).into_iter().collect()));
        let streamed = StreamedT5::new(source, &config, &Device::Cpu).expect("all tensors are there");
        for text in [&[3u32, 1][..], &[5, 4, 16, 2, 9, 9, 1]] {
            let whole = encoder(&config).forward(&ids(&[text]), None).expect("runs");
            let pieces = streamed.forward(text).expect("runs");
            assert_eq!(pieces.dims(), [1, text.len(), 12]);
            assert_eq!(bits(&pieces), bits(&whole));
        }
        assert!(streamed.forward(&[17, 1]).expect_err("no such row").to_string().contains("token 17"));
    }
    let config = tiny(FeedForward::GatedGelu);
    let mut less: std::collections::HashMap<String, Tensor> = weights(&config).into_iter().collect();
    less.remove("encoder.block.1.layer.1.DenseReluDense.wo.weight");
    let streamed = StreamedT5::new(std::sync::Arc::new(InMemory(less)), &config, &Device::Cpu).expect("small ones are there");
    assert!(streamed.forward(&[3, 1]).is_err(), "a block lacks a matrix");
}

/// Widths of 256, so that blocks fill their rows; the heads' output of 12·16 = 192 stays plain.
fn packable() -> T5Config {
    T5Config { d_model: 256, d_kv: 16, d_ff: 512, num_layers: 2, num_heads: 12, vocab_size: 17, ..tiny(FeedForward::GatedGelu) }
}

/// Weights that spread like a trained encoder's, whose residual stream does not explode.
fn calm(config: &T5Config) -> std::collections::HashMap<String, Tensor> {
    let scale = |shape: &[usize]| if shape.len() == 2 { 2.0 / (shape[1] as f64).sqrt() } else { 1.0 };
    weights(config).into_iter().map(|(name, t)| (name, (&t * scale(t.dims())).expect("a product"))).collect()
}

/// Weights whose matrices are packed, handed out as a file would.
struct PackedInMemory {
    plain: InMemory,
    packed: std::collections::HashMap<String, Tensor>,
}

impl PackedInMemory {
    fn new(config: &T5Config, kind: Quantization) -> Self {
        let (packed, plain): (Vec<_>, Vec<_>) =
            calm(config).into_iter().partition(|(name, t)| packed_row(name, t.dims(), kind).is_some());
        let packed = packed.into_iter().map(|(name, t)| (name, kind.pack(&t).expect("whole blocks"))).collect();
        Self { plain: InMemory(plain.into_iter().collect()), packed }
    }
}

impl WeightSource for PackedInMemory {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.plain.tensor(name)
    }

    fn rows(&self, name: &str, rows: &[u32]) -> Result<Tensor> {
        self.plain.rows(name, rows)
    }

    fn packed(&self, name: &str) -> Result<Tensor> {
        self.packed.get(name).cloned().ok_or_else(|| candle_core::Error::Msg(format!("no {name}")))
    }
}

#[test]
fn packed_matrices_are_close_to_the_plain_ones() {
    let config = packable();
    let vb = VarBuilder::from_tensors(calm(&config), DType::F32, &Device::Cpu);
    let plain = T5Encoder::new(vb, &config).expect("all tensors are there");
    let text: &[u32] = &[3, 5, 16, 2, 9, 4, 1];
    let expected = plain.forward(&ids(&[text]), None).expect("runs");
    let size = expected.sqr().and_then(|t| t.mean_all()?.sqrt()?.to_scalar::<f32>()).expect("a number");
    let mut errors = Vec::new();
    for (kind, bound) in [(Quantization::Q6K, 0.03), (Quantization::Q4K, 0.12)] {
        let source = std::sync::Arc::new(PackedInMemory::new(&config, kind));
        assert_eq!(source.packed.len(), 2 * 6, "{kind}: o stays plain, for 192 is no multiple of 256");
        let shapes = config.packed_shapes(kind);
        assert!(shapes.iter().all(|(name, shape)| source.packed.get(name).is_none_or(|t| t.dims() == shape.as_slice())));
        let streamed = StreamedT5::packed(std::sync::Arc::clone(&source) as _, &config, kind).expect("all tensors are there");
        let found = streamed.forward(text).expect("runs");
        let kept = StreamedT5::packed(source, &config, kind).and_then(StreamedT5::kept).expect("all tensors are there");
        assert_eq!(max_difference(&found, &kept.forward(text).expect("runs")), 0.0, "kept or read again");
        let off = (&found - &expected).and_then(|d| d.sqr()?.mean_all()?.sqrt()?.to_scalar::<f32>()).expect("a number") / size;
        println!("{kind}: relative root mean square error {off}");
        assert!(off < bound, "{kind}: {off}");
        errors.push(off);
    }
    assert!(0.0 < errors[0] && errors[0] < errors[1], "fewer bits, larger error: {errors:?}");
}

#[test]
fn packed_bytes_are_checked_and_do_not_depend_on_the_cut() {
    let row = |count: usize| Tensor::from_vec((0..count).map(|i| (i as f32).sin()).collect(), (count / 256, 256), &Device::Cpu);
    let matrix = row(4 * 256).expect("a shape");
    for (kind, bytes) in [(Quantization::Q6K, 210), (Quantization::Q4K, 144)] {
        assert_eq!((kind.row_bytes(512), kind.row_bytes(300), kind.row_bytes(0)), (Some(2 * bytes), None, None));
        let whole = kind.pack(&matrix).expect("whole blocks");
        assert_eq!((whole.dims(), whole.dtype()), (&[4, bytes][..], DType::U8));
        let last = kind.pack(&matrix.narrow(0, 3, 1).expect("a row")).expect("whole blocks");
        let list = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<u8>()).expect("bytes");
        assert_eq!(list(&whole)[3 * bytes..], list(&last));
        assert!(kind.pack(&matrix.narrow(1, 0, 100).expect("columns")).is_err());
        assert!(Matrix::packed(kind, (4, 256), &whole).is_ok());
        assert!(Matrix::packed(kind, (4, 512), &whole).is_err());
        assert!(Matrix::packed(kind, (4, 256), &whole.to_dtype(DType::F32).expect("a cast")).is_err());
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert!("q8".parse::<Quantization>().expect_err("unknown").to_string().contains("q6k or q4k"));
}
