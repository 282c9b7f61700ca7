//! Every form in which the parts are published leads to the same tensors; other folders are refused.

use candle_core::{DType, Device, Tensor};
use engine::model::T5Config;
use engine::store::weights::load;

use super::sources::*;

/// A T5 folder with other weight files.
fn with_t5(write: impl Fn(&std::path::Path)) -> Sources {
    let sources = Sources::new();
    let t5 = sources.path("t5");
    std::fs::remove_file(t5.join("model.safetensors")).unwrap();
    write(&t5);
    sources
}

/// Lays files out in a folder as one publisher does.
type Layout<'a> = Box<dyn Fn(&std::path::Path) + 'a>;

#[test]
fn a_t5_folder_is_read_in_every_published_form() {
    let dit = golden("dit_a_weights.pth");
    let tensors = t5_tensors(&t5_config());
    let mut both = tensors.clone();
    both.insert("encoder.embed_tokens.weight".into(), tensors["shared.weight"].clone());
    let mut whole = both.clone();
    whole.insert("decoder.block.0.layer.0.layer_norm.weight".into(), tensors["encoder.final_layer_norm.weight"].clone());
    whole.insert("lm_head.weight".into(), tensors["shared.weight"].clone());
    let half =
        |tensors: &Tensors| -> Tensors { tensors.iter().map(|(n, t)| (n.clone(), t.to_dtype(DType::BF16).unwrap())).collect() };
    let rounded = tempfile::tempdir().unwrap();
    save(&rounded.path().join("w.safetensors"), &half(&tensors));
    let expected = content(&rounded.path().join("w.safetensors"), None);
    let forms: [(&str, Layout<'_>); 7] = [
        ("one safetensors", Box::new(|dir| save(&dir.join("model.safetensors"), &both))),
        ("bf16 already", Box::new(|dir| save(&dir.join("model.safetensors"), &half(&tensors)))),
        ("pieces of safetensors", Box::new(|dir| save_pieces(dir, "model.safetensors", &tensors, save))),
        ("one .bin", Box::new(|dir| torch_save(&dir.join("pytorch_model.bin"), &tensors))),
        ("pieces of .bin, both names apart", Box::new(|dir| save_pieces(dir, "pytorch_model.bin", &both, torch_save))),
        ("with the decoder", Box::new(|dir| save_pieces(dir, "pytorch_model.bin", &whole, torch_save))),
        (
            "the other name",
            Box::new(|dir| {
                let mut other = tensors.clone();
                let embedding = other.remove("shared.weight").unwrap();
                other.insert("encoder.embed_tokens.weight".into(), embedding);
                torch_save(&dir.join("pytorch_model.bin"), &half(&other));
            }),
        ),
    ];
    for (form, write) in forms {
        let sources = with_t5(write);
        let out = sources.imported(&dit, "out", "--heads 5");
        let text = out.join("text.safetensors");
        assert!(content(&text, None) == expected, "{form}");
        assert!(load(&text, None).unwrap().values().all(|tensor| tensor.dtype() == DType::BF16), "{form}");
    }
    let sources = with_t5(|dir| torch_save(&dir.join("pytorch_model.bin"), &tensors));
    let out = sources.imported(&dit, "out", "--heads 5 --dtype f32");
    save(&rounded.path().join("w.safetensors"), &tensors);
    assert!(content(&out.join("text.safetensors"), None) == content(&rounded.path().join("w.safetensors"), None));
}

#[test]
fn older_names_of_transformer_and_autoencoder_are_understood() {
    let sources = Sources::new();
    let new = load(&golden("dit_a_weights.safetensors"), None).unwrap();
    let old: Tensors = new
        .iter()
        .map(|(name, tensor)| {
            let name =
                name.replace("shift_scale_gate_table", "scale_shift_table").replace("shift_scale_table", "scale_shift_table");
            (format!("module.{name}"), tensor.clone())
        })
        .collect();
    let dit = sources.path("pixart.pth");
    torch_save(&dit, &old);
    let vae = load(&golden("vae_weights.safetensors"), None).unwrap();
    let convolutions: Tensors = vae
        .iter()
        .map(|(name, tensor)| {
            let pairs = [("to_q.", "query."), ("to_k.", "key."), ("to_v.", "value."), ("to_out.0.", "proj_attn.")];
            let older = pairs.iter().fold(name.clone(), |name, (new, old)| name.replace(new, old));
            let matrix = older != *name && tensor.rank() == 2;
            let tensor = if matrix { tensor.unsqueeze(2).unwrap().unsqueeze(3).unwrap() } else { tensor.clone() };
            (older, tensor)
        })
        .collect();
    let folder = sources.path("vae");
    std::fs::remove_file(folder.join("diffusion_pytorch_model.safetensors")).unwrap();
    torch_save(&folder.join("diffusion_pytorch_model.bin"), &convolutions);
    let out = sources.imported(&dit, "out", "--heads 5");
    assert!(content(&out.join("dit.safetensors"), None) == content(&golden("dit_a_weights.safetensors"), None));
    assert!(content(&out.join("autoencoder.safetensors"), None) == content(&golden("vae_weights.safetensors"), None));
    engine::pipeline::Pipeline::open(&out, &engine::device::DeviceKind::Cpu).unwrap();
}

/// Asserts that the refusal names all of `words`.
fn says(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

#[test]
fn folders_of_another_kind_are_refused() {
    let dit = golden("dit_a_weights.pth");
    let sources = Sources::new();
    let path = |name: &str| sources.path(name).display().to_string();
    let swapped = |flag: &str, other: &str| {
        let mut args = sources.args(&dit, "refused", "--heads 5");
        let at = args.iter().position(|arg| arg == flag).unwrap() + 1;
        args[at] = other.to_owned();
        let error = format!("{:#}", command(args).expect_err("it is refused"));
        sentence(&error);
        error
    };
    says(&swapped("--t5", &path("vae")), &["AutoencoderKL", "T5 text encoder is needed"]);
    says(&swapped("--vae", &path("t5")), &["describes t5", "KL autoencoder is needed"]);
    says(&swapped("--t5", &path("nowhere")), &["nowhere", "is not a folder"]);
    says(&swapped("--vae", &path("t5/spiece.model")), &["spiece.model", "is not a folder"]);
    std::fs::create_dir(sources.path("empty")).unwrap();
    says(&swapped("--t5", &path("empty")), &["empty", "no config.json"]);
    std::fs::write(sources.path("empty/config.json"), "{\"model_type\": \"t5\"}").unwrap();
    says(&swapped("--t5", &path("empty")), &["config.json", "d_model"]);
    std::fs::write(sources.path("empty/config.json"), t5_json(&t5_config())).unwrap();
    says(&swapped("--t5", &path("empty")), &["spiece.model", "--sentencepiece"]);
    std::fs::copy(golden("tokenizer/tokenizer.json"), sources.path("empty/tokenizer.json")).unwrap();
    says(&swapped("--t5", &path("empty")), &["holds no weights", "pytorch_model.bin"]);
    for (name, content) in
        [("lfs.pth", "version https://git-lfs.github.com/spec/v1\n"), ("page.pth", "<!DOCTYPE html>"), ("none.pth", "")]
    {
        std::fs::write(sources.path(name), content).unwrap();
        says(&sources.refused(&sources.path(name), ""), &[name]);
    }
    says(&sources.refused(&golden("vae_weights.safetensors"), ""), &["no diffusion transformer", "vae_weights"]);
    says(&sources.refused(&sources.path("t5"), ""), &["t5"]);
    says(&sources.refused(&dit, "--heads 3"), &["num_heads"]);
}

#[test]
fn parts_that_are_incomplete_or_do_not_fit_are_refused() {
    let dit = golden("dit_a_weights.pth");
    let tensors = t5_tensors(&t5_config());
    let changed = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = tensors.clone();
        change(&mut tensors);
        let sources = with_t5(|dir| torch_save(&dir.join("pytorch_model.bin"), &tensors));
        sources.refused(&dit, "--heads 5")
    };
    says(
        &changed(&|t| drop(t.remove("encoder.block.1.layer.0.layer_norm.weight"))),
        &["1 missing", "block.1.layer.0.layer_norm"],
    );
    says(
        &changed(&|t| drop(t.insert("encoder.block.2.x".into(), t["shared.weight"].clone()))),
        &["1 not expected", "encoder.block.2.x"],
    );
    let narrow = Tensor::zeros((306, 31), DType::F32, &Device::Cpu).unwrap();
    says(&changed(&|t| drop(t.insert("shared.weight".into(), narrow.clone()))), &["[306, 31]", "[306, 32]"]);
    let other = Tensor::zeros((306, 32), DType::F32, &Device::Cpu).unwrap();
    says(&changed(&|t| drop(t.insert("encoder.embed_tokens.weight".into(), other.clone()))), &["two names of one tensor"]);
    let nan = Tensor::full(f32::NAN, 32, &Device::Cpu).unwrap();
    says(&changed(&|t| drop(t.insert("encoder.final_layer_norm.weight".into(), nan.clone()))), &["NaN", "final_layer_norm"]);
    let large = Tensor::full(1e9f32, 32, &Device::Cpu).unwrap();
    let mut huge = tensors.clone();
    huge.insert("encoder.final_layer_norm.weight".into(), large);
    let sources = with_t5(|dir| torch_save(&dir.join("pytorch_model.bin"), &huge));
    says(&sources.refused(&dit, "--heads 5 --dtype f16"), &["too large for F16"]);

    // An index whose pieces are not what it says.
    let sources = with_t5(|dir| {
        save_pieces(dir, "model.safetensors", &tensors, save);
        std::fs::remove_file(dir.join("model-00002-of-00002.safetensors")).unwrap();
    });
    says(&sources.refused(&dit, "--heads 5"), &["model-00002-of-00002.safetensors", "does not exist"]);
    let sources = with_t5(|dir| {
        save_pieces(dir, "model.safetensors", &tensors, save);
        let first = dir.join("model-00001-of-00002.safetensors");
        std::fs::copy(dir.join("model-00002-of-00002.safetensors"), first).unwrap();
    });
    says(&sources.refused(&dit, "--heads 5"), &["no tensor named"]);
    let sources = with_t5(|dir| {
        let index = r#"{"weight_map": {"shared.weight": "../../etc/passwd"}}"#;
        std::fs::write(dir.join("model.safetensors.index.json"), index).unwrap();
    });
    says(&sources.refused(&dit, "--heads 5"), &["not in its folder"]);

    // Another width, and a tokenizer with more words than the encoder knows.
    let wide = T5Config { d_model: 64, ..t5_config() };
    let sources = with_t5(|dir| {
        std::fs::write(dir.join("config.json"), t5_json(&wide)).unwrap();
        save(&dir.join("model.safetensors"), &t5_tensors(&wide));
    });
    says(&sources.refused(&dit, "--heads 5"), &["width 32", "gives 64"]);
    let few = T5Config { vocab_size: 200, ..t5_config() };
    let sources = with_t5(|dir| {
        std::fs::write(dir.join("config.json"), t5_json(&few)).unwrap();
        save(&dir.join("model.safetensors"), &t5_tensors(&few));
    });
    says(&sources.refused(&dit, "--heads 5"), &["tokens", "knows 200"]);
}
