//! Durations and sizes as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// `30s`, `10m`, `7d`; a plain number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// `512MiB`, `1GB`; a plain number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// Longer than anything here is meant to last, and short enough to be added to any clock.
const SPAN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

fn bounded(span: Duration) -> Result<Span, String> {
    if span <= SPAN_MAX { Ok(Span(span)) } else { Err("a duration is at most 366 days".to_owned()) }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        if let Ok(seconds) = text.parse::<u64>() {
            return bounded(Duration::from_secs(seconds));
        }
        let span = humantime::parse_duration(text)
            .map_err(|_| format!("`{text}` is not a duration such as 30s, 10m or 7d"))?;
        bounded(span)
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let size = text.parse::<bytesize::ByteSize>();
        size.map(|size| Size(size.as_u64())).map_err(|_| format!("`{text}` is not a size such as 512MiB"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        struct Spans;
        impl Visitor<'_> for Spans {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s, 10m or 7d")
            }
            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
                bounded(Duration::from_secs(seconds)).map_err(E::custom)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Spans)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        struct Sizes;
        impl Visitor<'_> for Sizes {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 512MiB")
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Sizes)
    }
}
