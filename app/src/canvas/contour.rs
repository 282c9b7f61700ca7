//! Outlines of a mask: marching squares on the lightly smoothed mask, joined to closed lines.

use std::collections::BTreeMap;

use engine::domain::Mask;

/// Level of the smoothed mask that the outline follows.
const LEVEL: f32 = 0.45;

/// Closed outlines in image pixels.
pub fn outlines(mask: &Mask) -> Vec<Vec<(f32, f32)>> {
    let Some(bounds) = mask.bounds() else { return Vec::new() };
    // A window around the mask, two pixels wider on each side.
    let (x0, y0) = (bounds.x0 as i32 - 2, bounds.y0 as i32 - 2);
    let (w, h) = (bounds.width() as usize + 4, bounds.height() as usize + 4);
    let field = smooth(mask, x0, y0, w, h);
    let value = |x: usize, y: usize| field[y * w + x];
    let inside = |x: usize, y: usize| value(x, y) >= LEVEL;

    // An edge joins a grid point with the next one to the right (0) or below (1).
    let edge = |x: usize, y: usize, down: usize| (y * w + x) * 2 + down;
    let mut next: BTreeMap<usize, usize> = BTreeMap::new();
    for y in 0..h - 1 {
        for x in 0..w - 1 {
            let (tl, tr, br, bl) = (inside(x, y), inside(x + 1, y), inside(x + 1, y + 1), inside(x, y + 1));
            if tl == tr && tr == br && br == bl {
                continue;
            }
            let (top, bottom) = (edge(x, y, 0), edge(x, y + 1, 0));
            let (left, right) = (edge(x, y, 1), edge(x + 1, y, 1));
            // Walking with the inside on the right hand.
            let enters = [(tl && !tr, top), (tr && !br, right), (br && !bl, bottom), (bl && !tl, left)];
            let exits = [(tr && !tl, top), (br && !tr, right), (bl && !br, bottom), (tl && !bl, left)];
            if tl == br && tr == bl {
                // Two opposite corners inside: they stay apart.
                let pairs = if tl { [(top, left), (bottom, right)] } else { [(right, top), (left, bottom)] };
                next.extend(pairs);
            } else {
                let enter = enters.iter().find(|e| e.0).map(|e| e.1);
                let exit = exits.iter().find(|e| e.0).map(|e| e.1);
                next.extend(enter.zip(exit));
            }
        }
    }

    let point = |edge: usize| {
        let (at, down) = (edge / 2, edge % 2);
        let (x, y) = (at % w, at / w);
        let (a, b) = (value(x, y), value(x + 1 - down, y + down));
        let t = if (b - a).abs() > 1e-6 { ((LEVEL - a) / (b - a)).clamp(0.0, 1.0) } else { 0.5 };
        let (dx, dy) = if down == 0 { (t, 0.0) } else { (0.0, t) };
        (x0 as f32 + x as f32 + dx + 0.5, y0 as f32 + y as f32 + dy + 0.5)
    };
    let mut loops = Vec::new();
    while let Some((start, _)) = next.first_key_value().map(|(&a, &b)| (a, b)) {
        let mut points = Vec::new();
        let mut at = start;
        while let Some(to) = next.remove(&at) {
            points.push(point(at));
            at = to;
        }
        if points.len() > 2 {
            loops.push(simplified(&points));
        }
    }
    loops
}

/// The mask blurred by (1 2 1)/4 both ways, on a window that may lie partly outside.
fn smooth(mask: &Mask, x0: i32, y0: i32, w: usize, h: usize) -> Vec<f32> {
    let at = |x: i32, y: i32| {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return 0.0 };
        f32::from(u8::from(mask.get(x, y)))
    };
    let mut rows = vec![0.0; w * (h + 2)];
    for j in 0..h + 2 {
        for i in 0..w {
            let (x, y) = (x0 + i as i32, y0 + j as i32 - 1);
            rows[j * w + i] = 0.25 * at(x - 1, y) + 0.5 * at(x, y) + 0.25 * at(x + 1, y);
        }
    }
    (0..w * h).map(|k| 0.25 * rows[k] + 0.5 * rows[k + w] + 0.25 * rows[k + 2 * w]).collect()
}

/// Leaves out points that lie within a fifth of a pixel of the line between their kept neighbours.
fn simplified(points: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut kept: Vec<(f32, f32)> = vec![points[0]];
    let mut from = 0;
    let mut i = 2;
    while i < points.len() {
        let (a, b) = (points[from], points[i]);
        let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-6);
        let far =
            points[from + 1..i].iter().any(|p| ((p.0 - a.0) * (b.1 - a.1) - (p.1 - a.1) * (b.0 - a.0)).abs() / length > 0.2);
        if far || i - from > 24 {
            kept.push(points[i - 1]);
            from = i - 1;
        }
        i += 1;
    }
    if let Some(&last) = points.last() {
        kept.push(last);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tool::lasso;

    #[test]
    fn filling_the_outline_gives_the_mask_back() {
        for (cx, cy, r) in [(30.0, 30.0, 20.0), (2.0, 60.0, 15.0), (50.0, 10.0, 5.0)] {
            let mask = Mask::from_fn(64, 64, |x, y| (x as f32 + 0.5 - cx as f32).hypot(y as f32 + 0.5 - cy as f32) < r);
            let mut back = Mask::empty(64, 64);
            for outline in outlines(&mask) {
                lasso::fill(&mut back, &outline, true);
            }
            assert!(mask.dice(&back) > 0.96, "dice {}", mask.dice(&back));
        }
    }

    #[test]
    fn parts_and_holes_have_lines_of_their_own() {
        let ring = |x: u32, y: u32, cx: f32| {
            let d = (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - 20.0);
            (6.0..12.0).contains(&d)
        };
        let mask = Mask::from_fn(80, 40, |x, y| ring(x, y, 20.0) || ring(x, y, 60.0));
        assert_eq!(outlines(&mask).len(), 4);
        assert!(outlines(&Mask::empty(8, 8)).is_empty());
        assert_eq!(outlines(&Mask::from_fn(8, 8, |_, _| true)).len(), 1);
    }

    #[test]
    fn diagonal_neighbours_do_not_break_the_chain() {
        let mask = Mask::from_fn(32, 32, |x, y| (x / 4 + y / 4) % 2 == 0);
        let lines = outlines(&mask);
        assert!(!lines.is_empty());
        assert!(lines.iter().all(|l| l.len() > 2));
    }
}
