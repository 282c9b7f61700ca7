//! Damaged and foreign files of every kind in one folder: each is a sentence or a picture, never a panic.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::imageio::dicom::open_radiograph;
use crate::imageio::dicom::samples::*;
use crate::imageio::fault::{FormatError, read_file};
use crate::imageio::photo::read_photo;
use crate::imageio::png::{encode_gray16, encode_mask, read_mask};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Dicom,
    Seg,
    Nifti,
    Coco,
    Yolo,
    Runs,
    Picture,
    PngMask,
}

/// A file, how it is opened, and whether it must be refused.
struct Variant {
    name: String,
    kind: Kind,
    bytes: Vec<u8>,
    refused: bool,
}

fn open(kind: Kind, path: &Path) -> Result<(), String> {
    let name = path.display().to_string();
    let sentence = |error: FormatError| error.to_string();
    let bytes = read_file(path).map_err(sentence)?;
    let text = String::from_utf8_lossy(&bytes);
    match kind {
        Kind::Dicom => open_radiograph(path).map(drop).map_err(sentence),
        Kind::Seg => dicom_seg::decode(&bytes, &name).map(drop).map_err(sentence),
        Kind::Nifti => nifti::decode(&bytes, &name).map(drop).map_err(sentence),
        Kind::Coco => coco::decode(&bytes, "a.png", &name).map(drop).map_err(sentence),
        Kind::Yolo => yolo::decode(&text, 64, 64, &name).map(drop).map_err(sentence),
        Kind::Runs => run_length::decode(&text, RunOrder::RelativeColumns, 64, 64, &name).map(drop).map_err(sentence),
        Kind::Picture => read_photo(path).map(drop).map_err(|error| error.to_string()),
        Kind::PngMask => read_mask(path).map(drop).map_err(|error| error.to_string()),
    }
}

fn words() -> Vec<u16> {
    (0..16 * 12u32).map(|i| (i * 2749 % 4096) as u16).collect()
}

fn packed(allocated: u16, stored: u16, fragment: Vec<u8>, syntax: &str) -> Vec<u8> {
    let mut set = grey(16, 12, allocated, stored, false);
    put_fragments(&mut set, &[fragment]);
    file(&set, syntax)
}

/// One whole file of each kind and packing.
fn whole() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let mut plain = grey(16, 12, 16, 12, false);
    plain.put_sequence(tags::VOILUT_SEQUENCE, vec![table(0, 12, &words())]);
    put_pixels(&mut plain, &words());
    let masks = [labelled("Mass", Mask::from_fn(16, 12, |x, y| x > 3 && y < 7)), labelled("Nodule", Mask::empty(16, 12))];
    let image = GrayImage::new(16, 12, words()).unwrap();
    let grey8: Vec<u8> = words().iter().map(|word| (word >> 4) as u8).collect();
    let export = CocoExport { file_name: "a.png", width: 16, height: 12, objects: &masks };
    let nii = |gzip| nifti::encode(&[&masks[0].mask], Some((0.2, 0.2)), gzip).unwrap();
    vec![
        ("explicit.dcm", Kind::Dicom, file(&plain, EXPLICIT)),
        ("implicit.dcm", Kind::Dicom, file(&plain, IMPLICIT)),
        ("big.dcm", Kind::Dicom, file(&plain, BIG)),
        ("deflated.dcm", Kind::Dicom, file(&plain, DEFLATED)),
        ("rle.dcm", Kind::Dicom, packed(16, 12, rle_words(&words()), RLE)),
        ("jpeg.dcm", Kind::Dicom, packed(8, 8, jpeg(16, 12, &grey8), JPEG)),
        ("lossless.dcm", Kind::Dicom, packed(16, 12, jpeg_lossless(16, 12, 12, &words()), LOSSLESS)),
        ("j2k.dcm", Kind::Dicom, packed(16, 16, hex(J2K_16_BITS), J2K)),
        ("capture.dcm", Kind::Dicom, encode_secondary_capture(&image, "{}", None).unwrap()),
        ("masks.dcm", Kind::Seg, dicom_seg::encode(&masks, None, None).unwrap()),
        ("map.nii", Kind::Nifti, nii(false)),
        ("map.nii.gz", Kind::Nifti, nii(true)),
        ("plain.json", Kind::Coco, coco::encode(&[export], false).unwrap().into_bytes()),
        ("packed.json", Kind::Coco, coco::encode(&[export], true).unwrap().into_bytes()),
        ("boxes.txt", Kind::Yolo, b"0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.1 0.1\n".to_vec()),
        ("runs.txt", Kind::Runs, b"5 3 4 2 16 2".to_vec()),
        ("picture.png", Kind::Picture, encode_gray16(&image, &[]).unwrap()),
        ("picture.jpg", Kind::Picture, jpeg(16, 12, &grey8)),
        ("mask.png", Kind::PngMask, encode_mask(&masks[0].mask, &[]).unwrap()),
    ]
}

