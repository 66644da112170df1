//! What only Feishu's people can do.

pub mod events;
