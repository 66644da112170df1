//! Who speaks, decided from ids and never from display names.

use crate::event::ids::OpenId;
use crate::event::{SenderType, Trust};

pub fn trust(sender: &OpenId, kind: SenderType, owner: Option<&OpenId>, allowed: &[OpenId]) -> Trust {
    match kind {
        SenderType::Bot => Trust::Peer,
        // An id that could not be read is nobody's.
        SenderType::User if sender.as_str().is_empty() => Trust::Stranger,
        SenderType::User if owner == Some(sender) => Trust::Owner,
        SenderType::User if allowed.contains(sender) => Trust::Allowed,
        SenderType::User => Trust::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_decide_and_a_bot_is_never_the_owner() {
        let id = |text: &str| OpenId::new(text);
        let (owner, allowed) = (id("ou_owner"), [id("ou_li"), id("")]);
        let judge = |sender: &str, kind| trust(&id(sender), kind, Some(&owner), &allowed);
        assert_eq!(judge("ou_owner", SenderType::User), Trust::Owner);
        assert_eq!(judge("ou_li", SenderType::User), Trust::Allowed);
        assert_eq!(judge("ou_x", SenderType::User), Trust::Stranger);
        assert_eq!(judge("", SenderType::User), Trust::Stranger);
        assert_eq!(judge("ou_owner", SenderType::Bot), Trust::Peer);
        assert_eq!(trust(&id("ou_x"), SenderType::User, None, &[]), Trust::Stranger);
    }
}
