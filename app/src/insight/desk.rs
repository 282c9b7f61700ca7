//! A thread for what the model is asked beside its runs: round trips of condition pictures, looks of the checker.
//!
//! One question at a time, on a thread that ends with it; a panic becomes a sentence.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::condition::{Survival, survival};
use engine::domain::GrayImage;

use super::rows::Looked;
use crate::jobs::{Artifact, Generator, panic_sentence, sentence};

/// What is asked.
#[derive(Clone)]
pub(super) enum Question {
    /// What is left of a condition picture after the autoencoder.
    RoundTrip(Arc<GrayImage>),
    /// What the checker sees in a finished image.
    Look(Arc<Artifact>),
}

/// What a round trip left: the picture, and how much of the contrast.
pub(super) type Left = (Arc<GrayImage>, Option<Survival>);

/// What comes back; `Ok(None)` where the model cannot tell.
pub(super) enum Answer {
    /// Of a round trip: the picture and what is left of the contrast, with the time the model took.
    RoundTrip(Result<Option<Left>, String>, Duration),
    /// Of a look.
    Look(Result<Option<Arc<Looked>>, String>),
}

/// Asks and takes answers.
pub(super) struct Desk {
    outbox: Sender<Answer>,
    inbox: Receiver<Answer>,
    open: Option<Question>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Desk {
    /// `wake` is called when there is an answer.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(1);
        Self { outbox, inbox, open: None, wake: Arc::new(wake) }
    }

    /// The question that is being answered.
    pub(super) fn open(&self) -> Option<&Question> {
        self.open.as_ref()
    }

    /// Asks; nothing happens while another question is open.
    pub(super) fn ask(&mut self, model: &Arc<dyn Generator>, question: Question) {
        if self.open.is_some() {
            return;
        }
        self.open = Some(question.clone());
        let (model, outbox, wake) = (Arc::clone(model), self.outbox.clone(), Arc::clone(&self.wake));
        let is_trip = matches!(question, Question::RoundTrip(_));
        let body = move || {
            let began = Instant::now();
            let answer = catch_unwind(AssertUnwindSafe(|| answer(model.as_ref(), &question, began)));
            let answer = answer.unwrap_or_else(|payload| failed(is_trip, panic_sentence(payload.as_ref())));
            // The window may be gone; then nobody waits.
            if outbox.send(answer).is_ok() {
                wake();
            }
        };
        if let Err(error) = thread::Builder::new().name("insight".to_owned()).spawn(body)
            && self.outbox.try_send(failed(is_trip, format!("A thread could not be started: {error}."))).is_err()
        {
            self.open = None;
        }
    }

    /// The question that was answered, and its answer.
    pub(super) fn take(&mut self) -> Option<(Question, Answer)> {
        let answer = self.inbox.try_recv().ok()?;
        self.open.take().map(|question| (question, answer))
    }
}

fn failed(is_trip: bool, why: String) -> Answer {
    if is_trip { Answer::RoundTrip(Err(why), Duration::ZERO) } else { Answer::Look(Err(why)) }
}

fn answer(model: &dyn Generator, question: &Question, began: Instant) -> Answer {
    match question {
        Question::RoundTrip(picture) => {
            let after = model.round_trip(picture).map_err(|e| sentence(&e));
            let took = began.elapsed();
            let left = after.map(|after| {
                after.map(|after| {
                    let survival = survival(picture, &after);
                    (Arc::new(after), survival)
                })
            });
            Answer::RoundTrip(left, took)
        }
        Question::Look(artifact) => {
            let seen = model.look(&artifact.image).map_err(|e| sentence(&e));
            Answer::Look(seen.map(|seen| seen.map(|seen| Arc::new(Looked::new(&artifact.request, &seen)))))
        }
    }
}
