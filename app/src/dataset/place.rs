//! Where a row's finding lies: sampled by the phantom, drawn on the canvas, or a mask file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::domain::{Annotation, Finding, Mask, RectPx, Shape, Side, patient_side};
use engine::imageio::png;
use engine::phantom::{self, PlacementWish, place_finding};

use super::recipe::{Body, DrawnLayer, Recipe, Source};
use super::row::{Class, Row};
use super::text;

/// A row with its region and text.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The row; zone and size are filled in where the placement decided them.
    pub row: Row,
    /// Its regions, in the order of its findings; none where the text alone decides.
    pub regions: Vec<(Finding, Shape)>,
    /// The text without prefix.
    pub impression: String,
    /// Outlines of the lungs it was placed in, where they are known.
    pub lungs: Option<[Vec<(f32, f32)>; 2]>,
}

impl Placed {
    /// The regions as annotations of the given strength, masks before boxes as case files have them.
    pub fn annotations(&self, strength: f32) -> Vec<Annotation> {
        let all = self.regions.iter().map(|(finding, shape)| Annotation { strength, ..Annotation::new(*finding, shape.clone()) });
        let mut all: Vec<Annotation> = all.collect();
        all.sort_by_key(|annotation| matches!(annotation.shape, Shape::Box { .. }));
        all
    }

    /// Pixels of each region on a grid of `size_px`².
    pub fn masks(&self, size_px: u32) -> Vec<(Finding, Mask)> {
        self.regions.iter().map(|(finding, shape)| (*finding, mask_of(shape, size_px))).collect()
    }
}

/// The pixels of a shape on a grid of `size_px`².
pub fn mask_of(shape: &Shape, size_px: u32) -> Mask {
    match shape {
        Shape::Mask(mask) if (mask.width(), mask.height()) == (size_px, size_px) => mask.clone(),
        Shape::Mask(mask) => mask.resized(size_px, size_px),
        Shape::Box { rect, width, height } => {
            let scale = |side: u32| size_px as f32 / side.max(1) as f32;
            Mask::from_rect(size_px, size_px, &rect.scaled(scale(*width), scale(*height)))
        }
    }
}

/// Mask files of a folder by class and side, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskFolder {
    folder: PathBuf,
    found: BTreeMap<(Finding, Side), Vec<PathBuf>>,
}

impl MaskFolder {
    /// Looks through a folder of PNG masks: one folder a class below it, or files whose names begin with the class.
    ///
    /// # Errors
    /// Names the folder or the mask that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        list(folder, 0, &mut files).map_err(|e| format!("the folder of masks cannot be read: {e} ({})", folder.display()))?;
        files.sort();
        let mut found: BTreeMap<(Finding, Side), Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            let inside = file.strip_prefix(folder).unwrap_or(&file);
            let Some(class) = class_of(inside) else { continue };
            let mask = png::read_mask(&file).map_err(|e| e.to_string())?;
            found.entry((class, side_of(&mask))).or_default().push(inside.to_path_buf());
        }
        if found.is_empty() {
            return Err(format!(
                "no mask has a class; put PNG masks into folders called pneumothorax, nodule and so on ({})",
                folder.display()
            ));
        }
        Ok(Self { folder: folder.to_path_buf(), found })
    }

    /// How many masks there are of each class and side.
    pub fn counts(&self) -> Vec<(Finding, Side, usize)> {
        self.found.iter().map(|(&(finding, side), files)| (finding, side, files.len())).collect()
    }

    fn pick(&self, finding: Finding, side: Side, number: u64) -> Result<PathBuf, String> {
        let files = self
            .found
            .get(&(finding, side))
            .filter(|files| !files.is_empty())
            .ok_or_else(|| format!("the folder holds no mask of {finding} with side {side}; add one or change the quotas"))?;
        Ok(files[(number.saturating_sub(1) % files.len() as u64) as usize].clone())
    }
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && depth < 2 {
            list(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    Ok(())
}

/// The class that a folder of the path or the beginning of the file name tells.
fn class_of(path: &Path) -> Option<Finding> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let by_folder = folders.filter_map(|part| part.as_os_str().to_string_lossy().parse::<Finding>().ok()).next_back();
    by_folder.or_else(|| {
        let stem = path.file_stem()?.to_string_lossy().to_ascii_lowercase();
        Finding::ALL.into_iter().find(|finding| {
            [finding.name(), &finding.code().to_ascii_lowercase()]
                .into_iter()
                .any(|word| stem.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic())))
        })
    })
}

