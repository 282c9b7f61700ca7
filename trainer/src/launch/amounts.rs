//! Times and memory as `sbatch` reads them, checked before a script is written.

use anyhow::{Result, ensure};

/// Checks a time: minutes, `minutes:seconds`, `hours:minutes:seconds`, or days with `-` before hours and what follows.
///
/// # Errors
/// Says what is allowed.
pub fn check_time(time: &str) -> Result<()> {
    let (days, clock) = time.split_once('-').map_or((None, time), |(days, clock)| (Some(days), clock));
    let numbers: Vec<&str> = days.into_iter().chain(clock.split(':')).collect();
    let whole = |text: &&str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = clock.split(':').count() <= 3 && numbers.iter().all(whole);
    let takes_any = numbers.iter().any(|text| text.bytes().any(|byte| byte != b'0'));
    ensure!(is_time && takes_any, "--time is {time:?}; write it as 90 (minutes), 24:00:00 or 2-12:00:00");
    Ok(())
}

/// Checks an amount of memory: a whole number of megabytes, or of what a letter K, M, G or T says.
///
/// # Errors
/// Says what is allowed.
pub fn check_memory(memory: &str) -> Result<()> {
    let number = memory.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(memory);
    let is_whole = !number.is_empty() && number.len() <= 12 && number.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(is_whole, "--mem is {memory:?}; write it as 512G or 64000M, or as 0 for all that a machine has");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sbatch_takes_is_taken_and_nothing_else() {
        for time in ["90", "90:30", "24:00:00", "2-12", "2-12:30", "0-00:10:00"] {
            assert!(check_time(time).is_ok(), "{time}");
        }
        for time in ["", "0", "00:00:00", "-1", "nan", "1:2:3:4", "1::2", "2-", "1h", "1000000000000000000", "24:00 :00"] {
            let said = check_time(time).expect_err(time).to_string();
            assert!(said.contains("--time") && said.contains(&format!("{time:?}")), "{said}");
        }
        for memory in ["0", "512G", "64000M", "64000", "1T"] {
            assert!(check_memory(memory).is_ok(), "{memory}");
        }
        for memory in ["", "-1", "G", "nan", "1.5G", "80GB", "9999999999999"] {
            assert!(check_memory(memory).expect_err(memory).to_string().contains("--mem is"), "{memory}");
        }
    }
}
