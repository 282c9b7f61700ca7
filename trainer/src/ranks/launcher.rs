//! Which process of how many this one is, from what its launcher says in the environment.
//!
//! Several launchers may speak at once and mean the same, as where `srun` starts MPI ranks. A step of Slurm with one
//! task a node may also hold another launcher, as where `srun` starts `torchrun` or the daemons of `mpirun`; then
//! the inner one counts. Everything else that does not fit together is refused: a wrong place writes over the work
//! of another process.

use anyhow::{Context as _, Result, bail, ensure};

/// What started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Launcher {
    /// A person, or a script: there is no other process.
    Alone,
    /// `srun` of Slurm.
    Slurm,
    /// `torchrun`.
    Torchrun,
    /// `mpirun` of Open MPI or MPICH, or another one that speaks PMI.
    Mpi,
}

impl Launcher {
    /// Its name in sentences.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "no launcher",
            Self::Slurm => "Slurm",
            Self::Torchrun => "torchrun",
            Self::Mpi => "MPI",
        }
    }
}

/// The place of a process among those that do a job together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of this process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub world: usize,
    /// Number of this process among those on its machine, from 0: the card it takes.
    pub local_rank: usize,
    /// What says so.
    pub launcher: Launcher,
}

impl Place {
    /// A process that does everything.
    pub const ALONE: Self = Self { rank: 0, world: 1, local_rank: 0, launcher: Launcher::Alone };
}

/// The place of this process.
///
/// # Errors
/// As [`place_in`].
pub fn place() -> Result<Place> {
    place_in(&|name| std::env::var(name).ok())
}

/// As [`place`], from any environment.
///
/// # Errors
/// When variables are missing, no numbers, out of range, or contradict each other; the sentence names them.
pub fn place_in(get: &dyn Fn(&str) -> Option<String>) -> Result<Place> {
    let env = Environment(get);
    let slurm = if env.in_step()? { env.told(&SLURM)? } else { None };
    ensure!(
        slurm.is_some() || !env.in_step()?,
        "SLURM_STEP_ID is set, SLURM_PROCID and SLURM_NTASKS are not; srun sets all three: start the program by it, or \
         unset SLURM_STEP_ID"
    );
    let mut inner: Vec<Told> = Vec::new();
    for names in [&TORCHRUN, &OPEN_MPI, &PMI] {
        inner.extend(env.told(names)?);
    }
    if let [first, others @ ..] = inner.as_slice() {
        others.iter().try_for_each(|other| first.agree(other))?;
    }
    let told = match (slurm, inner.first()) {
        (None, None) => None,
        (Some(outer), None) => Some(outer),
        (None, Some(first)) => Some(first.clone()),
        (Some(outer), Some(first)) if env.holds_a_launcher(&outer, first)? => Some(first.clone()),
        (Some(outer), Some(first)) => {
            outer.agree(first)?;
            Some(outer)
        }
    };
    env.check_pmix(told.as_ref())?;
    let Some(mut told) = told else { return Ok(Place::ALONE) };
    told.local_rank = told.local_rank.or_else(|| inner.iter().find_map(|other| other.local_rank));
    told.place()
}

/// Under which names a launcher says what; of several names for one thing, the first that is set counts.
struct Names {
    launcher: Launcher,
    /// The launcher as a person knows it.
    title: &'static str,
    rank: &'static [&'static str],
    world: &'static [&'static str],
    local_rank: &'static [&'static str],
}

const SLURM: Names = Names {
    launcher: Launcher::Slurm,
    title: "Slurm",
    rank: &["SLURM_PROCID"],
    // The first is of the step; the second may be left over from the allocation around it.
    world: &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
    local_rank: &["SLURM_LOCALID"],
};
const TORCHRUN: Names = Names {
    launcher: Launcher::Torchrun,
    title: "torchrun",
    rank: &["RANK"],
    world: &["WORLD_SIZE"],
    local_rank: &["LOCAL_RANK"],
};
const OPEN_MPI: Names = Names {
    launcher: Launcher::Mpi,
    title: "Open MPI",
    rank: &["OMPI_COMM_WORLD_RANK"],
    world: &["OMPI_COMM_WORLD_SIZE"],
    local_rank: &["OMPI_COMM_WORLD_LOCAL_RANK"],
};
const PMI: Names = Names {
    launcher: Launcher::Mpi,
    title: "PMI",
    rank: &["PMI_RANK"],
    world: &["PMI_SIZE"],
    local_rank: &["MPI_LOCALRANKID", "PMI_LOCAL_RANK", "PALS_LOCAL_RANKID"],
};

