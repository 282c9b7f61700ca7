//! A key with its modifiers: matched by name, and by place where layouts differ.

use eframe::egui::{Key, Modifiers};

/// A key with its modifiers. Ctrl is Cmd on a Mac.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    /// Ctrl, or Cmd on a Mac.
    pub ctrl: bool,
    /// Alt.
    pub alt: bool,
    /// Shift.
    pub shift: bool,
    /// The key.
    pub key: Key,
}

impl Chord {
    /// The key alone.
    pub const fn plain(key: Key) -> Self {
        Self { ctrl: false, alt: false, shift: false, key }
    }

    /// With Ctrl.
    pub const fn ctrl(key: Key) -> Self {
        Self { ctrl: true, ..Self::plain(key) }
    }

    /// With Shift.
    pub const fn shift(key: Key) -> Self {
        Self { shift: true, ..Self::plain(key) }
    }

    /// With Alt.
    pub const fn alt(key: Key) -> Self {
        Self { alt: true, ..Self::plain(key) }
    }

    /// With Ctrl and Shift.
    pub const fn ctrl_shift(key: Key) -> Self {
        Self { ctrl: true, shift: true, ..Self::plain(key) }
    }

    /// The chord of a pressed key.
    pub fn of(modifiers: Modifiers, key: Key) -> Self {
        Self { ctrl: modifiers.ctrl || modifiers.command, alt: modifiers.alt, shift: modifiers.shift, key }
    }

    /// Whether it may act while text is being typed: it cannot be a letter of the text.
    pub fn works_while_typing(self) -> bool {
        // On a Mac, Alt writes signs.
        let alt = self.alt && !cfg!(target_os = "macos");
        self.ctrl || alt || self.key == Key::Escape || is_function(self.key)
    }

    /// Whether a pressed key is this chord by its name.
    ///
    /// Signs that need Shift on some layouts are taken with and without it.
    pub fn is_pressed(self, modifiers: Modifiers, key: Key) -> bool {
        let pressed = Self::of(modifiers, key);
        self == pressed || (is_sign(key) && !self.shift && self == Self { shift: false, ..pressed })
    }

    /// Whether a key at this place of the keyboard is this chord: brackets, digits and signs move between layouts.
    pub fn is_at(self, modifiers: Modifiers, place: Option<Key>) -> bool {
        place.is_some_and(|key| (is_sign(key) || is_digit(key)) && self == Self::of(modifiers, key))
    }

    /// As it is written on a key cap: `Ctrl Shift Z`.
    pub fn label(self) -> String {
        let key = match self.key {
            Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp => self.key.name(),
            Key::Escape => "Esc",
            _ => self.key.symbol_or_name(),
        };
        self.written(" ", key)
    }

    /// As it is written in the settings file: `Ctrl+Shift+Z`.
    pub fn text(self) -> String {
        self.written("+", self.key.name())
    }

    fn written(self, between: &str, key: &str) -> String {
        let mut text = String::new();
        for (held, name) in [(self.ctrl, "Ctrl"), (self.alt, "Alt"), (self.shift, "Shift")] {
            if held {
                text.push_str(name);
                text.push_str(between);
            }
        }
        text.push_str(key);
        text
    }

    /// Reads what [`Chord::text`] or [`Chord::label`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chord = Self::plain(Key::Escape);
        let mut rest = text.trim();
        loop {
            let cut = |name: &str| rest.strip_prefix(name).and_then(|r| r.strip_prefix(['+', ' '])).filter(|r| !r.is_empty());
            if let Some(after) = cut("Ctrl") {
                (chord.ctrl, rest) = (true, after);
            } else if let Some(after) = cut("Alt") {
                (chord.alt, rest) = (true, after);
            } else if let Some(after) = cut("Shift") {
                (chord.shift, rest) = (true, after);
            } else {
                break;
            }
        }
        chord.key = Key::from_name(rest.trim())?;
        Some(chord)
    }
}

fn is_function(key: Key) -> bool {
    key.name().strip_prefix('F').is_some_and(|n| n.parse::<u8>().is_ok())
}

fn is_digit(key: Key) -> bool {
    use Key::{Num0, Num1, Num2, Num3, Num4, Num5, Num6, Num7, Num8, Num9};
    matches!(key, Num0 | Num1 | Num2 | Num3 | Num4 | Num5 | Num6 | Num7 | Num8 | Num9)
}

fn is_sign(key: Key) -> bool {
    use Key::{
        Backslash, Backtick, CloseBracket, CloseCurlyBracket, Colon, Comma, Equals, Exclamationmark, Minus, OpenBracket,
        OpenCurlyBracket, Period, Pipe, Plus, Questionmark, Quote, Semicolon, Slash,
    };
    matches!(
        key,
        Backslash
            | Backtick
            | CloseBracket
            | CloseCurlyBracket
            | Colon
            | Comma
            | Equals
            | Exclamationmark
            | Minus
            | OpenBracket
            | OpenCurlyBracket
            | Period
            | Pipe
            | Plus
            | Questionmark
            | Quote
            | Semicolon
            | Slash
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chord_is_read_back() {
        for key in Key::ALL {
            for bits in 0..8u8 {
                let chord = Chord { ctrl: bits & 1 != 0, alt: bits & 2 != 0, shift: bits & 4 != 0, key: *key };
                assert_eq!(Chord::parse(&chord.text()), Some(chord), "{}", chord.text());
                assert_eq!(Chord::parse(&chord.label()), Some(chord), "{}", chord.label());
            }
        }
        assert_eq!(Chord::parse("Ctrl+"), None);
        assert_eq!(Chord::parse("Ctrl+Wheel"), None);
        assert_eq!(Chord::parse("Ctrl Shift Z"), Some(Chord::ctrl_shift(Key::Z)));
    }

    #[test]
    fn other_layouts_reach_the_same_keys() {
        let none = Modifiers::NONE;
        // French: the digit 4 needs Shift, its key alone says something else.
        assert!(Chord::plain(Key::Num4).is_at(none, Some(Key::Num4)));
        // German: the question mark and the plus are named, whatever is held for them.
        assert!(Chord::plain(Key::Questionmark).is_pressed(Modifiers::SHIFT, Key::Questionmark));
        assert!(Chord::plain(Key::Plus).is_pressed(none, Key::Plus));
        // Letters go by their name only, and Shift is another chord.
        assert!(!Chord::plain(Key::Z).is_at(none, Some(Key::Z)));
        assert!(!Chord::plain(Key::F).is_pressed(Modifiers::SHIFT, Key::F));
    }

    #[test]
    fn letters_are_left_to_the_text() {
        assert!(!Chord::plain(Key::B).works_while_typing());
        assert!(!Chord::shift(Key::F).works_while_typing());
        assert!(!Chord::plain(Key::Questionmark).works_while_typing());
        assert!(Chord::plain(Key::F1).works_while_typing() && Chord::ctrl(Key::Z).works_while_typing());
    }
}
