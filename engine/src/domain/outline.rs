//! Outlines of a mask: marching squares on the lightly smoothed mask.
//!
//! A block can be traced by itself, so that a stroke costs what it touched; lines of neighbouring blocks
//! meet in the same points.

use super::{Mask, PixelBlock};

/// Level of the smoothed mask, in sixteenths, that the outline follows.
const LEVEL: f32 = 7.2;
/// No edge.
const NONE: u32 = u32::MAX;

/// Lines in image pixels along the edge of a mask, within the squares between pixel centres whose upper
/// left centre lies in a block. Lines that end within the block are closed: their last point is their first.
///
/// The first column and row of squares, left of and above the image, belong to the blocks at its edge.
pub fn outline(mask: &Mask, block: &PixelBlock) -> Vec<Vec<(f32, f32)>> {
    if block.is_empty() || is_plain(mask, block) {
        return Vec::new();
    }
    let (x0, y0) = (first(block.x0), first(block.y0));
    let (w, h) = ((i64::from(block.x1) - x0) as usize + 1, (i64::from(block.y1) - y0) as usize + 1);
    let field = smooth(mask, x0, y0, w, h);
    let value = |x: usize, y: usize| f32::from(field[y * w + x]);
    let inside = |x: usize, y: usize| value(x, y) >= LEVEL;

    // An edge joins a centre with the next one to the right (0) or below (1).
    let edge = |x: usize, y: usize, down: usize| ((y * w + x) * 2 + down) as u32;
    let mut next = vec![NONE; w * h * 2];
    let mut led_to = vec![false; w * h * 2];
    let mut starts = Vec::new();
    let mut join = |from: u32, to: u32| {
        next[from as usize] = to;
        led_to[to as usize] = true;
        starts.push(from);
    };
    for y in 0..h - 1 {
        for x in 0..w - 1 {
            let (tl, tr, br, bl) = (inside(x, y), inside(x + 1, y), inside(x + 1, y + 1), inside(x, y + 1));
            if tl == tr && tr == br && br == bl {
                continue;
            }
            let (top, bottom) = (edge(x, y, 0), edge(x, y + 1, 0));
            let (left, right) = (edge(x, y, 1), edge(x + 1, y, 1));
            if tl == br && tr == bl {
                // Two opposite corners inside: they stay apart.
                let pairs = if tl { [(top, left), (bottom, right)] } else { [(right, top), (left, bottom)] };
                pairs.into_iter().for_each(|(from, to)| join(from, to));
                continue;
            }
            // Walking with the inside on the right hand.
            let enters = [(tl && !tr, top), (tr && !br, right), (br && !bl, bottom), (bl && !tl, left)];
            let exits = [(tr && !tl, top), (br && !tr, right), (bl && !br, bottom), (tl && !bl, left)];
            let one = |edges: [(bool, u32); 4]| edges.into_iter().find(|e| e.0).map(|e| e.1);
            if let (Some(from), Some(to)) = (one(enters), one(exits)) {
                join(from, to);
            }
        }
    }

    let point = |edge: u32| {
        let (at, down) = (edge as usize / 2, edge as usize % 2);
        let (x, y) = (at % w, at / w);
        let (a, b) = (value(x, y), value(x + 1 - down, y + down));
        let t = ((LEVEL - a) / (b - a)).clamp(0.0, 1.0);
        let (dx, dy) = if down == 0 { (t, 0.0) } else { (0.0, t) };
        ((x0 + x as i64) as f32 + dx + 0.5, (y0 + y as i64) as f32 + dy + 0.5)
    };
    let mut lines = Vec::new();
    // Lines that come from a neighbouring block begin at an edge nothing led to; closed ones are left.
    for from_outside in [true, false] {
        for &start in &starts {
            if next[start as usize] == NONE || (from_outside && led_to[start as usize]) {
                continue;
            }
            let mut points = vec![point(start)];
            let mut at = start;
            while next[at as usize] != NONE {
                at = std::mem::replace(&mut next[at as usize], NONE);
                points.push(point(at));
            }
            lines.push(simplified(&points));
        }
    }
    lines
}

/// The first centre of a block, one before the image at its edge.
fn first(at: u32) -> i64 {
    if at == 0 { -1 } else { i64::from(at) }
}

/// Whether nothing within reach of a block's squares changes, so that no line can run there.
fn is_plain(mask: &Mask, block: &PixelBlock) -> bool {
    let near = block.wider(2, mask.width(), mask.height());
    let value = mask.row(near.y0, near.x0, near.x0 + 1).first().copied().unwrap_or(0);
    let at_edge = block.x0 == 0 || block.y0 == 0 || near.x1 == mask.width() || near.y1 == mask.height();
    // A full mask has its line around the image.
    (value == 0 || !at_edge) && (near.y0..near.y1).all(|y| mask.row(y, near.x0, near.x1).iter().all(|&b| b == value))
}

