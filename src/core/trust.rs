//! Who speaks, decided from ids and never from display names.

use crate::event::ids::UserId;
use crate::event::{SenderType, Trust};

/// `allowed` are the people that the profile and the policy of the room name.
pub fn trust<'a>(
    sender: &UserId,
    kind: SenderType,
    owner: Option<&UserId>,
    mut allowed: impl Iterator<Item = &'a UserId>,
) -> Trust {
    match kind {
        SenderType::Bot => Trust::Peer,
        // An id that could not be read is nobody's.
        SenderType::User if sender.as_str().is_empty() => Trust::Stranger,
        SenderType::User if owner == Some(sender) => Trust::Owner,
        SenderType::User if allowed.any(|id| id == sender) => Trust::Allowed,
        SenderType::User => Trust::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::{Gates, RoomGate};
    use crate::event::ChatType;
    use crate::event::ids::ChatId;

    #[test]
    fn ids_decide_and_a_bot_is_never_the_owner() {
        let id = |text: &str| UserId::new(text);
        let (owner, allowed) = (id("ou_owner"), [id("ou_li"), id("ou_owner"), id("")]);
        let judge = |sender: &str, kind| trust(&id(sender), kind, Some(&owner), allowed.iter());
        assert_eq!(judge("ou_owner", SenderType::User), Trust::Owner);
        assert_eq!(judge("ou_li", SenderType::User), Trust::Allowed);
        assert_eq!(judge("ou_x", SenderType::User), Trust::Stranger);
        assert_eq!(judge("", SenderType::User), Trust::Stranger);
        assert_eq!(judge("ou_owner", SenderType::Bot), Trust::Peer);
        assert_eq!(judge("ou_li", SenderType::Bot), Trust::Peer);
        assert_eq!(trust(&id("ou_x"), SenderType::User, None, [].iter()), Trust::Stranger);
    }

    #[test]
    fn a_room_s_policy_allows_beside_the_profile_and_only_there() {
        let one = |name: &str| Some(vec![UserId::new(name)]);
        let gate = |name: &str| RoomGate { people: one(name), ..RoomGate::default() };
        let gates = Gates {
            people: one("ou_li"),
            rooms: [(ChatId::new("oc_1"), gate("ou_ann")), (ChatId::new("oc_2"), RoomGate::default())].into(),
            other_rooms: gate("ou_max"),
            ..Gates::default()
        };
        let (yes, no) = (Trust::Allowed, Trust::Stranger);
        // Li, Ann and Max.
        let cases = [
            ("oc_1", ChatType::Group, [yes, yes, no]),
            ("oc_2", ChatType::Topic, [yes, no, no]),
            ("oc_3", ChatType::Group, [yes, no, yes]),
            ("oc_1", ChatType::P2p, [yes, no, no]),
            ("oc_3", ChatType::P2p, [yes, no, no]),
        ];
        for (chat, chat_type, expected) in cases {
            let room = ChatId::new(chat);
            let judged = ["ou_li", "ou_ann", "ou_max"].map(|sender| {
                trust(&UserId::new(sender), SenderType::User, None, gates.named(&room, chat_type))
            });
            assert_eq!(judged, expected, "{chat}, {chat_type:?}");
        }
    }
}