/// Cuts, which binary files cannot survive, and changed bytes, which they may.
fn mutations() -> Vec<Variant> {
    let mut variants = Vec::new();
    for (name, kind, bytes) in whole() {
        // A text may end anywhere, and the decoder of photos fills what a cut JPEG lacks.
        let lenient = matches!(kind, Kind::Yolo | Kind::Runs) || name.ends_with(".jpg");
        for tenth in 0..9 {
            let cut = bytes[..bytes.len() * tenth / 10].to_vec();
            variants.push(Variant { name: format!("cut{tenth}-{name}"), kind, bytes: cut, refused: !lenient });
        }
        for round in 0..12u64 {
            // A fixed pseudo-random walk over places and values.
            let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ bytes.len() as u64;
            let mut changed = bytes.clone();
            for _ in 0..=round % 4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % changed.len();
                changed[at] = if round % 3 == 0 { 0xff } else { (state >> 20) as u8 };
            }
            variants.push(Variant { name: format!("changed{round}-{name}"), kind, bytes: changed, refused: false });
        }
    }
    variants
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A PNG of one colour type, its rows of zeros packed.
fn png(width: u32, height: u32, colour: png::ColorType, palette: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    if !palette.is_empty() {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    let samples = width as usize * height as usize * colour.samples();
    writer.write_image_data(&vec![0; samples]).unwrap();
    writer.finish().unwrap();
    bytes
}

fn with_size(mut bytes: Vec<u8>, at: usize, width: i16, height: i16) -> Vec<u8> {
    bytes[at..at + 2].copy_from_slice(&width.to_le_bytes());
    bytes[at + 2..at + 4].copy_from_slice(&height.to_le_bytes());
    bytes
}

/// Files that are whole, and wrong or at a limit.
fn oddities() -> Vec<Variant> {
    let refused = |name: &str, kind, bytes: Vec<u8>| Variant { name: name.to_owned(), kind, bytes, refused: true };
    let fine = |name: &str, kind, bytes: Vec<u8>| Variant { name: name.to_owned(), kind, bytes, refused: false };
    let words_of = |set: &mut dicom_object::InMemDicomObject| put_pixels(set, &words());
    let changed = |tag, vr, text: &str| {
        let mut set = with(grey(16, 12, 16, 12, false), tag, vr, text);
        words_of(&mut set);
        file(&set, EXPLICIT)
    };
    let sized = |rows: u16, columns: u16| {
        let mut set = grey(columns, rows, 16, 12, false);
        words_of(&mut set);
        file(&set, EXPLICIT)
    };
    let mut one = grey(1, 1, 16, 16, false);
    put_pixels(&mut one, &[9]);
    let dot = nifti::encode(&[&mask_of(1, 1, &[(0, 0)])], None, false).unwrap();
    let json = |width: u32, segmentation: &str| {
        format!(
            r#"{{"images":[{{"id":1,"file_name":"a.png","width":{width},"height":12}}],
                "annotations":[{{"image_id":1,"category_id":2,"segmentation":{segmentation}}}],"categories":[{{"id":2,"name":"Mass"}}]}}"#
        )
        .into_bytes()
    };
    let bomb = gzip(&vec![0u8; 64 << 20]);
    let mut bombed = dot.clone();
    bombed.extend(vec![0u8; 64 << 20]);
    let mut variants = vec![
        fine("one.dcm", Kind::Dicom, file(&one, EXPLICIT)),
        refused("short.dcm", Kind::Dicom, sized(13, 16)),
        refused("wide.dcm", Kind::Dicom, sized(12, 65535)),
        refused("huge.dcm", Kind::Dicom, sized(65535, 65535)),
        refused("none.dcm", Kind::Dicom, sized(0, 16)),
        refused("palette.dcm", Kind::Dicom, changed(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR")),
        refused("photometric.dcm", Kind::Dicom, changed(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, PATIENT)),
        refused("samples.dcm", Kind::Dicom, changed(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")),
        refused("window.dcm", Kind::Dicom, changed(tags::WINDOW_CENTER, VR::DS, PATIENT)),
        refused("slope.dcm", Kind::Dicom, changed(tags::RESCALE_SLOPE, VR::DS, "NaN")),
        refused("spacing.dcm", Kind::Dicom, changed(tags::PIXEL_SPACING, VR::DS, "-1\\1")),
        refused("syntax.dcm", Kind::Dicom, file(&one, PATIENT)),
        refused("mpeg.dcm", Kind::Dicom, file(&one, "1.2.840.10008.1.2.4.102")),
        refused("unpacked.dcm", Kind::Dicom, file(&one, JPEG)),
        refused("packed.dcm", Kind::Dicom, packed(16, 12, rle_words(&words()), EXPLICIT)),
        refused("other-size.dcm", Kind::Dicom, packed(16, 12, jpeg_lossless(12, 16, 12, &words()), LOSSLESS)),
        refused("other-kind.dcm", Kind::Dicom, packed(16, 16, jpeg_lossless(16, 12, 16, &words()), J2K)),
        refused("one-plane.dcm", Kind::Dicom, packed(16, 12, rle(&[vec![0; 192]]), RLE)),
        refused("segments.dcm", Kind::Dicom, packed(16, 12, [255u32.to_le_bytes().to_vec(), vec![255; 60]].concat(), RLE)),
        refused("empty.dcm", Kind::Dicom, packed(16, 12, Vec::new(), RLE)),
        refused("bomb.dcm", Kind::Dicom, {
            let mut bytes = file(&grey(1, 1, 8, 8, false), DEFLATED);
            bytes.truncate(128 + 4 + 8 + DEFLATED.len());
            bytes.extend(deflated(&vec![0u8; 64 << 20]));
            bytes
        }),
        refused("image.seg", Kind::Seg, file(&one, EXPLICIT)),
        fine("one.nii", Kind::Nifti, dot.clone()),
        refused("tall.nii", Kind::Nifti, with_size(dot.clone(), 42, 32767, 32767)),
        refused("negative.nii", Kind::Nifti, with_size(dot.clone(), 42, -1, 5)),
        refused("volume.nii", Kind::Nifti, {
            let mut bytes = with_size(dot.clone(), 46, 9, 1);
            bytes[40] = 3;
            bytes
        }),
        refused("wide.nii.gz", Kind::Nifti, gzip(&with_size(dot, 42, 8192, 8192))),
        refused("zeros.nii.gz", Kind::Nifti, bomb),
        fine("behind.nii.gz", Kind::Nifti, gzip(&bombed)),
        refused("other.json", Kind::Coco, b"[1, 2]".to_vec()),
        refused("wide.json", Kind::Coco, json(4_000_000_000, "[]")),
        refused("nothing.json", Kind::Coco, json(16, "[]")),
        refused("odd.json", Kind::Coco, json(16, "[[1,2,3,4,5,6,7]]")),
        refused("far.json", Kind::Coco, json(16, "[[1,2,3,4,1e300,6]]")),
        refused("counts.json", Kind::Coco, json(16, r#"{"size":[12,16],"counts":[18446744073709551615,2]}"#)),
        refused("size.json", Kind::Coco, json(16, r#"{"size":[16,12],"counts":[192]}"#)),
        refused("text.json", Kind::Coco, json(16, r#"{"size":[12,16],"counts":"~~~~ÿ"}"#)),
        refused("deep.json", Kind::Coco, [b"{\"images\":".to_vec(), vec![b'['; 100_000]].concat()),
        refused("words.txt", Kind::Yolo, PATIENT.as_bytes().to_vec()),
        refused("far.txt", Kind::Yolo, b"0 9 9 1 1".to_vec()),
        refused("nan.txt", Kind::Yolo, b"0 NaN 0.5 0.1 0.1".to_vec()),
        refused("many.txt", Kind::Yolo, b"0 0.5 0.5 0.1 0.1\n".repeat(10_001)),
        refused("long.runs", Kind::Runs, b"0 99999999999999999999".to_vec()),
        refused("outside.runs", Kind::Runs, b"4000 1000".to_vec()),
        refused("half.runs", Kind::Runs, b"1 2 3".to_vec()),
        refused("zero.runs", Kind::Runs, b"1 0".to_vec()),
        fine("one.png", Kind::Picture, png(1, 1, png::ColorType::Rgba, &[])),
        fine("palette.png", Kind::PngMask, png(3, 2, png::ColorType::Indexed, &[255, 0, 0])),
        refused("wide.png", Kind::Picture, png(8193, 1, png::ColorType::Grayscale, &[])),
        refused("photo.gif", Kind::Picture, b"GIF89a\x01\0\x01\0".to_vec()),
    ];
    let foreign = [Kind::Dicom, Kind::Seg, Kind::Nifti, Kind::Coco, Kind::Yolo, Kind::Runs, Kind::Picture, Kind::PngMask];
    for kind in foreign {
        for (name, bytes) in [("zip", b"PK\x03\x04 text".to_vec()), ("zeros", vec![0; 4096]), ("letters", vec![b'A'; 4096])] {
            variants.push(refused(&format!("{name}.{kind:?}"), kind, bytes));
        }
    }
    variants
}

#[test]
fn damaged_files_are_sentences() {
    let variants: Vec<Variant> = mutations().into_iter().chain(oddities()).collect();
    assert!(variants.len() >= 400, "only {} variants", variants.len());
    let dir = tempfile::tempdir().unwrap();
    let mut sentences = 0;
    for Variant { name, kind, bytes, refused } in &variants {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let begin = Instant::now();
        let result = open(*kind, &path);
        assert!(begin.elapsed() < Duration::from_secs(10), "{name} took {:?}", begin.elapsed());
        match result {
            Ok(()) => assert!(!refused, "{name} was read"),
            Err(sentence) => {
                sentences += 1;
                assert!(sentence.contains(name.as_str()), "{name} is not named: {sentence}");
                assert!(!sentence.contains("DOE") && !sentence.contains('\n') && sentence.len() < 400, "{name}: {sentence}");
                // What the decoder of PNG says about packed data is its own.
                let own = !matches!(kind, Kind::Picture | Kind::PngMask);
                assert!(!own || !sentence.contains(". "), "{name}: more than one sentence: {sentence}");
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert!(sentences >= 200, "only {sentences} of {} were refused", variants.len());
}

#[test]
fn whole_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, kind, bytes) in whole() {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        open(kind, &dir.path().join(name)).unwrap();
    }
}
