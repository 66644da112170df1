//! One line per message for a watch of several profiles: what the files say of who will receive one.

use std::collections::BTreeSet;

use tokio::time::{Duration, Instant};

use super::read::Read;
use crate::clock::{Clock, steady_ms};
use crate::config::Home;
use crate::core::coalesce::{Coalescer, Extent, Plan, Said, Seen, WAIT_MS};
use crate::error::Result;
use crate::event::ChatType;
use crate::event::ids::ChatId;
use crate::journal::{Filter, Had, Page, Reader};
use crate::supervisor::{ChatState, KnownChats};

/// How stale the list of who sits where may be. Where it is wrong, a line comes late or 200 ms later.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// Positions before the cursor whose messages an earlier watch has written.
const REMEMBERED: u64 = 512;

pub struct Together {
    home: Home,
    clock: Clock,
    coalescer: Coalescer,
    /// Whose lines this watch reads; empty: all.
    profiles: Vec<String>,
    known: Vec<(String, Option<KnownChats>)>,
    known_at: Option<Instant>,
}

impl Together {
    pub fn new(home: &Home, profiles: &[String]) -> Together {
        Together {
            home: home.clone(),
            clock: Clock::system(),
            coalescer: Coalescer::default(),
            profiles: profiles.to_vec(),
            known: Vec::new(),
            known_at: None,
        }
    }

    /// The journal is another one.
    pub fn forget(&mut self) {
        self.coalescer = Coalescer::default();
    }

    /// What came right before this position was written by an earlier watch with this cursor.
    pub fn remember(&mut self, reader: &Reader, position: u64, filter: &Filter) -> Result<()> {
        let page = reader.page(position.saturating_sub(REMEMBERED), filter, &Had::default())?;
        for read in Read::all(&page) {
            if let Some((whole, message)) = read.message.filter(|(whole, _)| whole.seq <= position) {
                tracing::trace!(seq = whole.seq, "written before");
                let transport = whole.transport.as_deref().unwrap_or_default();
                self.coalescer.remember(transport, message.message_id.as_str());
            }
        }
        Ok(())
    }

    pub fn plan(&mut self, reads: &[Read<'_>], page: &Page, after: u64, reader: &Reader) -> Plan {
        self.look();
        let now = self.clock.wall_ms();
        let seen: Vec<Seen<'_>> = reads
            .iter()
            .map(|read| {
                let said = read.message.as_ref().map(|(whole, message)| Said {
                    transport: whole.transport.as_deref().unwrap_or_default(),
                    message_id: message.message_id.as_str(),
                    profile: &whole.profile,
                });
                let time = read.message.as_ref().and_then(|(whole, _)| whole.time.parse().ok());
                let old = time.is_some_and(|time: jiff::Timestamp| time.as_millisecond() + WAIT_MS <= now);
                Seen { seq: read.seq, said, old }
            })
            .collect();
        let extent = Extent { after, looked_to: page.looked_to, more: page.cut };
        let known = &self.known;
        let complete = |all: &[usize]| {
            let missing = missing(known, reads, all);
            missing.is_empty() || all_received(&missing, &reads[all[0]], reader)
        };
        self.coalescer.plan(&seen, extent, steady_ms(), complete)
    }

    /// Reads the files of who sits where, when it is time.
    fn look(&mut self) {
        let now = Instant::now();
        if self.known_at.is_some_and(|at| now.saturating_duration_since(at) < KNOWN_FOR) {
            return;
        }
        self.known_at = Some(now);
        let profiles = if self.profiles.is_empty() { named(&self.home) } else { self.profiles.clone() };
        let wall = self.clock.wall_ms();
        self.known = profiles
            .into_iter()
            .map(|profile| {
                let folder = self.home.data().join(&profile);
                let there = folder.join("known_chats.json").exists();
                let known = there.then(|| KnownChats::load(&folder, wall).ok()).flatten();
                (profile, known)
            })
            .collect();
    }
}

/// The profiles that have a file.
fn named(home: &Home) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(home.root().join("profiles")) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let yaml = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    yaml.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

/// Who is to receive this message, and has no line among these. One whose chats are not known may.
fn missing<'k>(
    known: &'k [(String, Option<KnownChats>)],
    reads: &[Read<'_>],
    all: &[usize],
) -> BTreeSet<&'k str> {
    let messages = all.iter().filter_map(|at| reads[*at].message.as_ref());
    let mut have: BTreeSet<&str> = messages.clone().map(|(whole, _)| whole.profile.as_str()).collect();
    let Some((_, message)) = messages.clone().next() else { return BTreeSet::new() };
    if message.chat_type == ChatType::P2p {
        return BTreeSet::new();
    }
    // Nobody receives its own words, and not every line knows whose they are.
    have.extend(messages.filter_map(|(_, message)| message.sender_profile.as_deref()));
    let sits_there = |known: &KnownChats, chat: &ChatId| {
        known.chats.get(chat.as_str()).is_some_and(|chat| chat.state == ChatState::Joined)
    };
    known
        .iter()
        .filter(|(_, known)| known.as_ref().is_none_or(|known| sits_there(known, &message.chat_id)))
        .map(|(profile, _)| profile.as_str())
        .filter(|profile| !have.contains(profile))
        .collect()
}

