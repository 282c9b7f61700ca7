use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use proptest::prelude::*;

use super::element::Put as _;
use super::samples::*;
use super::{
    Capture, Content, Note, Radiograph, View, decode_full_size, decode_radiograph, decode_text, encode_capture,
    encode_secondary_capture, open_radiograph,
};
use crate::domain::GrayImage;

fn read(set: &InMemDicomObject, syntax: &str) -> Radiograph {
    decode_radiograph(&file(set, syntax), "a.dcm").unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let sentence = decode_radiograph(bytes, "a.dcm").unwrap_err().to_string();
    assert!(sentence.starts_with("a.dcm: ") && !sentence.contains("DOE") && !sentence.contains('\n'), "{sentence}");
    sentence
}

/// 5×4 values from 0 to 4095.
fn ramp() -> Vec<u16> {
    (0..20).map(|i| i * 215).collect()
}

fn ramp_set() -> InMemDicomObject {
    let mut set = grey(5, 4, 16, 12, false);
    put_pixels(&mut set, &ramp());
    set
}

fn full(words: &[u16], max: u32) -> Vec<u16> {
    words.iter().map(|word| (f64::from(*word) / f64::from(max) * 65535.0 + 0.5) as u16).collect()
}

#[test]
fn every_transfer_syntax_gives_the_same_picture() {
    for syntax in [IMPLICIT, EXPLICIT, DEFLATED, BIG] {
        let radiograph = read(&ramp_set(), syntax);
        assert_eq!(radiograph.image.pixels(), full(&ramp(), 4095), "{syntax}");
        assert_eq!((radiograph.image.width(), radiograph.image.height(), radiograph.bits), (5, 4, 12));
        assert!(radiograph.notes.is_empty() && radiograph.spacing_mm.is_none());
    }
    for (syntax, fragment) in [(RLE, rle_words(&ramp())), (LOSSLESS, jpeg_lossless(5, 4, 12, &ramp()))] {
        let mut set = grey(5, 4, 16, 12, false);
        put_fragments(&mut set, &[fragment]);
        assert_eq!(read(&set, syntax).image.pixels(), full(&ramp(), 4095), "{syntax}");
    }
}

#[test]
fn packed_words_of_sixteen_bits() {
    let words = j2k_picture();
    for (syntax, fragment) in [(J2K, hex(J2K_16_BITS)), (LOSSLESS, jpeg_lossless(16, 12, 16, &words)), (RLE, rle_words(&words))] {
        let mut set = grey(16, 12, 16, 16, false);
        put_fragments(&mut set, &[fragment[..100].to_vec(), fragment[100..].to_vec()]);
        assert_eq!(read(&set, syntax).image.pixels(), words, "{syntax}, in two fragments");
    }
}

#[test]
fn jpeg_baseline_is_near() {
    let bytes: Vec<u8> = (0..64 * 32u32).map(|i| (i % 64 * 4) as u8).collect();
    let mut set = grey(64, 32, 8, 8, false);
    put_fragments(&mut set, &[jpeg(64, 32, &bytes)]);
    let image = read(&set, JPEG).image;
    for (shown, byte) in image.pixels().iter().zip(&bytes) {
        assert!(shown.abs_diff(u16::from(*byte) * 257) <= 3 * 257, "{shown} for {byte}");
    }
}

#[test]
fn jpeg_ls_of_a_file() {
    // The example of ITU-T T.87, annex H.3.
    let stream = "ffd8fff7000b08000400040101110 0ffda0008010100000000c000006c80208e01c000005740\
                  00006ee6000001bc18000005d800009160ffd9";
    let mut set = grey(4, 4, 8, 8, false);
    put_fragments(&mut set, &[hex(&stream.replace(' ', ""))]);
    let expected = [0u16, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145].map(|v| v * 257);
    assert_eq!(read(&set, JPEG_LS).image.pixels(), expected);
}

