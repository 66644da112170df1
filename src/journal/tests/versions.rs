//! Journals of older versions: read as they are by whoever only reads, and continued by whoever writes.

use super::*;
use crate::event::ids::MessageId;

/// The journal of a version, and what stands in it: `v2` and `v3` hold the same.
fn old(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::folder::make(&folder.path().join("data")).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let from = match version {
        "v4" => fixtures.join("home-v4/data/journal.db"),
        _ => fixtures.join(format!("journals/{version}.db")),
    };
    std::fs::copy(from, folder.path().join("data/journal.db")).unwrap();
    folder
}

fn reader(folder: &tempfile::TempDir) -> Reader {
    Reader::open(&folder.path().join("data/journal.db")).unwrap()
}

fn types(reader: &Reader, filter: &Filter) -> Vec<String> {
    let page = reader.page(0, filter, &Had::default()).unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["type"].as_str().unwrap().to_owned()
    };
    String::from_utf8(page.bytes).unwrap().lines().map(line).collect()
}

#[test]
fn whoever_only_reads_asks_what_they_ask_of_any_version() {
    for version in ["v1", "v2", "v3", "v4"] {
        let folder = old(version);
        let reader = reader(&folder);
        assert!(reader.line(1).unwrap().is_some(), "{version}");
        assert!(reader.waiting(0, "alice").unwrap().lines > 0, "{version}");
        assert!(reader.activity("alice").is_ok() && reader.bots("cli_1").is_ok(), "{version}");
        assert!(reader.listened("alice", 1_767_225_600_003, false).is_ok() && reader.extent().is_ok());
        assert!(reader.chat_changes(0).is_ok() && reader.heard_to("alice").is_ok() && reader.born().is_ok());
    }
}

#[tokio::test]
async fn a_journal_of_version_1_is_read_and_continued() {
    let folder = old("v1");
    assert_eq!(types(&reader(&folder), &Filter::default()), ["rooma.stopped", "rooma.stopped"]);
    let journal = open(&folder);
    assert_eq!(append(&journal, vec![entry("alice", "old-1")]).await, Ok(Appended::Duplicate));
    append(&journal, vec![entry("alice", "new")]).await.unwrap();
    assert_eq!(seqs(&journal), [1, 2, 3]);
    assert_eq!(journal.reader().unwrap().cursor("stdout").unwrap(), Some(1));
    journal.close().await;
}

#[test]
fn a_cursor_of_an_older_journal_moves_while_nobody_writes_it() {
    for (version, name, seq) in
        [("v1", "stdout", 2), ("v2", "alice", 3), ("v3", "alice", 3), ("v4", "alice", 17)]
    {
        let folder = old(version);
        let advanced = advance_alone(&folder.path().join("data/journal.db"), name, seq).unwrap();
        assert_eq!((advanced.moved, advanced.seq), (true, seq), "{version}");
    }
}

fn check(reader: &Reader, version: &str) {
    let messages = if version == "v3" { 2 } else { 3 };
    let told = types(reader, &Filter::default());
    assert_eq!(
        told.iter().filter(|name| *name == "message").count(),
        messages,
        "one is held back in {version}"
    );
    let brief = types(reader, &Filter { brief: true, ..Filter::default() });
    assert_eq!(brief.iter().filter(|name| *name == "rooma.catchup").count(), 1, "the one with an error");
    let lines = reader.lines_of(&MessageId::new("om_2")).unwrap();
    let known: Vec<_> = lines.iter().map(|line| (line.seq, line.held.as_deref())).collect();
    assert_eq!(known, [(2, (version == "v3").then_some("bot"))]);
    assert_eq!(lines[0].message.content, "I am");
    assert_eq!(reader.chat_of(&MessageId::new("om_3")).unwrap(), Some(ChatId::new("oc_2")));
    assert_eq!(reader.seq_of("om_1", Some("alice")).unwrap(), Some(1));
    let before = reader.before(3, "alice", &ChatId::new("oc_1"), 9).unwrap();
    assert_eq!(before.iter().map(|one| one.message_id.as_str()).collect::<Vec<_>>(), ["om_1", "om_2"]);
    let activity = reader.activity("alice").unwrap();
    assert!(
        activity.hears.every_bot && !activity.hears.everybody,
        "only what was pushed shows what is pushed"
    );
    assert_eq!(activity.chats.len(), 2);
    let mut seen = Vec::new();
    reader
        .said(0, |of| {
            seen.push((of.chat_id.to_owned(), of.by_bot, of.replayed));
            true
        })
        .unwrap();
    let seen: Vec<_> = seen.iter().map(|(chat, bot, replayed)| (chat.as_str(), *bot, *replayed)).collect();
    assert_eq!(seen, [("oc_1", false, false), ("oc_1", true, false), ("oc_2", false, true)]);
    assert!(reader.bots("cli_1").unwrap().is_empty());
    assert_eq!(reader.cursor("alice").unwrap(), Some(2));
}

#[tokio::test]
async fn journals_of_versions_2_and_3_tell_what_they_told_before_and_after() {
    for version in ["v2", "v3"] {
        let folder = old(version);
        check(&reader(&folder), version);
        let journal = open(&folder);
        check(&journal.reader().unwrap(), version);
        append(&journal, vec![entry("alice", "new")]).await.unwrap();
        check(&journal.reader().unwrap(), version);
        journal.close().await;
    }
}

#[tokio::test]
async fn a_journal_of_version_4_tells_what_it_told_and_keeps_its_cursors() {
    let folder = old("v4");
    let all = |reader: &Reader| {
        let page = reader.page(0, &Filter { raw: true, ..Filter::default() }, &Had::default()).unwrap();
        let activity = reader.activity("alice").unwrap();
        (String::from_utf8(page.bytes).unwrap(), activity, reader.cursors().unwrap())
    };
    let before = all(&reader(&folder));
    let journal = open(&folder);
    assert_eq!(all(&journal.reader().unwrap()), before);
    let names: Vec<&str> = before.2.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        (names, before.1.hears.everybody, before.0.lines().count()),
        (vec!["alice", "all", "rooms"], true, 23)
    );
    journal.close().await;
}
