//! What the root is told and asked.

use ractor::RpcReplyPort;

use super::super::change::Change;
use super::super::seat::Seat;
use super::super::status::ProfileStatus;
use crate::clock::WallMs;
use crate::core::connections::Tag;
use crate::transport::Report;

pub enum Msg {
    Due(Tag),
    Report(Tag, Report),
    /// The connection is open and brings nothing; it had brought something before, or not.
    Deaf {
        tag: Tag,
        since: WallMs,
        heard: bool,
    },
    Apply(Vec<Change>, RpcReplyPort<()>),
    Seat(String, RpcReplyPort<Option<Seat>>),
    CloseAll(RpcReplyPort<()>),
    Status(RpcReplyPort<Vec<ProfileStatus>>),
}
