//! Numbers and times in words.

/// A whole number with thin spaces between thousands.
pub(super) fn thin(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}

/// A time in the unit that reads best: "45 s", "12 minutes", "3.5 hours", "11 days".
pub(super) fn time(secs: f64) -> String {
    let in_unit = |value: f64, unit: &str| {
        let rounded = if value < 10.0 { (value * 10.0).round() / 10.0 } else { value.round() };
        if (rounded - 1.0).abs() < 1e-9 { format!("1 {unit}") } else { format!("{rounded} {unit}s") }
    };
    match secs.max(0.0) {
        secs if secs < 100.0 => format!("{secs:.0} s"),
        secs if secs < 6_000.0 => in_unit(secs / 60.0, "minute"),
        secs if secs < 172_800.0 => in_unit(secs / 3_600.0, "hour"),
        secs => in_unit(secs / 86_400.0, "day"),
    }
}

/// A value with the sign that readers saw.
pub(super) fn value(template: crate::template::Template, value: i32) -> String {
    let choice = template.choices().iter().find(|choice| choice.value == value);
    choice.map_or_else(|| value.to_string(), |choice| choice.figure.to_owned())
}

/// "1 image was", "2 images were".
pub(super) fn were(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one} was") } else { format!("{number} {one}s were") }
}

/// "1 pixel", "2 pixels".
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// "trial 3", "trials 3, 7".
pub(super) fn trials(numbers: &[u32]) -> String {
    format!("{} {}", if numbers.len() == 1 { "trial" } else { "trials" }, list(numbers))
}

/// Numbers as a list, the first few of them.
fn list(numbers: &[u32]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = numbers.iter().take(SHOWN).map(u32::to_string).collect();
    match numbers.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([thin(7), thin(1234), thin(14226)], ["7", "1234", "14\u{2009}226"]);
        assert_eq!(thin(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!([time(45.0), time(720.0), time(12_600.0), time(950_400.0)], ["45 s", "12 minutes", "3.5 hours", "11 days"]);
        assert_eq!(time(3600.0 * 24.0), "24 hours");
        assert_eq!([trials(&[3]), trials(&[3, 7])], ["trial 3", "trials 3, 7"]);
        assert_eq!([were(1, "image"), were(2, "image"), count(1, "pixel")], ["1 image was", "2 images were", "1 pixel"]);
        assert_eq!(list(&(1..=10).collect::<Vec<_>>()), "1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }
}
