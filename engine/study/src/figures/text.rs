//! How wide a text is, without a font at hand: the advances of IBM Plex Sans.

/// Weight of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Medium,
    SemiBold,
}

/// Advances of the characters from space to tilde, in thousandths of the size.
const ADVANCES: [u16; 95] = [
    236, 284, 419, 713, 598, 927, 694, 242, 335, 335, 450, 600, 272, 399, 272, 383, 600, 600, 600, 600, 600, 600, 600, 600, 600,
    600, 292, 292, 600, 600, 600, 477, 891, 641, 653, 621, 671, 583, 559, 695, 707, 400, 510, 634, 501, 812, 707, 708, 606, 708,
    640, 581, 572, 678, 609, 891, 613, 593, 580, 317, 383, 317, 600, 565, 600, 534, 580, 503, 580, 549, 324, 528, 568, 250, 250,
    527, 272, 873, 568, 560, 580, 580, 367, 487, 351, 568, 492, 768, 507, 499, 464, 343, 314, 343, 600,
];

/// Width of a text of a size, a little wide rather than narrow.
pub(crate) fn measure(text: &str, size: f64, weight: Weight) -> f64 {
    let advance = |c: char| -> f64 {
        let code = c as usize;
        match c {
            ' '..='~' => f64::from(ADVANCES[code - 32]),
            '\u{2009}' | '\u{202f}' => 200.0,
            '\u{a0}' => 236.0,
            '−' | '±' | '≥' | '≤' | '×' => 600.0,
            '–' | '…' => 700.0,
            // Scripts whose letters fill a square.
            c if code >= 0x2e80 => {
                if c.is_alphanumeric() {
                    1000.0
                } else {
                    1100.0
                }
            }
            _ => 620.0,
        }
    };
    let wider = if weight == Weight::Regular { 1.0 } else { 1.03 };
    text.chars().map(advance).sum::<f64>() * size * wider / 1000.0
}

/// The text, cut with "…" where it is wider than `room`.
pub(crate) fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if measure(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut shown: String = text.to_owned();
    while !shown.is_empty() {
        shown.pop();
        let cut = format!("{}…", shown.trim_end());
        if measure(&cut, size, weight) <= room {
            return cut;
        }
    }
    "…".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_their_room() {
        assert_eq!(fit("Reader 1", 12.0, Weight::Regular, 100.0), "Reader 1");
        let cut = fit("A reader with a very long name", 12.0, Weight::Regular, 100.0);
        assert!(cut.ends_with('…') && measure(&cut, 12.0, Weight::Regular) <= 100.0, "{cut}");
        assert_eq!(fit("放射線科医の長い名前", 12.0, Weight::Regular, 40.0), "放射…");
        assert!((measure("0.88", 10.0, Weight::Regular) - 20.72).abs() < 1e-9);
    }
}
