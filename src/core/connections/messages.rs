//! What may happen to profiles, and what may be done about it.

use std::sync::Arc;
use std::time::Duration;

use super::super::end::End;
use crate::event::Event;

/// A moment: as a distance from any fixed one, and as milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub steady: Duration,
    pub wall: i64,
}

/// One stretch of one profile's life. Numbers are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub number: usize,
    pub generation: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A profile is there, or says something else than before.
    Came(Arc<str>),
    /// Its file was written, and says the same.
    Touched(Arc<str>),
    Removed(Arc<str>),
    /// It cannot be used as its file is now.
    Failed(Arc<str>, End),
    /// It is time to dial.
    Due(Tag),
    /// The connection has brought its first sign of working.
    Usable(Tag),
    /// The handshake is done.
    Connected(Tag),
    /// The connection is open and brings nothing; it had brought something before, or not.
    Deaf {
        tag: Tag,
        since: i64,
        heard: bool,
    },
    /// The connection of this number has ended.
    Ended {
        number: usize,
        end: End,
        signs: Signs,
    },
    /// All are to close.
    Stop,
}

/// What a connection that ended leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Nothing of the past was missing any more.
    pub complete: bool,
    /// When the other side was heard last.
    pub last: Option<i64>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Open a connection now.
    Dial {
        tag: Tag,
        attempt: u32,
    },
    /// Say [`Message::Due`] after this time; zero is at once.
    Wait {
        tag: Tag,
        after: Duration,
    },
    Close {
        number: usize,
    },
    Say {
        number: usize,
        event: Event,
    },
    /// Look after the connection: fetch what was missed since the one before was `deaf`, and look into silence.
    Care {
        tag: Tag,
        deaf_since: Option<i64>,
        strikes: u32,
    },
    /// Note that all was heard up to this time.
    NoteHeard {
        number: usize,
        to: i64,
    },
    /// The profile is no more.
    Forget {
        number: usize,
    },
    /// Nothing is open, and nothing will be.
    AllClosed,
}
