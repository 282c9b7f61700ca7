//! Times, sizes and hashes as the room says them.

use crate::day;

/// Hours and minutes of a moment, and its day when it is not `now`'s: `14:31`, or `23 Nov 14:31`.
pub fn time(created_ms: i64, now_ms: i64, zone_ms: i64) -> String {
    let (date, clock) = split(created_ms, zone_ms);
    if date == split(now_ms, zone_ms).0 { clock } else { format!("{} {clock}", short(date)) }
}

/// Day and clock: `23 Nov 14:31`, with the year when it is not `now`'s.
pub fn day_and_time(created_ms: i64, now_ms: i64, zone_ms: i64) -> String {
    let (date, clock) = split(created_ms, zone_ms);
    let this_year = split(now_ms, zone_ms).0.0;
    if date.0 == this_year { format!("{} {clock}", short(date)) } else { format!("{} {} {clock}", short(date), date.0) }
}

/// The day of a moment where the person is, and its clock.
fn split(ms: i64, zone_ms: i64) -> ((i64, u32, u32), String) {
    let local = ms.saturating_add(zone_ms);
    let minutes = local.rem_euclid(day::DAY_MS) / 60_000;
    (day::date(local), format!("{:02}:{:02}", minutes / 60, minutes % 60))
}

fn short((_, month, date): (i64, u32, u32)) -> String {
    format!("{date} {}", day::short_month(month))
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
