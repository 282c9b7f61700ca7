//! The masks of one image as files of any format here, named after the image.
//!
//! Formats that hold one mask, or no overlap, get one file for each class that needs it.

use super::coco::{self, CocoExport};
use super::yolo::{self, YoloBox};
use super::{LabelledMask, dicom_seg, nifti, run_length};
use crate::domain::{Finding, Mask};
use crate::imageio::fault::{Fault, FormatError};
use crate::imageio::png::{self, Text};

/// Keyword of the text in a mask's PNG that names its class.
pub const LABEL_KEYWORD: &str = "chexgen-label";
/// Plain mark in a mask's PNG.
const MARK: Text<'static> = Text::Plain("Comment", "Mask of a drawn finding, made by ChexGen Studio. Not a radiograph.");

/// A format of masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaskFormat {
    /// One black and white PNG for each class.
    Png,
    /// A table of run lengths for each class, as SIIM-ACR has it.
    Siim,
    /// One COCO JSON, an object for each layer.
    Coco,
    /// One line for each layer's box, and the names of classes.
    Yolo,
    /// A label map; label numbers are those of the class keys, from 1.
    Nifti,
    /// A DICOM segmentation, a segment for each layer.
    DicomSeg,
}

impl MaskFormat {
    /// All formats, in the order of lists.
    pub const ALL: [Self; 6] = [Self::Png, Self::Siim, Self::Coco, Self::Yolo, Self::Nifti, Self::DicomSeg];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Siim => "SIIM run lengths",
            Self::Coco => "COCO JSON",
            Self::Yolo => "YOLO boxes",
            Self::Nifti => "NIfTI",
            Self::DicomSeg => "DICOM SEG",
        }
    }
}

/// The masks of an image.
#[derive(Clone, Copy, Debug)]
pub struct MaskSet<'a> {
    /// Name of the files without ending.
    pub stem: &'a str,
    /// File name of the image they belong to.
    pub image: &'a str,
    /// The masks, all of one size; labels are names of classes.
    pub masks: &'a [LabelledMask],
    /// Distance of pixel centres in millimetres, down and across.
    pub spacing_mm: Option<(f64, f64)>,
    /// The image as a Secondary Capture, for a segmentation to refer to.
    pub capture: Option<&'a [u8]>,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The files of a format; none where there is no mask.
///
/// # Errors
/// When masks differ in size, or a label is no class where the format counts classes.
pub fn encode(format: MaskFormat, set: &MaskSet<'_>) -> Result<Vec<MaskFile>, FormatError> {
    let Some(first) = set.masks.first() else { return Ok(Vec::new()) };
    let (width, height) = (first.mask.width(), first.mask.height());
    if set.masks.iter().any(|entry| (entry.mask.width(), entry.mask.height()) != (width, height)) {
        return Err(Fault::Request("the masks have different sizes".to_owned()).of("the export of masks"));
    }
    let stem = set.stem;
    let file = |name: String, bytes: Vec<u8>| MaskFile { name, bytes };
    Ok(match format {
        MaskFormat::Png => classes(set.masks)
            .iter()
            .map(|(label, mask)| {
                let texts = [MARK, Text::Plain(LABEL_KEYWORD, label)];
                let bytes = png::encode_mask(mask, &texts).map_err(|error| Fault::Request(error.to_string()).of(label))?;
                Ok(file(format!("{stem}_{label}.png"), bytes))
            })
            .collect::<Result<_, FormatError>>()?,
        MaskFormat::Siim => classes(set.masks)
            .iter()
            .map(|(label, mask)| {
                let table = run_length::to_table(&[(set.image, mask)])?;
                Ok(file(format!("{stem}_{label}.csv"), table.into_bytes()))
            })
            .collect::<Result<_, FormatError>>()?,
        MaskFormat::Coco => {
            let json = coco::encode(&[CocoExport { file_name: set.image, width, height, objects: set.masks }], true)?;
            vec![file(format!("{stem}_coco.json"), json.into_bytes())]
        }
        MaskFormat::Yolo => {
            let mut boxes = Vec::new();
            for entry in set.masks {
                if let Some(rect) = entry.mask.bounds() {
                    boxes.push(YoloBox { class: class_of(&entry.label)?.index(), rect });
                }
            }
            let names = Finding::ALL.map(Finding::name).join("\n") + "\n";
            vec![
                file(format!("{stem}.txt"), yolo::encode(&boxes, width, height)?.into_bytes()),
                file(format!("{stem}_classes.txt"), names.into_bytes()),
            ]
        }
        MaskFormat::Nifti => label_maps(set, width, height)?,
        MaskFormat::DicomSeg => {
            vec![file(format!("{stem}_seg.dcm"), dicom_seg::encode(set.masks, set.spacing_mm, set.capture)?)]
        }
    })
}

/// One mask for each class, in the order in which they occur.
fn classes(masks: &[LabelledMask]) -> Vec<(&str, Mask)> {
    let mut found: Vec<(&str, Mask)> = Vec::new();
    for LabelledMask { label, mask } in masks {
        match found.iter_mut().find(|(known, _)| known == label) {
            Some((_, all)) => all.union_with(mask),
            None => found.push((label, mask.clone())),
        }
    }
    found
}

fn class_of(label: &str) -> Result<Finding, FormatError> {
    label.parse().map_err(|error: crate::domain::UnknownFinding| Fault::Request(error.to_string()).of("the export of masks"))
}

/// One map of all classes; where they overlap, one map for each.
fn label_maps(set: &MaskSet<'_>, width: u32, height: u32) -> Result<Vec<MaskFile>, FormatError> {
    let found = classes(set.masks);
    let overlap = found.iter().enumerate().any(|(i, (_, one))| {
        found[i + 1..].iter().any(|(_, other)| one.bits().iter().zip(other.bits()).any(|(a, b)| a & b != 0))
    });
    let write = |of: &[(&str, Mask)], name: String| {
        // A label's number is that of its class, so all classes stand in the list.
        let mut all = Finding::ALL.map(|_| Mask::empty(width, height));
        for (label, mask) in of {
            all[class_of(label)?.index()].union_with(mask);
        }
        let bytes = nifti::encode(&all.iter().collect::<Vec<_>>(), set.spacing_mm, true)?;
        Ok(MaskFile { name, bytes })
    };
    if overlap {
        found.iter().map(|one| write(std::slice::from_ref(one), format!("{}_{}.nii.gz", set.stem, one.0))).collect()
    } else {
        Ok(vec![write(&found, format!("{}.nii.gz", set.stem))?])
    }
}
