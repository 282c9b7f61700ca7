//! Words of files for the studio's lists: one name a choice, read back strictly.

use std::fmt::Display;

use engine::domain::{Finding, Side};
use engine::phantom::{LesionSize, Zone};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize as _, Deserializer, Serializer};

use super::row::Class;
use crate::state::{Group, Sex, View};

/// A choice with a word in files.
pub trait Named: Copy + PartialEq + 'static {
    /// What is chosen, as in "side".
    const WHAT: &'static str;

    /// All choices.
    fn all() -> Vec<Self>;

    /// Its word.
    fn word(self) -> &'static str;

    /// The choice of a word, in any case.
    ///
    /// # Errors
    /// One phrase that names the choices.
    fn parse(text: &str) -> Result<Self, String> {
        let key = text.trim().to_ascii_lowercase();
        Self::all().into_iter().find(|choice| choice.word() == key).ok_or_else(|| {
            let known: Vec<&str> = Self::all().into_iter().map(Self::word).collect();
            format!("{} is {text:?}; choose one of {}", Self::WHAT, known.join(", "))
        })
    }
}

impl Named for Class {
    const WHAT: &'static str = "finding";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "normal" | "none" | "no finding" | "no_finding" => Ok(Self::Normal),
            _ => text.parse::<Finding>().map(Self::Finding).map_err(|_| {
                let known: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
                format!("finding is {text:?}; choose one of {}", known.join(", "))
            }),
        }
    }
}

impl Named for Finding {
    const WHAT: &'static str = "finding";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse::<Self>().map_err(|_| {
            let known: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("finding is {text:?}; choose one of {}", known.join(", "))
        })
    }
}

macro_rules! named {
    ($type:ty, $what:literal, [$($value:expr => $word:literal),+ $(,)?]) => {
        impl Named for $type {
            const WHAT: &'static str = $what;

            fn all() -> Vec<Self> {
                vec![$($value),+]
            }

            fn word(self) -> &'static str {
                let words = [$(($value, $word)),+];
                words.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
            }
        }
    };
}

named!(Side, "side", [Side::Right => "right", Side::Left => "left", Side::Both => "both"]);
named!(LesionSize, "size", [LesionSize::Small => "small", LesionSize::Medium => "medium", LesionSize::Large => "large"]);
named!(Sex, "sex", [Sex::Unstated => "unstated", Sex::Female => "female", Sex::Male => "male"]);
named!(Group, "group", [Group::Unstated => "unstated", Group::A => "a", Group::B => "b", Group::C => "c"]);
named!(View, "view", [View::Unstated => "unstated", View::Pa => "pa", View::Ap => "ap"]);

impl Named for Zone {
    const WHAT: &'static str = "zone";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

/// Writes a choice as its word.
///
/// # Errors
/// As the serializer.
pub fn serialize<T: Named, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.word())
}

/// Reads a choice from its word.
///
/// # Errors
/// When the word is unknown.
pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::parse(&text).map_err(D::Error::custom)
}

/// An optional choice, left out when there is none.
pub mod option {
    use super::{Deserializer, Named, Serializer};

    /// Writes the word or null.
    ///
    /// # Errors
    /// As the serializer.
    pub fn serialize<T: Named, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(value.word()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a word or null.
    ///
    /// # Errors
    /// When the word is unknown.
    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        use serde::Deserialize as _;
        use serde::de::Error as _;
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| T::parse(&text)).transpose().map_err(D::Error::custom)
    }
}

/// Shares of choices as an object of words and whole numbers, in order.
pub mod shares {
    use super::{Deserializer, Display, MapAccess, Named, Serializer, Visitor};
    use serde::ser::SerializeMap as _;

    /// Writes the object.
    ///
    /// # Errors
    /// As the serializer.
    pub fn serialize<T: Named, S: Serializer>(shares: &[(T, u32)], serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(shares.len()))?;
        for (choice, share) in shares {
            map.serialize_entry(choice.word(), share)?;
        }
        map.end()
    }

    struct Shares<T>(std::marker::PhantomData<T>);

    impl<'de, T: Named> Visitor<'de> for Shares<T> {
        type Value = Vec<(T, u32)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "an object of a share for each {}", T::WHAT)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let custom = |what: &dyn Display| <A::Error as serde::de::Error>::custom(what);
            let mut shares: Vec<(T, u32)> = Vec::new();
            while let Some((word, share)) = map.next_entry::<String, u32>()? {
                let choice = T::parse(&word).map_err(|what| custom(&what))?;
                if shares.iter().any(|(known, _)| *known == choice) {
                    return Err(custom(&format!("{} {word:?} stands twice", T::WHAT)));
                }
                shares.push((choice, share));
            }
            Ok(shares)
        }
    }

    /// Reads the object.
    ///
    /// # Errors
    /// When a word is unknown or stands twice, or a share is no whole number.
    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(T, u32)>, D::Error> {
        deserializer.deserialize_map(Shares(std::marker::PhantomData))
    }
}
