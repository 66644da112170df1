//! Points in time as people write them.

use crate::clock::WallMs;
use crate::config::Span;

/// `now`, `2h` ago, `2026-01-31`, `2026-01-31T10:00:00Z`, or seconds or milliseconds since the epoch.
pub fn parse(text: &str, now: WallMs) -> Result<WallMs, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Ok(number) = text.parse::<i64>() {
        // Eleven digits of seconds are the year 5138.
        return Ok(if number < 100_000_000_000 { number.saturating_mul(1000) } else { number });
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC);
        return midnight
            .map(|midnight| midnight.timestamp().as_millisecond())
            .map_err(|error| error.to_string());
    }
    match text.parse::<Span>() {
        Ok(Span(ago)) => Ok(now.saturating_sub(crate::clock::millis(ago))),
        Err(_) => {
            Err(format!("`{text}` is neither now nor 2h (ago) nor 2026-01-31 nor 2026-01-31T10:00:00Z"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_a_time_a_number_or_so_long_ago() {
        let now = 1_767_225_600_000;
        for (text, wanted) in [
            ("now", now),
            ("2h", now - 7_200_000),
            ("2026-01-01", now),
            ("2026-01-01T00:00:00Z", now),
            ("2026-01-01T01:00:00+01:00", now),
            ("1767225600", now),
            ("1767225600123", now + 123),
        ] {
            assert_eq!(parse(text, now), Ok(wanted), "{text}");
        }
        assert!(parse("yesterday", now).unwrap_err().contains("2h"));
    }
}
