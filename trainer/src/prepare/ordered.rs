//! Work on several threads whose results come in order, with a bound on how far the threads run ahead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use anyhow::{Context, Result};
use crossbeam_channel::bounded;

/// Gives `take` the results of `make(0..count)` in order; ends early when `stop` says so, and then gives `false`.
///
/// At most `window` results are made and not taken.
///
/// # Errors
/// The first error of `make` or `take`, or when a thread cannot be started.
pub(crate) fn in_order<T: Send>(
    count: usize,
    threads: usize,
    window: usize,
    stop: &(dyn Fn() -> bool + Sync),
    make: &(dyn Fn(usize) -> Result<T> + Sync),
    take: &mut dyn FnMut(usize, T) -> Result<()>,
) -> Result<bool> {
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (taken, moved) = (Mutex::new(0usize), Condvar::new());
    let window = window.max(threads).max(1);
    let (sender, receiver) = bounded::<(usize, Result<T>)>(window);
    // Under the lock, so that no thread falls asleep between looking and waiting.
    let end = || {
        let _guard = taken.lock().unwrap_or_else(PoisonError::into_inner);
        ended.store(true, Ordering::Relaxed);
        moved.notify_all();
    };
    let work = |sender: crossbeam_channel::Sender<(usize, Result<T>)>| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let guard = taken.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = |taken: &mut usize| index >= *taken + window && !ended.load(Ordering::Relaxed);
            drop(moved.wait_while(guard, waits).unwrap_or_else(PoisonError::into_inner));
            if stop() {
                // Those who wait for this place would wait for ever.
                end();
            }
            if ended.load(Ordering::Relaxed) {
                return;
            }
            let made = make(index);
            // A closed channel means that all is over.
            if sender.send((index, made)).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..threads.max(1) {
            let (sender, work) = (sender.clone(), &work);
            std::thread::Builder::new()
                .name(format!("prepare-{worker}"))
                .spawn_scoped(scope, move || work(sender))
                .context("cannot start a thread")?;
        }
        drop(sender);
        let mut early: BTreeMap<usize, T> = BTreeMap::new();
        let mut done = 0;
        let outcome = (|| {
            for (index, made) in &receiver {
                early.insert(index, made?);
                while let Some(result) = early.remove(&done) {
                    take(done, result)?;
                    done += 1;
                    *taken.lock().unwrap_or_else(PoisonError::into_inner) = done;
                    moved.notify_all();
                }
            }
            Ok(done == count)
        })();
        end();
        drop(receiver);
        outcome
    })
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn results_come_in_order_and_threads_do_not_run_away() {
        for threads in [1, 3, 8] {
            let (ahead, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let make = |index: usize| {
                most.fetch_max(ahead.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Later ones are quicker.
                std::hint::black_box((0..(50 - index % 50) * 200).sum::<usize>());
                Ok(index)
            };
            let mut seen = Vec::new();
            let whole = in_order(300, threads, 10, &|| false, &make, &mut |place, value| {
                ahead.fetch_sub(1, Ordering::SeqCst);
                assert_eq!(place, value);
                seen.push(value);
                Ok(())
            });
            assert!(whole.unwrap());
            assert_eq!(seen, (0..300).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= 11, "{}", most.load(Ordering::SeqCst));
        }
    }

    #[test]
    fn errors_and_stops_end_it() {
        let make = |index: usize| if index == 20 { bail!("bad case") } else { Ok(index) };
        let error = in_order(100, 3, 4, &|| false, &make, &mut |_, _| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "bad case");
        let error = in_order(100, 3, 4, &|| false, &Ok, &mut |place, _| if place == 7 { bail!("disk full") } else { Ok(()) });
        assert_eq!(error.unwrap_err().to_string(), "disk full");
        let taken = AtomicUsize::new(0);
        // Some go on while others have stopped already.
        let asked = AtomicUsize::new(0);
        let stop = || taken.load(Ordering::SeqCst) >= 5 && asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        let whole = in_order(1000, 3, 4, &stop, &Ok, &mut |_, _| {
            taken.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        assert!(!whole.unwrap() && taken.load(Ordering::SeqCst) < 20);
        assert!(in_order(0, 3, 4, &|| false, &Ok, &mut |_, _: usize| Ok(())).unwrap());
    }
}
