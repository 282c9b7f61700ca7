//! The window: drain events, draw, apply actions, run effects. Nothing in here waits.

mod drain;
mod of_rooms;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{CentralPanel, Context, Frame, Margin, Panel as Side, Ui, UiBuilder};
use engine::domain::GrayImage;

use crate::action::{Action, Effect};
use crate::canvas::camera::Camera;
use crate::canvas::sight::{self, SightCache};
use crate::canvas::textures::Thumbnails;
use crate::canvas::{self, CanvasCache, gpu};
use crate::examples::Example;
use crate::images;
use crate::insight;
use crate::jobs::chores::{self, Chores};
use crate::jobs::{ModelState, Opener, TokenCount, Worker, sentence};
use crate::ledger::Ledger;
use crate::library::Keeper;
use crate::memory::Memory;
use crate::panels::metrics::{HEADER, Metrics};
use crate::panels::{self, Panel};
use crate::reduce;
use crate::rooms::{self, compare, models};
use crate::session::Session;
use crate::shell;
use crate::shell::divider::{self, Edge};
use crate::shell::regions::{Region, begin};
use crate::shortcuts;
use crate::state::{Gesture, Layer, Room, State};
use crate::theme::{self, tokens};
use crate::widgets::{focus, keys};

/// Side of the canvas until a model says otherwise.
const START_SIZE_PX: u32 = 256;
/// Seconds without a letter after which typing is one entry of the journal.
const TYPING_PAUSE_SECS: f64 = 0.9;

/// How the studio starts.
pub struct Options {
    /// Where the studio keeps its own files; images of the session are saved there.
    pub data_folder: PathBuf,
    /// Where Save writes at first.
    pub save_folder: PathBuf,
    /// A saved image to open at start.
    pub open: Option<PathBuf>,
    /// When the program began.
    pub began: Instant,
}

/// The application.
pub struct StudioApp {
    /// What the window shows.
    pub state: State,
    worker: Option<Worker>,
    keeper: Option<Keeper>,
    ledger: Ledger,
    chores: Chores,
    session: Session,
    models: models::Works,
    memory: Memory,
    data_sets: rooms::data_sets::Works,
    reading: rooms::reading::Works,
    train: rooms::train::Works,
    cache: CanvasCache,
    thumbnails: Thumbnails,
    pictures: SightCache,
    compare: compare::Work,
    shelf: rooms::runs::Shelf,
    tokens: Option<(String, TokenCount)>,
    condition: Option<(Vec<Layer>, Option<Arc<GrayImage>>)>,
    facts: images::Cache,
    insight: insight::Live,
    zoom: f32,
    last_typed: f64,
    /// A text for the clipboard.
    copied: Option<String>,
    /// When the program began, until the first frame is drawn.
    began: Option<Instant>,
    /// The file that the program was started with, until the cases of before are there.
    waiting: Option<PathBuf>,
}

