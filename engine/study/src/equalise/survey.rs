//! What one image says about its form: field, levels, grey curve, noise.

use engine::domain::GrayImage;

/// Points of a grey curve: the percentiles 0 to 100.
pub(crate) const CURVE: usize = 101;
/// Fields a side whose means make a grey curve.
const GRID: usize = 32;
/// Greys of a line that count as one: two levels of 8 bits.
const LINE_TOLERANCE: u16 = 514;
/// Share of a side that does not belong to the middle.
pub(crate) const MIDDLE: f64 = 0.125;
/// Largest share of a side that is looked at for a border.
const BORDER_LIMIT: f64 = 0.4;

/// Facts of one image that a [`super::Plan`] needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Lines of one grey at left, top, right and bottom.
    pub(crate) margins: [u32; 4],
    /// Distance of neighbouring grey levels that are used, of 65536; nine of ten are closer.
    pub(crate) step: f64,
    /// Unevenness of the histogram: about 1 is smooth, more is a comb.
    pub(crate) comb: f64,
    /// Percentiles 0 to 100 of the greys without their noise.
    pub(crate) curve: Vec<f64>,
    /// Deviation of the noise, of 65536 levels.
    pub(crate) noise: f64,
}

impl Survey {
    /// Looks at an image.
    pub fn of(image: &GrayImage) -> Self {
        let counts = middle_histogram(image);
        // What lies further inside than a border may reach, so that neither borders nor marks in corners count.
        Self {
            width: image.width(),
            height: image.height(),
            margins: margins(image),
            step: gap(&counts, 0.9),
            comb: comb(&counts),
            curve: smooth_curve(image, MIDDLE),
            noise: noise(image),
        }
    }
}

/// How often each of 65536 greys occurs.
pub(crate) fn histogram(image: &GrayImage) -> Vec<u32> {
    let mut counts = vec![0u32; 65536];
    for &grey in image.pixels() {
        counts[usize::from(grey)] += 1;
    }
    counts
}

/// As [`histogram`], of what lies further inside than a border may reach.
fn middle_histogram(image: &GrayImage) -> Vec<u32> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let own = margins(image).map(|lines| lines as usize);
    let inset = |length: usize| (length as f64 * MIDDLE) as usize;
    let (left, top) = (own[0].max(inset(w)), own[1].max(inset(h)));
    let (right, bottom) = (w - own[2].max(inset(w)), h - own[3].max(inset(h)));
    let mut counts = vec![0u32; 65536];
    for row in image.pixels().chunks_exact(w).take(bottom).skip(top) {
        for &grey in &row[left..right] {
            counts[usize::from(grey)] += 1;
        }
    }
    counts
}

/// Lines of one grey along each edge: left, top, right, bottom.
pub(crate) fn margins(image: &GrayImage) -> [u32; 4] {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let row = |y: usize| span(image.pixels()[y * w..(y + 1) * w].iter().copied());
    let column = |x: usize| span(image.pixels()[x..].iter().step_by(w).copied());
    let count = |lines: usize, line: &dyn Fn(usize) -> (u16, u16)| {
        let limit = (lines as f64 * BORDER_LIMIT) as usize;
        let (mut low, mut high) = (u16::MAX, 0);
        let same = (0..limit).take_while(|&i| {
            let (a, b) = line(i);
            (low, high) = (low.min(a), high.max(b));
            high - low <= LINE_TOLERANCE
        });
        let found = same.count();
        // A picture of one grey has no border.
        if found == limit { 0 } else { found as u32 }
    };
    [count(w, &column), count(h, &row), count(w, &|i| column(w - 1 - i)), count(h, &|i| row(h - 1 - i))]
}

fn span(values: impl Iterator<Item = u16>) -> (u16, u16) {
    values.fold((u16::MAX, 0), |(low, high), v| (low.min(v), high.max(v)))
}

