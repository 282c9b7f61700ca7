//! The NIfTI-1 header: size, kind of voxels, scale and orientation.

use crate::imageio::fault::{Fault, check_size};

/// Bytes before the voxels in a file of ours.
pub(super) const VOXELS_AT: usize = 352;
/// Bytes of the header itself.
const HEADER: i32 = 348;
/// Farthest start of the voxels; between lie extensions.
const MAX_VOXELS_AT: f32 = (16 << 20) as f32;

/// How a voxel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Kind {
    fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            2 => Self::U8,
            4 => Self::I16,
            8 => Self::I32,
            16 => Self::F32,
            64 => Self::F64,
            256 => Self::I8,
            512 => Self::U16,
            768 => Self::U32,
            _ => return None,
        })
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Every voxel as a number; whole numbers up to 32 bits stay exact.
    pub(super) fn values(self, bytes: &[u8], big_endian: bool) -> Vec<f64> {
        bytes
            .chunks_exact(self.bytes())
            .map(|raw| {
                let mut le = [0u8; 8];
                le[..raw.len()].copy_from_slice(raw);
                if big_endian {
                    le[..raw.len()].reverse();
                }
                let [a, b, c, d, ..] = le;
                match self {
                    Self::U8 => a.into(),
                    Self::I8 => (a as i8).into(),
                    Self::I16 => i16::from_le_bytes([a, b]).into(),
                    Self::U16 => u16::from_le_bytes([a, b]).into(),
                    Self::I32 => i32::from_le_bytes([a, b, c, d]).into(),
                    Self::U32 => u32::from_le_bytes([a, b, c, d]).into(),
                    Self::F32 => f32::from_le_bytes([a, b, c, d]).into(),
                    Self::F64 => f64::from_le_bytes(le),
                }
            })
            .collect()
    }
}

/// How stored axes become those of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turned {
    /// The first axis is the picture's y.
    pub(super) swapped: bool,
    flip_x: bool,
    flip_y: bool,
}

impl Turned {
    /// The pixel of voxel `(i, j)` of a map of `columns × rows`.
    pub(super) fn place(self, i: u32, j: u32, columns: u32, rows: u32) -> (u32, u32) {
        let (x, y, w, h) = if self.swapped { (j, i, rows, columns) } else { (i, j, columns, rows) };
        (if self.flip_x { w - 1 - x } else { x }, if self.flip_y { h - 1 - y } else { y })
    }
}