impl StudioApp {
    /// The studio with the first example on the canvas; the model loads behind it.
    pub fn new(cc: &eframe::CreationContext<'_>, opener: Opener, options: Options) -> Self {
        theme::install(&cc.egui_ctx);
        let mut cache = CanvasCache::default();
        if let Some(render_state) = &cc.wgpu_render_state {
            let side = gpu::install(render_state);
            (cache.has_gpu, cache.max_side) = (side.is_some(), side.unwrap_or(0));
            if render_state.adapter.get_info().device_type == eframe::wgpu::DeviceType::Cpu {
                // Without a graphics card every frame costs what the model could use.
                theme::reduce_motion(&cc.egui_ctx);
            }
        }
        let first = Example::ALL[0];
        let mut state = State::new(first.document(START_SIZE_PX), options.save_folder);
        let memory = Memory::start(&cc.egui_ctx, &options.data_folder, &mut state);
        state.example = Some(first);
        state.shown = crate::state::Shown::Example;
        let ctx = cc.egui_ctx.clone();
        let worker = match Worker::spawn(opener, move || ctx.request_repaint()) {
            Ok(worker) => Some(worker),
            Err(error) => {
                state.model = ModelState::Failed(sentence(&error));
                None
            }
        };
        let ctx = cc.egui_ctx.clone();
        let keeper = match Keeper::spawn(options.data_folder.clone(), move || ctx.request_repaint()) {
            Ok(keeper) => Some(keeper),
            Err(error) => {
                reduce::queue::library_unusable(&mut state, sentence(&error));
                None
            }
        };
        let ctx = cc.egui_ctx.clone();
        let chores = Chores::new(options.data_folder.clone(), move || ctx.request_repaint());
        let repaint = cc.egui_ctx.clone();
        let pictures = SightCache::new(cc.wgpu_render_state.as_ref());
        let ctx = cc.egui_ctx.clone();
        let session = Session::start(&options.data_folder, &mut state, move || ctx.request_repaint());
        let ctx = cc.egui_ctx.clone();
        let insight = insight::Live::new(move || ctx.request_repaint());
        let ctx = cc.egui_ctx.clone();
        let shelf = rooms::runs::Shelf::new(options.data_folder.clone(), move || ctx.request_repaint());
        let ctx = cc.egui_ctx.clone();
        let data_sets = rooms::data_sets::Works::new(options.data_folder.clone(), move || ctx.request_repaint());
        let ctx = cc.egui_ctx.clone();
        let reading = rooms::reading::Works::new(options.data_folder.clone(), move || ctx.request_repaint());
        let ctx = cc.egui_ctx.clone();
        let train = rooms::train::Works::new(move || ctx.request_repaint());
        let mut app = Self {
            state,
            worker,
            keeper,
            ledger: Ledger::default(),
            chores,
            session,
            models: models::Works::new(&cc.egui_ctx),
            memory,
            data_sets,
            reading,
            train,
            cache,
            thumbnails: Thumbnails::default(),
            pictures,
            compare: compare::Work::new(options.data_folder.clone(), move || repaint.request_repaint()),
            shelf,
            tokens: None,
            condition: None,
            facts: images::Cache::default(),
            insight,
            zoom: 1.0,
            last_typed: 0.0,
            copied: None,
            began: Some(options.began),
            waiting: options.open,
        };
        app.chores.draw_examples(Example::ALL.to_vec(), START_SIZE_PX);
        app.act(Action::Models(models::Action::Refresh));
        // The room of the last time begins like one that is gone to.
        let room = app.state.room;
        app.act(Action::OpenRoom(room));
        app
    }

    /// What is computed of the open case and the shown image.
    pub fn insight(&self) -> &insight::View {
        self.insight.view()
    }

    /// Applies an action and runs what it asks for.
    pub fn act(&mut self, action: Action) {
        for effect in reduce::reduce(&mut self.state, action) {
            self.run(effect);
        }
    }

    fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Library(command) => {
                let sent = match &self.keeper {
                    Some(keeper) => keeper.send(command),
                    None => Err(anyhow::anyhow!("the library is not open; start the studio again")),
                };
                if let Err(error) = sent {
                    reduce::queue::gone(&mut self.state, &error);
                    rooms::data_sets::refused(&mut self.state).into_iter().for_each(|e| self.run(e));
                }
            }
            Effect::Nudge | Effect::Hold(_) | Effect::Go | Effect::Stop(_) | Effect::Allow(_) | Effect::WorkOn(..) => {
                if let Some(model) = self.state.model.ready() {
                    model.watch_words(self.state.insight.word_map);
                }
                if let Some(worker) = &self.worker {
                    drain::tell_worker(worker, effect);
                }
            }
            Effect::DataSets(work) => self.data_sets.start(work),
            Effect::OpenFile(path) => {
                self.state.settings.opened(&path);
                self.chores.open_any(path, images::Hints::of(&self.state));
            }
            Effect::Images(effect) => match effect {
                images::Effect::Write(order) => self.chores.write(*order),
                images::Effect::Rewindow(stored, window, size_px) => self.chores.rewindow(stored, window, size_px),
                images::Effect::Keep(original) => self.chores.keep_original(*original),
                images::Effect::Compose(order, title) => {
                    self.chores.compose(self.state.tabs.open_id(), *order, title);
                }
            },
            Effect::Save(index, folder) => {
                if let Some(order) = images::order_for_save(&self.state, index) {
                    self.chores.write(images::write::Order { folder, ..order });
                } else if let Some(result) = self.state.results.get(index) {
                    self.chores.save(result.name.clone(), Arc::clone(&result.artifact), folder);
                }
            }
            Effect::Compare(effect) => self.compare.run(effect),
            Effect::PickFile => self.chores.pick_file(),
            Effect::PickFolder => self.chores.pick_folder(self.state.save_folder.clone()),
            Effect::PickQueue(write) => self.chores.pick_queue(write),
            Effect::DrawExample(example) => self.chores.draw_examples(vec![example], self.state.document.size_px),
            Effect::Models(job) => self.models.run(job, self.worker.as_mut(), &mut self.state.messages),
            Effect::RenewSettings => self.memory.renew(&mut self.state),
            Effect::Runs(effect) => self.run_runs(effect),
            Effect::Reading(effect) => self.run_reading(effect),
            Effect::Train(effect) => self.run_train(effect),
            Effect::DrawSeed => self.act(Action::SetSeed(chores::random_seed())),
            Effect::DrawShape(layer, wish) => {
                let (case, size_px) = (self.state.tabs.open_id(), self.state.document.size_px);
                self.chores.draw_shape(case, layer, wish, size_px);
            }
        }
    }

    fn token_count(&mut self) -> Option<TokenCount> {
        let model = self.state.model.ready()?;
        let text = self.state.document.full_impression();
        if self.tokens.as_ref().is_none_or(|(t, _)| *t != text) {
            let count = model.count_tokens(&text);
            self.tokens = Some((text, count));
        }
        self.tokens.as_ref().map(|(_, count)| *count)
    }

    fn condition(&mut self) -> Option<Arc<GrayImage>> {
        let model = self.state.model.ready()?;
        if self.state.view.stroke.is_some() {
            // A stroke must not wait for it, nor be copied because of it.
            return self.condition.as_ref().and_then(|(_, picture)| picture.clone());
        }
        if self.condition.as_ref().is_none_or(|(layers, _)| *layers != self.state.document.layers) {
            let picture = model.condition(&self.state.document.annotations()).map(Arc::new);
            self.condition = Some((self.state.document.layers.clone(), picture));
        }
        self.condition.as_ref().and_then(|(_, picture)| picture.clone())
    }

    /// Ends gestures: sliders when the button is up, typing after a pause.
    fn settle(&mut self, ctx: &Context, typed: bool) {
        let (now, down) = ctx.input(|i| (i.time, i.pointer.any_down()));
        if typed {
            self.last_typed = now;
        }
        match self.state.history.open() {
            Some(Gesture::Typing) => {
                let left = TYPING_PAUSE_SECS - (now - self.last_typed);
                if left <= 0.0 {
                    self.act(Action::Settle);
                } else {
                    ctx.request_repaint_after(Duration::from_secs_f64(left + 0.02));
                }
            }
            Some(_) if !down && self.state.view.stroke.is_none() => self.act(Action::Settle),
            _ => {}
        }
    }

    fn draw(&mut self, ui: &mut Ui, out: &mut Vec<Action>) {
        let size = ui.max_rect().size();
        let metrics = Metrics::with(size, &self.state.settings);
        let both = metrics.fits_both(size.x, self.state.settings.zoom());
        let drawer = self.state.shell.drawer;
        self.state.view.right_there = !metrics.narrow || drawer;
        let tokens_used = self.token_count();
        let condition = self.condition();
        let facts = self.facts.facts(&self.state);
        self.insight.update(ui.ctx(), &self.state, tokens_used, condition.as_ref());
        self.state.insight.checks = Arc::clone(&self.insight.view().checks);
        self.state.insight.words = self.insight.view().words.len();
        let zoom = self.zoom;
        let insight = self.insight.view();
        let mut panel = Panel {
            state: &self.state,
            metrics,
            thumbnails: &mut self.thumbnails,
            pictures: &mut self.pictures,
            shelf: &mut self.shelf,
            tokens: tokens_used,
            condition,
            facts,
            insight,
            out,
        };
        let bar = |x: i8, y: i8| Frame::new().fill(tokens::BAR).inner_margin(Margin::symmetric(x, y));
        let side = Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(12, 8));

        Side::left("rail").exact_size(metrics.rail).resizable(false).frame(bar(0, 0)).show(ui, |ui| {
            begin(ui, panel.state, Region::Rail, panel.out);
            panels::rail::show(ui, &mut panel);
        });
        Side::top("top bar").exact_size(metrics.top).frame(bar(12, 0)).show(ui, |ui| {
            begin(ui, panel.state, Region::TopBar, panel.out);
            panels::top_bar::show(ui, &mut panel);
        });
        Side::bottom("status").exact_size(metrics.status).frame(bar(12, 0)).show(ui, |ui| {
            begin(ui, panel.state, Region::Status, panel.out);
            panels::status::show(ui, &mut panel, zoom);
        });
        let sheet = self.state.shell.sheet;
        let hidden = self.state.view.panels_hidden;
        if self.state.room == Room::Canvas && !hidden {
            let dock = Side::bottom("dock").exact_size(metrics.dock()).frame(bar(0, 0));
            let dock = dock.show(ui, |ui| panels::dock::show(ui, &mut panel));
            divider::show(ui, Edge::Dock, dock.response.rect, panel.out);
        }
        // A sheet takes the place of the left panel; a drawer does where there is no room for both.
        if sheet.is_some() || (self.state.room == Room::Canvas && !hidden && (both || !metrics.narrow || !drawer)) {
            let left = Side::left("left").exact_size(metrics.side).resizable(false).frame(side).show(ui, |ui| {
                begin(ui, panel.state, Region::Left, panel.out);
                match sheet {
                    Some(sheet) => shell::show(ui, &mut panel, sheet),
                    None => panels::left::show(ui, &mut panel),
                }
            });
            divider::show(ui, Edge::Left, left.response.rect, panel.out);
        }
        if self.state.room != Room::Canvas {
            CentralPanel::default().frame(Frame::new().fill(tokens::BG)).show(ui, |ui| {
                begin(ui, panel.state, Region::Canvas, panel.out);
                match self.state.room {
                    Room::Runs => rooms::runs::show(ui, &mut panel),
                    Room::Compare => rooms::compare::show(ui, &mut panel),
                    Room::DataSets => rooms::data_sets::show(ui, &mut panel),
                    Room::Train => rooms::train::show(ui, &mut panel),
                    Room::Reading => rooms::reading::show(ui, &mut panel),
                    Room::Canvas | Room::Evaluate => {}
                }
            });
            return;
        }
        if !hidden && (!metrics.narrow || drawer) {
            let right = Side::right("right").exact_size(metrics.right).resizable(false).frame(side).show(ui, |ui| {
                begin(ui, panel.state, Region::Right, panel.out);
                panels::right::show(ui, &mut panel);
            });
            divider::show(ui, Edge::Right, right.response.rect, panel.out);
        }
        CentralPanel::default().frame(Frame::new().fill(tokens::VIEW)).show(ui, |ui| {
            Side::top("canvas header").exact_size(HEADER).frame(bar(12, 0)).show(ui, |ui| panels::header::show(ui, &mut panel));
            Side::left("tools").exact_size(metrics.tools).resizable(false).frame(bar(0, 0)).show(ui, |ui| {
                begin(ui, panel.state, Region::Tools, panel.out);
                panels::tools::show(ui, &mut panel);
            });
            begin(ui, panel.state, Region::Canvas, panel.out);
            let views = sight::Layout::new(&self.state.sight, ui.available_rect_before_wrap());
            let (view, rect) = (&self.state.view, views.canvas);
            let camera = Camera::new(rect, self.state.document.size_px, view.zoom, view.center);
            self.zoom = camera.zoom;
            ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
                canvas::show(ui, &self.state, &mut self.cache, panel.out);
            });
            sight::show(ui, &self.state, panel.pictures, &camera, &views, panel.out);
            if let Some(pane) = views.pane {
                panels::sight::pane(ui, &self.state, panel.pictures, pane, panel.out);
            }
            if let Some(heat) = &panel.insight.heat {
                canvas::heat::paint(ui, rect, &self.state, heat);
            }
        });
    }
}