/// A number and the variable that says it.
type Said = (&'static str, usize);

/// What one launcher says.
#[derive(Clone, Debug)]
struct Told {
    launcher: Launcher,
    title: &'static str,
    rank: Said,
    world: Said,
    local_rank: Option<Said>,
    /// The variable that would say the rank on the machine.
    local_name: &'static str,
}

impl Told {
    /// Refuses two launchers that mean different things.
    fn agree(&self, other: &Self) -> Result<()> {
        let locals = self.local_rank.zip(other.local_rank);
        let pairs = [Some((self.rank, other.rank)), Some((self.world, other.world)), locals];
        for ((name, value), (other_name, other_value)) in pairs.into_iter().flatten() {
            ensure!(
                value == other_value,
                "{} and {} disagree: {name} is {value}, {other_name} is {other_value}; start the program by one of \
                 them, or unset the variables of the other",
                self.title,
                other.title
            );
        }
        Ok(())
    }

    fn place(&self) -> Result<Place> {
        let ((_, rank), (_, world)) = (self.rank, self.world);
        let local_rank = match self.local_rank {
            Some((_, local_rank)) => local_rank,
            None if world == 1 => 0,
            None => bail!(
                "{} is set and {} is not; {} sets both: set {} to the number of this process on its machine, from 0",
                self.rank.0,
                self.local_name,
                self.title,
                self.local_name
            ),
        };
        Ok(Place { rank, world, local_rank, launcher: self.launcher })
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// A variable; an empty one is not set.
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &'static str) -> Result<Option<Said>> {
        let parse = |text: String| -> Result<Said> {
            let number = text.parse().ok();
            Ok((name, number.with_context(|| format!("{name} is {text:?}; it must be a whole number from 0 on, or unset"))?))
        };
        self.text(name).map(parse).transpose()
    }

    fn first(&self, names: &[&'static str]) -> Result<Option<Said>> {
        names.iter().map(|name| self.number(name)).find(|said| !matches!(said, Ok(None))).unwrap_or(Ok(None))
    }

    /// Whether `srun` started this process. The script of a batch job and the shell of an allocation have most of
    /// the variables too, and are alone.
    fn in_step(&self) -> Result<bool> {
        // Steps that Slurm makes for itself have the last numbers: the interactive shell, the script, the container.
        const FIRST_OF_SLURM: usize = 0xffff_fff0;
        Ok(self.number("SLURM_STEP_ID")?.is_some_and(|(_, id)| id < FIRST_OF_SLURM))
    }

    fn told(&self, names: &Names) -> Result<Option<Told>> {
        let (rank, world, local_rank) = (self.first(names.rank)?, self.first(names.world)?, self.first(names.local_rank)?);
        let (rank, world) = match (rank, world) {
            (Some(rank), Some(world)) => (rank, world),
            (None, None) if local_rank.is_none() || names.launcher == Launcher::Mpi => return Ok(None),
            (rank, world) => {
                let set = rank.or(world).or(local_rank).map_or("", |said| said.0);
                let missing = if rank.is_none() { names.rank[0] } else { names.world[names.world.len() - 1] };
                bail!("{set} is set and {missing} is not; {} sets both: start the program by it, or unset {set}", names.title)
            }
        };
        for (name, value) in [Some(rank), local_rank].into_iter().flatten() {
            ensure!(
                value < world.1,
                "{name} is {value} and {} is {}: a rank counts from 0 and is below the number of processes; correct one \
                 of them or unset both",
                world.0,
                world.1
            );
        }
        let told =
            Told { launcher: names.launcher, title: names.title, rank, world, local_rank, local_name: names.local_rank[0] };
        Ok(Some(told))
    }

    /// Whether the step only starts another launcher: one task a node, and more processes than tasks inside.
    fn holds_a_launcher(&self, outer: &Told, inner: &Told) -> Result<bool> {
        let nodes = self.first(&["SLURM_STEP_NUM_NODES", "SLURM_NNODES"])?;
        let one_a_node = nodes.is_some_and(|(_, nodes)| nodes == outer.world.1) || outer.world.1 == 1;
        Ok(one_a_node && inner.world.1 > outer.world.1)
    }

    /// `PMIX_RANK` comes without the number of processes: it may only say again what another launcher says.
    fn check_pmix(&self, told: Option<&Told>) -> Result<()> {
        let Some((name, rank)) = self.number("PMIX_RANK")? else { return Ok(()) };
        match told {
            Some(told) => ensure!(
                told.rank.1 == rank,
                "{} and PMIx disagree: {} is {}, {name} is {rank}; start the program by one of them, or unset {name}",
                told.title,
                told.rank.0,
                told.rank.1
            ),
            // The shell of an allocation may be a step of Slurm's own.
            None => ensure!(
                rank == 0 && self.text("SLURM_STEP_ID").is_some(),
                "{name} is set and nothing tells the number of processes; start the program by srun or mpirun, or unset \
                 {name}"
            ),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
