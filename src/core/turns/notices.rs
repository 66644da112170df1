//! The words to rooms about their pauses: which are being posted, and which are to be tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::again::{Again, Waits};
use crate::event::ids::RoomId;

/// Between attempts, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(2), max: Duration::from_secs(60) };

/// One of each room at most: the one of its newest pause. Times count from its beginning.
#[derive(Debug, Default)]
pub struct Notices(BTreeMap<RoomId, Notice>);

#[derive(Debug)]
struct Notice {
    /// The pause it is about.
    id: String,
    is_under_way: bool,
    failed: Option<Again>,
}

impl Notices {
    /// A notice is owed. True where it is to be posted now: it is neither under way nor was it tried a moment ago.
    pub fn begin(&mut self, room: &RoomId, id: &str, now: Duration) -> bool {
        let same = self.0.get(room).filter(|notice| notice.id == id);
        let waits =
            same.is_some_and(|same| same.is_under_way || same.failed.is_some_and(|again| !again.is_due(now)));
        if !waits {
            let failed = same.and_then(|same| same.failed);
            self.0.insert(room.clone(), Notice { id: id.to_owned(), is_under_way: true, failed });
        }
        !waits
    }

    /// Nothing is owed any more.
    pub fn forget(&mut self, room: &RoomId) {
        self.0.remove(room);
    }

    /// The attempt is over. False where it was about a pause that is none any more.
    pub fn ended(&mut self, room: &RoomId, id: &str, well: bool, now: Duration) -> bool {
        let Some(notice) = self.0.get_mut(room).filter(|notice| notice.id == id) else { return false };
        if well {
            self.0.remove(room);
        } else {
            notice.is_under_way = false;
            notice.failed = Some(WAITS.again(notice.failed.as_ref(), now));
        }
        true
    }
}
