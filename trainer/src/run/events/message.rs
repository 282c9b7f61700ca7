//! The few messages of TensorFlow's `event.proto` and `summary.proto` that are written, with their field numbers.

use prost::Message;

/// One value of a summary.
pub(super) type What = summary::Value;

/// `Event`: a time, a step, and one of three contents.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    /// Update.
    #[prost(int64, tag = "2")]
    step: i64,
    /// Content.
    #[prost(oneof = "Content", tags = "3, 5, 7")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    /// Version of the form: the first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// What the process does.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    /// 1 is a start: readers forget all of this step and later.
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<summary::Value>,
}

/// What stands inside of a summary.
mod summary {
    /// A named number or picture.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Value {
        #[prost(string, tag = "1")]
        pub(super) tag: String,
        #[prost(oneof = "Kind", tags = "2, 4")]
        pub(super) kind: Option<Kind>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Kind {
        #[prost(float, tag = "2")]
        Simple(f32),
        #[prost(message, tag = "4")]
        Image(Image),
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Image {
        #[prost(int32, tag = "1")]
        pub(super) height: i32,
        #[prost(int32, tag = "2")]
        pub(super) width: i32,
        /// 1 is grey.
        #[prost(int32, tag = "3")]
        pub(super) colorspace: i32,
        #[prost(bytes = "vec", tag = "4")]
        pub(super) encoded: Vec<u8>,
    }
}

impl Event {
    fn now(step: i64, content: Content) -> Self {
        Self { wall_time: super::now().as_secs_f64(), step, content: Some(content) }
    }

    /// The first event of a file.
    pub(super) fn version() -> Self {
        Self::now(0, Content::FileVersion("brain.Event:2".to_owned()))
    }

    /// This process begins with update `step`.
    pub(super) fn start(step: i64) -> Self {
        Self::now(step, Content::SessionLog(SessionLog { status: 1 }))
    }

    /// Values of an update.
    pub(super) fn summary(step: i64, value: Vec<What>) -> Self {
        Self::now(step, Content::Summary(Summary { value }))
    }

    /// As it is written.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

/// A number.
pub(super) fn scalar(tag: &str, value: f64) -> What {
    What { tag: tag.to_owned(), kind: Some(summary::Kind::Simple(value as f32)) }
}

/// A grey picture; its size stands in the PNG's header.
pub(super) fn picture(tag: &str, png: Vec<u8>) -> What {
    let side = |at: usize| png.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, i32::from_be_bytes);
    let image = summary::Image { height: side(20), width: side(16), colorspace: 1, encoded: png };
    What { tag: tag.to_owned(), kind: Some(summary::Kind::Image(image)) }
}

#[cfg(test)]
impl Event {
    pub(super) fn set_time(&mut self, time: f64) {
        self.wall_time = time;
    }
}

#[cfg(test)]
impl summary::Value {
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn number(&self) -> Option<f32> {
        match self.kind {
            Some(summary::Kind::Simple(value)) => Some(value),
            _ => None,
        }
    }
}
