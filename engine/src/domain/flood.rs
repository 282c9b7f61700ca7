//! The wand: the region of like grey around a point.

use super::{GrayImage, Mask};

impl GrayImage {
    /// All pixels that a path over edges joins with a point and whose grey values lie within `tolerance`,
    /// 0 to 1, of the value at the point; empty when the point lies outside of the image.
    pub fn alike_around(&self, (x, y): (u32, u32), tolerance: f32) -> Mask {
        let mut region = Mask::empty(self.width(), self.height());
        let Some(grey) = self.get(x, y) else { return region };
        let reach = (tolerance.clamp(0.0, 1.0) * 65535.0).round() as u16;
        let (low, high) = (grey.saturating_sub(reach), grey.saturating_add(reach));
        let w = self.width() as usize;
        let row = |y: u32| &self.pixels()[y as usize * w..(y as usize + 1) * w];
        let alike = |v: u16| v >= low && v <= high;
        let mut open = vec![(x, y)];
        while let Some((x, y)) = open.pop() {
            if region.get(x, y) {
                continue;
            }
            // The whole run of like pixels in this row, then one start for each run above and below it.
            let pixels = row(y);
            let x0 = pixels[..x as usize].iter().rposition(|&v| !alike(v)).map_or(0, |i| i + 1);
            let x1 = pixels[x as usize..].iter().position(|&v| !alike(v)).map_or(w, |i| x as usize + i);
            region.row_mut(y, x0 as u32, x1 as u32).fill(1);
            for ny in [y.checked_sub(1), Some(y + 1).filter(|&ny| ny < self.height())].into_iter().flatten() {
                let (pixels, taken) = (row(ny), region.row(ny, 0, w as u32));
                let mut inside = false;
                for at in x0..x1 {
                    let fits = alike(pixels[at]) && taken[at] == 0;
                    if fits && !inside {
                        open.push((at as u32, ny));
                    }
                    inside = fits;
                }
            }
        }
        region
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_region_is_what_a_slow_search_finds(
            greys in proptest::collection::vec(0u16..4, 14 * 11), x in 0u32..14, y in 0u32..11, reach in 0u16..3,
        ) {
            let image = GrayImage::new(14, 11, greys.iter().map(|&g| g * 1000).collect()).expect("the right number of pixels");
            let got = image.alike_around((x, y), f32::from(reach * 1000) / 65535.0);
            let start = greys[(y * 14 + x) as usize];
            let mut want = Mask::empty(14, 11);
            want.set(x, y, true);
            loop {
                let before = want.clone();
                for y in 0..11u32 {
                    for x in 0..14u32 {
                        let beside = before.get(x.wrapping_sub(1), y) || before.get(x + 1, y)
                            || before.get(x, y.wrapping_sub(1)) || before.get(x, y + 1);
                        if beside && greys[(y * 14 + x) as usize].abs_diff(start) <= reach {
                            want.set(x, y, true);
                        }
                    }
                }
                if want == before {
                    break;
                }
            }
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn outside_there_is_nothing() {
        assert!(GrayImage::black(4, 4).alike_around((4, 0), 1.0).is_empty());
        assert_eq!(GrayImage::black(4, 4).alike_around((3, 0), 0.0).area(), 16);
    }
}
