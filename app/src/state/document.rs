//! The open case: text, fields and layers. Everything in here can be undone.

use std::sync::Arc;

use engine::domain::{Annotation, Finding, GenerateRequest, Mask, RectPx, Shape, Side, Source, StepRange, patient_side};

use super::{Base, BaseOrigin, Demographics, Sampling};
use crate::checks;

/// Names a layer for as long as the document is open.
pub type LayerId = u64;

/// Where a layer lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Region {
    /// A painted region; shared until a stroke changes it.
    Mask(Arc<Mask>),
    /// A labelled box, or none yet.
    Box(Option<RectPx>),
    /// The anatomical guide: shown to the person, never sent to the model.
    Guide,
    /// What may change in the image under the layers; shared until a stroke changes it.
    MayChange(Arc<Mask>),
    /// What must not change in the image under the layers, whatever else says so.
    Keep(Arc<Mask>),
}

impl Region {
    /// The painted pixels, where the region is painted.
    pub fn mask(&self) -> Option<&Arc<Mask>> {
        match self {
            Self::Mask(mask) | Self::MayChange(mask) | Self::Keep(mask) => Some(mask),
            Self::Box(_) | Self::Guide => None,
        }
    }

    /// The painted pixels, to change them.
    pub fn mask_mut(&mut self) -> Option<&mut Arc<Mask>> {
        match self {
            Self::Mask(mask) | Self::MayChange(mask) | Self::Keep(mask) => Some(mask),
            Self::Box(_) | Self::Guide => None,
        }
    }

    /// The same kind of region with other pixels; boxes and guides stay as they are.
    #[must_use]
    pub fn with_mask(&self, mask: Arc<Mask>) -> Self {
        match self {
            Self::Mask(_) => Self::Mask(mask),
            Self::MayChange(_) => Self::MayChange(mask),
            Self::Keep(_) => Self::Keep(mask),
            Self::Box(_) | Self::Guide => self.clone(),
        }
    }

    /// Whether it is a finding that is sent to the model.
    pub fn is_finding(&self) -> bool {
        matches!(self, Self::Mask(_) | Self::Box(_))
    }
}

/// One row of the layer list.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name within the document.
    pub id: LayerId,
    /// Its class.
    pub finding: Finding,
    /// Where it lies.
    pub region: Region,
    /// Control strength, 0 to 2.
    pub strength: f32,
    /// Fill opacity on the canvas, 0 to 0.6.
    pub opacity: f32,
    /// Whether it is drawn and sent.
    pub visible: bool,
    /// Whether tools leave it alone.
    pub locked: bool,
    /// Whether it is drawn and sent alone; see [`Document::is_active`].
    pub solo: bool,
    /// The part of the run in which it acts.
    pub steps: StepRange,
    /// How far around its shape it may act, in pixels; `None` is everywhere.
    pub area_px: Option<u32>,
}

/// Natural opacity of a mask fill.
pub const FILL_OPACITY: f32 = 0.26;

impl Layer {
    /// A layer of natural strength.
    pub fn new(id: LayerId, finding: Finding, region: Region) -> Self {
        let locked = region == Region::Guide;
        Self {
            id,
            finding,
            region,
            strength: 1.0,
            opacity: FILL_OPACITY,
            visible: true,
            locked,
            solo: false,
            steps: StepRange::ALL,
            area_px: None,
        }
    }

    /// Whether nothing was drawn yet.
    pub fn is_empty(&self) -> bool {
        match &self.region {
            Region::Mask(mask) | Region::MayChange(mask) | Region::Keep(mask) => mask.is_empty(),
            Region::Box(rect) => rect.is_none(),
            Region::Guide => false,
        }
    }

    /// The patient's side it lies on: `Both` when it crosses the midline by more than a fifth.
    pub fn side(&self, size_px: u32) -> Option<Side> {
        match &self.region {
            Region::Mask(mask) | Region::MayChange(mask) | Region::Keep(mask) => mask_side(mask),
            Region::Box(Some(rect)) => Some(patient_side(rect.center().0, size_px)),
            Region::Box(None) | Region::Guide => None,
        }
    }

    /// Number of pixels in it.
    pub fn area_px(&self) -> usize {
        match &self.region {
            Region::Mask(mask) | Region::MayChange(mask) | Region::Keep(mask) => mask.area(),
            Region::Box(Some(rect)) => (rect.width() * rect.height()).max(0.0) as usize,
            Region::Box(None) | Region::Guide => 0,
        }
    }

