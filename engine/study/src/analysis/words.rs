//! Numbers as they stand in a report: true minus, thin spaces, the right plural.

/// A space that does not break, between a number and its unit.
pub const NARROW: char = '\u{202f}';

/// A number with `places` decimals and a true minus; never "−0.00".
pub fn number(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "–".to_owned()
        } else if value > 0.0 {
            "∞".to_owned()
        } else {
            "−∞".to_owned()
        };
    }
    let text = format!("{:.places$}", value.abs());
    let zero = text.chars().all(|c| c == '0' || c == '.');
    if value < 0.0 && !zero { format!("−{text}") } else { text }
}

/// A number that shows its sign, "+0.06"; zero has none.
pub fn signed(value: f64, places: usize) -> String {
    let text = number(value, places);
    let zero = text.chars().all(|c| c == '0' || c == '.');
    if value > 0.0 && !zero { format!("+{text}") } else { text }
}

/// A whole number, from 10 000 on in groups of three.
pub fn count(n: usize) -> String {
    let text = n.to_string();
    if n < 10_000 {
        return text;
    }
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            out.push(NARROW);
        }
        out.push(c);
    }
    out
}

/// "case 17"; where the id says so itself, as "case-17" does, the id alone. `word` is the word at this place: "case", "Case".
pub fn case(word: &str, id: &str) -> String {
    let says = id.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("case"));
    if says && !id[4..].starts_with(char::is_alphabetic) { id.to_owned() } else { format!("{word} {id}") }
}

/// "1 case", "150 cases".
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", count(n), if n == 1 { one } else { many })
}

/// "0.52–0.64"; "−0.05 to 0.10" where a minus would meet the dash.
pub fn range(interval: (f64, f64), places: usize) -> String {
    let (low, high) = (number(interval.0, places), number(interval.1, places));
    if low.starts_with('−') || high.starts_with('−') { format!("{low} to {high}") } else { format!("{low}–{high}") }
}

/// "< 0.001", "0.034", "> 0.999".
pub fn p(value: f64) -> String {
    if value.is_nan() {
        "–".to_owned()
    } else if value < 0.001 {
        format!("<{NARROW}0.001")
    } else if value > 0.999 {
        format!(">{NARROW}0.999")
    } else {
        number(value, 3)
    }
}

/// "p < 0.001" or "p = 0.034".
pub fn p_said(value: f64) -> String {
    let text = p(value);
    if text.starts_with(['<', '>']) { format!("p{NARROW}{text}") } else { format!("p{NARROW}={NARROW}{text}") }
}

/// "67.3 %".
pub fn percent(share: f64, places: usize) -> String {
    format!("{}{NARROW}%", number(100.0 * share, places))
}

/// "43.2–70.1 %".
pub fn percents(interval: (f64, f64), places: usize) -> String {
    format!("{}{NARROW}%", range((100.0 * interval.0, 100.0 * interval.1), places))
}

/// An odds ratio or another positive ratio: three figures that count.
pub fn ratio(value: f64) -> String {
    let places = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    number(value, places)
}

/// A median or quartile of whole scores: one decimal, two where a quarter needs them.
pub fn quarter(value: f64) -> String {
    number(value, if (value * 10.0 - (value * 10.0).round()).abs() < 1e-9 { 1 } else { 2 })
}

/// "a", "a and b", "a, b and c".
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// A digest in groups of four figures, as long as it is.
pub fn grouped(hash: &str) -> String {
    let figures: Vec<char> = hash.chars().collect();
    figures.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_they_are_printed() {
        assert_eq!(number(-0.066, 2), "−0.07");
        assert_eq!(number(-0.004, 2), "0.00");
        assert_eq!(signed(0.06, 2), "+0.06");
        assert_eq!(signed(0.001, 2), "0.00");
        assert_eq!([case("Case", "17"), case("case", "caseous"), case("Case", "é17")], ["Case 17", "case caseous", "Case é17"]);
        assert_eq!(["case-17", "Case 17", "CASE17", "case"].map(|id| case("Case", id)), ["case-17", "Case 17", "CASE17", "case"]);
        assert_eq!(count(9999), "9999");
        assert_eq!(count(14_226), "14\u{202f}226");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "case", "cases"), "1\u{a0}case");
        assert_eq!(counted(0, "case", "cases"), "0\u{a0}cases");
        assert_eq!(range((0.52, 0.64), 2), "0.52–0.64");
        assert_eq!(range((-0.05, 0.1), 2), "−0.05 to 0.10");
        assert_eq!(p_said(0.0004), "p\u{202f}<\u{202f}0.001");
        assert_eq!(p_said(0.034), "p\u{202f}=\u{202f}0.034");
        assert_eq!(p(1.0), ">\u{202f}0.999");
        assert_eq!((quarter(0.5), quarter(-0.25)), ("0.5".to_owned(), "−0.25".to_owned()));
        assert_eq!(percent(0.673, 1), "67.3\u{202f}%");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(grouped("4f20c8d1a"), "4f20 c8d1 a");
    }
}
