//! Open cases: the one on the canvas, and those parked behind the other tabs.

use std::sync::Arc;

use eframe::egui::Pos2;

use super::history::Record;
use super::{Artifact, Document, History, LayerId, Region, Sampling, Shown, State};
use crate::examples::Example;
use crate::journal::TabList;

/// Names a case for ever, also on disk.
pub type CaseId = u64;

/// Closed cases that can be opened again at most.
pub const MAX_CLOSED: usize = 20;

/// A picture that stays what it is while results come and go.
#[derive(Clone, Debug)]
pub enum ParkedPicture {
    /// A picture that needs no result.
    Plain(Shown),
    /// A result, or one step of it.
    Of(Arc<Artifact>, Option<usize>),
}

/// A case that is not on the canvas.
#[derive(Debug)]
pub struct Parked {
    /// The case.
    pub document: Document,
    /// Its journal.
    pub history: History,
    /// Its sampler.
    pub sampling: Sampling,
    /// The example it came from.
    pub example: Option<Example>,
    /// The picture that was shown.
    pub picture: ParkedPicture,
    /// The layer that tools worked on.
    pub chosen: Option<LayerId>,
    /// Zoom and the point in the middle.
    pub camera: (Option<f32>, Pos2),
    /// Window width, level, inversion.
    pub window: (f32, f32, bool),
    /// As [`State::natural`].
    pub natural: Option<Sampling>,
    /// As [`State::used`].
    pub used: bool,
}

impl Parked {
    /// A case that was never on the canvas of this session.
    pub fn new(document: Document, history: History, sampling: Sampling, example: Option<Example>) -> Self {
        let picture = match (example, &document.base) {
            (Some(_), _) => Shown::Example,
            (None, Some(_)) => Shown::Base,
            (None, None) => Shown::Blank,
        };
        let half = document.size_px as f32 * 0.5;
        Self {
            chosen: super::view::first_drawable(&document),
            camera: (None, Pos2::new(half, half)),
            window: (1.0, 0.5, false),
            natural: None,
            used: false,
            picture: ParkedPicture::Plain(picture),
            document,
            history,
            sampling,
            example,
        }
    }
}

/// A tab of the top bar.
#[derive(Debug)]
pub struct Tab {
    /// The case.
    pub id: CaseId,
    /// The case itself, unless it is on the canvas.
    pub parked: Option<Box<Parked>>,
}

/// All tabs.
#[derive(Debug)]
pub struct Tabs {
    /// In their order; there is always one.
    pub list: Vec<Tab>,
    /// Which is on the canvas.
    pub open: usize,
    /// Closed ones with their place, the last one last.
    pub closed: Vec<(usize, Tab)>,
    /// The tab whose name is being typed.
    pub renaming: Option<usize>,
    /// Closed cases that were given up; their files can go.
    pub forgotten: Vec<CaseId>,
    next_id: CaseId,
}

impl Default for Tabs {
    fn default() -> Self {
        Self {
            list: vec![Tab { id: 1, parked: None }],
            open: 0,
            closed: Vec::new(),
            renaming: None,
            forgotten: Vec::new(),
            next_id: 2,
        }
    }
}

impl Tabs {
    /// Numbers cases from here on, so that another session's are not met.
    pub fn number_from(&mut self, first: CaseId) {
        self.next_id = first.max(2);
        if let Some(tab) = self.list.first_mut() {
            tab.id = self.next_id;
        }
        self.next_id += 1;
    }

    /// A number that no case has.
    pub fn fresh_id(&mut self) -> CaseId {
        self.next_id += 1;
        self.next_id - 1
    }

    /// The case on the canvas.
    pub fn open_id(&self) -> CaseId {
        self.list.get(self.open).map_or(0, |t| t.id)
    }
}

impl State {
    /// What a tab is called.
    pub fn tab_title(&self, index: usize) -> &str {
        match self.tabs.list.get(index).and_then(|t| t.parked.as_ref()) {
            Some(parked) => &parked.document.name,
            None => &self.document.name,
        }
    }

    /// Whether nothing was done since the start: there is the case that a start puts there, and no other. Results and
    /// runs say nothing of it: they come from the library, which may open before the cases are read.
    pub fn is_first_sight(&self) -> bool {
        self.tabs.list.len() == 1 && self.example == Some(Example::ALL[0]) && self.is_pristine()
    }

    /// Whether nothing of the person's would be lost if another case took this tab.
    pub fn is_pristine(&self) -> bool {
        !self.history.can_undo() && !self.history.can_redo() && !self.used && self.is_as_made()
    }

    /// Whether the case is what its example, or an empty case, is at first.
    fn is_as_made(&self) -> bool {
        let document = &self.document;
        match self.example {
            Some(example) => *document == example.document(document.size_px),
            None => {
                let drawn = document.layers.iter().any(|l| l.region != Region::Guide);
                document.impression.is_empty() && document.base.is_none() && !drawn
            }
        }
    }

