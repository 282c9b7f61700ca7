//! What is computed of the open case: at once where that is quick, else on a thread of its own.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;
use engine::domain::GrayImage;
use engine::text::{Cleaned, align};

use super::desk::{Answer, Desk, Left, Question};
use super::rows::Looked;
use super::view::{Look, Trip, View};
use super::word_map::Heat;
use super::{shown_request, shown_run};
use crate::checks::{self, Reading};
use crate::jobs::{Artifact, Generator, TokenCount};
use crate::state::{Demographics, JobId, Layer, Shown, State};

/// Round trips and looks that are kept.
const KEPT: usize = 12;
/// Seconds without a change after which a condition picture is sent on its round trip.
const REST_SECS: f64 = 0.3;
/// A round trip that takes longer is computed when asked for only.
const QUICK: Duration = Duration::from_millis(1500);
/// Side up to which checks follow a stroke while it is drawn.
const LIVE_PX: u32 = 512;

/// What checks depend on.
#[derive(Clone, PartialEq)]
struct CheckKey {
    impression: String,
    demographics: Demographics,
    layers: Vec<Layer>,
    size_px: u32,
    reading: Reading,
}

struct KeptTrip {
    before: Arc<GrayImage>,
    result: Result<Option<Left>, String>,
}

struct KeptLook {
    artifact: Arc<Artifact>,
    result: Result<Option<Arc<Looked>>, String>,
}

/// The tokens of each word of a run's text.
struct Words {
    text: String,
    ranges: Arc<Vec<Range<usize>>>,
    tokens: Vec<Vec<usize>>,
}

type HeatKey = (JobId, Option<usize>, usize);

/// What is computed, and the thread for it.
pub struct Live {
    desk: Desk,
    view: View,
    checked: Option<CheckKey>,
    cleaned: Option<(String, Option<Cleaned>)>,
    trips: VecDeque<KeptTrip>,
    looks: VecDeque<KeptLook>,
    condition: Option<Arc<GrayImage>>,
    changed_at: f64,
    asked: u32,
    trip_took: Option<Duration>,
    words: Option<Words>,
    heat: Option<(HeatKey, Option<Arc<Heat>>)>,
}

