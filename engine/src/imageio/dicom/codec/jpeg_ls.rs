//! JPEG-LS, lossless and near-lossless, of one component.
//!
//! # Source
//! ITU-T T.87: A.2 to A.7 (modelling and coding), C.2 (markers), C.2.4.1.1 (default thresholds).

use crate::imageio::dicom::frame::Frame;
use crate::imageio::dicom::layout::Layout;
use crate::imageio::fault::Fault;

/// What errors call the data.
const PART: &str = "the JPEG-LS data";
const REMEDY: &str = "convert the file to Explicit VR Little Endian first";

/// Bits of a run's length by its index (A.2.1).
const J: [u32; 32] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Contexts of gradients; two more are for the ends of runs.
const CONTEXTS: usize = 365;

/// A frame from a JPEG-LS stream.
///
/// # Errors
/// When it is damaged, of another size than the layout, or has several components.
pub(in crate::imageio::dicom) fn decode(data: &[u8], layout: &Layout) -> Result<Frame, Fault> {
    let header = Header::read(data)?;
    if (header.width, header.height) != (layout.width, layout.height) {
        return Err(Fault::damaged(PART, format!("is {}×{} pixels, unlike Rows and Columns", header.width, header.height)));
    }
    if header.bits > layout.allocated || layout.photometric.samples() != 1 {
        return Err(Fault::damaged(PART, "has other samples than SamplesPerPixel and BitsAllocated say"));
    }
    Ok(Frame::Grey(Scan::new(&header, &data[header.data_at..]).decode(layout.width as usize, layout.height as usize)?))
}

/// Everything before the coded data.
struct Header {
    width: u32,
    height: u32,
    bits: u32,
    near: i32,
    /// Greatest value, three thresholds and the reset interval; zero stands for the default.
    preset: [i32; 5],
    data_at: usize,
}

impl Header {
    fn read(data: &[u8]) -> Result<Self, Fault> {
        let short = || Fault::truncated(PART);
        let mut header = Self { width: 0, height: 0, bits: 0, near: 0, preset: [0; 5], data_at: 0 };
        if !data.starts_with(&[0xff, 0xd8]) {
            return Err(Fault::damaged(PART, "does not begin as JPEG"));
        }
        let mut at = 2;
        loop {
            let head = data.get(at..at + 4).ok_or_else(short)?;
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            if head[0] != 0xff || length < 2 {
                return Err(Fault::damaged(PART, "has a broken marker"));
            }
            let body = data.get(at + 4..at + 2 + length).ok_or_else(short)?;
            let word = |i: usize| body.get(i..i + 2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or_else(short);
            at += 2 + length;
            match head[1] {
                0xf7 => {
                    header.bits = (*body.first().ok_or_else(short)?).into();
                    (header.height, header.width) = (word(1)?.into(), word(3)?.into());
                    if body.get(5) != Some(&1) {
                        return Err(Fault::unsupported("JPEG-LS in colour", REMEDY));
                    }
                    if !(2..=16).contains(&header.bits) {
                        return Err(Fault::damaged(PART, "has a depth other than 2 to 16 bits"));
                    }
                }
                0xf8 if body.first() == Some(&1) => {
                    for (i, value) in header.preset.iter_mut().enumerate() {
                        *value = word(1 + 2 * i)?.into();
                    }
                }
                0xf8 => return Err(Fault::unsupported("JPEG-LS with a mapping table", REMEDY)),
                0xdd if body.iter().any(|byte| *byte != 0) => {
                    return Err(Fault::unsupported("JPEG-LS with restart intervals", REMEDY));
                }
                0xda => {
                    if header.bits == 0 {
                        return Err(Fault::damaged(PART, "has no frame header"));
                    }
                    let [1, _, 0, near, 0, 0] = *body else {
                        return Err(Fault::unsupported("this kind of JPEG-LS scan", REMEDY));
                    };
                    header.near = near.into();
                    header.data_at = at;
                    return Ok(header);
                }
                _ => {}
            }
        }
    }
}

/// Bits of the coded data; after a byte FF the next has seven.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    hold: u64,
    count: u32,
}

impl Bits<'_> {
    fn fill(&mut self, need: u32) -> Result<(), Fault> {
        while self.count < need {
            let byte = *self.data.get(self.at).ok_or_else(|| Fault::truncated(PART))?;
            let stuffed = self.at > 0 && self.data[self.at - 1] == 0xff;
            if stuffed && byte >= 0x80 {
                return Err(Fault::truncated(PART)); // a marker
            }
            self.at += 1;
            let bits = if stuffed { 7 } else { 8 };
            self.hold = self.hold << bits | u64::from(byte);
            self.count += bits;
        }
        Ok(())
    }

    fn take(&mut self, bits: u32) -> Result<i32, Fault> {
        self.fill(bits)?;
        self.count -= bits;
        let value = self.hold >> self.count & ((1 << bits) - 1);
        Ok(value as i32)
    }

    /// A limited Golomb code (A.5.3).
    fn golomb(&mut self, k: u32, limit: u32, long: u32) -> Result<i32, Fault> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > limit {
                return Err(Fault::damaged(PART, "has a code that is too long"));
            }
        }
        if zeros < limit - long - 1 { Ok(((zeros as i32) << k) | self.take(k)?) } else { Ok(self.take(long)? + 1) }
    }
}

