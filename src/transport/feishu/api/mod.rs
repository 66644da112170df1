//! The platform's verbs, one file each.

mod announcement;
mod body;
mod bot_info;
mod chat_bots;
mod chat_info;
mod chats;
mod edit;
mod history;
mod members;
mod message_get;
mod online_instances;
mod page;
mod reactions;
mod resource;
mod send;
mod upload;
mod user_name;

pub use announcement::{Announcement as Announced, announcement};
pub use bot_info::{Bot, bot_info};
pub use chat_bots::chat_bots;
pub use chat_info::chat_info;
pub use chats::{ChatRow, chats};
pub use edit::{edit, recall};
pub use history::{Cards, Container, PAGE_MAX as HISTORY_PAGE_MAX, Raw, history, message};
pub use members::{members, members_as};
pub use message_get::message_get;
pub use online_instances::online_instances;
pub use page::{Page, Pages, unreadable};
pub use reactions::{react, reactions, unreact};
pub use resource::resource;
pub use send::{Letter, Sent, reply, send};
pub use upload::{upload_file, upload_image};
pub use user_name::{user_by_union, user_name};
