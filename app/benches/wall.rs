//! The wall at 50,000 runs: opening, questions, frames and memory. Prints one line a figure.
//!
//! `cargo bench -p app --bench wall [RUNS]` builds a library of that many drawn rows in a temporary folder.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::canvas::sight::SightCache;
use app::canvas::textures::Thumbnails;
use app::insight::View;
use app::library::index::Index;
use app::library::query::{Filter, Order, find};
use app::library::reader::{Answer, Question, Reader};
use app::library::testing::{Sample, library};
use app::panels::{Panel, metrics::Metrics};
use app::rooms::runs::{self, Action, Shelf};
use app::state::{Document, Room, State};
use eframe::egui::{Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, RawInput, Rect, TouchPhase, Vec2, pos2, vec2};
use engine::domain::{Finding, GrayImage, Side};

/// The window.
const SIZE: Vec2 = Vec2::new(1600.0, 1000.0);
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

fn say(name: &str, value: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{name:<46} {value}").is_err() {
        std::process::abort();
    }
}

fn ms(began: Instant) -> String {
    format!("{:.1} ms", began.elapsed().as_secs_f64() * 1000.0)
}

fn main() {
    let runs = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(50_000);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let began = Instant::now();
    fill(dir.path(), runs);
    say(&format!("{runs} rows written"), ms(began));
    let before = memory_mib();
    questions(dir.path());
    frames(dir.path(), before);
}

/// Rows as a year of work leaves them.
fn fill(folder: &Path, runs: usize) {
    let db = library(folder);
    let thumbs: Vec<Vec<u8>> = (0..16u32)
        .map(|n| {
            let grey = |i: u32| (((i % 64) * (i / 64 + n)) % 256 * 257) as u16;
            let image = GrayImage::new(64, 64, (0..64 * 64).map(grey).collect()).expect("64 × 64 pixels");
            engine::imageio::png::encode_gray16(&image, &[]).expect("it encodes")
        })
        .collect();
    let words = ["apical", "basal", "small", "moderate", "large", "bilateral", "unchanged", "new", "subtle", "loculated"];
    db.connection.execute_batch("BEGIN").expect("a transaction");
    for i in 0..runs {
        let finding = Finding::ALL[i % 9];
        let side = if i % 5 < 2 { Side::Left } else { Side::Right };
        let layers = [(finding, side, false), (Finding::PleuralEffusion, Side::Left, true)];
        let layers = &layers[..[1, 2, 1, 0, 1, 1, 2][i % 7]];
        let text = format!("{} {} {}, {}. Number {i}.", words[i % 10], side.name(), finding.title(), words[i / 7 % 10]);
        Sample {
            impression: &text,
            seed: i as u64 * 7919 % 1_000_003,
            created_ms: (365 * DAY_MS) / runs as i64 * i as i64,
            model: ["Practice 256", "ChexGen 512"][usize::from(i % 3 == 0)],
            adherence: (i % 4 != 0).then(|| (i * 37 % 100) as f32 / 100.0),
            mark: ["", "", "", "", "star", "", "", "reject"][i % 8],
            recipe: if i % 6 == 0 { "nodule-size-grid" } else { "" },
            conflict: i % 50 == 0,
            layers,
            thumb: &thumbs[i % 16],
            parent: (i % 3 == 2).then_some(i as i64),
            relation: if i % 3 == 2 { "variant" } else { "" },
            ..Sample::default()
        }
        .insert(&db);
    }
    db.connection.execute_batch("COMMIT").expect("it is written");
}

fn questions(folder: &Path) {
    let began = Instant::now();
    let db = library(folder);
    let index = Index::load(&db.connection).expect("it reads");
    say("open and read all rows", ms(began));
    let now = 365 * DAY_MS;
    let ask = |name: &str, filter: &Filter, order: Order| {
        let mut best = Duration::MAX;
        let mut found = 0;
        for _ in 0..5 {
            let began = Instant::now();
            found = find(&db.connection, &index, filter, order, now, 0).expect("an answer").ids.len();
            best = best.min(began.elapsed());
        }
        say(&format!("{name}, {found} found"), format!("{:.1} ms", best.as_secs_f64() * 1000.0));
    };
    let text = |text: &str| Filter { text: text.to_owned(), ..Filter::default() };
    ask("first page and all facet counts", &Filter::default(), Order::Newest);
    ask(
        "two classes, a side, adherence ≥ 0.6",
        &Filter { findings: 3, sides: 1, adherence: Some((0.6, 1.0)), ..Filter::default() },
        Order::Newest,
    );
    ask("by adherence", &Filter::default(), Order::Best);
    ask("a rare word", &text("4711"), Order::Newest);
    ask("a word of every tenth run", &text("loculated"), Order::Newest);
    ask("a word of every run", &text("number"), Order::Newest);
    ask("two words and a phrase", &text("apical small \"left pneumothorax\""), Order::Newest);
    let began = Instant::now();
    let family = app::library::lineage::lineage(&db.connection, 30_000).expect("a family");
    say(&format!("lineage of {} nodes", family.nodes.len()), ms(began));
    drop(db);
    let reader = Reader::spawn(folder.to_path_buf(), || {}).expect("a thread");
    let began = Instant::now();
    reader.ask(Question::Find(Filter::default(), Order::Newest));
    wait_for(&reader);
    say("thread: open to first wall", ms(began));
}

