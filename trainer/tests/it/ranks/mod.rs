//! Many processes that generate and prepare together: by hand, as torchrun starts them, by mpirun and by Slurm.

#![cfg(unix)]

mod generate;
mod jobs;
mod prepare;
mod slurm;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use std::time::{Duration, Instant};

use crate::support::{chexgen, stderr};

/// The command of one rank, as torchrun starts it; `job` is the name of the job.
fn by_torchrun(dir: &Path, args: &[&str], rank: usize, world: usize, job: &str) -> Command {
    let mut command = chexgen(dir, args);
    let said = [("RANK", rank), ("WORLD_SIZE", world), ("LOCAL_RANK", rank), ("LOCAL_WORLD_SIZE", world)];
    command.envs(said.map(|(name, value)| (name, value.to_string()))).env("TORCHELASTIC_RUN_ID", job);
    command
}

/// Runs all ranks at once and waits for all.
fn together(ranks: impl Iterator<Item = Command>) -> Vec<Output> {
    let start = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started: Vec<_> = ranks.map(start).collect();
    started.into_iter().map(|rank| rank.wait_with_output().unwrap()).collect()
}

/// A command on some ranks by mpirun; none where that is missing, which is said.
#[expect(clippy::print_stdout, reason = "what a skipped test says")]
fn mpirun(dir: &Path, args: &[&str], world: usize) -> Option<Command> {
    let there = Command::new("mpirun").arg("--version").output();
    if !there.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("Open MPI")) {
        println!("skipped: mpirun of Open MPI is missing");
        return None;
    }
    // The program under mpirun is started from the environment of mpirun.
    let command = chexgen(dir, args);
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["--oversubscribe", "--bind-to", "none", "-np", &world.to_string()]);
    mpirun.arg(command.get_program()).args(args).current_dir(dir);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => mpirun.env(name, value),
            None => mpirun.env_remove(name),
        };
    }
    mpirun.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    // All ranks are here: nothing is started elsewhere, and no ssh is needed.
    mpirun.env("OMPI_MCA_plm_rsh_agent", "true");
    Some(mpirun)
}

/// Runs a command by mpirun to its good end.
fn by_mpirun(dir: &Path, args: &[&str], world: usize) -> Option<Output> {
    let output = mpirun(dir, args, world)?.output().unwrap();
    assert!(output.status.success(), "{:?}: {}", output.status, stderr(&output));
    Some(output)
}

/// The process of the program that has all of these variables; none where it is not there any more.
fn process_with(variables: &[(&str, &str)]) -> Option<u32> {
    let wanted: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut processes =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.find(|process: &u32| {
        let program = std::fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&environment);
        program == Path::new(env!("CARGO_BIN_EXE_chexgen")) && wanted.iter().all(|one| text.split('\0').any(|said| said == one))
    })
}

/// Ends a process as a crash does: no handler runs.
fn kill(process: u32) {
    assert!(Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success());
}

/// Starts a rank and kills it as soon as `count` finds a result, so that some of `all` are missing. A rank that was
/// quicker than the kill is started again in an emptied folder.
fn killed_early(command: impl Fn() -> Command, out: &Path, all: usize, count: impl Fn() -> usize) -> usize {
    let begin = Instant::now();
    loop {
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while count() == 0 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL: no handler runs.
        child.kill().unwrap();
        child.wait().unwrap();
        let made = count();
        if (1..all).contains(&made) {
            return made;
        }
        assert!(begin.elapsed() < Duration::from_secs(600), "{made} of {all} results before the kill, again and again");
        drop(std::fs::remove_dir_all(out));
    }
}

/// Number of files in a folder whose names are wanted.
fn count_in(dir: &Path, wanted: impl Fn(&str) -> bool) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries.filter(|entry| wanted(&entry.as_ref().unwrap().file_name().to_string_lossy())).count()
}

/// Inode and time of every file: a file that was written again has others.
fn identities(dir: &Path) -> std::collections::BTreeMap<String, (u64, std::time::SystemTime)> {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |name: String| {
        let data = std::fs::metadata(dir.join(&name)).unwrap();
        (name, (data.ino(), data.modified().unwrap()))
    };
    crate::support::names(dir).into_iter().map(identity).collect()
}
