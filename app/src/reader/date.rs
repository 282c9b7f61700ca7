//! A date with its time in words.

use crate::day;

/// "1 December 2026, 14:05" of milliseconds since 1970, in UTC; a begun minute counts.
pub fn words(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000) + i64::from(ms.rem_euclid(60_000) > 0);
    let (year, month, date) = day::date(minutes * 60_000);
    let of_day = minutes.rem_euclid(1440);
    format!("{date} {} {year}, {:02}:{:02}", day::month(month), of_day / 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(words(0), "1 January 1970, 00:00");
        assert_eq!(words(951_782_399_000), "29 February 2000, 00:00");
        assert_eq!(words((1_795_824_000 + 14 * 3600 + 5 * 60 - 10) * 1000), "28 November 2026, 14:05");
    }
}
