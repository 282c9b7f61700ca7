//! Opens the window of a study, or says in one sentence why there is none.

use std::io::Write as _;
use std::process::ExitCode;

use eframe::egui::ViewportBuilder;

use super::cli::Arguments;
use super::window::ReaderApp;

/// Title of the window.
pub const TITLE: &str = "ChexGen reader";

/// Runs the reading window until it is closed. No model is opened, and no other file than the study and the answers.
pub fn run(arguments: Arguments) -> ExitCode {
    if !has_display() {
        return complain("There is no display to open a window on; a study is read on a screen.");
    }
    let viewport = ViewportBuilder::default()
        .with_title(TITLE)
        .with_app_id("chexgen-reader")
        .with_inner_size([1600.0, 1000.0])
        .with_min_inner_size([800.0, 600.0])
        .with_clamp_size_to_monitor_size(true)
        .with_fullscreen(!arguments.windowed);
    // Grey values are shown as they are.
    let native = eframe::NativeOptions { viewport, dithering: false, ..eframe::NativeOptions::default() };
    match eframe::run_native(TITLE, native, Box::new(|cc| Ok(Box::new(ReaderApp::new(cc, arguments.options))))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("The window could not be opened ({error}).")),
    }
}

/// Whether there is something to open a window on.
pub fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY") || set("WAYLAND_SOCKET")
}

fn complain(words: &str) -> ExitCode {
    // Without a place to complain to, the exit code tells.
    drop(writeln!(std::io::stderr(), "{words}"));
    ExitCode::FAILURE
}
