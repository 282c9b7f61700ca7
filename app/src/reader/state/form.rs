//! Consent and experience: what a reader tells about themselves. No name is asked for.

/// Years of reading chest radiographs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Years {
    /// In training.
    Training,
    /// Fewer than five after training.
    UnderFive,
    /// Five to ten.
    FiveToTen,
    /// More than ten.
    OverTen,
}

impl Years {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Training, Self::UnderFive, Self::FiveToTen, Self::OverTen];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Training => "In training",
            Self::UnderFive => "Under 5 years",
            Self::FiveToTen => "5 to 10 years",
            Self::OverTen => "Over 10 years",
        }
    }
}

/// The form as far as it is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether the reader agrees.
    pub agreed: bool,
    /// Years of experience.
    pub years: Option<Years>,
    /// Special training, in the reader's words.
    pub training: String,
}

impl Form {
    /// What is still to be told, as a sentence.
    pub fn missing(&self) -> Option<&'static str> {
        if !self.agreed {
            Some("Tick the consent to go on, or close the window.")
        } else if self.years.is_none() {
            Some("Choose your years of experience.")
        } else {
            None
        }
    }
}
