//! `config/rooms.yaml`: how agents behave in a room, per chat, alias or `default`.
//!
//! An entry counts as a whole: what it leaves out has its usual value, not the one of `default`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::values::Span;
use crate::core::gate::BotGate;

pub type Rooms = BTreeMap<String, RoomPolicy>;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomPolicy {
    pub loop_guard: LoopGuardOptions,
    pub floor: FloorMode,
    pub floor_ttl: Span,
    pub history_poll: HistoryPoll,
    pub roles: BTreeMap<String, Vec<String>>,
    pub require_mention: bool,
    pub allow: RoomAllow,
}

impl Default for RoomPolicy {
    fn default() -> RoomPolicy {
        RoomPolicy {
            loop_guard: LoopGuardOptions::default(),
            floor: FloorMode::Advise,
            floor_ttl: Span(Duration::from_secs(60)),
            history_poll: HistoryPoll(None),
            roles: BTreeMap::new(),
            require_mention: false,
            allow: RoomAllow::default(),
        }
    }
}

/// Whom agents listen to in a room, instead of what their profiles say. What is absent is as each profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomAllow {
    pub people: Option<Vec<String>>,
    pub bots: Option<BotGate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoopGuardOptions {
    pub turns: u32,
    pub per_minute: u32,
    pub cooldown: Span,
    pub notice: bool,
}

impl Default for LoopGuardOptions {
    fn default() -> LoopGuardOptions {
        LoopGuardOptions { turns: 10, per_minute: 20, cooldown: Span(Duration::from_secs(600)), notice: true }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloorMode {
    Off,
    Advise,
    Enforce,
}

/// `off`, or how often a room's history is asked for messages the platform does not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPoll(pub Option<Duration>);

impl<'de> Deserialize<'de> for FloorMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FloorMode, D::Error> {
        match word(deserializer, "off, advise or enforce")?.as_str() {
            "off" => Ok(FloorMode::Off),
            "advise" => Ok(FloorMode::Advise),
            "enforce" => Ok(FloorMode::Enforce),
            other => Err(D::Error::custom(format!("`{other}` is none of off, advise, enforce"))),
        }
    }
}

impl<'de> Deserialize<'de> for HistoryPoll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HistoryPoll, D::Error> {
        match word(deserializer, "off or a duration such as 30s")?.as_str() {
            "off" => Ok(HistoryPoll(None)),
            span => span.parse::<Span>().map(|span| HistoryPoll(Some(span.0))).map_err(D::Error::custom),
        }
    }
}

/// A word. YAML's older rules read `off` as false, and people write it without quotes.
fn word<'de, D: Deserializer<'de>>(deserializer: D, expected: &'static str) -> Result<String, D::Error> {
    struct Words(&'static str);
    impl Visitor<'_> for Words {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_bool<E: Error>(self, on: bool) -> Result<String, E> {
            if on {
                Err(E::invalid_type(serde::de::Unexpected::Bool(on), &self))
            } else {
                Ok("off".to_owned())
            }
        }
        fn visit_u64<E: Error>(self, seconds: u64) -> Result<String, E> {
            Ok(seconds.to_string())
        }
    }
    deserializer.deserialize_any(Words(expected))
}