    /// What the list calls it.
    pub fn title(&self) -> &'static str {
        match self.region {
            Region::Guide => "Lung outline",
            Region::MayChange(_) => "May change",
            Region::Keep(_) => "Must not change",
            Region::Mask(_) | Region::Box(_) => self.finding.title(),
        }
    }

    /// The word for what it is.
    pub fn kind(&self) -> &'static str {
        match self.region {
            Region::Mask(_) => "Mask",
            Region::Box(_) => "Box",
            Region::Guide => "Guide",
            Region::MayChange(_) => "May change",
            Region::Keep(_) => "Must not change",
        }
    }
}

/// The patient's side a mask lies on: `Both` when it crosses the midline by more than a fifth.
pub fn mask_side(mask: &Mask) -> Option<Side> {
    // The left half of the picture is the patient's right.
    let (right, left) = mask.halves();
    let total = right + left;
    if total == 0 {
        return None;
    }
    let minor = right.min(left);
    if minor * 5 > total { Some(Side::Both) } else { Some(if right > left { Side::Right } else { Side::Left }) }
}

/// The open case.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Name on the tab and in file names.
    pub name: String,
    /// The text as typed, without the prefix.
    pub impression: String,
    /// The fields that write the prefix.
    pub demographics: Demographics,
    /// Layers from top to bottom of the list.
    pub layers: Vec<Layer>,
    /// Side of the square image in pixels.
    pub size_px: u32,
    /// The image under the layers, if one is opened.
    pub base: Option<Base>,
    /// Conflicts that are kept on purpose, by their sentence; the record says so.
    pub kept_conflicts: Vec<String>,
    next_id: LayerId,
}

impl Document {
    /// An empty case with the anatomical guide.
    pub fn empty(size_px: u32) -> Self {
        let mut document = Self {
            name: "Untitled".to_owned(),
            impression: String::new(),
            demographics: Demographics::default(),
            layers: Vec::new(),
            size_px,
            base: None,
            kept_conflicts: Vec::new(),
            next_id: 1,
        };
        document.push(Finding::Pneumothorax, Region::Guide);
        document
    }

    /// The name that the next layer gets.
    pub fn next_id(&self) -> LayerId {
        self.next_id
    }

    /// The same case, whose next layer gets this name or a later one.
    #[must_use]
    pub fn with_next_id(mut self, next_id: LayerId) -> Self {
        self.next_id = next_id.max(self.next_id);
        self
    }

    /// Adds a layer above the guide and returns its name.
    pub fn push(&mut self, finding: Finding, region: Region) -> LayerId {
        let id = self.next_id;
        self.next_id += 1;
        let at = self.layers.iter().position(|l| l.region == Region::Guide).unwrap_or(self.layers.len());
        self.layers.insert(at, Layer::new(id, finding, region));
        id
    }

    /// A layer by name.
    pub fn layer(&self, id: LayerId) -> Option<&Layer> {
        self.layers.iter().find(|l| l.id == id)
    }

    /// A layer by name, to change it.
    pub fn layer_mut(&mut self, id: LayerId) -> Option<&mut Layer> {
        self.layers.iter_mut().find(|l| l.id == id)
    }

    /// Number shown before a layer's name, from 1.
    pub fn number(&self, id: LayerId) -> usize {
        self.layers.iter().position(|l| l.id == id).map_or(0, |i| i + 1)
    }

    /// The text as the model gets it, prefix included.
    pub fn full_impression(&self) -> String {
        format!("{}{}", self.demographics.prefix(), self.impression.trim())
    }

    /// Whether a layer is drawn and sent: visible, and alone where one is alone.
    pub fn is_active(&self, layer: &Layer) -> bool {
        layer.visible && (layer.solo || !self.layers.iter().any(|l| l.solo))
    }

    /// What is drawn and switched on, in the engine's words.
    pub fn annotations(&self) -> Vec<Annotation> {
        let shape = |layer: &Layer| match &layer.region {
            Region::Mask(mask) if !mask.is_empty() => Some(Shape::Mask(Mask::clone(mask))),
            Region::Box(Some(rect)) => Some(Shape::Box { rect: *rect, width: self.size_px, height: self.size_px }),
            _ => None,
        };
        self.layers
            .iter()
            .filter(|l| self.is_active(l))
            .filter_map(|l| {
                let drawn = Annotation::new(l.finding, shape(l)?);
                Some(Annotation { strength: l.strength, steps: l.steps, area_px: l.area_px, ..drawn })
            })
            .collect()
    }

    /// The same case on a canvas of another size.
    pub fn resized(&self, size_px: u32) -> Self {
        let scale = size_px as f32 / self.size_px as f32;
        let mut document = self.clone();
        document.size_px = size_px;
        document.base = self.base.as_ref().map(|base| base.resized(size_px));
        for layer in &mut document.layers {
            layer.region = match &layer.region {
                Region::Box(rect) => Region::Box(rect.map(|r| r.scaled(scale, scale))),
                Region::Guide => Region::Guide,
                painted => match painted.mask() {
                    Some(mask) => painted.with_mask(Arc::new(mask.resized(size_px, size_px))),
                    None => painted.clone(),
                },
            };
        }
        document
    }

