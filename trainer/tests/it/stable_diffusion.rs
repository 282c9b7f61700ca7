//! A Stable Diffusion folder through the program: imported, generated from, replayed; and what is no such folder.

use std::path::{Path, PathBuf};
use std::process::Output;

use candle_core::Tensor;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, Finding, Mask, Preset, SamplerKind, Source};
use engine::pipeline::{MemoryPlan, Outcome, Pipeline, RunOptions};
use engine::store::model_dir::{ModelKind, ModelSpec, NetworkSpec};
use trainer::parity::stable_diffusion::write_folder;

use crate::import::sources::{Tensors, content, sentence, torch_save};
use crate::support::{files, run, stderr, stdout, write_mask};

/// A tiny folder as published, made anew, and room beside it.
struct Published {
    dir: tempfile::TempDir,
}

impl Published {
    fn new() -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/data/stable_diffusion");
        let published = Self { dir: tempfile::tempdir().unwrap() };
        write_folder(&golden, &published.path("tiny")).unwrap();
        published
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn import(&self, more: &[&str]) -> Output {
        let mut args = vec!["import", "--stable-diffusion", "tiny", "--out", "model"];
        args.extend(more);
        run(self.dir.path(), &args)
    }

    fn imported(&self) -> PathBuf {
        stdout(&self.import(&[]));
        self.path("model")
    }

