//! What a stage needs before it is begun: bytes of each part, the largest micro-batch that fits, hours.

pub mod hours;
pub mod memory;
pub mod probe;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use engine::device::{DeviceKind, Memory};

use crate::config::StageConfig;
use crate::config::stage::DataSource;
use crate::pretrain::set;
use memory::{Need, Sizes};

/// Share of a graphics card's memory that a plan may fill; the rest is for the driver, kernels and gaps between tensors.
const USABLE: f64 = 0.92;

/// Bytes that a device has for a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Bytes that may be used.
    pub bytes: u64,
    /// Whether data and snapshots of checkpoints lie in the same memory.
    pub shared_with_host: bool,
}

/// Asks a device, unless the bytes are `given`; `None` where the system does not tell.
///
/// # Errors
/// When a graphics card does not answer.
pub fn room(device: DeviceKind, given: Option<u64>) -> Result<Option<Room>> {
    let shared_with_host = device == DeviceKind::Cpu;
    let usable = |bytes: u64| if shared_with_host { bytes } else { (bytes as f64 * USABLE) as u64 };
    let bytes = match (given, device) {
        (Some(given), _) => Some(given),
        (None, DeviceKind::Cpu) => Memory::now().map(|memory| memory.available_bytes),
        (None, DeviceKind::Cuda(number)) => Some(card_bytes(number)?),
    };
    Ok(bytes.map(|bytes| Room { bytes: usable(bytes), shared_with_host }))
}

