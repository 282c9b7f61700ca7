//! Which case goes into which shard; told before anything is encoded, the same on every process.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use engine::store::hash::hash_bytes;
use serde::Serialize;

use super::case::{Case, Split, pseudonym};
use super::config::{PrepareConfig, SourceConfig, SplitKind};
use super::sources;
use crate::data::dataset::{Binding, Reject};

/// Changes whenever the same settings would give other samples.
const METHOD: u32 = 1;

/// A case with the source it comes from.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) case: Case,
    /// Place of its source in the settings.
    pub(crate) source: usize,
    /// Pseudonym of its patient; empty where there is none.
    pub(crate) patient: String,
}

/// A shard that is to be.
#[derive(Debug)]
pub(crate) struct PlannedShard {
    pub(crate) split: Split,
    pub(crate) number: usize,
    /// Its cases, a stretch of [`Plan::cases`].
    pub(crate) cases: std::ops::Range<usize>,
}

/// All that is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Cases, split after split.
    pub(crate) cases: Vec<Planned>,
    pub(crate) shards: Vec<PlannedShard>,
    /// Cases that the tables rule out.
    pub(crate) unfit: Vec<Reject>,
    pub(crate) recipe: String,
}

/// What decides the content of a data set beside its cases; paths do not.
#[derive(Serialize)]
struct Recipe<'a> {
    method: u32,
    config: PrepareConfig,
    binding: &'a Binding,
}

/// Lists all sources, splits their cases and lays them into shards.
///
/// # Errors
/// When a source cannot be listed, or a split would tear a patient apart.
pub(crate) fn plan(config: &PrepareConfig, binding: &Binding) -> Result<Plan> {
    let mut by_split: BTreeMap<Split, Vec<Planned>> = BTreeMap::new();
    let mut unfit = Vec::new();
    let mut digest = String::new();
    // Where each patient went, by pseudonym.
    let mut homes: BTreeMap<String, Split> = BTreeMap::new();
    for (at, source) in config.sources.iter().enumerate() {
        let listed = sources::list(config, source)?;
        ensure!(
            !listed.cases.is_empty() || !listed.unfit.is_empty(),
            "source {} has no case that is asked for; check its list and the field views",
            source.set()
        );
        for case in listed.unfit {
            // Which views are wanted stands in the settings already.
            if case.kind == "list" {
                digest.push_str(&format!("{at}\t{}\t-\n", case.case));
            }
            let (set, kind) = (source.set().to_owned(), case.kind.to_owned());
            unfit.push(Reject { set, case: case.case, kind, reason: case.reason });
        }
        for case in listed.cases {
            let split = split_of(config, source, &case)?;
            let home = pseudonym(&config.salt, source.patient_space(), case.group());
            match homes.get(&home) {
                Some(other) if *other != split => bail!(
                    "patient {home} of source {} is in {} and in {}; a patient must be in one of them: choose another split.kind, \
                     or correct the list",
                    source.set(),
                    other.name(),
                    split.name()
                ),
                Some(_) => {}
                None => drop(homes.insert(home.clone(), split)),
            }
            let patient = if case.patient.is_empty() { String::new() } else { home };
            digest.push_str(&format!("{at}\t{}\t{}\t{patient}\n", case.name, split.name()));
            by_split.entry(split).or_default().push(Planned { case, source: at, patient });
        }
    }
    let mut settings = config.clone();
    settings.model = "model".into();
    for source in &mut settings.sources {
        source.root = "root".into();
        for path in [&mut source.list, &mut source.images, &mut source.reports, &mut source.captions, &mut source.demographics] {
            *path = path.take().map(|_| "given".into());
        }
    }
    let recipe = serde_json::to_string(&Recipe { method: METHOD, config: settings, binding })?;
    let recipe = hash_bytes(format!("{recipe}\n{digest}").as_bytes());
    let mut plan = Plan { cases: Vec::new(), shards: Vec::new(), unfit, recipe };
    for (split, cases) in by_split {
        let first = plan.cases.len();
        plan.cases.extend(cases);
        let count = plan.cases.len() - first;
        for (number, begin) in (0..count).step_by(config.shard_cases).enumerate() {
            let end = (begin + config.shard_cases).min(count);
            plan.shards.push(PlannedShard { split, number, cases: first + begin..first + end });
        }
    }
    Ok(plan)
}

