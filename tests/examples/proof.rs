//! The whole proof of the analysis by simulated readers; prints the tables that stand in `tests/runs`.
//!
//! `cargo run --release -p tests --example proof -- [REPETITIONS] [FIRST_SEED]`

use std::error::Error;
use std::io::{self, Write as _};

use engine::cancel::Cancel;
use study::simulate::proof::{Bench, Setup};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let repetitions: usize = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let first: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let mut out = io::stdout();
    for (name, effect, image_sd) in [
        ("planted effect", 0.8, 0.0),
        ("no effect", 0.0, 0.0),
        ("planted effect, images differ for all readers alike", 0.8, 1.0),
        ("no effect, images differ for all readers alike", 0.0, 1.0),
    ] {
        let setup = Setup { image_sd, ..Setup::usual(effect) };
        writeln!(
            out,
            "\n{name}: {} cases, 2 arms, {} readers, {repetitions} repetitions, {} resamples",
            setup.cases,
            setup.readers.len(),
            setup.resamples
        )?;
        let bench = Bench::new(setup, folder.path())?;
        let proof = bench.prove(first, repetitions, &Cancel::new(), &mut |_| ())?;
        write!(out, "{}", proof.table())?;
    }
    Ok(())
}
