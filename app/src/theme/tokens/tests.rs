//! The numbers of the design sheet, computed.

use super::*;

fn linear(v: f32) -> f32 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn luminance(c: [f32; 3]) -> f32 {
    0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
}

fn contrast(a: Color32, b: Color32) -> f32 {
    let [la, lb] = [a, b].map(|c| luminance(rgb(c).map(linear)));
    (la.max(lb) + 0.05) / (la.min(lb) + 0.05)
}

#[test]
fn text_reaches_four_and_a_half_on_its_ground() {
    for (name, ink) in [("ink", INK), ("ink2", INK2), ("ink3", INK3), ("warn", WARN), ("err", ERR), ("ok", OK)] {
        for (ground_name, ground) in [("bar", BAR), ("bg", BG), ("raise", RAISE)] {
            let c = contrast(ink, ground);
            assert!(c >= 4.5, "{name} on {ground_name} has contrast {c:.2}");
        }
    }
    for ground in [HOVER, PRESS] {
        assert!(contrast(INK, ground) >= 4.5);
        assert!(contrast(INK2, ground) >= 4.5);
    }
    assert!(contrast(ON_FILL, FILL) >= 13.0);
    assert!(contrast(ON_FILL, FILL_HOVER) >= 13.0);
}

#[test]
fn knobs_focus_and_casings_reach_three() {
    for ground in [BAR, BG, RAISE] {
        assert!(contrast(FOCUS, ground) >= 3.0);
        assert!(contrast(FILL, ground) >= 3.0);
    }
    // The casing is black at 80 %: over the brightest image it is still dark grey.
    let casing_over_white = gray((255.0 * (1.0 - f32::from(CASING.a()) / 255.0)) as u8);
    for finding in Finding::ALL {
        for under in [gray(0), casing_over_white] {
            let c = contrast(class(finding), under);
            assert!(c >= 3.3, "{finding} against its casing has contrast {c:.2}");
        }
    }
    assert!(contrast(GUIDE, casing_over_white) >= 3.3);
}

#[test]
fn sheet_figures_hold() {
    for (color, on_bg) in [(INK, 14.7), (INK2, 8.9), (INK3, 5.9), (FOCUS, 9.1), (WARN, 10.3), (ERR, 8.3), (OK, 9.9)] {
        assert!((contrast(color, BG) - on_bg).abs() < 0.15, "{color:?}: {:.2}, sheet {on_bg}", contrast(color, BG));
    }
}

/// Machado et al. 2009, severity 1.0, on linear RGB.
const VISIONS: [[[f32; 3]; 3]; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
];

fn lab(c: [f32; 3]) -> [f32; 3] {
    let x = (0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.950_47;
    let y = luminance(c);
    let z = (0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.088_83;
    let f = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    [116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
}

#[test]
fn class_colours_stay_apart_for_every_vision() {
    let classes = Finding::ALL.map(class);
    let least = least_distance(&classes);
    assert!(least.0 >= 14.0, "{} and {} are only {:.1} apart", Finding::ALL[least.1], Finding::ALL[least.2], least.0);
}

#[test]
fn curves_of_runs_stay_apart_and_are_no_class() {
    let mut all = SERIES.to_vec();
    all.push(INK);
    let least = least_distance(&all);
    assert!(least.0 >= 8.0, "series {} and {} are only {:.1} apart", least.1, least.2, least.0);
    for color in SERIES {
        assert!(contrast(color, BG) >= 4.5 && contrast(color, RAISE) >= 4.5, "{color:?}: its letter must be read");
        assert!(Finding::ALL.iter().all(|finding| class(*finding) != color));
    }
}

/// The smallest distance between two colours over all kinds of vision, and which they are.
fn least_distance(colors: &[Color32]) -> (f32, usize, usize) {
    let mut least = (f32::MAX, 0, 0);
    for matrix in VISIONS {
        let seen = |color: Color32| {
            let c = rgb(color).map(linear);
            lab(matrix.map(|row| (row[0] * c[0] + row[1] * c[1] + row[2] * c[2]).clamp(0.0, 1.0)))
        };
        for (i, &a) in colors.iter().enumerate() {
            for (j, &b) in colors.iter().enumerate().skip(i + 1) {
                let (p, q) = (seen(a), seen(b));
                let d = (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f32>().sqrt();
                if d < least.0 {
                    least = (d, i, j);
                }
            }
        }
    }
    least
}
