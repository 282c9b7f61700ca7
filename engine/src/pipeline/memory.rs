//! Whether a model and its runs fit into the memory at hand. Told before anything is taken, because a processor's
//! memory that runs out ends the program.

use super::plan::BAND_ROWS;
use super::{Decoding, Error, MemoryPlan, OpenOptions, Residency};
use crate::device::{DeviceKind, available_memory_bytes};

/// What a model takes and what it may take.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    pub(super) plan: MemoryPlan,
    pub(super) device: DeviceKind,
    /// Whether the parts take turns.
    pub(super) staged: bool,
    /// Rows of the bands in which images are decoded, where they are.
    pub(super) bands: Option<u32>,
    /// What the model may take in all; what is free if not said.
    pub(super) limit: Option<u64>,
}

impl Budget {
    /// Decides whether the parts take turns, and whether images are decoded in bands: the first costs time only, so it
    /// comes first.
    ///
    /// # Errors
    /// When they do not fit even so.
    pub(super) fn new(plan: MemoryPlan, device: DeviceKind, options: &OpenOptions) -> Result<Self, Error> {
        let OpenOptions { residency, decoding, memory_limit: limit, .. } = *options;
        let mut budget = Self { plan, device, staged: residency == Residency::Staged, bands: None, limit };
        if let Decoding::Bands(rows) = decoding {
            budget.decode_in_bands(rows);
        }
        // A card tells when it is full; the processor's memory must be asked beforehand.
        let room = if device == DeviceKind::Cpu { limit.or_else(available_memory_bytes) } else { None };
        let Some(room) = room.filter(|_| residency != Residency::Whole) else { return Ok(budget) };
        if residency == Residency::Auto && budget.plan.peak() > room {
            budget.staged = true;
        }
        if decoding == Decoding::Auto && budget.staged && budget.plan.autoencoder + budget.plan.decode > room {
            budget.decode_in_bands(BAND_ROWS);
        }
        let (needed, part) = budget.plan.staged_peak();
        if budget.staged && needed > room {
            let reason = format!(
                "{part} needs about {}, even with the parts of the model taking turns, and {} are free; close other programs, \
                 or choose a smaller model",
                size(needed),
                size(room)
            );
            return Err(Error::OutOfMemory { device: device.to_string(), reason });
        }
        Ok(budget)
    }

    fn decode_in_bands(&mut self, rows: u32) {
        if let Some(bytes) = self.plan.decode_in_bands {
            self.plan.decode = bytes;
            self.bands = Some(rows);
        }
    }

    /// Checks that `images` can be made at once.
    ///
    /// # Errors
    /// Says how many can.
    pub(super) fn check(&self, images: usize) -> Result<(), Error> {
        if self.device != DeviceKind::Cpu {
            return Ok(());
        }
        // What is free does not count what the model holds already; a limit does.
        let held = if self.staged { 0 } else { self.plan.resident() };
        match self.limit.map(|limit| limit.saturating_sub(held)).or_else(available_memory_bytes) {
            Some(room) => self.check_in(images, room),
            None => Ok(()),
        }
    }

    fn check_in(&self, images: usize, room: u64) -> Result<(), Error> {
        let needed = self.plan.run_peak(images, self.staged);
        if needed <= room {
            return Ok(());
        }
        let fit = (1..images).rev().find(|&fewer| self.plan.run_peak(fewer, self.staged) <= room);
        let lower = match fit {
            Some(fit) => format!("make at most {fit} at once (--batch {fit})"),
            None => "close other programs, or choose a smaller model".to_owned(),
        };
        let what = if images == 1 { "an image needs".to_owned() } else { format!("{images} images at once need") };
        let size_px = self.plan.size_px;
        let (needed, room) = (size(needed), size(room));
        let reason = format!("{what} about {needed} at {size_px} px, and {room} are free; {lower}");
        Err(Error::OutOfMemory { device: self.device.to_string(), reason })
    }
}

