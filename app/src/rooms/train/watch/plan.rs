//! What a run's configuration says of its stages, as far as the room shows it.

use toml::{Table, Value};

/// Stages of a practice model in their order.
const PRACTICE: [&str; 4] = ["autoencoder", "checker", "base", "control"];

/// A stage in the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// Updates, where they can be told without the data.
    pub steps: Option<u64>,
    /// Largest gradient norm.
    pub clip_norm: Option<f64>,
    /// Checkpoints that stay because they are new.
    pub keep_last: Option<u64>,
    /// Checkpoints at multiples of this stay.
    pub keep_every: Option<u64>,
}

/// The configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What the run is called.
    pub name: String,
    /// Its stages.
    pub stages: Vec<PlannedStage>,
}

impl Plan {
    /// Reads `config.toml`.
    ///
    /// # Errors
    /// One sentence, when it is no TOML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            format!("config.toml cannot be read from line {line} on; the curves are shown without it.")
        })?;
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let stages = match config.get("stage").and_then(Value::as_str) {
            Some(stage) => vec![planned(stage, &config, &config)],
            None => {
                let tables = PRACTICE.into_iter().filter_map(|name| Some((name, config.get(name)?.as_table()?)));
                tables.map(|(name, table)| planned(name, table, &config)).collect()
            }
        };
        Ok(Self { name, stages })
    }

    /// A stage by its name.
    pub fn stage(&self, name: &str) -> Option<&PlannedStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

/// What the table `train` of a stage says.
fn planned(name: &str, table: &Table, config: &Table) -> PlannedStage {
    let train = table.get("train").and_then(Value::as_table);
    let at = |path: &[&str]| {
        path.iter().try_fold(train?.get(*path.first()?)?, |value, key| if *key == path[0] { Some(value) } else { value.get(key) })
    };
    let whole = |path: &[&str]| at(path).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
    let count = config.get("data").and_then(|data| data.get("count")).and_then(Value::as_integer);
    let epochs = at(&["epochs"]).and_then(Value::as_float);
    let of_epochs = || Some((epochs? * count? as f64 / whole(&["batch_size"])?.max(1) as f64).ceil() as u64);
    let clip = at(&["optimizer", "clip_norm"]).or_else(|| at(&["clip_norm"])).and_then(Value::as_float);
    PlannedStage {
        name: name.to_owned(),
        steps: whole(&["steps"]).or_else(of_epochs),
        clip_norm: clip,
        keep_last: whole(&["checkpoints", "keep_last"]),
        keep_every: whole(&["checkpoints", "keep_every"]).filter(|every| *every > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_configurations_tell_their_stages() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/configs");
        let plan = |name: &str| Plan::parse(&std::fs::read_to_string(folder.join(name)).expect("shipped")).expect("TOML");
        let practice = plan("practice.toml");
        let stages: Vec<(&str, Option<u64>)> = practice.stages.iter().map(|s| (s.name.as_str(), s.steps)).collect();
        assert_eq!(stages, [("autoencoder", Some(1600)), ("checker", Some(2000)), ("base", Some(700)), ("control", Some(2500))]);
        let paper = plan("control.paper.toml");
        assert_eq!((paper.stages.len(), paper.stages[0].steps, paper.stages[0].clip_norm), (1, None, Some(1.0)));
        assert_eq!((paper.stages[0].keep_last, paper.stages[0].keep_every), (Some(3), Some(50_000)));
        let why = Plan::parse("a = 1\nb = = 2\n").expect_err("no TOML");
        assert!(why.contains("line 2"), "{why}");
    }

    #[test]
    fn epochs_of_drawn_cases_are_updates() {
        let text = "stage = \"text\"\n[data]\ncount = 100\n[train]\nepochs = 2.5\nbatch_size = 8\n";
        assert_eq!(Plan::parse(text).map(|plan| plan.stages[0].steps), Ok(Some(32)));
    }
}
