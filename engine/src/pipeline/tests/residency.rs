//! Parts in memory in turn: the same bits, less memory, and files that must stay what they were.

use std::process::Command;

use super::*;

fn options(residency: Residency) -> OpenOptions {
    OpenOptions { residency, ..OpenOptions::default() }
}

fn open(model: &TinyModel, residency: Residency) -> Pipeline {
    Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options(residency)).unwrap()
}

#[test]
fn parts_that_take_turns_give_the_same_bits() {
    for kind in [Kind::Practice, Kind::Release, Kind::TextOnly, Kind::Stable] {
        let model = TinyModel::new(kind);
        let (whole, staged) = (open(&model, Residency::Whole), open(&model, Residency::Staged));
        assert!(staged.is_staged() && !whole.is_staged() && !model.open().is_staged());
        assert_eq!(staged.card(), whole.card());
        let mut list = requests(&whole);
        let image = std::sync::Arc::new(GrayImage::black(64, 64));
        list[1].source = Source::Image { image, strength: 1.0, kept: None };
        for (a, b) in run(&staged, &list).iter().zip(run(&whole, &list)) {
            assert_eq!((&a.image, &a.record), (&b.image, &b.record));
        }
        let latent = StepLatent(Tensor::ones((1, 4, 8, 8), DType::F32, &Device::Cpu).unwrap());
        assert_eq!(staged.decode(&latent).unwrap(), whole.decode(&latent).unwrap());
    }
}

#[test]
fn the_free_memory_decides_and_a_model_that_does_not_fit_is_refused() {
    for (kind, network) in [(Kind::Release, "the transformer"), (Kind::Stable, "the U-Net")] {
        decided_by_memory(&TinyModel::new(kind), network);
    }
}

fn decided_by_memory(model: &TinyModel, network: &str) {
    let plan = MemoryPlan::of(&model.path()).unwrap();
    assert_eq!(MemoryPlan { network: 1 << 40, ..plan.clone() }.staged_peak().1, network);
    let with = |memory_limit: u64| {
        let options = OpenOptions { memory_limit: Some(memory_limit), ..OpenOptions::default() };
        Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options)
    };
    let (turns, part) = plan.staged_peak();
    assert!(turns < plan.peak());
    assert!(!with(plan.peak()).unwrap().is_staged());
    let staged = with(plan.peak() - 1).unwrap();
    assert!(staged.is_staged());
    assert_eq!(run(&staged, &requests(&staged)[..1])[0].image, run(&model.open(), &requests(&staged)[..1])[0].image);
    let error = with(turns - 1).unwrap_err().to_string();
    assert!(error.contains(part) && error.contains("smaller model") && error.lines().count() == 1, "{error}");
    // A batch that is too large is refused before it begins.
    let pipeline = with(plan.peak()).unwrap();
    let many = vec![requests(&pipeline)[1].clone(); 400];
    let mut told = 0;
    let error = pipeline.generate(&many, &Cancel::new(), &mut |_| told += 1).unwrap_err().to_string();
    assert!(error.contains("400 images at once") && error.contains("make at most") && told == 0, "{error}");
}

