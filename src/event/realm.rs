//! Where ids mean something: a platform, and which one of several of its kind.

use serde::{Deserialize, Serialize};

/// Ids of chats, people and messages are unique within it, and say nothing in another. A platform by its name, an
/// installation of its own by name and host, a workspace by whatever tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realm(String);

impl Realm {
    pub fn new(name: impl Into<String>) -> Realm {
        Realm(name.into())
    }

    /// Of a platform whose ids are unique within one host only. Absent: the platform's own.
    #[cfg(test)]
    pub fn of_host(platform: &str, base_url: Option<&str>) -> Realm {
        let host =
            base_url.map(|url| url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/'));
        Realm::new(
            host.map_or_else(
                || platform.to_owned(),
                |host| format!("{platform} {}", host.to_ascii_lowercase()),
            ),
        )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_its_own_is_a_realm_of_its_own() {
        let of = |url| Realm::of_host("p", url).as_str().to_owned();
        assert_eq!(of(None), "p");
        assert_eq!(of(Some("https://Chat.example.org/")), "p chat.example.org");
        assert_eq!(of(Some("http://127.0.0.1:4100")), of(Some("https://127.0.0.1:4100/")));
        assert_ne!(of(Some("http://127.0.0.1:4100")), of(Some("http://127.0.0.1:4101")));
    }
}