    /// The whole request for one image.
    pub fn request(&self, sampling: &Sampling) -> GenerateRequest {
        let mut request = GenerateRequest::new(self.full_impression(), sampling.seed);
        request.annotations = self.annotations();
        request.num_steps = sampling.steps;
        request.guidance_scale = sampling.guidance;
        request.sampler = sampling.sampler;
        request.eta = sampling.eta;
        request.karras = sampling.karras;
        request.preset = sampling.preset;
        request.source = self.source();
        request.kept_conflicts = checks::kept(self);
        request
    }

    /// A case from a request that was run before, shown on a canvas of the given size.
    pub fn from_request(name: &str, request: &GenerateRequest, size_px: u32) -> Self {
        let mut document = Self::empty(size_px);
        document.name = name.to_owned();
        (document.demographics, document.impression) = Demographics::parse(&request.impression);
        for annotation in &request.annotations {
            let region = match &annotation.shape {
                Shape::Mask(mask) if (mask.width(), mask.height()) == (size_px, size_px) => Region::Mask(Arc::new(mask.clone())),
                Shape::Mask(mask) => Region::Mask(Arc::new(mask.resized(size_px, size_px))),
                Shape::Box { rect, width, height } => {
                    let (sx, sy) = (size_px as f32 / (*width).max(1) as f32, size_px as f32 / (*height).max(1) as f32);
                    Region::Box(Some(rect.scaled(sx, sy)))
                }
            };
            let id = document.push(annotation.finding, region);
            if let Some(layer) = document.layer_mut(id) {
                layer.strength = annotation.strength;
                layer.steps = annotation.steps;
                layer.area_px = annotation.area_px;
            }
        }
        document.kept_conflicts.clone_from(&request.kept_conflicts);
        document.read_source(&request.source);
        document
    }

    /// Puts the image that a request changed under the layers, and what could change on top.
    fn read_source(&mut self, source: &Source) {
        let (image, strength) = match source {
            Source::Image { image, strength, .. } | Source::Region { image, strength, .. } => (image, *strength),
            Source::Noise | Source::Latent { .. } => return,
        };
        let mut base = Base::square("Image of the record", BaseOrigin::File, Arc::clone(image));
        (base.edit, base.strength, base.whole) = (true, strength, matches!(source, Source::Image { .. }));
        if let Source::Region { may_change, feather_px, .. } = source {
            base.feather_px = *feather_px;
            let size = self.size_px;
            let mask = if may_change.width() == size { Arc::clone(may_change) } else { Arc::new(may_change.resized(size, size)) };
            self.push(Finding::Pneumothorax, Region::MayChange(mask));
        }
        self.base = Some(if image.width() == self.size_px { base } else { base.resized(self.size_px) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_the_patients() {
        let side = |x0, x1| {
            let mask = Mask::from_fn(64, 64, |x, y| x >= x0 && x < x1 && y > 10 && y < 20);
            Layer::new(1, Finding::Nodule, Region::Mask(Arc::new(mask))).side(64)
        };
        assert_eq!(side(4, 12), Some(Side::Right));
        assert_eq!(side(40, 50), Some(Side::Left));
        assert_eq!(side(20, 44), Some(Side::Both));
        assert_eq!(side(5, 5), None);
    }

    #[test]
    fn requests_come_back_as_the_same_case() {
        let mut document = Document::empty(64);
        document.impression = "Small left effusion.".to_owned();
        document.demographics.age = Some(50);
        let mask = Mask::from_fn(64, 64, |x, y| x > 40 && y > 40);
        let id = document.push(Finding::PleuralEffusion, Region::Mask(Arc::new(mask)));
        document.push(Finding::Nodule, Region::Box(Some(RectPx::from_corners(3.0, 4.0, 9.0, 12.0))));
        document.layer_mut(id).expect("the layer was just added").strength = 0.5;
        let request = document.request(&Sampling::default());
        let back = Document::from_request("back", &request, 64);
        assert_eq!(back.request(&Sampling::default()), request);
        assert_eq!(back.impression, "Small left effusion.");
    }

    #[test]
    fn hidden_and_empty_layers_are_not_sent() {
        let mut document = Document::empty(32);
        document.push(Finding::Nodule, Region::Box(None));
        document.push(Finding::Nodule, Region::Mask(Arc::new(Mask::empty(32, 32))));
        let id = document.push(Finding::Nodule, Region::Mask(Arc::new(Mask::from_fn(32, 32, |x, _| x == 3))));
        assert_eq!(document.annotations().len(), 1);
        document.layer_mut(id).expect("the layer was just added").visible = false;
        assert!(document.annotations().is_empty());
    }
}
