//! The difference map and its figures, made on a thread and kept until another pair is compared.

use std::sync::{Arc, Mutex};

use eframe::egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};
use engine::domain::{Annotation, Difference, GrayImage, Mask, Shape};

use crate::theme::tokens;

/// Reach of an area of effect for the figures where a layer acts everywhere, in pixels.
const MARGIN_PX: u32 = 12;
/// Longest side of the map in texture pixels.
const MAP_SIDE: usize = 1024;
/// Gains that are chosen by themselves.
const GAINS: [u32; 6] = [20, 10, 5, 4, 2, 1];

/// The figures of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Gain of the map.
    pub gain: u32,
    /// Mean change in each layer, with its name.
    pub layers: Vec<(String, f32)>,
    /// Mean change elsewhere; `None` where the layers cover everything.
    pub elsewhere: Option<f32>,
    /// Mean change of the whole image.
    pub mean: f32,
    /// Share of all change inside the areas of effect; `None` without layers or without change.
    pub inside: Option<f32>,
}

impl Figures {
    /// Measures a pair with the layers of the run that has some.
    fn of(difference: &Difference, annotations: &[Annotation], gain: Option<u32>) -> Self {
        let (width, height) = (difference.width(), difference.height());
        let mut all = Mask::empty(width, height);
        let mut areas = Mask::empty(width, height);
        let mut layers = Vec::new();
        for (i, annotation) in annotations.iter().enumerate() {
            let shape = match &annotation.shape {
                Shape::Mask(mask) => mask.resized(width, height),
                Shape::Box { rect, width: w, height: h } => {
                    let scale = (width as f32 / (*w).max(1) as f32, height as f32 / (*h).max(1) as f32);
                    Mask::from_rect(width, height, &rect.scaled(scale.0, scale.1))
                }
            };
            if let Some(mean) = difference.mean_inside(&shape) {
                layers.push((format!("{} {}", i + 1, annotation.finding.code()), mean));
            }
            areas.union_with(&shape.grown(annotation.area_px.unwrap_or(MARGIN_PX)));
            all.union_with(&shape);
        }
        let largest = difference.quantile(0.998);
        let fitting = GAINS.into_iter().find(|&g| largest * g as f32 <= 1.0).unwrap_or(1);
        Self {
            gain: gain.unwrap_or(fitting),
            elsewhere: if layers.is_empty() { None } else { difference.mean_outside(&all) },
            mean: difference.mean(),
            inside: if layers.is_empty() { None } else { difference.share_inside(&areas) },
            layers,
        }
    }
}

/// The colour of a change after gain: −1 darker, 0 the ground, 1 brighter.
pub fn color(change: f32) -> Color32 {
    let end = if change < 0.0 { tokens::DARKER } else { tokens::BRIGHTER };
    tokens::mix(tokens::VIEW, end, change.abs().min(1.0))
}

fn map(difference: &Difference, gain: u32) -> ColorImage {
    let (width, height) = (difference.width() as usize, difference.height() as usize);
    let step = width.max(height).div_ceil(MAP_SIDE).max(1);
    let size = [width.div_ceil(step), height.div_ceil(step)];
    let values = difference.values();
    // Of the pixels behind one of the map the largest change is shown: a thin line must not vanish.
    let largest = |x: usize, y: usize| {
        let rows =
            (y * step..((y + 1) * step).min(height)).flat_map(|y| (x * step..((x + 1) * step).min(width)).map(move |x| (x, y)));
        rows.map(|(x, y)| values[y * width + x]).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
    };
    let pixels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))).map(|(x, y)| color(largest(x, y) * gain as f32));
    ColorImage::new(size, pixels.collect())
}

/// Addresses of A and B, and the gain that was asked for.
type Key = (usize, usize, Option<u32>);

/// What the thread leaves.
struct Made {
    key: Key,
    held: (Arc<GrayImage>, Arc<GrayImage>),
    /// `None` when the sizes differ.
    what: Option<(Figures, ColorImage)>,
}

/// A pair as it is shown.
pub struct Compared {
    key: Key,
    // Held so that the addresses of the key stay taken.
    _held: (Arc<GrayImage>, Arc<GrayImage>),
    /// Figures and map; `None` when the two images differ in size.
    pub what: Option<(Figures, TextureHandle)>,
}

/// The last pair, and the one being measured.
#[derive(Default)]
pub struct Differences {
    shown: Option<Compared>,
    running: Option<Key>,
    inbox: Arc<Mutex<Option<Made>>>,
}

impl Differences {
    /// The figures and the map of a pair; the pair before while this one is measured, `None` at first.
    pub fn get(
        &mut self,
        ctx: &Context,
        (a, b): (&Arc<GrayImage>, &Arc<GrayImage>),
        gain: Option<u32>,
        annotations: impl FnOnce() -> Vec<Annotation>,
    ) -> Option<&Compared> {
        let made = self.inbox.lock().ok().and_then(|mut inbox| inbox.take());
        if let Some(made) = made {
            let what =
                made.what.map(|(figures, picture)| (figures, ctx.load_texture("difference", picture, TextureOptions::LINEAR)));
            self.running = None;
            self.shown = Some(Compared { key: made.key, _held: made.held, what });
        }
        let key = (Arc::as_ptr(a) as usize, Arc::as_ptr(b) as usize, gain);
        if self.running.is_none() && self.shown.as_ref().is_none_or(|s| s.key != key) {
            let (held, annotations) = ((Arc::clone(a), Arc::clone(b)), annotations());
            let (inbox, ctx) = (Arc::clone(&self.inbox), ctx.clone());
            let work = move || {
                let what = Difference::between(&held.0, &held.1).map(|difference| {
                    let figures = Figures::of(&difference, &annotations, gain);
                    let picture = map(&difference, figures.gain);
                    (figures, picture)
                });
                if let Ok(mut inbox) = inbox.lock() {
                    *inbox = Some(Made { key, held, what });
                }
                ctx.request_repaint();
            };
            match std::thread::Builder::new().name("difference".to_owned()).spawn(work) {
                Ok(_) => self.running = Some(key),
                Err(error) => tracing::error!("a thread for the difference could not be started: {error}"),
            }
        }
        self.shown.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use engine::domain::Finding;

    use super::*;

    #[test]
    fn figures_say_where_the_change_is() {
        let a = GrayImage::black(64, 64);
        let mask = Mask::from_fn(64, 64, |x, y| x < 8 && y < 8);
        let grey = |x: usize, y: usize| if x < 8 && y < 8 { 6554 } else { 0 };
        let b = GrayImage::new(64, 64, (0..64 * 64).map(|i| grey(i % 64, i / 64)).collect()).expect("64 by 64");
        let difference = Difference::between(&a, &b).expect("one size");
        let layers = [Annotation::mask(Finding::Nodule, mask)];
        let figures = Figures::of(&difference, &layers, None);
        assert_eq!(figures.layers[0].0, "1 NOD");
        assert!((figures.layers[0].1 - 0.1).abs() < 1e-3, "{figures:?}");
        assert_eq!((figures.elsewhere, figures.inside, figures.gain), (Some(0.0), Some(1.0), 5));
        assert_eq!(Figures::of(&difference, &[], Some(3)).gain, 3);
        let picture = map(&difference, 10);
        assert_eq!((picture.pixels[0], picture.pixels[40]), (color(1.0), tokens::VIEW));
    }

    #[test]
    fn the_scale_is_blue_for_darker_and_orange_for_brighter() {
        assert_eq!((color(-2.0), color(0.0), color(1.0)), (tokens::DARKER, tokens::VIEW, tokens::BRIGHTER));
    }
}