/// The grey below which `share` of the pixels lie.
fn at_share(counts: &[u32], share: f64) -> usize {
    let total: u64 = counts.iter().map(|&c| u64::from(c)).sum();
    let wanted = (share * total as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    counts
        .iter()
        .position(|&c| {
            seen += u64::from(c);
            seen >= wanted
        })
        .unwrap_or(0)
}

/// Distance of neighbouring used levels between the 5th and the 95th percentile: the distance that `share` of them
/// do not exceed.
pub(crate) fn gap(counts: &[u32], share: f64) -> f64 {
    let (low, high) = (at_share(counts, 0.05), at_share(counts, 0.95));
    let used: Vec<usize> = (low..=high).filter(|&level| counts[level] > 0).collect();
    let mut gaps: Vec<usize> = used.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.get((gaps.len() as f64 * share) as usize).or(gaps.last()).map_or(1.0, |&gap| gap as f64)
}

/// Distance of the levels on which the greys lie, of 65536; close to 1 where they lie on all.
pub(crate) fn lattice(counts: &[u32]) -> f64 {
    gap(counts, 0.1)
}

/// Counts of 256 levels, or of fewer where the greys lie on fewer, from the 2nd to the 98th percentile.
pub(crate) fn levels(counts: &[u32]) -> Vec<f64> {
    let count = (65535.0 / lattice(counts).max(257.0)).round();
    let place = |grey: usize| (grey as f64 / 65535.0 * count).round() as usize;
    let (low, high) = (place(at_share(counts, 0.02)), place(at_share(counts, 0.98)));
    let mut out = vec![0.0; high - low + 1];
    for (grey, &n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        if let Some(bin) = place(grey).checked_sub(low).and_then(|i| out.get_mut(i)) {
            *bin += f64::from(n);
        }
    }
    out
}

/// Mean distance of a count from the mean of its neighbours, in units of what chance makes of it: about 1 where the
/// histogram is smooth.
pub(crate) fn comb(counts: &[u32]) -> f64 {
    let inner = levels(counts);
    if inner.len() < 8 {
        return 1.0;
    }
    let uneven = |w: &[f64]| (w[1] - 0.5 * (w[0] + w[2])).abs() / (0.96 * ((w[0] + w[1] + w[2]) / 3.0 + 1.0).sqrt());
    inner.windows(3).map(uneven).sum::<f64>() / (inner.len() - 2) as f64
}

/// Percentiles 0 to 100 of the means of a grid of [`GRID`]² fields, which know little of noise, blocks and size;
/// `inset` is the share of each side that is left out.
pub(crate) fn smooth_curve(image: &GrayImage, inset: f64) -> Vec<f64> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let edges = |length: usize| -> Vec<usize> {
        let (first, all) = (inset * length as f64, (1.0 - 2.0 * inset) * length as f64);
        (0..=GRID).map(|i| (first + all * i as f64 / GRID as f64).round() as usize).collect()
    };
    let (columns, rows) = (edges(w), edges(h));
    let mut means = Vec::with_capacity(GRID * GRID);
    for row in rows.windows(2) {
        for column in columns.windows(2) {
            let (left, top) = (column[0].min(w - 1), row[0].min(h - 1));
            let (right, bottom) = (column[1].max(left + 1), row[1].max(top + 1));
            let lines = (top..bottom).map(|y| &image.pixels()[y * w + left..y * w + right]);
            let sum: f64 = lines.flatten().map(|&grey| f64::from(grey)).sum();
            means.push(sum / ((right - left) * (bottom - top)) as f64);
        }
    }
    means.sort_by(f64::total_cmp);
    let last = means.len() - 1;
    let at = |share: f64| {
        let place = share * last as f64;
        let (below, above) = (means[place.floor() as usize], means[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    (0..CURVE).map(|point| at(point as f64 / (CURVE - 1) as f64)).collect()
}

/// The grey below which a third, and two thirds, of the pixels lie.
pub(crate) fn thirds(counts: &[u32]) -> (f64, f64) {
    (at_share(counts, 1.0 / 3.0) as f64, at_share(counts, 2.0 / 3.0) as f64)
}

/// Deviation of white noise, by the difference of two Laplacians (Immerkær, Computer Vision and Image Understanding
/// 64, 1996); black and white pixels, which have lost theirs, are left out.
pub(crate) fn noise(image: &GrayImage) -> f64 {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let pixels = image.pixels();
    let (mut sum, mut count) = (0.0, 0usize);
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            let at = y * w + x;
            if pixels[at] == 0 || pixels[at] == u16::MAX {
                continue;
            }
            sum += laplacians(pixels, w, at).abs();
            count += 1;
        }
    }
    if count == 0 { 0.0 } else { (std::f64::consts::PI / 2.0).sqrt() * sum / (6.0 * count as f64) }
}

/// The difference of both discrete Laplacians at an inner pixel.
pub(crate) fn laplacians(pixels: &[u16], width: usize, at: usize) -> f64 {
    let p = |i: usize| f64::from(pixels[i]);
    let (up, down) = (at - width, at + width);
    p(up - 1) + p(up + 1) + p(down - 1) + p(down + 1) - 2.0 * (p(up) + p(down) + p(at - 1) + p(at + 1)) + 4.0 * p(at)
}