    /// Brings the case on the canvas to the model in use: its size, and its natural settings where nobody chose others.
    /// It is no entry, and it gives the same case whether the model or the case was there first.
    pub fn fit_to_model(&mut self) {
        let Some(card) = self.model.ready().map(|m| m.card().clone()) else { return };
        let before_px = self.document.size_px;
        if card.size_px != before_px {
            self.history.meet(&self.document, self.sampling);
            // What was under way is its own entry.
            self.history.settle(&self.document);
            let example = self.example.filter(|_| self.is_as_made());
            self.document = example.map_or_else(|| self.document.resized(card.size_px), |e| e.document(card.size_px));
            self.history.amend(&self.document, self.sampling);
            self.view.follow_size(before_px, &self.document);
        }
        if self.natural.is_some_and(|natural| natural.is_like(&self.sampling)) {
            let natural = Sampling::from_request(&card.natural);
            self.natural = Some(natural);
            if !natural.is_like(&self.sampling) {
                self.history.meet(&self.document, self.sampling);
                self.sampling = natural.with_seed_of(&self.sampling);
                self.history.amend(&self.document, self.sampling);
            }
        }
    }

    /// Takes the case off the canvas.
    pub fn park(&mut self) -> Parked {
        self.history.settle(&self.document);
        let of = |i: usize, step| match self.results.get(i) {
            Some(result) => ParkedPicture::Of(Arc::clone(&result.artifact), step),
            None => ParkedPicture::Plain(Shown::Blank),
        };
        let picture = match self.shown {
            Shown::Result(i) => of(i, None),
            Shown::ResultStep(i, step) => of(i, Some(step)),
            other => ParkedPicture::Plain(other),
        };
        self.view.stroke = None;
        let blank = Document::empty(self.document.size_px);
        Parked {
            document: std::mem::replace(&mut self.document, blank),
            history: std::mem::take(&mut self.history),
            sampling: self.sampling,
            example: self.example,
            picture,
            chosen: self.view.chosen,
            camera: (self.view.zoom, self.view.center),
            window: (self.view.window, self.view.level, self.view.inverted),
            natural: self.natural,
            used: self.used,
        }
    }

    /// Puts a case on the canvas; the one there before must have been parked.
    pub fn unpark(&mut self, parked: Parked) {
        let before_px = self.document.size_px;
        let Parked { document, history, sampling, example, picture, chosen, camera, window, natural, used } = parked;
        (self.document, self.history, self.sampling, self.example) = (document, history, sampling, example);
        (self.natural, self.used) = (natural, used);
        self.view.follow_size(before_px, &self.document);
        (self.view.zoom, self.view.center) = camera;
        (self.view.window, self.view.level, self.view.inverted) = window;
        self.view.chosen = chosen;
        self.view.stroke = None;
        // The model may have changed while the case was parked. Without one the case keeps its own size, so that nothing
        // drawn is made coarser in between.
        self.fit_to_model();
        self.shown = self.picture_now(&picture);
    }

    /// What happened to any case since the last call.
    pub fn take_journal(&mut self) -> Vec<(CaseId, Vec<Record>)> {
        let mut news = vec![(self.tabs.open_id(), self.history.take_news())];
        let closed = self.tabs.closed.iter_mut().map(|(_, tab)| tab);
        for tab in self.tabs.list.iter_mut().chain(closed) {
            if let Some(parked) = &mut tab.parked {
                news.push((tab.id, parked.history.take_news()));
            }
        }
        news.retain(|(_, records)| !records.is_empty());
        news
    }

    /// The tabs as they are kept on disk.
    pub fn tab_list(&self) -> TabList {
        let example = |tab: &Tab| tab.parked.as_ref().map_or(self.example, |p| p.example);
        TabList {
            open: self.tabs.open_id(),
            cases: self.tabs.list.iter().map(|t| (t.id, example(t))).collect(),
            closed: self.tabs.closed.iter().map(|(at, t)| (t.id, example(t), *at)).collect(),
        }
    }

    /// The picture of the case where no run of it is shown.
    pub fn plain_picture(&self) -> Shown {
        match (self.example, &self.document.base) {
            (Some(_), _) => Shown::Example,
            (None, Some(_)) => Shown::Base,
            (None, None) => Shown::Blank,
        }
    }

    fn picture_now(&self, picture: &ParkedPicture) -> Shown {
        let without = self.plain_picture();
        match picture {
            ParkedPicture::Of(artifact, step) => match self.results.iter().position(|r| Arc::ptr_eq(&r.artifact, artifact)) {
                Some(i) => step.map_or(Shown::Result(i), |s| Shown::ResultStep(i, s)),
                None => without,
            },
            // The run may have ended meanwhile.
            ParkedPicture::Plain(Shown::Live | Shown::LiveStep(_)) => match &self.job {
                Some(job) if job.name == self.document.name => Shown::Live,
                _ => self.results.iter().position(|r| r.name == self.document.name).map_or(without, Shown::Result),
            },
            ParkedPicture::Plain(other) => *other,
        }
    }
}