/// The patient's side of a mask; both where more than a fifth lies on either.
pub fn side_of(mask: &Mask) -> Side {
    let width = mask.width();
    let mut right = 0usize;
    for (i, _) in mask.bits().iter().enumerate().filter(|(_, bit)| **bit != 0) {
        right += usize::from(patient_side((i % width as usize) as f32 + 0.5, width) == Side::Right);
    }
    let all = mask.area().max(1);
    match (5 * right > all, 5 * (all - right) > all) {
        (true, false) => Side::Right,
        (false, true) => Side::Left,
        _ => Side::Both,
    }
}

/// Places the findings of row `number`, counted from 1, at `size_px`² pixels; it depends on the arguments and the mask files only.
///
/// # Errors
/// One phrase why the place is impossible or the mask cannot be had.
pub fn place(recipe: &Recipe, row: &Row, number: u64, size_px: u32, masks: Option<&MaskFolder>) -> Result<Placed, String> {
    row.check()?;
    if row.more.is_empty() {
        return place_one(recipe, row.clone(), number, size_px, masks);
    }
    let mut whole = Placed { row: row.clone(), regions: Vec::new(), impression: String::new(), lungs: None };
    for (at, lesion) in row.lesions().enumerate() {
        let placed = place_one(recipe, row.alone(at, lesion), number, size_px, masks)?;
        if let Some(lesion) = placed.row.lesions().next() {
            whole.row.set(at, lesion);
        }
        whole.regions.extend(placed.regions);
        whole.lungs = whole.lungs.or(placed.lungs);
    }
    whole.impression = own(row).unwrap_or_else(|| text::together(&whole.row, recipe.seed, number));
    Ok(whole)
}

/// Places a row of one finding, or of none; findings of one row lie in the same chest.
fn place_one(recipe: &Recipe, mut row: Row, number: u64, size_px: u32, masks: Option<&MaskFolder>) -> Result<Placed, String> {
    let Class::Finding(finding) = row.class else {
        let impression = own(&row).unwrap_or_else(|| text::normal(recipe.seed, number));
        return Ok(Placed { row, regions: Vec::new(), impression, lungs: None });
    };
    let source = if row.mask.is_empty() { recipe.place.source } else { Source::Folder };
    let shape = match source {
        Source::Sampled => {
            let wish = PlacementWish { finding, side: row.side, zone: row.zone, size: row.size };
            let body = match recipe.place.body {
                Body::Average => phantom::Body::Average,
                Body::Varied => phantom::Body::Varied,
            };
            let placed = place_finding(&wish, body, recipe.seed, number, size_px).map_err(|e| e.to_string())?;
            (row.zone, row.size) = (Some(placed.zone), placed.size);
            let impression = own(&row).unwrap_or_else(|| placed.impression());
            let lungs = Some(placed.lungs(size_px));
            let regions = vec![(finding, Shape::Mask(placed.mask))];
            return Ok(Placed { row, regions, impression, lungs });
        }
        Source::Drawn => Some(drawn(&recipe.place.drawn, finding, row.side, number)?),
        Source::Folder => {
            let folder = masks.map_or(recipe.place.folder.as_path(), |masks| masks.folder.as_path());
            let file = match (row.mask.is_empty(), masks) {
                (false, _) => PathBuf::from(&row.mask),
                (true, Some(masks)) => masks.pick(finding, row.side, number)?,
                (true, None) => return Err("the folder of masks has not been read".to_owned()),
            };
            let mask = png::read_mask(&folder.join(file)).map_err(|e| e.to_string())?;
            let side = side_of(&mask);
            if side != row.side && recipe.how.check_sides {
                return Err(format!("the mask lies on side {side} and the row says {}; mend one of them", row.side));
            }
            Some(Shape::Mask(mask))
        }
        Source::Text => None,
    };
    let impression = own(&row).unwrap_or_else(|| text::impression(&row, recipe.seed, number));
    let regions = shape.into_iter().map(|shape| (finding, shape)).collect();
    Ok(Placed { row, regions, impression, lungs: None })
}

