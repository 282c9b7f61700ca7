//! IBM Plex Sans in three weights (SIL OFL 1.1, `assets/fonts/OFL.txt`).

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily};

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/IBMPlexSans-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("../../../assets/fonts/IBMPlexSans-Medium.ttf");
const SEMIBOLD: &[u8] = include_bytes!("../../../assets/fonts/IBMPlexSans-SemiBold.ttf");

/// The bytes of the files: regular, medium, semibold.
pub const FILES: [&[u8]; 3] = [REGULAR, MEDIUM, SEMIBOLD];

/// The family of buttons and chosen names.
pub fn medium() -> FontFamily {
    FontFamily::Name("Medium".into())
}

/// The family of headings and the primary button.
pub fn semibold() -> FontFamily {
    FontFamily::Name("SemiBold".into())
}

/// All fonts; each weight is a family of its own and egui's default fonts are left out.
pub fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [("Regular", REGULAR), ("Medium", MEDIUM), ("SemiBold", SEMIBOLD)] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let regular = || vec!["Regular".to_owned()];
    fonts.families.insert(FontFamily::Proportional, regular());
    fonts.families.insert(FontFamily::Monospace, regular());
    fonts.families.insert(medium(), vec!["Medium".to_owned(), "Regular".to_owned()]);
    fonts.families.insert(semibold(), vec!["SemiBold".to_owned(), "Regular".to_owned()]);
    fonts
}
