//! An agent's shift as a value: who holds it, where it greeted, what is still to be said. Every change is a
//! function from one state to the next, so that whoever makes it first has made it.

use serde::{Deserialize, Serialize};

use crate::event::ids::ChatId;

/// The platform forgets an idempotency key after an hour. What may have arrived is not repeated after that.
pub const REPEATABLE_MS: i64 = 55 * 60 * 1000;

/// Kept in `active_session.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Words that are on their way, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbox: Vec<Words>,
}

/// A session that is armed. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    pub chats: Vec<ChatId>,
    pub farewell_text: String,
    /// Instead, where nobody could say goodbye.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting_text: Option<String>,
    /// Absent: nobody is watched, only the time and whoever says farewell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The agent's own name for its session, such as Claude Code's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_session: Option<String>,
    pub armed_at: i64,
    /// When this shift was armed first; absent where it was armed once, by an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<i64>,
    /// When its owner was seen alive last.
    pub seen_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Where this shift has been announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub greeted: Vec<ChatId>,
}

/// A process, told from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// The system's own mark of when it started.
    pub started: String,
    pub name: String,
}

/// What is said to several chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub session: String,
    pub kind: Kind,
    /// Why a farewell is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub text: String,
    pub created_at: i64,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Greeting,
    Farewell,
}

/// One chat's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub chat_id: ChatId,
    /// The idempotency key.
    pub key: String,
    pub state: PartState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    Pending,
    Sent,
    Failed,
}

/// What a session is armed with.
#[derive(Clone, Debug)]
pub struct Arming {
    /// A fresh one, for the case that this begins a shift or takes one over.
    pub id: String,
    pub chats: Vec<ChatId>,
    pub farewell_text: String,
    pub crash_text: Option<String>,
    pub greeting_text: Option<String>,
    pub owner: Option<Owner>,
    pub agent_session: Option<String>,
    pub ttl_ms: Option<i64>,
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody said so, perhaps why.
    Asked(String),
    OwnerGone,
    /// Its time is over.
    TimeOver,
    /// The connection that held it has closed.
    ConnectionClosed,
}

impl Ending {
    pub fn reason(&self) -> &str {
        match self {
            Ending::Asked(reason) => reason,
            Ending::OwnerGone => "owner_gone",
            Ending::TimeOver => "ttl",
            Ending::ConnectionClosed => "connection_closed",
        }
    }

    fn is_crash(&self) -> bool {
        match self {
            Ending::OwnerGone | Ending::ConnectionClosed => true,
            Ending::Asked(_) | Ending::TimeOver => false,
        }
    }
}

impl Sessions {
    /// Arms a session. The same owner goes on with its shift; another one takes it over, and nobody says farewell
    /// for the one before. Either way a chat that knows already is not greeted again. True when it was taken over.
    pub fn arm(&mut self, arming: Arming, now: i64) -> bool {
        let before = self.session.take();
        let same = before.as_ref().is_some_and(|before| before.is_of(&arming));
        // A farewell that did not get through yet would contradict who is here now.
        self.outbox.retain(|words| words.kind != Kind::Farewell);
        let mut greeted = before.as_ref().map(|before| before.greeted.clone()).unwrap_or_default();
        greeted.retain(|chat| arming.chats.contains(chat));
        let id = match &before {
            Some(before) if same => before.id.clone(),
            _ => arming.id,
        };
        let mut session = Session {
            id,
            chats: arming.chats,
            farewell_text: arming.farewell_text,
            crash_text: arming.crash_text,
            greeting_text: arming.greeting_text,
            owner: arming.owner,
            agent_session: arming.agent_session,
            armed_at: now,
            begun_at: Some(before.as_ref().filter(|_| same).map_or(now, Session::begun)),
            seen_at: now,
            expires_at: arming.ttl_ms.map(|ttl| now.saturating_add(ttl)),
            greeted,
        };
        if let Some(words) = session.greet(now) {
            self.outbox.push(words);
        }
        self.session = Some(session);
        before.is_some() && !same
    }