fn own(row: &Row) -> Option<String> {
    Some(row.impression.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A drawn layer of the class and side, mirrored where only the other side was drawn.
fn drawn(layers: &[DrawnLayer], finding: Finding, side: Side, number: u64) -> Result<Shape, String> {
    let mine: Vec<Shape> = layers.iter().filter(|l| l.finding == Class::Finding(finding)).filter_map(shape_of).collect();
    let on = |shape: &Shape| side_of(&mask_of(shape, 256));
    let fits: Vec<&Shape> = mine.iter().filter(|shape| side == Side::Both || on(shape) == side).collect();
    if let Some(first) = fits.get((number.saturating_sub(1) as usize) % fits.len().max(1)) {
        return Ok((*first).clone());
    }
    let other: Vec<&Shape> = mine.iter().filter(|shape| on(shape) != Side::Both).collect();
    match other.get((number.saturating_sub(1) as usize) % other.len().max(1)) {
        Some(Shape::Mask(mask)) => Ok(Shape::Mask(mask.mirrored())),
        Some(Shape::Box { rect, width, height }) => {
            let w = *width as f32;
            let rect = RectPx { x0: w - rect.x1, x1: w - rect.x0, ..*rect };
            Ok(Shape::Box { rect, width: *width, height: *height })
        }
        None => Err(format!("no layer of {finding} is drawn; draw one on the canvas and take its layers again")),
    }
}

fn shape_of(layer: &DrawnLayer) -> Option<Shape> {
    let (width, height) = (layer.width, layer.height);
    if let Some([x0, y0, x1, y1]) = layer.corners {
        let rect = RectPx { x0, y0, x1, y1 };
        return (rect.is_valid() && rect.is_inside(width, height)).then_some(Shape::Box { rect, width, height });
    }
    if width == 0 || height == 0 || width > 8192 || height > 8192 {
        return None;
    }
    let mut mask = Mask::empty(width, height);
    for &(start, length) in &layer.runs {
        for i in start..start.saturating_add(length).min(width * height) {
            mask.set(i % width, i / width, true);
        }
    }
    (!mask.is_empty()).then_some(Shape::Mask(mask))
}

/// An annotation of the open case as a layer of a recipe.
pub fn drawn_layer(annotation: &Annotation) -> DrawnLayer {
    let finding = Class::Finding(annotation.finding);
    match &annotation.shape {
        Shape::Box { rect, width, height } => {
            let corners = Some([rect.x0, rect.y0, rect.x1, rect.y1]);
            DrawnLayer { finding, width: *width, height: *height, runs: Vec::new(), corners }
        }
        Shape::Mask(mask) => {
            let mut runs: Vec<(u32, u32)> = Vec::new();
            for (i, _) in mask.bits().iter().enumerate().filter(|(_, bit)| **bit != 0) {
                match runs.last_mut() {
                    Some((start, length)) if *start + *length == i as u32 => *length += 1,
                    _ => runs.push((i as u32, 1)),
                }
            }
            DrawnLayer { finding, width: mask.width(), height: mask.height(), runs, corners: None }
        }
    }
}

#[cfg(test)]
mod tests;
