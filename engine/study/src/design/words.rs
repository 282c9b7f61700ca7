//! The sentences of a design that cannot be read, without the names of a programming language.

use engine::text::nearest;

/// What a parser says of one value, in plain words: what is expected, and what stands there.
pub(super) fn plain(message: &str) -> String {
    let message = message.trim();
    let quoted = || message.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    if message.starts_with("missing field `") {
        return format!("{} is missing; add it", quoted().first().unwrap_or(&"a value"));
    }
    for (begin, what) in [("unknown field `", "there is no such value"), ("unknown variant `", "it cannot be that")] {
        if message.starts_with(begin) {
            let words = quoted();
            let Some((given, known)) = words.split_first() else { break };
            return match nearest(given, known) {
                Some(near) => format!("{what}: {given:?}; did you mean {near:?}? Known are {}", known.join(", ")),
                None => format!("{what}: {given:?}; known are {}", known.join(", ")),
            };
        }
    }
    if message == "wanted string or table" {
        return "one of its words is expected, in quotes".to_owned();
    }
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let Some(found) = found.strip_prefix("invalid type: ").or_else(|| found.strip_prefix("invalid value: ")) else {
        return message.to_owned();
    };
    let expected = match expected {
        "u8" | "u16" | "u32" => "a whole number, 0 or more and not beyond 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number, such as 0.5",
        "a boolean" => "true or false, without quotes",
        "a string" | "path string" => "a text in quotes",
        "a sequence" => "a list in square brackets, such as [\"one\", \"two\"]",
        other if other.starts_with("struct ") || other.starts_with("a map") => "a table with values of its own",
        other => other,
    };
    format!("{expected} is expected; {} stands there", given(found))
}

/// "the text "x"" of "string "x"", "1.5" of "floating point `1.5`".
fn given(found: &str) -> String {
    let bare = found.split('`').nth(1);
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        text if text.starts_with("string ") => format!("the text {}", &text["string ".len()..]),
        _ => bare.unwrap_or(found).to_owned(),
    }
}
