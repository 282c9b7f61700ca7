//! One sentence for everything that happened; errors stay until they are closed.

use crate::action::Action;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It worked.
    Done,
    /// Worth knowing.
    Note,
    /// It failed.
    Error,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// At most one thing to do about it: label and action.
    pub action: Option<(&'static str, Action)>,
    /// When it appeared, in seconds of the window's clock; set when it is first drawn.
    pub shown_at: Option<f64>,
    /// Whether the toast is gone; the list keeps it.
    pub closed: bool,
}

/// Seconds a toast stays, unless it is an error.
pub const TOAST_SECS: f64 = 6.0;

/// All messages of the session, oldest first.
#[derive(Debug, Default)]
pub struct Messages {
    /// The messages.
    pub list: Vec<Message>,
}

impl Messages {
    /// Adds a message.
    pub fn push(&mut self, level: Level, text: impl Into<String>) {
        self.list.push(Message { level, text: text.into(), action: None, shown_at: None, closed: false });
        if self.list.len() > 200 {
            self.list.remove(0);
        }
    }

    /// Adds a message with something to do about it.
    pub fn push_with(&mut self, level: Level, text: impl Into<String>, label: &'static str, action: Action) {
        self.push(level, text);
        if let Some(last) = self.list.last_mut() {
            last.action = Some((label, action));
        }
    }
}
