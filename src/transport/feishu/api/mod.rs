//! The platform's verbs, one file each.

mod bot_info;
mod chat_bots;
mod chat_info;
mod chats;
mod members;
mod message_get;
mod online_instances;
mod page;
mod user_name;

pub use bot_info::{Bot, bot_info};
pub use chat_bots::chat_bots;
pub use chat_info::chat_info;
pub use chats::chats;
pub use members::members;
pub use message_get::message_get;
pub use online_instances::online_instances;
pub use user_name::user_name;
