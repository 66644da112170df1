//! What has to be true afterwards.

use std::collections::{BTreeMap, BTreeSet};

use rooma::sandbox::DeliveryState;
use serde_json::Value;
use tokio::time::Instant;

use crate::readers::Cursor;
use crate::senders::Sent;
use crate::support::World;

/// Connections of REST stay open for a while.
const DESCRIPTORS_MORE: usize = 8;
/// What fills with the journal and stays: page caches of the writer and the readers, and the keys seen lately. Ten minutes
/// of the soak filled 12.7 MiB of it.
const KIB_MORE: u64 = 16 * 1024;

pub struct Figures {
    /// Every cursor had read so far while everything still ran.
    pub settled_at: u64,
    pub kinds: BTreeMap<String, u64>,
    pub odd: BTreeMap<String, u64>,
    pub kills: u64,
    pub said: u64,
    pub sent: Vec<Sent>,
    pub before: (usize, u64),
    pub after: (usize, u64),
    pub began: Instant,
}

pub fn is_near(before: (usize, u64), after: (usize, u64)) -> bool {
    after.0 <= before.0 + DESCRIPTORS_MORE && after.1 <= before.1 + KIB_MORE
}

pub fn judge(world: &World, cursors: &[Cursor], figures: &Figures) {
    let state = world.full_state();
    let deliveries = state.deliveries.unwrap();
    let journal = journal(world);
    print(figures, &deliveries, cursors, journal.len());

    let known = known(&journal);
    let lost = deliveries.iter().filter(|delivery| !is_read(delivery, &known)).collect::<Vec<_>>();
    assert!(lost.is_empty(), "{} events were lost: {:#?}", lost.len(), &lost[..lost.len().min(5)]);
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    for (seq, about) in journal.iter().filter(|(_, about)| about.contains(" message ")) {
        let before = places.insert(about, *seq);
        assert_eq!(before, None, "{about} became two lines");
    }
    for (number, cursor) in cursors.iter().enumerate() {
        let log = cursor.log();
        assert!(log.wrong.is_empty(), "cursor {number}: {:#?}", &log.wrong[..log.wrong.len().min(5)]);
        let settled = journal.keys().filter(|seq| **seq <= figures.settled_at);
        let missing: Vec<&u64> = settled.filter(|seq| !log.lines.contains_key(seq)).collect();
        assert!(missing.is_empty(), "cursor {number} has not read {missing:?}");
        let other = log.lines.iter().find(|(seq, about)| journal.get(seq) != Some(about));
        assert_eq!(
            other,
            None,
            "cursor {number}: the journal says {:?}",
            other.map(|(seq, _)| journal.get(seq))
        );
    }
    let messages = state.messages.unwrap();
    for sent in &figures.sent {
        assert_eq!(sent.failed, None, "{} was never sent", sent.text);
        let posted = messages.iter().filter(|message| is_text(&message.content, &sent.text)).count();
        assert_eq!(
            posted, 1,
            "{}: after {} attempts, {} of them killed",
            sent.text, sent.attempts, sent.killed
        );
    }
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
    let (before, after) = (figures.before, figures.after);
    assert!(is_near(before, after), "descriptors, KiB: {before:?} became {after:?}");
}

/// Acknowledged and in the journal; or given up, and fetched afterwards.
fn is_read(delivery: &DeliveryState, known: &BTreeSet<String>) -> bool {
    match &delivery.message_id {
        Some(id) if delivery.event_type == "im.message.receive_v1" => {
            known.contains(&format!("{} message {id}", delivery.app))
        }
        Some(_) | None => known.contains(&format!("{} {}", delivery.app, delivery.event_id)),
    }
}

/// Lines by message, and by event.
fn known(journal: &BTreeMap<u64, String>) -> BTreeSet<String> {
    journal.values().flat_map(|about| [about.clone(), without_type(about)]).collect()
}

fn without_type(about: &str) -> String {
    let mut words = about.split(' ');
    let (profile, id) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
    format!("{profile} {id}")
}

fn is_text(content: &str, text: &str) -> bool {
    serde_json::from_str::<Value>(content).is_ok_and(|content| content["text"] == text)
}

/// What each line of the journal is about, read from its file.
fn journal(world: &World) -> BTreeMap<u64, String> {
    let journal = rusqlite::Connection::open(world.journal()).unwrap();
    let mut lines = journal.prepare("SELECT seq, profile, type, body FROM line").unwrap();
    let rows = lines.query_map([], |row| {
        let (profile, kind): (Option<String>, String) = (row.get(1)?, row.get(2)?);
        let body: String = row.get(3)?;
        let key = if kind == "message" { "message_id" } else { "event_id" };
        let id = body.split(&format!("\"{key}\":\"")).nth(1).and_then(|rest| rest.split('"').next());
        Ok((row.get(0)?, format!("{} {kind} {}", profile.unwrap_or_default(), id.unwrap_or_default())))
    });
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn print(figures: &Figures, deliveries: &[DeliveryState], cursors: &[Cursor], lines: usize) {
    let total: u64 = figures.kinds.values().sum();
    println!("{total} faults in {:?}:", figures.began.elapsed());
    for (kind, count) in &figures.kinds {
        println!("  {count:5}  {kind}");
    }
    let acked = deliveries.iter().filter(|delivery| delivery.acks > 0).count();
    let attempts: usize = deliveries.iter().map(|delivery| delivery.attempts).sum();
    let repeated: u64 = cursors.iter().map(|cursor| cursor.log().repeated).sum();
    println!(
        "{} things said, {} events, {acked} acknowledged, {attempts} deliveries, {lines} lines, {} cursors, \
         {repeated} lines read again and marked",
        figures.said,
        deliveries.len(),
        cursors.len(),
    );
    let (tries, killed) = (
        figures.sent.iter().map(|sent| sent.attempts).sum::<usize>(),
        figures.sent.iter().map(|sent| sent.killed).sum::<usize>(),
    );
    println!("{} sends in {tries} attempts, {killed} of them killed", figures.sent.len());
    println!(
        "{} supervisors killed; the last one: {} descriptors and {} KiB before, {} and {} after",
        figures.kills, figures.before.0, figures.before.1, figures.after.0, figures.after.1
    );
    for (how, count) in &figures.odd {
        println!("  {count} watches ended by themselves and were started again: {how}");
    }
}
