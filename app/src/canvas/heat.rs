//! Where a word acts, on the image: what it acts on stays as it is, the rest is veiled.
//!
//! No colour, since colours mean classes and states.

use eframe::egui::epaint::{Mesh, Vertex};
use eframe::egui::{Rect, Shape, TextureId, Ui, pos2};

use super::camera::Camera;
use crate::insight::word_map::Heat;
use crate::state::State;
use crate::theme::tokens;

/// Veil over places on which the word does not act.
pub const VEIL: f32 = 0.78;
/// Cells of the mesh for each cell of the map, along each side.
const FINE: usize = 4;

/// Opacity of the veil at a share of the attention, between the lowest and the highest one.
pub fn veil(share: f32, lowest: f32, highest: f32) -> f32 {
    let range = (highest - lowest).max(f32::MIN_POSITIVE);
    VEIL * (1.0 - ((share - lowest) / range).clamp(0.0, 1.0))
}

/// Paints the veil over the fitted image.
pub fn paint(ui: &Ui, canvas: Rect, state: &State, heat: &Heat) {
    let camera = Camera::new(canvas, state.document.size_px, state.view.zoom, state.view.center);
    let image = camera.image_rect();
    let cells = heat.grid * FINE;
    let (lowest, highest) = (heat.lowest(), heat.highest());
    let mut mesh = Mesh::with_texture(TextureId::default());
    for row in 0..=cells {
        for column in 0..=cells {
            let (u, v) = (column as f32 / cells as f32, row as f32 / cells as f32);
            mesh.vertices.push(Vertex {
                pos: pos2(image.left() + u * image.width(), image.top() + v * image.height()),
                uv: eframe::egui::epaint::WHITE_UV,
                color: tokens::veil(veil(between(heat, u, v), lowest, highest)),
            });
        }
    }
    for row in 0..cells {
        for column in 0..cells {
            let at = |r: usize, c: usize| (r * (cells + 1) + c) as u32;
            mesh.add_triangle(at(row, column), at(row, column + 1), at(row + 1, column));
            mesh.add_triangle(at(row, column + 1), at(row + 1, column + 1), at(row + 1, column));
        }
    }
    ui.painter_at(canvas.intersect(image)).add(Shape::mesh(mesh));
}

/// The share at a place of the image, 0 to 1 across and down, between the cells' centres.
fn between(heat: &Heat, u: f32, v: f32) -> f32 {
    let last = heat.grid.saturating_sub(1);
    let place = |t: f32| (t * heat.grid as f32 - 0.5).clamp(0.0, last as f32);
    let (x, y) = (place(u), place(v));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(last), (y0 + 1).min(last));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let at = |x: usize, y: usize| heat.shares.get(y * heat.grid + x).copied().unwrap_or(0.0);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    mix(mix(at(x0, y0), at(x1, y0), fx), mix(at(x0, y1), at(x1, y1), fx), fy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_veil_is_open_where_the_word_acts() {
        let heat = Heat { grid: 2, shares: vec![0.8, 0.0, 0.0, 0.4] };
        assert!((between(&heat, 0.25, 0.25) - 0.8).abs() < 1e-6 && between(&heat, 0.0, 0.0) > 0.79);
        assert!((between(&heat, 0.5, 0.5) - 0.3).abs() < 1e-6);
        assert_eq!((veil(0.8, 0.2, 0.8), veil(0.2, 0.2, 0.8)), (0.0, VEIL));
        assert!((veil(0.5, 0.2, 0.8) - 0.5 * VEIL).abs() < 1e-5);
        assert!((heat.lowest(), heat.highest()) == (0.0, 0.8) && !heat.is_even());
        assert!(Heat { grid: 2, shares: vec![0.8, 0.7, 0.75, 0.8] }.is_even());
    }
}
