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

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
