//! Design tokens: every colour of the studio, with what it means.
//!
//! Colour has three meanings only: a finding class, a state, the keyboard focus.
//! The contrasts of the sheet are computed from these values by a test.

use eframe::egui::Color32;
use engine::domain::Finding;

const fn hex(r: u8, g: u8, b: u8) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// Around the image.
pub const VIEW: Color32 = hex(0x06, 0x07, 0x07);
/// Rail, top bar, dock, status bar.
pub const BAR: Color32 = hex(0x0D, 0x0E, 0x10);
/// Panels.
pub const BG: Color32 = hex(0x13, 0x14, 0x16);
/// Fields, cards, the chosen layer.
pub const RAISE: Color32 = hex(0x1B, 0x1D, 0x20);
/// Under the pointer; the open room.
pub const HOVER: Color32 = hex(0x25, 0x28, 0x2C);
/// Pressed, toggled on, slider rail.
pub const PRESS: Color32 = hex(0x30, 0x34, 0x3A);
/// Separators.
pub const LINE: Color32 = hex(0x26, 0x29, 0x2D);
/// Outline of fields, buttons and chips.
pub const LINE2: Color32 = hex(0x42, 0x47, 0x4D);
/// Text, values, the chosen thing.
pub const INK: Color32 = hex(0xE3, 0xE6, 0xE8);
/// Secondary text, icons at rest.
pub const INK2: Color32 = hex(0xAF, 0xB5, 0xBB);
/// Captions, units, slider fill.
pub const INK3: Color32 = hex(0x8B, 0x92, 0x9A);
/// Disabled; never the only carrier of information.
pub const DIS: Color32 = hex(0x5F, 0x65, 0x6C);
/// The one primary button of a room, slider knob.
pub const FILL: Color32 = hex(0xD8, 0xDC, 0xE0);
/// Text on [`FILL`].
pub const ON_FILL: Color32 = hex(0x11, 0x13, 0x15);
/// The primary button under the pointer.
pub const FILL_HOVER: Color32 = hex(0xE9, 0xEC, 0xEE);
/// Keyboard focus ring, nothing else.
pub const FOCUS: Color32 = hex(0x8A, 0xB8, 0xFF);
/// Conflict, practice badge, waiting for the user.
pub const WARN: Color32 = hex(0xE9, 0xBB, 0x54);
/// Failed.
pub const ERR: Color32 = hex(0xFF, 0x8F, 0x80);
/// Verified, done, check passed.
pub const OK: Color32 = hex(0x8F, 0xCB, 0xA2);
/// Difference: darker in B.
pub const DARKER: Color32 = hex(0x56, 0xB4, 0xE9);
/// Difference: brighter in B.
pub const BRIGHTER: Color32 = hex(0xF0, 0xA0, 0x30);
/// The dashed anatomical guide.
pub const GUIDE: Color32 = hex(0xC9, 0xCE, 0xD3);
/// Black casing beside every line on the image, 80 %.
pub const CASING: Color32 = Color32::from_black_alpha(204);
/// Ground of tags on the image, 72 %.
pub const TAG: Color32 = Color32::from_black_alpha(184);
/// Behind the key sheet.
pub const SCRIM: Color32 = Color32::from_black_alpha(150);
/// No colour at all.
pub const NONE: Color32 = Color32::TRANSPARENT;
/// Multiplies a texture by one.
pub const AS_IS: Color32 = Color32::WHITE;
/// Multiplies a texture to 45 %, for what was set aside.
pub const DIMMED: Color32 = Color32::from_gray(115);

/// The colour of a finding class, in key order.
pub const fn class(finding: Finding) -> Color32 {
    match finding {
        Finding::Pneumothorax => hex(0x4F, 0xB8, 0xF0),
        Finding::PleuralEffusion => hex(0xE6, 0x9F, 0x00),
        Finding::Consolidation => hex(0xF0, 0xE4, 0x42),
        Finding::Nodule => hex(0xE5, 0x6D, 0xB1),
        Finding::Cardiomegaly => hex(0xE8, 0x60, 0x2C),
        Finding::Atelectasis => hex(0x17, 0xA0, 0x7A),
        Finding::Edema => hex(0x9B, 0x7F, 0xF0),
        Finding::Fracture => hex(0xA9, 0x79, 0x4E),
        Finding::Device => hex(0xFF, 0xFF, 0xFF),
    }
}

/// The five values of a score from lowest to highest.
pub const SCORES: [Color32; 5] =
    [hex(0xC9, 0x68, 0x2F), hex(0xE5, 0xAC, 0x72), hex(0x8A, 0x90, 0x97), hex(0x86, 0xB4, 0xDB), hex(0x4C, 0x8D, 0xC8)];
/// Figures on [`SCORES`].
pub const ON_SCORE: Color32 = hex(0x0B, 0x0C, 0x0D);

/// Curves of runs that are drawn over that of the shown one, each with its letter: apart in every kind of colour vision
/// (the light scheme of Paul Tol), and none of them the colour of a class.
pub const SERIES: [Color32; 7] = [
    hex(0x77, 0xAA, 0xDD),
    hex(0xEE, 0x88, 0x66),
    hex(0xEE, 0xDD, 0x88),
    hex(0x44, 0xBB, 0x99),
    hex(0xFF, 0xAA, 0xBB),
    hex(0xBB, 0xCC, 0x33),
    hex(0x99, 0xDD, 0xFF),
];

/// The colour of a run's curves by its place on the list.
pub const fn series(index: usize) -> Color32 {
    SERIES[index % SERIES.len()]
}

/// The same colour with another opacity, 0 to 1.
pub fn alpha(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// Black of an opacity, 0 to 1, over parts of an image that something does not act on.
pub fn veil(opacity: f32) -> Color32 {
    Color32::from_black_alpha((opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// A colour between two: `share` 0 is `from`, 1 is `to`.
pub fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share)
}

/// Grey level 0 to 255 as a colour.
pub fn gray(level: u8) -> Color32 {
    Color32::from_gray(level)
}

/// A pixel of a picture, not of the studio's look.
pub fn from_rgb(r: u8, g: u8, b: u8) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// A colour from unit-range red, green, blue in display values.
pub fn from_unit(rgb: [f32; 3]) -> Color32 {
    let [r, g, b] = rgb.map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
    Color32::from_rgb(r, g, b)
}

/// Unit-range red, green, blue for a shader, in display values.
pub fn rgb(color: Color32) -> [f32; 3] {
    [color.r(), color.g(), color.b()].map(|v| f32::from(v) / 255.0)
}

#[cfg(test)]
mod tests;