/// Do those that are missing have it all the same, in lines that are held back?
fn all_received(missing: &BTreeSet<&str>, read: &Read<'_>, reader: &Reader) -> bool {
    let Some((_, message)) = &read.message else { return true };
    match reader.received(&message.message_id, read.seq) {
        Ok(received) => missing.iter().all(|profile| received.iter().any(|one| one == profile)),
        Err(error) => {
            tracing::debug!(%error, "who else has a message is not known");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Line, Message, Past, Rendered, head};
    use crate::supervisor::KnownChat;

    fn page(chat_type: &str, sender_profile: Option<&str>, profiles: &[&str]) -> Page {
        let mut page = Page::default();
        for (at, profile) in profiles.iter().enumerate() {
            let message: Message = serde_json::from_value(serde_json::json!({
                "chat_id": "oc_1", "chat_type": chat_type, "message_id": "om_1", "message_type": "text",
                "sender_id": "ou_1", "sender_type": "bot", "sender_profile": sender_profile, "mentioned": true,
                "mention": "me", "content": "x", "create_time": "t", "trust": "peer", "event_type": "e"
            }))
            .unwrap();
            let rendered = Rendered::new(&Event::Message(Box::new(message)));
            let head = head(Some(profile), rendered.type_name, "t");
            let seq = at as u64 + 1;
            Line { seq, head: &head, body: &rendered.body, past: Past::New, raw: None }
                .write(&mut page.bytes);
            page.ends.push((seq, page.bytes.len()));
        }
        page
    }

    fn known(chats: &[(&str, ChatState)]) -> Option<KnownChats> {
        let mut known = KnownChats::default();
        for (chat, state) in chats {
            let chat_known = KnownChat { name: None, state: *state, since: "t".to_owned() };
            known.chats.insert((*chat).to_owned(), chat_known);
        }
        Some(known)
    }

    #[test]
    fn those_who_sit_there_are_waited_for_and_those_of_whom_that_is_not_known() {
        let here = || known(&[("oc_1", ChatState::Joined)]);
        let seats = [
            ("a".to_owned(), here()),
            ("b".to_owned(), here()),
            ("elsewhere".to_owned(), known(&[("oc_2", ChatState::Joined)])),
            ("gone".to_owned(), known(&[("oc_1", ChatState::Removed)])),
            ("new".to_owned(), None),
        ];
        // The kind of chat, who said it, who has it, who is waited for.
        type Case = (&'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 5] = [
            ("group", None, &["a"], &["b", "new"]),
            ("group", Some("b"), &["a"], &["new"]),
            ("topic", None, &["new", "b"], &["a"]),
            ("group", None, &["b", "a", "new"], &[]),
            ("p2p", None, &["a"], &[]),
        ];
        for (chat_type, sender, have, waited_for) in cases {
            let page = page(chat_type, sender, have);
            let reads = Read::all(&page);
            let all: Vec<usize> = (0..reads.len()).collect();
            let missing: Vec<&str> = missing(&seats, &reads, &all).into_iter().collect();
            assert_eq!(missing, waited_for, "{chat_type} {sender:?} {have:?}");
        }
    }
}
