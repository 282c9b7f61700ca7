//! On a tiny model folder with random weights: the whole road, and everything that may be wrong with a folder.

mod editing;
mod pausing;
mod residency;
mod steering;

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::DType;

use super::*;
use crate::device::Precision;
use crate::domain::{Annotation, Finding, Mask, RectPx, SamplerKind};
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::sd::{ClipActivation, ClipConfig, DownBlock, Heads, UnetConfig, UpBlock, clip_params, unet_params};
use crate::model::{Base, DitConfig, KlConfig, Param, T5Config, control_params, dit_params, params, vae_params};
use crate::store::hash::hash_bytes;
use crate::store::model_dir::{
    AutoencoderSpec, DefaultsSpec, DitSpec, FORMAT, LatentSpec, ModelSpec, NetworkSpec, SchedulerSpec, TextSpec, UnetSpec,
};

/// Which tiny model.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Own autoencoder, velocity, control.
    Practice,
    /// KL autoencoder, noise and learned variance, control, sampled condition: the release's shape.
    Release,
    /// As practice, without control.
    TextOnly,
    /// A U-Net and CLIP's text encoder.
    Stable,
}

/// How large its parts are.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Tiny,
    /// Some tens of megabytes each, to be seen among the memory of a process.
    Heavy,
}

struct TinyModel {
    dir: tempfile::TempDir,
}

fn random(list: &[Param], scale: f32) -> BTreeMap<String, Tensor> {
    let value = |param: &Param| {
        let values = noise::normal(Seed::for_case(3, &param.name), Stream::Init, 0, param.len());
        let norm = param.name.contains("norm") && param.name.ends_with("weight");
        let values: Vec<f32> = values.into_iter().map(|v| if norm { 1.0 + 0.1 * v } else { v * scale }).collect();
        Tensor::from_vec(values, param.shape.as_slice(), &Device::Cpu).unwrap()
    };
    list.iter().map(|param| (param.name.clone(), value(param))).collect()
}

fn words(marks: [&str; 2]) -> String {
    let [first, second] = marks;
    let list = [first, second, "<unk>", "right", "left", "pneumothorax", "effusion", "no", "acute", "findings", "small", "."];
    let vocab: BTreeMap<&str, usize> = list.iter().enumerate().map(|(id, word)| (*word, id)).collect();
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}
    })
    .to_string()
}

/// A small text encoder, the tensors of a small U-Net, and its description.
fn stable_diffusion() -> (ClipConfig, Vec<Param>, UnetSpec) {
    let clip = ClipConfig {
        vocab_size: 12,
        hidden_size: 12,
        intermediate_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 3,
        max_position_embeddings: 9,
        hidden_act: ClipActivation::QuickGelu,
        layer_norm_eps: 1e-5,
    };
    let unet = UnetConfig {
        sample_size: 8,
        block_out_channels: vec![16, 32],
        layers_per_block: 1,
        cross_attention_dim: 12,
        attention_head_dim: Heads::All(2),
        down_block_types: vec![DownBlock::CrossAttnDownBlock2D, DownBlock::DownBlock2D],
        up_block_types: vec![UpBlock::UpBlock2D, UpBlock::CrossAttnUpBlock2D],
        norm_num_groups: 4,
        ..UnetConfig::v1()
    };
    let scheduler = SchedulerSpec {
        num_train_timesteps: 1000,
        beta_schedule: "scaled_linear".into(),
        beta_start: 0.00085,
        beta_end: 0.012,
        timestep_spacing: "leading".into(),
        steps_offset: 1,
        set_alpha_to_one: false,
    };
    let config = toml::Value::try_from(&unet).unwrap().as_table().unwrap().clone();
    let spec = UnetSpec { weights: "unet.safetensors".into(), prediction: "epsilon".into(), scheduler, config };
    (clip, unet_params(&unet).unwrap(), spec)
}

impl TinyModel {
    fn new(kind: Kind) -> Self {
        Self::sized(kind, Size::Tiny)
    }

