//! The text form of one moment of a case; masks and images are named by their hashes.

use std::collections::HashMap;
use std::sync::Arc;

use engine::domain::{Finding, GrayImage, PackedMask, Preset, RectPx, SamplerKind, StepRange};
use engine::imageio::edited::Detail;
use engine::store::hash::{hash_bytes, hash_image};
use serde::{Deserialize, Serialize};

use crate::state::history::Snapshot;
use crate::state::queue::VARIANTS;
use crate::state::{Base, BaseOrigin, Document, Group, Layer, Region, Sampling, Sex, View};

/// A form that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("the journal holds {what}")]
pub struct FormError {
    what: String,
}

fn foreign(what: impl Into<String>) -> FormError {
    FormError { what: what.into() }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseForm {
    name: String,
    impression: String,
    sex: String,
    age: Option<u32>,
    group: String,
    view: String,
    size_px: u32,
    next_id: u64,
    layers: Vec<LayerForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<BaseForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept_conflicts: Vec<String>,
    sampling: SamplingForm,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerForm {
    id: u64,
    finding: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rect: Option<[f32; 4]>,
    strength: f32,
    opacity: f32,
    visible: bool,
    locked: bool,
    solo: bool,
    steps: [f32; 2],
    area_px: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseForm {
    title: String,
    /// The run's number; without it the image came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<i64>,
    image: String,
    original: String,
    spacing_mm: Option<[f32; 2]>,
    edit: bool,
    strength: f32,
    feather_px: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_spacing_mm: Option<(f64, f64)>,
    margin_px: u32,
    whole: bool,
    /// Whether fine structure in the region comes from the opened image.
    keeps_detail: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplingForm {
    steps: usize,
    guidance: f32,
    seed: u64,
    seed_locked: bool,
    sampler: String,
    eta: f32,
    karras: bool,
    preset: String,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    variants: usize,
}

/// What a form names by hash.
#[derive(Default)]
pub struct Store {
    /// Packed masks.
    pub masks: HashMap<String, Arc<PackedMask>>,
    /// Images under the layers.
    pub images: HashMap<String, Arc<GrayImage>>,
}

/// The hash by which a packed mask is named.
pub fn mask_hash(mask: &PackedMask) -> String {
    hash_bytes(&mask.to_bytes())
}

/// The images a moment needs, with their hashes.
pub fn images(snapshot: &Snapshot) -> Vec<(String, Arc<GrayImage>)> {
    let base = snapshot.document.base.iter();
    base.flat_map(|b| [&b.image, &b.original]).map(|i| (hash_image(i), Arc::clone(i))).collect()
}

/// The text of a moment.
///
/// # Errors
/// When a number cannot be written as JSON.
pub fn write(snapshot: &Snapshot) -> Result<Vec<u8>, FormError> {
    let Snapshot { document, masks, sampling } = snapshot;
    let layers = document.layers.iter().zip(masks).map(|(layer, mask)| layer_form(layer, mask.as_deref())).collect();
    let demographics = document.demographics;
    let form = CaseForm {
        name: document.name.clone(),
        impression: document.impression.clone(),
        sex: demographics.sex.title().to_owned(),
        age: demographics.age,
        group: demographics.group.title().to_owned(),
        view: demographics.view.title().to_owned(),
        size_px: document.size_px,
        next_id: document.next_id(),
        layers,
        base: document.base.as_ref().map(base_form),
        kept_conflicts: document.kept_conflicts.clone(),
        sampling: sampling_form(sampling),
    };
    serde_json::to_vec(&form).map_err(|e| foreign(e.to_string()))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// When a field is unknown, or names a mask that is not in the store; a lost image is left out.
pub fn read(text: &[u8], store: &Store) -> Result<Snapshot, FormError> {
    let form: CaseForm = serde_json::from_slice(text).map_err(|e| foreign(e.to_string()))?;
    let blank = Arc::new(engine::domain::Mask::empty(1, 1));
    let mut layers = Vec::new();
    let mut masks = Vec::new();
    for layer in form.layers {
        let mask = match &layer.mask {
            Some(hash) => Some(store.masks.get(hash).cloned().ok_or_else(|| foreign("a mask that is not in it"))?),
            None => None,
        };
        masks.push(mask);
        layers.push(read_layer(layer, &blank)?);
    }
    let one_of = |what: &str, value: &str| foreign(format!("the {what} {value:?}"));
    let mut document = Document::empty(form.size_px.clamp(1, 1 << 14)).with_next_id(form.next_id);
    document.layers = layers;
    document.name = form.name;
    document.impression = form.impression;
    let fields = &mut document.demographics;
    fields.sex = Sex::ALL.into_iter().find(|s| s.title() == form.sex).ok_or_else(|| one_of("sex", &form.sex))?;
    fields.age = form.age;
    fields.group = Group::ALL.into_iter().find(|g| g.title() == form.group).ok_or_else(|| one_of("group", &form.group))?;
    fields.view = View::ALL.into_iter().find(|v| v.title() == form.view).ok_or_else(|| one_of("view", &form.view))?;
    document.kept_conflicts = form.kept_conflicts;
    document.base = form.base.and_then(|b| read_base(b, store));
    Ok(Snapshot { document, masks, sampling: read_sampling(&form.sampling)? })
}

fn layer_form(layer: &Layer, mask: Option<&PackedMask>) -> LayerForm {
    let Layer { id, finding, region, strength, opacity, visible, locked, solo, steps, area_px } = layer;
    let (kind, rect) = match region {
        Region::Mask(_) => ("mask", None),
        Region::Box(rect) => ("box", rect.map(|r| [r.x0, r.y0, r.x1, r.y1])),
        Region::Guide => ("guide", None),
        Region::MayChange(_) => ("may-change", None),
        Region::Keep(_) => ("keep", None),
    };
    LayerForm {
        id: *id,
        finding: finding.name().to_owned(),
        kind: kind.to_owned(),
        mask: mask.map(mask_hash),
        rect,
        strength: *strength,
        opacity: *opacity,
        visible: *visible,
        locked: *locked,
        solo: *solo,
        steps: [steps.first, steps.last],
        area_px: *area_px,
    }
}

fn read_layer(form: LayerForm, blank: &Arc<engine::domain::Mask>) -> Result<Layer, FormError> {
    let finding: Finding = form.finding.parse().map_err(|_| foreign(format!("the class {:?}", form.finding)))?;
    let region = match (form.kind.as_str(), &form.mask) {
        ("mask", Some(_)) => Region::Mask(Arc::clone(blank)),
        ("may-change", Some(_)) => Region::MayChange(Arc::clone(blank)),
        ("keep", Some(_)) => Region::Keep(Arc::clone(blank)),
        ("box", None) => Region::Box(form.rect.map(|[x0, y0, x1, y1]| RectPx::from_corners(x0, y0, x1, y1))),
        ("guide", None) => Region::Guide,
        (kind, _) => return Err(foreign(format!("a layer of the kind {kind:?}"))),
    };
    let steps = StepRange { first: form.steps[0], last: form.steps[1] };
    Ok(Layer {
        strength: form.strength,
        opacity: form.opacity,
        visible: form.visible,
        locked: form.locked,
        solo: form.solo,
        steps: if steps.is_valid() { steps } else { StepRange::ALL },
        area_px: form.area_px,
        ..Layer::new(form.id, finding, region)
    })
}

fn base_form(base: &Base) -> BaseForm {
    // The further windows of a DICOM file are not kept; opening it again offers them.
    let Base { title, origin, image, original, spacing_mm, original_spacing_mm, edit, strength, .. } = base;
    let Base { feather_px, margin_px, whole, detail, .. } = base;
    BaseForm {
        title: title.clone(),
        run: match origin {
            BaseOrigin::File => None,
            BaseOrigin::Run(run) => Some(*run),
        },
        image: hash_image(image),
        original: hash_image(original),
        spacing_mm: spacing_mm.map(|(x, y)| [x, y]),
        edit: *edit,
        strength: *strength,
        feather_px: *feather_px,
        original_spacing_mm: *original_spacing_mm,
        margin_px: *margin_px,
        whole: *whole,
        keeps_detail: *detail == Detail::Opened,
    }
}

fn read_base(form: BaseForm, store: &Store) -> Option<Base> {
    let origin = form.run.map_or(BaseOrigin::File, BaseOrigin::Run);
    let image = store.images.get(&form.image).cloned()?;
    Some(Base {
        original: store.images.get(&form.original).cloned()?,
        spacing_mm: form.spacing_mm.map(|[x, y]| (x, y)),
        edit: form.edit,
        strength: form.strength,
        feather_px: form.feather_px,
        original_spacing_mm: form.original_spacing_mm,
        margin_px: form.margin_px,
        whole: form.whole,
        detail: if form.keeps_detail { Detail::Opened } else { Detail::Model },
        ..Base::square(form.title, origin, image)
    })
}

fn one() -> usize {
    1
}

fn is_one(n: &usize) -> bool {
    *n == 1
}

fn sampling_form(sampling: &Sampling) -> SamplingForm {
    let Sampling { steps, guidance, seed, seed_locked, sampler, eta, karras, preset, variants } = *sampling;
    let (sampler, preset) = (sampler.name().to_owned(), preset.name().to_owned());
    SamplingForm { steps, guidance, seed, seed_locked, sampler, eta, karras, preset, variants }
}

fn read_sampling(form: &SamplingForm) -> Result<Sampling, FormError> {
    let sampler: SamplerKind = form.sampler.parse().map_err(|_| foreign(format!("the sampler {:?}", form.sampler)))?;
    let preset: Preset = form.preset.parse().map_err(|_| foreign(format!("the preset {:?}", form.preset)))?;
    Ok(Sampling {
        steps: form.steps,
        guidance: form.guidance,
        seed: form.seed,
        seed_locked: form.seed_locked,
        sampler,
        eta: form.eta,
        karras: form.karras,
        preset,
        variants: form.variants.clamp(*VARIANTS.start(), *VARIANTS.end()),
    })
}

/// The hashes of the images that a text names.
pub fn image_hashes(text: &[u8]) -> Vec<String> {
    let form: Option<CaseForm> = serde_json::from_slice(text).ok();
    form.and_then(|f| f.base).map_or_else(Vec::new, |b| vec![b.image, b.original])
}
