//! What the head of a picture says about its colours, for the note that they became grey.

/// Whether a PNG or JPEG holds colours; a palette counts as colour.
pub fn is_in_colour(bytes: &[u8]) -> bool {
    match bytes {
        // The kind of colour stands behind width, height and depth in the first chunk.
        [0x89, b'P', ..] => bytes.get(25).is_some_and(|kind| matches!(kind, 2 | 3 | 6)),
        [0xff, 0xd8, ..] => jpeg_components(bytes).is_some_and(|count| count > 1),
        _ => false,
    }
}

/// Components of a JPEG's frame.
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        let [0xff, mark, high, low] = *bytes.get(at..)?.first_chunk::<4>()? else { return None };
        if matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc) {
            return bytes.get(at + 9).copied();
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_seen_in_the_head() {
        let made = |color: image::DynamicImage, format| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            color.write_to(&mut bytes, format).expect("encoded");
            bytes.into_inner()
        };
        for format in [image::ImageFormat::Png, image::ImageFormat::Jpeg] {
            assert!(is_in_colour(&made(image::DynamicImage::new_rgb8(9, 9), format)), "{format:?}");
            assert!(!is_in_colour(&made(image::DynamicImage::new_luma8(9, 9), format)), "{format:?}");
        }
        assert!(!is_in_colour(&[0xff, 0xd8, 0xff, 0xe0, 0, 0]));
    }
}
