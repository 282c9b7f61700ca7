//! `--quantize-t5`: matrices of the text encoder in few bits.

use engine::device::DeviceKind;
use engine::model::T5Config;
use engine::pipeline::{MemoryPlan, OpenOptions, Pipeline, Residency, TextMemory};
use engine::store::model_dir::ModelSpec;
use engine::store::weights::TensorFile;

use super::image;
use super::sources::*;

/// Sources whose text encoder has rows of 256 weights in one matrix of each block.
fn sources() -> Sources {
    let sources = Sources::new();
    let config = T5Config { d_ff: 256, ..t5_config() };
    std::fs::write(sources.path("t5").join("config.json"), t5_json(&config)).unwrap();
    save(&sources.path("t5").join("model.safetensors"), &t5_tensors(&config));
    sources
}

#[test]
fn packed_encoders_are_smaller_and_give_nearly_the_same_images() {
    let sources = sources();
    let pth = golden("dit_a_weights.pth");
    let open = |dir: &std::path::Path, text_memory, residency| {
        let options = OpenOptions { text_memory, residency, ..OpenOptions::default() };
        Pipeline::open_with(dir, &DeviceKind::Cpu, &options).unwrap()
    };
    let plain = sources.imported(&pth, "plain", "--heads 5 --dtype f32");
    let exact = image(&Pipeline::open(&plain, &DeviceKind::Cpu).unwrap(), false);
    let bytes = |dir: &std::path::Path| std::fs::metadata(dir.join("text.safetensors")).unwrap().len();
    let mut sizes = vec![bytes(&plain)];
    for kind in ["q6k", "q4k"] {
        let out = sources.imported(&pth, kind, &format!("--heads 5 --dtype f32 --quantize-t5 {kind}"));
        assert_eq!(ModelSpec::read(&out).unwrap().text.quantized.as_deref(), Some(kind));
        sizes.push(bytes(&out));
        let packed = TensorFile::open(&out.join("text.safetensors"), None).unwrap();
        let types: Vec<_> =
            packed.infos().filter(|(_, info)| info.dtype == candle_core::DType::U8).map(|(name, _)| name).collect();
        assert_eq!(types, [0, 1].map(|block| format!("encoder.block.{block}.layer.1.DenseReluDense.wo.weight")));

        let pipeline = open(&out, TextMemory::InMemory, Residency::Whole);
        assert!(!pipeline.text_is_streamed());
        let made = image(&pipeline, false);
        let streamed = open(&out, TextMemory::Streamed, Residency::Whole);
        assert!(streamed.text_is_streamed());
        assert_eq!(image(&streamed, false), made, "{kind}: read for every text");
        assert_eq!(image(&open(&out, TextMemory::InMemory, Residency::Staged), false), made, "{kind}: in turn");
        let off = made.iter().zip(&exact).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / exact.len() as f64;
        assert!(off > 0.0 && off < 0.02 * 65535.0, "{kind}: {off}");
        assert!(MemoryPlan::of(&out).unwrap().text < MemoryPlan::of(&plain).unwrap().text);
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");

    // As two bytes a number nothing is packed, and the bits are those of --dtype f16.
    let half = sources.imported(&pth, "half", "--heads 5 --quantize-t5 f16");
    let same = sources.imported(&pth, "same", "--heads 5 --dtype f16");
    assert_eq!(ModelSpec::read(&half).unwrap().hashes, ModelSpec::read(&same).unwrap().hashes);
    assert_eq!(ModelSpec::read(&half).unwrap().text.quantized, None);
}

#[test]
fn embeddings_of_packed_encoders_are_kept_apart() {
    let sources = sources();
    let cache = sources.path("cache");
    let mut files = Vec::new();
    for (name, more) in [("f32", ""), ("q6k", "--quantize-t5 q6k"), ("q4k", "--quantize-t5 q4k")] {
        let out = sources.imported(&golden("dit_a_weights.pth"), name, &format!("--heads 5 --dtype f32 {more}"));
        let pipeline = Pipeline::open(&out, &DeviceKind::Cpu).unwrap();
        let made = image(&pipeline, false);
        let cached = pipeline.with_cache(&cache).unwrap();
        assert_eq!(image(&cached, false), made);
        assert_eq!(image(&cached, false), made, "read again");
        files.push(std::fs::read_dir(&cache).unwrap().count());
    }
    assert_eq!(files, [1, 2, 3]);
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let small = Sources::new();
    let pth = golden("dit_a_weights.pth");
    assert!(small.refused(&pth, "--heads 5 --quantize-t5 q6k").contains("multiple of 256"));
    let sources = sources();
    let out = sources.imported(&pth, "out", "--heads 5 --quantize-t5 q6k");
    // A second model takes the packed encoder over, and cannot have it packed in another way.
    let args = |more: &str| {
        let mut args = sources.args(&pth, "second", &format!("--heads 5 {more}"));
        for arg in &mut args {
            if *arg == sources.path("t5").display().to_string() {
                *arg = out.display().to_string();
            }
        }
        args
    };
    let error = format!("{:#}", command(args("--quantize-t5 q4k")).unwrap_err());
    assert!(error.contains("stored as q6k and cannot become q4k"), "{error}");
    command(args("")).unwrap();
    let second = sources.path("second");
    assert_eq!(ModelSpec::read(&second).unwrap().text.quantized.as_deref(), Some("q6k"));
    let first = Pipeline::open(&out, &DeviceKind::Cpu).unwrap();
    assert_eq!(image(&Pipeline::open(&second, &DeviceKind::Cpu).unwrap(), false), image(&first, false));
    // A description of another kind does not fit its file.
    let path = out.join("model.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (kind, word) in [("q4k", "text.safetensors"), ("q9", "text.quantized")] {
        std::fs::write(&path, text.replace("quantized = \"q6k\"", &format!("quantized = \"{kind}\""))).unwrap();
        let error = Pipeline::open(&out, &DeviceKind::Cpu).unwrap_err().to_string();
        assert!(error.contains(word) && error.lines().count() == 1, "{error}");
    }
}
