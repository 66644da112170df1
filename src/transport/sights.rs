//! What several of ours were given of the same message, kept for as long as it takes each of them to hear it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::core::joined::{Claim, Sight, join};
use crate::event::ids::MessageId;

/// Messages that are remembered. They reach ours within seconds of each other.
const MESSAGES_MAX: usize = 128;

/// Mentions of ours in one message that are told. A floor of more is none.
const CLAIMS_MAX: usize = 64;

/// Cheap to clone; the clones share all of it.
#[derive(Clone, Debug, Default)]
pub struct Sights(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    seen: Mutex<VecDeque<(MessageId, Vec<Claim>)>>,
    more: Notify,
}

impl Sights {
    /// The app behind each mark that another of ours has been named by. Who is named itself is remembered for them.
    pub fn meet(&self, message: &MessageId, mine: &Sight) -> Vec<(usize, Arc<str>)> {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let at = seen.iter().position(|(known, _)| known == message);
        let told = at.map(|at| join(mine, &seen[at].1)).unwrap_or_default();
        if !mine.own.is_empty() {
            let at = at.unwrap_or_else(|| {
                if seen.len() == MESSAGES_MAX {
                    seen.pop_front();
                }
                seen.push_back((message.clone(), Vec::new()));
                seen.len() - 1
            });
            let claims = &mut seen[at].1;
            for claim in mine.claims() {
                if !claims.contains(&claim) && claims.len() < CLAIMS_MAX {
                    claims.push(claim);
                    self.0.more.notify_waiters();
                }
            }
        }
        told
    }

    /// Somebody who waits may know more now.
    pub fn learnt(&self) {
        self.0.more.notify_waiters();
    }

    /// Resolves when there is more to know than when this was called.
    pub fn more(&self) -> impl Future<Output = ()> + '_ {
        self.0.more.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::joined::Mark;

    fn sight(app_id: &str, own: &[usize]) -> Sight {
        let mark = |name: &str| Mark { key: name.into(), name: name.into(), union_id: "".into() };
        Sight { app_id: app_id.into(), text: 1, marks: vec![mark("a"), mark("b")], own: own.to_vec() }
    }

    #[tokio::test]
    async fn who_is_named_tells_those_who_come_later_and_wakes_those_who_wait() {
        let sights = Sights::default();
        let message = MessageId::new("om_1");
        let more = sights.more();
        assert_eq!(sights.meet(&message, &sight("x", &[])), []);
        assert_eq!(sights.meet(&message, &sight("a", &[0])), []);
        more.await;
        assert_eq!(sights.meet(&message, &sight("b", &[1])), [(0, "a".into())]);
        assert_eq!(sights.meet(&message, &sight("a", &[0])), [(1, "b".into())]);
        assert_eq!(sights.meet(&MessageId::new("om_2"), &sight("x", &[])), [], "another message");
    }

    #[test]
    fn memory_has_a_bound() {
        let sights = Sights::default();
        for n in 0..MESSAGES_MAX * 2 {
            sights.meet(&MessageId::new(format!("om_{n}")), &sight("a", &[0]));
        }
        for n in 0..CLAIMS_MAX * 2 {
            sights.meet(&MessageId::new("om_1"), &sight(&n.to_string(), &[0]));
        }
        let seen = sights.0.seen.lock().unwrap();
        assert_eq!((seen.len(), seen.back().unwrap().1.len()), (MESSAGES_MAX, CLAIMS_MAX));
    }
}
