//! Calendar days of times, for folders and lists. UTC, so that a folder does not depend on where one travels.

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// Names of the months.
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Year, month and day of a time in milliseconds since 1970.
pub fn date(ms: i64) -> (i64, u32, u32) {
    // Days since 1 March of year 0, in eras of 400 years, where leap days come last.
    let days = ms.div_euclid(DAY_MS) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// A day as `2026-11-28`.
pub fn folder(ms: i64) -> String {
    let (year, month, day) = date(ms);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Name of a month, from 1.
pub fn month(month: u32) -> &'static str {
    MONTHS.get((month as usize).wrapping_sub(1)).copied().unwrap_or_default()
}

/// The first three letters of a month, from 1.
pub fn short_month(number: u32) -> &'static str {
    month(number).get(..3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (secs, words) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_824_000, "2026-11-28"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(folder(secs * 1000), words);
        }
        assert_eq!([1, 9, 12].map(month), ["January", "September", "December"]);
        assert_eq!([0, 5, 13].map(short_month), ["", "May", ""]);
        assert!(date(i64::MIN).0 < 0 && date(i64::MAX).0 > 0, "no number is too large");
    }
}