/// The mask blurred by (1 2 1) both ways, in sixteenths, on a window that may lie partly outside.
fn smooth(mask: &Mask, x0: i64, y0: i64, w: usize, h: usize) -> Vec<u8> {
    let mut rows = vec![0u8; w * (h + 2)];
    let mut line = vec![0u8; w + 2];
    for j in 0..h + 2 {
        line.fill(0);
        if let Ok(y) = u32::try_from(y0 + j as i64 - 1) {
            let from = (x0 - 1).max(0);
            let bits = mask.row(y, from as u32, (x0 + w as i64 + 1).max(0) as u32);
            let at = (from - (x0 - 1)) as usize;
            line[at..at + bits.len()].copy_from_slice(bits);
        }
        for (out, near) in rows[j * w..(j + 1) * w].iter_mut().zip(line.windows(3)) {
            *out = near[0] + 2 * near[1] + near[2];
        }
    }
    (0..w * h).map(|k| rows[k] + 2 * rows[k + w] + rows[k + 2 * w]).collect()
}

/// Leaves out points that lie within a fifth of a pixel of the line between their kept neighbours.
fn simplified(points: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut kept: Vec<(f32, f32)> = vec![points[0]];
    let mut from = 0;
    for i in 2..points.len() {
        let (a, b) = (points[from], points[i]);
        let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-6);
        let far =
            points[from + 1..i].iter().any(|p| ((p.0 - a.0) * (b.1 - a.1) - (p.1 - a.1) * (b.0 - a.0)).abs() / length > 0.2);
        if far || i - from > 24 {
            kept.push(points[i - 1]);
            from = i - 1;
        }
    }
    kept.extend(points.last().filter(|_| points.len() > 1));
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(mask: &Mask) -> Vec<Vec<(f32, f32)>> {
        outline(mask, &mask.full_block())
    }

    fn filled(lines: &[Vec<(f32, f32)>], w: u32, h: u32) -> Mask {
        let mut back = Mask::empty(w, h);
        lines.iter().for_each(|line| back.fill_polygon(line, true));
        back
    }

    #[test]
    fn filling_the_outline_gives_the_mask_back() {
        for (cx, cy, r) in [(30.0, 30.0, 20.0), (2.0, 60.0, 15.0), (50.0, 10.0, 5.0)] {
            let mask = Mask::from_fn(64, 64, |x, y| (x as f32 + 0.5 - cx as f32).hypot(y as f32 + 0.5 - cy as f32) < r);
            let back = filled(&whole(&mask), 64, 64);
            assert!(mask.dice(&back) > 0.96, "dice {}", mask.dice(&back));
        }
    }

    #[test]
    fn parts_and_holes_have_lines_of_their_own() {
        let ring = |x: u32, y: u32, cx: f32| (6.0..12.0).contains(&(x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - 20.0));
        let mask = Mask::from_fn(80, 40, |x, y| ring(x, y, 20.0) || ring(x, y, 60.0));
        assert_eq!(whole(&mask).len(), 4);
        assert!(whole(&mask).iter().all(|l| l.first() == l.last()), "all are closed");
        assert!(whole(&Mask::empty(8, 8)).is_empty());
        assert_eq!(whole(&Mask::from_fn(8, 8, |_, _| true)).len(), 1);
        let diagonal = Mask::from_fn(32, 32, |x, y| (x / 4 + y / 4) % 2 == 0);
        assert!(!whole(&diagonal).is_empty() && whole(&diagonal).iter().all(|l| l.len() > 2));
    }

    proptest! {
        /// Every end of a line in one block is the end of a line in another, in the very same point.
        #[test]
        fn blocks_meet(bits in proptest::collection::vec(0u8..3, 24 * 20), side in 3u32..11) {
            let mask = Mask::from_fn(24, 20, |x, y| bits[(y * 24 + x) as usize] == 0);
            let mut ends = std::collections::BTreeMap::new();
            let mut length = 0.0f64;
            for y0 in (0..20).step_by(side as usize) {
                for x0 in (0..24).step_by(side as usize) {
                    let block = PixelBlock { x0, y0, x1: (x0 + side).min(24), y1: (y0 + side).min(20) };
                    for line in outline(&mask, &block) {
                        length += line.windows(2).map(|p| f64::from((p[1].0 - p[0].0).hypot(p[1].1 - p[0].1))).sum::<f64>();
                        if line.first() != line.last() {
                            for (end, way) in [(line[0], 1), (line[line.len() - 1], -1)] {
                                *ends.entry((end.0.to_bits(), end.1.to_bits())).or_insert(0) += way;
                            }
                        }
                    }
                }
            }
            prop_assert!(ends.values().all(|&sum| sum == 0), "a line ends in the open");
            let one: f64 = whole(&mask).iter().flat_map(|l| l.windows(2)).map(|p| f64::from((p[1].0 - p[0].0).hypot(p[1].1 - p[0].1))).sum();
            prop_assert!((length - one).abs() <= 0.12 * one + 0.5, "{length} and {one}");
        }
    }
}
