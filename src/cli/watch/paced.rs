//! Lines in the short form, at the pace of a reader that joins and cuts what comes too fast.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::sleep;

use super::lines::Lines;
use super::out::Out;
use crate::clock::{Clock, rfc3339_ms, steady_ms};
use crate::core::fold::{self, FOLDED_MAX, Piece, Waiting};
use crate::core::pace::{Budget, Pace};
use crate::event::{Event, Rendered, WIDTH_MIN, brief, head, quoted_name, units, with_fields};
use crate::journal::{Page, Reader};

/// What one notification may hold: harnesses cut it at about 3,000.
const ROOM: usize = 2900;

/// Lines looked at ahead of what is written. Beyond, the rest waits in the journal.
const AHEAD_MAX: usize = 2000;

/// Names in a folded line.
const NAMES_MAX: usize = 5;
const NAME_MAX: usize = 24;

/// `, others 2000`
const OTHERS_MAX: usize = 14;

/// What is to be written next.
pub enum ToWrite {
    Page(Page),
    Lines(Lines),
    /// Nothing for now; look again after this time at the latest.
    Nothing(Option<Duration>),
}

pub struct Paced {
    width: usize,
    pace: Option<Pace>,
    waiting: VecDeque<Ahead>,
    /// How far the journal was read.
    read_to: u64,
    held_back: Vec<u64>,
    /// Where the watch begins, to be said with the first line that follows: alone it would be a notification.
    prefix: Option<String>,
}

/// A line that waits to be written.
struct Ahead {
    seq: u64,
    text: String,
    size: usize,
    with: Option<Kind>,
}

/// What a line is folded with, and what is told of it then.
struct Kind {
    /// The same for lines that make one.
    key: String,
    /// A chat as people call it, or a type of lines.
    label: String,
    sender: String,
    read: Option<Whereabouts>,
}

/// Where the words of a folded line are read.
struct Whereabouts {
    profile: String,
    chat: String,
    /// Of what was answered in one: no history of the chat has it.
    thread: Option<String>,
    written: String,
}

/// What `pull` gives at most: the times of a folded line are its bounds.
const PULL_MAX: u32 = 5000;

impl Paced {
    pub fn new(width: usize, pace: Option<Pace>) -> Paced {
        Paced { width, pace, waiting: VecDeque::new(), read_to: 0, held_back: Vec::new(), prefix: None }
    }

    /// The first line of the watch.
    pub fn begin(&mut self, position: u64, event: &Event) {
        self.prefix = Some(own_text(position, event, self.width));
    }

    /// The journal is another one.
    pub fn forget(&mut self) {
        self.waiting.clear();
        self.held_back.clear();
        self.read_to = 0;
    }

    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    pub fn wants_more(&self) -> bool {
        self.waiting.len() < AHEAD_MAX
    }

    pub fn add(&mut self, page: Page, reader: &Reader) {
        let mut begin = 0;
        for (seq, end) in &page.ends {
            if let Ok(line) = serde_json::from_slice::<Map<String, Value>>(&page.bytes[begin..*end]) {
                let profile = line.get("profile").and_then(Value::as_str);
                let handles = |id: &str| reader.seq_of(id, profile).ok().flatten();
                let text = brief(&line, self.width, &handles);
                let size = units(&text) + 1;
                self.waiting.push_back(Ahead { seq: *seq, text, size, with: kind(&line) });
            }
            begin = *end;
        }
        self.held_back.extend(page.held_back);
        self.read_to = page.looked_to;
    }