    /// The refusal after a change of the folder.
    fn refused(change: impl FnOnce(&Self)) -> String {
        let published = Self::new();
        change(&published);
        let output = published.import(&[]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(!published.path("model/model.toml").exists());
        let error = stderr(&output).trim_end().to_owned();
        sentence(&error);
        error
    }

    /// Changes a JSON file.
    fn edit(&self, file: &str, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
        let path = self.path("tiny").join(file);
        let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(value.as_object_mut().unwrap());
        std::fs::write(&path, value.to_string()).unwrap();
    }

    fn set(&self, file: &str, key: &str, value: serde_json::Value) {
        self.edit(file, |map| drop(map.insert(key.to_owned(), value)));
    }
}

fn generate(dir: &Path, more: &str) -> Output {
    let mut args = vec!["generate", "--model", "model", "--impression", "Small left pleural effusion."];
    args.extend(more.split_whitespace());
    run(dir, &args)
}

#[test]
fn a_folder_is_imported_generates_and_is_replayed() {
    let published = Published::new();
    let said = stdout(&published.import(&["--name", "Tiny SD"]));
    assert!(said.contains("Tiny SD: 32 px, Stable Diffusion, text only, at most 77 tokens"), "{said}");
    let spec = ModelSpec::read(&published.path("model")).unwrap();
    assert!(spec.notice.contains("no evidence about a patient") && spec.hashes.len() == 4, "{spec:?}");
    let NetworkSpec::Unet(unet) = &spec.network else { panic!("a U-Net") };
    assert_eq!((unet.prediction.as_str(), unet.scheduler.steps_offset, unet.scheduler.set_alpha_to_one), ("epsilon", 1, false));
    assert_eq!((spec.defaults.sampler.as_str(), spec.defaults.num_steps, spec.defaults.guidance_scale), ("pndm", 50, 7.5));
    assert_eq!(ModelSpec::read(&published.path("model")).unwrap().to_toml().unwrap(), spec.to_toml().unwrap());

    let dir = published.dir.path();
    for (name, settings) in [
        ("pndm", "--steps 5"),
        ("ddim", "--steps 5 --sampler ddim --eta 0.5"),
        ("dpmpp", "--steps 5 --sampler dpmpp --karras"),
        ("unguided", "--steps 3 --guidance 1 --preset ours"),
    ] {
        stdout(&generate(dir, &format!("--seed 3 --count 2 --name {name} --out out {settings}")));
        for number in ["0000", "0001"] {
            let replayed = run(dir, &["replay", &format!("out/{name}-{number}.json"), "--model", "model"]);
            assert_eq!(stdout(&replayed), "identical\n", "{name}");
        }
    }
    let record = String::from_utf8(files(&published.path("out"))["pndm-0000.json"].clone()).unwrap();
    assert!(record.contains("\"sampler\": \"pndm\"") && record.contains("\"steps_ran\": 6"), "{record}");
    // Sizes and signs are read as they are typed: no warning, no refusal.
    for text in ["Nodule of 12x14 mm.", "..."] {
        let made = run(
            dir,
            &["generate", "--model", "model", "--steps", "2", "--name", "typed", "--out", "typed", "--impression", text],
        );
        stdout(&made);
        assert_eq!(stderr(&made), "", "{text}");
        std::fs::remove_dir_all(published.path("typed")).unwrap();
    }
    // Nothing is made twice, and a second import keeps what is there.
    let again = stdout(&published.import(&["--name", "Tiny SD"]));
    assert!(again.contains("kept: unet.safetensors, text.safetensors, autoencoder.safetensors, tokenizer.json"), "{again}");
    let doctor = stdout(&run(dir, &["doctor", "--model", "model"]));
    assert!(doctor.contains("ok, without a reference"), "{doctor}");
}

#[test]
fn an_image_depends_on_its_request_alone_and_text_is_read_as_typed() {
    let published = Published::new();
    let pipeline = Pipeline::open(&published.imported(), &DeviceKind::Cpu).unwrap();
    let card = pipeline.card();
    assert_eq!((card.kind, card.token_limit, card.has_control), (ModelKind::StableDiffusion, 77, false));
    let mut list: Vec<_> = ["No acute findings.", "Large RIGHT pneumothorax", ""]
        .iter()
        .enumerate()
        .map(|(seed, text)| card.request(if text.is_empty() { "edema" } else { text }, seed as u64))
        .collect();
    let made =
        |requests: &[engine::domain::GenerateRequest]| match pipeline.generate(requests, &Cancel::new(), &mut |_| {}).unwrap() {
            Outcome::Done(images) => images.into_iter().map(|made| made.image).collect::<Vec<_>>(),
            Outcome::Cancelled => panic!("nobody cancelled"),
        };
    for sampler in SamplerKind::ALL {
        for request in &mut list {
            (request.sampler, request.num_steps, request.eta) = (sampler, 4, 0.3);
        }
        let together = made(&list);
        for (request, expected) in list.iter().zip(&together) {
            assert_eq!(&made(std::slice::from_ref(request))[0], expected, "{sampler:?}");
        }
        assert_ne!(together[0], together[1]);
    }
    // An edit begins on the way, and ends near its image where little of the way is gone.
    let image = std::sync::Arc::new(made(&list[..1]).remove(0));
    let mut edit = list[0].clone();
    (edit.sampler, edit.num_steps, edit.source) =
        (SamplerKind::Pndm, 20, Source::Image { image: image.clone(), strength: 0.05, kept: None });
    assert_eq!((edit.source.first_step(21), made(&[edit]).len()), (20, 1));
    assert_eq!(pipeline.count_tokens("A b").used, 4, "two words and two marks");
    assert_eq!(pipeline.count_tokens(&"b ".repeat(80)).cut_at, Some(75 * 2 - 1));
    assert_eq!(pipeline.token_texts("A b").unwrap(), ["A", "b", ""]);

    let said = |request: engine::domain::GenerateRequest, attention: &[usize]| {
        let options = RunOptions { attention, ..RunOptions::default() };
        pipeline.generate_with(&[request], &options, &Cancel::new(), &mut |_| {}).unwrap_err().to_string()
    };
    let mut drawn = list[0].clone();
    drawn.annotations.push(Annotation::mask(Finding::Edema, Mask::from_fn(32, 32, |x, _| x < 9)));
    assert!(said(drawn, &[]).contains("cannot follow masks"));
    let mut release = list[0].clone();
    release.preset = Preset::Release;
    assert!(said(release, &[]).contains("choose preset paper"));
    assert!(said(list[0].clone(), &[0]).contains("diffusion transformers only"));

    let plan = MemoryPlan::of(&published.path("model")).unwrap();
    let stored = |name: &str| published.path("model").join(name).metadata().unwrap().len();
    assert!(plan.network <= stored("unet.safetensors") && plan.network > stored("unet.safetensors") / 2, "{plan:?}");
    assert!(plan.peak() > plan.network + plan.text + plan.autoencoder && plan.step > 0 && plan.decode > 0);
}

#[test]
fn masks_and_the_release_preset_are_refused_by_the_program() {
    let published = Published::new();
    published.imported();
    write_mask(&published.path("mask.png"), 32, 32);
    for (more, words) in [
        ("--mask mask.png --finding pneumothorax --out out", "cannot follow masks"),
        ("--preset release --out out", "choose preset paper"),
        ("--word-maps auto --out out", "--word-maps: attention to the words is told by diffusion transformers only"),
        ("--word-maps 0 --out out", "diffusion transformers only"),
        ("--sampler plms --out out", "pndm"),
    ] {
        let output = generate(published.dir.path(), more);
        assert!(!output.status.success() && stderr(&output).contains(words), "{more}: {}", stderr(&output));
    }
    let both = published.import(&["--dit", "x.pth"]);
    assert_eq!(both.status.code(), Some(2), "one or the other");
    assert_eq!(run(published.dir.path(), &["import", "--out", "m"]).status.code(), Some(2), "one of them");
}

#[test]
fn images_are_edited_forked_and_shown_step_by_step() {
    let published = Published::new();
    published.imported();
    let dir = published.dir.path();
    stdout(&generate(dir, "--steps 4 --name base --out out --filmstrip --twin Typed-as-it-is."));
    let made = files(&published.path("out"));
    for name in ["base-0000.png", "base-0000.json", "base-0000_twin.png", "base-0000_steps.png"] {
        assert!(made.contains_key(name), "{name}: {:?}", made.keys());
    }
    for (name, more) in [
        ("edit", "--image out/base-0000.png --edit-strength 0.4"),
        ("inverted", "--image out/base-0000.png --invert --image-text Edema."),
        ("region", "--image out/base-0000.png --may-change mask.png"),
        ("ddim", "--image out/base-0000.png --sampler ddim --edit-strength 0.5"),
    ] {
        write_mask(&published.path("mask.png"), 32, 32);
        stdout(&generate(dir, &format!("--steps 4 --name {name} --out out {more}")));
        assert_ne!(made["base-0000.png"], files(&published.path("out"))[&format!("{name}-0000.png")]);
        assert_eq!(stdout(&run(dir, &["replay", &format!("out/{name}-0000.json"), "--model", "model"])), "identical\n", "{name}");
    }
    // The network is asked five times in four steps of pndm, so a fork may go on from the fourth answer, too.
    for step in ["1", "2", "4"] {
        let fork = format!("--fork out/base-0000.png --from-step {step} --name fork{step} --out out");
        let output = generate(dir, &fork);
        stdout(&output);
        assert!(stderr(&output).contains("remembers the step before"), "{}", stderr(&output));
    }
    let late = generate(dir, "--fork out/base-0000.png --from-step 5 --name late --out out");
    assert!(stderr(&late).contains("choose 1 to 4"), "{}", stderr(&late));
}

#[test]
fn pytorch_files_and_a_ready_tokenizer_give_the_same_model() {
    let published = Published::new();
    let model = published.imported();
    let other = Published::new();
    for (part, old, new) in [
        ("unet", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
        ("vae", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
        ("text_encoder", "model.safetensors", "pytorch_model.bin"),
    ] {
        let folder = other.path("tiny").join(part);
        let mut tensors: Tensors = engine::store::weights::load(&folder.join(old), None).unwrap();
        if part == "text_encoder" {
            // Older files hold this table; it is not part of the network.
            let positions = Tensor::zeros((1, 77), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
            tensors.insert("text_model.embeddings.position_ids".to_owned(), positions);
        }
        torch_save(&folder.join(new), &tensors);
        std::fs::remove_file(folder.join(old)).unwrap();
    }
    let tokenizer = other.path("tiny/tokenizer");
    std::fs::copy(model.join("tokenizer.json"), tokenizer.join("tokenizer.json")).unwrap();
    std::fs::remove_file(tokenizer.join("vocab.json")).unwrap();
    std::fs::remove_file(tokenizer.join("merges.txt")).unwrap();
    let again = other.imported();
    for name in ["unet.safetensors", "text.safetensors", "autoencoder.safetensors"] {
        assert!(content(&again.join(name), None) == content(&model.join(name), None), "{name}");
    }
    for name in ["tokenizer.json", "preview.safetensors"] {
        assert!(std::fs::read(again.join(name)).unwrap() == std::fs::read(model.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn what_is_no_such_folder_is_refused_in_a_sentence() {
    let remove = |name: &'static str| {
        Published::refused(move |p| {
            let path = p.path("tiny").join(name);
            if path.is_dir() { std::fs::remove_dir_all(&path).unwrap() } else { std::fs::remove_file(&path).unwrap() }
        })
    };
    for (name, words) in [
        ("unet", "unet is missing"),
        ("vae", "vae is missing"),
        ("text_encoder", "text_encoder is missing"),
        ("scheduler", "scheduler is missing"),
        ("tokenizer", "tokenizer is missing"),
        ("model_index.json", "no model_index.json"),
        ("unet/config.json", "no config.json"),
        ("unet/diffusion_pytorch_model.safetensors", "holds no weights"),
        ("scheduler/scheduler_config.json", "no scheduler_config.json"),
        ("tokenizer/vocab.json", "vocab.json is missing"),
        ("tokenizer/merges.txt", "merges.txt is missing"),
    ] {
        assert!(remove(name).contains(words), "{name}: {}", remove(name));
    }
    let json = |value: &str| serde_json::from_str::<serde_json::Value>(value).unwrap();
    for (file, key, value, words) in [
        ("model_index.json", "_class_name", "\"StableDiffusionXLPipeline\"", "describes StableDiffusionXLPipeline"),
        ("unet/config.json", "_class_name", "\"UNet2DModel\"", "describes UNet2DModel"),
        ("unet/config.json", "block_out_channels", "[16, 24]", "down_block_types"),
        ("unet/config.json", "down_block_types", "[\"Other\", \"Other\", \"Other\"]", "unknown variant"),
        ("unet/config.json", "cross_attention_dim", "16", "of another shape"),
        ("unet/config.json", "in_channels", "9", "of another shape"),
        ("unet/config.json", "class_embed_type", "\"timestep\"", "class_embed_type"),
        ("unet/config.json", "only_cross_attention", "true", "only_cross_attention"),
        ("unet/config.json", "mid_block_scale_factor", "2", "mid_block_scale_factor"),
        ("unet/config.json", "layers_per_block", "1", "not expected"),
        ("unet/config.json", "sample_size", "2048", "8192 pixels"),
        ("text_encoder/config.json", "model_type", "\"t5\"", "describes t5"),
        ("text_encoder/config.json", "hidden_act", "\"relu\"", "relu"),
        ("text_encoder/config.json", "num_hidden_layers", "3", "missing"),
        ("vae/config.json", "latent_channels", "8", "shape"),
        ("scheduler/scheduler_config.json", "_class_name", "\"EulerDiscreteScheduler\"", "EulerDiscreteScheduler"),
        ("scheduler/scheduler_config.json", "skip_prk_steps", "false", "skip_prk_steps"),
        ("scheduler/scheduler_config.json", "beta_schedule", "\"squaredcos_cap_v2\"", "squaredcos_cap_v2"),
        ("scheduler/scheduler_config.json", "prediction_type", "\"sample\"", "prediction_type"),
        ("scheduler/scheduler_config.json", "beta_start", "\"low\"", "beta_start"),
        ("scheduler/scheduler_config.json", "timestep_spacing", "\"trailing\"", "what is read is leading"),
        ("scheduler/scheduler_config.json", "trained_betas", "[0.1]", "trained_betas"),
        ("tokenizer/special_tokens_map.json", "pad_token", "\"[PAD]\"", "[PAD]"),
    ] {
        let error = Published::refused(|p| p.set(file, key, json(value)));
        assert!(error.contains(words), "{file} {key}: {error}");
    }
    for (file, key) in [
        ("unet/config.json", "cross_attention_dim"),
        ("unet/config.json", "attention_head_dim"),
        ("text_encoder/config.json", "hidden_size"),
        ("scheduler/scheduler_config.json", "num_train_timesteps"),
        ("scheduler/scheduler_config.json", "beta_end"),
        ("model_index.json", "_class_name"),
    ] {
        let error = Published::refused(|p| p.edit(file, |map| drop(map.remove(key))));
        assert!(error.contains(key), "{file} {key}: {error}");
    }
    let clip = Published::refused(|p| {
        p.set("scheduler/scheduler_config.json", "_class_name", json("\"DDIMScheduler\""));
        p.edit("scheduler/scheduler_config.json", |map| drop(map.remove("clip_sample")));
    });
    assert!(clip.contains("clip_sample"), "diffusers clips where nothing is said: {clip}");
    let few = Published::refused(|p| {
        std::fs::write(p.path("tiny/tokenizer/vocab.json"), "{\"a\": 0, \"<|startoftext|>\": 1, \"<|endoftext|>\": 2}").unwrap();
    });
    assert!(few.contains("tokenizer"), "{few}");
}
