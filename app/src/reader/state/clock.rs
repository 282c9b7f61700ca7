//! Active time: seconds that somebody looked, pauses left out.
//!
//! Seconds come from a clock that only goes forward; a change of the computer's date does not touch them.

/// A clock that is stopped and started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    gathered: f64,
    since: Option<f64>,
}

impl Clock {
    /// A clock that runs from now on, with seconds of an earlier sitting.
    pub fn started(now: f64, earlier: f64) -> Self {
        Self { gathered: earlier.max(0.0), since: Some(now) }
    }

    /// A clock that stands, with seconds of an earlier sitting.
    pub fn earlier(seconds: f64) -> Self {
        Self { gathered: seconds.max(0.0), since: None }
    }

    /// Goes on.
    pub fn start(&mut self, now: f64) {
        self.since.get_or_insert(now);
    }

    /// Stands still.
    pub fn stop(&mut self, now: f64) {
        self.gathered = self.read(now);
        self.since = None;
    }

    /// Seconds until now.
    pub fn read(&self, now: f64) -> f64 {
        self.gathered + self.since.map_or(0.0, |since| (now - since).max(0.0))
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count() {
        let mut clock = Clock::started(10.0, 0.0);
        clock.stop(14.0);
        assert_eq!(clock.read(100.0), 4.0);
        clock.start(100.0);
        clock.start(102.0);
        assert_eq!(clock.read(103.5), 7.5);
        assert_eq!(clock.read(99.0), 4.0, "time that runs backwards counts nothing");
    }

    #[test]
    fn seconds_of_an_earlier_sitting_count() {
        assert_eq!(Clock::started(3.0, 8.5).read(4.0), 9.5);
    }
}
