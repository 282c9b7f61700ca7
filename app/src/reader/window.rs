//! The window: takes news, draws, applies actions, runs effects. Nothing in here waits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, bounded};
use eframe::egui::{Context, Event, Ui, ViewportCommand};
use study::answers::Moment;

use super::action::{Action, Effect};
use super::desk::{Desk, Entry, News};
use super::door::{self, Begun, Opened};
use super::keys;
use super::plates::Plates;
use super::reduce::reduce;
use super::state::{Stage, State};
use super::view::{self, Scene, door::Answer};
use crate::canvas::gpu;
use crate::canvas::picture::Pictures;
use crate::theme::{self, tokens};
use crate::widgets::focus;

/// How often a wait for a date looks at it.
const LOOK_AT_DATE: Duration = Duration::from_secs(20);

/// What is read, by whom, and where answers go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The sealed study.
    pub study: PathBuf,
    /// The reader's code.
    pub reader: Option<String>,
    /// The file of answers.
    pub answers: Option<PathBuf>,
    /// Size of the text in per cent.
    pub text_percent: u16,
}

/// A study in the window.
struct Reading {
    state: State,
    desk: Desk,
    plates: Plates,
    /// Whether the sitting began: it does in the first frame, when the screen is known.
    begun: bool,
}

enum Page {
    Opening,
    Refused(String),
    Choose(String, Vec<String>, Arc<study::sealed::Study>),
    Reading(Box<Reading>),
}

/// The reader's window.
pub struct ReaderApp {
    options: Options,
    page: Page,
    coming: Option<Receiver<Opened>>,
    pictures: Pictures,
    began: Instant,
    /// Whether the window may close: everything is on the disk, or the reader insists.
    may_close: bool,
}

impl ReaderApp {
    /// A window that opens a study.
    pub fn new(cc: &eframe::CreationContext<'_>, options: Options) -> Self {
        let mut app = Self::bare(cc, options);
        app.open(&cc.egui_ctx, None);
        app
    }

    /// A window on what is open already.
    pub fn with(cc: &eframe::CreationContext<'_>, begun: Begun) -> Self {
        let mut app = Self::bare(cc, Options { text_percent: 100, ..Options::default() });
        app.begin(&cc.egui_ctx, begun);
        app
    }

    fn bare(cc: &eframe::CreationContext<'_>, options: Options) -> Self {
        theme::install(&cc.egui_ctx);
        theme::set_still(&cc.egui_ctx, true);
        cc.egui_ctx.options_mut(|o| o.zoom_with_keyboard = false);
        let max_side = cc.wgpu_render_state.as_ref().and_then(gpu::install).unwrap_or(0);
        let mut pictures = Pictures::default();
        pictures.max_side = max_side;
        Self { options, page: Page::Opening, coming: None, pictures, began: Instant::now(), may_close: false }
    }

    /// What the window knows, once a study is in it.
    pub fn state(&self) -> Option<&State> {
        if let Page::Reading(reading) = &self.page { Some(&reading.state) } else { None }
    }

    /// Why nothing can be read.
    pub fn refusal(&self) -> Option<&str> {
        if let Page::Refused(why) = &self.page { Some(why) } else { None }
    }

    /// Whether the window asks which reader sits here.
    pub fn asks_reader(&self) -> bool {
        matches!(self.page, Page::Choose(..))
    }

    /// Does something as if the reader had.
    pub fn act(&mut self, action: Action) {
        let now = self.began.elapsed().as_secs_f64();
        if let Page::Reading(reading) = &mut self.page {
            let mut close = false;
            let mut todo = vec![action];
            while let Some(action) = todo.pop() {
                for effect in reduce(&mut reading.state, action, now) {
                    let done = match effect {
                        Effect::Write(number, event) => {
                            reading.desk.write(Entry { number, moment: Moment { wall_ms: wall_ms(), mono_secs: now }, event })
                        }
                        Effect::Retry => reading.desk.retry(),
                        Effect::HandOver => reading.desk.hand_over(),
                        Effect::Decode(names) => reading.plates.want(names),
                        Effect::Close => {
                            close = true;
                            Ok(())
                        }
                    };
                    if let Err(why) = done {
                        todo.push(Action::NotSaved(why));
                    }
                }
            }
            self.may_close |= close;
        }
    }

    /// Reads the study, or with it the answers of a reader, on a thread.
    fn open(&mut self, ctx: &Context, chosen: Option<(Arc<study::sealed::Study>, String)>) {
        self.page = Page::Opening;
        let (out, coming) = bounded(1);
        let (options, ctx) = (self.options.clone(), ctx.clone());
        let wall_ms = wall_ms();
        let work = move || {
            let opened = std::panic::catch_unwind(|| door::open(&options, chosen, wall_ms))
                .unwrap_or_else(|_| Opened::Refused("The study could not be read; the file may be damaged.".to_owned()));
            if out.send(opened).is_ok() {
                ctx.request_repaint();
            }
        };
        match std::thread::Builder::new().name("study".to_owned()).spawn(work) {
            Ok(_) => self.coming = Some(coming),
            Err(error) => self.page = Page::Refused(format!("The study cannot be opened: {error}.")),
        }
    }