    fn sized(kind: Kind, size: Size) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let heavy = size == Size::Heavy;
        let (d_ff, num_layers) = if heavy { (100_000, 4) } else { (16, 1) };
        let text = T5Config { d_model: 12, d_kv: 4, d_ff, num_layers, num_heads: 3, vocab_size: 12, ..T5Config::xxl() };
        let (release, stable) = (kind == Kind::Release, kind == Kind::Stable);
        let channels = 4;
        let dit = DitConfig {
            input_size: 8,
            in_channels: channels,
            hidden_size: if heavy { 240 } else { 24 },
            depth: if heavy { 12 } else { 3 },
            num_heads: 3,
            text_embed_dims: 12,
            token_num: 9,
            learn_sigma: release,
            ..DitConfig::default()
        };
        let control_blocks = if kind == Kind::TextOnly { 0 } else { 1 };
        let dit_list = match control_blocks {
            0 => dit_params(&dit).unwrap(),
            n => control_params(&dit, n, Base::Frozen).unwrap(),
        };
        let table = |value: toml::Value| value.as_table().unwrap().clone();
        let (ae_weights, autoencoder) = if release || stable {
            let config =
                KlConfig { block_out_channels: vec![8, 8, 8, 8], layers_per_block: 1, norm_num_groups: 4, ..KlConfig::default() };
            let spec =
                AutoencoderSpec::Kl { weights: "ae.safetensors".into(), config: table(toml::Value::try_from(&config).unwrap()) };
            (random(&vae_params(&config).unwrap(), 0.1), spec)
        } else {
            let config = PracticeAeConfig {
                latent_channels: channels,
                encoder_widths: [8, 8, 8],
                decoder_widths: [16, 8, 8],
                decoder_blocks: [1, 1, 0],
            };
            let list = params::record(|vb| PracticeAe::new(vb, &config).map(|_| ())).unwrap();
            let spec = AutoencoderSpec::Practice {
                weights: "ae.safetensors".into(),
                config: table(toml::Value::try_from(&config).unwrap()),
            };
            (random(&list, 0.1), spec)
        };
        let text_list = params::record(|vb| crate::model::T5Encoder::new(vb, &text).map(|_| ())).unwrap();
        let mut hashes = BTreeMap::new();
        let mut save = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            hashes.insert(name.to_owned(), hash_bytes(bytes));
        };
        let bytes = |tensors: &BTreeMap<String, Tensor>| {
            let half: BTreeMap<String, Tensor> =
                tensors.iter().map(|(n, t)| (n.clone(), t.to_dtype(DType::F16).unwrap())).collect();
            safetensors::serialize(&half, None).unwrap()
        };
        let (text, text_list, network) = if stable {
            let (clip, unet, spec) = stable_diffusion();
            save("unet.safetensors", &bytes(&random(&unet, 0.15)));
            (table(toml::Value::try_from(&clip).unwrap()), clip_params(&clip).unwrap(), NetworkSpec::Unet(spec))
        } else {
            save("dit.safetensors", &bytes(&random(&dit_list, 0.15)));
            let spec = DitSpec {
                weights: "dit.safetensors".into(),
                prediction: if release { "epsilon" } else { "velocity" }.into(),
                control_blocks,
                control_unconditional: release,
                config: table(toml::Value::try_from(&dit).unwrap()),
            };
            (table(toml::Value::try_from(&text).unwrap()), text_list, NetworkSpec::Dit(spec))
        };
        save("text.safetensors", &bytes(&random(&text_list, 0.3)));
        save("ae.safetensors", &bytes(&ae_weights));
        let marks = if stable { ["<|startoftext|>", "<|endoftext|>"] } else { ["<pad>", "</s>"] };
        save("tokenizer.json", words(marks).as_bytes());
        let spec = ModelSpec {
            format: FORMAT,
            name: "Tiny".into(),
            practice: !release && !stable,
            size_px: 64,
            notice: "For tests.".into(),
            palette: if release { "release" } else { "practice" }.into(),
            preview: None,
            text: TextSpec {
                weights: "text.safetensors".into(),
                tokenizer: "tokenizer.json".into(),
                quantized: None,
                max_tokens: 9,
                config: text,
            },
            network,
            autoencoder,
            latent: LatentSpec {
                shift: vec![0.0],
                scale: vec![if release || stable { 0.18215 } else { 1.0 }],
                condition_shift: vec![0.0; 4],
                condition_scale: vec![1.0; 4],
                condition_sampled: release,
            },
            defaults: DefaultsSpec { preset: "paper".into(), sampler: "dpmpp".into(), num_steps: 4, guidance_scale: 2.0 },
            hashes,
            reference: None,
        };
        std::fs::write(dir.path().join("model.toml"), spec.to_toml().unwrap()).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn open(&self) -> Pipeline {
        Pipeline::open(self.dir.path(), &DeviceKind::Cpu).unwrap()
    }

    fn edit(&self, change: impl FnOnce(String) -> String) -> Error {
        let path = self.dir.path().join("model.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "the edit changes something");
        std::fs::write(&path, changed).unwrap();
        let error = Pipeline::open(self.dir.path(), &DeviceKind::Cpu).unwrap_err();
        std::fs::write(&path, text).unwrap();
        error
    }
}

