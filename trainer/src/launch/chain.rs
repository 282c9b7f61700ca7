//! The stages of a training as jobs that follow each other.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::job::shipped;
use super::{Cluster, Job, Work, script};
use crate::run::run_dir::named_after;

/// A stage by short name (`stage1`, `stage2`, `control`) or by its configuration.
pub fn config_of(stage: &str, preset: &str) -> PathBuf {
    shipped(stage, preset).unwrap_or_else(|| PathBuf::from(stage))
}

/// The jobs of some stages: each begins with the run of the one before. Runs are folders in `out`, named after the
/// configurations.
///
/// # Errors
/// When a configuration cannot be read or is no stage, or two would share a run folder.
pub fn jobs(stages: &[String], preset: &str, out: &Path, cluster: &Cluster, more: &[String]) -> Result<Vec<Job>> {
    let mut made: Vec<Job> = Vec::new();
    let mut before: Option<PathBuf> = None;
    for stage in stages {
        let config = config_of(stage, preset);
        ensure!(
            config.is_file(),
            "stage {stage:?}: there is no file {}; name a configuration, or stand in the folder that holds trainer/configs",
            config.display()
        );
        let run = out.join(named_after(&config));
        let mut args = Vec::new();
        if let Some(before) = &before {
            args.extend(["--from".to_owned(), before.to_string_lossy().into_owned()]);
        }
        args.extend(more.iter().cloned());
        let job = Job::new(&config, &run, cluster, &args)?;
        ensure!(job.work == Work::Train, "{} is no configuration of training; a chain is made of stages", config.display());
        ensure!(
            made.iter().all(|other| other.name != job.name),
            "two stages are called {}; they would share the folder {}",
            job.name,
            run.display()
        );
        before = Some(run);
        made.push(job);
    }
    Ok(made)
}

/// A script that puts all jobs into the queue, each after the one before ended well.
pub fn chain(jobs: &[Job], cluster: &Cluster) -> String {
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    let mut text = format!(
        "#!/bin/bash\n# {}: each begins when the one before ended well; made by chexgen launch.\n\
         # A stage that is put back into the queue keeps its number, so the ones after it wait on.\nset -eu\n",
        names.join(", ")
    );
    for (at, job) in jobs.iter().enumerate() {
        let after = match at {
            0 => String::new(),
            _ => format!(" --dependency=\"afterok:${{job{}%%;*}}\" --kill-on-invalid-dep=yes", at - 1),
        };
        let script = script(job, cluster);
        text += &format!("\njob{at}=$(sbatch --parsable{after} <<'END_OF_JOB'\n{script}END_OF_JOB\n)\n");
        text += &format!("echo \"{}: job ${{job{at}%%;*}}\"\n", job.name);
    }
    text
}
