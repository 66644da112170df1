//! Many bots, one stream: every event once, in order, acknowledged once.

use std::collections::{BTreeMap, BTreeSet};

use rooma::sandbox::Burst;

use crate::support::{World, options, seq, text};

#[tokio::test(flavor = "multi_thread")]
async fn ten_profiles_get_ten_thousand_events_each_exactly_once() {
    let world = World::with(rooma::sandbox::Options { chat_qps: None, ..options(10) }).await;
    let monitor = world.monitor(&[]);
    monitor.connected(10).await;
    let burst = Burst { chat: Some("lobby".into()), count: 1000, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    monitor.count("message", 10_000).await;
    let state = world.all_acked().await;
    let (lines, stderr) = monitor.terminate().await;

    let seqs: Vec<u64> = lines.iter().map(seq).collect();
    assert_eq!(seqs, (1..=lines.len() as u64).collect::<Vec<_>>(), "a hole or a repetition");
    let mut received: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut messages = 0;
    for line in lines.iter().filter(|line| line["type"] == "message") {
        messages += 1;
        received.entry(text(line, "profile")).or_default().insert(text(line, "message_id"));
        assert!(line["replayed"].is_null());
    }
    assert_eq!(messages, 10_000);
    assert_eq!(received.len(), 10);
    assert!(received.values().all(|ids| ids.len() == 1000));
    let totals = &state.totals;
    assert_eq!((totals.events, totals.acked, totals.repeated_acks, totals.refused), (10_000, 10_000, 0, 0));
    assert_eq!((totals.timeouts, totals.unknown_acks), (0, 0));
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
    assert_eq!(lines.last().unwrap()["type"], "rooma.stopped");
    assert_eq!(stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_stopped_and_repeats_nothing() {
    let world = World::new(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    world.say("lobby", "one");
    monitor.count("message", 2).await;
    let (first, _) = monitor.terminate().await;
    // Nobody is online: the platform keeps it for the next who is.
    world.say("lobby", "two");
    let monitor = world.monitor(&[]);
    monitor.count("message", 2).await;
    let (second, _) = monitor.terminate().await;
    let all: Vec<u64> = first.iter().chain(&second).map(seq).collect();
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(second[0]["type"], "rooma.started");
    assert!(second.iter().all(|line| line["replayed"].is_null()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cursor_reads_the_past_as_late_after_the_ready_line() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "one");
    monitor.count("message", 1).await;
    let (first, _) = monitor.terminate().await;
    let monitor = world.monitor(&["--cursor", "audit", "--since", "start"]);
    monitor.connected(2).await;
    let (second, _) = monitor.terminate().await;
    assert_eq!(second[0]["type"], "rooma.started");
    assert_eq!(seq(&second[0]), first.len() as u64 + 1);
    let past = &second[1..=first.len()];
    assert!(past.iter().all(|line| line["late"] == true && line["replayed"].is_null()), "it never had them");
    assert_eq!(past.iter().map(seq).collect::<Vec<_>>(), first.iter().map(seq).collect::<Vec<_>>());
    assert!(second[first.len() + 1..].iter().all(|line| line["late"].is_null()));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_lines_and_raw_adds_the_payload() {
    let world = World::new(2).await;
    let monitor = world.monitor(&["--profile", "b0", "--type", "message", "--mentioned", "--raw"]);
    // `rooma.started` is written whatever the filter; the rest is left out.
    monitor.count("rooma.started", 1).await;
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(world.state().apps[1].connections, 0, "b1 was not asked for");
    world.say("lobby", "to nobody");
    world
        .sandbox
        .say(rooma::sandbox::Say {
            chat: Some("lobby".into()),
            text: Some("@b0 to you".into()),
            mention: vec!["b0".into()],
            ..Default::default()
        })
        .unwrap();
    monitor.count("message", 1).await;
    let (lines, _) = monitor.terminate().await;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["content"], "@b0 to you");
    assert_eq!(lines[1]["mention"], "me");
    assert_eq!(lines[1]["raw"]["header"]["event_type"], "im.message.receive_v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_said_loudly_and_nothing_else_suffers() {
    let world = World::new(1).await;
    world.write("data/journal.db", &"garbage ".repeat(1000));
    let monitor = world.monitor(&[]);
    monitor.count("rooma.journal_reset", 1).await;
    monitor.connected(1).await;
    world.say("lobby", "hello");
    monitor.count("message", 1).await;
    let (lines, stderr) = monitor.terminate().await;
    assert_eq!(
        (text(&lines[0], "type"), text(&lines[1], "type")),
        ("rooma.started".into(), "rooma.journal_reset".into())
    );
    assert!(std::path::Path::new(&text(&lines[1], "kept_as")).exists());
    assert!(stderr.contains("the journal is damaged"), "{stderr}");
}
