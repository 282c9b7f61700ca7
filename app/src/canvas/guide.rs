//! The anatomical guide: where the lungs of a usual chest lie, so that one knows where to draw.

/// The outlines of the patient's right and left lung on a square image, in image pixels.
pub fn outlines(size_px: u32) -> [Vec<(f32, f32)>; 2] {
    // Centimetres from the midline and from the hila, lateral edge downwards, then medial upwards.
    const LATERAL: [(f32, f32); 9] =
        [(3.2, -12.4), (6.6, -11.6), (8.4, -10.0), (10.0, -8.0), (11.7, -5.0), (13.1, -1.0), (13.8, 3.0), (14.0, 6.0), (13.8, 9.0)];
    const RIGHT_MEDIAL: [(f32, f32); 8] =
        [(10.5, 6.6), (7.0, 5.6), (4.6, 6.4), (4.2, 3.0), (3.6, 0.0), (2.6, -3.0), (2.4, -8.0), (2.4, -11.6)];
    const LEFT_MEDIAL: [(f32, f32); 9] =
        [(11.5, 7.4), (9.0, 6.6), (8.6, 5.0), (7.0, 2.0), (4.6, -0.6), (3.0, -3.0), (3.2, -5.5), (2.4, -8.0), (2.4, -11.6)];
    let size = size_px as f32;
    let map = |side: f32, &(x, y): &(f32, f32)| (size * (0.5 + side * x / 36.0), size * (0.47 + y / 36.0));
    let lung = |side: f32, medial: &[(f32, f32)]| LATERAL.iter().chain(medial).map(|p| map(side, p)).collect();
    [lung(-1.0, &RIGHT_MEDIAL), lung(1.0, &LEFT_MEDIAL)]
}
