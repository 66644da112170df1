//! What Feishu and Lark can.

use std::time::Duration;

use crate::transport::traits::{IdScope, Peers, SameSend, Share, Traits};

pub const TRAITS: Traits = Traits {
    platform: "Feishu",
    ids: IdScope::PerApp,
    // An event goes to any one of an app's connections, of which it may have 50: the platform's page on receiving events
    // through a persistent connection.
    share: Share::OneOf(50),
    // Words of bots are pushed with the scope im:message.group_at_msg.include_bot:readonly and its like only.
    bots_hear_bots: Peers::ByScope,
    // After 15 s, 5 min, 1 h and 6 h.
    redelivers_for: Some(Duration::from_secs(15 + 5 * 60 + 3600 + 6 * 3600)),
    resumes: false,
    // `uuid` of the call that sends a message, by its reference.
    same_send: SameSend::Key { chars_max: 50, lasts: Duration::from_secs(3600) },
    lists_direct: false,
    lacks: &[],
};
