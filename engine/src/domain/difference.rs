//! What differs between two pictures, pixel by pixel and in regions.

use super::{GrayImage, Mask};

/// B − A of two pictures of one size, in the unit range of grey: −1 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    width: u32,
    height: u32,
    values: Vec<f32>,
}

impl Difference {
    /// B − A; `None` when the sizes differ.
    pub fn between(a: &GrayImage, b: &GrayImage) -> Option<Self> {
        let (width, height) = (a.width(), a.height());
        if (width, height) != (b.width(), b.height()) {
            return None;
        }
        let values = a.pixels().iter().zip(b.pixels()).map(|(&a, &b)| (f32::from(b) - f32::from(a)) / 65535.0).collect();
        Some(Self { width, height, values })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// B − A of every pixel, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Mean size of the change.
    pub fn mean(&self) -> f32 {
        self.mean_where(|_| true).unwrap_or(0.0)
    }

    /// Mean size of the change inside a mask of the same size; `None` for an empty mask or another size.
    pub fn mean_inside(&self, mask: &Mask) -> Option<f32> {
        self.fits(mask).then(|| self.mean_where(|i| mask.bits()[i] != 0))?
    }

    /// Mean size of the change outside a mask of the same size; `None` where nothing is outside, or for another size.
    pub fn mean_outside(&self, mask: &Mask) -> Option<f32> {
        self.fits(mask).then(|| self.mean_where(|i| mask.bits()[i] == 0))?
    }

    /// Share of all change that lies inside a mask of the same size, 0 to 1; `None` when nothing changed, or for
    /// another size.
    pub fn share_inside(&self, mask: &Mask) -> Option<f32> {
        let sum = |inside: &dyn Fn(usize) -> bool| -> f64 {
            self.values.iter().enumerate().filter(|(i, _)| inside(*i)).map(|(_, v)| f64::from(v.abs())).sum()
        };
        let all = sum(&|_| true);
        (self.fits(mask) && all > 0.0).then(|| (sum(&|i| mask.bits()[i] != 0) / all) as f32)
    }

    /// The size of change that a share of all pixels stays below; `share` from 0 to 1.
    pub fn quantile(&self, share: f32) -> f32 {
        let mut sizes: Vec<f32> = self.values.iter().map(|v| v.abs()).collect();
        if sizes.is_empty() {
            return 0.0;
        }
        let last = sizes.len() - 1;
        let at = ((share.clamp(0.0, 1.0) * last as f32).round() as usize).min(last);
        *sizes.select_nth_unstable_by(at, f32::total_cmp).1
    }

    fn fits(&self, mask: &Mask) -> bool {
        (mask.width(), mask.height()) == (self.width, self.height)
    }

    fn mean_where(&self, counts: impl Fn(usize) -> bool) -> Option<f32> {
        let (mut sum, mut n) = (0f64, 0usize);
        for (_, value) in self.values.iter().enumerate().filter(|(i, _)| counts(*i)) {
            (sum, n) = (sum + f64::from(value.abs()), n + 1);
        }
        (n > 0).then(|| (sum / n as f64) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Difference {
        let a = GrayImage::new(4, 1, vec![0, 0, 32768, 65535]).unwrap();
        let b = GrayImage::new(4, 1, vec![0, 65535, 32768, 0]).unwrap();
        Difference::between(&a, &b).unwrap()
    }

    #[test]
    fn regions_are_told_apart() {
        let difference = pair();
        assert_eq!(difference.values(), [0.0, 1.0, 0.0, -1.0]);
        let left = Mask::from_fn(4, 1, |x, _| x < 2);
        assert_eq!((difference.mean_inside(&left), difference.mean_outside(&left)), (Some(0.5), Some(0.5)));
        assert_eq!(difference.share_inside(&left), Some(0.5));
        let second = Mask::from_fn(4, 1, |x, _| x == 1);
        assert_eq!((difference.mean_inside(&second), difference.mean_outside(&second)), (Some(1.0), Some(1.0 / 3.0)));
        assert_eq!(difference.mean(), 0.5);
        assert_eq!((difference.quantile(0.0), difference.quantile(1.0)), (0.0, 1.0));
    }

    #[test]
    fn nothing_is_made_up() {
        let difference = pair();
        assert_eq!(difference.mean_inside(&Mask::empty(4, 1)), None);
        assert_eq!(difference.mean_outside(&Mask::from_fn(4, 1, |_, _| true)), None);
        assert_eq!(difference.share_inside(&Mask::empty(3, 1)), None);
        let same = GrayImage::black(4, 1);
        let none = Difference::between(&same, &same).unwrap();
        assert_eq!(none.share_inside(&Mask::empty(4, 1)), None);
        assert_eq!(Difference::between(&same, &GrayImage::black(1, 4)), None);
    }
}
