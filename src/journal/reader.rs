//! Reading the journal from a position on. A reader has its own view of the file and disturbs nobody.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::damage;
use super::filter::{Filter, Traits};
use super::had::Had;
use super::sqlite::{failed, open_reader, read_cursor, read_meta};
use crate::clock::{WallMs, rfc3339_ms};
use crate::error::Result;
use crate::event::{Event, Gap, Line, Past, Rendered, brief, head};

/// Rows looked at in one step.
pub(super) const PAGE_ROWS: u64 = 512;
/// A step ends early once it holds this much.
const PAGE_BYTES: usize = 1024 * 1024;

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// What one step of reading found.
#[derive(Debug, Default)]
pub struct Page {
    /// The lines, each with its newline.
    pub bytes: Vec<u8>,
    /// For each line: its position and where it ends in `bytes`.
    pub ends: Vec<(u64, usize)>,
    /// Positions of lines that the filter held back.
    pub held_back: Vec<u64>,
    /// How far this step has looked, lines or not; unchanged when there was nothing.
    pub looked_to: u64,
    /// For each line, how far a reader has come with it, where that is further than the line; empty: nowhere.
    pub behind: Vec<u64>,
    /// It was cut: there may be more already.
    pub cut: bool,
}

impl Page {
    /// The page in the short form, each line in place of the long one.
    pub fn in_brief(self, width: usize, reader: &Reader) -> Page {
        let (mut bytes, mut ends, mut begin) = (Vec::new(), Vec::new(), 0);
        for (seq, end) in self.ends {
            if let Ok(line) = serde_json::from_slice::<serde_json::Map<_, _>>(&self.bytes[begin..end]) {
                let profile = line.get("profile").and_then(serde_json::Value::as_str);
                let handles = |id: &str| reader.seq_of(id, profile).ok().flatten();
                bytes.extend_from_slice(brief(&line, width, &handles).as_bytes());
                bytes.push(b'\n');
            }
            ends.push((seq, bytes.len()));
            begin = end;
        }
        Page { bytes, ends, ..self }
    }
}

/// How much a journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// On disk, its log included.
    pub bytes: u64,
    /// The oldest line that is kept, and when it was written; absent while there is none.
    pub oldest: Option<(u64, WallMs)>,
}

/// Lines that wait for a reader, counted up to [`WAITING_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub lines: u64,
    /// Those of them that pass [`Filter::mentioned`].
    pub mentioned: u64,
    /// Those of them that are meant for the profile, without rooma's own.
    pub messages: u64,
}

/// Counting goes on for as long as somebody waits for it; beyond, it is a lower bound.
pub const WAITING_MAX: u64 = 100_000;

#[derive(Debug)]
pub struct Reader {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    /// Which file it reads, whatever becomes of its name.
    inode: Option<u64>,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Reader> {
        // Read before it is opened: a file that is replaced in between is then found to be another one.
        let inode = inode(path);
        Ok(Reader { db: open_reader(path)?, path: path.to_owned(), inode })
    }

    /// Is what it reads still the journal, or was that set aside?
    pub fn is_current(&self) -> bool {
        self.inode == inode(&self.path)
    }

    pub fn cursor(&self, name: &str) -> Result<Option<u64>> {
        read_cursor(&self.db, name).map_err(|error| failed("read", &self.path, &error))
    }

    /// Told apart from any other journal that had this name; 0 of one that is older than the mark.
    pub fn born(&self) -> Result<u64> {
        read_meta(&self.db, "born").map_err(|error| failed("read", &self.path, &error))
    }

    /// The position before the first line that was journalled at this time or later.
    pub fn position_at(&self, at: WallMs) -> Result<u64> {
        let before = "SELECT seq FROM line WHERE at < ?1 ORDER BY seq DESC LIMIT 1";
        let read = self.db.query_row(before, [at], |row| row.get(0)).optional();
        read.map(Option::unwrap_or_default).map_err(|error| failed("read", &self.path, &error))
    }

