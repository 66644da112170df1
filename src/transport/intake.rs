//! The one way from an adapter into the journal: what a platform told is judged, marked and rendered here, whichever
//! platform it was and whichever way it came.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Rooms;
use crate::core::dedupe::DedupeKey;
use crate::core::gate::{Gates, Held};
use crate::core::trust::trust;
use crate::event::ids::UserId;
use crate::event::{Event, Message, Origin, Rendered, Unknown};
use crate::journal::Entry;

/// An event as an adapter hands it in: facts, and nothing of what this profile makes of them.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub origin: Origin,
    pub event: Event,
    /// Absent for what can never arrive twice.
    pub key: Option<DedupeKey>,
    /// The platform's own id of the delivery, where it has one.
    pub event_id: Option<String>,
    /// The platform's payload, valid JSON.
    pub raw: Arc<str>,
    /// It tells of the past: nobody is to act on it as on news.
    pub past: bool,
}

impl Inbound {
    /// A message of the history, or one that another of ours has posted.
    pub fn message(origin: Origin, message: Message, raw: &str) -> Inbound {
        Inbound {
            origin,
            key: Some(DedupeKey::message(message.message_id.as_str())),
            event: Event::Message(Box::new(message)),
            event_id: None,
            raw: raw.into(),
            past: origin == Origin::History,
        }
    }

    /// When a message was written, RFC 3339; empty for everything else.
    pub fn written(&self) -> &str {
        match &self.event {
            Event::Message(message) => &message.create_time,
            _ => "",
        }
    }
}

/// What the events of one profile are judged by. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    pub profile: Arc<str>,
    pub transport: &'static str,
    /// The one person whose word this bot's agent takes as its owner's.
    pub owner: Option<UserId>,
    /// What may wake this bot's agent.
    pub gates: Arc<Gates>,
    pub rooms: Rooms,
}

impl Intake {
    /// Total: what cannot be rendered becomes an `unknown`, since it would come again for hours.
    pub fn entry(&self, inbound: Inbound) -> Entry {
        let Inbound { origin, mut event, key, event_id, raw, past } = inbound;
        let made = catch_unwind(AssertUnwindSafe(|| {
            let held = self.judge(&mut event, origin);
            (held, Rendered::new(&event), event.facts())
        }));
        let (held, rendered, facts) = made.unwrap_or_else(|_panic| {
            let unknown =
                Event::Unknown(Unknown { reason: "panic".to_owned(), event_type: None, hint: None });
            (None, Rendered::new(&unknown), unknown.facts())
        });
        Entry {
            profile: Some(Arc::clone(&self.profile)),
            transport: Some(self.transport),
            event_id,
            key,
            rendered,
            facts,
            origin: Some(origin),
            raw: Some(raw),
            replayed: past,
            held,
        }
    }

    /// What rooma says about this profile.
    pub fn own(&self, event: &Event) -> Entry {
        Entry::own(Some((Arc::clone(&self.profile), self.transport)), event)
    }

    /// Adds what no platform knows, and decides whether the event may wake the agent.
    fn judge(&self, event: &mut Event, origin: Origin) -> Option<Held> {
        let Event::Message(message) = event else { return None };
        let allowed = self.gates.named(&message.chat_id, message.chat_type);
        message.trust = trust(&message.sender_id, message.sender_type, self.owner.as_ref(), allowed);
        message.relayed = (origin == Origin::Relay).then_some(true);
        self.rooms.mark(&self.profile, message);
        let held = self.gates.judge(message, self.owner.as_ref());
        if held.is_some() {
            // Whoever does not hear it is not waited for.
            message.floor = None;
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::BotGate;
    use crate::core::turns::guard::Why;
    use crate::event::ids::ChatId;
    use crate::event::stored;

    fn intake(gates: Gates) -> Intake {
        let owner = Some(UserId::new("U:owner"));
        Intake {
            profile: "a".into(),
            transport: "any",
            owner,
            gates: Arc::new(gates),
            rooms: Rooms::default(),
        }
    }

    /// Ids are whatever a platform calls things.
    fn said(sender: &str, kind: &str) -> Message {
        serde_json::from_value(serde_json::json!({
            "chat_id": "C1:2.3", "chat_type": "group", "message_id": "C1:2.3/17\"", "message_type": "text",
            "sender_id": sender, "sender_type": kind, "mentioned": false, "mention": "none", "content": "x",
            "create_time": "2026-01-01T00:00:00.000Z", "trust": "stranger", "event_type": "e"
        }))
        .unwrap()
    }

    #[test]
    fn every_way_in_is_judged_alike_and_says_which_way_it_was() {
        let intake = intake(Gates {
            people: Some(vec![UserId::new("U:li")]),
            bots: BotGate::None,
            ..Gates::default()
        });
        let cases = [
            ("U:owner", "user", "owner", None),
            ("U:li", "user", "allowed", None),
            ("U:x", "user", "stranger", Some(Held::Person)),
            ("B:1", "bot", "peer", Some(Held::Bot)),
        ];
        for origin in [Origin::Pushed, Origin::History, Origin::Relay] {
            for (sender, kind, trust, held) in cases {
                let entry = intake.entry(Inbound::message(origin, said(sender, kind), "{}"));
                let body: serde_json::Value = stored(&entry.rendered.body).unwrap();
                assert_eq!((body["trust"].as_str(), entry.held), (Some(trust), held), "{sender} {origin:?}");
                assert_eq!(body["relayed"] == true, origin == Origin::Relay);
                assert_eq!((entry.origin, entry.replayed), (Some(origin), origin == Origin::History));
                assert_eq!(entry.facts.message_id.unwrap().as_str(), "C1:2.3/17\"");
            }
        }
    }

    #[test]
    fn a_paused_room_is_marked_and_who_does_not_hear_holds_no_floor() {
        let open = intake(Gates::default());
        // Whose word ends the pause is not told to be silent over it.
        for (why, kind, paused) in [
            (Some(Why::Manual), "user", true),
            (Some(Why::Turns), "bot", true),
            (Some(Why::Turns), "user", false),
            (None, "bot", false),
        ] {
            open.rooms.set_paused(&open.rooms.room("a", &ChatId::new("C1:2.3")), why);
            let entry = open.entry(Inbound::message(Origin::Pushed, said("U:x", kind), "{}"));
            let body: serde_json::Value = stored(&entry.rendered.body).unwrap();
            assert_eq!(body["room"]["paused"] == true, paused, "{why:?} {kind}");
            assert!(!entry.facts.opens_floor);
        }
    }
}
