//! The display check: grey steps, rings that are open on one side, the size of a pixel and the light in the room.

/// Grey steps from black to white.
pub const STEPS: usize = 16;

/// On which side a ring is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the four sides of a ring")]
pub enum Side {
    Up,
    Right,
    Down,
    Left,
}

impl Side {
    /// All sides, clockwise.
    pub const ALL: [Self; 4] = [Self::Up, Self::Right, Self::Down, Self::Left];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "Up",
            Self::Right => "Right",
            Self::Down => "Down",
            Self::Left => "Left",
        }
    }

    /// Its key.
    pub const fn arrow(self) -> &'static str {
        match self {
            Self::Up => "↑",
            Self::Right => "→",
            Self::Down => "↓",
            Self::Left => "←",
        }
    }
}

/// A ring: its ground and its ink as grey levels 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Around it.
    pub ground: u8,
    /// The ring.
    pub ink: u8,
    /// Where it is open.
    pub open: Side,
    /// What it tests.
    pub what: &'static str,
}

/// Ground and ink of the rings: near black, in the middle, near white, and fine lines.
const RINGS: [(u8, u8, &str); 4] =
    [(12, 20, "Dark greys"), (120, 128, "Middle greys"), (236, 245, "Light greys"), (40, 170, "Fine lines")];

/// How light the room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambient {
    /// As a reporting room.
    Dark,
    /// One can read paper.
    Dim,
    /// As an office, or daylight.
    Bright,
}

impl Ambient {
    /// All of them, darkest first.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Dim, Self::Bright];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "Dark, as a reporting room",
            Self::Dim => "Dim",
            Self::Bright => "Bright, as an office",
        }
    }

    /// As it is written into the answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Dim => "dim",
            Self::Bright => "bright",
        }
    }
}

/// The display check as far as it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The rings.
    pub rings: [Ring; 4],
    /// What was answered for each.
    pub seen: [Option<Side>; 4],
    /// Whether all grey steps can be told apart.
    pub steps: Option<bool>,
    /// The light in the room.
    pub ambient: Option<Ambient>,
    /// Words on room and screen.
    pub surroundings: String,
}

impl Check {
    /// Rings whose open sides follow from a seed, so that one cannot learn them by heart.
    pub fn new(seed: u64) -> Self {
        let mut at = seed;
        let rings = RINGS.map(|(ground, ink, what)| {
            // Steele, Lea and Flood's SplitMix64; only the two highest bits are used.
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Ring { ground, ink, open: Side::ALL[(mixed >> 62) as usize], what }
        });
        Self { rings, seen: [None; 4], steps: None, ambient: None, surroundings: String::new() }
    }

    /// The first ring without an answer.
    pub fn ring(&self) -> Option<usize> {
        self.seen.iter().position(Option::is_none)
    }

    /// Rings seen right, and all.
    pub fn right(&self) -> (u32, u32) {
        let right = self.rings.iter().zip(&self.seen).filter(|(r, s)| **s == Some(r.open)).count();
        (right as u32, self.rings.len() as u32)
    }

    /// What is still to be answered, as a sentence.
    pub fn missing(&self) -> Option<&'static str> {
        if self.steps.is_none() {
            Some("Say whether all grey steps can be told apart.")
        } else if self.ring().is_some() {
            Some("Say for each ring on which side it is open.")
        } else if self.ambient.is_none() {
            Some("Say how light the room is.")
        } else {
            None
        }
    }

    /// What was found, as a sentence, when all was answered.
    pub fn verdict(&self) -> Option<(bool, String)> {
        if self.missing().is_some() {
            return None;
        }
        let (right, all) = self.right();
        let steps = self.steps == Some(true);
        Some(match (steps, right == all) {
            (true, true) => (true, "The display passes: all grey steps and all rings were seen.".to_owned()),
            (false, true) => {
                (false, "Not all grey steps were seen. Raise the screen’s brightness or darken the room if you can.".to_owned())
            }
            (_, false) => (
                false,
                format!(
                    "{right} of {all} rings were seen. Raise the screen’s brightness, darken the room or sit closer if you can."
                ),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_differ_with_the_seed_and_open_to_all_sides() {
        let open = |seed| Check::new(seed).rings.map(|r| r.open);
        assert_eq!(open(7), open(7));
        let all: Vec<Side> = (0..16).flat_map(open).collect();
        assert!(Side::ALL.iter().all(|s| all.contains(s)));
        assert_ne!(open(1), open(2));
    }

    #[test]
    fn the_verdict_names_what_was_not_seen() {
        let mut check = Check::new(3);
        assert!(check.verdict().is_none());
        check.seen = check.rings.map(|r| Some(r.open));
        (check.steps, check.ambient) = (Some(true), Some(Ambient::Dim));
        assert!(check.verdict().is_some_and(|(passes, _)| passes));
        check.steps = Some(false);
        assert!(check.verdict().is_some_and(|(passes, why)| !passes && why.contains("grey steps")));
        check.seen[1] = Some(Side::ALL[(check.rings[1].open as usize + 1) % 4]);
        assert!(check.verdict().is_some_and(|(passes, why)| !passes && why.starts_with("3 of 4 rings")));
    }
}