#[test]
fn files_without_preamble_or_meta_group_are_read() {
    for syntax in [IMPLICIT, EXPLICIT] {
        let radiograph = decode_radiograph(&data_set(&ramp_set(), syntax), "bare").unwrap();
        assert_eq!(radiograph.image.pixels(), full(&ramp(), 4095), "{syntax}");
    }
    let mut trailing = file(&ramp_set(), EXPLICIT);
    trailing.extend([0; 7]);
    assert_eq!(decode_radiograph(&trailing, "a").unwrap().image.pixels(), full(&ramp(), 4095));
}

#[test]
fn signs_bits_and_rescaling() {
    // -2048, -1, 0, 2047 in 12 of 16 bits; the unused bits hold rubbish.
    let words = [0xf800u16, 0x0fff, 0x3000, 0x07ff];
    let mut set = grey(2, 2, 16, 12, true);
    put_pixels(&mut set, &words);
    let plain = read(&set, EXPLICIT);
    assert_eq!(plain.image.pixels(), [0, 32759, 32776, 65535]);
    // A negative slope turns the order, and is shown so.
    let turned = with(with(set.clone(), tags::RESCALE_SLOPE, VR::DS, "-2"), tags::RESCALE_INTERCEPT, VR::DS, "10");
    assert_eq!(read(&turned, IMPLICIT).image.pixels(), [65535, 32776, 32759, 0]);
    // Hounsfield-like: a window over rescaled values.
    let window = with(with(set, tags::RESCALE_INTERCEPT, VR::DS, "-1000"), tags::WINDOW_CENTER, VR::DS, "-1000");
    let window = with(with(window, tags::WINDOW_WIDTH, VR::DS, "3"), tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    assert_eq!(read(&window, EXPLICIT).image.pixels(), [0, (65535.0 * (0.5 - 1.0 / 3.0) + 0.5) as u16, 32768, 65535]);
    let zero = with(ramp_set(), tags::RESCALE_SLOPE, VR::DS, "0");
    assert!(refused(&file(&zero, EXPLICIT)).contains("RescaleSlope"));
}

#[test]
fn high_bits_and_bytes_in_words() {
    let mut set = grey(2, 1, 16, 12, false);
    set.put_words(tags::HIGH_BIT, &[15]);
    put_pixels(&mut set, &[0x000f, 0xfff0]);
    assert_eq!(read(&set, EXPLICIT).image.pixels(), [0, 65535]);
    for syntax in [EXPLICIT, BIG] {
        let mut set = grey(3, 1, 8, 8, false);
        put_pixels(&mut set, &[0x0201, 0x0003]);
        assert_eq!(read(&set, syntax).image.pixels(), [257, 514, 771], "{syntax}");
    }
}

/// The formulas of PS3.3, C.11.2.1.2.1 and .3, for centre 2048 and width 1024.
#[test]
fn windows_follow_their_functions() {
    let set = with(with(ramp_set(), tags::WINDOW_CENTER, VR::DS, "2048\\99"), tags::WINDOW_WIDTH, VR::DS, "1024\\9");
    let check = |set: &InMemDicomObject, level: &dyn Fn(f64) -> f64| {
        let radiograph = read(set, EXPLICIT);
        assert_eq!(radiograph.notes, [Note::FirstWindow { of: 2 }]);
        for (shown, word) in radiograph.image.pixels().iter().zip(ramp()) {
            let expected = (level(f64::from(word)).clamp(0.0, 1.0) * 65535.0 + 0.5) as u16;
            assert_eq!(*shown, expected, "value {word}");
        }
    };
    check(&set, &|x| (x - 2047.5) / 1023.0 + 0.5);
    check(&with(set.clone(), tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT"), &|x| (x - 2048.0) / 1024.0 + 0.5);
    check(&with(set.clone(), tags::VOILUT_FUNCTION, VR::CS, "SIGMOID"), &|x| 1.0 / (1.0 + (-4.0 * (x - 2048.0) / 1024.0).exp()));
    assert!(refused(&file(&with(set.clone(), tags::VOILUT_FUNCTION, VR::CS, PATIENT), EXPLICIT)).contains("VOILUTFunction"));
    assert!(refused(&file(&with(set.clone(), tags::WINDOW_WIDTH, VR::DS, "0"), EXPLICIT)).contains("WindowWidth"));
    assert!(refused(&file(&with(set, tags::WINDOW_WIDTH, VR::DS, PATIENT), EXPLICIT)).contains("WindowWidth is no number"));
    let half = with(ramp_set(), tags::WINDOW_CENTER, VR::DS, "100");
    assert!(refused(&file(&half, EXPLICIT)).contains("WindowWidth is missing"));
}

#[test]
fn a_width_of_one_is_a_step() {
    let set = with(with(ramp_set(), tags::WINDOW_CENTER, VR::DS, "216"), tags::WINDOW_WIDTH, VR::DS, "1");
    let shown = read(&set, EXPLICIT).image;
    assert_eq!(shown.pixels()[..3], [0, 0, 65535]);
}

#[test]
fn tables_go_before_windows() {
    let mut set = with(with(ramp_set(), tags::WINDOW_CENTER, VR::DS, "2048"), tags::WINDOW_WIDTH, VR::DS, "1024");
    set.put_sequence(tags::VOILUT_SEQUENCE, vec![table(215, 10, &[0, 1023, 512]), table(0, 8, &[7])]);
    for syntax in [EXPLICIT, IMPLICIT, BIG] {
        let radiograph = read(&set, syntax);
        assert_eq!(radiograph.notes, [Note::FirstTable { of: 2 }], "{syntax}");
        // Below the table its first entry, above it its last.
        let level = (512.0 / 1023.0 * 65535.0 + 0.5) as u16;
        assert_eq!(radiograph.image.pixels()[..4], [0, 0, level, level], "{syntax}");
    }
    let mut short = ramp_set();
    let mut item = table(0, 16, &[1, 2, 3]);
    item.put_words(tags::LUT_DESCRIPTOR, &[9, 0, 16]);
    short.put_sequence(tags::VOILUT_SEQUENCE, vec![item]);
    assert!(refused(&file(&short, EXPLICIT)).contains("LUTData"));
    let mut modality = ramp_set();
    modality.put_sequence(tags::MODALITY_LUT_SEQUENCE, vec![table(0, 8, &[255, 0])]);
    assert_eq!(read(&modality, EXPLICIT).image.pixels()[..2], [65535, 0]);
}

#[test]
fn monochrome1_and_inverse_turn_the_picture_once() {
    let set = with(ramp_set(), tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    let turned: Vec<u16> = full(&ramp(), 4095).into_iter().map(|v| 65535 - v).collect();
    assert_eq!(read(&set, EXPLICIT).image.pixels(), turned);
    assert_eq!(read(&with(set, tags::PRESENTATION_LUT_SHAPE, VR::CS, "INVERSE"), EXPLICIT).image.pixels(), turned);
}

#[test]
fn colour_becomes_grey_with_a_note() {
    let (red, grey_value) = ([255u8, 0, 0], [80u8, 80, 80]);
    let luma = ((255.0 * 257.0 * 19595.0 + 32768.0) / 65536.0) as u16;
    let expected = [luma, 80 * 257];
    let mut set = colour(2, 1, "RGB", 0);
    put_bytes(&mut set, &[red, grey_value].concat());
    assert_eq!(read(&set, EXPLICIT).image.pixels(), expected);
    assert_eq!(read(&set, EXPLICIT).notes, [Note::FromColour]);
    let mut planes = colour(2, 1, "RGB", 1);
    put_bytes(&mut planes, &[255, 80, 0, 80, 0, 80]);
    assert_eq!(read(&planes, EXPLICIT).image.pixels(), expected);
    for planar in [0, 1] {
        let mut packed = colour(2, 1, "RGB", planar);
        put_fragments(&mut packed, &[rle(&[vec![255, 80], vec![0, 80], vec![0, 80]])]);
        assert_eq!(read(&packed, RLE).image.pixels(), expected, "RLE {planar}");
    }
    let mut ybr = colour(2, 1, "YBR_FULL", 0);
    put_bytes(&mut ybr, &[10, 128, 128, 200, 0, 255]);
    assert_eq!(read(&ybr, EXPLICIT).image.pixels(), [2570, 51400]);
    assert!(
        refused(&file(&with(ybr, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "YBR_FULL_422"), EXPLICIT)).contains("YBR_FULL_422")
    );
    let mut palette = ramp_set();
    palette.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
    assert!(refused(&file(&palette, EXPLICIT)).contains("palette"));
}

#[test]
fn the_first_of_several_frames_is_read() {
    let mut set = with(grey(2, 1, 16, 16, false), tags::NUMBER_OF_FRAMES, VR::IS, "2");
    put_pixels(&mut set, &[1, 2, 3, 4]);
    let radiograph = read(&set, EXPLICIT);
    assert_eq!((radiograph.image.pixels(), &radiograph.notes[..]), (&[1, 2][..], &[Note::FirstFrame { of: 2 }][..]));
    let (one, two) = (jpeg_lossless(2, 1, 16, &[1, 2]), jpeg_lossless(2, 1, 16, &[3, 4]));
    // One fragment a frame, and frames in two fragments without a table of offsets.
    put_fragments(&mut set, &[one.clone(), two.clone()]);
    assert_eq!(read(&set, LOSSLESS).image.pixels(), [1, 2]);
    put_fragments(&mut set, &[one[..20].to_vec(), one[20..].to_vec(), two[..20].to_vec(), two[20..].to_vec()]);
    assert_eq!(read(&set, LOSSLESS).image.pixels(), [1, 2]);
}

#[test]
fn geometry_without_identity() {
    let set = with(with(ramp_set(), tags::IMAGER_PIXEL_SPACING, VR::DS, "0.15\\0.2"), tags::VIEW_POSITION, VR::CS, "PA");
    let set = with(set, tags::LATERALITY, VR::CS, "L");
    let radiograph = read(&set, EXPLICIT);
    assert_eq!(
        (radiograph.spacing_mm, radiograph.view, radiograph.laterality),
        (Some((0.15, 0.2)), Some(View::PosteroAnterior), Some('L'))
    );
    assert_eq!(radiograph.notes, [Note::SpacingAtDetector]);
    let free = with(with(set, tags::VIEW_POSITION, VR::CS, PATIENT), tags::IMAGE_LATERALITY, VR::CS, PATIENT);
    let radiograph = read(&with(free, tags::PIXEL_SPACING, VR::DS, "0.1\\0.1"), EXPLICIT);
    assert_eq!((radiograph.spacing_mm, radiograph.view, radiograph.laterality), (Some((0.1, 0.1)), None, None));
    assert!(!format!("{radiograph:?}").contains("DOE"));
    assert!(refused(&file(&with(ramp_set(), tags::PIXEL_SPACING, VR::DS, "0\\1"), EXPLICIT)).contains("PixelSpacing"));
}

#[test]
fn faults_name_the_field() {
    for (tag, name) in [
        (tags::ROWS, "Rows"),
        (tags::COLUMNS, "Columns"),
        (tags::BITS_ALLOCATED, "BitsAllocated"),
        (tags::PHOTOMETRIC_INTERPRETATION, "PhotometricInterpretation"),
        (tags::PIXEL_DATA, "PixelData"),
    ] {
        let mut set = ramp_set();
        set.remove_element(tag);
        assert!(refused(&file(&set, EXPLICIT)).contains(name), "{name}");
    }
    let mut large = ramp_set();
    large.put_words(tags::ROWS, &[20_000]);
    large.put_words(tags::COLUMNS, &[20_000]);
    assert!(refused(&file(&large, EXPLICIT)).contains("20000×20000 pixels, and at most 8192×8192"));
    assert!(refused(&file(&ramp_set(), "1.2.840.10008.1.2.4.201")).contains("High-Throughput JPEG 2000"));
    assert!(refused(b"GIF89a").contains("not a DICOM file"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.dcm"), file(&ramp_set(), EXPLICIT)).unwrap();
    assert_eq!(open_radiograph(&dir.path().join("x.dcm")).unwrap(), read(&ramp_set(), EXPLICIT));
}

#[test]
fn claimed_lengths_take_no_memory() {
    // An element of 4 GiB minus 2 in a file of some hundred bytes, and a sequence nested too deep.
    let mut bytes = file(&grey(2, 2, 16, 16, false), EXPLICIT);
    bytes.extend([0xe0, 0x7f, 0x10, 0, b'O', b'W', 0, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0]);
    assert!(refused(&bytes).contains("cut off in PixelData"));
    let mut deep = InMemDicomObject::new_empty();
    for _ in 0..40 {
        let mut outer = InMemDicomObject::new_empty();
        outer.put_sequence(tags::VOILUT_SEQUENCE, vec![deep]);
        deep = outer;
    }
    let mut set = ramp_set();
    set.put_sequence(tags::VOILUT_SEQUENCE, vec![deep]);
    assert!(refused(&file(&set, EXPLICIT)).contains("nesting"));
    let bomb = deflated(&vec![0u8; (512 << 20) + 1]);
    let mut packed = file(&grey(1, 1, 8, 8, false), DEFLATED);
    packed.truncate(128 + 4 + 8 + DEFLATED.len());
    packed.extend(bomb);
    assert!(refused(&packed).contains("512 MiB"));
}

fn image() -> impl Strategy<Value = GrayImage> {
    (1u32..20, 1u32..20).prop_flat_map(|(w, h)| {
        proptest::collection::vec(any::<u16>(), (w * h) as usize).prop_map(move |pixels| GrayImage::new(w, h, pixels).unwrap())
    })
}

proptest! {
    #[test]
    fn what_is_written_comes_back(image in image(), record in "\\PC{0,80}[ \\\\]{0,2}", down in 0.01f64..2.0, spaced in any::<bool>()) {
        let spacing = spaced.then_some((down, down / 3.0));
        let bytes = encode_secondary_capture(&image, &record, spacing).unwrap();
        let radiograph = decode_radiograph(&bytes, "a").unwrap();
        prop_assert_eq!(&radiograph.image, &image);
        prop_assert!(radiograph.notes.is_empty() && radiograph.bits == 16);
        match (radiograph.spacing_mm, spacing) {
            (Some(read), Some(written)) => prop_assert!((read.0 - written.0).abs() < 1e-8 && (read.1 - written.1).abs() < 1e-8),
            (read, written) => prop_assert_eq!(read, written),
        }
        prop_assert_eq!(decode_text(&bytes, "a").unwrap(), Some(record.clone()));
        prop_assert_eq!(&encode_secondary_capture(&image, &record, spacing).unwrap(), &bytes);
    }

    #[test]
    fn packed_and_plain_pixels_are_the_same(image in image()) {
        let (w, h) = (image.width() as u16, image.height() as u16);
        for (syntax, fragment) in [(RLE, rle_words(image.pixels())), (LOSSLESS, jpeg_lossless(w, h, 16, image.pixels()))] {
            let mut set = grey(w, h, 16, 16, false);
            put_fragments(&mut set, &[fragment]);
            prop_assert_eq!(&decode_radiograph(&file(&set, syntax), "a").unwrap().image, &image);
        }
    }

    #[test]
    fn no_bytes_panic(cut in 0usize..900, at in 0usize..900, value in any::<u8>(), which in 0usize..4) {
        let mut packed = grey(16, 12, 16, 16, false);
        put_fragments(&mut packed, &[hex(J2K_16_BITS)]);
        let mut bytes = match which {
            0 => encode_secondary_capture(&GrayImage::black(3, 3), "{}", None).unwrap(),
            1 => file(&packed, J2K),
            2 => file(&ramp_set(), IMPLICIT),
            _ => file(&ramp_set(), BIG),
        };
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        let _whole = decode_radiograph(&bytes, "a");
        bytes.truncate(cut);
        let _cut = decode_radiograph(&bytes, "a");
    }
}

#[test]
fn the_file_says_that_it_is_synthetic() {
    let image = GrayImage::black(3, 2);
    let bytes = encode_secondary_capture(&image, "{\"a\":1}", Some((0.2, 0.2))).unwrap();
    let set = super::parse(&bytes).unwrap();
    let text = |tag| set.element(tag).unwrap().to_str().unwrap().trim_matches([' ', '\0']).to_owned();
    assert_eq!(text(tags::PATIENT_NAME), "SYNTHETIC");
    assert_eq!(text(tags::IMAGE_TYPE), "DERIVED\\SECONDARY");
    assert_eq!((text(tags::SYNTHETIC_DATA), text(tags::BURNED_IN_ANNOTATION)), ("YES".to_owned(), "NO".to_owned()));
    assert!(text(tags::IMAGE_COMMENTS).starts_with("Synthetic") && text(tags::DERIVATION_DESCRIPTION).starts_with("Synthetic"));
    let uid = text(tags::SOP_INSTANCE_UID);
    assert!(uid.starts_with("2.25.") && uid.len() <= 64 && uid != text(tags::STUDY_INSTANCE_UID));
    assert_ne!(
        super::parse(&encode_secondary_capture(&image, "{\"a\":2}", None).unwrap())
            .unwrap()
            .element(tags::SOP_INSTANCE_UID)
            .unwrap()
            .to_str()
            .unwrap()
            .trim_matches('\0'),
        uid
    );
    assert_eq!(decode_text(&file(&ramp_set(), EXPLICIT), "a").unwrap(), None);
    assert!(encode_secondary_capture(&image, "", Some((0.0, 1.0))).is_err());
    let mut damaged = set.clone();
    damaged.put(DataElement::new(dicom_core::Tag(0x0099, 0x1002), VR::UL, PrimitiveValue::from(99u32)));
    assert!(decode_text(&file(&damaged, EXPLICIT), "a").unwrap_err().to_string().contains("run record"));
}

#[test]
fn an_edit_says_so_and_claims_nothing_about_what_was_before() {
    let image = GrayImage::black(3, 2);
    let capture =
        Capture { image: &image, content: Content::EditedRegion, record: Some("{}"), full_size: Some("{ }"), spacing_mm: None };
    let bytes = encode_capture(&capture).unwrap();
    assert_eq!(decode_text(&bytes, "a").unwrap().as_deref(), Some("{}"));
    assert_eq!(decode_full_size(&bytes, "a").unwrap().as_deref(), Some("{ }"));
    let set = super::parse(&bytes).unwrap();
    assert!(set.element(tags::IMAGE_COMMENTS).unwrap().to_str().unwrap().starts_with("EDITED REGION"));
    assert!(set.get(tags::BURNED_IN_ANNOTATION).is_none());
    let bare = encode_capture(&Capture { record: None, full_size: None, ..capture }).unwrap();
    assert_eq!((decode_text(&bare, "a").unwrap(), decode_full_size(&bare, "a").unwrap()), (None, None));
    assert!(
        !bare.windows(7).any(|w| w == b"CHEXGEN") || super::parse(&bare).unwrap().get(dicom_core::Tag(0x0099, 0x0010)).is_none()
    );
}

#[test]
fn all_windows_of_a_file_are_offered() {
    let mut set = grey(4, 1, 16, 12, false);
    put_pixels(&mut set, &[0, 1000, 2000, 4095]);
    let set = with(with(set, tags::WINDOW_CENTER, VR::DS, "1000\\2048"), tags::WINDOW_WIDTH, VR::DS, "2001\\0");
    let read = decode_radiograph(&file(&set, EXPLICIT), "a").unwrap();
    let stored = read.stored.expect("two ways");
    let titles: Vec<&str> = stored.windows().iter().map(|window| window.title.as_str()).collect();
    assert_eq!(titles, ["Centre 1000, width 2001", "Full range"], "a damaged second window is left out");
    assert_eq!(stored.image(0).unwrap(), read.image);
    assert_eq!(stored.image(1).unwrap().pixels(), [0, 16004, 32007, 65535]);
    assert_eq!(stored.image(2), None);
    let plain = grey(4, 1, 16, 12, false);
    let mut plain = plain;
    put_pixels(&mut plain, &[0, 1, 2, 3]);
    assert_eq!(decode_radiograph(&file(&plain, EXPLICIT), "a").unwrap().stored, None);
}
