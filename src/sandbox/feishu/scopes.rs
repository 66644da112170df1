//! Permissions of an app, and which of them make it hear a message.

use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::Message;

/// What a new bot is granted. One scope per ability, so that revoking one takes exactly that ability away.
pub const DEFAULTS: &[&str] = &[
    "application:bot.basic_info:read",
    "contact:contact.base:readonly",
    "contact:user.base:readonly",
    "contact:user.id:readonly",
    "im:chat",
    "im:chat.access_event.bot_p2p_chat:read",
    "im:chat.announcement:read",
    "im:chat.members:read",
    "im:message",
    "im:message.group_msg",
    "im:message.group_msg.include_bot:read",
    "im:message.p2p_msg",
    "im:message.reactions:read",
    "im:resource",
];

pub const READ_MESSAGES: &[&str] = &["im:message", "im:message:readonly"];
pub const READ_HISTORY: &[&str] = &["im:message", "im:message:readonly", "im:message.history:readonly"];
pub const SEND: &[&str] = &["im:message", "im:message:send_as_bot", "im:message:send"];
pub const UPDATE: &[&str] = &["im:message", "im:message:send_as_bot", "im:message:update"];
pub const RECALL: &[&str] = &["im:message", "im:message:recall", "im:message:send_as_bot"];
pub const WRITE_REACTIONS: &[&str] = &["im:message", "im:message.reactions:write_only"];
pub const READ_REACTIONS: &[&str] = &["im:message.reactions:read", "im:message:readonly"];
pub const READ_CHATS: &[&str] =
    &["im:chat", "im:chat:read", "im:chat:readonly", "im:chat.group_info:readonly"];
pub const READ_MEMBERS: &[&str] =
    &["im:chat", "im:chat.members:read", "im:chat:readonly", "im:chat.group_info:readonly"];
pub const READ_BOT_MEMBERS: &[&str] = &["im:chat.members:read"];
pub const READ_BOTS: &[&str] = &["application:bot.basic_info:read"];
pub const READ_ANNOUNCEMENT: &[&str] = &["im:chat.announcement:read"];
pub const UPLOAD: &[&str] = &["im:resource", "im:resource:upload"];
pub const READ_CONTACTS: &[&str] = &[
    "contact:contact.base:readonly",
    "contact:contact:readonly_as_app",
    "contact:contact:readonly",
    "contact:contact:access_as_app",
];
pub const CONTACT_NAMES: &[&str] = &["contact:user.base:readonly"];
pub const CONTACT_IDS: &[&str] = &["contact:user.id:readonly"];
pub const BOT_MEMBERSHIP: &[&str] = &["im:chat", "im:chat:readonly", "im:chat.members:bot_access"];
pub const USER_MEMBERSHIP: &[&str] = &["im:chat", "im:chat:readonly", "im:chat.members:read"];
pub const CHAT_CHANGES: &[&str] = &["im:chat", "im:chat:read", "im:chat:readonly"];
pub const P2P_ENTERED: &[&str] = &["im:chat.access_event.bot_p2p_chat:read"];

const P2P: &[&str] = &["im:message.p2p_msg", "im:message.p2p_msg:readonly"];
const GROUP_ALL: &[&str] =
    &["im:message.group_msg", "im:message.group_msg:readonly", "im:message.group_msg.include_bot:read"];
const GROUP_ALL_BOTS: &[&str] = &["im:message.group_msg.include_bot:read"];
const GROUP_AT: &[&str] = &[
    "im:message.group_at_msg",
    "im:message.group_at_msg:readonly",
    "im:message.group_at_msg.include_bot:readonly",
];
const GROUP_AT_BOTS: &[&str] = &["im:message.group_at_msg.include_bot:readonly"];

impl World {
    /// Scopes are alternatives: any one of them is enough.
    pub fn has_scope(&self, app: usize, any_of: &[&str]) -> bool {
        any_of.iter().any(|scope| self.apps[app].scopes.contains(*scope))
    }

    /// History of groups needs this besides [`READ_HISTORY`].
    pub fn may_read_groups(&self, app: usize) -> bool {
        self.has_scope(app, GROUP_ALL)
    }

    /// Whether the platform pushes this message to this app (protocol 4.3 and 4.4): never its own, other
    /// bots' only with an include-bot scope, and without the broad scope only what mentions the bot.
    pub fn hears(&self, app: usize, message: &Message) -> bool {
        let chat = &self.chats[message.chat];
        let me = Actor::Bot(app);
        if message.sender == me || !chat.members.contains(&me) {
            return false;
        }
        if chat.mode == Mode::P2p {
            return self.has_scope(app, P2P);
        }
        let (all, at) =
            if message.sender.is_bot() { (GROUP_ALL_BOTS, GROUP_AT_BOTS) } else { (GROUP_ALL, GROUP_AT) };
        self.has_scope(app, all) || (self.has_scope(app, at) && message.mentions_actor(me))
    }
}
