//! The loop on a stage of one variable.

use std::path::Path;

use anyhow::ensure;
use candle_core::Var;

use super::*;
use crate::ranks::testing::together;
use crate::run::resume::refuse_or_note;
use crate::run::rows::{RowRange, RowSource};
use crate::run::settings::{AverageSettings, CheckpointRule, Compute, NonFinite, OptimizerSettings};
use crate::run::stage::{Losses, whole_graph};
use crate::step::lr_schedule::LrSchedule;

/// Pulls a variable to the mean of its rows' places; rows in `broken` give no number, those in `damaged` cannot be read.
struct Pull {
    var: Var,
    broken: std::ops::Range<u64>,
    damaged: std::ops::Range<u64>,
    trains_another: bool,
}

impl Stage for Pull {
    type Batch = Vec<f32>;

    fn name(&self) -> &'static str {
        "pull"
    }

    fn source(&self) -> RowSource<Vec<f32>> {
        let (broken, damaged) = (self.broken.clone(), self.damaged.clone());
        Arc::new(move |at| {
            let bad = (0..at.rows.len() as u64).map(|row| at.first_place() + row).find(|place| damaged.contains(place));
            ensure!(bad.is_none(), "row {} is damaged", bad.unwrap_or_default());
            let places = (0..at.rows.len() as u64).map(|row| at.first_place() + row);
            Ok(places.map(|place| if broken.contains(&place) { f32::NAN } else { place as f32 / 10.0 }).collect())
        })
    }

    fn backward(&self, batch: &Vec<f32>, at: &RowRange, gradients: &mut Gradients) -> Result<Losses> {
        let target = Tensor::from_slice(batch, batch.len(), &Device::Cpu)?;
        let total = self.var.as_tensor().broadcast_sub(&target)?.sqr()?.mean_all()?;
        whole_graph(&total, &[], at, gradients)
    }

    fn ids(&self, at: &RowRange) -> Vec<String> {
        (at.first_place()..at.first_place() + at.rows.len() as u64).map(|place| format!("row {place}")).collect()
    }

    fn may_rest(&self, _: &str) -> bool {
        self.trains_another
    }

    fn sheet(&self, _: &Path, _: usize) -> Result<()> {
        Ok(())
    }
}

fn config() -> LoopConfig {
    LoopConfig {
        steps: Some(12),
        epochs: None,
        batch_size: 4,
        micro_batch: Some(2),
        compute: Compute::Auto,
        gradient_checkpointing: false,
        lr: LrSchedule { peak: 0.1, warmup_steps: 0, decay_from: 1.0, floor: 1.0 },
        optimizer: OptimizerSettings {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            clip_norm: None,
            groups: Vec::new(),
        },
        averages: AverageSettings { half_lives: vec![3], ramp: false },
        checkpoints: CheckpointRule {
            every_secs: 0,
            every_steps: 4,
            keep_last: 9,
            keep_every: 0,
            milestones: BTreeMap::new(),
            give_up_after: 0,
        },
        non_finite: NonFinite::Skip,
        sheet_every: 0,
        loader_threads: 2,
    }
}

fn go(dir: &Path, config: &LoopConfig, steps: usize, broken: std::ops::Range<u64>, origin: &Origin) -> Result<f32> {
    go_together(dir, config, steps, broken, origin, &StopRequest::never(), &alone())
}

fn go_together(
    dir: &Path,
    config: &LoopConfig,
    steps: usize,
    broken: std::ops::Range<u64>,
    origin: &Origin,
    stop: &StopRequest,
    group: &Rc<Group>,
) -> Result<f32> {
    let params = ParamStore::new(&Device::Cpu, Box::new(|_, _| vec![0.0]), Box::new(|_| false));
    params.builder().get(1, "w")?;
    let var = params.vars()[0].1.clone();
    let stage = Pull { var: var.clone(), broken, damaged: 0..0, trains_another: false };
    train(&stage, &params, (config, steps), &RunDir::open(dir)?, (stop, group), origin)?;
    let found = checkpoint::newest(&dir.join("pull"))?.context("a checkpoint")?;
    Ok(found.load()?["weight.w"].to_vec1::<f32>()?[0])
}

fn alone() -> Rc<Group> {
    Rc::new(Group::alone())
}

fn said(result: Result<f32>) -> String {
    result.err().map(|error| format!("{error:#}")).unwrap_or_default()
}

