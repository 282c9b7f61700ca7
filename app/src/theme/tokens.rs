//! Design tokens: every colour of the studio, with what it means.
//!
//! Colour has three meanings only: a finding class, a state, the keyboard focus.
//! The contrasts of the sheet are computed from these values by a test.

use eframe::egui::Color32;
use engine::domain::Finding;

const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

/// Around the image.
pub const VIEW: Color32 = hex(0x06_07_07);
/// Rail, top bar, dock, status bar.
pub const BAR: Color32 = hex(0x0D_0E_10);
/// Panels.
pub const BG: Color32 = hex(0x13_14_16);
/// Fields, cards, the chosen layer.
pub const RAISE: Color32 = hex(0x1B_1D_20);
/// Under the pointer; the open room.
pub const HOVER: Color32 = hex(0x25_28_2C);
/// Pressed, toggled on, slider rail.
pub const PRESS: Color32 = hex(0x30_34_3A);
/// Separators.
pub const LINE: Color32 = hex(0x26_29_2D);
/// Outline of fields, buttons and chips.
pub const LINE2: Color32 = hex(0x42_47_4D);
/// Text, values, the chosen thing.
pub const INK: Color32 = hex(0xE3_E6_E8);
/// Secondary text, icons at rest.
pub const INK2: Color32 = hex(0xAF_B5_BB);
/// Captions, units, slider fill.
pub const INK3: Color32 = hex(0x8B_92_9A);
/// Disabled; never the only carrier of information.
pub const DIS: Color32 = hex(0x5F_65_6C);
/// The one primary button of a room, slider knob.
pub const FILL: Color32 = hex(0xD8_DC_E0);
/// Text on [`FILL`].
pub const ON_FILL: Color32 = hex(0x11_13_15);
/// The primary button under the pointer.
pub const FILL_HOVER: Color32 = hex(0xE9_EC_EE);
/// Keyboard focus ring, nothing else.
pub const FOCUS: Color32 = hex(0x8A_B8_FF);
/// Conflict, practice badge, waiting for the user.
pub const WARN: Color32 = hex(0xE9_BB_54);
/// Failed.
pub const ERR: Color32 = hex(0xFF_8F_80);
/// Verified, done, check passed.
pub const OK: Color32 = hex(0x8F_CB_A2);
/// The dashed anatomical guide.
pub const GUIDE: Color32 = hex(0xC9_CE_D3);
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
        Finding::Pneumothorax => hex(0x4F_B8_F0),
        Finding::PleuralEffusion => hex(0xE6_9F_00),
        Finding::Consolidation => hex(0xF0_E4_42),
        Finding::Nodule => hex(0xE5_6D_B1),
        Finding::Cardiomegaly => hex(0xE8_60_2C),
        Finding::Atelectasis => hex(0x17_A0_7A),
        Finding::Edema => hex(0x9B_7F_F0),
        Finding::Fracture => hex(0xA9_79_4E),
        Finding::Device => hex(0xFF_FF_FF),
    }
}

/// The same colour with another opacity, 0 to 1.
pub fn alpha(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// Grey level 0 to 255 as a colour.
pub fn gray(level: u8) -> Color32 {
    Color32::from_gray(level)
}

/// A pixel of a picture, not of the studio's look.
pub fn from_rgb(r: u8, g: u8, b: u8) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// Unit-range red, green, blue for a shader, in display values.
pub fn rgb(color: Color32) -> [f32; 3] {
    [color.r(), color.g(), color.b()].map(|v| f32::from(v) / 255.0)
}

#[cfg(test)]
mod tests;
