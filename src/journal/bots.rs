//! Which app is behind a bot's id, as each of our apps sees it: learnt once, known for good.

use rusqlite::{Connection, params};

use super::reader::Reader;
use super::sqlite::failed;
use crate::clock::WallMs;
use crate::error::Result;

/// Bots kept per app of ours. Beyond, those learnt first go.
const BOTS_MAX: i64 = 1000;

/// A bot by the id under which the app `viewer` sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBot {
    pub user_id: String,
    pub app_id: String,
}

impl Reader {
    /// The bots that the app `viewer` has met.
    pub fn bots(&self, viewer: &str) -> Result<Vec<KnownBot>> {
        read(&self.db, viewer).map_err(|error| failed("read", &self.path, &error))
    }
}

pub(super) fn read(db: &Connection, viewer: &str) -> rusqlite::Result<Vec<KnownBot>> {
    let mut statement = db.prepare_cached("SELECT open_id, app_id FROM bot WHERE viewer = ?1")?;
    let rows =
        statement.query_map([viewer], |row| Ok(KnownBot { user_id: row.get(0)?, app_id: row.get(1)? }))?;
    rows.collect()
}

pub(super) fn note(db: &Connection, viewer: &str, bot: &KnownBot, now: WallMs) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO bot(viewer, open_id, app_id, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT(viewer, open_id) DO UPDATE SET app_id = excluded.app_id, at = excluded.at",
    )?
    .execute(params![viewer, bot.user_id, bot.app_id, now])?;
    db.prepare_cached(
        "DELETE FROM bot WHERE viewer = ?1 AND open_id IN (
             SELECT open_id FROM bot WHERE viewer = ?1 ORDER BY at DESC, open_id LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![viewer, BOTS_MAX])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::journal::{Journal, Sync};

    fn bot(user_id: &str, app_id: &str) -> KnownBot {
        KnownBot { user_id: user_id.to_owned(), app_id: app_id.to_owned() }
    }

    #[tokio::test]
    async fn a_bot_is_known_after_a_restart_and_to_the_app_that_met_it_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
        journal.appender().met_bot("cli_a", "ou_1", "cli_wrong");
        journal.appender().met_bot("cli_a", "ou_1", "cli_b");
        journal.appender().met_bot("cli_a", "", "cli_c");
        journal.appender().met_bot("cli_a", &"x".repeat(super::super::appender::ID_MAX + 1), "cli_c");
        journal.close().await;
        let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
        assert_eq!(journal.appender().bots("cli_a").await, [bot("ou_1", "cli_b")]);
        assert_eq!(journal.reader().unwrap().bots("cli_a").unwrap(), [bot("ou_1", "cli_b")]);
        assert_eq!(journal.appender().bots("cli_b").await, []);
        journal.close().await;
    }

    #[test]
    fn those_learnt_first_go() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(super::super::tables::CREATE_BOT).unwrap();
        for n in 0..BOTS_MAX + 10 {
            note(&db, "cli_a", &bot(&format!("ou_{n}"), "cli_b"), n).unwrap();
        }
        note(&db, "cli_b", &bot("ou_0", "cli_c"), 0).unwrap();
        let kept = read(&db, "cli_a").unwrap();
        assert_eq!(kept.len() as i64, BOTS_MAX);
        assert!(!kept.contains(&bot("ou_9", "cli_b")) && kept.contains(&bot("ou_10", "cli_b")));
        assert_eq!(read(&db, "cli_b").unwrap().len(), 1);
    }
}
