//! Entry of `chexgen`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;

#[expect(clippy::print_stderr, reason = "the program's one place for errors")]
fn main() -> ExitCode {
    engine::allocator::keep_large_blocks();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("CHEXGEN_LOG"))
        .with_writer(std::io::stderr)
        .init();
    match trainer::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) if error.is::<trainer::ranks::Elsewhere>() || trainer::sentence::is_closed_pipe(&error) => ExitCode::from(1),
        Err(error) => {
            eprintln!("chexgen: {}{}", trainer::ranks::title(), trainer::sentence::of(&error));
            ExitCode::from(1)
        }
    }
}
