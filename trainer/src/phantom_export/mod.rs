//! Writes phantom data sets: pictures, masks, `manifest.jsonl`, contact sheet; or the layout of a public set.

mod layout;
mod manifest;
mod sheet;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use engine::imageio::png::{Text, encode_gray16, encode_mask};
use engine::phantom::{PhantomCase, PhantomConfig, draw};
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

pub use layout::Layout;
use layout::{Numbered, Row};
use manifest::Line;
use sheet::Sheet;

/// A data set to write.
pub struct Export {
    /// Kind of cases.
    pub config: PhantomConfig,
    /// Seed of the data set.
    pub seed: u64,
    /// Cases to draw.
    pub indices: Range<u64>,
    /// Side of the pictures.
    pub size_px: u32,
    /// Folder that receives everything but the contact sheet.
    pub dir: PathBuf,
    /// Which files hold them.
    pub layout: Layout,
    /// Where the contact sheet goes, if one is wanted.
    pub sheet: Option<PathBuf>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All cases are written.
    Done,
    /// Stopped by the user; the manifest lists the cases that are there.
    Interrupted,
}

/// What the lists get of a case.
enum Written {
    Line(Line),
    Rows(Vec<Row>),
}

/// Cases in flight at once; the manifest keeps their order.
const BATCH: u64 = 64;

impl Export {
    /// Draws and writes all cases. The manifest comes last, so what it lists is whole.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn run(&self) -> anyhow::Result<Ended> {
        let folders: &[&str] = if self.layout == Layout::Plain { &["images", "masks"] } else { &[""] };
        for dir in folders.iter().map(|name| self.dir.join(name)) {
            ensure_writable_dir(&dir).with_context(|| format!("--out {}", self.dir.display()))?;
        }
        if let Some(parent) = self.sheet.as_deref().and_then(Path::parent).filter(|p| !p.as_os_str().is_empty()) {
            ensure_writable_dir(parent).with_context(|| format!("--sheet {}", parent.display()))?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let handler =
            signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&stop)).context("cannot listen for Ctrl-C")?;
        let outcome = self.write_cases(&stop);
        signal_hook::low_level::unregister(handler);
        outcome
    }

    fn write_cases(&self, stop: &AtomicBool) -> anyhow::Result<Ended> {
        let total = self.indices.end - self.indices.start;
        // indicatif draws on stderr and stays silent where that is no terminal.
        let bar = ProgressBar::new(total).with_style(
            ProgressStyle::with_template("{bar:30} {pos}/{len} cases  {per_sec}  {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let mut sheet = self.sheet.is_some().then(|| Sheet::new(total, self.size_px));
        let mut manifest = String::new();
        let mut rows: Vec<Row> = Vec::new();
        let mut at = self.indices.start;
        while at < self.indices.end && !stop.load(Ordering::Relaxed) {
            let batch: Vec<u64> = (at..self.indices.end.min(at + BATCH)).collect();
            let wants_sheet = sheet.as_ref().is_some_and(Sheet::has_room);
            let cases: Vec<Option<(Written, Option<PhantomCase>)>> = batch
                .par_iter()
                .map(|&index| {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    let case = draw(&self.config, self.seed, index, self.size_px);
                    let written = match self.layout {
                        Layout::Plain => Written::Line(self.write_case(index, &case)?),
                        layout => Written::Rows(self.write_in(layout, index, &case)?),
                    };
                    bar.inc(1);
                    Ok(Some((written, wants_sheet.then_some(case))))
                })
                .collect::<anyhow::Result<_>>()?;
            for (written, case) in cases.into_iter().flatten() {
                match written {
                    Written::Line(line) => {
                        manifest.push_str(&serde_json::to_string(&line)?);
                        manifest.push('\n');
                    }
                    Written::Rows(more) => rows.extend(more),
                }
                if let (Some(sheet), Some(case)) = (&mut sheet, case) {
                    sheet.add(&case.image);
                }
            }
            at += BATCH;
        }
        bar.finish_and_clear();
        if self.layout == Layout::Plain {
            write_atomic(&self.dir.join("manifest.jsonl"), manifest.as_bytes())?;
        }
        for (table, bytes) in self.layout.tables(rows)? {
            let path = self.dir.join(table);
            ensure_writable_dir(path.parent().unwrap_or(&self.dir))?;
            write_atomic(&path, &bytes)?;
        }
        if let (Some(path), Some(sheet)) = (&self.sheet, sheet) {
            let png = encode_gray16(&sheet.finish()?, &[Text::Plain("Synthetic", "phantom contact sheet")])?;
            write_atomic(path, &png)?;
        }
        Ok(if stop.load(Ordering::Relaxed) { Ended::Interrupted } else { Ended::Done })
    }

    /// Writes the picture and masks of a case and returns its line of the manifest.
    fn write_case(&self, index: u64, case: &PhantomCase) -> anyhow::Result<Line> {
        let name = format!("phantom-{}-{index:06}", self.seed);
        let image = format!("images/{name}.png");
        let about = format!("procedural phantom, seed {}, case {index}; shows no patient", self.seed);
        let texts = [Text::Plain("Synthetic", &about)];
        self.put(&image, &encode_gray16(&case.image, &texts)?)?;
        let line = Line::new(&name, &image, case);
        let masks = case.findings.iter().map(|f| &f.mask).chain(case.extras.iter().map(|f| &f.mask));
        for (entry, mask) in line.findings.iter().zip(masks) {
            self.put(&entry.mask, &encode_mask(mask, &texts)?)?;
        }
        Ok(line)
    }

    /// Writes the files of a case in a layout and returns its rows.
    fn write_in(&self, layout: Layout, index: u64, case: &PhantomCase) -> anyhow::Result<Vec<Row>> {
        let made = layout.case(&Numbered { seed: self.seed, index, case })?;
        for (path, bytes) in &made.files {
            let folder = self.dir.join(path).parent().map(Path::to_owned).unwrap_or_default();
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            self.put(path, bytes)?;
        }
        Ok(made.rows)
    }

    /// Writes a whole file or none. It is not flushed one by one: the manifest, which is, comes after all.
    fn put(&self, relative: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.dir.join(relative);
        let write = || -> std::io::Result<()> {
            let dir = path.parent().unwrap_or(Path::new("."));
            let mut builder = tempfile::Builder::new();
            builder.prefix(".writing-").suffix(".tmp");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(std::fs::Permissions::from_mode(0o666));
            }
            let mut file = builder.tempfile_in(dir)?;
            file.write_all(bytes)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}
