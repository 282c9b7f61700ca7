//! `chexgen import` and `chexgen doctor`: the golden checkpoints through the real commands.

mod damage;
mod forms;
mod packed;
mod resume;
pub(crate) mod sources;

use std::process::ExitCode;

use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, Finding, Mask};
use engine::pipeline::{OpenOptions, Outcome, Pipeline, TextMemory};
use engine::store::model_dir::ModelSpec;

use sources::{Sources, command, content, golden};

/// Grey values of a two-step image.
fn image(pipeline: &Pipeline, mask: bool) -> Vec<u16> {
    let mut request = pipeline.card().request("right pneumothorax.", 7);
    request.num_steps = 2;
    if mask {
        request.annotations.push(Annotation::mask(Finding::Pneumothorax, Mask::from_fn(128, 128, |x, y| x < 50 && y < 60)));
    }
    match pipeline.generate(&[request], &Cancel::new(), &mut |_| {}).unwrap() {
        Outcome::Done(images) => images[0].image.pixels().to_vec(),
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn both_released_kinds_become_folders_that_generate() {
    let sources = Sources::new();
    for (name, heads, blocks, scale, tokens) in [("dit_a_weights", 5, 0, 1.0, 24), ("control_weights", 4, 3, 2.0, 20)] {
        let pth = golden(&format!("{name}.pth"));
        let out = sources.imported(&pth, name, &format!("--heads {heads}"));
        let spec = ModelSpec::read(&out).unwrap();
        assert_eq!((spec.name.as_str(), spec.size_px, spec.dit().unwrap().control_blocks), (name, 128, blocks));
        assert_eq!(spec.dit().unwrap().config["pos_embed_scale"].as_float(), Some(scale), "told from the stored table");
        assert_eq!(spec.text.max_tokens, tokens);
        assert_eq!((spec.palette.as_str(), spec.defaults.preset.as_str(), spec.defaults.num_steps), ("release", "release", 100));
        assert_eq!(spec.latent.scale, [0.18215]);
        assert!(spec.notice.contains("data use agreement") && spec.hashes.len() == 4, "{spec:?}");
        assert_eq!(content(&out.join("dit.safetensors"), None), content(&pth, Some("state_dict_ema")));

        let pipeline = Pipeline::open(&out, &DeviceKind::Cpu).unwrap();
        assert_eq!(pipeline.card().has_control, blocks > 0);
        assert!(!pipeline.text_is_streamed());
        let plain = image(&pipeline, false);
        let streamed = {
            let options = OpenOptions { text_memory: TextMemory::Streamed, ..OpenOptions::default() };
            Pipeline::open_with(&out, &DeviceKind::Cpu, &options).unwrap()
        };
        assert!(streamed.text_is_streamed());
        assert_eq!(image(&streamed, false), plain);
        if blocks > 0 {
            assert_ne!(image(&pipeline, true), plain);
            assert_eq!(image(&streamed, true), image(&pipeline, true));
        }
    }
}

#[test]
fn the_dictionary_can_be_chosen_and_the_name_too() {
    let sources = Sources::new();
    let pth = golden("dit_a_weights.pth");
    let out = sources.imported(&pth, "raw", "--heads 5 --state-dict state_dict --name Raw");
    assert_eq!(content(&out.join("dit.safetensors"), None), content(&golden("dit_a_weights.safetensors"), None));
    assert_eq!(ModelSpec::read(&out).unwrap().name, "Raw");
    let error = sources.refused(&pth, "--heads 5 --state-dict optimizer");
    assert!(error.contains("dit_a_weights.pth") && error.contains("state_dict, state_dict_ema"), "{error}");
    assert!(sources.refused(&pth, "").contains("width 40"), "the number of heads is not known");
}

#[test]
fn a_second_model_shares_text_encoder_and_autoencoder() {
    let sources = Sources::new();
    let first = sources.imported(&golden("dit_a_weights.pth"), "first", "--heads 5");
    let mut args = sources.args(&golden("control_weights.pth"), "second", "--heads 4");
    for arg in &mut args {
        for part in ["t5", "vae"] {
            if *arg == sources.path(part).display().to_string() {
                *arg = first.display().to_string();
            }
        }
    }
    assert_eq!(command(args).unwrap(), ExitCode::SUCCESS);
    let second = sources.path("second");
    let (a, b) = (ModelSpec::read(&first).unwrap(), ModelSpec::read(&second).unwrap());
    for file in ["text.safetensors", "autoencoder.safetensors", "spiece.model"] {
        assert_eq!(a.hashes[file], b.hashes[file]);
    }
    Pipeline::open(&second, &DeviceKind::Cpu).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let inode = |dir: &std::path::Path| dir.join("text.safetensors").metadata().unwrap().ino();
        assert_eq!(inode(&first), inode(&second), "one file on disk");
    }
    // Another checkpoint into a folder that has the rest; the one that is there is not lost by mistake.
    let args = ["chexgen", "import", "--heads", "5", "--dit"].map(str::to_owned).into_iter();
    let rest = [golden("dit_a_weights.pth").display().to_string(), "--out".into(), second.display().to_string()];
    let mut other: Vec<String> = args.chain(rest).collect();
    let refused = command(other.clone()).unwrap_err().to_string();
    assert!(refused.contains("second holds another model (model.toml)"), "{refused}");
    assert_eq!(ModelSpec::read(&second).unwrap().dit().unwrap().control_blocks, 3);
    other.push("--replace".to_owned());
    assert_eq!(command(other).unwrap(), ExitCode::SUCCESS);
    assert_eq!(ModelSpec::read(&second).unwrap().dit().unwrap().control_blocks, 0);
}

#[test]
fn a_checkpoint_joins_the_folder_of_its_parts_and_the_same_import_goes_on() {
    let sources = Sources::new();
    let out = sources.parts("model");
    for _ in 0..2 {
        sources.imported(&golden("control_weights.pth"), "model", "--heads 4 --dtype f32");
    }
    assert_eq!(ModelSpec::read(&out).unwrap().dit().unwrap().control_blocks, 3);
    // Whoever named its files otherwise made another model.
    let text = std::fs::read_to_string(out.join("model.toml")).unwrap();
    std::fs::rename(out.join("dit.safetensors"), out.join("own.safetensors")).unwrap();
    std::fs::write(out.join("model.toml"), text.replace("dit.safetensors", "own.safetensors")).unwrap();
    let refused = sources.import(&golden("control_weights.pth"), "model", "--heads 4 --dtype f32").unwrap_err();
    assert!(refused.to_string().contains("holds another model"), "{refused}");
}

#[test]
fn the_doctor_plans_tests_and_finds_faults() {
    let sources = Sources::new();
    let out = sources.imported(&golden("control_weights.pth"), "model", "--heads 4");
    let doctor = |args: &[&str]| {
        let mut all = vec!["chexgen".to_owned(), "doctor".to_owned()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        command(all).unwrap()
    };
    let dir = out.to_str().unwrap();
    assert_eq!(doctor(&[]), ExitCode::SUCCESS);
    assert_eq!(doctor(&["--model", dir]), ExitCode::SUCCESS, "no reference yet");
    assert_eq!(doctor(&["--write-reference", dir]), ExitCode::SUCCESS);
    let reference = ModelSpec::read(&out).unwrap().reference.unwrap();
    assert_eq!((reference.num_steps, reference.sampler.as_str(), reference.fields.len()), (2, "ddpm", 16));
    assert_eq!(doctor(&["--model", dir]), ExitCode::SUCCESS);
    let path = out.join("model.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&reference.pixels_blake3, &"0".repeat(64))).unwrap();
    assert_eq!(doctor(&["--model", dir]), ExitCode::from(1), "another image");
    let elsewhere = text.replace(&reference.pixels_blake3, &"0".repeat(64)).replace(&reference.device, "cpu of another kind");
    std::fs::write(&path, elsewhere).unwrap();
    assert_eq!(doctor(&["--model", dir]), ExitCode::SUCCESS, "to rounding");
    assert_eq!(doctor(&["--model", sources.path("vae").to_str().unwrap()]), ExitCode::from(1), "no model folder");
    assert_eq!(doctor(&["--device", "cuda:77"]), ExitCode::from(1));
}
