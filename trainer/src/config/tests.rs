//! The configurations that are shipped.

use super::*;

fn shipped() -> Vec<(String, AnyConfig)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut paths: Vec<_> = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    // Settings of prepare are read by another command.
    paths.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("prepare-")));
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        (name, AnyConfig::read(path, &[]).unwrap_or_else(|error| panic!("{error:#}")))
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_shipped_configuration_is_read_and_written_again() {
    let all = shipped();
    assert!(all.len() >= 2);
    for (name, config) in all {
        let text = config.to_text().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let again = AnyConfig::from_text(&text, &[]).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(again, config, "{name}");
    }
}

fn stage(name: &str) -> StageConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(format!("{name}.toml"));
    match AnyConfig::read(&path, &[]).unwrap_or_else(|error| panic!("{error:#}")) {
        AnyConfig::Stage(config) => *config,
        AnyConfig::Practice(_) => panic!("{name} is one stage"),
    }
}

/// Name of a field, the paper's value, the release's; `-` for none.
type Disagreement = (&'static str, &'static str, &'static str);

/// Where paper and release disagree in every stage.
const DISAGREE: [Disagreement; 12] = [
    ("export.preset", "\"paper\"", "\"release\""),
    ("export.sampler", "\"ddim\"", "\"ddpm\""),
    ("network.hidden_size", "2048", "1152"),
    ("network.learn_variance", "false", "true"),
    ("network.num_heads", "32", "16"),
    ("start.weights", "\"average\"", "\"trained\""),
    ("train.checkpoints.every_secs", "1800", "0"),
    ("train.lr.peak", "0.0001", "0.00002"),
    ("train.optimizer.clip_norm", "1.0", "-"),
    ("train.optimizer.eps", "0.00000001", "0.0000000001"),
    ("train.optimizer.weight_decay", "0.01", "0.03"),
    ("train.batch_size", "", "256"),
];

#[test]
fn the_presets_of_paper_and_release_differ_where_the_two_disagree_and_nowhere_else() {
    // A number is compared as one, however it is written.
    let same = |a: &str, b: &str| a == b || a.parse::<f64>().is_ok_and(|a| b.parse() == Ok(a));
    // Rows a card on 32 cards, and epochs of the paper; what else differs in one stage.
    let own: [(&str, usize, f64, &[Disagreement]); 3] = [
        ("stage1-256", 192, 800.0, &[("train.micro_batch", "48", "16")]),
        ("stage2-512", 64, 300.0, &[("train.epochs", "300.0", "800.0")]),
        (
            "control",
            32,
            200.0,
            &[
                ("train.epochs", "200.0", "800.0"),
                ("control.conditions.anatomy", "1.0", "-"),
                ("control.conditions.box", "1.0", "-"),
                ("control.conditions.severity", "1.0", "-"),
            ],
        ),
    ];
    for (name, rows, epochs, more) in own {
        let (paper, release) = (stage(&format!("{name}.paper")), stage(&format!("{name}.release")));
        let text = |config: &StageConfig| parse::to_text(config).unwrap_or_else(|error| panic!("{error:#}"));
        let mut expected: Vec<(&str, String, &str)> =
            DISAGREE.iter().chain(more).map(|(key, a, b)| (*key, (*a).to_owned(), *b)).collect();
        for row in expected.iter_mut().filter(|(key, ..)| *key == "train.batch_size") {
            row.1 = (32 * rows).to_string();
        }
        for line in toml_differences(&text(&paper), &text(&release)) {
            let (key, values) = line.split_once(": ").unwrap_or_default();
            let (before, now) = values.split_once(" → ").unwrap_or_default();
            let known = expected.iter().position(|(field, a, b)| *field == key && same(a, before) && same(b, now));
            assert!(known.is_some(), "{name}: {line}");
            expected.remove(known.unwrap_or_default());
        }
        assert!(expected.is_empty(), "{name}: these do not differ: {expected:?}");
        // What both say, and what neither has.
        assert_eq!((paper.train.epochs, release.train.epochs), (Some(epochs), Some(800.0)));
        for config in [&paper, &release] {
            let (o, t) = (&config.objective, &config.train);
            assert!(o.min_snr_gamma.is_none() && o.alignment.is_none() && o.timestep_power == 1.0 && o.caption_dropout == 0.1);
            assert_eq!(o.timesteps, crate::stages::batch::TimestepRule::Uniform);
            assert_eq!((t.lr.at(0, 9), t.lr.at(8, 9)), (t.lr.peak, t.lr.peak), "a constant rate");
            // 0.9999 halves what it forgets in this many updates.
            assert_eq!((t.averages.half_lives.as_slice(), t.averages.ramp), ([6931].as_slice(), false));
            assert!((0.5f64.powf(1.0 / 6931.0) - 0.9999).abs() < 1e-7);
            assert_eq!((config.network.token_num, config.network.depth, config.network.patch_size), (120, 28, 2));
            let (side, scale) = if name == "stage1-256" { (32, 1.0) } else { (64, 2.0) };
            assert_eq!((config.network.input_size, config.network.pos_embed_scale), (side, scale), "{name}");
            assert_eq!(config.network.control_blocks, if name == "control" { 13 } else { 0 });
            assert!(config.control.as_ref().is_none_or(|control| !control.train_base && control.share == 1.0));
            assert_eq!((config.export.num_steps, config.export.guidance_scale), (100, 4.0));
            assert!(t.gradient_checkpointing && config.start.keep_null_caption && !config.practice);
            assert_eq!(config.start.required, name != "stage1-256", "stage 2 and control go on from an earlier one");
        }
    }
}

#[test]
fn practice_presets_are_the_same_stages_in_small() {
    for name in ["stage1-256", "stage2-512", "control"] {
        let (small, large) = (stage(&format!("{name}.practice")), stage(&format!("{name}.paper")));
        assert!(small.practice && small.stage == large.stage && small.start.required == large.start.required);
        assert_eq!(small.network.pos_embed_scale, large.network.pos_embed_scale);
        assert_eq!(2 * small.network.input_size, large.network.input_size, "half the size");
        assert!(small.network.hidden_size * 4 < large.network.hidden_size);
    }
}

#[test]
fn numbers_that_no_training_can_have_are_refused_by_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/stage1-256.practice.toml");
    for (change, words) in [
        ("train.batch_size=0", "field train.batch_size is 0; choose at least 1"),
        ("train.batch_size=1000000000000000000", "field train.batch_size is 1000000000000000000; choose at most 1048576"),
        ("train.steps=0", "field train.steps is 0; choose at least 1"),
        ("train.steps=1000000000000000000", "field train.steps is 1000000000000000000; choose at most"),
        ("train.lr.peak=1e18", "field train.lr.peak is 1000000000000000000; choose at most 1"),
        ("train.lr.peak=nan", "field train.lr.peak is NaN; choose a positive number"),
        ("train.loader_threads=1000000000000", "field train.loader_threads is 1000000000000; choose at most"),
        ("data.count=1000000000000000000", "field data.count is 1000000000000000000; choose 1 to"),
        ("panel.cases=1000000000000000000", "field panel.cases is 1000000000000000000; choose at most"),
        ("panel.sampling.num_steps=0", "field panel.sampling.num_steps is 0; choose 1 to 1000"),
        ("export.num_steps=1001", "field export.num_steps is 1001; choose 1 to 1000"),
        ("export.guidance_scale=-1", "field export.guidance_scale is -1; choose a number from 0 to 30"),
        ("network.depth=1000000", "field network.depth is 1000000; choose 1 to 512"),
        ("objective.caption_dropout=2", "field objective.caption_dropout is 2; choose a number from 0 to 1"),
        ("network.hidden_size=0", "field network.hidden_size is 0; choose 1 to 65536"),
        ("train.steps=-1", "field train.steps: integer `-1` does not fit; write a whole number, 0 or more"),
        ("train.lr=1", "field train.lr: integer `1` does not fit; write a table"),
    ] {
        let error = AnyConfig::read(&path, &[change.to_owned()]).map(drop).expect_err(change);
        let said = format!("{error:#}");
        assert!(said.contains(words) && said.contains("stage1-256.practice.toml") && !said.contains('\n'), "{change}: {said}");
    }
}

#[test]
fn sizes_that_no_memory_holds_are_refused_in_a_practice_model_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/practice.toml");
    for (change, words) in [
        ("data.count=1000000000000000000", "field data.count is 1000000000000000000; choose 1 to 100000000"),
        ("dit.depth=1000000000000", "field dit.depth is 1000000000000; choose 1 to 512"),
        ("text.layers=0", "field text.layers is 0; choose 1 to 512"),
        ("text.vocab_size=1000000000000", "field text.vocab_size is 1000000000000; choose 1 to 1048576"),
    ] {
        let said = format!("{:#}", AnyConfig::read(&path, &[change.to_owned()]).map(drop).expect_err(change));
        assert!(said.contains(words), "{change}: {said}");
    }
}
