//! Pictures decoded ahead on a thread of their own, so that the next one is there when it is needed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use engine::domain::GrayImage;

/// Where pictures come from.
pub trait Source: Send + Sync {
    /// Decodes a picture.
    ///
    /// # Errors
    /// One sentence, when it is not there or not the one that was sealed.
    fn picture(&self, name: &str) -> Result<GrayImage, String>;
}

/// A decoded picture, or why there is none.
pub type Plate = (String, Result<Arc<GrayImage>, String>);

/// The decoder.
pub struct Plates {
    wanted: Sender<Vec<String>>,
    made: Receiver<Plate>,
}

/// Lists of wanted pictures that may wait; only the newest one counts.
const LISTS: usize = 64;
/// Pictures that may wait for the window.
const WAITING: usize = 16;

impl Plates {
    /// Starts the decoder; `wake` is called when a picture is there.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(source: Arc<dyn Source>, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (wanted, lists) = bounded(LISTS);
        let (made, out) = bounded(WAITING);
        std::thread::Builder::new().name("pictures".to_owned()).spawn(move || work(&*source, &lists, &made, &wake))?;
        Ok(Self { wanted, made: out })
    }

    /// Wants these pictures, the first one first, and no others.
    ///
    /// # Errors
    /// When the decoder is gone.
    pub fn want(&self, names: Vec<String>) -> Result<(), String> {
        self.wanted.try_send(names).map_err(|_| "The pictures cannot be decoded any more; open the study again.".to_owned())
    }

    /// The next picture that came.
    pub fn poll(&self) -> Option<Plate> {
        self.made.try_recv().ok()
    }
}

fn work(source: &dyn Source, lists: &Receiver<Vec<String>>, made: &Sender<Plate>, wake: &(dyn Fn() + Send)) {
    let mut wanted: Vec<String> = Vec::new();
    let mut sent: BTreeSet<String> = BTreeSet::new();
    loop {
        let next = wanted.iter().find(|name| !sent.contains(*name)).cloned();
        let news = match next {
            Some(_) => lists.try_recv(),
            None => lists.recv().map_err(|_| TryRecvError::Disconnected),
        };
        match news {
            Ok(list) => {
                sent.retain(|name| list.contains(name));
                wanted = list;
                continue;
            }
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {}
        }
        let Some(name) = next else { continue };
        sent.insert(name.clone());
        let picture = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| source.picture(&name)))
            .unwrap_or_else(|_| Err("An image of the study could not be decoded; the file may be damaged.".to_owned()));
        if made.send((name, picture.map(Arc::new))).is_err() {
            return;
        }
        wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    struct Counting(std::sync::Mutex<Vec<String>>);

    impl Source for Counting {
        fn picture(&self, name: &str) -> Result<GrayImage, String> {
            self.0.lock().expect("not poisoned").push(name.to_owned());
            match name {
                "bad" => Err("It is not the one that was sealed.".to_owned()),
                "panic" => panic!("a decoder fell over"),
                _ => Ok(GrayImage::black(2, 2)),
            }
        }
    }

    fn next(plates: &Plates) -> Plate {
        let began = Instant::now();
        loop {
            if let Some(plate) = plates.poll() {
                return plate;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no picture came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn each_picture_is_decoded_once_and_in_order() {
        let source = Arc::new(Counting(std::sync::Mutex::default()));
        let plates = Plates::start(Arc::clone(&source) as Arc<dyn Source>, || {}).expect("a thread");
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        plates.want(list(&["a", "b"])).expect("sent");
        assert_eq!((next(&plates).0, next(&plates).0), ("a".to_owned(), "b".to_owned()));
        plates.want(list(&["b", "c"])).expect("sent");
        assert_eq!(next(&plates).0, "c", "b is there already");
        plates.want(list(&["bad", "panic", "a"])).expect("sent");
        assert!(next(&plates).1.is_err());
        assert!(next(&plates).1.is_err_and(|why| why.contains("decoded")));
        assert_eq!(next(&plates).0, "a", "what was dropped is decoded again");
        assert_eq!(*source.0.lock().expect("not poisoned"), ["a", "b", "c", "bad", "panic", "a"]);
    }
}
