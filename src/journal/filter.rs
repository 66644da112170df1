//! Which lines of the journal a reader is given.

use std::ops::Not;

use serde::{Deserialize, Serialize};

/// Which lines a reader wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Empty: lines of every profile, and those of none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Empty: every type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Only messages meant for the profile that received them. rooma's own lines pass.
    #[serde(skip_serializing_if = "Not::not")]
    pub mentioned: bool,
    /// Add the platform's payload. It holds nothing back.
    #[serde(skip)]
    pub raw: bool,
    /// Leave out what asks nothing of an agent. Types that are named pass.
    #[serde(skip_serializing_if = "Not::not")]
    pub brief: bool,
    /// A supervisor's first line passes all the same: its own reader is always given it.
    #[serde(skip_serializing_if = "Not::not")]
    pub ready: bool,
}

/// Lines that say that all is as it should be.
const QUIET: [&str; 8] = [
    "rooma.started",
    "rooma.connecting",
    "rooma.connected",
    "rooma.disconnected",
    "rooma.session_armed",
    "rooma.greeting_sent",
    "rooma.catchup",
    "message.read",
];

/// What a filter asks of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits<'a> {
    pub profile: Option<&'a str>,
    pub type_name: &'a str,
    pub mentioned: bool,
    pub trouble: bool,
}

impl Filter {
    pub(super) fn wants(&self, line: &Traits<'_>) -> bool {
        let quiet = self.brief && self.types.is_empty() && QUIET.contains(&line.type_name) && !line.trouble;
        (self.ready && line.type_name == "rooma.started") || (!quiet && self.is_asked_for(line))
    }

    fn is_asked_for(&self, line: &Traits<'_>) -> bool {
        let own = line.type_name.starts_with("rooma.");
        let profile_fits = match line.profile {
            Some(profile) => self.profiles.is_empty() || self.profiles.iter().any(|wanted| wanted == profile),
            None => true,
        };
        let type_fits =
            self.types.is_empty() || self.types.iter().any(|wanted| matches_type(wanted, line.type_name));
        profile_fits && type_fits && (!self.mentioned || line.mentioned || own)
    }
}

/// `message` is itself; `message.*` is everything below it.
fn matches_type(wanted: &str, type_name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => type_name.starts_with(prefix),
        None => wanted == type_name,
    }
}
