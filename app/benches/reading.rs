//! What the reading window costs: from Enter to the next image, and one event of the answers on the disk.
//!
//! `cargo bench -p app --bench reading [-- FOLDER]`. Answers go to a real file in FOLDER (a temporary one by default) with
//! full synchronisation; pictures are decoded from 16-bit PNG by the window's own thread. "Drawn" is the time until the
//! picture was rendered and read back by the renderer of the tests, where there is one.

#![expect(clippy::print_stdout, reason = "the times are its output")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::reader::action::Action;
use app::reader::desk::{Book, Entry};
use app::reader::door::{self, Begun, Opened};
use app::reader::plates::Source;
use app::reader::state::{Begun as Past, Stage};
use app::reader::testing::{Drawn, sealed};
use app::reader::{Options, ReaderApp};
use eframe::egui::{Key, Vec2};
use egui_kittest::Harness;
use engine::domain::GrayImage;
use engine::imageio::png::{decode_gray, encode_gray16};
use study::answers::{Event, Moment};
use study::template::Template;

/// Images that are read.
const IMAGES: usize = 200;
/// Different pictures among them.
const PICTURES: usize = 8;

/// Files of pictures in memory; names take turns with them.
struct Files(Vec<Vec<u8>>);

impl Source for Files {
    fn picture(&self, name: &str) -> Result<GrayImage, String> {
        let at = name.bytes().fold(0usize, |a, b| a.wrapping_mul(31).wrapping_add(usize::from(b))) % self.0.len();
        decode_gray(&self.0[at], "a picture").map_err(|e| e.to_string())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let named = std::env::args().nth(1).filter(|a| !a.starts_with("--"));
    let folder = named.as_deref().map_or(temporary.path(), Path::new);
    println!("reading: ms, median / 95th percentile / most");
    events(folder)?;
    for side in [1024, 2048] {
        let pictures: Result<Vec<_>, Box<dyn Error>> =
            (0..PICTURES).map(|i| Ok(encode_gray16(&Drawn(side).picture(&format!("picture {i}"))?, &[])?)).collect();
        let files = Arc::new(Files(pictures?));
        for (what, looks, drawn) in
            [("laid out", true, false), ("laid out, without looking", false, false), ("drawn", true, true)]
        {
            match read(folder, side, Arc::clone(&files), looks, drawn) {
                Ok(times) => report(&format!("Enter to the next image at {side}², {what}"), times),
                Err(why) => println!("Enter to the next image at {side}², {what}: not measured, {why}"),
            }
        }
    }
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |t: Option<&Duration>| t.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3);
    let n = times.len();
    println!(
        "{what:<62} {:7.1} / {:7.1} / {:7.1}   n = {n}",
        ms(times.get(n / 2)),
        ms(times.get(n * 95 / 100)),
        ms(times.last())
    );
}

/// A study in a fresh folder whose beginning is over.
fn begun(folder: &Path) -> Result<(tempfile::TempDir, Begun), Box<dyn Error>> {
    let dir = tempfile::tempdir_in(folder)?;
    let study = sealed(dir.path(), Template::ReportAlignment, &["R1"], IMAGES / 2, 32)?;
    let options = Options { study, reader: None, answers: None, text_percent: 100 };
    match door::open(&options, None, 0) {
        Opened::Begun(mut begun) => {
            begun.state.begun = Past { consent: true, display: true, practice: 99, round: 0 };
            Ok((dir, *begun))
        }
        Opened::Refused(why) => Err(why.into()),
        Opened::Choose(_) => Err("the study has one reader".into()),
    }
}

/// One event after another, each on the disk before the next.
fn events(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (_dir, begun) = begun(folder)?;
    let mut book: Box<dyn Book> = begun.book;
    let mut times = Vec::new();
    for number in 1..=400 {
        let moment = Moment { wall_ms: number, mono_secs: number as f64 };
        let event = Event::Chosen { trial: 1, criterion: 0, value: 1, seconds: 1.0 };
        let began = Instant::now();
        book.write(&Entry { number: number as u64, moment, event })?;
        times.push(began.elapsed());
    }
    report("one event, on the disk", times);
    Ok(())
}

/// Reads all images by keys.
fn read(folder: &Path, side: u32, files: Arc<Files>, looks: bool, drawn: bool) -> Result<Vec<Duration>, Box<dyn Error>> {
    let (_dir, mut begun) = begun(folder)?;
    begun.source = files;
    let mut sheet = (*begun.state.sheet).clone();
    sheet.image_px = [side; 2];
    begun.state.sheet = Arc::new(sheet);
    let mut builder = Harness::builder().with_size(Vec2::new(1920.0, 1200.0)).with_max_steps(64);
    if drawn {
        builder = builder.wgpu();
    }
    let mut h: Harness<'static, ReaderApp> = builder.build_eframe(move |cc| ReaderApp::with(cc, begun));
    h.run_steps(2);
    let mut times = Vec::new();
    while times.len() < IMAGES {
        if h.state().state().is_some_and(|s| matches!(s.stage, Stage::Rest(_))) {
            h.state_mut().act(Action::Next);
        }
        let at = until_shown(&mut h, None)?;
        if looks {
            // A reader looks at an image for seconds; the next one is decoded in that time.
            until(&mut h, |app| {
                app.state().is_some_and(|s| {
                    let next = s.sheet.trials.get(at + 1).map(|t| t.images.clone()).unwrap_or_default();
                    next.iter().all(|name| s.pictures.iter().any(|(n, _)| n == name))
                })
            })?;
        }
        h.key_press(Key::Num4);
        h.step();
        let began = Instant::now();
        h.key_press(Key::Enter);
        h.step();
        let next = until_shown(&mut h, Some(at))?;
        if drawn && next != usize::MAX {
            h.render()?;
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Steps until the image of another trial, a break or the end is there.
fn until_shown(h: &mut Harness<'static, ReaderApp>, before: Option<usize>) -> Result<usize, Box<dyn Error>> {
    let place = |app: &ReaderApp| match app.state().map(|s| (&s.stage, s.turn.was_shown)) {
        Some((Stage::Trial(at), true)) if Some(*at) != before => Some(*at),
        Some((Stage::Rest(_) | Stage::Done, _)) if before.is_some() => Some(usize::MAX),
        _ => None,
    };
    until(h, |app| place(app).is_some())?;
    Ok(place(h.state()).unwrap_or(usize::MAX))
}

fn until(h: &mut Harness<'static, ReaderApp>, holds: impl Fn(&ReaderApp) -> bool) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    while !holds(h.state()) {
        if began.elapsed() > Duration::from_secs(60) {
            return Err("the window does not get on".into());
        }
        h.step();
    }
    Ok(())
}
