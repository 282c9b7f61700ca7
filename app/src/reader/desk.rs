//! The answers on a thread of their own: written in order, each on the disk before the next one is begun.
//!
//! What cannot be written waits with everything behind it, and is tried again when the reader asks for it.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender, bounded};

use study::answers::{Event, Moment};

/// Something to be written, with the times at which it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When it happened.
    pub moment: Moment,
    /// What happened.
    pub event: Event,
}

/// Where answers go.
pub trait Book: Send {
    /// Writes one thing; it is on the disk when this returns.
    ///
    /// # Errors
    /// One sentence; nothing of it was written then, and it may be tried again.
    fn write(&mut self, entry: &Entry) -> Result<(), String>;

    /// Writes the one file that is handed over and returns its name and hash.
    ///
    /// # Errors
    /// One sentence.
    fn hand_over(&mut self) -> Result<(String, String), String>;
}

/// What the window asks for.
enum Order {
    Write(Entry),
    Retry,
    HandOver,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Everything up to this number is on the disk.
    Saved(u64),
    /// The first thing that waits could not be written, and why.
    NotSaved(String),
    /// The file that is handed over.
    HandedOver(Result<(String, String), String>),
}

/// The window's end of the thread.
pub struct Desk {
    orders: Option<Sender<Order>>,
    news: Receiver<News>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Orders and news that may wait: more than anybody presses before the disk has answered.
const WAITING: usize = 4096;

impl Desk {
    /// Starts the thread; `wake` is called when there is news.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(book: Box<dyn Book>, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (orders, inbox) = bounded(WAITING);
        let (out, news) = bounded(WAITING);
        let thread = std::thread::Builder::new().name("answers".to_owned()).spawn(move || work(book, &inbox, &out, &wake))?;
        Ok(Self { orders: Some(orders), news, thread: Some(thread) })
    }

    /// Writes something.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn write(&self, entry: Entry) -> Result<(), String> {
        self.send(Order::Write(entry))
    }

    /// Tries again what could not be written.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn retry(&self) -> Result<(), String> {
        self.send(Order::Retry)
    }

    /// Writes the file that is handed over.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn hand_over(&self) -> Result<(), String> {
        self.send(Order::HandOver)
    }

    fn send(&self, order: Order) -> Result<(), String> {
        let sent = self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok());
        if sent { Ok(()) } else { Err("Answers cannot be saved any more; close the window and open the study again.".to_owned()) }
    }

    /// The next news.
    pub fn poll(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What was sent is written before the window goes.
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread of the answers ended early");
        }
    }
}

fn work(mut book: Box<dyn Book>, inbox: &Receiver<Order>, out: &Sender<News>, wake: &(dyn Fn() + Send)) {
    let mut waiting: VecDeque<Entry> = VecDeque::new();
    let mut stuck = false;
    while let Ok(first) = inbox.recv() {
        let mut hand_over = false;
        for order in std::iter::once(first).chain(inbox.try_iter()) {
            match order {
                Order::Write(entry) => push(&mut waiting, entry),
                Order::Retry => stuck = false,
                Order::HandOver => hand_over = true,
            }
        }
        let tell = |news| {
            // A full channel means that the window does not draw; it asks again with the next order.
            if out.try_send(news).is_err() {
                tracing::debug!("news of the answers waits for the window");
            }
            wake();
        };
        while !stuck && let Some(entry) = waiting.front() {
            match book.write(entry) {
                Ok(()) => {
                    let number = entry.number;
                    waiting.pop_front();
                    tell(News::Saved(number));
                }
                Err(why) => {
                    stuck = true;
                    tell(News::NotSaved(why));
                }
            }
        }
        if hand_over {
            let made = if waiting.is_empty() {
                book.hand_over()
            } else {
                Err("Some answers are not saved yet; save them first.".to_owned())
            };
            tell(News::HandedOver(made));
        }
    }
}

/// Of words that are typed faster than the disk writes, only the newest are kept.
fn push(waiting: &mut VecDeque<Entry>, entry: Entry) {
    if let (Some(last), Event::Comment { trial, .. }) = (waiting.back_mut(), &entry.event)
        && waiting_comment(&last.event) == Some(*trial)
    {
        *last = entry;
        return;
    }
    waiting.push_back(entry);
}

fn waiting_comment(event: &Event) -> Option<u32> {
    if let Event::Comment { trial, .. } = event { Some(*trial) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    #[derive(Default)]
    struct Shared {
        written: Vec<u64>,
        is_full: bool,
    }

    struct Fragile(Arc<Mutex<Shared>>);

    impl Book for Fragile {
        fn write(&mut self, entry: &Entry) -> Result<(), String> {
            let mut shared = self.0.lock().expect("not poisoned");
            if shared.is_full {
                return Err("The disk is full.".to_owned());
            }
            shared.written.push(entry.number);
            Ok(())
        }

        fn hand_over(&mut self) -> Result<(String, String), String> {
            Ok(("a".to_owned(), "b".to_owned()))
        }
    }

    fn next(desk: &Desk) -> News {
        let began = Instant::now();
        loop {
            if let Some(news) = desk.poll() {
                return news;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no news came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn entry(number: u64, event: Event) -> Entry {
        Entry { number, moment: Moment::default(), event }
    }

    #[test]
    fn a_full_disk_holds_everything_back_in_order_until_it_is_tried_again() {
        let shared = Arc::new(Mutex::new(Shared { is_full: true, ..Shared::default() }));
        let desk = Desk::start(Box::new(Fragile(Arc::clone(&shared))), || {}).expect("a thread");
        desk.write(entry(1, Event::Closed)).expect("sent");
        assert_eq!(next(&desk), News::NotSaved("The disk is full.".to_owned()));
        desk.write(entry(2, Event::Closed)).expect("sent");
        desk.hand_over().expect("sent");
        assert!(matches!(next(&desk), News::HandedOver(Err(_))));
        shared.lock().expect("not poisoned").is_full = false;
        assert!(shared.lock().expect("not poisoned").written.is_empty(), "nothing is tried behind the reader's back");
        desk.retry().expect("sent");
        assert_eq!((next(&desk), next(&desk)), (News::Saved(1), News::Saved(2)));
        desk.write(entry(3, Event::Closed)).expect("sent");
        drop(desk);
        assert_eq!(shared.lock().expect("not poisoned").written, [1, 2, 3], "what was sent is written before the window goes");
    }

    #[test]
    fn of_words_that_wait_the_newest_are_kept() {
        let mut waiting = VecDeque::new();
        let comment = |number, text: &str| entry(number, Event::Comment { trial: 4, text: text.to_owned() });
        push(&mut waiting, comment(1, "O"));
        push(&mut waiting, comment(2, "Op"));
        push(&mut waiting, entry(3, Event::Closed));
        push(&mut waiting, comment(4, "Opa"));
        assert_eq!(waiting.iter().map(|e| e.number).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
