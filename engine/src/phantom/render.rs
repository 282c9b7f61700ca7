//! Anatomy, findings, beam and display put together.

use crate::domain::{GrayImage, Mask, Side};

use super::anatomy::bones::Break;
use super::anatomy::geometry::Geometry;
use super::anatomy::{abdomen, bones, soft, vessels};
use super::display;
use super::frame::Frame;
use super::lesion::{Kind, PlannedFinding, paint_all};
use super::patient::Patient;
use super::physics;
use super::scene::Scene;
use super::tube::Pen;

/// A picture and the masks of its findings, in the order of the plan.
pub(crate) struct Rendered {
    pub(crate) image: GrayImage,
    pub(crate) masks: Vec<Mask>,
}

/// Samples a side of the sampling grid for an output size: twice as many up to 256 px.
pub(crate) fn grid_for(size: usize) -> usize {
    if size <= 256 { size * 2 } else { size }
}

/// The frame of a patient at an output size.
pub(crate) fn frame_of(p: &Patient, grid: usize) -> Frame {
    Frame::new(grid, p.field_cm, p.scale, p.shift, p.roll)
}

/// Outlines of a patient with the planned heart and mediastinum.
pub(crate) fn geometry_of(p: &Patient, findings: &[PlannedFinding]) -> Geometry {
    let mut ctr = p.ctr;
    let (mut widened, mut pushed) = (0.0, 0.0);
    for f in findings {
        match f.kind {
            Kind::Cardiomegaly => ctr = p.ctr_big[0] + (p.ctr_big[1] - p.ctr_big[0]) * f.severity,
            Kind::Pneumothorax { tension: true } => {
                let away = 0.4 + 1.1 * f.severity;
                pushed = if f.side == Side::Right { away } else { -away };
            }
            Kind::WideMediastinum => widened = 1.0 + 1.3 * f.severity,
            _ => {}
        }
    }
    Geometry::new(p, ctr, widened, pushed)
}

/// Draws a patient with findings at `size`² pixels.
pub(crate) fn render(p: &Patient, findings: &[PlannedFinding], size: u32) -> Rendered {
    let size = size.clamp(16, 4096) as usize;
    let frame = frame_of(p, grid_for(size));
    let geometry = geometry_of(p, findings);
    let (mut scene, mut pen) = anatomy(p, findings, &geometry, frame);

    // The window is fixed before findings are added.
    let stride = (scene.frame.grid / 128).max(1);
    let small = scene.frame.grid / stride;
    let before = physics::thumbnail(&scene, &p.exposure, stride);
    let before = physics::with_scatter(&before, small, &p.exposure, p.field_cm);
    let window = display::window(&before, small, &p.look);

    let masks = paint_all(&mut scene, &mut pen, p, &geometry, findings, size);

    let primary = physics::primary(&scene, &p.exposure, size);
    let mut signal = physics::with_scatter(&primary, size, &p.exposure, p.field_cm);
    let pixel_area = (512.0 / size as f32).powi(2);
    physics::add_noise(&mut signal, &p.exposure, &mut p.rng("noise"), pixel_area);
    let mut grey = display::display(&signal, size, &p.look, &window);
    frame_marks(&mut grey, size, p);
    let size = size as u32;
    let image = GrayImage::from_unit(size, size, &grey).unwrap_or_else(|_| GrayImage::black(size, size));
    Rendered { image, masks }
}

/// The maps before findings; a broken rib and the vessels of edema belong to the anatomy.
pub(crate) fn anatomy(p: &Patient, findings: &[PlannedFinding], geometry: &Geometry, frame: Frame) -> (Scene, Pen) {
    let breaks: Vec<Break> = findings.iter().filter_map(PlannedFinding::rib_break).collect();
    let redistribution =
        findings.iter().filter(|f| matches!(f.kind, Kind::Edema)).map(|f| 0.3 + 0.7 * f.severity).fold(0.0, f32::max);

    let mut pen = Pen::new();
    let mut scene = Scene::empty(frame);
    soft::paint(&mut scene, p, geometry);
    vessels::paint(&mut scene, &mut pen, p, geometry, redistribution);
    abdomen::paint(&mut scene, p, geometry);
    bones::paint(&mut scene, &mut pen, p, &breaks);
    (scene, pen)
}

/// Collimator edges and the side marker, both laid over the picture.
fn frame_marks(grey: &mut [f32], n: usize, p: &Patient) {
    let e = &p.exposure;
    let limit = n as f32;
    let [left, top, right, bottom] = e.collimator;
    for y in 0..n {
        for x in 0..n {
            let (fx, fy) = ((x as f32 + 0.5) / limit, (y as f32 + 0.5) / limit);
            let inside = (fx - left).min(1.0 - right - fx).min(fy - top).min(1.0 - bottom - fy) * limit;
            if inside < 1.0 {
                grey[y * n + x] *= (0.06 + 0.94 * inside.max(0.0)).clamp(0.0, 1.0);
            }
        }
    }
    if let Some(corner) = e.marker {
        marker(grey, n, corner);
    }
}

/// A lead letter: R in a left corner, L in a right corner of the picture.
fn marker(grey: &mut [f32], n: usize, corner: u32) {
    const R: [u8; 7] = [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001];
    const L: [u8; 7] = [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111];
    let at_left = corner.is_multiple_of(2);
    let glyph = if at_left { R } else { L };
    let cell = n as f32 * 0.0055;
    let x0 = if at_left { 0.05 } else { 0.92 } * n as f32;
    let y0 = if corner < 2 { 0.05 } else { 0.86 } * n as f32;
    for y in 0..n {
        for x in 0..n {
            let (u, v) = ((x as f32 + 0.5 - x0) / cell, (y as f32 + 0.5 - y0) / cell);
            if (0.0..5.0).contains(&u) && (0.0..7.0).contains(&v) && glyph[v as usize] >> (4 - u as usize) & 1 == 1 {
                grey[y * n + x] = grey[y * n + x].max(0.97);
            }
        }
    }
}
