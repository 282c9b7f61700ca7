//! Which pieces of a job each rank makes; agreed without a message between the ranks.
//!
//! Piece `i` belongs to rank `i` modulo their number. That alone would leave all gaps of a dead rank to one rank of
//! the next job. So the first rank of a job writes down in the folder of the results what is missing there, and all
//! ranks share that list instead. Its name is the number that the launcher gave the job, so that a rank that comes
//! late, when much is made already, still takes its part of the same list. Processes that were numbered by hand have
//! no common number, may run one after the other, and share by piece.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use engine::device::DeviceKind;
use engine::store::hash::hash_bytes;
use serde::{Deserialize, Serialize};

use super::launcher::{Launcher, Place, place_in};
use super::presence::host;
use crate::device::RankDevice;
use crate::work::WorkShare;

/// Beginning and end of the names of agreed lists.
const PREFIX: &str = ".chexgen-share-";
const SUFFIX: &str = ".json";
/// End of the names of files that ranks at work hold.
const LOCK: &str = ".lock";
/// How long others may look at such a file.
const LOOK: Duration = Duration::from_secs(10);
const FORMAT: &str = "chexgen-share";

/// The share of a process, and the job it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    share: WorkShare,
    /// What the launcher calls the job, the same on all ranks and in no other job.
    job: Option<String>,
}

impl Sharing {
    /// A process that does everything.
    pub const ALONE: Self = Self { share: WorkShare::WHOLE, job: None };

    /// The share by `--rank` and `--world`, or else by the launcher of this process.
    ///
    /// # Errors
    /// When one of the two is missing, or they or the launcher contradict each other.
    pub fn here(rank: Option<usize>, world: Option<usize>) -> Result<Self> {
        Self::within(rank, world, &|name| std::env::var(name).ok())
    }

    fn within(rank: Option<usize>, world: Option<usize>, get: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let place = place_in(get)?;
        let (rank, world) = match (rank, world) {
            (None, None) => {
                let share = WorkShare::new(place.rank, place.world)?;
                return Ok(Self { share, job: if place.world > 1 { job(&place, get) } else { None } });
            }
            (Some(rank), Some(world)) => (rank, world),
            (Some(_), None) => bail!("--rank is given and --world is not; give the number of processes too, or neither"),
            (None, Some(1)) => (0, 1),
            (None, Some(_)) => bail!("--world is given and --rank is not; give the number of this process too, or neither"),
        };
        let share = WorkShare::new(rank, world).context("--rank and --world")?;
        ensure!(
            world > place.world || place.world == 1 || (rank, world) == (place.rank, place.world),
            "--rank {rank} --world {world} contradicts {}, which started this process as rank {} of {}: two processes would \
             make the same; leave out --rank and --world",
            place.launcher.name(),
            place.rank,
            place.world
        );
        Ok(Self { share, job: None })
    }

    /// The share by number alone.
    pub fn share(&self) -> WorkShare {
        self.share
    }

    /// What stands before each line of this process: `rank 1 of 4: `, or nothing where it is alone.
    pub fn prefix(&self) -> String {
        prefix(self.share)
    }

    /// Which pieces this process makes. `missing` are the numbers, rising, of what it found missing, and `work`
    /// says what job this is: the same for the same pieces in the same folder. The result is held until the end.
    ///
    /// # Errors
    /// When another job makes the same pieces now, or the folder cannot be written to.
    pub fn take(&self, dir: &Path, work: &str, missing: &[usize]) -> Result<Mine> {
        let (rank, world) = (self.share.rank(), self.share.world());
        let mine = |pieces, at_work| Mine { pieces, dir: dir.to_owned(), work: work.to_owned(), at_work };
        if world == 1 {
            refuse_others(dir, work, None)?;
            return Ok(mine(missing.to_vec(), None));
        }
        let Some(job) = &self.job else {
            let pieces = missing.iter().copied().filter(|piece| self.share.owns(*piece)).collect();
            return Ok(mine(pieces, None));
        };
        let name = hash_bytes(format!("{job}\n{work}\n{world}").as_bytes());
        let own = format!("{PREFIX}{}", &name[..16]);
        refuse_others(dir, work, Some(&own))?;
        let at_work = AtWork::begin(dir.join(format!("{own}-{rank}{LOCK}")), work)?;
        let path = dir.join(format!("{own}{SUFFIX}"));
        let found = List { format: FORMAT.to_owned(), version: 1, work: work.to_owned(), world, missing: missing.to_vec() };
        let list = agree(&path, &found)?;
        // What a list does not have, because it was taken away since, has the owner that everybody knows.
        let planned: Vec<usize> = list.missing.iter().copied().skip(rank).step_by(world).collect();
        let is_mine = |piece: &usize| match list.missing.binary_search(piece) {
            Ok(_) => planned.binary_search(piece).is_ok(),
            Err(_) => self.share.owns(*piece),
        };
        Ok(mine(missing.iter().copied().filter(is_mine).collect(), Some(at_work)))
    }
}

/// As [`Sharing::prefix`], of a share.
pub fn prefix(share: WorkShare) -> String {
    if share.world() == 1 { String::new() } else { format!("rank {} of {}: ", share.rank(), share.world()) }
}

/// The device of this process among others on its machine.
///
/// # Errors
/// When its launcher contradicts itself.
pub fn own_device(device: RankDevice) -> Result<DeviceKind> {
    let place = place_in(&|name| std::env::var(name).ok())?;
    Ok(device.of(place.local_rank, std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref()))
}

/// Who this process is among others, for an error that ends it: `rank 1 of 4 on node7: `, or nothing.
pub fn title() -> String {
    match place_in(&|name| std::env::var(name).ok()) {
        Ok(Place { rank, world, .. }) if world > 1 => format!("rank {rank} of {world} on {}: ", host()),
        _ => String::new(),
    }
}