impl Live {
    /// `wake` is called when something slow is ready.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            desk: Desk::new(wake),
            view: View::default(),
            checked: None,
            cleaned: None,
            trips: VecDeque::new(),
            looks: VecDeque::new(),
            condition: None,
            changed_at: 0.0,
            asked: 0,
            trip_took: None,
            words: None,
            heat: None,
        }
    }

    /// Another model is there: what the last one said counts no more.
    pub fn forget(&mut self) {
        (self.trips, self.looks) = (VecDeque::new(), VecDeque::new());
        (self.cleaned, self.words, self.heat, self.trip_took, self.condition) = (None, None, None, None, None);
    }

    /// What the panels are shown.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Brings everything up to date before a frame.
    pub fn update(&mut self, ctx: &Context, state: &State, tokens: Option<TokenCount>, condition: Option<&Arc<GrayImage>>) {
        self.answers();
        let model = state.model.ready();
        self.read(state, model, tokens);
        self.round_trip(ctx, state, model, condition);
        self.look(state, model);
        self.words(state, model);
    }

    fn answers(&mut self) {
        while let Some((question, answer)) = self.desk.take() {
            match (question, answer) {
                (Question::RoundTrip(picture), Answer::RoundTrip(result, took)) => {
                    self.trip_took = Some(took);
                    keep(&mut self.trips, KeptTrip { before: picture, result });
                }
                (Question::Look(artifact), Answer::Look(result)) => keep(&mut self.looks, KeptLook { artifact, result }),
                // Each question has its own kind of answer.
                (Question::RoundTrip(_), Answer::Look(_)) | (Question::Look(_), Answer::RoundTrip(..)) => {}
            }
        }
    }

    /// Cleaning and checks.
    fn read(&mut self, state: &State, model: Option<&Arc<dyn Generator>>, tokens: Option<TokenCount>) {
        let document = &state.document;
        let text = document.full_impression();
        if let Some(model) = model
            && self.cleaned.as_ref().is_none_or(|(t, _)| *t != text)
        {
            self.cleaned = Some((text.clone(), model.clean(&text)));
        }
        let cleaned = self.cleaned.as_ref().filter(|(t, _)| *t == text).and_then(|(_, cleaned)| cleaned.clone());
        self.view.cleaned.clone_from(&cleaned);
        if state.view.stroke.is_some() && document.size_px > LIVE_PX {
            return;
        }
        let reading = Reading { cut_at: tokens.and_then(|t| t.cut_at), limit: tokens.map_or(0, |t| t.limit), cleaned };
        let is_same = self.checked.as_ref().is_some_and(|key| {
            key.reading == reading
                && key.size_px == document.size_px
                && key.demographics == document.demographics
                && key.impression == document.impression
                && key.layers == document.layers
        });
        if !is_same {
            self.view.checks = Arc::new(checks::check(document, &reading));
            self.checked = Some(CheckKey {
                impression: document.impression.clone(),
                demographics: document.demographics,
                layers: document.layers.clone(),
                size_px: document.size_px,
                reading,
            });
        }
    }

    fn round_trip(
        &mut self,
        ctx: &Context,
        state: &State,
        model: Option<&Arc<dyn Generator>>,
        condition: Option<&Arc<GrayImage>>,
    ) {
        let (Some(model), Some(condition)) = (model, condition) else {
            self.view.trip = Trip::None;
            self.condition = None;
            return;
        };
        let now = ctx.input(|i| i.time);
        if self.condition.as_ref().is_none_or(|c| !Arc::ptr_eq(c, condition)) {
            self.condition = Some(Arc::clone(condition));
            self.changed_at = now;
        }
        if let Some(kept) = self.trips.iter().find(|k| Arc::ptr_eq(&k.before, condition) || k.before == *condition) {
            self.asked = state.insight.asked;
            self.view.trip = match &kept.result {
                Ok(Some((after, survival))) => Trip::Ready { after: Arc::clone(after), survival: *survival },
                Ok(None) => Trip::Unknown,
                Err(why) => Trip::Failed(why.clone()),
            };
            return;
        }
        let quick = model.card().practice || self.trip_took.is_some_and(|took| took < QUICK);
        if !quick && self.asked == state.insight.asked {
            self.view.trip = Trip::OnDemand(self.trip_took);
            return;
        }
        if state.is_running() {
            self.view.trip = Trip::AfterRun;
            return;
        }
        // The last one stays on the screen while the next is on its way.
        if !matches!(self.view.trip, Trip::Ready { .. }) {
            self.view.trip = Trip::Busy;
        }
        let left = REST_SECS - (now - self.changed_at);
        if state.view.stroke.is_some() || left > 0.0 {
            ctx.request_repaint_after(Duration::from_secs_f64(left.max(0.05)));
        } else {
            self.desk.ask(model, Question::RoundTrip(Arc::clone(condition)));
        }
    }

    fn look(&mut self, state: &State, model: Option<&Arc<dyn Generator>>) {
        let artifact = match state.shown {
            Shown::Result(i) | Shown::ResultStep(i, _) => state.results.get(i).map(|r| Arc::clone(&r.artifact)),
            Shown::Live | Shown::LiveStep(_) => {
                self.view.look = Look::Pending;
                return;
            }
            Shown::Example | Shown::Base | Shown::Blank => None,
        };
        let Some(artifact) = artifact else {
            self.view.look = Look::None;
            return;
        };
        if let Some(kept) = self.looks.iter().find(|k| Arc::ptr_eq(&k.artifact, &artifact)) {
            self.view.look = match &kept.result {
                Ok(Some(looked)) => Look::Ready(Arc::clone(looked)),
                Ok(None) => Look::NoChecker,
                Err(why) => Look::Failed(why.clone()),
            };
            return;
        }
        self.view.look = Look::Busy;
        if let Some(model) = model
            && self.desk.open().is_none()
        {
            self.desk.ask(model, Question::Look(artifact));
        }
    }

    fn words(&mut self, state: &State, model: Option<&Arc<dyn Generator>>) {
        let run = shown_run(state).filter(|(job, _)| state.insight.maps.has(*job));
        let (Some(model), Some((job, step)), Some(request)) = (model, run, shown_request(state)) else {
            (self.view.words, self.view.heat, self.heat) = (Arc::default(), None, None);
            self.view.text.clear();
            return;
        };
        if self.words.as_ref().is_none_or(|w| w.text != request.impression) {
            let found = align::words(&request.impression, &model.token_texts(&request.impression));
            let (ranges, tokens) = found.into_iter().map(|w| (w.range, w.tokens)).unzip();
            self.words = Some(Words { text: request.impression.clone(), ranges: Arc::new(ranges), tokens });
            self.heat = None;
        }
        let Some(words) = &self.words else { return };
        self.view.words = Arc::clone(&words.ranges);
        self.view.text.clone_from(&words.text);
        let chosen = state.insight.word.map(|w| w.min(words.tokens.len().saturating_sub(1)));
        let Some((word, tokens)) = chosen.and_then(|w| Some((w, words.tokens.get(w)?))) else {
            (self.view.heat, self.heat) = (None, None);
            return;
        };
        let key = (job, step, word);
        // The maps of a run that still forms grow.
        let grows = matches!(state.shown, Shown::Live);
        if grows || self.heat.as_ref().is_none_or(|(k, _)| *k != key) {
            self.heat = Some((key, state.insight.maps.heat(job, step, tokens).map(Arc::new)));
        }
        self.view.heat = self.heat.as_ref().and_then(|(_, heat)| heat.clone());
    }
}

fn keep<T>(list: &mut VecDeque<T>, entry: T) {
    list.push_front(entry);
    list.truncate(KEPT);
}
