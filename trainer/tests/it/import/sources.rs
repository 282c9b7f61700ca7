//! Published folders in miniature: T5, autoencoder, checkpoints as PyTorch saves them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{DType, Device, Tensor};
use clap::Parser as _;
use engine::model::T5Config;
use engine::store::weights::load;

pub(crate) type Tensors = BTreeMap<String, Tensor>;

/// A golden file.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/data").join(name)
}

/// A text encoder that fits the golden transformers.
pub(crate) fn t5_config() -> T5Config {
    T5Config { d_model: 32, d_kv: 8, d_ff: 48, num_layers: 2, num_heads: 4, vocab_size: 306, ..T5Config::xxl() }
}

/// Its weights; they depend on names only.
pub(crate) fn t5_tensors(config: &T5Config) -> Tensors {
    let tensor = |salt: usize, shape: Vec<usize>| {
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|i| ((i * 37 + salt * 101) as f32 * 0.7).sin() * 0.3).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    config.param_shapes().into_iter().enumerate().map(|(salt, (name, shape))| (name, tensor(salt, shape))).collect()
}

/// Folders to import from, and one to import to.
pub(crate) struct Sources {
    pub(crate) dir: tempfile::TempDir,
}

impl Sources {
    /// A T5 folder and an autoencoder folder as published.
    pub(crate) fn new() -> Self {
        let sources = Self { dir: tempfile::tempdir().unwrap() };
        let t5 = sources.path("t5");
        std::fs::create_dir(&t5).unwrap();
        std::fs::write(t5.join("config.json"), t5_json(&t5_config())).unwrap();
        std::fs::copy(golden("tokenizer/spiece.model"), t5.join("spiece.model")).unwrap();
        save(&t5.join("model.safetensors"), &t5_tensors(&t5_config()));
        let vae = sources.path("vae");
        std::fs::create_dir(&vae).unwrap();
        std::fs::write(vae.join("config.json"), vae_json()).unwrap();
        std::fs::copy(golden("vae_weights.safetensors"), vae.join("diffusion_pytorch_model.safetensors")).unwrap();
        sources
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Arguments of a whole import; `more` is split at blanks.
    pub(crate) fn args(&self, dit: &Path, out: &str, more: &str) -> Vec<String> {
        let mut args: Vec<String> = ["chexgen", "import", "--dit"].map(str::to_owned).to_vec();
        args.push(dit.display().to_string());
        for (flag, path) in [("--t5", "t5"), ("--vae", "vae"), ("--out", out)] {
            args.extend([flag.to_owned(), self.path(path).display().to_string()]);
        }
        args.extend(more.split_whitespace().map(str::to_owned));
        args
    }

    /// Imports by the real command.
    pub(crate) fn import(&self, dit: &Path, out: &str, more: &str) -> anyhow::Result<ExitCode> {
        command(self.args(dit, out, more))
    }

    /// An import that must succeed.
    pub(crate) fn imported(&self, dit: &Path, out: &str, more: &str) -> PathBuf {
        let code = self.import(dit, out, more).unwrap();
        assert_eq!(code, ExitCode::SUCCESS);
        self.path(out)
    }

    /// Text encoder and autoencoder alone, by the real command.
    pub(crate) fn parts(&self, out: &str) -> PathBuf {
        let mut args = self.args(Path::new("none"), out, "--parts --dtype f32");
        args.drain(2..4);
        assert_eq!(command(args).unwrap(), ExitCode::SUCCESS);
        self.path(out)
    }

    /// An import that must be refused with one sentence, and write no description.
    pub(crate) fn refused(&self, dit: &Path, more: &str) -> String {
        let error = self.import(dit, "refused", more).expect_err("it is refused");
        sentence(&format!("{error:#}"));
        assert!(!self.path("refused").join("model.toml").exists());
        format!("{error:#}")
    }
}

/// Runs the program's command line in this process.
pub(crate) fn command(args: Vec<String>) -> anyhow::Result<ExitCode> {
    trainer::cli::Cli::try_parse_from(args).unwrap().run()
}

/// Errors are one sentence.
pub(crate) fn sentence(error: &str) {
    assert!(!error.contains('\n') && error.len() > 20 && error.len() < 2000, "{error:?}");
}

/// A T5's `config.json` with the fields that transformers writes, too.
pub(crate) fn t5_json(config: &T5Config) -> String {
    let mut value = serde_json::to_value(config).unwrap();
    value["model_type"] = "t5".into();
    value["is_gated_act"] = true.into();
    value["architectures"] = serde_json::json!(["T5EncoderModel"]);
    value.to_string()
}

fn vae_json() -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(golden("manifest.json")).unwrap()).unwrap();
    let mut config = manifest["goldens"]["vae_weights"]["config"].clone();
    config["_class_name"] = "AutoencoderKL".into();
    // Files from before this field do not have it.
    config.as_object_mut().unwrap().remove("scaling_factor");
    config.to_string()
}