/// Bytes in words.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::model_dir::ModelKind;

    const MB: u64 = 1_000_000;

    fn plan() -> MemoryPlan {
        MemoryPlan {
            kind: ModelKind::DiffusionTransformer,
            size_px: 512,
            text: 300 * MB,
            text_streamed: false,
            text_block: 20 * MB,
            network: 2000 * MB,
            autoencoder: 400 * MB,
            step: 100 * MB,
            decode: 800 * MB,
            decode_in_bands: Some(300 * MB),
        }
    }

    fn opened(residency: Residency, room: u64) -> Result<bool, Error> {
        Budget::new(plan(), DeviceKind::Cpu, &options(residency, room)).map(|budget| budget.staged)
    }

    fn options(residency: Residency, room: u64) -> OpenOptions {
        OpenOptions { residency, memory_limit: Some(room), ..OpenOptions::default() }
    }

    #[test]
    fn images_are_decoded_in_bands_where_asked_or_where_nothing_else_helps() {
        let small = MemoryPlan { network: 200 * MB, ..plan() };
        let bands = |plan: &MemoryPlan, decoding, room| {
            let options = OpenOptions { decoding, ..options(Residency::Auto, room) };
            Budget::new(plan.clone(), DeviceKind::Cpu, &options).map(|budget| (budget.bands, budget.plan.decode / MB))
        };
        assert_eq!(bands(&small, Decoding::Auto, 1200 * MB).unwrap(), (None, 800));
        assert_eq!(bands(&small, Decoding::Auto, 1199 * MB).unwrap(), (Some(BAND_ROWS), 300));
        assert_eq!(bands(&small, Decoding::Bands(32), 9000 * MB).unwrap(), (Some(32), 300));
        assert!(bands(&small, Decoding::Whole, 1199 * MB).unwrap_err().to_string().contains("the autoencoder"));
        let none = MemoryPlan { decode_in_bands: None, ..small };
        assert!(bands(&none, Decoding::Auto, 1199 * MB).is_err());
        assert_eq!(bands(&none, Decoding::Bands(32), 9000 * MB).unwrap().0, None);
    }

    #[test]
    fn parts_take_turns_where_memory_is_short_and_are_refused_where_that_does_not_help() {
        assert_eq!(plan().peak(), 3500 * MB);
        assert_eq!(plan().staged_peak(), (2100 * MB, "the transformer"));
        assert!(!opened(Residency::Auto, 3500 * MB).unwrap());
        assert!(opened(Residency::Auto, 3499 * MB).unwrap());
        assert!(opened(Residency::Auto, 2100 * MB).unwrap());
        assert!(opened(Residency::Staged, 9000 * MB).unwrap());
        for residency in [Residency::Auto, Residency::Staged] {
            let error = opened(residency, 2099 * MB).unwrap_err().to_string();
            assert!(error.contains("the transformer needs about 2.1 GB") && error.contains("smaller model"), "{error}");
        }
        assert!(!opened(Residency::Whole, MB).unwrap(), "who says so takes the risk");
        assert!(!Budget::new(plan(), DeviceKind::Cuda(0), &options(Residency::Auto, MB)).unwrap().staged);
    }

    #[test]
    fn a_batch_that_does_not_fit_is_refused_before_it_runs() {
        let budget = |staged, limit| Budget { plan: plan(), device: DeviceKind::Cpu, staged, bands: None, limit: Some(limit) };
        let kept = budget(false, 2700 * MB + 1000 * MB);
        assert!(kept.check(10).is_ok());
        let error = kept.check(11).unwrap_err().to_string();
        assert!(error.contains("11 images at once need about 1.1 GB") && error.contains("at most 10 at once"), "{error}");
        let error = budget(false, 2700 * MB + 500 * MB).check(1).unwrap_err().to_string();
        assert!(error.contains("an image needs about 800.0 MB at 512 px") && error.contains("smaller model"), "{error}");
        let staged = budget(true, 2500 * MB);
        assert!(staged.check(5).is_ok());
        assert!(staged.check(6).unwrap_err().to_string().contains("--batch 5"));
        let card = Budget { device: DeviceKind::Cuda(0), ..budget(false, 0) };
        assert!(card.check(1000).is_ok(), "a card tells for itself");
    }
}
