use proptest::prelude::*;

use super::*;

/// The place in an environment of `NAME=value` words.
fn at(words: &str) -> Result<Place> {
    let pairs: Vec<(&str, &str)> = words.split_whitespace().map(|word| word.split_once('=').unwrap()).collect();
    place_in(&|name| pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
}

fn slurm(rank: usize, world: usize, local: usize) -> String {
    format!("SLURM_STEP_ID=0 SLURM_PROCID={rank} SLURM_NTASKS={world} SLURM_LOCALID={local} SLURM_JOB_ID=7")
}

fn torchrun(rank: usize, world: usize, local: usize) -> String {
    format!("RANK={rank} WORLD_SIZE={world} LOCAL_RANK={local} LOCAL_WORLD_SIZE={world} MASTER_ADDR=a")
}

fn open_mpi(rank: usize, world: usize, local: usize) -> String {
    format!("OMPI_COMM_WORLD_RANK={rank} OMPI_COMM_WORLD_SIZE={world} OMPI_COMM_WORLD_LOCAL_RANK={local} PMIX_RANK={rank}")
}

fn mpich(rank: usize, world: usize, local: usize) -> String {
    format!("PMI_RANK={rank} PMI_SIZE={world} MPI_LOCALRANKID={local} MPI_LOCALNRANKS={world}")
}

fn place_of(rank: usize, world: usize, local_rank: usize, launcher: Launcher) -> Place {
    Place { rank, world, local_rank, launcher }
}

#[test]
fn each_launcher_is_understood() {
    assert_eq!(at("").unwrap(), Place::ALONE);
    assert_eq!(at(&slurm(3, 8, 1)).unwrap(), place_of(3, 8, 1, Launcher::Slurm));
    assert_eq!(at(&torchrun(3, 8, 1)).unwrap(), place_of(3, 8, 1, Launcher::Torchrun));
    assert_eq!(at(&open_mpi(3, 8, 1)).unwrap(), place_of(3, 8, 1, Launcher::Mpi));
    assert_eq!(at(&mpich(3, 8, 1)).unwrap(), place_of(3, 8, 1, Launcher::Mpi));
    assert_eq!(at("PMI_RANK=1 PMI_SIZE=2 PALS_LOCAL_RANKID=1").unwrap(), place_of(1, 2, 1, Launcher::Mpi));
    assert_eq!(at("RANK=0 WORLD_SIZE=1 PMI_RANK=").unwrap(), place_of(0, 1, 0, Launcher::Torchrun));
}

#[test]
fn a_shell_of_slurm_is_alone() {
    // The script of sbatch, the shell of salloc, and that shell as a step of Slurm's own.
    let script = "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NTASKS=8 SLURM_NNODES=2";
    for shell in [script, "SLURM_JOB_ID=7 SLURM_NTASKS=8"] {
        assert_eq!(at(shell).unwrap(), Place::ALONE, "{shell}");
        assert_eq!(at(&format!("{shell} {}", open_mpi(1, 2, 1))).unwrap(), place_of(1, 2, 1, Launcher::Mpi), "{shell}");
    }
    assert_eq!(at(&format!("{script} SLURM_STEP_ID=4294967290 PMIX_RANK=0")).unwrap(), Place::ALONE);
    assert_eq!(at(&format!("{script} SLURM_STEP_ID=4294967291")).unwrap(), Place::ALONE);
}

#[test]
fn a_step_that_starts_another_launcher_says_nothing() {
    // One task a node, each starting eight processes by torchrun, or a daemon of mpirun.
    let outer = format!("{} SLURM_STEP_NUM_NODES=4", slurm(2, 4, 0));
    assert_eq!(at(&format!("{outer} {}", torchrun(17, 32, 1))).unwrap(), place_of(17, 32, 1, Launcher::Torchrun));
    assert_eq!(at(&format!("{outer} {}", open_mpi(5, 32, 5))).unwrap(), place_of(5, 32, 5, Launcher::Mpi));
    // A shell by `srun --pty`.
    assert_eq!(at(&format!("{} {}", slurm(0, 1, 0), open_mpi(1, 2, 1))).unwrap(), place_of(1, 2, 1, Launcher::Mpi));
    // A step with several tasks a node, or more tasks than processes inside, is a mistake.
    let outer = format!("{} SLURM_STEP_NUM_NODES=2", slurm(2, 4, 0));
    assert!(at(&format!("{outer} {}", torchrun(17, 32, 1))).is_err());
    let outer = format!("{} SLURM_STEP_NUM_NODES=4", slurm(2, 4, 0));
    assert!(at(&format!("{outer} {}", torchrun(0, 2, 0))).is_err());
}

#[test]
fn the_tasks_of_the_step_count_and_not_those_of_the_allocation() {
    let step = format!("SLURM_STEP_NUM_TASKS=2 {}", slurm(1, 8, 1));
    assert_eq!(at(&step).unwrap(), place_of(1, 2, 1, Launcher::Slurm));
    assert_eq!(at(&format!("{step} {}", open_mpi(1, 2, 1))).unwrap(), place_of(1, 2, 1, Launcher::Slurm));
}

#[test]
fn the_rank_on_the_machine_comes_from_whoever_tells_it() {
    // `srun --mpi=pmi2` says rank and size alone.
    let place = at(&format!("{} PMI_RANK=3 PMI_SIZE=4", slurm(3, 4, 1))).unwrap();
    assert_eq!(place, place_of(3, 4, 1, Launcher::Slurm));
    assert_eq!(at(&format!("RANK=3 WORLD_SIZE=4 {}", open_mpi(3, 4, 1))).unwrap().local_rank, 1);
    let error = at("RANK=3 WORLD_SIZE=4").unwrap_err().to_string();
    assert!(error.contains("RANK is set") && error.contains("LOCAL_RANK"), "{error}");
}

#[test]
fn what_does_not_fit_together_is_one_sentence_with_the_names() {
    let both = |a: String, b: String| format!("{a} {b}");
    for (words, names) in [
        (slurm(8, 8, 0), vec!["SLURM_PROCID is 8", "SLURM_NTASKS is 8"]),
        (torchrun(2, 1, 0), vec!["RANK is 2", "WORLD_SIZE is 1"]),
        (torchrun(1, 2, 2), vec!["LOCAL_RANK is 2", "WORLD_SIZE is 2"]),
        (open_mpi(0, 0, 0), vec!["OMPI_COMM_WORLD_RANK is 0", "OMPI_COMM_WORLD_SIZE is 0"]),
        ("RANK=0".to_owned(), vec!["RANK is set", "WORLD_SIZE is not"]),
        ("WORLD_SIZE=2".to_owned(), vec!["WORLD_SIZE is set", "RANK is not"]),
        ("LOCAL_RANK=0".to_owned(), vec!["LOCAL_RANK is set", "RANK is not"]),
        ("PMI_SIZE=2".to_owned(), vec!["PMI_SIZE is set", "PMI_RANK is not"]),
        ("OMPI_COMM_WORLD_RANK=1".to_owned(), vec!["OMPI_COMM_WORLD_SIZE is not"]),
        ("SLURM_STEP_ID=0".to_owned(), vec!["SLURM_STEP_ID is set", "SLURM_PROCID"]),
        ("SLURM_STEP_ID=0 SLURM_PROCID=1".to_owned(), vec!["SLURM_PROCID is set", "SLURM_NTASKS is not"]),
        ("SLURM_STEP_ID=x".to_owned(), vec!["SLURM_STEP_ID is \"x\""]),
        ("RANK=-1 WORLD_SIZE=2 LOCAL_RANK=0".to_owned(), vec!["RANK is \"-1\"", "whole number"]),
        ("PMIX_RANK=0".to_owned(), vec!["PMIX_RANK"]),
        (both(slurm(1, 2, 1), torchrun(0, 2, 0)), vec!["SLURM_PROCID is 1", "RANK is 0", "disagree"]),
        (both(slurm(1, 2, 1), open_mpi(1, 4, 1)), vec!["SLURM_STEP_NUM_NODES=2"]),
        (both(torchrun(1, 2, 1), mpich(1, 3, 1)), vec!["WORLD_SIZE is 2", "PMI_SIZE is 3"]),
        (both(open_mpi(1, 2, 1), torchrun(1, 2, 0)), vec!["LOCAL_RANK is 0", "OMPI_COMM_WORLD_LOCAL_RANK is 1"]),
        (both(slurm(1, 2, 1), "PMIX_RANK=0".to_owned()), vec!["SLURM_PROCID is 1", "PMIX_RANK is 0"]),
    ] {
        if names == ["SLURM_STEP_NUM_NODES=2"] {
            // With one task a node this may be how mpirun is started; otherwise it is a contradiction.
            assert!(at(&format!("{words} SLURM_STEP_NUM_NODES=2")).is_ok(), "{words}");
            let error = at(&format!("{words} SLURM_STEP_NUM_NODES=1")).unwrap_err().to_string();
            assert!(error.contains("SLURM_NTASKS is 2") && error.contains("OMPI_COMM_WORLD_SIZE is 4"), "{error}");
            continue;
        }
        let error = at(&words).unwrap_err().to_string();
        assert!(names.iter().all(|name| error.contains(name)), "{words}: {error}");
        assert!(!error.contains('\n') && error.contains("unset") || error.contains("set "), "{words}: {error}");
    }
}

proptest! {
    /// Any launchers that say the same give one place, and one of them that says something else is named.
    #[test]
    fn launchers_that_agree_give_one_place(
        world in 1usize..64, seed in any::<usize>(), which in 1u8..16, wrong in 0usize..4, by in 1usize..5,
    ) {
        let rank = seed % world;
        let local = rank % 8;
        let all = [slurm(rank, world, local), torchrun(rank, world, local), open_mpi(rank, world, local), mpich(rank, world, local)];
        let some: Vec<&str> = (0..4).filter(|i| which >> i & 1 == 1).map(|i| all[i].as_str()).collect();
        let place = at(&some.join(" ")).unwrap();
        prop_assert_eq!((place.rank, place.world, place.local_rank), (rank, world, local));
        let first = [Launcher::Slurm, Launcher::Torchrun, Launcher::Mpi, Launcher::Mpi][which.trailing_zeros() as usize];
        prop_assert_eq!(place.launcher, first);

        // Another world, in a step with all its tasks on one node.
        let other = world + by;
        let odd = [slurm(rank, other, local), torchrun(rank, other, local), open_mpi(rank, other, local), mpich(rank, other, local)];
        let mixed: Vec<&str> = (0..4).filter(|i| which >> i & 1 == 1)
            .map(|i| if i == wrong { odd[i].as_str() } else { all[i].as_str() }).collect();
        let result = at(&format!("{} SLURM_STEP_NUM_NODES=0", mixed.join(" ")));
        let mixed_up = which >> wrong & 1 == 1 && which.count_ones() > 1;
        // A step of one task may hold another launcher.
        let holds = world == 1 && which & 1 == 1 && wrong != 0 && which.count_ones() == 2;
        if mixed_up && !holds {
            let error = result.unwrap_err().to_string();
            prop_assert!(error.contains("disagree") && error.contains(&world.to_string()) && error.contains(&other.to_string()), "{}", error);
        } else {
            prop_assert!(result.is_ok(), "{:?}", result);
        }
    }

    /// Whatever stands in the variables, there is a place whose rank is below its world, or a sentence.
    #[test]
    fn nothing_in_the_environment_is_fatal(values in prop::collection::vec(prop::option::of("[0-9]{1,3}|[-a-z. ]{0,4}|4294967290"), 14)) {
        let names = [
            "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_NUM_NODES", "RANK", "WORLD_SIZE",
            "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "PMI_RANK", "PMI_SIZE",
            "PMIX_RANK",
        ];
        let result = place_in(&|name| names.iter().position(|other| *other == name).and_then(|i| values[i].clone()));
        match result {
            Ok(place) => prop_assert!(place.rank < place.world && place.local_rank < place.world),
            Err(error) => prop_assert!(names.iter().any(|name| error.to_string().contains(name)), "{}", error),
        }
    }
}
