//! The practice model from its files to a written image.
//!
//! Only the first run of a process is a cold start, so one is taken; repeat the command for more.

use anyhow::{Context as _, Result, ensure};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, Finding, Mask};
use engine::pipeline::{Outcome, Pipeline};
use engine::store::atomic::write_atomic;
use engine::store::record::encode_png_with_record;

use super::{Row, Work};
use crate::generate::model::{PRACTICE, model_dir};

pub(super) const BENCHES: &[Row] =
    &[("practice", "practice model: cold start to PNG, 25 steps with a mask (the first run of a process)", 1, false, |d| {
        cold_start(d)
    })];

fn cold_start(device: DeviceKind) -> Result<Work> {
    let dir = model_dir(Some(PRACTICE))?;
    let out = tempfile::tempdir().context("a folder for the image")?;
    Ok(Box::new(move || {
        let pipeline = Pipeline::open(&dir, &device)?;
        let mut request = pipeline.card().request("Large left pleural effusion.", 1);
        request.num_steps = 25;
        let size = pipeline.card().size_px;
        let mask = Mask::from_fn(size, size, |x, y| x > size * 5 / 8 && x < size * 7 / 8 && y > size / 2 && y < size * 7 / 8);
        request.annotations = vec![Annotation::mask(Finding::PleuralEffusion, mask)];
        let outcome = pipeline.generate(&[request], &Cancel::new(), &mut |_| {})?;
        let Outcome::Done(images) = outcome else { anyhow::bail!("the run was stopped") };
        ensure!(images.len() == 1, "one image was asked for");
        let png = encode_png_with_record(&images[0].image, &images[0].record)?;
        write_atomic(&out.path().join("image.png"), &png)?;
        Ok(())
    }))
}
