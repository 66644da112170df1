//! What time, and the end of an owner, ask for.

use super::lines::{Line, expired, said};
use super::session::{Ending, Owner, Session, Sessions};

/// How often it is noted that an owner lives: after a kill of everything, its age counts from there.
const SEEN_EVERY_MS: i64 = 60_000;

/// What a look at the file found.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended {
    /// What is to be told, in a line each.
    pub lines: Vec<Line>,
    /// As the file is now.
    pub sessions: Sessions,
}

/// Ends what is over, gives up what is too old, and takes out what is settled, where that `is_told`.
pub fn attend(
    sessions: &mut Sessions,
    lives: impl Fn(&Owner) -> bool,
    now: i64,
    max_age_ms: i64,
    is_told: bool,
) -> Attended {
    let mut lines = Vec::new();
    if let Some(session) = &mut sessions.session {
        let alive = session.owner.as_ref().is_none_or(lives);
        if alive && now - session.seen_at >= SEEN_EVERY_MS.min(max_age_ms / 2) {
            session.seen_at = now;
        }
        let (id, over) = (session.id.clone(), session.is_over(now));
        if !alive && is_too_late(session, now, max_age_ms) {
            if !is_told {
                return Attended { lines, sessions: sessions.clone() };
            }
            lines.extend(sessions.clear(None).map(expired));
        } else if !alive {
            sessions.end(Some(&id), &Ending::OwnerGone, now);
        } else if over {
            sessions.end(Some(&id), &Ending::TimeOver, now);
        }
    }
    sessions.give_up(now, max_age_ms);
    if is_told {
        lines.extend(sessions.take_settled().into_iter().map(said));
    }
    Attended { lines, sessions: sessions.clone() }
}

/// Whoever was seen so long ago is taken leave of no more: nobody would understand it.
fn is_too_late(session: &Session, now: i64, max_age_ms: i64) -> bool {
    now.saturating_sub(session.seen_at) > max_age_ms
}

/// The session `id` is over. False where it is not: by now another process may hold it, an agent that was resumed.
pub fn over(
    sessions: &mut Sessions,
    id: &str,
    ending: &Ending,
    lives: impl Fn(&Owner) -> bool,
    now: i64,
) -> bool {
    let owner = sessions.session.as_ref().and_then(|session| session.owner.as_ref());
    let resumed = *ending == Ending::OwnerGone && owner.is_some_and(lives);
    !resumed && sessions.end(Some(id), ending, now)
}
