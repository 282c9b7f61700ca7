//! A growing store of phantom cases: drawn on first use, kept in memory and on disk in chunks.
//!
//! Case `i` depends only on the data seed and `i`, so the store can be thrown away at any time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, ensure};
use engine::condition::Palette;
use engine::domain::{Annotation, Finding, Mask, RectPx};
use engine::phantom::{self, PhantomConfig};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::work::WorkShare;

/// Cases a chunk.
pub const CHUNK: usize = 256;

/// Whether somebody asks to end work that takes long.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// One finding of a packed case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackedFinding {
    /// File name of the class.
    pub class: String,
    /// `left`, `right` or `both`.
    pub side: String,
    /// Box in pixels: x0, y0, x1, y1.
    pub rect: [f32; 4],
    /// Whether it has mask pixels.
    pub drawn: bool,
    /// 0 to 1.
    pub severity: f32,
}

/// Text and labels of a packed case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseText {
    /// Demographic prefix and impression, as the model reads it.
    pub prompt: String,
    /// Its findings.
    pub findings: Vec<PackedFinding>,
}

impl CaseText {
    /// Classes of the case.
    pub fn classes(&self) -> impl Iterator<Item = Finding> + '_ {
        self.findings.iter().filter_map(|f| f.class.parse().ok())
    }
}

/// 256 packed cases.
pub struct Chunk {
    /// Grey values, one byte a pixel, case after case.
    pub images: Vec<u8>,
    /// Which findings lie at each pixel, one bit a class as in [`region_bit`].
    pub regions: Vec<u8>,
    /// Texts, one a case.
    pub texts: Vec<CaseText>,
}

/// Bit of a finding in [`Chunk::regions`]; an enlarged heart has none, for it is told by text alone.
pub fn region_bit(finding: Finding) -> u8 {
    match finding {
        Finding::Pneumothorax => 1,
        Finding::PleuralEffusion => 1 << 1,
        Finding::Consolidation => 1 << 2,
        Finding::Nodule => 1 << 3,
        Finding::Atelectasis => 1 << 4,
        Finding::Edema => 1 << 5,
        Finding::Fracture => 1 << 6,
        Finding::Device => 1 << 7,
        Finding::Cardiomegaly => 0,
    }
}

/// The store.
pub struct Phantoms {
    seed: u64,
    config: PhantomConfig,
    size_px: usize,
    dir: Option<PathBuf>,
    chunks: Vec<OnceLock<Arc<Chunk>>>,
}