    /// What is written now, of at most `left` events. Takes it from the budget.
    pub fn next(&mut self, out: &Out, position: u64, left: Option<u64>) -> ToWrite {
        if self.waiting.is_empty() && self.prefix.is_none() {
            return if self.read_to > position {
                ToWrite::Lines(self.lines(position, 0, &[]))
            } else {
                ToWrite::Nothing(None)
            };
        }
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let Some(pace) = self.pace else {
            let count = self.waiting.len().min(most);
            let pieces: Vec<Piece> = (0..count).map(Piece::Line).collect();
            return ToWrite::Lines(self.lines(position, count, &pieces));
        };
        let mut budget = counted(out, &pace);
        let wait = budget.wait_ms();
        if wait > 0 {
            return ToWrite::Nothing(Some(Duration::from_millis(wait)));
        }
        let shown = self.waiting.iter().take(most);
        let waiting: Vec<Waiting<'_>> = shown
            .map(|ahead| Waiting {
                with: ahead.with.as_ref().map(|with| with.key.as_str()),
                size: ahead.size,
            })
            .collect();
        let prefix = self.prefix.as_ref().map_or(0, |prefix| units(prefix) + 1);
        let batch = fold::next(&waiting, budget.whole(), ROOM - prefix);
        budget.take();
        out.given().set_budget(budget);
        ToWrite::Lines(self.lines(position, batch.count, &batch.pieces))
    }

    /// Takes `count` lines from what waits, as these pieces. With a folded one the reader is past none of them before it is
    /// past all.
    fn lines(&mut self, position: u64, count: usize, pieces: &[Piece]) -> Lines {
        let taken: Vec<Ahead> = self.waiting.drain(..count).collect();
        let last = taken.last().map_or(position, |ahead| ahead.seq);
        let looked_to = if self.waiting.is_empty() { self.read_to.max(last) } else { last };
        let mut lines = Lines { looked_to, gives: last, ..Lines::default() };
        lines.held_back = self.held_back.extract_if(.., |seq| *seq <= looked_to).collect();
        if let Some(prefix) = self.prefix.take() {
            write_line(&prefix, &mut lines);
            lines.ends.push((position, lines.bytes.len()));
            lines.own = 1;
        }
        let folds = pieces.iter().any(|piece| matches!(piece, Piece::Folded(_)));
        for (at, piece) in pieces.iter().enumerate() {
            let seq = match piece {
                Piece::Line(line) if !folds => taken[*line].seq,
                _ if at + 1 == pieces.len() => last,
                _ => position,
            };
            match piece {
                Piece::Line(line) => lines.bytes.extend_from_slice(taken[*line].text.as_bytes()),
                Piece::Folded(all) => {
                    let all: Vec<&Ahead> = all.iter().map(|line| &taken[*line]).collect();
                    lines.bytes.extend_from_slice(folded(&all, self.width).as_bytes());
                }
            }
            lines.bytes.push(b'\n');
            lines.ends.push((seq, lines.bytes.len()));
        }
        lines
    }

    /// A line of the watch itself, once it does not run into the one before.
    pub async fn own(&mut self, out: &mut Out, position: u64, event: &Event) -> Lines {
        if let Some(pace) = self.pace {
            let mut budget = counted(out, &pace);
            sleep(Duration::from_millis(budget.last_wait_ms())).await;
            budget = budget.counted(&pace, steady_ms());
            budget.take();
            out.given().set_budget(budget);
        }
        let mut lines = Lines { looked_to: position, ..Lines::default() };
        let own = own_text(position, event, self.width);
        for text in self.prefix.take().into_iter().chain([own]) {
            write_line(&text, &mut lines);
            lines.ends.push((position, lines.bytes.len()));
        }
        lines
    }
}

fn write_line(text: &str, lines: &mut Lines) {
    lines.bytes.extend_from_slice(text.as_bytes());
    lines.bytes.push(b'\n');
}

/// A line of the watch itself in the short form.
fn own_text(position: u64, event: &Event, width: usize) -> String {
    let rendered = Rendered::new(event);
    let head = head(None, rendered.type_name, &rfc3339_ms(Clock::system().wall_ms()));
    let body = with_fields(head, &rendered.body);
    let line = serde_json::from_str(&format!("{{\"seq\":{},{body}}}", position.max(1)));
    brief(&line.expect("a line is an object"), width, &|_| None)
}

fn counted(out: &Out, pace: &Pace) -> Budget {
    let now = steady_ms();
    out.given().budget().map_or_else(|| pace.full(now), |budget| budget.counted(pace, now))
}