/// What is needed of a header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) big_endian: bool,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) kind: Kind,
    pub(super) voxels_at: usize,
    slope: f64,
    offset: f64,
    spacing: [f64; 2],
    /// World directions of the two axes, if the file has them.
    axes: Option<[[f64; 3]; 2]>,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let size = bytes.first_chunk::<4>().ok_or(Fault::Foreign { expected: "NIfTI" })?;
        let big_endian = match (i32::from_le_bytes(*size), i32::from_be_bytes(*size)) {
            (HEADER, _) => false,
            (_, HEADER) => true,
            (540, _) | (_, 540) => return Err(Fault::unsupported("NIfTI-2", "save the file as NIfTI-1")),
            _ => return Err(Fault::Foreign { expected: "NIfTI" }),
        };
        if bytes.len() < VOXELS_AT {
            return Err(Fault::truncated("the NIfTI header"));
        }
        match &bytes[344..348] {
            b"n+1\0" => {}
            b"ni1\0" => return Err(Fault::unsupported("NIfTI in two files", "save it as one .nii file")),
            _ => return Err(Fault::Foreign { expected: "NIfTI" }),
        }
        let i16_at = |at: usize| {
            let raw = [bytes[at], bytes[at + 1]];
            if big_endian { i16::from_be_bytes(raw) } else { i16::from_le_bytes(raw) }
        };
        let f32_at = |at: usize| {
            let raw = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            if big_endian { f32::from_be_bytes(raw) } else { f32::from_le_bytes(raw) }
        };
        let f64_at = |at: usize| f64::from(f32_at(at));
        let count = i16_at(40);
        if !(2..=7).contains(&count) {
            return Err(Fault::damaged("dim", format!("counts {count} axes, where 2 to 7 are possible")));
        }
        if (3..=count).any(|axis| i16_at(40 + 2 * axis as usize) > 1) {
            return Err(Fault::unsupported("a NIfTI file of more than two dimensions", "export one slice"));
        }
        let side = |at: usize| u64::try_from(i16_at(at)).unwrap_or(0);
        let (columns, rows) = check_size(side(42), side(44))?;
        let code = i16_at(70);
        let kind = Kind::from_code(code)
            .ok_or_else(|| Fault::unsupported(format!("NIfTI voxels of datatype {code}"), "save the map as unsigned 8-bit"))?;
        let start = f32_at(108);
        if !(VOXELS_AT as f32..=MAX_VOXELS_AT).contains(&start) {
            return Err(Fault::damaged("vox_offset", "points to no place for voxels"));
        }
        let axes = if i16_at(254) > 0 {
            let row = |at: usize| [f64_at(at), f64_at(at + 4)];
            let [x, y, z] = [row(280), row(296), row(312)];
            Some([[x[0], y[0], z[0]], [x[1], y[1], z[1]]])
        } else if i16_at(252) > 0 {
            Some(rotation(f64_at(256), f64_at(260), f64_at(264)))
        } else {
            None
        };
        Ok(Self {
            big_endian,
            columns,
            rows,
            kind,
            voxels_at: start as usize,
            slope: f64_at(112),
            offset: f64_at(116),
            spacing: [f64_at(80), f64_at(84)],
            axes,
        })
    }

    /// A voxel in the units of the file; a slope of 0 says: as stored.
    pub(super) fn scaled(&self, value: f64) -> f64 {
        if self.slope == 0.0 || !self.slope.is_finite() { value } else { self.slope * value + self.offset }
    }

    /// Distances along the two axes.
    pub(super) fn spacing_mm(&self) -> Option<(f64, f64)> {
        let [i, j] = self.spacing;
        (i > 0.0 && j > 0.0 && i.is_finite() && j.is_finite()).then_some((i, j))
    }

    /// How the stored axes lie in the picture.
    pub(super) fn orientation(&self) -> Turned {
        let Some([i, j]) = self.axes else { return Turned::default() };
        let share = |axis: [f64; 3]| axis[0].abs() / axis.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        let swapped = share(j) > share(i);
        let (x, y) = if swapped { (j, i) } else { (i, j) };
        let up = if y[2].abs() >= y[1].abs() { y[2] } else { y[1] };
        Turned { swapped, flip_x: x[0] > 0.0, flip_y: up > 0.0 }
    }
}

/// The first two columns of the rotation of a unit quaternion with a positive real part.
fn rotation(b: f64, c: f64, d: f64) -> [[f64; 3]; 2] {
    let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
    [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)],
        [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)],
    ]
}

/// The header of an 8-bit label map that lies as the picture does, with the four bytes that say: no extension.
pub(super) fn write(width: u32, height: u32, spacing_mm: Option<(f64, f64)>) -> Result<Vec<u8>, String> {
    let side = |length: u32| {
        i16::try_from(length).map_err(|_| format!("a side of {length} pixels is too long, NIfTI allows at most 32767"))
    };
    let (down, across) = spacing_mm.unwrap_or((1.0, 1.0));
    if !(down > 0.0 && across > 0.0 && down.is_finite() && across.is_finite()) {
        return Err(format!("a pixel spacing of {down}×{across} mm is not possible"));
    }
    let mut bytes = vec![0u8; VOXELS_AT];
    let mut put = |at: usize, raw: &[u8]| bytes[at..at + raw.len()].copy_from_slice(raw);
    put(0, &HEADER.to_le_bytes());
    for (i, number) in [2, side(width)?, side(height)?, 1, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * i, &number.to_le_bytes());
    }
    put(68, &1002i16.to_le_bytes()); // intent: labels
    put(70, &2i16.to_le_bytes());
    put(72, &8i16.to_le_bytes());
    let (down, across) = (down as f32, across as f32);
    for (i, number) in [1.0, across, down, 1.0].into_iter().enumerate() {
        put(76 + 4 * i, &number.to_le_bytes());
    }
    put(108, &(VOXELS_AT as f32).to_le_bytes());
    put(112, &1f32.to_le_bytes());
    put(123, &[if spacing_mm.is_some() { 2 } else { 0 }]); // millimetres, or unknown
    put(254, &1i16.to_le_bytes());
    put(280, &(-across).to_le_bytes());
    put(304, &1f32.to_le_bytes()); // the slice axis to the front
    put(316, &(-down).to_le_bytes());
    put(344, b"n+1\0");
    Ok(bytes)
}