struct Scan<'a> {
    bits: Bits<'a>,
    near: i32,
    max: i32,
    thresholds: [i32; 3],
    reset: i32,
    range: i32,
    long: u32,
    limit: u32,
    run_index: usize,
    /// Sums of magnitudes, sums of errors, corrections, counts; negative errors at ends of runs.
    a: [i32; CONTEXTS + 2],
    b: [i32; CONTEXTS],
    c: [i32; CONTEXTS],
    n: [i32; CONTEXTS + 2],
    negative: [i32; 2],
}

impl<'a> Scan<'a> {
    fn new(header: &Header, data: &'a [u8]) -> Self {
        let [max, t1, t2, t3, reset] = header.preset;
        let (near, full) = (header.near, (1 << header.bits) - 1);
        let max = if max == 0 { full } else { max.min(full) };
        let default = default_thresholds(max, near);
        let or = |given: i32, default: i32| if given == 0 { default } else { given };
        let range = (max + 2 * near) / (2 * near + 1) + 1;
        let log2 = |v: i32| 32 - (v - 1).max(0).leading_zeros();
        let depth = log2(max + 1).max(2);
        Self {
            bits: Bits { data, at: 0, hold: 0, count: 0 },
            near,
            max,
            thresholds: [or(t1, default[0]), or(t2, default[1]), or(t3, default[2])],
            reset: or(reset, 64),
            range,
            long: log2(range),
            limit: 2 * (depth + depth.max(8)),
            run_index: 0,
            a: [2.max((range + 32) / 64); CONTEXTS + 2],
            b: [0; CONTEXTS],
            c: [0; CONTEXTS],
            n: [1; CONTEXTS + 2],
            negative: [0; 2],
        }
    }

    fn decode(mut self, width: usize, height: usize) -> Result<Vec<u16>, Fault> {
        // One sample on either side of a line stands for what lies outside.
        let mut above = vec![0i32; width + 2];
        let mut line = vec![0i32; width + 2];
        let mut out = Vec::with_capacity(width * height);
        for _ in 0..height {
            line[0] = above[1];
            above[width + 1] = above[width];
            self.line(&above, &mut line)?;
            out.extend(line[1..=width].iter().map(|v| *v as u16));
            std::mem::swap(&mut above, &mut line);
        }
        Ok(out)
    }

    fn line(&mut self, above: &[i32], line: &mut [i32]) -> Result<(), Fault> {
        let end = line.len() - 1;
        let mut x = 1;
        while x < end {
            let (left, up, corner, ahead) = (line[x - 1], above[x], above[x - 1], above[x + 1]);
            let gradients = [ahead - up, up - corner, corner - left];
            if gradients.iter().all(|d| d.abs() <= self.near) {
                x = self.run(above, line, x)?;
            } else {
                line[x] = self.regular(gradients, left, up, corner)?;
                x += 1;
            }
        }
        Ok(())
    }