impl eframe::App for StudioApp {
    fn logic(&mut self, _ctx: &Context, _frame: &mut eframe::Frame) {
        self.drain();
        self.ledger.look(&mut self.state);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        let mut out = Vec::new();
        keys::set(&ctx, &self.state.settings.keys);
        shortcuts::read(&ctx, &self.state, &mut out);
        self.take_dropped(&ctx, &mut out);
        panels::toasts::tick(&ctx, &mut self.state);

        self.draw(ui, &mut out);
        panels::toasts::show(&ctx, &self.state, Metrics::for_window(ui.max_rect().size()).status, &mut out);
        focus::ring(&ctx);

        let typed = out.iter().any(|a| matches!(a, Action::SetImpression(_)));
        if !out.is_empty() {
            // What an action changed is drawn in the next frame.
            ctx.request_repaint();
        }
        for action in out {
            self.act(action);
        }
        self.settle(&ctx, typed);
        self.session.step(&mut self.state);
        if self.session.is_loaded()
            && let Some(path) = self.waiting.take()
        {
            self.act(Action::OpenFile(path));
        }
        self.memory.step(&ctx, &mut self.state);
        self.cache.end_frame();
        self.thumbnails.end_frame();
        self.pictures.end_frame();
        self.end_frame_of_rooms(&ctx);
        if let Some(began) = self.began.take() {
            tracing::info!("usable {:.0} ms after start", began.elapsed().as_secs_f64() * 1000.0);
        }
    }

    fn on_exit(&mut self) {
        self.session.end(&mut self.state);
    }

    fn clear_color(&self, _visuals: &eframe::egui::Visuals) -> [f32; 4] {
        tokens::VIEW.to_normalized_gamma_f32()
    }
}