fn requests(pipeline: &Pipeline) -> Vec<GenerateRequest> {
    let mut list = vec![
        pipeline.card().request("right pneumothorax.", 1),
        pipeline.card().request("no acute findings.", 2),
        pipeline.card().request("small left effusion.", 3),
    ];
    if pipeline.card().has_control {
        list[0].annotations.push(Annotation::mask(Finding::Pneumothorax, Mask::from_fn(64, 64, |x, y| x < 20 && y < 30)));
        let rect = RectPx { x0: 30.0, y0: 30.0, x1: 60.0, y1: 50.0 };
        list[2].annotations.push(Annotation::boxed(Finding::PleuralEffusion, rect, 64, 64));
    }
    list
}

fn run(pipeline: &Pipeline, requests: &[GenerateRequest]) -> Vec<Generated> {
    match pipeline.generate(requests, &Cancel::new(), &mut |_| {}).unwrap() {
        Outcome::Done(images) => images,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn an_image_depends_on_its_request_alone() {
    for kind in [Kind::Practice, Kind::Release, Kind::TextOnly, Kind::Stable] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            let mut list = requests(&pipeline);
            for request in &mut list {
                (request.sampler, request.eta) = (sampler, 0.5);
                if kind == Kind::Release {
                    request.preset = Preset::Release;
                }
            }
            let together = run(&pipeline, &list);
            let hash = |image: &Generated| image.record.pixels_blake3.clone();
            for (request, expected) in list.iter().zip(&together) {
                assert_eq!(hash(&run(&pipeline, std::slice::from_ref(request))[0]), hash(expected), "{sampler:?}");
                assert_eq!(&expected.record.request, request);
            }
            list.reverse();
            let backwards: Vec<String> = run(&pipeline, &list).iter().rev().map(hash).collect();
            assert_eq!(backwards, together.iter().map(hash).collect::<Vec<_>>());
            let mut other = list[0].clone();
            other.seed = Seed(77);
            assert_ne!(hash(&run(&pipeline, &[other])[0]), hash(&run(&pipeline, &list[..1])[0]), "the seed counts");
        }
    }
}

#[test]
fn text_mask_and_strength_change_the_image() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let base = requests(&pipeline).remove(0);
    let hash = |request: &GenerateRequest| run(&pipeline, std::slice::from_ref(request))[0].record.pixels_blake3.clone();
    let reference = hash(&base);
    let mut changed = base.clone();
    changed.impression = "left pneumothorax.".into();
    assert_ne!(hash(&changed), reference);
    let mut changed = base.clone();
    changed.annotations[0].strength = 0.5;
    assert_ne!(hash(&changed), reference);
    let mut without = base.clone();
    without.annotations.clear();
    assert_ne!(hash(&without), reference);
    // Strength 0 is no condition at all.
    let mut off = base;
    off.annotations[0].strength = 0.0;
    assert_eq!(hash(&off), hash(&without));
}

#[test]
fn steps_are_told_and_the_last_one_is_the_image() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let list = requests(&pipeline);
    let (mut seen, mut last) = (Vec::new(), None);
    let mut on_event = |event: Event| match event {
        Event::Started { steps } => seen.push(format!("start {steps}")),
        Event::Step { step, of, previews, latents, noisy } => {
            assert_eq!((previews.len(), latents.len(), noisy.len()), (3, 3, 3));
            assert_eq!((previews[0].width(), previews[0].height()), (64, 64));
            seen.push(format!("{step}/{of}"));
            last = Some(latents);
        }
        Event::Attention { .. } | Event::Paused { .. } | Event::Resumed => panic!("nobody asked"),
        Event::Finished => seen.push("end".into()),
    };
    let Outcome::Done(images) = pipeline.generate(&list, &Cancel::new(), &mut on_event).unwrap() else { panic!("done") };
    assert_eq!(seen, ["start 4", "1/4", "2/4", "3/4", "4/4", "end"]);
    // DPM-Solver++ ends at zero noise, so the last predicted clean latent is the result.
    let decoded = pipeline.decode(&last.unwrap()[1]).unwrap();
    let difference = decoded.pixels().iter().zip(images[1].image.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(difference <= Some(4), "{difference:?}");
}

