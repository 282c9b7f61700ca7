//! Scale and turn: what a handle of the frame around a region does to it.

use std::f32::consts::{PI, TAU};
use std::sync::Arc;

use engine::domain::{Affine, RectPx};

use super::boxed::MIN_SIDE_PX;
use crate::state::Region;
use crate::state::tools::Handle;

/// Turns snap to the upright within this angle, in radians.
const SNAP: f32 = 0.035;

/// The region after a handle was dragged from one point to another; the opposite edge stays.
///
/// Boxes are resized and not turned. A region that would become smaller than a pixel keeps its size.
pub fn reshaped(region: &Region, handle: Handle, from: (f32, f32), to: (f32, f32), size_px: u32) -> Region {
    match region {
        Region::Box(Some(rect)) => Region::Box(Some(resized(rect, handle, from, to, size_px))),
        other => {
            let Some((mask, rect)) = other.mask().and_then(|m| Some((m, m.bounds()?))) else { return other.clone() };
            let map = match handle {
                Handle::Edge(x, y) => scaling(&rect, x, y, from, to),
                Handle::Turn => Affine::turn(turn(rect.center(), from, to), rect.center()),
            };
            other.with_mask(Arc::new(mask.warped(&map)))
        }
    }
}

fn scaling(rect: &RectPx, x: i8, y: i8, from: (f32, f32), to: (f32, f32)) -> Affine {
    let factor = |way: i8, length: f32, moved: f32| {
        if way == 0 { 1.0 } else { ((length + f32::from(way) * moved) / length.max(1.0)).max(1.0 / length.max(1.0)) }
    };
    let (sx, sy) = (factor(x, rect.width(), to.0 - from.0), factor(y, rect.height(), to.1 - from.1));
    let fixed = (if x > 0 { rect.x0 } else { rect.x1 }, if y > 0 { rect.y0 } else { rect.y1 });
    Affine::scale(sx, sy, fixed)
}

/// The angle between two points as seen from the middle, in radians.
fn turn(middle: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let angle = |p: (f32, f32)| (p.1 - middle.1).atan2(p.0 - middle.0);
    let turned = (angle(to) - angle(from) + PI).rem_euclid(TAU) - PI;
    let quarter = (turned / (0.5 * PI)).round() * 0.5 * PI;
    if (turned - quarter).abs() < SNAP { quarter } else { turned }
}

fn resized(rect: &RectPx, handle: Handle, from: (f32, f32), to: (f32, f32), size_px: u32) -> RectPx {
    let Handle::Edge(x, y) = handle else { return *rect };
    let size = size_px as f32;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let low = |v: f32, other: f32| v.round().clamp(0.0, (other - MIN_SIDE_PX).max(0.0));
    let high = |v: f32, other: f32| v.round().clamp((other + MIN_SIDE_PX).min(size), size);
    let mut out = *rect;
    if x < 0 {
        out.x0 = low(rect.x0 + dx, rect.x1);
    }
    if x > 0 {
        out.x1 = high(rect.x1 + dx, rect.x0);
    }
    if y < 0 {
        out.y0 = low(rect.y0 + dy, rect.y1);
    }
    if y > 0 {
        out.y1 = high(rect.y1 + dy, rect.y0);
    }
    out
}
