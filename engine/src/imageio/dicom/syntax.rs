//! Transfer syntaxes: how a data set is spelled and its pixels are packed.
//!
//! # Source
//! DICOM PS3.5, annex A; PS3.6, annex A (UIDs).

use super::guard::Spelling;
use crate::imageio::fault::Fault;

/// A transfer syntax that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
    Deflated,
    Rle,
    /// JPEG processes 1, 2 and 14, whatever predictor.
    Jpeg,
    Jpeg2000,
    JpegLs,
}

impl Syntax {
    /// The syntax of a UID.
    ///
    /// # Errors
    /// When it is unknown or not read; the sentence says how to convert.
    pub(super) fn from_uid(uid: &str) -> Result<Self, Fault> {
        let remedy = "convert the file to Explicit VR Little Endian first";
        let unread = |what: &str| Err(Fault::unsupported(format!("the transfer syntax {what}"), remedy));
        match uid {
            "1.2.840.10008.1.2" => Ok(Self::ImplicitLittle),
            "1.2.840.10008.1.2.1" => Ok(Self::ExplicitLittle),
            "1.2.840.10008.1.2.1.99" => Ok(Self::Deflated),
            "1.2.840.10008.1.2.2" => Ok(Self::ExplicitBig),
            "1.2.840.10008.1.2.5" => Ok(Self::Rle),
            "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.51" | "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => {
                Ok(Self::Jpeg)
            }
            "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => Ok(Self::Jpeg2000),
            "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => Ok(Self::JpegLs),
            "1.2.840.10008.1.2.4.201" | "1.2.840.10008.1.2.4.202" | "1.2.840.10008.1.2.4.203" => {
                unread("High-Throughput JPEG 2000")
            }
            _ if uid.starts_with("1.2.840.10008.1.2.4.10") => unread("MPEG video or JPEG XL"),
            _ => Err(Fault::unsupported("TransferSyntaxUID of an unknown kind", remedy)),
        }
    }

    /// How elements are spelled.
    pub(super) fn spelling(self) -> Spelling {
        Spelling { explicit: self != Self::ImplicitLittle, big_endian: self == Self::ExplicitBig }
    }
}