#[test]
fn a_file_that_changes_between_two_turns_is_refused() {
    let model = TinyModel::new(Kind::Practice);
    let staged = open(&model, Residency::Staged);
    let list = requests(&staged);
    run(&staged, &list[..1]);
    let path = model.path().join("dit.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    // Written in the same moment, on a clock that is coarse, it would have the same date.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(before + std::time::Duration::from_secs(1)).unwrap();
    let error = staged.generate(&list[..1], &Cancel::new(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("dit.safetensors") && error.contains("open the model again"), "{error}");
}

#[test]
fn half_precision_is_for_graphics_cards() {
    let model = TinyModel::new(Kind::Practice);
    let with = |precision| {
        let options = OpenOptions { precision, ..OpenOptions::default() };
        Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options)
    };
    for precision in [Precision::Bf16, Precision::F16] {
        let error = with(precision).unwrap_err().to_string();
        assert!(error.contains(precision.name()) && error.contains("graphics cards"), "{error}");
    }
    let pipeline = with(Precision::Auto).unwrap();
    assert_eq!(run(&pipeline, &requests(&pipeline)[..1])[0].record.dtype, "f32");
    // A U-Net does not compute in it on any device.
    let stable = TinyModel::new(Kind::Stable);
    let options = OpenOptions { precision: Precision::F16, ..OpenOptions::default() };
    let error = Pipeline::open_with(&stable.path(), &DeviceKind::Cuda(0), &options).unwrap_err().to_string();
    assert!(error.contains("Stable Diffusion") && error.contains("f16") && error.contains("choose auto or f32"), "{error}");
    assert_eq!(stable.open().card().dtype, "f32");
    let plan = |precision| MemoryPlan::with(&model.path(), TextMemory::Auto, precision).unwrap();
    assert_eq!(plan(Precision::F32).network, 2 * plan(Precision::Bf16).network);
}

/// Tells a second process of these tests which model to measure.
const MODEL: &str = "CHEXGEN_TEST_RESIDENCY";

/// Most memory this process ever had, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Makes an image in a process of its own and tells its peak; run by the test below.
#[test]
fn measured_in_a_process_of_its_own() {
    let Ok(task) = std::env::var(MODEL) else { return };
    let (dir, staged) = task.split_once('|').unwrap();
    let residency = if staged == "staged" { Residency::Staged } else { Residency::Whole };
    let pipeline = Pipeline::open_with(std::path::Path::new(dir), &DeviceKind::Cpu, &options(residency)).unwrap();
    let made = run(&pipeline, &[pipeline.card().request("no acute findings.", 2)]);
    println!("peak {} pixels {}", peak_bytes(), made[0].record.pixels_blake3);
}

#[test]
#[cfg(target_os = "linux")]
fn parts_that_take_turns_need_less_memory() {
    let model = TinyModel::sized(Kind::Release, Size::Heavy);
    let measure = |word: &str| -> (u64, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pipeline::tests::residency::measured_in_a_process_of_its_own", "--nocapture"])
            .env(MODEL, format!("{}|{word}", model.path().display()))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.split_once("peak ")).unwrap_or_else(|| panic!("{text}")).1;
        let (peak, pixels) = line.split_once(" pixels ").unwrap();
        (peak.parse().unwrap(), pixels.to_owned())
    };
    let plan = MemoryPlan::of(&model.path()).unwrap();
    let ((whole, first), (staged, second)) = (measure("whole"), measure("staged"));
    assert_eq!(first, second, "the same image");
    // The plan's difference, for the rest of the process is in both.
    let planned = plan.peak() - plan.staged_peak().0;
    assert!(whole - staged > planned / 4 * 3, "whole {whole}, staged {staged}, planned difference {planned}");
}

#[test]
fn what_is_decoded_in_bands_says_so_and_comes_again() {
    for kind in [Kind::Release, Kind::Stable] {
        decoded_in_bands(&TinyModel::new(kind));
    }
    let practice = TinyModel::new(Kind::Practice);
    let options = OpenOptions { decoding: Decoding::Bands(16), ..OpenOptions::default() };
    let pipeline = Pipeline::open_with(&practice.path(), &DeviceKind::Cpu, &options).unwrap();
    assert_eq!(run(&pipeline, &requests(&pipeline)[..1])[0].record.band_rows, None);
}

fn decoded_in_bands(model: &TinyModel) {
    let open = |decoding| {
        let options = OpenOptions { decoding, ..OpenOptions::default() };
        Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options).unwrap()
    };
    let (whole, banded) = (open(Decoding::Whole), open(Decoding::Bands(16)));
    let list = requests(&whole);
    let (a, b) = (run(&whole, &list[..1]).remove(0), run(&banded, &list[..1]).remove(0));
    assert_eq!((a.record.band_rows, b.record.band_rows), (None, Some(16)));
    let off = a.image.pixels().iter().zip(b.image.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off <= Some(8), "{off:?} of 65535");
    for made in [a, b] {
        let record = crate::store::record::RunRecord::from_json(&made.record.to_json().unwrap(), "r").unwrap();
        let options = OpenOptions::of_record(&record, DeviceKind::Cpu);
        let again = Pipeline::open_with(&model.path(), &DeviceKind::Cpu, &options).unwrap();
        assert_eq!(run(&again, &list[..1])[0].record, record);
    }
}
