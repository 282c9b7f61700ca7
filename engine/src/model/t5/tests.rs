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
