//! What takes longer than a question: verifying, exporting, importing; each on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::cancel::Cancel;
use engine::imageio::png;
use engine::store::hash::hash_image;
use engine::store::record::RunRecord;

use crate::jobs::{Generator, Progress, files, panic_sentence, sentence};
use crate::library::import::{Imported, import};
use crate::library::{Database, RunId, Verified, now_ms};

/// News that wait for the window at most.
const NEWS: usize = 64;

/// What such work tells.
#[derive(Debug)]
pub enum News {
    /// A replay has done a step.
    Step {
        /// Of which run.
        id: RunId,
        /// Which step, from 1.
        step: usize,
        /// Of how many.
        of: usize,
    },
    /// A replay ended: what it showed and one sentence; `None` when it was stopped.
    Verified(RunId, Option<(Verified, String)>),
    /// A replay failed, one sentence.
    VerifyFailed(RunId, String),
    /// Copies were written: how many, where, and a sentence for each that could not be.
    Exported(usize, PathBuf, Vec<String>),
    /// Images were taken in.
    Imported(Result<Imported, String>),
}

/// Starts the threads and collects what they tell.
pub struct Work {
    outbox: Sender<News>,
    inbox: Receiver<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Work {
    /// `wake` is called after each piece of news.
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (outbox, inbox) = bounded(NEWS);
        Self { outbox, inbox, wake }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.inbox.try_recv().ok()
    }

    fn spawn(
        &self,
        name: &str,
        stopped: impl Fn(String) -> News + Send + 'static,
        work: impl FnOnce(&dyn Fn(News)) + Send + 'static,
    ) {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        let body = move || {
            let tell = |news: News| {
                if outbox.send(news).is_ok() {
                    wake();
                }
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(&tell))) {
                tell(stopped(panic_sentence(payload.as_ref())));
            }
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            tracing::error!("a thread for {name} could not be started: {error}");
        }
    }

    /// Makes a run again with the model and compares every pixel; `file` is its image.
    pub fn verify(&self, id: RunId, record: Arc<RunRecord>, file: PathBuf, model: Arc<dyn Generator>, cancel: Cancel) {
        let failed = move |why| News::VerifyFailed(id, why);
        self.spawn("verify", failed, move |tell| {
            let mut on_progress = |progress| {
                if let Progress::Step { step, of, .. } = progress {
                    tell(News::Step { id, step, of });
                }
            };
            match model.generate(&record.request, &cancel, &mut on_progress) {
                Ok(None) => tell(News::Verified(id, None)),
                Err(error) => tell(News::VerifyFailed(id, sentence(&error))),
                Ok(Some(again)) => {
                    let beside = png::read_gray(&file).map(|image| hash_image(&image));
                    let verdict = verdict(id, &record, &again.record, beside.ok().as_deref());
                    tell(News::Verified(id, Some(verdict)));
                }
            }
        });
    }

    /// Writes copies of saved images with their records and masks into a folder, each under a free name.
    pub fn export(&self, runs: Vec<(String, PathBuf)>, folder: PathBuf) {
        let to = folder.clone();
        let failed = move |why| News::Exported(0, to.clone(), vec![why]);
        self.spawn("export", failed, move |tell| {
            let (mut written, mut sentences) = (0, Vec::new());
            for (name, file) in runs {
                let copied = files::open(&file).and_then(|opened| {
                    let stem = files::stem(&name, opened.artifact.request.seed.0);
                    files::save_new(&opened.artifact, &folder, &stem)
                });
                match copied {
                    Ok(_) => written += 1,
                    Err(error) => sentences.push(sentence(&error)),
                }
            }
            tell(News::Exported(written, folder, sentences));
        });
    }

    /// Takes images with records into the library in `folder`.
    pub fn import(&self, from: Vec<PathBuf>, folder: PathBuf) {
        self.spawn(
            "import",
            |why| News::Imported(Err(why)),
            move |tell| {
                let imported = Database::open(&folder).and_then(|mut db| import(&mut db, &from, now_ms(), &|| false));
                tell(News::Imported(imported.map_err(|e| sentence(&e.into()))));
            },
        );
    }
}