    /// The agent goes on under this name of its session, in the process `owner`. Whoever it was is not asked any
    /// more, and a session that watches nobody goes on so. True where that changed something.
    pub fn go_on(&mut self, agent_session: &str, owner: Option<&Owner>, now: i64) -> bool {
        let Some((session, owner)) = self.session.as_mut().zip(owner) else { return false };
        let named = session.agent_session.as_deref() == Some(agent_session);
        let held = session.owner.as_ref() == Some(owner);
        if named && !held && session.owner.is_some() {
            (session.owner, session.seen_at) = (Some(owner.clone()), now);
        } else if held && !named {
            session.agent_session = Some(agent_session.to_owned());
        } else {
            return false;
        }
        true
    }

    /// Ends the session `id`, or whichever is armed. Its farewell is then on its way. False when there is none such.
    pub fn end(&mut self, id: Option<&str>, ending: &Ending, now: i64) -> bool {
        let Some(session) = self.take(id) else { return false };
        // A greeting that did not get through is no greeting any more.
        self.outbox.retain(|words| words.session != session.id);
        let text = match &session.crash_text {
            Some(text) if ending.is_crash() => text.clone(),
            _ => session.farewell_text.clone(),
        };
        let reason = Some(ending.reason().to_owned());
        self.outbox.push(Words::new((&session.id, 0), Kind::Farewell, reason, text, &session.chats, now));
        true
    }

    /// Ends the session without a word.
    pub fn clear(&mut self, id: Option<&str>) -> Option<Session> {
        let session = self.take(id)?;
        self.outbox.retain(|words| words.session != session.id);
        Some(session)
    }

    fn take(&mut self, id: Option<&str>) -> Option<Session> {
        let named = |session: &&mut Option<Session>| {
            session.as_ref().is_some_and(|session| id.is_none_or(|id| id == session.id))
        };
        Some(&mut self.session).filter(named).and_then(Option::take)
    }

    /// Notes what became of one part. Unknown parts were dropped meanwhile.
    pub fn settle(&mut self, key: &str, outcome: Result<(), String>) {
        let parts = self.outbox.iter_mut().flat_map(|words| &mut words.parts);
        for part in parts.filter(|part| part.key == key && part.state == PartState::Pending) {
            match &outcome {
                Ok(()) => part.state = PartState::Sent,
                Err(error) => (part.state, part.error) = (PartState::Failed, Some(error.clone())),
            }
        }
    }

    /// Gives up what is too old to be said, or to be repeated.
    pub fn give_up(&mut self, now: i64, max_age_ms: i64) {
        for words in &mut self.outbox {
            let age = now.saturating_sub(words.created_at);
            if age > max_age_ms.min(REPEATABLE_MS) {
                for part in words.parts.iter_mut().filter(|part| part.state == PartState::Pending) {
                    (part.state, part.error) = (PartState::Failed, Some("it is too late for it".to_owned()));
                }
            }
        }
    }

    /// Takes out the words of which every part is settled.
    pub fn take_settled(&mut self) -> Vec<Words> {
        let (settled, open) = std::mem::take(&mut self.outbox).into_iter().partition(Words::is_settled);
        self.outbox = open;
        settled
    }

    pub fn pending(&self) -> impl Iterator<Item = (&Words, &Part)> {
        let parts = |words| Words::pending(words).map(move |part| (words, part));
        self.outbox.iter().flat_map(parts)
    }
}

impl Session {
    /// What was said since then is said to this shift.
    pub fn begun(&self) -> i64 {
        self.begun_at.unwrap_or(self.armed_at)
    }

    /// Whoever has the same agent session, or is the same process.
    fn is_of(&self, arming: &Arming) -> bool {
        let same_session = self.agent_session.is_some() && self.agent_session == arming.agent_session;
        same_session || (self.owner.is_some() && self.owner == arming.owner)
    }

    /// The greeting for the chats that have not had one.
    fn greet(&mut self, now: i64) -> Option<Words> {
        let text = self.greeting_text.clone()?;
        let new: Vec<ChatId> =
            self.chats.iter().filter(|chat| !self.greeted.contains(chat)).cloned().collect();
        if new.is_empty() {
            return None;
        }
        let before = self.greeted.len();
        self.greeted.extend(new.iter().cloned());
        Some(Words::new((&self.id, before), Kind::Greeting, None, text, &new, now))
    }

    pub fn is_over(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }
}