/// What may be folded: everything that is neither meant for the reader nor said by rooma itself.
fn kind(line: &Map<String, Value>) -> Option<Kind> {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let kind = text("type")?;
    if kind.starts_with("rooma.") || line.get("mentioned") == Some(&Value::Bool(true)) {
        return None;
    }
    let profile = text("profile")?.to_owned();
    let sender = ["sender_name", "operator_name", "reader_name", "sender_id", "operator_id"];
    let sender = sender.into_iter().find_map(text).unwrap_or_default().to_owned();
    if kind != "message" {
        return Some(Kind { key: format!("{kind} {profile}"), label: kind.to_owned(), sender, read: None });
    }
    let chat = text("chat_id")?.to_owned();
    let label = match (text("chat_type"), text("chat_name")) {
        (Some("p2p"), _) => "direct".to_owned(),
        (_, Some(name)) => quoted_name(name, 2 * NAME_MAX),
        (_, None) => quoted_name(&chat, 2 * NAME_MAX),
    };
    let written = text("create_time").unwrap_or_default().to_owned();
    // A thread's first message stands in the chat.
    let thread = line.get("root_id").and(text("thread_id")).map(str::to_owned);
    let label = if thread.is_some() { format!("{label} thread") } else { label };
    // With --coalesce a line is that of all who received it, whoever was first.
    let whose = if line.contains_key("profiles") { "" } else { profile.as_str() };
    let key = format!("message {whose} {chat} {}", thread.as_deref().unwrap_or_default());
    Some(Kind { key, label, sender, read: Some(Whereabouts { profile, chat, thread, written }) })
}

/// `12 more in "lobby" s501..s540: "ann" 5, "li" 7; read: rooma --profile alice pull --chat ops …`, and of what was
/// answered in a thread `12 more in "lobby" thread …`
fn folded(all: &[&Ahead], width: usize) -> String {
    let max = width.clamp(WIDTH_MIN, FOLDED_MAX - 1);
    let kinds: Vec<&Kind> = all.iter().filter_map(|ahead| ahead.with.as_ref()).collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return String::new() };
    let label = kinds.first().map_or("", |kind| kind.label.as_str());
    let mut text = format!("{} more in {label} s{}..s{}: ", all.len(), first.seq, last.seq);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in &kinds {
        *counts.entry(kind.sender.as_str()).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let places: Vec<&Whereabouts> = kinds.iter().filter_map(|kind| kind.read.as_ref()).collect();
    let read = command(&places).filter(|read| units(&text) + units(read) + OTHERS_MAX <= max);
    let read = read.unwrap_or_default();
    let left = max.saturating_sub(units(&text) + units(&read) + OTHERS_MAX);
    let names = NAMES_MAX.min(left / (NAME_MAX + 12));
    let others: usize = counts.iter().skip(names).map(|(_, count)| count).sum();
    let named =
        counts.iter().take(names).map(|(name, count)| format!("{} {count}", quoted_name(name, NAME_MAX)));
    text.push_str(&named.collect::<Vec<_>>().join(", "));
    if others > 0 {
        let comma = if names == 0 { "" } else { ", " };
        text.push_str(&format!("{comma}others {others}"));
    }
    text.push_str(&read);
    text
}

/// What reads the words from the first that was written to the last. Only of words that a shell takes as they are.
fn command(places: &[&Whereabouts]) -> Option<String> {
    let first = places.first()?;
    let written = || places.iter().map(|place| &place.written);
    let (since, until) = (written().min()?, written().max()?);
    let (flag, whole) = match &first.thread {
        Some(thread) => ("thread", thread),
        None => ("chat", &first.chat),
    };
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-:.".contains(c));
    let fits = [&first.profile, whole, since, until]
        .into_iter()
        .all(|text| !text.is_empty() && plain(text) && text.len() <= 80);
    fits.then(|| {
        let profile = &first.profile;
        format!(
            "; read: rooma --profile {profile} pull --{flag} {whole} --since {since} --until {until} --limit {PULL_MAX}"
        )
    })
}
