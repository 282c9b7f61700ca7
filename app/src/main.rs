//! Arguments, messages before there is a window, and the window itself.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use app::app::{Options, StudioApp};
use app::cli::{self, HEADLESS, Wish};
use app::jobs::{engine_model, files};
use app::reader;
use eframe::egui::ViewportBuilder;

fn main() -> ExitCode {
    let began = Instant::now();
    engine::allocator::keep_large_blocks();
    let arguments = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Wish::Run(arguments)) => arguments,
        Ok(Wish::Read(arguments)) => {
            log_to_stderr();
            return reader::start::run(arguments);
        }
        Ok(Wish::HelpToRead) => return say(reader::cli::HELP, ExitCode::SUCCESS),
        Ok(Wish::Help) => return say(cli::HELP, ExitCode::SUCCESS),
        Ok(Wish::Version) => return say(concat!("ChexGen Studio ", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        Err(sentence) => return complain(&format!("chexgen-studio: {sentence}"), ExitCode::from(2)),
    };
    log_to_stderr();
    if !reader::start::has_display() {
        let sentence =
            format!("There is no display to open a window on; the program beside this one does the same work: {HEADLESS}");
        return complain(&sentence, ExitCode::FAILURE);
    }
    let options = Options {
        data_folder: arguments.data.unwrap_or_else(files::default_data_folder),
        save_folder: arguments.save.unwrap_or_else(files::default_save_folder),
        open: arguments.open,
        began,
    };
    // Settings that cannot be read are told in the window.
    let remembered = app::settings::file::read(&options.data_folder).unwrap_or_default();
    let size = remembered.window.unwrap_or([1600.0, 1000.0]);
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("ChexGen Studio")
            .with_app_id("chexgen-studio")
            .with_inner_size(size)
            .with_min_inner_size([1100.0, 700.0])
            .with_clamp_size_to_monitor_size(true)
            .with_drag_and_drop(true),
        // Grey values are shown as they are.
        dithering: false,
        ..eframe::NativeOptions::default()
    };
    // The model of the last time, unless another is named or it is gone.
    let last = remembered.model.filter(|folder| folder.join("model.toml").is_file());
    let opener = engine_model::opener(arguments.model.or(last));
    match eframe::run_native("ChexGen Studio", native, Box::new(|cc| Ok(Box::new(StudioApp::new(cc, opener, options))))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let sentence =
                format!("The window could not be opened ({error}); the program beside this one does the same work: {HEADLESS}");
            complain(&sentence, ExitCode::FAILURE)
        }
    }
}

fn log_to_stderr() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn say(words: &str, code: ExitCode) -> ExitCode {
    if writeln!(std::io::stdout(), "{words}").is_ok() { code } else { ExitCode::FAILURE }
}

fn complain(words: &str, code: ExitCode) -> ExitCode {
    if writeln!(std::io::stderr(), "{words}").is_ok() { code } else { ExitCode::FAILURE }
}