/// Where a case belongs.
fn split_of(config: &PrepareConfig, source: &SourceConfig, case: &Case) -> Result<Split> {
    if let Some(split) = source.split.as_deref().and_then(Split::of) {
        return Ok(split);
    }
    let shares = &config.split;
    Ok(match shares.kind {
        SplitKind::All => Split::Train,
        SplitKind::Official => case.split.with_context(|| {
            format!(
                "source {}: its makers do not split {}; set split in this source, or choose another split.kind",
                source.set(),
                case.name
            )
        })?,
        SplitKind::MimicFolders => match case.patient.get(..2) {
            Some("19") => Split::Test,
            Some("10" | "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18") => Split::Train,
            _ => bail!(
                "source {}: split.kind mimic-folders needs patients of MIMIC, 10… to 19…; set split in this source",
                source.set()
            ),
        },
        SplitKind::Ratio => {
            let text = format!("{}\n{}\n{}", shares.seed, source.patient_space(), case.group());
            let hash = hash_bytes(text.as_bytes());
            let place = u64::from_str_radix(&hash[..13], 16).unwrap_or(0) as f64 / (1u64 << 52) as f64;
            if place < shares.train {
                Split::Train
            } else if place < shares.train + shares.val {
                Split::Val
            } else {
                Split::Test
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing::binding;

    fn planned(rows: &str, split: &str) -> Result<Plan> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("list.csv"), format!("image,patient,split\n{rows}")).unwrap();
        let text = format!(
            "name = \"a\"\nmodel = \"m\"\nshard_cases = 3\n[split]\n{split}\n[[source]]\nkind = \"manifest\"\nroot = \".\"\nlist = \"list.csv\"\n"
        );
        std::fs::write(dir.path().join("p.toml"), text).unwrap();
        plan(&PrepareConfig::read(&dir.path().join("p.toml"), &[]).unwrap(), &binding())
    }

    fn many() -> String {
        (0..200).map(|i| format!("{i}.png,{},\n", 1000 + i / 2)).collect()
    }

    #[test]
    fn shares_keep_patients_together_and_follow_the_seed() {
        let ratio = |seed: u64| {
            planned(&many(), &format!("kind = \"ratio\"\ntrain = 0.6\nval = 0.2\ntest = 0.2\nseed = {seed}")).unwrap()
        };
        let first = ratio(1);
        let mut homes: BTreeMap<&str, Split> = BTreeMap::new();
        let mut counts: BTreeMap<Split, usize> = BTreeMap::new();
        for shard in &first.shards {
            for case in &first.cases[shard.cases.clone()] {
                *counts.entry(shard.split).or_default() += 1;
                assert_eq!(*homes.entry(&case.patient).or_insert(shard.split), shard.split);
            }
            assert!(shard.cases.len() <= 3);
        }
        assert!((90..150).contains(&counts[&Split::Train]) && counts.values().sum::<usize>() == 200, "{counts:?}");
        assert_eq!(first.recipe, ratio(1).recipe);
        assert_ne!(first.recipe, ratio(2).recipe);
    }

    #[test]
    fn a_patient_in_two_splits_is_refused_by_pseudonym() {
        let error = planned("a.png,4711,train\nb.png,4711,test\n", "kind = \"official\"").unwrap_err().to_string();
        assert!(error.contains("is in train and in test") && !error.contains("4711"), "{error}");
        assert!(error.contains(&pseudonym("", "manifest", "4711")), "{error}");
        let error = planned("a.png,4711,\n", "kind = \"official\"").unwrap_err().to_string();
        assert!(error.contains("do not split a.png"), "{error}");
    }

    #[test]
    fn folders_of_mimic_are_the_papers_split() {
        let plan = planned("a.png,10000001,\nb.png,18999999,\nc.png,19000001,\n", "kind = \"mimic-folders\"").unwrap();
        let split: Vec<(Split, usize)> = plan.shards.iter().map(|shard| (shard.split, shard.cases.len())).collect();
        assert_eq!(split, [(Split::Train, 2), (Split::Test, 1)]);
        assert!(planned("a.png,2,\n", "kind = \"mimic-folders\"").unwrap_err().to_string().contains("10… to 19…"));
    }
}
