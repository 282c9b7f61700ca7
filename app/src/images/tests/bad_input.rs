//! A folder of damaged and foreign files of every kind: each opens or gives one sentence, in bounded memory and time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::domain::{Finding, GrayImage, Mask};
use engine::masks::LabelledMask;
use engine::masks::export::{self, MaskFormat, MaskSet};

use super::super::open::{Found, Hints, open};
use super::{dicom_file, edited_case, generate, images, radiograph, written};
use crate::images::{Action, ExportChoice};

/// Longest a file may take; a machine that is busy is slow.
const SLOWEST: Duration = Duration::from_secs(20);
/// Most memory that opening any of them may take beyond what was there, in bytes.
const MOST_BYTES: u64 = 900 << 20;

fn hints() -> Hints {
    Hints { size_px: 64, base: Some(("a.png".to_owned(), 48, 32)), ..Hints::default() }
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |c: u32| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
    !bytes.iter().fold(!0u32, |c, b| (0..8).fold(c ^ u32::from(*b), |c, _| step(c)))
}

/// Data as zlib has it, in blocks that are not packed.
fn stored(data: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = if data.is_empty() { vec![data] } else { data.chunks(65535).collect() };
    for (i, block) in blocks.iter().enumerate() {
        out.push(u8::from(i + 1 == blocks.len()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(*block);
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// A PNG with this head, further chunks and rows of samples, filter bytes included.
fn raw_png(width: u32, height: u32, depth: u8, color: u8, chunks: &[(&[u8; 4], Vec<u8>)], rows: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([depth, color, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let all = [vec![(b"IHDR", head)], chunks.to_vec(), vec![(b"IDAT", stored(rows)), (b"IEND", Vec::new())]].concat();
    for (kind, data) in all {
        let body = [&kind[..], &data].concat();
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(&body);
        out.extend(crc(&body).to_be_bytes());
    }
    out
}

/// How pixels lie in a made DICOM file.
struct Dcm<'a> {
    syntax: &'a str,
    photometric: &'a str,
    rows: u16,
    columns: u16,
    allocated: u16,
    stored: u16,
    samples: u16,
}

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
const J2K: &str = "1.2.840.10008.1.2.4.90";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const PLAIN: &str = "1.2.840.10008.1.2.1";

impl Default for Dcm<'_> {
    fn default() -> Self {
        Self { syntax: PLAIN, photometric: "MONOCHROME2", rows: 8, columns: 8, allocated: 16, stored: 16, samples: 1 }
    }
}

impl Dcm<'_> {
    /// The file, with pixels as they are, or in one fragment.
    fn file(&self, pixels: &[u8], packed: bool) -> Vec<u8> {
        fn element(group: u16, number: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
            let mut value = value.to_vec();
            if value.len() % 2 == 1 {
                value.push(if vr == b"UI" { 0 } else { b' ' });
            }
            let mut out = [group.to_le_bytes(), number.to_le_bytes()].concat();
            out.extend(vr);
            if vr == b"OW" || vr == b"OB" {
                out.extend([0, 0]);
                out.extend((value.len() as u32).to_le_bytes());
            } else {
                out.extend((value.len() as u16).to_le_bytes());
            }
            out.extend(value);
            out
        }
        let word = |group, number, value: u16| element(group, number, b"US", &value.to_le_bytes());
        let mut out = [vec![0; 128], b"DICM".to_vec(), element(2, 0x10, b"UI", self.syntax.as_bytes())].concat();
        out.extend(element(0x10, 0x10, b"PN", b"DOE^JANE"));
        out.extend(word(0x28, 2, self.samples));
        out.extend(element(0x28, 4, b"CS", self.photometric.as_bytes()));
        out.extend(word(0x28, 0x10, self.rows));
        out.extend(word(0x28, 0x11, self.columns));
        out.extend(word(0x28, 0x100, self.allocated));
        out.extend(word(0x28, 0x101, self.stored));
        out.extend(word(0x28, 0x102, self.stored.saturating_sub(1)));
        out.extend(word(0x28, 0x103, 0));
        if packed {
            let item = |bytes: &[u8]| [&[0xfe, 0xff, 0, 0xe0][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat();
            out.extend([0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff]);
            out.extend(item(&[]));
            out.extend(item(pixels));
            out.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        } else {
            out.extend(element(0x7fe0, 0x10, b"OW", pixels));
        }
        out
    }
}

/// RLE data with this table of segments.
fn rle(table: &[u32], body: &[u8]) -> Vec<u8> {
    let mut table = table.to_vec();
    table.resize(16, 0);
    [table.into_iter().flat_map(u32::to_le_bytes).collect(), body.to_vec()].concat()
}

fn encoded(image: image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

/// Whole files of every kind that is read, by name.
fn whole(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut state = edited_case(dir, 48, 32);
    generate(&mut state);
    for (png, dicom) in [(true, false), (false, true)] {
        images(&mut state, Action::SetExport(ExportChoice { png, dicom, ..ExportChoice::default() }));
        let path = written(&mut state, Action::Export);
        let name = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((format!("saved.{name}"), std::fs::read(path).expect("readable")));
    }
    files.push(("opened.dcm".to_owned(), std::fs::read(dicom_file(dir, &radiograph(24, 16))).expect("readable")));
    let rgb = image::DynamicImage::new_rgb8(9, 7);
    files.push(("colour.jpg".to_owned(), encoded(rgb.clone(), image::ImageFormat::Jpeg)));
    files.push(("grey.jpg".to_owned(), encoded(image::DynamicImage::new_luma8(16, 16), image::ImageFormat::Jpeg)));
    files.push(("rgb16.png".to_owned(), encoded(image::DynamicImage::new_rgb16(9, 7), image::ImageFormat::Png)));
    files.push(("rgba.png".to_owned(), encoded(image::DynamicImage::new_rgba8(9, 7), image::ImageFormat::Png)));
    let palette = (b"PLTE", vec![0, 0, 0, 90, 90, 90, 200, 200, 200]);
    files.push(("palette.png".to_owned(), raw_png(3, 1, 8, 3, &[palette], &[0, 0, 1, 2])));
    files.push(("one.png".to_owned(), raw_png(1, 1, 16, 0, &[], &[0, 7, 9])));
    let mask = Mask::from_fn(48, 32, |x, y| x > y);
    let masks = [LabelledMask { label: Finding::Edema.name().to_owned(), mask }];
    let set = MaskSet { stem: "masks", image: "a.png", masks: &masks, spacing_mm: Some((0.2, 0.2)), capture: None };
    for format in MaskFormat::ALL {
        for file in export::encode(format, &set).expect("encoded") {
            if !file.name.ends_with("_classes.txt") {
                files.push((file.name, file.bytes));
            }
        }
    }
    let data = [1u8, 7, 9].repeat(43);
    files.push(("rle.dcm".to_owned(), Dcm { syntax: RLE, ..Dcm::default() }.file(&rle(&[2, 64, 66], &[0xc1, 5, 0xc1, 9]), true)));
    files.push(("mono1.dcm".to_owned(), Dcm { photometric: "MONOCHROME1", ..Dcm::default() }.file(&data, false)));
    files
}

/// 64 MiB and a little of blanks or zeros, packed into a few kilobytes: the picture data of a black mask.
fn bomb() -> Vec<u8> {
    let black = engine::imageio::png::encode_mask(&Mask::empty(8192, 8192), &[]).expect("encoded");
    let mut packed = Vec::new();
    let mut at = 8;
    while let Some(head) = black.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == b"IDAT" {
            packed.extend(&black[at + 8..at + 8 + length]);
        }
        at += length + 12;
    }
    packed
}

/// Files that no program should have made, and whether they open.
fn strange() -> Vec<(&'static str, Vec<u8>, bool)> {
    let plain = [0u8; 128];
    let bomb_text = {
        // A record of 200 MB of blanks; packed by hand it is as long as it is.
        let mut chunk = b"chexgen\0\0\0\0\0".to_vec();
        chunk.extend(vec![b' '; 3 << 20]);
        raw_png(1, 1, 8, 0, &[(b"iTXt", chunk)], &[0, 7])
    };
    let text_bomb = [&b"chexgen\0\x01\0\0\0"[..], &bomb()].concat();
    // Gzip around the same packed data, which is a zlib stream of two bytes before and four behind.
    let packed = bomb();
    let gzip_bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &packed[2..]].concat();
    let deep = format!("{{\"images\": [], \"annotations\": {}", "[".repeat(200_000));
    let runs = "{\"images\":[{\"id\":1,\"file_name\":\"a.png\",\"width\":8000,\"height\":8000}],\"categories\":[{\"id\":1,\"name\":\"x\"}],\"annotations\":[";
    let many = vec!["{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,8000,8000]}"; 300].join(",");
    let absurd = format!("0 {}", u64::MAX);
    vec![
        ("empty.png", Vec::new(), false),
        ("only-mark.png", b"\x89PNG\r\n\x1a\n".to_vec(), false),
        ("huge.png", raw_png(20_000, 20_000, 8, 0, &[], &[0]), false),
        ("endless.png", raw_png(u32::MAX, u32::MAX, 16, 6, &[], &[0]), false),
        ("zero.png", raw_png(0, 0, 8, 0, &[], &[]), false),
        ("short-rows.png", raw_png(64, 64, 8, 0, &[], &[0; 65]), false),
        ("no-palette.png", raw_png(3, 1, 8, 3, &[], &[0, 0, 1, 2]), false),
        ("wrong-depth.png", raw_png(3, 1, 7, 0, &[], &[0, 0, 1, 2]), false),
        ("blank-record.png", bomb_text, false),
        ("text-bomb.png", raw_png(1, 1, 8, 0, &[(b"iTXt", text_bomb)], &[0, 7]), false),
        ("bomb.nii.gz", gzip_bomb, false),
        ("archive.zip", b"PK\x03\x04aaaa".to_vec(), false),
        ("animation.gif", b"GIF89a".to_vec(), false),
        ("scan.tif", b"II*\0rest".to_vec(), false),
        ("paper.pdf", b"%PDF-1.7".to_vec(), false),
        ("report.txt", "Befund: kein Pneumothorax.".into(), false),
        ("noise.bin", (0..999u32).map(|i| (i * i * 31 % 251) as u8 | 1).collect(), false),
        ("deep.json", deep.into_bytes(), false),
        ("many.json", format!("{runs}{many}]}}").into_bytes(), false),
        ("other.json", b"{\"a\": 1}".to_vec(), false),
        ("record.json", b"{\"format\": \"chexgen-run\", \"version\": 1}".to_vec(), false),
        ("absurd-runs.txt", absurd.into_bytes(), false),
        ("packed-nothing.gz", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], false),
        (
            "huge.jpg",
            [
                &[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0][..],
                &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xff, 0xd9],
            ]
            .concat(),
            false,
        ),
        ("palette.dcm", Dcm { photometric: "PALETTE COLOR", ..Dcm::default() }.file(&plain, false), false),
        ("wrong.dcm", Dcm { photometric: "MONOCHROME3", ..Dcm::default() }.file(&plain, false), false),
        ("colour.dcm", Dcm { photometric: "RGB", ..Dcm::default() }.file(&plain, false), false),
        ("bits.dcm", Dcm { allocated: 32, stored: 32, ..Dcm::default() }.file(&plain, false), false),
        ("odd-bits.dcm", Dcm { stored: 17, ..Dcm::default() }.file(&plain, false), false),
        ("short.dcm", Dcm { rows: 9, ..Dcm::default() }.file(&plain, false), false),
        ("zero.dcm", Dcm { rows: 0, ..Dcm::default() }.file(&plain, false), false),
        ("huge.dcm", Dcm { rows: 65535, columns: 65535, ..Dcm::default() }.file(&plain, false), false),
        ("unknown.dcm", Dcm { syntax: "1.2.3", ..Dcm::default() }.file(&plain, false), false),
        ("good.dcm", Dcm::default().file(&plain, false), true),
        ("rle-none.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&[], true), false),
        ("rle-count.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&rle(&[15, 64], &[0xc1, 5]), true), false),
        ("rle-outside.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&rle(&[2, 64, u32::MAX], &[0xc1, 5]), true), false),
        ("rle-backwards.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&rle(&[2, 66, 64], &[0xc1, 5, 0xc1, 5]), true), false),
        ("rle-short.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&rle(&[2, 64, 66], &[0x7f, 5, 0xc1]), true), false),
        (
            "jpeg.dcm",
            Dcm { syntax: JPEG, allocated: 8, stored: 8, ..Dcm::default() }.file(&[0xff, 0xd8, 0xff, 0xe0, 0, 4], true),
            false,
        ),
        ("j2k.dcm", Dcm { syntax: J2K, ..Dcm::default() }.file(&[0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0], true), false),
        ("jls.dcm", Dcm { syntax: JPEG_LS, ..Dcm::default() }.file(&[0xff, 0xd8, 0xff, 0xf7, 0, 11, 16, 0, 8], true), false),
        ("not-packed.dcm", Dcm { syntax: RLE, ..Dcm::default() }.file(&plain, false), false),
    ]
}

/// Memory of this process in bytes, where the system tells.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Opens a file and checks what is said; whether it opened.
fn try_one(path: &Path) -> bool {
    let (before, began) = (resident(), Instant::now());
    let found = open(path, &hints());
    assert!(began.elapsed() < SLOWEST, "{} took {:?}", path.display(), began.elapsed());
    assert!(resident() < before + MOST_BYTES, "{} left {} MiB behind", path.display(), resident() >> 20);
    match found {
        Ok(found) => {
            if let Found::Picture(picture) = found {
                assert_eq!(picture.square.width(), 64);
            }
            true
        }
        Err(sentence) => {
            let name = path.file_name().expect("a name").to_string_lossy();
            assert!(sentence.ends_with(&format!("({name}).")), "{sentence}");
            assert!(sentence.len() < 400 && !sentence.contains('\n') && !sentence.contains("DOE"), "{sentence}");
            assert!(sentence.chars().next().is_some_and(|c| !c.is_lowercase()), "{sentence}");
            assert_eq!(sentence.matches(&*name).count(), 1, "the name once: {sentence}");
            false
        }
    }
}

#[test]
fn strange_files_give_one_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, bytes, opens) in strange() {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(try_one(&path), opens, "{name}");
    }
    assert!(!try_one(&dir.path().join("missing.dcm")));
    let folder = dir.path().join("folder.png");
    std::fs::create_dir(&folder).expect("made");
    assert!(!try_one(&folder));
    #[cfg(unix)]
    {
        let pipe = dir.path().join("pipe.png");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            assert!(!try_one(&pipe), "a pipe is not waited for");
        }
    }
}

#[test]
fn a_picture_that_is_refused_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let jpeg = encoded(image::DynamicImage::new_luma8(64, 64), image::ImageFormat::Jpeg);
    let files = [
        ("cut.jpg", jpeg[..jpeg.len() / 2].to_vec(), "copy or export it again (cut.jpg)."),
        ("huge.png", raw_png(20_000, 20_000, 8, 0, &[], &[]), "at most 8192×8192 is read; scale it down first (huge.png)."),
    ];
    for (name, bytes, end) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let why = open(&path, &hints()).expect_err("it is refused");
        assert!(why.ends_with(end), "{why}");
    }
}

#[test]
fn whole_files_open_and_damaged_copies_do_no_harm() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = whole(dir.path());
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let mut refused = 0;
    for (name, bytes) in &files {
        let path: PathBuf = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        assert!(try_one(&path), "{name}");
        for round in 0..40 {
            let mut damaged = bytes.clone();
            match round % 4 {
                0 => damaged.truncate(next(bytes.len())),
                1 => (0..1 + next(6)).for_each(|_| damaged[next(bytes.len())] = next(256) as u8),
                2 => {
                    let at = next(bytes.len());
                    damaged.splice(at..at, [0xff; 4]);
                }
                _ => {
                    let from = next(bytes.len());
                    damaged.drain(from..(from + 1 + next(64)).min(bytes.len()));
                }
            }
            std::fs::write(&path, damaged).expect("written");
            refused += usize::from(!try_one(&path));
        }
    }
    assert!(refused > files.len() * 20, "most damage is seen: {refused} of {}", files.len() * 40);
}

#[test]
fn a_large_picture_takes_bounded_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("large.png");
    let image = GrayImage::black(4096, 4096);
    std::fs::write(&path, engine::imageio::png::encode_gray16(&image, &[]).expect("encoded")).expect("written");
    let before = resident();
    assert!(try_one(&path));
    assert!(resident() < before + (200 << 20), "what opening took is given back");
}
