//! Ids in the platform's shapes. Every numbered thing (a chat, a message, an actor as one app sees it) has
//! an id that carries its number sealed with the instance's seed: no maps, and an id of another instance,
//! another kind or another app does not open.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What an id names; part of the seal, so that kinds cannot be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Chat,
    Message,
    Thread,
    Event,
    Delivery,
    Reaction,
    Union,
    /// An actor as the app with this number sees it.
    Open(usize),
    /// Position in a listing.
    Page,
}

const HEX_DIGITS: usize = 32;

fn mix(seed: u64, kind: Kind, value: u64, side: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, kind, value, side).hash(&mut hasher);
    hasher.finish()
}

/// 32 hex digits that hide `number`.
pub fn seal(seed: u64, kind: Kind, number: u64) -> String {
    let high = mix(seed, kind, number, 0);
    let low = number ^ mix(seed, kind, high, 1);
    format!("{high:016x}{low:016x}")
}

/// The number inside, if this instance sealed it for this kind.
pub fn open(seed: u64, kind: Kind, text: &str) -> Option<u64> {
    if text.len() != HEX_DIGITS || !text.is_ascii() {
        return None;
    }
    let high = u64::from_str_radix(&text[..16], 16).ok()?;
    let low = u64::from_str_radix(&text[16..], 16).ok()?;
    let number = low ^ mix(seed, kind, high, 1);
    (mix(seed, kind, number, 0) == high).then_some(number)
}

/// Stable noise for values that only have to differ (log ids, user ids).
pub fn noise(seed: u64, kind: Kind, number: u64) -> u64 {
    mix(seed, kind, number, 2)
}

/// Random hex digits, for secrets, tokens and tickets.
pub fn random_hex(digits: usize) -> String {
    let mut text = String::with_capacity(digits + 16);
    while text.len() < digits {
        text.push_str(&format!("{:016x}", rand::random::<u64>()));
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_opens_only_with_its_own_seed_and_kind() {
        let id = seal(7, Kind::Open(1), 42);
        assert_eq!(id.len(), HEX_DIGITS);
        assert_eq!(open(7, Kind::Open(1), &id), Some(42));
        assert_eq!(open(7, Kind::Open(2), &id), None);
        assert_eq!(open(8, Kind::Open(1), &id), None);
        assert_eq!(open(7, Kind::Open(1), "zz"), None);
        assert_eq!(open(7, Kind::Open(1), &"ü".repeat(16)), None);
    }
}
