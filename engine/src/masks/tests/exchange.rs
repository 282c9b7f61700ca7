use proptest::prelude::*;

use crate::domain::{Finding, GrayImage, Mask};
use crate::imageio::dicom::encode_secondary_capture;
use crate::imageio::png;
use crate::masks::LabelledMask;
use crate::masks::export::{self, MaskFormat, MaskSet};
use crate::masks::recognise::{self, Area, Target};

fn labelled(finding: Finding, mask: Mask) -> LabelledMask {
    LabelledMask { label: finding.name().to_owned(), mask }
}

fn target(width: u32, height: u32) -> Option<Target<'static>> {
    Some(Target { name: "a.png", width, height })
}

/// All masks of the files, by class, united.
fn read_back(files: &[export::MaskFile], width: u32, height: u32) -> Vec<(Finding, Mask)> {
    let mut found: Vec<(Finding, Mask)> = Vec::new();
    for file in files.iter().filter(|file| !file.name.ends_with("_classes.txt")) {
        let read = recognise::decode(&file.bytes, &file.name, target(width, height)).unwrap().expect(&file.name);
        assert_eq!((read.width, read.height), (width, height), "{}", file.name);
        for item in read.items {
            let mask = match item.area {
                Area::Mask(mask) => mask,
                Area::Box(rect) => Mask::from_rect(width, height, &rect),
            };
            let finding = item.finding.expect("a class");
            match found.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, all)) => all.union_with(&mask),
                None => found.push((finding, mask)),
            }
        }
    }
    found.retain(|(_, mask)| !mask.is_empty());
    found.sort_by_key(|(finding, _)| *finding);
    found
}

#[test]
fn every_format_gives_classes_and_pixels_back() {
    let (width, height) = (24, 18);
    let one = Mask::from_fn(width, height, |x, y| (3..9).contains(&x) && (2..12).contains(&y));
    let two = Mask::from_fn(width, height, |x, y| x > 12 && y > 9 && (x + y) % 3 != 0);
    let image = encode_secondary_capture(&GrayImage::black(width, height), "{}", None).unwrap();
    for overlap in [false, true] {
        let third = Mask::from_fn(width, height, |x, y| x < 6 && y < 4 && (overlap || x < 3));
        let masks = [
            labelled(Finding::Pneumothorax, one.clone()),
            labelled(Finding::Nodule, two.clone()),
            labelled(Finding::Device, if overlap { third } else { Mask::from_fn(width, height, |x, y| x < 3 && y > 14) }),
        ];
        let set = MaskSet { stem: "case-7", image: "a.png", masks: &masks, spacing_mm: Some((0.3, 0.2)), capture: Some(&image) };
        for format in MaskFormat::ALL {
            let files = export::encode(format, &set).unwrap();
            let found = read_back(&files, width, height);
            let wanted = masks.iter().map(|entry| {
                let shape = match format {
                    MaskFormat::Yolo => Mask::from_rect(width, height, &entry.mask.bounds().unwrap()),
                    _ => entry.mask.clone(),
                };
                (entry.label.parse::<Finding>().unwrap(), shape)
            });
            assert_eq!(found, wanted.collect::<Vec<_>>(), "{format:?}, overlap {overlap}");
            assert_eq!(export::encode(format, &set).unwrap(), files, "the same masks give the same bytes");
        }
        assert_eq!(export::encode(MaskFormat::Nifti, &set).unwrap().len(), if overlap { 3 } else { 1 });
    }
    let none = MaskSet { stem: "a", image: "a.png", masks: &[], spacing_mm: None, capture: None };
    assert_eq!(export::encode(MaskFormat::Coco, &none).unwrap(), []);
}

#[test]
fn pictures_and_records_are_no_masks() {
    let is_mask = |bytes: &[u8], name: &str| recognise::decode(bytes, name, None).unwrap().is_some();
    let grey = png::encode_gray16(&GrayImage::new(3, 1, vec![0, 4, 9]).unwrap(), &[]).unwrap();
    assert!(!is_mask(&grey, "a.png"));
    let flat = png::encode_gray16(&GrayImage::black(3, 1), &[]).unwrap();
    assert!(!is_mask(&flat, "a.png"), "a black picture shows no mask");
    assert!(is_mask(&png::encode_gray16(&GrayImage::new(3, 1, vec![0, 257, 0]).unwrap(), &[]).unwrap(), "a.png"));
    assert!(!is_mask(b"{\"format\": \"chexgen-run\"}", "a.json"));
    assert!(!is_mask(b"some words of a report", "a.txt"));
    assert!(!is_mask(&encode_secondary_capture(&GrayImage::black(3, 2), "{}", None).unwrap(), "a.dcm"));
    assert!(!is_mask(&[0x1f, 0x8b, 8, 0, 0], "a.gz"));
}

#[test]
fn several_images_need_the_name_of_one() {
    let table = "ImageId,EncodedPixels\none,5 3\ntwo,-1\n";
    let sentence = recognise::decode(table.as_bytes(), "t.csv", None).unwrap_err().to_string();
    assert!(sentence.contains("speaks of 2 images"), "{sentence}");
    let target = Some(Target { name: "folder/one.dcm", width: 8, height: 8 });
    let read = recognise::decode(table.as_bytes(), "t_pneumothorax.csv", target).unwrap().unwrap();
    assert_eq!(read.items[0].finding, Some(Finding::Pneumothorax), "the file's name tells the class");
    assert!(matches!(&read.items[0].area, Area::Mask(mask) if mask.area() == 3));
    let bare = recognise::decode(b"5 3", "a.txt", None).unwrap().unwrap();
    assert_eq!((bare.width, bare.notes.len()), (1024, 1));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), which in 0usize..6, at in 0usize..3000, value in any::<u8>()) {
        let _any = recognise::decode(&bytes, "x", None);
        let mask = Mask::from_fn(9, 7, |x, y| x > y);
        let masks = [labelled(Finding::Edema, mask)];
        let set = MaskSet { stem: "a", image: "a.png", masks: &masks, spacing_mm: None, capture: None };
        for mut file in export::encode(MaskFormat::ALL[which], &set).unwrap() {
            let length = file.bytes.len();
            file.bytes[at % length] = value;
            let _damaged = recognise::decode(&file.bytes, &file.name, target(9, 7));
            file.bytes.truncate(at % length);
            let _cut = recognise::decode(&file.bytes, &file.name, target(9, 7));
        }
    }
}
