//! What an id names, as far as its look tells.

use crate::transport::verbs::IdKind;

/// The few prefixes that are safe to test.
pub fn id_kind(text: &str) -> Option<IdKind> {
    match text.split_once('_')?.0 {
        "oc" => Some(IdKind::Chat),
        "ou" => Some(IdKind::Person),
        "on" => Some(IdKind::Union),
        "om" => Some(IdKind::Message),
        "omt" => Some(IdKind::Thread),
        _ => None,
    }
}