#[test]
fn cancelling_stops_within_a_step_and_returns_nothing() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let cancel = Cancel::new();
    let mut steps = 0;
    let outcome = pipeline.generate(&requests(&pipeline), &cancel, &mut |event| {
        if let Event::Step { step, .. } = event {
            steps = step;
            if step == 2 {
                cancel.cancel();
            }
        }
    });
    assert!(matches!(outcome.unwrap(), Outcome::Cancelled));
    assert_eq!(steps, 2);
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let text_only = TinyModel::new(Kind::TextOnly).open();
    let said = |pipeline: &Pipeline, requests: &[GenerateRequest]| {
        pipeline.generate(requests, &Cancel::new(), &mut |_| {}).unwrap_err().to_string()
    };
    let list = requests(&pipeline);
    assert!(said(&text_only, &list[..1]).contains("cannot follow masks"));
    let mut mixed = list.clone();
    mixed[1].num_steps = 5;
    assert!(said(&pipeline, &mixed).contains("differ in steps"));
    let mut bad = list[0].clone();
    bad.guidance_scale = f32::NAN;
    assert!(said(&pipeline, &[bad]).contains("guidance is NaN"));
    let mut long = list[0].clone();
    long.impression = "effusion ".repeat(5000);
    assert!(said(&pipeline, &[long]).contains("shorten it"));
}

#[test]
fn tokens_are_counted_and_the_cut_is_shown() {
    let pipeline = TinyModel::new(Kind::TextOnly).open();
    let count = pipeline.count_tokens("No acute findings.");
    assert_eq!((count.used, count.limit, count.cut_at), (5, 9, None));
    let text = "right effusion left effusion small effusion no effusion acute effusion";
    let count = pipeline.count_tokens(text);
    assert_eq!(count.used, 11);
    assert_eq!(&text[count.cut_at.unwrap()..], " acute effusion");
    // What is cut off does not count.
    let request = |text: &str| pipeline.card().request(text, 5);
    let cut = &text[..count.cut_at.unwrap()];
    let (a, b) = (run(&pipeline, &[request(text)]), run(&pipeline, &[request(cut)]));
    assert_eq!(a[0].record.pixels_blake3, b[0].record.pixels_blake3);
}

