//! Named pieces of work with full-size networks and random weights, and how long each takes.
//!
//! Times depend on the sizes only, so random weights tell as much as trained ones.

mod kernels;
mod measure;
mod networks;
mod practice;
mod training;
pub(crate) mod weights;

use anyhow::{Result, bail};
use engine::device::DeviceKind;

pub use measure::{Measured, peak_mib};

/// One run of a piece of work.
pub type Work = Box<dyn FnMut() -> Result<()>>;

/// Makes weights and inputs on a device.
type Prepare = fn(DeviceKind) -> Result<Work>;

/// A piece of work by name.
pub struct Bench {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Runs that are timed if nobody says how many.
    pub runs: usize,
    /// Whether a run that is not timed goes ahead; a cold start has none.
    pub warm_up: bool,
    prepare: Prepare,
}

impl Bench {
    /// Makes weights and inputs; the result may be run any number of times.
    ///
    /// # Errors
    /// When the device cannot be used or memory does not suffice.
    pub fn prepare(&self, device: DeviceKind) -> Result<Work> {
        (self.prepare)(device)
    }
}

/// Everything that can be measured, large things first.
pub fn all() -> Vec<Bench> {
    let networks = networks::BENCHES.iter().chain(training::BENCHES).chain(practice::BENCHES);
    networks
        .chain(kernels::BENCHES)
        .map(|(name, about, runs, warm_up, prepare)| Bench { name, about, runs: *runs, warm_up: *warm_up, prepare: *prepare })
        .collect()
}

/// Name, description, timed runs, whether a run goes ahead, and how it is prepared.
type Row = (&'static str, &'static str, usize, bool, Prepare);

/// The benches of the given names, in that order; `kernels` stands for all kernels, none for everything.
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn choose(names: &[String]) -> Result<Vec<Bench>> {
    if names.is_empty() {
        return Ok(all());
    }
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        let is_kernel = |bench: &Bench| kernels::BENCHES.iter().any(|row| row.0 == bench.name);
        chosen.extend(all().into_iter().filter(|bench| bench.name == name || (name == "kernels" && is_kernel(bench))));
        if chosen.len() == before {
            let known: Vec<&str> = all().iter().map(|bench| bench.name).collect();
            bail!("bench is {name:?}; choose kernels or some of {}", known.join(", "));
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_unknown_ones_are_listed() {
        let names: std::collections::BTreeSet<&str> = all().iter().map(|bench| bench.name).collect();
        assert_eq!(names.len(), all().len());
        for wanted in
            ["dit-xl2-256", "dit-xl2-512", "control-xl2-512", "vae-decode-512", "t5-xxl-120", "train-dit-s2", "practice"]
        {
            assert!(names.contains(wanted), "{wanted}");
        }
        let error = choose(&["dit".to_owned()]).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("\"dit\"") && error.contains("dit-xl2-256"), "{error}");
    }

    #[test]
    fn every_kernel_runs_twice_with_the_same_work() {
        for bench in choose(&["kernels".to_owned()]).expect("known") {
            let mut work = bench.prepare(DeviceKind::Cpu).unwrap_or_else(|error| panic!("{}: {error}", bench.name));
            for _ in 0..2 {
                work().unwrap_or_else(|error| panic!("{}: {error}", bench.name));
            }
        }
    }
}