fn wait_for(reader: &Reader) {
    while !matches!(reader.poll(), Some(Answer::Wall(_))) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The room without a window: one pass of layout and shapes, and their triangles.
struct Screen {
    ctx: Context,
    state: State,
    shelf: Shelf,
    thumbnails: Thumbnails,
    insight: View,
    pictures: SightCache,
    time: f64,
}

impl Screen {
    /// One frame; the time of layout and of triangles.
    fn frame(&mut self, events: Vec<Event>) -> Duration {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), SIZE)),
            time: Some(self.time),
            predicted_dt: 1.0 / 60.0,
            events,
            ..RawInput::default()
        };
        let mut out = Vec::new();
        let began = Instant::now();
        let output = self.ctx.run_ui(input, |ui| {
            let mut panel = Panel {
                state: &self.state,
                metrics: Metrics::for_window(SIZE),
                thumbnails: &mut self.thumbnails,
                pictures: &mut self.pictures,
                shelf: &mut self.shelf,
                tokens: None,
                condition: None,
                facts: app::images::Facts::default(),
                insight: &self.insight,
                out: &mut out,
            };
            runs::show(ui, &mut panel);
        });
        self.shelf.end_frame(&self.ctx);
        let primitives = self.ctx.tessellate(output.shapes.clone(), 1.0);
        let took = began.elapsed();
        drop(primitives);
        output.drop_without_applying_deltas();
        for action in out {
            if let app::action::Action::Runs(action) = action {
                self.act(action);
            }
        }
        while let Some(answer) = self.shelf.poll() {
            let (_, effects) = runs::answer(&mut self.state, answer);
            self.run(effects);
        }
        took
    }

    fn act(&mut self, action: Action) {
        let effects = runs::reduce(&mut self.state, action);
        self.run(effects);
    }

    fn run(&mut self, effects: Vec<app::action::Effect>) {
        for effect in effects {
            if let app::action::Effect::Runs(runs::Effect::Ask(question)) = effect {
                self.shelf.ask(question).expect("the thread listens");
            }
        }
    }
}

fn frames(folder: &Path, before_mib: f64) {
    let ctx = Context::default();
    app::theme::install(&ctx);
    let mut state = State::new(Document::empty(64), "saved".into());
    state.room = Room::Runs;
    let shelf = Shelf::new(folder.to_path_buf(), || {});
    let mut screen = Screen {
        ctx,
        state,
        shelf,
        thumbnails: Thumbnails::default(),
        insight: View::default(),
        pictures: SightCache::default(),
        time: 0.0,
    };
    screen.act(Action::Refresh);
    while screen.state.runs.wall.is_none() {
        screen.frame(Vec::new());
        std::thread::sleep(Duration::from_millis(1));
    }
    // The first pictures, and what egui makes once.
    for _ in 0..40 {
        screen.frame(vec![Event::PointerMoved(pos2(700.0, 500.0))]);
        std::thread::sleep(Duration::from_millis(3));
    }
    let id = screen.state.runs.ids()[0];
    screen.act(Action::Choose(id, runs::state::Pick::Only));
    let still = times(&mut screen, 120, |_| Vec::new());
    say("frame, still, median / 99th of 100", still);
    let wheel = |points: f32| Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, -points),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    };
    let slow = times(&mut screen, 600, |_| vec![wheel(40.0)]);
    say("frame, scrolling 40 points each", slow);
    let fast = times(&mut screen, 600, |_| vec![wheel(1500.0)]);
    say("frame, scrolling 1500 points each", fast);
    // Everything once, in 2000 jumps.
    let far = screen.state.runs.ids().len() as i64;
    let jump = (far / 2000).max(1);
    let mut all: Vec<Duration> = Vec::new();
    screen.act(Action::Move { by: -far, extend: false });
    for _ in 0..2000 {
        screen.act(Action::Move { by: jump, extend: false });
        all.push(screen.frame(Vec::new()));
    }
    say("frame, from the first run to the last", percentiles(all));
    say("textures kept", screen.shelf.textures());
    say("memory of index, answers and pictures", format!("{:.0} MiB", memory_mib() - before_mib));
    let index = Arc::clone(&screen.state.runs.wall.as_ref().expect("a wall").index);
    say("bytes of a row in memory", std::mem::size_of_val(index.rows()) / index.rows().len().max(1));
}

fn times(screen: &mut Screen, n: usize, events: impl Fn(usize) -> Vec<Event>) -> String {
    let mut all = Vec::new();
    for i in 0..n {
        all.push(screen.frame(events(i)));
        // As a screen of 60 frames a second leaves time to the other threads.
        std::thread::sleep(Duration::from_millis(2));
    }
    percentiles(all)
}

fn percentiles(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    format!("{:.2} / {:.2} ms, worst {:.2}", at(0.5), at(0.99), at(1.0))
}

/// Resident memory in MiB; zero where the system does not tell.
fn memory_mib() -> f64 {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = told.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