    /// Every reader's position, by name.
    pub fn cursors(&self) -> Result<Vec<(String, u64)>> {
        let read = || {
            let mut statement = self.db.prepare_cached("SELECT name, seq FROM cursor ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// How much waits for a reader of one profile's lines that stands at `after`.
    pub fn waiting(&self, after: u64, profile: &str) -> Result<Waiting> {
        let count =
            "SELECT COUNT(*), COALESCE(SUM(own OR mentioned), 0), COALESCE(SUM(mentioned AND NOT own), 0)
             FROM (SELECT mentioned, substr(type, 1, 6) = 'rooma.' AS own FROM lines
                   WHERE seq > ?1 AND held IS NULL AND (profile = ?2 OR profile IS NULL) LIMIT ?3)";
        let read = self.db.query_row(count, params![after, profile, WAITING_MAX], |row| {
            Ok(Waiting { lines: row.get(0)?, mentioned: row.get(1)?, messages: row.get(2)? })
        });
        read.map_err(|error| failed("read", &self.path, &error))
    }

    pub fn extent(&self) -> Result<Extent> {
        let first = "SELECT seq, at FROM line ORDER BY seq LIMIT 1";
        let oldest = self.db.query_row(first, [], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        let oldest = oldest.map_err(|error| failed("read", &self.path, &error))?;
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Extent { bytes: size(&self.path) + size(Path::new(&log)), oldest })
    }

    /// The next lines after `after`, marked by what they are to this reader.
    pub fn page(&self, after: u64, filter: &Filter, had: &Had) -> Result<Page> {
        self.read_page(after, filter, had).map_err(|error| {
            damage::note(&self.path, &error);
            failed("read", &self.path, &error)
        })
    }

    fn read_page(&self, after: u64, filter: &Filter, had: &Had) -> rusqlite::Result<Page> {
        let mut page = Page { looked_to: after, ..Page::default() };
        let mut statement = self.db.prepare_cached(
            "SELECT seq, profile, type, mentioned, replayed, head, body, CASE WHEN ?3 THEN raw END, held IS NOT NULL,
                    at, trouble
             FROM lines WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after, PAGE_ROWS, filter.raw])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            let seq: u64 = row.get(0)?;
            if seq != page.looked_to + 1 && page.looked_to == after {
                self.write_gap(after, row.get(9)?, &mut page)?;
            }
            let profile = row.get_ref(1)?.as_str_or_null()?;
            let (type_name, body) = (row.get_ref(2)?.as_str()?, row.get_ref(6)?.as_str()?);
            let traits = Traits { profile, type_name, mentioned: row.get(3)?, trouble: row.get(10)? };
            if !row.get::<_, bool>(8)? && filter.wants(&traits) {
                let line = Line {
                    seq,
                    head: row.get_ref(5)?.as_str()?,
                    body,
                    past: had.past(seq, &traits, row.get(4)?),
                    raw: row.get_ref(7)?.as_str_or_null()?,
                };
                line.write(&mut page.bytes);
                page.ends.push((seq, page.bytes.len()));
            } else {
                page.held_back.push(seq);
            }
            page.looked_to = seq;
            if page.bytes.len() >= PAGE_BYTES || count == PAGE_ROWS {
                page.cut = true;
                break;
            }
        }
        Ok(page)
    }

    /// Tells a reader that retention was faster. A gap that a crash left is no loss and is not told.
    fn write_gap(&self, after: u64, next_at: WallMs, page: &mut Page) -> rusqlite::Result<()> {
        let trimmed = read_meta(&self.db, "trimmed")?;
        if trimmed <= after {
            return Ok(());
        }
        let gap = Gap { from_seq: after + 1, to_seq: trimmed, count: trimmed - after };
        let rendered = Rendered::new(&Event::Gap(gap));
        // It was lost before the next line was written, whose time is the nearest known.
        let head = head(None, rendered.type_name, &rfc3339_ms(next_at));
        Line { seq: trimmed, head: &head, body: &rendered.body, past: Past::New, raw: None }
            .write(&mut page.bytes);
        page.ends.push((trimmed, page.bytes.len()));
        Ok(())
    }

    /// Of one line: whose it is, its type and its body.
    pub fn line(&self, seq: u64) -> Result<Option<(Option<String>, String, String)>> {
        let read = "SELECT profile, type, body FROM lines WHERE seq = ?1 AND held IS NULL";
        let read =
            self.db.query_row(read, [seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional();
        read.map_err(|error| failed("read", &self.path, &error))
    }
}
