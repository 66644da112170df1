//! The durable, ordered log of events.

mod entry;

pub use entry::{Appended, Appender, Batch, Entry, Settled};
