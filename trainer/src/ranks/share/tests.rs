use proptest::prelude::*;

use super::*;

fn within(words: &str, rank: Option<usize>, world: Option<usize>) -> Result<Sharing> {
    let pairs: Vec<(&str, &str)> = words.split_whitespace().map(|word| word.split_once('=').unwrap()).collect();
    Sharing::within(rank, world, &|name| pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
}

fn by_job(rank: usize, world: usize, job: &str) -> Sharing {
    Sharing { share: WorkShare::new(rank, world).unwrap(), job: Some(job.to_owned()) }
}

const SECOND_OF_TWO: &str = "SLURM_STEP_ID=3 SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 SLURM_JOB_ID=7";

#[test]
fn numbers_by_hand_win_and_contradictions_are_refused() {
    let told = |words: &str, rank, world| within(words, rank, world).map(|sharing| (sharing.share.rank(), sharing.share.world()));
    assert_eq!(told("", None, None).unwrap(), (0, 1));
    assert_eq!(told(SECOND_OF_TWO, None, None).unwrap(), (1, 2));
    assert_eq!(told(SECOND_OF_TWO, Some(5), Some(8)).unwrap(), (5, 8));
    assert_eq!(told(SECOND_OF_TWO, Some(1), Some(2)).unwrap(), (1, 2));
    assert_eq!(told("SLURM_STEP_ID=3 SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0", Some(0), Some(1)).unwrap(), (0, 1));
    for (words, rank, world, said) in [
        ("", Some(0), None, "--world is not"),
        ("", None, Some(2), "--rank is not"),
        ("", Some(2), Some(2), "rank 2 of 2"),
        (SECOND_OF_TWO, Some(0), Some(2), "contradicts Slurm"),
        (SECOND_OF_TWO, Some(0), Some(1), "rank 1 of 2"),
        ("RANK=1 WORLD_SIZE=x LOCAL_RANK=1", None, None, "WORLD_SIZE is \"x\""),
    ] {
        let error = format!("{:#}", told(words, rank, world).unwrap_err());
        assert!(error.contains(said), "{words}: {error}");
    }
}

#[test]
fn a_job_has_a_name_that_no_other_job_has() {
    let name = |words: &str| within(words, None, None).unwrap().job;
    let slurm = name(SECOND_OF_TWO).unwrap();
    assert_eq!(name(&SECOND_OF_TWO.replace("PROCID=1", "PROCID=0")), Some(slurm.clone()), "the same on all ranks");
    assert_ne!(name(&format!("{SECOND_OF_TWO} SLURM_RESTART_COUNT=1")), Some(slurm.clone()), "requeued");
    assert_ne!(name(&SECOND_OF_TWO.replace("STEP_ID=3", "STEP_ID=4")), Some(slurm));
    let torchrun = "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 TORCHELASTIC_RUN_ID=";
    assert_eq!(name(&format!("{torchrun}none")), None);
    assert!(name(&format!("{torchrun}5")).is_some());
    let mpi = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1";
    assert_eq!(name(mpi), None);
    assert!(name(&format!("{mpi} PMIX_NAMESPACE=99")).is_some());
    assert_eq!(within(SECOND_OF_TWO, Some(1), Some(2)).unwrap().job, None, "by hand");
}

#[test]
fn numbers_by_hand_share_by_piece_and_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let sharing = within("", Some(1), Some(3)).unwrap();
    assert_eq!(sharing.take(dir.path(), "w", &[0, 1, 3, 4, 5]).unwrap().pieces, [1, 4]);
    assert_eq!(Sharing::ALONE.take(dir.path(), "w", &[0, 3]).unwrap().pieces, [0, 3]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn gaps_are_shared_evenly_and_the_last_one_clears_up() {
    let dir = tempfile::tempdir().unwrap();
    // Rank 1 of three died: all that is missing was its own.
    let missing = [1, 4, 7, 10];
    let first = by_job(0, 2, "a").take(dir.path(), "w", &missing).unwrap();
    assert_eq!(first.pieces, [1, 7]);
    // The second rank comes late: the first one has made its pieces.
    let second = by_job(1, 2, "a").take(dir.path(), "w", &[4, 10]).unwrap();
    assert_eq!(second.pieces, [4, 10]);
    first.end(false);
    second.end(false);
    assert_eq!(ours(dir.path(), SUFFIX).len(), 1, "the list stays as long as something is missing");
    // Somebody took a piece away that was there.
    assert_eq!(by_job(1, 2, "a").take(dir.path(), "w", &[3, 10]).unwrap().pieces, [3, 10]);
    assert_eq!(by_job(0, 2, "a").take(dir.path(), "w", &[3, 10]).unwrap().pieces, Vec::<usize>::new());
    by_job(1, 2, "a").take(dir.path(), "w", &[10]).unwrap().end(true);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn two_jobs_do_not_make_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let working = by_job(0, 2, "a").take(dir.path(), "w", &[0, 1]).unwrap();
    for other in [by_job(0, 3, "b"), by_job(0, 2, "b"), Sharing::ALONE] {
        let error = other.take(dir.path(), "w", &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("another job makes the same results"), "{error}");
        assert!(other.take(dir.path(), "other results", &[0]).is_ok());
    }
    drop(working);
    // One that was killed leaves its files; nobody holds them, and they go when all is there.
    std::fs::write(dir.path().join(format!("{PREFIX}dead-0{LOCK}")), "w").unwrap();
    let next = by_job(0, 2, "b").take(dir.path(), "w", &[0, 1]).unwrap();
    assert_eq!(next.pieces, [0]);
    assert_eq!(made_at(&next.at_work.as_ref().unwrap().path).as_deref(), Some("w"));
    next.end(true);
    let left: Vec<String> = ours(dir.path(), SUFFIX).iter().map(|path| list(&File::open(path).unwrap()).unwrap().work).collect();
    assert!(left.iter().all(|work| work == "other results"), "those of other results are their own: {left:?}");
    assert_eq!(ours(dir.path(), LOCK), Vec::<PathBuf>::new());
}

#[test]
fn ranks_that_look_at_the_same_time_do_not_take_each_other_for_another_job() {
    for round in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        // What the job before left when it was stopped.
        by_job(0, 4, "before").take(dir.path(), "w", &[0, 1, 2, 3]).unwrap().end(false);
        std::fs::write(dir.path().join(format!("{PREFIX}dead-1{LOCK}")), "w").unwrap();
        let taken: Vec<Result<Vec<usize>>> = std::thread::scope(|scope| {
            let take = |rank: usize| Ok(by_job(rank, 4, "now").take(dir.path(), "w", &[0, 1, 2, 3])?.pieces);
            let ranks: Vec<_> = (0..4).map(|rank| scope.spawn(move || take(rank))).collect();
            ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
        });
        for (rank, pieces) in taken.into_iter().enumerate() {
            assert_eq!(pieces.unwrap(), [rank], "round {round}");
        }
    }
}

#[test]
fn a_damaged_list_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(by_job(0, 2, "a").take(dir.path(), "w", &[0, 1]).unwrap());
    let [path] = &ours(dir.path(), SUFFIX)[..] else { panic!("one list") };
    std::fs::write(path, "{").unwrap();
    let error = by_job(1, 2, "a").take(dir.path(), "w", &[0, 1]).unwrap_err().to_string();
    assert!(error.contains("is damaged; remove it"), "{error}");
}

proptest! {
    /// Whatever is missing, whenever each rank looks: every piece has one maker.
    #[test]
    fn every_missing_piece_is_made_once(world in 2usize..6, missing in prop::collection::btree_set(0usize..60, 0..40), order in any::<u64>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut left: Vec<usize> = missing.iter().copied().collect();
        let mut made: Vec<usize> = Vec::new();
        let mut counts = Vec::new();
        let mut ranks: Vec<usize> = (0..world).collect();
        ranks.rotate_left(order as usize % world);
        for rank in ranks {
            let mine = by_job(rank, world, "a").take(dir.path(), "w", &left).unwrap();
            counts.push(mine.pieces.len());
            // Every other rank has made its pieces before the next one looks.
            if order >> rank & 1 == 1 {
                left.retain(|piece| !mine.pieces.contains(piece));
            }
            made.extend(&mine.pieces);
        }
        made.sort_unstable();
        prop_assert_eq!(made, missing.into_iter().collect::<Vec<_>>());
        let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
        prop_assert!(spread <= 1, "{:?}", counts);
    }
}
