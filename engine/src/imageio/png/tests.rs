use proptest::prelude::*;

use super::*;

/// A PNG of any kind, made by the encoder of the png crate.
fn made(width: u32, height: u32, color: ColorType, depth: BitDepth, data: &[u8], palette: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    out
}

fn gray(bytes: &[u8]) -> Vec<u16> {
    decode_gray(bytes, "t.png").unwrap().pixels().to_vec()
}

#[test]
fn every_colour_type_becomes_gray() {
    use BitDepth::{Eight, One, Sixteen};
    let g8 = made(3, 1, ColorType::Grayscale, Eight, &[0, 128, 255], None);
    assert_eq!(gray(&g8), [0, 128 * 257, 65535]);
    let g16 = made(2, 1, ColorType::Grayscale, Sixteen, &[0x12, 0x34, 0xff, 0xff], None);
    assert_eq!(gray(&g16), [0x1234, 0xffff]);
    let bits = made(4, 1, ColorType::Grayscale, One, &[0b1010_0000], None);
    assert_eq!(gray(&bits), [65535, 0, 65535, 0]);
    let rgb = made(4, 1, ColorType::Rgb, Eight, &[77, 77, 77, 255, 0, 0, 0, 255, 0, 255, 255, 255], None);
    let got = gray(&rgb);
    assert_eq!((got[0], got[3]), (77 * 257, 65535), "equal channels keep their value");
    assert_eq!((got[1] >> 8, got[2] >> 8), (76, 150), "BT.601");
    let la = made(2, 1, ColorType::GrayscaleAlpha, Eight, &[200, 255, 200, 0], None);
    assert_eq!(gray(&la), [200 * 257, 0], "transparent is black");
    let rgba = made(2, 1, ColorType::Rgba, Eight, &[255, 255, 255, 0, 9, 9, 9, 255], None);
    assert_eq!(gray(&rgba), [0, 9 * 257]);
    let indexed = made(2, 1, ColorType::Indexed, Eight, &[1, 0], Some(&[0, 0, 0, 255, 255, 255]));
    assert_eq!(gray(&indexed), [65535, 0]);
}

#[test]
fn the_mask_threshold_is_128_of_255() {
    let bytes = made(4, 1, ColorType::Grayscale, BitDepth::Eight, &[0, 127, 128, 255], None);
    assert_eq!(decode_mask(&bytes, "m.png").unwrap().bits(), [0, 0, 1, 1]);
}

#[test]
fn sixteen_bits_and_both_texts_come_back() {
    let image = GrayImage::new(3, 2, vec![0, 1, 2, 40000, 65534, 65535]).unwrap();
    let long = "Thorax — ünïcode ".repeat(500);
    let bytes = encode_gray16(&image, &[Text::Plain("Comment", "synthetic"), Text::Packed("chexgen", &long)]).unwrap();
    assert_eq!(decode_gray(&bytes, "a.png").unwrap(), image);
    assert_eq!(decode_text(&bytes, "chexgen", "a.png").unwrap().as_deref(), Some(long.as_str()));
    assert_eq!(decode_text(&bytes, "Comment", "a.png").unwrap().as_deref(), Some("synthetic"));
    assert_eq!(decode_text(&bytes, "other", "a.png").unwrap(), None);
    assert!(bytes.len() < 2000, "the long text is packed: {}", bytes.len());
}

#[test]
fn a_mask_comes_back() {
    let mask = Mask::from_fn(7, 5, |x, y| (x + 2 * y) % 3 == 0);
    assert_eq!(decode_mask(&encode_mask(&mask, &[]).unwrap(), "m.png").unwrap(), mask);
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let image = GrayImage::new(8, 8, (0..64).map(|v| v * 1000).collect()).unwrap();
    let bytes = encode_gray16(&image, &[]).unwrap();
    for len in 0..bytes.len() - 12 {
        let error = decode_gray(&bytes[..len], "cut.png").expect_err(&format!("cut to {len} bytes")).to_string();
        assert!(error.starts_with("cut.png"), "{error}");
    }
    assert!(matches!(decode_gray(&bytes[..bytes.len() - 20], "c"), Err(PngError::Truncated { .. })));
}

#[test]
fn foreign_and_oversized_files_are_named() {
    let error = |bytes: &[u8]| decode_gray(bytes, "x.png").unwrap_err().to_string();
    assert_eq!(error(&[]), "x.png is not a PNG file (it is empty); convert it to PNG first");
    assert!(error(&[0xff, 0xd8, 0xff, 0xe0]).contains("JPEG"));
    assert!(error(b"name,impression\n").contains("not a PNG"));
    let wide = made(MAX_SIDE_PX + 1, 1, ColorType::Grayscale, BitDepth::Eight, &vec![0; MAX_SIDE_PX as usize + 1], None);
    assert!(error(&wide).contains("8193×1 pixels"), "{}", error(&wide));
    let missing = read_gray(Path::new("/nowhere/a.png")).unwrap_err().to_string();
    assert_eq!(missing, "cannot read /nowhere/a.png: there is no such file");
}

proptest! {
    #[test]
    fn any_bytes_give_a_value_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), sign in any::<bool>()) {
        if sign {
            bytes.splice(0..0, *b"\x89PNG\r\n\x1a\n");
        }
        drop(decode_gray(&bytes, "f"));
        drop(decode_text(&bytes, "chexgen", "f"));
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..140, value in any::<u8>()) {
        let image = GrayImage::new(4, 4, (0..16).map(|v| v * 4000).collect()).unwrap();
        let mut bytes = encode_gray16(&image, &[Text::Packed("chexgen", "{\"a\": 1}")]).unwrap();
        let at = at % bytes.len();
        bytes[at] = value;
        drop(decode_gray(&bytes, "f"));
        drop(decode_text(&bytes, "chexgen", "f"));
    }

    #[test]
    fn any_image_comes_back(w in 1u32..20, h in 1u32..20, seed in any::<u64>()) {
        let pixels = (0..u64::from(w * h)).map(|i| (seed.wrapping_mul(i * 2 + 1) >> 48) as u16).collect();
        let image = GrayImage::new(w, h, pixels).unwrap();
        prop_assert_eq!(decode_gray(&encode_gray16(&image, &[]).unwrap(), "a").unwrap(), image);
    }
}

#[test]
fn thumbnails_keep_proportions_and_mean_grey() {
    let image = GrayImage::new(6, 3, (0..18).map(|i| if i % 6 < 3 { 0 } else { 65535 }).collect()).unwrap();
    let small = decode_gray(&encode_thumbnail(&image, 2).unwrap(), "small").unwrap();
    assert_eq!((small.width(), small.height(), small.pixels()), (2, 1, &[0, 65535][..]));
    let same = decode_gray(&encode_thumbnail(&image, 100).unwrap(), "same").unwrap();
    assert_eq!(same, image);
    let odd = GrayImage::new(5, 7, vec![257 * 77; 35]).unwrap();
    let small = decode_gray(&encode_thumbnail(&odd, 3).unwrap(), "odd").unwrap();
    assert_eq!((small.width(), small.height()), (2, 3));
    assert!(small.pixels().iter().all(|&grey| grey == 257 * 77));
}
