use super::*;
use crate::ranks::testing::together;

#[test]
fn a_failure_of_one_rank_is_told_once_and_known_to_all() {
    let said = together(3, |group| {
        let mine = if group.rank() == 1 { Err(anyhow!("the disk is full")) } else { Ok(()) };
        let joined = group.together(mine).unwrap_err();
        let same = group.together::<()>(Err(anyhow!("no such file"))).unwrap_err();
        (format!("{joined:#}"), joined.is::<Elsewhere>(), format!("{same:#}"), same.is::<Elsewhere>())
    });
    let elsewhere: Vec<bool> = said.iter().map(|said| said.1).collect();
    assert_eq!(elsewhere, [true, false, true]);
    assert!(said[1].0.starts_with("rank 1 on ") && said[1].0.ends_with(": the disk is full"), "{}", said[1].0);
    assert_eq!((said[0].2.as_str(), said[0].3), ("no such file", false), "what all of them say needs no name");
    assert!(said[1].3 && said[2].3);
}

#[test]
fn a_failure_that_only_one_rank_knows_ends_it_at_once() {
    let ended =
        together(2, |group| (group.rank() == 1).then(|| group.end::<()>(Err(anyhow!("a shard is damaged"))).unwrap_err()));
    let error = ended[1].as_ref().unwrap();
    assert!(error.is::<Elsewhere>(), "it was said already");
    assert!(error.chain().any(|cause| cause.to_string().starts_with("rank 1 on ")), "{error:#}");
}

#[test]
fn ranks_that_do_not_mean_the_same_are_named() {
    let said = together(3, |group| {
        let mine = if group.rank() == 2 { "b" } else { "a" };
        group.agree("program", "same").unwrap();
        group.agree("configuration", mine).unwrap_err().to_string()
    });
    assert!(said[0].starts_with("rank 2 on ") && said[0].contains("another configuration than rank 0"), "{}", said[0]);
    assert_eq!(said[1], said[2]);
    assert_eq!(said[1], Elsewhere.to_string());
}

#[test]
fn rank_0_decides_and_works_first() {
    let seen = std::sync::Mutex::new(Vec::new());
    let found = together(3, |group| {
        let number = group.decide(|| Ok(group.rank() + 7)).unwrap();
        let nothing = group.decide(|| Ok(None::<usize>)).unwrap();
        let led = group.first(|leads| {
            seen.lock().unwrap().push(leads);
            Ok(leads)
        });
        let any = group.wait(group.begin({
            let mine = group.rank() == 2;
            move |ranks| ranks.any(mine)
        })?)?;
        Ok::<_, anyhow::Error>((number, nothing, led?, any))
    });
    let found: Vec<_> = found.into_iter().map(|found| found.unwrap()).collect();
    assert_eq!(found, [(7, None, true, true), (7, None, false, true), (7, None, false, true)]);
    assert_eq!(*seen.lock().unwrap(), [true, false, false]);
}

#[test]
fn a_rank_that_never_answers_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (done, begun) = (dir.path().join("done"), dir.path().join("begun"));
    let said = together(3, |group| {
        let notes = Presence::new(dir.path(), group.rank());
        match group.rank() {
            0 => {
                while !begun.exists() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                let names = group.names.clone();
                let group = Group { world: 3, names, presence: Some(notes), ..Group::alone() };
                let said = group.late(1);
                std::fs::write(&done, "").unwrap();
                said
            }
            // It waits, and says so again and again.
            2 => {
                while !done.exists() {
                    notes.waits_for(1);
                    std::fs::write(&begun, "").unwrap();
                    std::thread::sleep(Duration::from_millis(10));
                }
                String::new()
            }
            // It does not.
            _ => String::new(),
        }
    });
    assert!(said[0].contains("no answer for ") && said[0].contains("rank 1 on "), "{}", said[0]);
    assert!(!said[0].contains("rank 2"), "{}", said[0]);
}

#[test]
fn waiting_ends_at_the_limit() {
    let impatient = Group { limit: Duration::from_millis(50), ..Group::alone() };
    let (_never, answer) = bounded(1);
    let said = impatient.wait(Pending::<()> { answer, call: 1 }).unwrap_err().to_string();
    assert!(said.contains("all ranks wait for each other since 0 s"), "{said}");
}