impl Words {
    /// `first` is the number of the first part's key: no two greetings of a session share one.
    fn new(
        (session, first): (&str, usize),
        kind: Kind,
        reason: Option<String>,
        text: String,
        chats: &[ChatId],
        now: i64,
    ) -> Words {
        let mut parts: Vec<Part> = Vec::with_capacity(chats.len());
        for chat_id in chats {
            if !parts.iter().any(|part| part.chat_id == *chat_id) {
                // One greeting and one farewell per chat and session, however often either is begun.
                let what = match kind {
                    Kind::Greeting => "hello",
                    Kind::Farewell => "bye",
                };
                let key = format!("{session}-{what}-{}", first + parts.len());
                parts.push(Part { chat_id: chat_id.clone(), key, state: PartState::Pending, error: None });
            }
        }
        Words { session: session.to_owned(), kind, reason, text, created_at: now, parts }
    }

    fn is_settled(&self) -> bool {
        self.pending().next().is_none()
    }

    fn pending(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Pending)
    }

    pub fn failed(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Failed)
    }

    pub fn sent(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Sent)
    }
}

/// What to do about a session found at a start, whose owner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    Say,
    /// Nobody would understand it any more.
    Expire,
}

pub fn late(session: &Session, now: i64, max_age_ms: i64) -> Late {
    if now.saturating_sub(session.seen_at) <= max_age_ms { Late::Say } else { Late::Expire }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owner(pid: u32) -> Owner {
        Owner { pid, started: "1".to_owned(), name: "agent".to_owned() }
    }

    fn arming(id: &str, pid: u32, chats: &[&str]) -> Arming {
        Arming {
            id: id.to_owned(),
            chats: chats.iter().map(|chat| ChatId::new(*chat)).collect(),
            farewell_text: "bye".to_owned(),
            crash_text: Some("gone".to_owned()),
            greeting_text: Some("hello".to_owned()),
            owner: Some(owner(pid)),
            agent_session: None,
            ttl_ms: None,
        }
    }

    fn texts(sessions: &Sessions) -> Vec<(String, String)> {
        let pending = sessions.pending();
        pending.map(|(words, part)| (words.text.clone(), part.chat_id.to_string())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(text, chat)| ((*text).to_owned(), (*chat).to_owned())).collect()
    }

    #[test]
    fn a_chat_is_greeted_once_a_shift() {
        let mut sessions = Sessions::default();
        assert!(!sessions.arm(arming("s1", 1, &["a"]), 0));
        assert_eq!(texts(&sessions), pairs(&[("hello", "a")]));
        sessions.arm(arming("s2", 1, &["a", "b"]), 1);
        assert_eq!(texts(&sessions), pairs(&[("hello", "a"), ("hello", "b")]));
        assert_eq!(sessions.session.as_ref().unwrap().id, "s1", "the same owner goes on");
        assert!(sessions.arm(arming("s3", 2, &["b", "c"]), 2), "another owner takes over");
        assert_eq!(texts(&sessions), pairs(&[("hello", "a"), ("hello", "b"), ("hello", "c")]));
        assert_eq!(sessions.session.as_ref().unwrap().id, "s3");
    }

    #[test]
    fn a_session_that_is_resumed_by_a_new_process_is_the_same() {
        let mut sessions = Sessions::default();
        let of =
            |pid| Arming { agent_session: Some("cc".to_owned()), ..arming(&format!("s{pid}"), pid, &["a"]) };
        sessions.arm(of(1), 0);
        assert!(!sessions.arm(of(2), 1));
        let session = sessions.session.unwrap();
        assert_eq!((session.id.as_str(), session.owner.unwrap().pid), ("s1", 2));
    }

    #[test]
    fn an_agent_goes_on_in_another_process_or_under_another_name() {
        let mut sessions = Sessions::default();
        sessions.arm(Arming { agent_session: Some("cc".to_owned()), ..arming("s1", 1, &["a"]) }, 0);
        assert!(sessions.go_on("cc", Some(&owner(2)), 5), "resumed by another process");
        assert!(!sessions.go_on("cc", Some(&owner(2)), 6));
        assert!(sessions.go_on("cleared", Some(&owner(2)), 7), "the same process, a new name");
        assert!(!sessions.go_on("other", Some(&owner(3)), 8), "neither name nor process");
        assert!(!sessions.go_on("cleared", None, 9));
        let session = sessions.session.as_mut().unwrap();
        assert_eq!((session.id.as_str(), session.armed_at, session.seen_at), ("s1", 0, 5));
        assert_eq!(session.agent_session.as_deref(), Some("cleared"));
        session.owner = None;
        assert!(!sessions.go_on("cleared", Some(&owner(4)), 9), "nobody was to be watched");
    }

    #[test]
    fn a_farewell_is_said_once_and_fits_its_reason() {
        for (ending, text) in [
            (Ending::Asked("logout".to_owned()), "bye"),
            (Ending::TimeOver, "bye"),
            (Ending::OwnerGone, "gone"),
            (Ending::ConnectionClosed, "gone"),
        ] {
            let mut sessions = Sessions::default();
            sessions.arm(arming("s1", 1, &["a", "b", "a"]), 0);
            assert!(sessions.end(Some("s1"), &ending, 5));
            assert!(!sessions.end(Some("s1"), &ending, 6));
            assert!(!sessions.end(None, &ending, 6));
            assert_eq!(texts(&sessions), pairs(&[(text, "a"), (text, "b")]), "{ending:?}");
            assert_eq!(sessions.outbox[0].reason.as_deref(), Some(ending.reason()));
        }
    }

    #[test]
    fn who_was_taken_over_says_nothing() {
        let mut sessions = Sessions::default();
        sessions.arm(arming("s1", 1, &["a"]), 0);
        sessions.arm(arming("s2", 2, &["a"]), 1);
        assert!(!sessions.end(Some("s1"), &Ending::OwnerGone, 2));
        assert!(sessions.session.is_some());
        // Nor does a farewell that is still on its way contradict who came after it.
        assert!(sessions.end(Some("s2"), &Ending::OwnerGone, 3));
        sessions.arm(arming("s3", 3, &["a"]), 4);
        assert!(sessions.outbox.iter().all(|words| words.kind == Kind::Greeting));
    }

    #[test]
    fn words_leave_the_outbox_when_every_part_is_settled_or_too_old() {
        let mut sessions = Sessions::default();
        sessions.arm(Arming { greeting_text: None, ..arming("s1", 1, &["a", "b"]) }, 0);
        sessions.end(None, &Ending::OwnerGone, 0);
        let keys: Vec<String> = sessions.pending().map(|(_, part)| part.key.clone()).collect();
        sessions.settle(&keys[0], Ok(()));
        assert!(sessions.take_settled().is_empty());
        sessions.give_up(REPEATABLE_MS, i64::MAX);
        assert!(sessions.take_settled().is_empty());
        sessions.give_up(REPEATABLE_MS + 1, i64::MAX);
        let settled = sessions.take_settled();
        assert_eq!((settled[0].sent().count(), settled[0].failed().count()), (1, 1));
        assert!(sessions.outbox.is_empty());
    }

    #[test]
    fn a_session_found_late_is_said_or_forgotten_by_when_its_owner_was_seen() {
        let mut sessions = Sessions::default();
        sessions.arm(arming("s1", 1, &["a"]), 1_000);
        let session = sessions.session.unwrap();
        assert_eq!(late(&session, 61_000, 60_000), Late::Say);
        assert_eq!(late(&session, 61_001, 60_000), Late::Expire);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arm(u32),
        End(usize),
        EndAny,
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..4_u32).prop_map(Step::Arm),
            (0..6_usize).prop_map(Step::End),
            Just(Step::EndAny),
            Just(Step::Clear),
        ];
        proptest::collection::vec(step, 0..30)
    }

    proptest! {
        #[test]
        fn no_session_has_two_farewells(steps in steps()) {
            let mut sessions = Sessions::default();
            let (mut ids, mut ended) = (Vec::new(), Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                let now = i64::try_from(number).unwrap();
                match step {
                    Step::Arm(pid) => {
                        sessions.arm(arming(&format!("s{number}"), pid, &["a"]), now);
                        ids.push(sessions.session.as_ref().unwrap().id.clone());
                    }
                    Step::End(index) => {
                        if let Some(id) = ids.get(index).cloned()
                            && sessions.end(Some(&id), &Ending::OwnerGone, now)
                        {
                            ended.push(id);
                        }
                    }
                    Step::EndAny => {
                        let id = sessions.session.as_ref().map(|session| session.id.clone());
                        if sessions.end(None, &Ending::TimeOver, now) {
                            ended.extend(id);
                        }
                    }
                    Step::Clear => drop(sessions.clear(None)),
                }
            }
            let mut once = ended.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), ended.len());
        }
    }
}