#[test]
fn a_folder_that_does_not_fit_is_refused_by_file_and_field() {
    let model = TinyModel::new(Kind::Practice);
    for (from, to, field) in [
        ("prediction = \"velocity\"", "prediction = \"score\"", "dit.prediction"),
        ("palette = \"practice\"", "palette = \"rainbow\"", "palette"),
        ("size_px = 64", "size_px = 128", "size_px"),
        ("max_tokens = 9", "max_tokens = 90", "text.max_tokens"),
        ("hidden_size = 24", "hidden_size = 26", "hidden_size"),
        ("shift = [0.0]", "shift = [0.0, 1.0]", "latent"),
        ("scale = [1.0]", "scale = [0.0]", "latent"),
        ("sampler = \"dpmpp\"", "sampler = \"euler\"", "defaults.sampler"),
        ("guidance_scale = 2.0", "guidance_scale = nan", "defaults"),
        ("vocab_size = 12", "vocab_size = 11", "text"),
        ("practice = true", "practise = true", "practise"),
        ("format = 1", "format = 9", "format"),
        ("weights = \"ae.safetensors\"", "weights = \"../ae.safetensors\"", "autoencoder.weights"),
    ] {
        let error = model.edit(|text| text.replace(from, to)).to_string();
        assert!(error.contains(field), "{to}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    // A changed weight file, then one of another network.
    let dit = model.path().join("dit.safetensors");
    let bytes = std::fs::read(&dit).unwrap();
    std::fs::copy(model.path().join("text.safetensors"), &dit).unwrap();
    assert!(Pipeline::open(&model.path(), &DeviceKind::Cpu).unwrap_err().to_string().contains("hash differs"));
    let hash = hash_bytes(&bytes);
    let other = hash_bytes(&std::fs::read(&dit).unwrap());
    let error = model.edit(|text| text.replace(&hash, &other)).to_string();
    assert!(error.contains("dit.safetensors") && error.contains("missing"), "{error}");
    std::fs::write(&dit, &bytes[..bytes.len() - 7]).unwrap();
    let cut = hash_bytes(&bytes[..bytes.len() - 7]);
    let error = model.edit(|text| text.replace(&hash, &cut)).to_string();
    assert!(error.contains("cut off"), "{error}");
    std::fs::remove_file(&dit).unwrap();
    let error = Pipeline::open(&model.path(), &DeviceKind::Cpu).unwrap_err().to_string();
    assert!(error.contains("dit.safetensors") && error.contains("does not exist"), "{error}");
}

#[test]
fn nan_in_the_weights_is_an_error_at_its_step() {
    let model = TinyModel::new(Kind::TextOnly);
    let path = model.path().join("dit.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let broken = tensors["final_layer.linear.bias"].affine(f64::NAN, 0.0).unwrap();
    tensors.insert("final_layer.linear.bias".into(), broken);
    let old = hash_bytes(&std::fs::read(&path).unwrap());
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let toml = model.path().join("model.toml");
    let text = std::fs::read_to_string(&toml).unwrap().replace(&old, &hash_bytes(&std::fs::read(&path).unwrap()));
    std::fs::write(&toml, text).unwrap();
    let pipeline = model.open();
    let error = pipeline.generate(&requests(&pipeline)[..1], &Cancel::new(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("NaN or infinity at step 1 of 4"), "{error}");
}

#[test]
fn where_text_weights_and_embeddings_are_changes_no_image() {
    let model = TinyModel::new(Kind::Release);
    let hashes = |pipeline: &Pipeline| -> Vec<String> {
        run(pipeline, &requests(pipeline)).into_iter().map(|made| made.record.pixels_blake3).collect()
    };
    let plain = hashes(&model.open());
    let streamed = || {
        let options = OpenOptions { text_memory: TextMemory::Streamed, ..OpenOptions::default() };
        Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options).unwrap()
    };
    assert!(streamed().text_is_streamed() && !model.open().text_is_streamed());
    assert_eq!(hashes(&streamed()), plain);

    let cache = tempfile::tempdir().unwrap();
    let files = || {
        let entries = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.collect::<std::collections::BTreeSet<_>>()
    };
    let with_cache = |pipeline: Pipeline| pipeline.with_cache(cache.path()).unwrap();
    assert_eq!(hashes(&with_cache(streamed())), plain, "written");
    let kept = files();
    assert_eq!(kept.len(), 3, "one for each text");
    assert_eq!(hashes(&with_cache(model.open())), plain, "read");
    assert_eq!(files(), kept, "the two encoders share them");
    for path in &kept {
        let mut bytes = std::fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(hashes(&with_cache(model.open())), plain, "damaged ones are written again");
    let other = TinyModel::new(Kind::Release);
    let text = other.path().join("text.safetensors");
    let mut tensors = candle_core::safetensors::load(&text, &Device::Cpu).unwrap();
    let doubled = (&tensors["shared.weight"] * 2.0).unwrap();
    tensors.insert("shared.weight".into(), doubled);
    let old = hash_bytes(&std::fs::read(&text).unwrap());
    candle_core::safetensors::save(&tensors, &text).unwrap();
    let toml = other.path().join("model.toml");
    let description = std::fs::read_to_string(&toml).unwrap().replace(&old, &hash_bytes(&std::fs::read(&text).unwrap()));
    std::fs::write(&toml, description).unwrap();
    assert_eq!(hashes(&with_cache(other.open())), hashes(&other.open()), "another encoder has its own");
    assert_eq!(files().len(), 6);
    let file = cache.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(model.open().with_cache(&file).is_err(), "a file is no folder");
}

#[test]
fn memory_is_planned_before_loading() {
    let model = TinyModel::new(Kind::Release);
    let plan = MemoryPlan::of(&model.path()).unwrap();
    let stored = |name: &str| std::fs::metadata(model.path().join(name)).unwrap().len();
    // Stored as f16: two bytes a number and a header.
    assert!(plan.network <= 2 * stored("dit.safetensors") && plan.network > stored("dit.safetensors"), "{plan:?}");
    assert!(plan.peak() >= plan.network + plan.text + plan.autoencoder, "{plan:?}");
    assert!(!plan.text_streamed && plan.size_px == 64);
    assert!(
        TextMemory::Auto.streams(5_000_000_000) && TextMemory::Streamed.streams(1) && !TextMemory::InMemory.streams(u64::MAX)
    );
    assert!(MemoryPlan::of(&model.path().join("none")).is_err());
}
