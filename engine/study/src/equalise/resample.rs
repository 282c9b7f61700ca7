//! A rectangle of a picture at another size: a pixel is the weighted mean of what it covers.

/// Name of the filter, for the words about what was done.
pub(crate) const FILTER: &str = "a triangle as wide as a target pixel";

/// A part of a picture in its pixels; edges may lie within pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// The part at `width × height` pixels. A part that has this size and lies on whole pixels is copied.
pub(crate) fn resample(values: &[f32], row: usize, part: Part, width: usize, height: usize) -> Vec<f32> {
    let rows = values.len() / row.max(1);
    let across = weights(part.left, part.width, row, width);
    let down = weights(part.top, part.height, rows, height);
    let mut narrow = vec![0f32; width * rows];
    for (line, source) in narrow.chunks_exact_mut(width).zip(values.chunks_exact(row)) {
        for (value, (first, run)) in line.iter_mut().zip(&across) {
            *value = run.iter().zip(&source[*first..]).map(|(k, v)| k * v).sum();
        }
    }
    let mut out = vec![0f32; width * height];
    for (line, (first, run)) in out.chunks_exact_mut(width).zip(&down) {
        for (i, k) in run.iter().enumerate() {
            let source = &narrow[(first + i) * width..][..width];
            line.iter_mut().zip(source).for_each(|(value, v)| *value += k * v);
        }
    }
    out
}

/// For each target pixel the first source pixel and weights from there on.
fn weights(start: f64, length: f64, from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = length / to as f64;
    let copied = (scale - 1.0).abs() < 1e-9 && (start - start.round()).abs() < 1e-6;
    let support = scale.max(1.0);
    let run = |target: usize| {
        let centre = start + (target as f64 + 0.5) * scale;
        if copied {
            return ((centre.floor() as usize).min(from - 1), vec![1.0]);
        }
        let first = ((centre - support).floor().max(0.0) as usize).min(from - 1);
        let end = ((centre + support).ceil() as usize).clamp(first + 1, from);
        let raw: Vec<f64> = (first..end).map(|i| (1.0 - ((i as f64 + 0.5 - centre) / support).abs()).max(0.0)).collect();
        let total: f64 = raw.iter().sum();
        (first, raw.into_iter().map(|k| (k / total.max(1e-12)) as f32).collect())
    };
    (0..to).map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pixels_are_copied_and_flat_stays_flat() {
        let values: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let part = Part { left: 2.0, top: 1.0, width: 4.0, height: 4.0 };
        let copied = resample(&values, 8, part, 4, 4);
        assert_eq!(copied[..5], [10.0, 11.0, 12.0, 13.0, 18.0]);
        let flat = resample(&[7.0; 48], 8, Part { left: 0.3, top: 0.6, width: 6.1, height: 4.2 }, 3, 5);
        assert!(flat.iter().all(|v| (v - 7.0).abs() < 1e-4), "{flat:?}");
        // A ramp stays a ramp inside, where no edge cuts the filter off.
        let ramp = resample(&values[..8].repeat(8), 8, Part { left: 0.0, top: 0.0, width: 8.0, height: 8.0 }, 4, 4);
        assert!((ramp[1] - 2.5).abs() < 1e-4 && (ramp[2] - 4.5).abs() < 1e-4, "{ramp:?}");
    }
}
