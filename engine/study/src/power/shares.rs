//! Power where images are chosen, or answers are right or wrong: shares of the readers' answers.
//!
//! A study is drawn from hidden normal values of case, image, reader and reading; those below a cut are hits. It is tested as
//! the report does it: each case counts once with the mean of its readers, and an interval by case of 95 % (at the usual level)
//! has to leave out what guessing, or reading without help, gives.

use engine::statistics::distributions::normal_quantile;
use engine::statistics::paired_t;

use super::PowerError;
use crate::draw::{Draw, Use};

/// What a share is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Against {
    /// What guessing gives: 0.5 of two images, 0.25 of four.
    Guessing(f64),
    /// The share of the same cases without help.
    Without(f64),
}

/// What is assumed of answers that are hits or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Readers, each of whom answers to every case.
    pub readers: usize,
    /// The share that is expected: of choices for the first arm, of real images found, of right answers with help.
    pub share: f64,
    /// What it is compared with.
    pub against: Against,
    /// Share of the hidden variance that a case gives to all its answers: plain and hard cases.
    pub case_share: f64,
    /// Share between readers: some see more than others; of answers with and without help only.
    pub reader_share: f64,
    /// Level of the two-sided test.
    pub level: f64,
}

impl Shares {
    /// Usual readers and cases: case and images give half of what decides, readers a twentieth.
    pub fn usual(readers: usize, share: f64, against: Against) -> Self {
        Self { readers, share, against, case_share: 0.5, reader_share: 0.05, level: 0.05 }
    }

    /// Checks the figures.
    ///
    /// # Errors
    /// One sentence that names the field.
    pub fn check(&self) -> Result<(), PowerError> {
        let fault = |field, what: String| Err(PowerError::Assumption { field, what });
        if !(1..=50).contains(&self.readers) {
            return fault("readers", format!("{} readers were given; 1 to 50 are possible", self.readers));
        }
        let inside = |share: f64| (0.01..=0.99).contains(&share);
        if !inside(self.share) {
            return fault("share", format!("{} was given; a share lies between 0.01 and 0.99", self.share));
        }
        if let Against::Without(without) = self.against
            && !inside(without)
        {
            return fault("without", format!("{without} was given; a share lies between 0.01 and 0.99"));
        }
        if !(0.0001..=0.5).contains(&self.level) {
            return fault("level", format!("{} was given; a level lies in 0.0001 to 0.5, usually 0.05", self.level));
        }
        Ok(())
    }

    /// p of one drawn study.
    pub(super) fn p(&self, cases: usize, seed: u64, study: u32) -> f64 {
        let mut chance = Draw::new(seed, Use::Power, study);
        // A reader who leans to one arm has found a difference; skill, which both conditions share, is by chance.
        let reader_share = if matches!(self.against, Against::Without(_)) { self.reader_share } else { 0.0 };
        let (case_sd, reader_sd) = (self.case_share.sqrt(), reader_share.sqrt());
        let rest_sd = (1.0 - self.case_share - reader_share).max(0.0).sqrt();
        let readers: Vec<f64> = (0..self.readers).map(|_| reader_sd * chance.normal()).collect();
        let cut = normal_quantile(self.share);
        let (mut hits, mut against) = (Vec::with_capacity(cases), Vec::with_capacity(cases));
        for _ in 0..cases {
            let case = case_sd * chance.normal();
            let mut mean = |cut: f64| {
                let hit = |reader: &f64| case + reader + rest_sd * chance.normal() < cut;
                readers.iter().map(hit).filter(|hit| *hit).count() as f64 / self.readers as f64
            };
            hits.push(mean(cut));
            against.push(match self.against {
                Against::Guessing(share) => share,
                Against::Without(share) => mean(normal_quantile(share)),
            });
        }
        // Cases that are all alike have no interval, so nothing is found.
        paired_t(&hits, &against).map_or(1.0, |test| test.p)
    }
}
