//! DICOM: radiographs in, synthetic images out.
//!
//! Reading gives what a viewer shows as 16-bit grey, and a few fields about geometry. Who the patient
//! is never leaves this module: no returned value has a place for it, and errors name fields, never
//! what they hold.
//!
//! The parser of the `dicom-object` crate gets bytes whose lengths were checked (`guard.rs`), within a
//! limit of 512 MiB of file and of unpacked data and 8192×8192 pixels. Frames are unpacked here, not by
//! `dicom-pixeldata`, whose RLE decoder stops on damaged data.
//!
//! | transfer syntax | |
//! |---|---|
//! | implicit and explicit little endian, explicit big endian, deflated | read |
//! | RLE Lossless | read |
//! | JPEG baseline (.50), extended (.51) with 8 bits | read |
//! | JPEG lossless (.57, .70), up to 16 bits | read |
//! | JPEG-LS (.80, .81), grey | read |
//! | JPEG 2000 (.90, .91) | read |
//! | JPEG extended with 12 bits, HTJ2K, JPEG XL, video | refused with a sentence |
//!
//! Colour becomes grey with a note; a palette is refused. Of several frames the first is read, with a note.
//! `PixelPaddingValue`, overlays and shutters are not applied.
//!
//! # Source
//! DICOM PS3.3 (C.7.6.3, C.8.6, C.11), PS3.5 (7, 8, annexes A and G), PS3.10 (7).

mod codec;
mod display;
pub(crate) mod element;
pub(crate) mod field;
mod file;
mod frame;
mod guard;
mod layout;
mod radiograph;
mod secondary_capture;
mod syntax;

pub use display::Window;
pub use radiograph::{Note, Radiograph, Stored, View, decode_radiograph, open_radiograph};
pub(crate) use secondary_capture::spacing_text;
pub use secondary_capture::{
    Capture, Content, decode_full_size, decode_text, encode_capture, encode_secondary_capture, read_text,
};

/// Parses a DICOM file, for formats that build on DICOM.
///
/// # Errors
/// When it is another kind of file, cut off or damaged.
pub(crate) fn parse(bytes: &[u8]) -> Result<dicom_object::InMemDicomObject, super::fault::Fault> {
    Ok(file::open(bytes)?.set)
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
