//! YOLO boxes: one text file an image, one line a box.
//!
//! A line holds the number of the class and the centre and size of the box, all four as parts of the
//! image's width and height. Names of classes stand in a file of their own, one a line from number 0.

use std::fmt::Write as _;

use crate::domain::RectPx;
use crate::imageio::fault::{Fault, FormatError, check_size};

/// Most boxes of an image that are read.
const MAX_BOXES: usize = 10_000;
/// How far outside the image a box may reach, as a part of it; rounding in other programs does this.
const SLACK: f64 = 1e-3;

/// A box of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct YoloBox {
    /// Number of the class.
    pub class: usize,
    /// In pixels.
    pub rect: RectPx,
}

/// The boxes of an image of `width × height`.
///
/// # Errors
/// When a line does not hold a class and four parts of the image; the sentence names the line.
pub fn decode(text: &str, width: u32, height: u32, name: &str) -> Result<Vec<YoloBox>, FormatError> {
    check_size(width.into(), height.into()).map_err(|fault| fault.of(name))?;
    let mut boxes = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if boxes.len() == MAX_BOXES {
            let max = MAX_BOXES.to_string();
            return Err(
                Fault::TooLarge { field: "the list of boxes".to_owned(), actual: format!("more than {max}"), max }.of(name)
            );
        }
        let what = "is not a class and centre x, centre y, width, height as parts of the image";
        let place = format!("line {}", number + 1);
        boxes.push(decode_line(line, width, height).ok_or_else(|| Fault::damaged(place, what).of(name))?);
    }
    Ok(boxes)
}

fn decode_line(line: &str, width: u32, height: u32) -> Option<YoloBox> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [class, x, y, w, h] = words[..] else { return None };
    let part = |word: &str| word.parse::<f64>().ok().filter(|v| (0.0..=1.0 + SLACK).contains(v));
    let (x, y, w, h) = (part(x)?, part(y)?, part(w)?, part(h)?);
    let edges = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0];
    if edges.iter().any(|edge| !(-SLACK..=1.0 + SLACK).contains(edge)) {
        return None;
    }
    let pixels = |part: f64, side: u32| (part.clamp(0.0, 1.0) * f64::from(side)) as f32;
    let [x0, y0, x1, y1] =
        [(edges[0], width), (edges[1], height), (edges[2], width), (edges[3], height)].map(|(edge, side)| pixels(edge, side));
    Some(YoloBox { class: class.parse().ok()?, rect: RectPx { x0, y0, x1, y1 } })
}

/// The lines of boxes on an image of `width × height`; numbers are long enough to give the same pixels again.
///
/// # Errors
/// When a box has no size or is not inside the image.
pub fn encode(boxes: &[YoloBox], width: u32, height: u32) -> Result<String, FormatError> {
    let mut text = String::new();
    let (w, h) = (f64::from(width), f64::from(height));
    for YoloBox { class, rect } in boxes {
        let [x0, y0, x1, y1] = [rect.x0, rect.y0, rect.x1, rect.y1].map(f64::from);
        if !(x0 >= 0.0 && y0 >= 0.0 && x1 <= w && y1 <= h && x1 > x0 && y1 > y0) {
            return Err(Fault::Request(format!("a box of class {class} is empty or leaves the image")).of("the YOLO export"));
        }
        let _written =
            writeln!(text, "{class} {} {} {} {}", (x0 + x1) / 2.0 / w, (y0 + y1) / 2.0 / h, (x1 - x0) / w, (y1 - y0) / h);
    }
    Ok(text)
}

/// Names of classes, one a line.
///
/// # Errors
/// When there is none, or one is empty between others.
pub fn decode_names(text: &str, name: &str) -> Result<Vec<String>, FormatError> {
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    match names.iter().position(String::is_empty) {
        _ if names.is_empty() => Err(Fault::missing("the list of classes").of(name)),
        Some(at) => Err(Fault::missing(format!("the name in line {}", at + 1)).of(name)),
        None => Ok(names),
    }
}