    fn begin(&mut self, ctx: &Context, mut begun: Begun) {
        begun.state.text_percent = self.options.text_percent.clamp(80, 200);
        let wake = |ctx: &Context| {
            let ctx = ctx.clone();
            move || ctx.request_repaint()
        };
        let threads = Desk::start(begun.book, wake(ctx)).and_then(|desk| Ok((desk, Plates::start(begun.source, wake(ctx))?)));
        match threads {
            Ok((desk, plates)) => {
                self.page = Page::Reading(Box::new(Reading { state: begun.state, desk, plates, begun: false }));
            }
            Err(error) => self.page = Page::Refused(format!("The study cannot be opened: {error}.")),
        }
    }

    /// Takes what came from the threads.
    fn drain(&mut self, ctx: &Context) {
        if let Some(opened) = self.coming.as_ref().and_then(|c| c.try_recv().ok()) {
            self.coming = None;
            match opened {
                Opened::Refused(why) => self.page = Page::Refused(why),
                Opened::Choose(study) => {
                    let sheet = study.sheet();
                    let readers = sheet.readers.iter().map(|plan| plan.reader.clone()).collect();
                    self.page = Page::Choose(sheet.title.clone(), readers, study);
                }
                Opened::Begun(begun) => self.begin(ctx, *begun),
            }
        }
        while let Page::Reading(reading) = &self.page {
            let action = match reading.desk.poll() {
                Some(News::Saved(number)) => Action::Saved(number),
                Some(News::NotSaved(why)) => Action::NotSaved(why),
                Some(News::HandedOver(made)) => Action::HandedOver(made),
                None => match reading.plates.poll() {
                    Some((name, picture)) => Action::Picture(name, picture),
                    None => break,
                },
            };
            self.act(action);
        }
    }

    /// A wait for a round ends by the date.
    fn watch_date(&mut self, ctx: &Context) {
        let Some(state) = self.state() else { return };
        if matches!(state.stage, Stage::Washout(..)) {
            ctx.request_repaint_after(LOOK_AT_DATE);
        }
        self.act(Action::Date(wall_ms()));
    }

    fn reading(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut out = Vec::new();
        if let Page::Reading(reading) = &self.page {
            let state = &reading.state;
            let (screen, begun) = (view::measure(ui, state), reading.begun);
            if screen != state.screen {
                self.act(Action::Screen(screen));
            }
            if !begun {
                self.act(Action::Begin);
            }
        }
        if let Page::Reading(reading) = &mut self.page {
            reading.begun = true;
            keys::read(&ctx, &reading.state, &mut out);
            view::show(ui, &mut Scene { state: &reading.state, pictures: &mut self.pictures, out: &mut out });
        }
        if !out.is_empty() {
            // What an action changed is drawn in the next frame.
            ctx.request_repaint();
        }
        for action in out {
            self.act(action);
        }
        let zoom = self.state().map_or(1.0, |s| f32::from(s.text_percent) / 100.0);
        if (ctx.zoom_factor() - zoom).abs() > 1e-4 {
            ctx.set_zoom_factor(zoom);
        }
    }

    fn close(&mut self, ctx: &Context) {
        if !ctx.input(|i| i.viewport().close_requested()) {
            if self.may_close {
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            return;
        }
        if matches!(self.page, Page::Reading(_)) && !self.may_close {
            // First everything goes to the disk.
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.act(Action::Leave);
            ctx.request_repaint();
        }
    }
}

/// A pressed button does not keep the keyboard; a text field and what Tab went to do.
fn free_focus(ctx: &Context) {
    let clicked = ctx.input(|i| i.events.iter().any(|e| matches!(e, Event::PointerButton { pressed: false, .. })));
    if clicked && !ctx.text_edit_focused() {
        ctx.memory_mut(|m| {
            if let Some(id) = m.focused() {
                m.surrender_focus(id);
            }
        });
    }
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl eframe::App for ReaderApp {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.watch_date(&ctx);
        self.drain(&ctx);
        let answer = match &self.page {
            Page::Reading(_) => None,
            Page::Opening => {
                view::door::opening(ui);
                None
            }
            Page::Refused(why) => view::door::refused(ui, why),
            Page::Choose(title, readers, _) => view::door::choose(ui, title, readers),
        };
        match (answer, &self.page) {
            (Some(Answer::Close), _) => self.may_close = true,
            (Some(Answer::Again), _) => self.open(&ctx, None),
            (Some(Answer::Reader(reader)), Page::Choose(_, _, study)) => {
                let study = Arc::clone(study);
                self.open(&ctx, Some((study, reader)));
            }
            _ => self.reading(ui),
        }
        free_focus(&ctx);
        focus::ring(&ctx);
        self.close(&ctx);
    }

    fn clear_color(&self, _visuals: &eframe::egui::Visuals) -> [f32; 4] {
        tokens::VIEW.to_normalized_gamma_f32()
    }
}