    /// A sample from its context (A.3 to A.6).
    fn regular(&mut self, gradients: [i32; 3], left: i32, up: i32, corner: i32) -> Result<i32, Fault> {
        let [q1, q2, q3] = gradients.map(|d| self.quantised(d));
        let context = 81 * q1 + 9 * q2 + q3;
        let sign = context.signum();
        let q = context.unsigned_abs() as usize;
        let guess = if corner >= left.max(up) {
            left.min(up)
        } else if corner <= left.min(up) {
            left.max(up)
        } else {
            left + up - corner
        };
        let guess = (guess + sign * self.c[q]).clamp(0, self.max);
        let k = self.code_length(q, self.a[q]);
        let mapped = self.bits.golomb(k, self.limit, self.long)?;
        let turned = self.near == 0 && k == 0 && 2 * self.b[q] <= -self.n[q];
        let error = match (mapped % 2 == 1, turned) {
            (true, true) => mapped / 2,
            (false, true) => -(mapped / 2) - 1,
            (true, false) => -(mapped / 2) - 1,
            (false, false) => mapped / 2,
        };
        self.b[q] += error * (2 * self.near + 1);
        self.a[q] += error.abs();
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.b[q] >>= 1;
            self.n[q] >>= 1;
        }
        self.n[q] += 1;
        if self.b[q] <= -self.n[q] {
            self.b[q] = (self.b[q] + self.n[q]).max(1 - self.n[q]);
            self.c[q] = (self.c[q] - 1).max(-128);
        } else if self.b[q] > 0 {
            self.b[q] = (self.b[q] - self.n[q]).min(0);
            self.c[q] = (self.c[q] + 1).min(127);
        }
        Ok(self.restored(guess, sign * error))
    }

    /// A run from `x` and the sample that ends it; gives the next place (A.7).
    fn run(&mut self, above: &[i32], line: &mut [i32], mut x: usize) -> Result<usize, Fault> {
        let end = line.len() - 1;
        let value = line[x - 1];
        while self.bits.take(1)? == 1 {
            let length = 1usize << J[self.run_index];
            let filled = length.min(end - x);
            line[x..x + filled].fill(value);
            x += filled;
            if filled == length {
                self.run_index = (self.run_index + 1).min(J.len() - 1);
            }
            if x == end {
                return Ok(end);
            }
        }
        let rest = self.bits.take(J[self.run_index])? as usize;
        if rest >= end - x {
            return Err(Fault::damaged(PART, "has a run that leaves its line"));
        }
        line[x..x + rest].fill(value);
        x += rest;
        line[x] = self.run_end(value, above[x])?;
        self.run_index = self.run_index.saturating_sub(1);
        Ok(x + 1)
    }

    fn run_end(&mut self, left: i32, up: i32) -> Result<i32, Fault> {
        let alike = (left - up).abs() <= self.near;
        let kind = usize::from(alike);
        let q = CONTEXTS + kind;
        let k = self.code_length(q, if alike { self.a[q] + (self.n[q] >> 1) } else { self.a[q] });
        let mapped = self.bits.golomb(k, self.limit - J[self.run_index] - 1, self.long)?;
        let both = mapped + kind as i32;
        let odd = both % 2;
        let magnitude = (both + odd) / 2;
        let negative = (k != 0 || 2 * self.negative[kind] >= self.n[q]) == (odd == 1);
        let error = if negative { -magnitude } else { magnitude };
        if error < 0 {
            self.negative[kind] += 1;
        }
        self.a[q] += (mapped + 1 - kind as i32) >> 1;
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.n[q] >>= 1;
            self.negative[kind] >>= 1;
        }
        self.n[q] += 1;
        let sign = if !alike && left > up { -1 } else { 1 };
        Ok(self.restored(if alike { left } else { up }, sign * error))
    }

    /// A value from its prediction and coded error, taken back into the range (A.4.5).
    fn restored(&self, guess: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let value = guess + error * step;
        let value = if value < -self.near {
            value + self.range * step
        } else if value > self.max + self.near {
            value - self.range * step
        } else {
            value
        };
        value.clamp(0, self.max)
    }

    /// The Golomb parameter: the least k with n·2^k at least `sum`.
    fn code_length(&self, q: usize, sum: i32) -> u32 {
        (0..24).find(|k| i64::from(self.n[q]) << k >= i64::from(sum)).unwrap_or(24)
    }

    fn quantised(&self, d: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = d.abs();
        let level = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        d.signum() * level
    }
}

fn default_thresholds(max: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, least: i32| if value > max || value < least { least } else { value };
    let (basic, small) = ([3, 7, 21], max < 128);
    let factor = if small { 256 / (max + 1) } else { (max.min(4095) + 128) / 256 };
    let mut least = near + 1;
    std::array::from_fn(|i| {
        let offset = (2 * i as i32 + 3) * near;
        let lowest = i as i32 + 2;
        let value = if small { lowest.max(basic[i] / factor + offset) } else { factor * (basic[i] - lowest) + lowest + offset };
        least = clamp(value, least);
        least
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imageio::dicom::layout::Photometric;

    fn layout(width: u32, height: u32) -> Layout {
        let photometric = Photometric::Monochrome2;
        Layout {
            width,
            height,
            frames: 1,
            photometric,
            planar: false,
            halved: false,
            allocated: 8,
            stored: 8,
            shift: 0,
            signed: false,
        }
    }

    /// The worked example of T.87, annex H.3.
    const EXAMPLE: [u8; 55] = [
        0xff, 0xd8, 0xff, 0xf7, 0x00, 0x0b, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00, 0xff, 0xda, 0x00, 0x08, 0x01,
        0x01, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x6c, 0x80, 0x20, 0x8e, 0x01, 0xc0, 0x00, 0x00, 0x57, 0x40, 0x00, 0x00,
        0x6e, 0xe6, 0x00, 0x00, 0x01, 0xbc, 0x18, 0x00, 0x00, 0x05, 0xd8, 0x00, 0x00, 0x91, 0x60,
    ];

    #[test]
    fn the_example_of_the_standard() {
        let Frame::Grey(pixels) = decode(&EXAMPLE, &layout(4, 4)).unwrap() else { panic!("grey") };
        assert_eq!(pixels, [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145]);
    }

    #[test]
    fn default_thresholds_of_the_standard() {
        assert_eq!(default_thresholds(255, 0), [3, 7, 21]);
        assert_eq!(default_thresholds(4095, 0), [18, 67, 276]);
        assert_eq!(default_thresholds(65535, 0), [18, 67, 276]);
    }

    #[test]
    fn damage_is_a_sentence() {
        for cut in 0..EXAMPLE.len() - 1 {
            assert!(decode(&EXAMPLE[..cut], &layout(4, 4)).is_err(), "{cut} bytes");
        }
        assert!(decode(&EXAMPLE, &layout(5, 4)).is_err());
        for at in 0..EXAMPLE.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = EXAMPLE;
                bytes[at] = value;
                let _image_or_not = decode(&bytes, &layout(4, 4));
            }
        }
    }
}
