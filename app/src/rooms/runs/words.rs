//! Times, sizes and hashes as the room says them.

/// Hours and minutes of a moment, and its day when it is not `now`'s: `14:31`, or `23 Nov 14:31`.
pub fn time(created_ms: i64, now_ms: i64, zone_ms: i64) -> String {
    let (day, clock) = split(created_ms, zone_ms);
    if day == split(now_ms, zone_ms).0 { clock } else { format!("{} {clock}", date(day)) }
}

/// Day and clock: `23 Nov 14:31`, with the year when it is not `now`'s.
pub fn day_and_time(created_ms: i64, now_ms: i64, zone_ms: i64) -> String {
    let (day, clock) = split(created_ms, zone_ms);
    let (year, ..) = civil(day);
    let (this_year, ..) = civil(split(now_ms, zone_ms).0);
    if year == this_year { format!("{} {clock}", date(day)) } else { format!("{} {year} {clock}", date(day)) }
}

/// Days since 1970 and the clock.
fn split(ms: i64, zone_ms: i64) -> (i64, String) {
    let minutes = ms.saturating_add(zone_ms).div_euclid(60_000);
    (minutes.div_euclid(1440), format!("{:02}:{:02}", minutes.rem_euclid(1440) / 60, minutes.rem_euclid(60)))
}

fn date(day: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = civil(day);
    format!("{day} {}", MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or(""))
}

/// Year, month and day of the Gregorian calendar from days since 1970, by years that begin in March.
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days.clamp(-1_000_000, 10_000_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

/// Bytes in the unit that leaves one to three figures before the point.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 { format!("{value:.0} {}", units[unit]) } else { format!("{value:.1} {}", units[unit]) }
}

/// The first `digits` of a hash in groups of four.
pub fn hash(hash: &str, digits: usize) -> String {
    let digits: Vec<char> = hash.chars().take(digits).collect();
    digits.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Seconds as a person says them.
pub fn secs(secs: f64) -> String {
    match secs {
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {:.0} s", (s / 60.0) as u64, (s % 60.0).floor()),
        s => format!("{} h {} min", (s / 3600.0) as u64, ((s % 3600.0) / 60.0) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn moments_are_said_in_the_persons_time() {
        // 23 November 2026, 14:31 UTC.
        let moment = 1_795_444_260_000;
        assert_eq!(time(moment, moment + HOUR, 0), "14:31");
        assert_eq!(time(moment, moment + 24 * HOUR, 0), "23 Nov 14:31");
        assert_eq!(time(moment, moment, 10 * HOUR), "00:31", "the next day already");
        assert_eq!(day_and_time(moment, moment, 10 * HOUR), "24 Nov 00:31");
        assert_eq!(day_and_time(moment, moment + 100 * 24 * HOUR, 0), "23 Nov 2026 14:31");
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(59), (1970, 3, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert!(!day_and_time(i64::MIN, i64::MAX, HOUR).is_empty(), "no number is too large");
    }

    #[test]
    fn sizes_and_hashes_are_short() {
        assert_eq!([0, 999, 1500, 3_800_000_000, 250_000_000].map(bytes), ["0 B", "999 B", "1.5 kB", "3.8 GB", "250 MB"]);
        assert_eq!(hash("7c1eb90f52d0", 8), "7c1e b90f");
        assert_eq!(hash("7c", 8), "7c");
        assert_eq!([2.94, 75.0, 7300.0].map(secs), ["2.9 s", "75.0 s", "2 h 1 min"]);
    }
}
