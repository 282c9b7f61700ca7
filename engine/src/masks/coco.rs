//! COCO JSON: one file for many images, objects as polygons, run lengths or boxes.
//!
//! Run lengths go down the columns and alternate between outside and inside, beginning outside; they
//! are a list of numbers, or the compressed text of the COCO tools (`counts.rs`). Polygons are filled
//! by the centres of pixels (`polygon.rs`), several polygons of an object are united. An object
//! without a segmentation is its filled box.

mod counts;

use serde::{Deserialize, Serialize};

use super::{LabelledMask, polygon};
use crate::domain::{Mask, RectPx};
use crate::imageio::fault::{Fault, FormatError, check_size};
use counts::{compressed, counts_of, decompressed, from_counts};

/// Most pixels of all objects of an image together.
const MAX_PIXELS: usize = 1 << 28;
/// Most corners of a polygon.
const MAX_CORNERS: usize = 100_000;
/// Farthest number of a box or corner.
const FAR: f64 = 1e5;

/// The objects of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// In the order of the file.
    pub objects: Vec<CocoObject>,
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoObject {
    /// Name of its category, and its pixels.
    pub labelled: LabelledMask,
    /// Its box as the file has it.
    pub bbox: Option<RectPx>,
}

#[derive(Serialize, Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Serialize, Deserialize)]
struct Image {
    id: i64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Serialize, Deserialize)]
struct Category {
    id: i64,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Annotation {
    #[serde(default)]
    id: i64,
    image_id: i64,
    category_id: i64,
    #[serde(default)]
    segmentation: Option<Segmentation>,
    #[serde(default)]
    bbox: Vec<f64>,
    #[serde(default)]
    area: f64,
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Runs { size: [u32; 2], counts: Counts },
    Polygons(Vec<Vec<f64>>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Counts {
    Plain(Vec<u64>),
    Compressed(String),
}

/// The objects of one image of a COCO file; `file_name` is its name there, with or without folders.
///
/// # Errors
/// When the file is no COCO JSON, has no image of that name or several, or an object is damaged.
pub fn decode(bytes: &[u8], file_name: &str, name: &str) -> Result<CocoImage, FormatError> {
    read(bytes, file_name).map_err(|fault| fault.of(name))
}

/// The file names of all images of a COCO file.
///
/// # Errors
/// When the file is no COCO JSON.
pub fn file_names(bytes: &[u8], name: &str) -> Result<Vec<String>, FormatError> {
    parse(bytes).map(|file| file.images.into_iter().map(|image| image.file_name).collect()).map_err(|fault| fault.of(name))
}

fn parse(bytes: &[u8]) -> Result<File, Fault> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Fault::Foreign { expected: "COCO JSON" });
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::damaged("the JSON", format!("is not as COCO has it at line {}, column {}", error.line(), error.column()))
    })
}

fn read(bytes: &[u8], file_name: &str) -> Result<CocoImage, Fault> {
    let file = parse(bytes)?;
    let image = chosen(&file.images, file_name)?;
    let (width, height) = check_size(image.width.into(), image.height.into())?;
    let mine: Vec<&Annotation> = file.annotations.iter().filter(|annotation| annotation.image_id == image.id).collect();
    if mine.len() > MAX_PIXELS / (width as usize * height as usize) {
        return Err(Fault::TooLarge {
            field: "the list of objects".to_owned(),
            actual: format!("{} masks of {width}×{height} pixels", mine.len()),
            max: format!("{MAX_PIXELS} pixels"),
        });
    }
    let objects = mine.into_iter().map(|annotation| {
        let category = file.categories.iter().find(|category| category.id == annotation.category_id);
        let id = annotation.id;
        let label = category.ok_or_else(|| Fault::missing(format!("the category of annotation {id}")))?.name.clone();
        let bbox = bbox(annotation)?;
        let mask = mask(annotation, bbox, width, height)?;
        Ok(CocoObject { labelled: LabelledMask { label, mask }, bbox })
    });
    Ok(CocoImage { width, height, objects: objects.collect::<Result<_, Fault>>()? })
}

/// The image of that name; else the only one whose name without folders is the same.
fn chosen<'a>(images: &'a [Image], file_name: &str) -> Result<&'a Image, Fault> {
    fn base(path: &str) -> &str {
        path.rsplit(['/', '\\']).next().unwrap_or_default()
    }
    let alike = |same: &dyn Fn(&Image) -> bool| images.iter().filter(|image| same(image)).collect::<Vec<_>>();
    let mut found = alike(&|image| image.file_name == file_name);
    if found.is_empty() {
        found = alike(&|image| base(&image.file_name) == base(file_name));
    }
    match found[..] {
        [image] => Ok(image),
        [] => Err(Fault::Request(format!("none of its {} images is called {file_name}; check the file name", images.len()))),
        _ => Err(Fault::Request(format!("{} of its images are called {file_name}; give the folder, too", found.len()))),
    }
}