/// The pieces of one process.
#[derive(Debug)]
pub struct Mine {
    /// Their numbers, rising.
    pub pieces: Vec<usize>,
    dir: PathBuf,
    work: String,
    at_work: Option<AtWork>,
}

impl Mine {
    /// Ends the work. `whole` says that all pieces are there, of all ranks: then no list is needed any more, neither
    /// this one nor those of jobs that were killed.
    pub fn end(self, whole: bool) {
        let Self { dir, work, at_work, .. } = self;
        drop(at_work);
        if !whole {
            return;
        }
        let is_list = |path: &PathBuf| File::open(path).is_ok_and(|file| list(&file).is_some_and(|list| list.work == work));
        let is_dead = |path: &PathBuf| made_at(path).is_none() && std::fs::read_to_string(path).is_ok_and(|made| made == work);
        let lists = ours(&dir, SUFFIX).into_iter().filter(is_list);
        for path in lists.chain(ours(&dir, LOCK).into_iter().filter(is_dead)) {
            // Another rank may have taken it away just now; one that stays is a small hidden file.
            drop(std::fs::remove_file(&path));
        }
    }
}

/// What was missing when a job began.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: String,
    version: u32,
    /// Hash of what the job makes.
    work: String,
    world: usize,
    /// Rising.
    missing: Vec<usize>,
}

/// What the launcher calls its job; none where nothing tells one job from the next.
fn job(place: &Place, get: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let text = |name: &str| get(name).filter(|text| !text.is_empty());
    let names: &[&str] = match place.launcher {
        Launcher::Alone => return None,
        Launcher::Slurm => &["SLURM_JOB_ID", "SLURM_STEP_ID"],
        // Without a name of its own every job of torchrun is called none.
        Launcher::Torchrun => {
            text("TORCHELASTIC_RUN_ID").filter(|id| id != "none")?;
            &["TORCHELASTIC_RUN_ID"]
        }
        Launcher::Mpi => {
            text("PMIX_NAMESPACE")?;
            &["PMIX_NAMESPACE", "OMPI_MCA_orte_precondition_transports"]
        }
    };
    let always = ["SLURM_JOB_ID", "SLURM_RESTART_COUNT"];
    let said = names.iter().chain(&always).map(|name| text(name).unwrap_or_default());
    Some(format!("{} {}", place.launcher.name(), said.collect::<Vec<_>>().join(" ")))
}

/// The list of the job: the one that is there, or else this one.
fn agree(path: &Path, mine: &List) -> Result<List> {
    let shown = || format!("cannot write {}", path.display());
    let dir = path.parent().unwrap_or(Path::new("."));
    loop {
        match File::open(path) {
            Ok(file) => {
                let list: List = serde_json::from_reader(std::io::BufReader::new(&file))
                    .with_context(|| format!("{} is damaged; remove it", path.display()))?;
                ensure!(
                    (list.format.as_str(), list.version, list.world) == (FORMAT, 1, mine.world) && list.missing.is_sorted(),
                    "{} was written by another version of the program; remove it",
                    path.display()
                );
                return Ok(list);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        std::fs::create_dir_all(dir).with_context(shown)?;
        let mut aside = tempfile::Builder::new().prefix(PREFIX).suffix(".tmp").tempfile_in(dir).with_context(shown)?;
        aside.write_all(&serde_json::to_vec(mine)?).and_then(|()| aside.as_file().sync_all()).with_context(shown)?;
        // Whoever comes first wins; the others read what it wrote.
        match aside.persist_noclobber(path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error).with_context(shown),
        }
    }
}

/// A file that is locked as long as a rank works; it tells ranks of other jobs what is made here.
///
/// The rank locks it for itself alone and whoever looks at it does not, so that those who look at the same time do not
/// take each other for a rank at work.
#[derive(Debug)]
struct AtWork {
    path: PathBuf,
    _file: File,
}

impl AtWork {
    fn begin(path: PathBuf, work: &str) -> Result<Self> {
        let shown = || format!("cannot write {}", path.display());
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(shown)?;
        }
        let file = File::options().create(true).truncate(false).write(true).read(true).open(&path);
        let mut file = file.with_context(shown)?;
        let begin = Instant::now();
        // Somebody of another job may look just now. A file system without locks only loses the refusal of a second job.
        while matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            ensure!(
                begin.elapsed() < LOOK,
                "this rank of this job is at work already (it holds {}); start each rank once",
                path.display()
            );
            std::thread::sleep(LOOK / 100);
        }
        file.set_len(0).and_then(|()| file.write_all(work.as_bytes())).with_context(shown)?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // One that stays is a small hidden file that nobody holds.
        drop(std::fs::remove_file(&self.path));
    }
}

/// What a rank at work makes; none where nobody holds the file.
fn made_at(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    held.then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// Refuses to make what ranks of another job are making; `own` begins the names of this job's files.
fn refuse_others(dir: &Path, work: &str, own: Option<&str>) -> Result<()> {
    let others = ours(dir, LOCK).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        own.is_none_or(|own| !name.starts_with(own))
    });
    for path in others {
        ensure!(
            made_at(&path).is_none_or(|made| made != work),
            "another job makes the same results in {}; wait until it ends, or choose another folder with --out",
            dir.display()
        );
    }
    Ok(())
}

/// A list, where the file is one.
fn list(file: &File) -> Option<List> {
    serde_json::from_reader(std::io::BufReader::new(file)).ok()
}

/// The files of ranks in a folder with such an ending.
fn ours(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(PREFIX) && name.ends_with(suffix)
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(ours).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests;
