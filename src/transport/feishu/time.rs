//! The platform's times: strings or numbers, seconds to microseconds.

/// Milliseconds since the epoch from what the platform writes: 13 digits are milliseconds, 16 microseconds,
/// 10 seconds.
pub fn millis(text: &str) -> Option<i64> {
    let number: i64 = text.trim().parse().ok().filter(|number| *number > 0)?;
    Some(match number {
        ..100_000_000_000 => number * 1000,
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000.. => number / 1000,
    })
}

/// RFC 3339 in UTC with milliseconds. What lies beyond the calendar reads as the epoch.
pub fn rfc3339(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_millis_and_micros_are_told_apart() {
        for text in ["1767225600123", "1767225600123456"] {
            assert_eq!(millis(text), Some(1_767_225_600_123), "{text}");
        }
        assert_eq!(millis("1767225600"), Some(1_767_225_600_000));
        assert_eq!(millis(&i64::MAX.to_string()), Some(i64::MAX / 1000));
        for text in ["", "x", "-1", "0", "99999999999999999999"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn any_number_is_a_time() {
        assert_eq!(rfc3339(1_767_225_600_123), "2026-01-01T00:00:00.123Z");
        assert_eq!(rfc3339(i64::MAX), "1970-01-01T00:00:00.000Z");
    }
}
