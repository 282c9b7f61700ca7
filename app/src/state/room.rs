//! The rooms of the studio.

use crate::theme::icons::Icon;

/// A room on the rail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Room {
    /// Draw, type and watch an image form.
    #[default]
    Canvas,
    /// The queue and every image made before.
    Runs,
    /// Images side by side.
    Compare,
    /// Many images from a recipe.
    DataSets,
    /// Blinded reader studies.
    Reading,
    /// Metrics against a reference set.
    Evaluate,
    /// Trainings while they run, and models.
    Train,
}

impl Room {
    /// All rooms in the order of the rail and of the keys `Ctrl+1` to `Ctrl+7`.
    pub const ALL: [Self; 7] =
        [Self::Canvas, Self::Runs, Self::Compare, Self::DataSets, Self::Reading, Self::Evaluate, Self::Train];

    /// The word below its icon.
    pub fn title(self) -> &'static str {
        match self {
            Self::Canvas => "Canvas",
            Self::Runs => "Runs",
            Self::Compare => "Compare",
            Self::DataSets => "Data sets",
            Self::Reading => "Reading",
            Self::Evaluate => "Evaluate",
            Self::Train => "Train",
        }
    }

    /// The name of the command that opens it, which has the key.
    pub fn command(self) -> &'static str {
        match self {
            Self::Canvas => "room.canvas",
            Self::Runs => "room.runs",
            Self::Compare => "room.compare",
            Self::DataSets => "room.data-sets",
            Self::Reading => "room.reading",
            Self::Evaluate => "room.evaluate",
            Self::Train => "room.train",
        }
    }

    /// One line what it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Canvas => "Draw, type and watch an image form",
            Self::Runs => "The queue and every image made before",
            Self::Compare => "Images side by side, by swipe, blink and difference",
            Self::DataSets => "Many images from a recipe with quotas and checks",
            Self::Reading => "Blinded reader studies, from design to report",
            Self::Evaluate => "Metrics against a reference set; not built yet",
            Self::Train => "Trainings while they run, and the models the studio knows",
        }
    }

    /// Its icon.
    pub fn icon(self) -> Icon {
        match self {
            Self::Canvas => Icon::Canvas,
            Self::Runs => Icon::Runs,
            Self::Compare => Icon::Compare,
            Self::DataSets => Icon::DataSets,
            Self::Reading => Icon::Reading,
            Self::Evaluate => Icon::Evaluate,
            Self::Train => Icon::Train,
        }
    }

    /// Whether there is anything in it yet.
    pub fn is_built(self) -> bool {
        !matches!(self, Self::Evaluate)
    }
}