fn metrics(dir: &Path) -> Result<Vec<serde_json::Value>> {
    let text = std::fs::read_to_string(dir.join("metrics.jsonl"))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[test]
fn every_update_is_noted_and_a_longer_run_goes_on_from_the_end() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let origin = Origin::default();
    go(dir.path(), &config(), 5, 0..0, &origin)?;
    let longer = go(dir.path(), &config(), 12, 0..0, &origin)?;
    let whole = tempfile::tempdir()?;
    assert_eq!(go(whole.path(), &config(), 12, 0..0, &origin)?, longer);
    let lines = metrics(dir.path())?;
    assert_eq!(lines.iter().map(|line| line["step"].as_u64()).collect::<Vec<_>>(), (1..=12).map(Some).collect::<Vec<_>>());
    assert_eq!(lines[11]["samples"], 48);
    assert!(lines.iter().all(|line| line["data_wait"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share))));
    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?;
    assert_eq!((found.meta.step, found.meta.samples, found.meta.applied), (12, 48, 12));
    Ok(())
}

#[test]
fn an_update_that_is_not_finite_is_left_out_or_ends_the_run_with_its_rows_named() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // Rows 22 and 23 are the second micro-batch of the sixth update.
    go(dir.path(), &config(), 12, 23..24, &Origin::default())?;
    let lines = metrics(dir.path())?;
    let left_out: Vec<usize> = (0..12).filter(|&i| lines[i]["applied"] == false).collect();
    assert_eq!(left_out, [5]);
    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?;
    assert_eq!((found.meta.step, found.meta.applied), (12, 11));

    let dir = tempfile::tempdir()?;
    let stop = LoopConfig { non_finite: NonFinite::Stop, ..config() };
    let text = said(go(dir.path(), &stop, 12, 23..24, &Origin::default()));
    assert!(text.contains("update 6") && text.contains("row 22, row 23") && !text.contains("row 21"), "{text}");
    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?;
    assert_eq!(found.meta.step, 5, "from before it");

    let dir = tempfile::tempdir()?;
    let text = said(go(dir.path(), &config(), 12, 0..48, &Origin::default()));
    assert!(text.contains("lower lr.peak"), "{text}");
    Ok(())
}

#[test]
fn another_training_is_refused_and_other_settings_are_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let origin = |data: &str, config: &str, hash: &str| Origin {
        config: config.to_owned(),
        data: data.to_owned(),
        identity: String::new(),
        models: BTreeMap::from([("vae".to_owned(), hash.to_owned())]),
    };
    go(dir.path(), &config(), 2, 0..0, &origin("ten", "a = 1", "1"))?;
    let text = said(go(dir.path(), &LoopConfig { batch_size: 8, ..config() }, 2, 0..0, &origin("ten", "a = 1", "1")));
    assert!(text.contains("another batch size"), "{text}");
    let text = said(go(dir.path(), &config(), 2, 0..0, &origin("eleven", "a = 1", "1")));
    assert!(text.contains("other data (ten) than this (eleven)"), "{text}");
    let text = said(go(dir.path(), &config(), 2, 0..0, &origin("ten", "a = 1", "2")));
    assert!(text.contains("another vae"), "{text}");

    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?.meta;
    let now = Meta { config: "a = 2".to_owned(), ..found.clone() };
    let notes = refuse_or_note(&found, &now, 4, dir.path())?;
    assert!(notes[0].contains("a: 1 → 2"), "{notes:?}");
    assert!(notes[1].contains("from sample 8 on 4 ranks instead of 1"), "{notes:?}");
    Ok(())
}

#[test]
fn a_variable_without_a_gradient_is_named() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for (may_rest, refused) in [(false, true), (true, false)] {
        let params = ParamStore::new(&Device::Cpu, Box::new(|_, _| vec![0.0]), Box::new(|_| false));
        for name in ["idle", "w"] {
            params.builder().get(1, name)?;
        }
        let var = params.vars().into_iter().find(|(name, _)| name == "w").context("w")?.1;
        let stage = Pull { var, broken: 0..0, damaged: 0..0, trains_another: may_rest };
        let run = RunDir::open(&dir.path().join(refused.to_string()))?;
        let ended = train(&stage, &params, (&config(), 1), &run, (&StopRequest::never(), &alone()), &Origin::default());
        let text = ended.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(text.contains("get no gradient: idle"), refused, "{text}");
    }
    Ok(())
}

