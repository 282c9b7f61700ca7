//! Times of repeated runs and the memory they took.

use std::time::Instant;

use anyhow::Result;
use engine::device::DeviceKind;
use serde::Serialize;

use super::Bench;

/// What was measured of one bench.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct Measured {
    /// Which bench.
    pub name: String,
    /// Median time of a run.
    pub median_ms: f64,
    /// Shortest time of a run.
    pub min_ms: f64,
    /// Timed runs.
    pub runs: usize,
    /// Most memory the process had, weights included; 0 where the system does not tell.
    pub peak_mib: f64,
    /// Threads used on the CPU.
    pub threads: usize,
    /// Where it ran.
    pub device: String,
}

impl Measured {
    /// Prepares a bench, runs it and takes the times. To tell its memory it must have the process for itself.
    ///
    /// # Errors
    /// Those of the bench.
    pub fn of(bench: &Bench, device: DeviceKind, runs: Option<usize>) -> Result<Self> {
        let mut work = bench.prepare(device)?;
        if bench.warm_up {
            work()?;
        }
        let runs = runs.unwrap_or(bench.runs).max(1);
        let mut times_ms = Vec::with_capacity(runs);
        for _ in 0..runs {
            let start = Instant::now();
            work()?;
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times_ms.sort_by(f64::total_cmp);
        let middle = runs / 2;
        let median_ms = if runs % 2 == 1 { times_ms[middle] } else { (times_ms[middle - 1] + times_ms[middle]) / 2. };
        Ok(Self {
            name: bench.name.to_owned(),
            median_ms,
            min_ms: times_ms[0],
            runs,
            peak_mib: peak_mib().unwrap_or(0.),
            threads: candle_core::utils::get_num_threads(),
            device: device.to_string(),
        })
    }
}

/// The most memory this process ever had, in MiB, where the system tells (Linux does).
pub fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_all_runs() {
        let bench = Bench {
            name: "sleep",
            about: "",
            runs: 3,
            warm_up: true,
            prepare: |_| {
                let mut count = 0;
                Ok(Box::new(move || {
                    count += 1;
                    // The run ahead, then 1, 40 and 4 ms.
                    std::thread::sleep(std::time::Duration::from_millis([90, 1, 40, 4][count - 1]));
                    Ok(())
                }))
            },
        };
        let measured = Measured::of(&bench, DeviceKind::Cpu, None).expect("runs");
        assert!((4.0..40.0).contains(&measured.median_ms), "{measured:?}");
        assert!(measured.min_ms < measured.median_ms && measured.runs == 3 && measured.peak_mib > 1.0, "{measured:?}");
    }
}