/// What a replay shows; `beside` is the hash of the picture in the file.
fn verdict(id: RunId, old: &RunRecord, new: &RunRecord, beside: Option<&str>) -> (Verified, String) {
    if old.pixels_blake3 != new.pixels_blake3 {
        let mut others = Vec::new();
        for (what, a, b) in [
            ("device", &old.device, &new.device),
            ("number type", &old.dtype, &new.dtype),
            ("engine", &old.engine_version, &new.engine_version),
        ] {
            if a != b {
                others.push(format!("{what} {b} instead of {a}"));
            }
        }
        if !old.changed_files(&new.files).is_empty() {
            others.push("other weights".to_owned());
        }
        let why = if others.is_empty() {
            "model, engine and device are the same, so the processor's vector instructions differ".to_owned()
        } else {
            others.join(", ")
        };
        return (Verified::Different, format!("Run {id} came out with other pixels: {why}."));
    }
    match beside {
        Some(hash) if hash == old.pixels_blake3 => (Verified::Equal, format!("Run {id} came out the same, every pixel of it.")),
        Some(_) => {
            let words = "its record gives the image it describes, but the picture in the file was changed afterwards";
            (Verified::Different, format!("Run {id}: {words}."))
        }
        None => {
            (Verified::Different, format!("Run {id}: its record gives an image, but the picture in the file cannot be read."))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use engine::domain::{GenerateRequest, GrayImage};
    use engine::store::record::encode_png_with_record;

    use super::*;
    use crate::testing::FakeModel;

    fn ended(work: &Work) -> News {
        let began = Instant::now();
        loop {
            match work.poll() {
                Some(News::Step { .. }) => {}
                Some(news) => return news,
                None => thread::sleep(Duration::from_millis(2)),
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no news");
        }
    }

    #[test]
    fn a_replay_tells_equal_changed_and_stopped() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let work = Work::new(Arc::new(|| {}));
        let model: Arc<dyn Generator> = Arc::new(FakeModel::new(32, Duration::ZERO));
        let request = GenerateRequest::new("x", 4);
        let made = model.generate(&request, &Cancel::new(), &mut |_| {}).expect("it obeys").expect("it was not cancelled");
        let file = dir.path().join("a.png");
        let write = |image: &GrayImage| {
            std::fs::write(&file, encode_png_with_record(image, &made.record).expect("it encodes")).expect("it is written");
        };
        let verify = |record: &RunRecord, cancel: Cancel| {
            work.verify(7, Arc::new(record.clone()), file.clone(), Arc::clone(&model), cancel);
            match ended(&work) {
                News::Verified(7, shown) => shown.map(|(verified, _)| verified),
                other => panic!("{other:?}"),
            }
        };
        write(&made.image);
        assert_eq!(verify(&made.record, Cancel::new()), Some(Verified::Equal));
        let other = RunRecord { pixels_blake3: "0".repeat(64), device: "cuda:0".to_owned(), ..made.record.clone() };
        assert_eq!(verify(&other, Cancel::new()), Some(Verified::Different));
        let (_, why) = verdict(7, &other, &made.record, None);
        assert_eq!(why, "Run 7 came out with other pixels: device cpu instead of cuda:0.");
        write(&GrayImage::black(32, 32));
        assert_eq!(verify(&made.record, Cancel::new()), Some(Verified::Different), "the picture was changed by hand");
        let stopped = Cancel::new();
        stopped.cancel();
        assert_eq!(verify(&made.record, stopped), None);
        work.verify(
            7,
            Arc::new(made.record.clone()),
            file.clone(),
            Arc::new(Breaks(FakeModel::new(32, Duration::ZERO))),
            Cancel::new(),
        );
        assert!(matches!(ended(&work), News::VerifyFailed(7, why) if why.contains("fell over")));
    }

    /// A model whose engine panics.
    struct Breaks(FakeModel);

    impl Generator for Breaks {
        fn card(&self) -> &crate::jobs::Card {
            self.0.card()
        }

        fn count_tokens(&self, text: &str) -> crate::jobs::TokenCount {
            self.0.count_tokens(text)
        }

        fn condition(&self, annotations: &[engine::domain::Annotation]) -> Option<GrayImage> {
            self.0.condition(annotations)
        }

        fn generate(
            &self,
            _request: &GenerateRequest,
            _cancel: &Cancel,
            _on_progress: &mut dyn FnMut(Progress),
        ) -> anyhow::Result<Option<crate::jobs::Artifact>> {
            panic!("the engine fell over")
        }
    }

    #[test]
    fn copies_are_written_and_what_is_gone_is_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let work = Work::new(Arc::new(|| {}));
        let model = FakeModel::new(32, Duration::ZERO);
        let made = model.generate(&GenerateRequest::new("x", 4), &Cancel::new(), &mut |_| {}).expect("it obeys");
        let made = made.expect("it was not cancelled");
        let file = dir.path().join("a.png");
        std::fs::write(&file, encode_png_with_record(&made.image, &made.record).expect("it encodes")).expect("it is written");
        let runs = vec![("Case".to_owned(), file.clone()), ("Case".to_owned(), file), ("B".to_owned(), dir.path().join("b.png"))];
        work.export(runs, dir.path().join("out"));
        let News::Exported(2, folder, sentences) = ended(&work) else { panic!("two are there") };
        assert!(sentences[0].contains("b.png"), "{sentences:?}");
        assert!(folder.join("case-4.png").exists() && folder.join("case-4-2.json").exists());
    }
}
