//! Chat platforms on the loopback interface, with people and bad luck on request. For the demo, for every test
//! above the pure core, and for developing agents offline.
//!
//! `world` is what any platform knows, `ledger`, `links` and `delivery` how what happened reaches its listeners,
//! `people` the control API. What a platform adds stands behind `platform::Platform` in a folder of its own;
//! `feishu` is the first. Many instances live side by side in one process.

mod delivery;
mod faults;
mod feishu;
mod ledger;
mod links;
mod lock;
mod people;
mod platform;
mod running;
mod serve;
mod shared;
#[cfg(test)]
mod tests;
mod world;

pub use self::feishu::control::card::{Card, CardAnswer};
pub use self::feishu::control::events::{Enter, Event, EventAnswer, Menu, Read};
pub use self::feishu::control::scopes::{Scopes, ScopesAnswer};
pub use self::feishu::faults::{At, Fault, FaultKind};
pub use self::feishu::options::{BotInfo, Cards, ClientConfig, Options, default_scopes};
pub use self::feishu::sandbox::{App, Sandbox};
pub use self::people::burst::{Burst, BurstAnswer};
pub use self::people::chats::{Chat, ChatAnswer};
pub use self::people::members::Member;
pub use self::people::react::{React, Recall};
pub use self::people::report::{
    AckErrorState, AppState, ChatState, DeliveryState, MessageState, State, StateQuery, TotalsState,
};
pub use self::people::say::{Said, Say};
pub use self::people::time::{ClockRequest, Redeliver, Redelivered};
pub use self::running::Running;