#[test]
fn ranks_train_as_one_process_with_as_many_micro_batches() -> Result<()> {
    let whole = tempfile::tempdir()?;
    let expected = go(whole.path(), &config(), 12, 23..24, &Origin::default())?;
    for (world, micro) in [(2, None), (4, Some(1))] {
        let dir = tempfile::tempdir()?;
        let of = |micro| LoopConfig { micro_batch: micro, ..config() };
        let alone = if world == 2 { expected } else { go(dir.path(), &of(Some(1)), 12, 23..24, &Origin::default())? };
        let dir = tempfile::tempdir()?;
        let (never, origin) = (StopRequest::never(), Origin::default());
        let ended = together(world, |group| go_together(dir.path(), &of(micro), 12, 23..24, &origin, &never, group));
        for ended in ended {
            assert_eq!(ended?.to_bits(), alone.to_bits(), "{world} ranks");
        }
        let (ours, theirs) = (metrics(dir.path())?, metrics(whole.path())?);
        assert_eq!(ours.len(), 12, "rank 0 alone writes");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!((&ours["applied"], &ours["samples"]), (&theirs["applied"], &theirs["samples"]));
            assert_eq!(ours["ranks"], world);
            let loss = |line: &serde_json::Value| line["loss"].as_f64().unwrap_or(-1.0);
            assert!((loss(ours) - loss(theirs)).abs() < 1e-6, "the mean over all rows");
            assert!(ours["exchange"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)));
        }
    }
    Ok(())
}

#[test]
fn what_one_rank_sees_stops_all_of_them() -> Result<()> {
    // Row 23 is on the second of two ranks; rank 0 tells of it, once.
    let dir = tempfile::tempdir()?;
    let (never, origin) = (StopRequest::never(), Origin::default());
    let config = LoopConfig { non_finite: NonFinite::Stop, micro_batch: None, ..config() };
    let text = together(2, |group| said(go_together(dir.path(), &config, 12, 23..24, &origin, &never, group)));
    assert!(text[0].contains("update 6") && text[0].contains("row 22, row 23") && !text[0].contains("row 21"), "{text:?}");
    assert_eq!(text[1], "another rank failed and says why");
    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?;
    assert_eq!((found.meta.step, found.meta.world), (5, 2));

    // So does a row that only the second rank cannot read; what was done before it is kept. Rows 2 and 3 are in the
    // first update, before which there is nothing.
    for (damaged, kept) in [(14..15, Some(3)), (3..4, None)] {
        let dir = tempfile::tempdir()?;
        let text = together(2, |group| {
            let params = ParamStore::new(&Device::Cpu, Box::new(|_, _| vec![0.0]), Box::new(|_| false));
            params.builder().get(1, "w").unwrap();
            let (var, damaged) = (params.vars()[0].1.clone(), damaged.clone());
            let stage = Pull { var, broken: 0..0, damaged, trains_another: false };
            let run = RunDir::open(dir.path()).unwrap();
            said(train(&stage, &params, (&config, 12), &run, (&never, group), &origin).map(|_| 0.0))
        });
        let at = damaged.start;
        assert!(text[0].starts_with("rank 1 on ") && text[0].contains(&format!("row {at} is damaged")), "{text:?}");
        assert_eq!(text[0].contains("from before it"), kept.is_some(), "{text:?}");
        assert_eq!(text[1], "another rank failed and says why");
        assert_eq!(checkpoint::newest(&dir.path().join("pull"))?.map(|found| found.meta.step), kept);
    }

    // A signal to one rank ends all at the same update, with one checkpoint.
    let dir = tempfile::tempdir()?;
    let stops = together(3, |group| {
        let stop = StopRequest::by(Arc::new((group.rank() == 2).into()));
        let config = LoopConfig { batch_size: 6, micro_batch: None, ..self::config() };
        go_together(dir.path(), &config, 12, 0..0, &origin, &stop, group).map_err(|error| error.to_string())
    });
    assert!(stops.iter().all(|stop| *stop == stops[0] && stop.is_ok()), "{stops:?}");
    let found = checkpoint::newest(&dir.path().join("pull"))?.context("a checkpoint")?;
    assert_eq!((found.meta.step, found.meta.samples), (1, 6));

    // Rows that cannot be shared evenly are one sentence.
    let refused = together(3, |group| said(go_together(dir.path(), &config, 12, 0..0, &origin, &never, group)));
    assert!(refused[0].contains("4 rows cannot be shared by 3 ranks") && !refused[0].contains("rank 0"), "{refused:?}");
    Ok(())
}
