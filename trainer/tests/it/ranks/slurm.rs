//! A real Slurm of one machine, made for the test and ended with it.
//!
//! munged, slurmctld and slurmd run in a temporary folder on free ports, as children of the test: whatever happens,
//! they end with it. Where they are missing, or cannot run in this environment, the test says why and is skipped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::stderr;

/// How long daemons may take to be ready, and a job to come to a state, on a slow and busy machine.
const READY: Duration = Duration::from_secs(90);
const PATIENCE: Duration = Duration::from_secs(600);

/// The daemons and their folder.
pub(super) struct Slurm {
    dir: tempfile::TempDir,
    daemons: Vec<Child>,
}

impl Slurm {
    /// Starts all of it; none, with a sentence on standard output, where that cannot be.
    #[expect(clippy::print_stdout, reason = "what a skipped test says")]
    pub(super) fn start() -> Option<Self> {
        let skip = |why: &str| {
            println!("skipped: no Slurm here: {why}");
            None
        };
        if !std::fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0) {
            return skip("only root may start its daemons");
        }
        for program in ["munged", "slurmctld", "slurmd", "srun", "sbatch", "scontrol"] {
            if find(program).is_none() {
                return skip(&format!("{program} is missing (Debian: slurm-wlm munge)"));
            }
        }
        let mut reasons = Vec::new();
        // Older versions need a plugin for cgroups that looks for none, newer ones can do without.
        for plugin in ["cgroup/v1", "disabled", "autodetect"] {
            match Self::attempt(plugin) {
                Ok(slurm) => return Some(slurm),
                Err(why) => reasons.push(format!("with CgroupPlugin={plugin} {why}")),
            }
        }
        skip(&reasons.join("; "))
    }

    fn attempt(plugin: &str) -> Result<Self, String> {
        // A short path: a socket's name has at most 107 bytes.
        let dir = tempfile::Builder::new().prefix("slurm-").tempdir_in("/tmp").map_err(|error| error.to_string())?;
        let mut slurm = Self { dir, daemons: Vec::new() };
        slurm.configure(plugin).map_err(|error| error.to_string())?;
        let path = |name: &str| slurm.dir.path().join(name).display().to_string();
        let munge = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            format!("--key-file={}", path("munge.key")),
            format!("--socket={}", path("munge.socket")),
            format!("--pid-file={}", path("munge.pid")),
            format!("--seed-file={}", path("munge.seed")),
        ];
        let conf = path("slurm.conf");
        slurm.daemon("munged", &munge)?;
        slurm.wait_until(READY, |slurm| slurm.dir.path().join("munge.socket").exists())?;
        slurm.daemon("slurmctld", &["-D".to_owned(), "-f".to_owned(), conf.clone()])?;
        slurm.daemon("slurmd", &["-D".to_owned(), "-f".to_owned(), conf])?;
        slurm.wait_until(READY, |slurm| {
            let said = slurm.command("sinfo", &["-h", "-o", "%T"]).output().unwrap();
            String::from_utf8_lossy(&said.stdout).trim() == "idle"
        })?;
        Ok(slurm)
    }

    /// Writes key and settings.
    fn configure(&self, plugin: &str) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = self.dir.path();
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755))?;
        // Nobody else speaks to these daemons, so any key does.
        std::fs::write(dir.join("munge.key"), [0x5a; 128])?;
        std::fs::set_permissions(dir.join("munge.key"), std::fs::Permissions::from_mode(0o400))?;
        std::fs::create_dir(dir.join("state"))?;
        std::fs::create_dir(dir.join("spool"))?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        let host = host.trim().split('.').next().unwrap_or_default();
        let text = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmdPort={}\n\
             AuthType=auth/munge\nAuthInfo=socket={dir}/munge.socket,cred_expire=5\n\
             SlurmUser=root\nSlurmdUser=root\nStateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/spool\n\
             SlurmctldPidFile={dir}/slurmctld.pid\nSlurmdPidFile={dir}/slurmd.pid\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\nSchedulerType=sched/builtin\n\
             SlurmdParameters=config_overrides\nReturnToService=2\nSlurmctldTimeout=600\nSlurmdTimeout=600\nKillWait=60\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=4\nPartitionName=test Nodes={host} Default=YES State=UP\n",
            free_port()?,
            free_port()?,
            dir = dir.display()
        );
        std::fs::write(dir.join("slurm.conf"), text)?;
        std::fs::write(dir.join("cgroup.conf"), format!("CgroupPlugin={plugin}\n"))
    }

    fn daemon(&mut self, program: &str, args: &[String]) -> Result<(), String> {
        let log = |error: std::io::Error| format!("{program}: {error}");
        let file = File::create(self.log(program)).map_err(log)?;
        let both = file.try_clone().map_err(log)?;
        let mut command = self.command(program, &[]);
        command.args(args).stdin(Stdio::null()).stdout(file).stderr(both);
        self.daemons.push(command.spawn().map_err(log)?);
        Ok(())
    }

    fn log(&self, program: &str) -> PathBuf {
        self.dir.path().join(format!("{program}.log"))
    }

    /// Waits for something; the reason where a daemon ends before, or it takes too long.
    fn wait_until(&mut self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) -> Result<(), String> {
        let begin = Instant::now();
        while !is_so(self) {
            let ended = self.daemons.iter_mut().any(|daemon| !matches!(daemon.try_wait(), Ok(None)));
            if ended || begin.elapsed() > limit {
                return Err(format!("{}: {}", if ended { "a daemon ended" } else { "not ready in time" }, self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The last errors in the logs.
    fn last_words(&self) -> String {
        let told = |program: &str| {
            let log = std::fs::read_to_string(self.log(program)).unwrap_or_default();
            let loud = |line: &&str| ["error", "fatal", "Error"].iter().any(|word| line.contains(word));
            log.lines().rfind(loud).map(|line| format!("{program}: {line}"))
        };
        ["munged", "slurmctld", "slurmd"].into_iter().filter_map(told).collect::<Vec<_>>().join(", ")
    }

    /// The settings; every process of this Slurm knows them.
    pub(super) fn conf(&self) -> PathBuf {
        self.dir.path().join("slurm.conf")
    }

    /// A program of Slurm that speaks to these daemons.
    pub(super) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
        command.args(args).env("SLURM_CONF", self.conf());
        // The test itself may run in a job.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLURM_") && name != "SLURM_CONF") {
            command.env_remove(name);
        }
        command
    }

    /// Runs a program of Slurm in `dir` to its good end.
    pub(super) fn run(&self, dir: &Path, program: &str, args: &[&str]) -> Output {
        let output = self.command(program, args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}\n{}", stderr(&output), self.last_words());
        output
    }

    /// A field of a job, as `scontrol` shows it.
    pub(super) fn field(&self, job: &str, name: &str) -> String {
        let shown = self.run(Path::new("/"), "scontrol", &["show", "job", "-o", job]);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let find = text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        find.unwrap_or_default().to_owned()
    }

    /// Waits until `is_so` or the job has ended; `log` is shown if that never comes.
    pub(super) fn wait_for(&self, job: &str, log: &Path, mut is_so: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            let state = self.field(job, "JobState");
            let text = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(
                !["FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"].contains(&state.as_str()),
                "job {job} is {state}: {}",
                text()
            );
            assert!(begin.elapsed() < PATIENCE, "job {job} is {state} after all this time: {}\n{}", text(), self.last_words());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        if self.daemons.len() == 3 {
            // The processes of jobs are children of others; only Slurm knows them.
            drop(self.command("scancel", &["--full", "--signal=KILL", "--user=root"]).output());
            drop(self.command("scancel", &["--user=root"]).output());
            let begin = Instant::now();
            let busy = |slurm: &Self| {
                let said = slurm.command("squeue", &["-h"]).output();
                said.is_ok_and(|said| said.status.success() && !said.stdout.is_empty())
            };
            while busy(self) && begin.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        for daemon in self.daemons.iter_mut().rev() {
            drop(daemon.kill());
            drop(daemon.wait());
        }
    }
}

/// A port that nobody listens on, below those that the system gives to anybody.
fn free_port() -> std::io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut tables = std::fs::read_to_string("/proc/net/tcp")?;
    tables += &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    // The second word of a line is the own address and port, in hexadecimal.
    let taken = |port: u16| {
        tables.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|own| own.ends_with(&format!(":{port:04X}"))))
    };
    loop {
        let next = std::process::id().wrapping_mul(31).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (next % 10_000) as u16;
        if !taken(port) {
            return Ok(port);
        }
    }
}

/// A program on the path or where daemons lie.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}
