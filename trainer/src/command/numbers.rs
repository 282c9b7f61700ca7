//! Numbers of the command line that have bounds.

/// A finite number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "choose a number above 0".to_owned())
}

/// A number above 0 and at most 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    positive(text).ok().filter(|share| *share <= 1.0).ok_or_else(|| "choose a share above 0, at most 1, such as 0.4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_bounds_are_told() {
        assert_eq!((positive("0.5"), share("1")), (Ok(0.5), Ok(1.0)));
        for wrong in ["0", "-1", "inf", "NaN", "many", ""] {
            assert!(positive(wrong).is_err() && share(wrong).is_err(), "{wrong}");
        }
        assert!(share("40").is_err_and(|why| why.contains("at most 1")));
    }
}
