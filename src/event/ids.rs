//! Identifiers of a platform: opaque text, told apart by type, parsed by nobody outside an adapter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::realm::Realm;

macro_rules! opaque_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        $(#[$doc])*
        pub struct $name(String);

        impl $name {
            pub fn new(id: impl Into<String>) -> $name {
                $name(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

opaque_ids! {
    /// A group or a direct conversation.
    ChatId,
    MessageId,
    ThreadId,
    /// A person or a bot, as one app sees them; where ids are shared, as all do.
    // The schema of version 1 keeps its name.
    #[schemars(rename = "OpenId", description = "A person or a bot, as one app sees them.")]
    UserId,
}

/// A chat in its realm: what ours have in common who sit there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId {
    pub realm: Realm,
    pub chat: ChatId,
}

impl std::fmt::Display for RoomId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.chat.fmt(f)
    }
}