fn bbox(annotation: &Annotation) -> Result<Option<RectPx>, Fault> {
    match annotation.bbox[..] {
        [] => Ok(None),
        [x, y, w, h] if [x, y, w, h].iter().all(|v| v.abs() < FAR) && w >= 0.0 && h >= 0.0 => {
            Ok(Some(RectPx { x0: x as f32, y0: y as f32, x1: (x + w) as f32, y1: (y + h) as f32 }))
        }
        _ => Err(Fault::damaged(format!("bbox of annotation {}", annotation.id), "does not hold x, y, width and height")),
    }
}

fn mask(annotation: &Annotation, bbox: Option<RectPx>, width: u32, height: u32) -> Result<Mask, Fault> {
    let field = format!("segmentation of annotation {}", annotation.id);
    let damaged = |what: &str| Fault::damaged(&field, what);
    match &annotation.segmentation {
        Some(Segmentation::Runs { size, counts }) => {
            if *size != [height, width] {
                return Err(damaged("is of another size than its image"));
            }
            let unpacked;
            let counts = match counts {
                Counts::Plain(counts) => counts,
                Counts::Compressed(text) => {
                    unpacked = decompressed(text).ok_or_else(|| damaged("has damaged compressed counts"))?;
                    &unpacked
                }
            };
            from_counts(counts, width, height).ok_or_else(|| damaged("does not count the pixels of its image"))
        }
        Some(Segmentation::Polygons(polygons)) if !polygons.is_empty() => {
            let mut mask = Mask::empty(width, height);
            for numbers in polygons {
                if numbers.len() % 2 != 0 || !(6..=2 * MAX_CORNERS).contains(&numbers.len()) {
                    return Err(damaged("has a polygon without three to a hundred thousand pairs of numbers"));
                }
                if numbers.iter().any(|v| v.abs() > FAR) {
                    return Err(damaged("has a corner far outside its image"));
                }
                let corners: Vec<(f64, f64)> = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                polygon::fill(&mut mask, &corners);
            }
            Ok(mask)
        }
        _ => {
            let rect = bbox.ok_or_else(|| Fault::missing(format!("segmentation and bbox of annotation {}", annotation.id)))?;
            Ok(Mask::from_rect(width, height, &rect))
        }
    }
}

/// An image to write.
#[derive(Clone, Copy, Debug)]
pub struct CocoExport<'a> {
    /// Its file name.
    pub file_name: &'a str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its objects, all of that size.
    pub objects: &'a [LabelledMask],
}

/// A COCO file of images and their masks, as run lengths; boxes are those around the masks.
///
/// Categories are numbered from 1 in the order in which they occur.
///
/// # Errors
/// When a mask has another size than its image.
pub fn encode(images: &[CocoExport<'_>], compress: bool) -> Result<String, FormatError> {
    let fail = |what: String| Fault::Request(what).of("the COCO export");
    let mut file = File { images: Vec::new(), annotations: Vec::new(), categories: Vec::new() };
    for image in images {
        let (image_id, width, height) = (file.images.len() as i64 + 1, image.width, image.height);
        for object in image.objects {
            let mask = &object.mask;
            if (mask.width(), mask.height()) != (width, height) {
                return Err(fail(format!("a mask of {} has another size than its image", image.file_name)));
            }
            let known = file.categories.iter().find(|category| category.name == object.label).map(|category| category.id);
            let category_id = known.unwrap_or(file.categories.len() as i64 + 1);
            if known.is_none() {
                file.categories.push(Category { id: category_id, name: object.label.clone() });
            }
            let around = mask.bounds().unwrap_or(RectPx { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 });
            let counts = counts_of(mask);
            let counts = if compress { Counts::Compressed(compressed(&counts)) } else { Counts::Plain(counts) };
            file.annotations.push(Annotation {
                id: file.annotations.len() as i64 + 1,
                image_id,
                category_id,
                segmentation: Some(Segmentation::Runs { size: [height, width], counts }),
                bbox: [around.x0, around.y0, around.x1 - around.x0, around.y1 - around.y0].map(f64::from).to_vec(),
                area: mask.area() as f64,
                iscrowd: 0,
            });
        }
        file.images.push(Image { id: image_id, file_name: image.file_name.to_owned(), width, height });
    }
    serde_json::to_string(&file).map_err(|error| fail(error.to_string()))
}
