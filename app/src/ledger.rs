//! How much memory the program takes, for the ledger in the status bar.

use std::time::{Duration, Instant};

use crate::state::State;

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Memory of this program and of the machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What the program has in memory.
    pub used: u64,
    /// What the machine has in all.
    pub total: u64,
}

impl Memory {
    /// The numbers now; `None` where the system does not tell them in this way.
    pub fn now() -> Option<Self> {
        // Two small files of the kernel, answered from memory.
        let bytes = |path: &str, field: &str| {
            let text = std::fs::read_to_string(path).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
        };
        Some(Self { used: bytes("/proc/self/status", "VmRSS:")?, total: bytes("/proc/meminfo", "MemTotal:")? })
    }
}

/// Looks now and then, whenever the window is drawn anyway.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last: Option<Instant>,
}

impl Ledger {
    /// Puts the numbers into the state, once a second at most.
    pub(crate) fn look(&mut self, state: &mut State) {
        if self.last.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.last = Some(Instant::now());
            state.memory = Memory::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_plausible() {
        if cfg!(target_os = "linux") {
            let memory = Memory::now().expect("the kernel tells them");
            assert!(memory.used > 1 << 20 && memory.used < memory.total, "{memory:?}");
        }
    }
}
