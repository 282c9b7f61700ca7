//! News of the worker for the window: never lost where they matter, never waited for, never more than fit.
//!
//! A window that does not draw, because it is minimised or busy, must not stop the sampler. So the queue is bounded by
//! leaving out: first previews, then whole news, and then the window is told to look into the library again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Event;

/// News that wait at most.
const MOST: usize = 256;

/// The queue, shared by the worker and the window.
#[derive(Clone)]
pub(super) struct Outbox {
    queue: Arc<Mutex<VecDeque<Event>>>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    /// `wake` is called after each piece of news.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { queue: Arc::default(), wake: Arc::new(wake) }
    }

    /// Tells something.
    pub(super) fn tell(&self, event: Event) {
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.len() >= MOST {
                make_room(&mut queue);
            }
            queue.push_back(event);
        }
        (self.wake)();
    }

    /// The oldest piece of news, if any.
    pub(super) fn take(&self) -> Option<Event> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

fn make_room(queue: &mut VecDeque<Event>) {
    let preview = queue.iter().position(|e| matches!(e, Event::Step { .. }));
    if let Some(at) = preview {
        queue.remove(at);
        return;
    }
    // Events of the model are few and matter; the others stand in the library.
    let of_a_job =
        queue.iter().position(|e| !matches!(e, Event::Loading(_) | Event::Ready(_) | Event::Unloaded(_) | Event::Missed));
    if let Some(at) = of_a_job {
        queue.remove(at);
    }
    if !queue.iter().any(|e| matches!(e, Event::Missed)) {
        queue.push_back(Event::Missed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::preview_event;

    #[test]
    fn previews_go_first_and_then_the_window_is_told() {
        let outbox = Outbox::new(|| {});
        for step in 1..=2 * MOST {
            outbox.tell(preview_event(1, step));
        }
        let mut kept = 0;
        while let Some(event) = outbox.take() {
            assert!(matches!(event, Event::Step { .. }));
            kept += 1;
        }
        assert_eq!(kept, MOST);
        for _ in 0..2 * MOST {
            outbox.tell(Event::Stuck("full".to_owned()));
        }
        let (mut kept, mut missed) = (0, 0);
        while let Some(event) = outbox.take() {
            if matches!(event, Event::Missed) { missed += 1 } else { kept += 1 }
        }
        assert_eq!(missed, 1, "once is enough");
        assert!(kept <= MOST + 1 && kept > MOST / 2, "{kept}");
    }
}