impl Phantoms {
    /// A store of `count` cases (rounded up to whole chunks); `dir` keeps drawn chunks on disk.
    pub fn new(seed: u64, config: PhantomConfig, size_px: usize, count: usize, dir: Option<PathBuf>) -> Self {
        let chunks = (0..count.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect();
        Self { seed, config, size_px, dir, chunks }
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Whether the store has no case.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Side of the images in pixels.
    pub fn size_px(&self) -> usize {
        self.size_px
    }

    /// Outlines of the lungs of a case in pixels, the patient's right lung first.
    pub fn lungs(&self, index: usize) -> [Vec<(f32, f32)>; 2] {
        phantom::plan(&self.config, self.seed, index as u64).lungs(self.size_px as u32)
    }

    /// Chunk `index`, drawn now if nobody has drawn it yet.
    ///
    /// # Errors
    /// When the chunk's file cannot be written.
    pub fn chunk(&self, index: usize) -> Result<Arc<Chunk>> {
        self.chunk_unless(index, &|| false)?.context("nobody asked to stop")
    }

    /// As [`Phantoms::chunk`]; `None` where `stop` asks to end before it is drawn.
    fn chunk_unless(&self, index: usize, stop: Stop<'_>) -> Result<Option<Arc<Chunk>>> {
        let cell = &self.chunks[index % self.chunks.len()];
        if let Some(chunk) = cell.get() {
            return Ok(Some(chunk.clone()));
        }
        let index = index % self.chunks.len();
        let path = self.dir.as_ref().map(|dir| dir.join(format!("chunk-{index:05}.bin")));
        let chunk = match path.as_deref().and_then(|path| self.read(path)) {
            Some(chunk) => chunk,
            None => {
                let Some(chunk) = self.draw(index, stop) else { return Ok(None) };
                if let Some(path) = &path {
                    self.write(path, &chunk)?;
                }
                chunk
            }
        };
        Ok(Some(cell.get_or_init(|| Arc::new(chunk)).clone()))
    }

    /// Draws this process's share of the chunks, as far as they are not on disk yet; `progress` hears of how many are there.
    /// False where `stop` ended it before all were: those that are drawn stay on disk.
    ///
    /// # Errors
    /// When a chunk's file cannot be written.
    pub fn draw_share(&self, share: WorkShare, stop: Stop<'_>, progress: impl Fn(usize)) -> Result<bool> {
        for (done, index) in (0..self.chunks.len()).filter(|&index| share.owns(index)).enumerate() {
            if stop() || self.chunk_unless(index, stop)?.is_none() {
                return Ok(false);
            }
            progress(done + 1);
        }
        Ok(true)
    }

    /// A chunk; `None` where `stop` asks to end before all of it is there.
    fn draw(&self, index: usize, stop: Stop<'_>) -> Option<Chunk> {
        let cases: Option<Vec<_>> = (0..CHUNK)
            .into_par_iter()
            .map(|j| {
                if stop() {
                    return None;
                }
                let case = phantom::draw(&self.config, self.seed, (index * CHUNK + j) as u64, self.size_px as u32);
                let image: Vec<u8> = case.image.pixels().iter().map(|&v| ((u32::from(v) + 128) / 257) as u8).collect();
                let mut regions = vec![0u8; self.size_px * self.size_px];
                let mut findings = Vec::new();
                for f in &case.findings {
                    for (region, &inside) in regions.iter_mut().zip(f.mask.bits()) {
                        *region |= inside * region_bit(f.finding);
                    }
                    findings.push(PackedFinding {
                        class: f.finding.name().to_owned(),
                        side: f.side.name().to_owned(),
                        rect: [f.rect.x0, f.rect.y0, f.rect.x1, f.rect.y1],
                        drawn: region_bit(f.finding) != 0 && !f.mask.is_empty(),
                        severity: f.severity,
                    });
                }
                let prompt = format!("{}{}", case.demographic_prompt(), case.impression);
                Some((image, regions, CaseText { prompt, findings }))
            })
            .collect();
        let mut chunk = Chunk { images: Vec::new(), regions: Vec::new(), texts: Vec::new() };
        for (image, regions, text) in cases? {
            chunk.images.extend(image);
            chunk.regions.extend(regions);
            chunk.texts.push(text);
        }
        Some(chunk)
    }

    fn pixels(&self) -> usize {
        self.size_px * self.size_px * CHUNK
    }

    fn write(&self, path: &Path, chunk: &Chunk) -> Result<()> {
        let texts = serde_json::to_vec(&chunk.texts)?;
        let mut bytes = Vec::with_capacity(2 * self.pixels() + texts.len());
        bytes.extend(&chunk.images);
        bytes.extend(&chunk.regions);
        bytes.extend(texts);
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        engine::store::atomic::write_atomic(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// A chunk from disk; anything unexpected counts as absent, for it can be drawn again.
    fn read(&self, path: &Path) -> Option<Chunk> {
        let bytes = std::fs::read(path).ok()?;
        let n = self.pixels();
        let texts: Vec<CaseText> = serde_json::from_slice(bytes.get(2 * n..)?).ok()?;
        (texts.len() == CHUNK).then(|| Chunk { images: bytes[..n].to_vec(), regions: bytes[n..2 * n].to_vec(), texts })
    }
}

/// Writes the condition picture of one case, in `-1..=1`, row by row: filled regions or box outlines.
///
/// # Errors
/// When a class is unknown.
pub fn condition_pixels(
    palette: &Palette,
    size_px: usize,
    regions: &[u8],
    text: &CaseText,
    boxes: bool,
    out: &mut Vec<f32>,
) -> Result<()> {
    ensure!(regions.len() == size_px * size_px, "regions have another size than the picture");
    let side = size_px as u32;
    let mut drawn = Vec::new();
    for f in text.findings.iter().filter(|f| f.drawn) {
        let class: Finding = f.class.parse()?;
        if boxes {
            let rect = RectPx { x0: f.rect[0], y0: f.rect[1], x1: f.rect[2], y1: f.rect[3] };
            drawn.push(Annotation::boxed(class, rect, side, side));
        } else {
            let bit = region_bit(class);
            let mask = Mask::from_fn(side, side, |x, y| regions[y as usize * size_px + x as usize] & bit != 0);
            drawn.push(Annotation::mask(class, mask));
        }
    }
    match engine::condition::compile(&drawn, side, palette) {
        Some(picture) => out.extend(picture.pixels().iter().map(|&v| f32::from(v) / 32767.5 - 1.0)),
        None => out.resize(out.len() + size_px * size_px, -1.0),
    }
    Ok(())
}