/// Free bytes of a graphics card, as its driver's own program tells.
fn card_bytes(number: usize) -> Result<u64> {
    let mut command = Command::new("nvidia-smi");
    command.args(["--query-gpu=memory.free", "--format=csv,noheader,nounits", "-i", &number.to_string()]);
    let said = "the free memory of the graphics card is not known; say it with --memory, such as --memory 80GB";
    let output = command.output().with_context(|| format!("nvidia-smi cannot be started, so {said}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mebibytes = text.trim().parse::<u64>().with_context(|| format!("nvidia-smi gave {:?}, so {said}", text.trim()))?;
    Ok(mebibytes << 20)
}

/// Reads sizes such as `80GB`, `40 GiB`, `512MB`.
///
/// # Errors
/// One sentence.
pub fn bytes_of(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..split].trim(), text[split..].to_ascii_lowercase());
    let unit = match unit.as_str() {
        "gb" | "g" => 1e9,
        "gib" => f64::from(1 << 30),
        "mb" | "m" => 1e6,
        "mib" => f64::from(1 << 20),
        _ => return Err(format!("{text:?} is no size; say it as 80GB, 40GiB or 512MB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok((number * unit) as u64),
        _ => Err(format!("{text:?} is no size; say it as 80GB, 40GiB or 512MB")),
    }
}

/// Cases that the stage learns from, where they can be told.
///
/// # Errors
/// When the data set cannot be opened, or does not fit the stage.
pub fn cases(config: &StageConfig) -> Result<Option<usize>> {
    match &config.data {
        DataSource::Phantoms { count, .. } => Ok(Some(*count)),
        DataSource::Prepared { folder, split, .. } if folder.is_dir() => Ok(Some(set::open(config, folder, split)?.0.len())),
        DataSource::Prepared { .. } => Ok(None),
    }
}

/// Bytes of the frozen parts that lie on the device beside the network: the autoencoder's files.
pub fn parts_bytes(parts: Option<&Path>) -> u64 {
    let of = |dir: &Path| -> Option<u64> {
        let spec = engine::store::model_dir::PartsSpec::read(dir).ok()?;
        std::fs::metadata(dir.join(spec.autoencoder.weights())).ok().map(|data| data.len())
    };
    parts.and_then(of).unwrap_or(0)
}

/// How an update's rows are cut on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Rows of an update on a card.
    pub own: usize,
    /// Rows that are computed at once.
    pub micro: usize,
}

impl Cut {
    /// Of a configuration on so many cards.
    ///
    /// # Errors
    /// When the rows cannot be shared, or the micro-batch does not divide them.
    pub fn of(config: &StageConfig, cards: usize) -> Result<Self> {
        let cutting = crate::run::rows::Cutting::new(config.train.batch_size, config.train.micro_batch, 0, cards)?;
        let own = config.train.batch_size / cards.max(1);
        Ok(Self { own, micro: own / cutting.micros().max(1) })
    }
}

/// The largest divisor of a card's rows that fits, or `None` where not even one row does.
pub fn largest(sizes: &Sizes, own: usize, room: &Room, checkpointing: bool) -> Option<usize> {
    let fits = |rows: usize| sizes.need(rows, checkpointing).on(room) <= room.bytes;
    (1..=own).rev().find(|rows| own.is_multiple_of(*rows) && fits(*rows))
}

/// Why a plan does not fit, with what to change; `None` where it does.
pub fn refusal(sizes: &Sizes, cut: &Cut, room: &Room, checkpointing: bool) -> Option<String> {
    let need = sizes.need(cut.micro, checkpointing);
    if need.on(room) <= room.bytes {
        return None;
    }
    let head = format!("the stage does not fit: it needs {} and {} are there", gigabytes(need.on(room)), gigabytes(room.bytes));
    let change = match (largest(sizes, cut.own, room, checkpointing), largest(sizes, cut.own, room, true)) {
        (Some(rows), _) => format!("set train.micro_batch = {rows}"),
        (None, Some(rows)) => format!("set train.gradient_checkpointing = true and train.micro_batch = {rows}"),
        (None, None) => {
            let fixed = gigabytes(Need { activations: 0, ..need }.on(room));
            format!(
                "no micro-batch helps, for weights, gradients, moments and averages alone take {fixed}: keep fewer \
                 train.averages.half_lives, make the network smaller, or take a device with more memory"
            )
        }
    };
    Some(format!("{head}; {change}"))
}

/// Bytes in units of 10⁹ with the unit.
pub fn gigabytes(bytes: u64) -> String {
    match bytes as f64 / 1e9 {
        small if small < 1.0 => format!("{:.0} MB", small * 1e3),
        large => format!("{large:.1} GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, changes: &[&str]) -> StageConfig {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
        let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
        StageConfig::read(&path, &changes).expect("shipped")
    }

    fn card(gigabytes: f64) -> Room {
        Room { bytes: (gigabytes * 1e9) as u64, shared_with_host: false }
    }

    #[test]
    fn sizes_are_read_as_they_are_said() {
        assert_eq!(
            (bytes_of("80GB"), bytes_of("40 GiB"), bytes_of("512mb")),
            (Ok(80_000_000_000), Ok(40 << 30), Ok(512_000_000))
        );
        for wrong in ["80", "GB", "-3GB", "80 TB", ""] {
            assert!(bytes_of(wrong).is_err_and(|why| why.contains("80GB")), "{wrong}");
        }
    }

    #[test]
    fn the_published_stage_on_a_card_of_thirty_needs_a_smaller_micro_batch_and_says_which() {
        let config = config("stage1-256.release.toml", &[]);
        let sizes = Sizes::of(&config, candle_core::DType::BF16, &memory::Beside::default()).expect("sizes");
        let fixed = sizes.need(1, true);
        // 611 M parameters: four bytes each for weight and gradient, eight for moments, four for an average.
        let numbers = 611e6;
        let near = |bytes: u64, each: f64| (bytes as f64 / (each * numbers) - 1.0).abs() < 0.02;
        assert!(near(fixed.gradients, 4.0) && near(fixed.moments, 8.0) && near(fixed.averages, 4.0), "{fixed:?}");
        assert!(near(fixed.weights, 6.0), "f32 masters and their bf16 casts: {fixed:?}");
        let own = 32;
        let room = card(30.0);
        let (with, without) = (largest(&sizes, own, &room, true), largest(&sizes, own, &room, false));
        assert!(with > without, "checkpointing makes room: {with:?}, {without:?}");
        let cut = Cut { own, micro: own };
        let said = refusal(&sizes, &cut, &room, false).expect("it cannot fit");
        assert!(said.contains("the stage does not fit") && said.contains("train."), "{said}");
        let fitting = Cut { own, micro: with.expect("some rows fit") };
        assert_eq!(refusal(&sizes, &fitting, &room, true), None);
        let said = refusal(&sizes, &cut, &card(8.0), true).expect("it cannot fit");
        assert!(said.contains("no micro-batch helps") && said.contains("half_lives"), "{said}");
    }

    #[test]
    fn a_folder_of_parts_alone_is_counted_like_a_model() {
        use engine::store::model_dir::PartsSpec;

        let practice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
        let dir = tempfile::tempdir().expect("a folder");
        let spec = PartsSpec::read(&practice).expect("shipped");
        for (_, name) in spec.files() {
            std::fs::copy(practice.join(name), dir.path().join(name)).expect("copied");
        }
        let alone = PartsSpec { kind: None, size_px: None, ..spec }.to_toml().expect("a description");
        std::fs::write(dir.path().join("model.toml"), alone).expect("written");
        let bytes = parts_bytes(Some(&practice));
        assert!(bytes > 100_000 && parts_bytes(Some(dir.path())) == bytes && parts_bytes(None) == 0, "{bytes}");
    }

    #[test]
    fn more_rows_need_more_and_the_control_stage_rests_its_base() {
        let config = config("control.release.toml", &[]);
        let sizes = Sizes::of(&config, candle_core::DType::BF16, &memory::Beside::default()).expect("sizes");
        assert!(sizes.trained < sizes.all / 2 + sizes.all / 10, "the base rests: {sizes:?}");
        let mut last = 0;
        for rows in [1, 2, 4, 8] {
            let total = sizes.need(rows, true).on(&card(80.0));
            assert!(total > last && total < sizes.need(rows, false).on(&card(80.0)));
            last = total;
        }
    }
}