/// Writes safetensors.
pub(crate) fn save(path: &Path, tensors: &Tensors) {
    std::fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

/// Writes pieces and their index: the first half of the names, then the others.
pub(crate) fn save_pieces(dir: &Path, base: &str, tensors: &Tensors, write: impl Fn(&Path, &Tensors)) {
    let (stem, ending) = base.split_once('.').unwrap();
    let mut map = serde_json::Map::new();
    let half = tensors.len() / 2;
    for (piece, place) in [0..half, half..tensors.len()].into_iter().enumerate() {
        let file = format!("{stem}-{:05}-of-00002.{ending}", piece + 1);
        let part: Tensors =
            tensors.iter().enumerate().filter(|(i, _)| place.contains(i)).map(|(_, (n, t))| (n.clone(), t.clone())).collect();
        for name in part.keys() {
            map.insert(name.clone(), file.clone().into());
        }
        write(&dir.join(file), &part);
    }
    let index = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
    std::fs::write(dir.join(format!("{base}.index.json")), index.to_string()).unwrap();
}

/// Writes tensors as torch.save does: a zip archive with a pickle of protocol 2.
pub(crate) fn torch_save(path: &Path, tensors: &Tensors) {
    let text = |out: &mut Vec<u8>, text: &str| {
        out.push(b'X');
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    };
    let int = |out: &mut Vec<u8>, value: usize| {
        out.push(b'J');
        out.extend((value as u32).to_le_bytes());
    };
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        let class = if tensor.dtype() == DType::BF16 { "BFloat16Storage" } else { "FloatStorage" };
        text(&mut pickle, name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut pickle, "storage");
        pickle.extend(format!("ctorch\n{class}\n").as_bytes());
        text(&mut pickle, &key.to_string());
        text(&mut pickle, "cpu");
        int(&mut pickle, tensor.elem_count());
        pickle.extend(b"tQ");
        int(&mut pickle, 0);
        pickle.push(b'(');
        tensor.dims().iter().for_each(|&side| int(&mut pickle, side));
        pickle.extend(b"t(");
        tensor.stride().iter().for_each(|&step| int(&mut pickle, step));
        pickle.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u.");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut part = |name: String, content: &[u8]| {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content).unwrap();
    };
    part("archive/data.pkl".into(), &pickle);
    for (key, tensor) in tensors.values().enumerate() {
        let flat = tensor.flatten_all().unwrap();
        let bytes: Vec<u8> = match tensor.dtype() {
            DType::BF16 => flat.to_vec1::<half::bf16>().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect(),
            _ => flat.to_vec1::<f32>().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        part(format!("archive/data/{key}"), &bytes);
    }
    zip.finish().unwrap();
}

/// All tensors of a file with their bits, as `f32`.
pub(crate) fn content(path: &Path, select: Option<&str>) -> BTreeMap<String, (Vec<usize>, Vec<u32>)> {
    let bits = |tensor: &Tensor| -> Vec<u32> {
        let values = tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    };
    load(path, select).unwrap().iter().map(|(name, tensor)| (name.clone(), (tensor.dims().to_vec(), bits(tensor)))).collect()
}
