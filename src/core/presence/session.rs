//! An agent's shift as a value: who holds it, where it greeted, what is still to be said. Every change is a
//! function from one state to the next, so that whoever makes it first has made it.

use serde::{Deserialize, Serialize};

use super::outbox::{Kind, Words};
use crate::event::ids::ChatId;

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

    /// Does anything here wait for time?
    pub fn waits(&self) -> bool {
        self.session.is_some() || !self.outbox.is_empty()
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
