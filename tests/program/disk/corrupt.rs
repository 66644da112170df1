//! A journal whose file is damaged in the middle.

use super::Switch;
use crate::support::{Monitor, World, options, text};

const GARBAGE: u8 = 0xa5;

/// Overwrites pages of the file: those that `chosen` picks by number and content.
fn damage(world: &World, chosen: impl Fn(usize, &[u8]) -> bool) -> u64 {
    let mut file = std::fs::read(world.journal()).unwrap();
    let size = usize::from(u16::from_be_bytes([file[16], file[17]]));
    let pages = file.chunks_mut(size).enumerate();
    let damaged: Vec<_> = pages.filter(|(number, page)| chosen(*number, page)).collect();
    assert!(!damaged.is_empty());
    damaged.into_iter().for_each(|(_, page)| page.fill(GARBAGE));
    std::fs::write(world.journal(), &file).unwrap();
    file.len() as u64
}

/// The next start sets the damaged file aside, whole, and goes on with a new one.
async fn begun_anew(world: &World, length: u64) -> Monitor {
    let monitor = world.monitor(&[]);
    monitor.count("rooma.journal_reset", 1).await;
    monitor.connected(1).await;
    world.say("lobby", "after");
    monitor.count("message", 1).await;
    world.all_acked().await;
    let kept = text(&monitor.of_type("rooma.journal_reset")[0], "kept_as");
    assert_eq!(std::fs::metadata(kept).unwrap().len(), length, "kept whole");
    monitor
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_damaged_in_the_middle_is_set_aside_at_the_start() {
    let world = World::redelivering(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    for number in 0..50 {
        world.say("lobby", &format!("before {number}"));
    }
    monitor.count("message", 50).await;
    world.all_acked().await;
    monitor.terminate().await;
    let length = damage(&world, |number, _| number >= 2);

    let monitor = begun_anew(&world, length).await;
    let (_, stderr) = monitor.terminate().await;
    assert!(stderr.contains("the journal is damaged"), "{stderr}");
}

/// What a start does not look at, a reader meets later. It ends with the reason, and the next start sets the file aside.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_that_a_reader_meets_is_set_aside_by_the_next_start() {
    let world = World::with(rooma::sandbox::Options { chat_qps: None, ..options(1) }).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let burst = rooma::sandbox::Burst { chat: Some("lobby".into()), count: 3000, ..Default::default() };
    world.sandbox.burst(burst).await.unwrap();
    monitor.count("message", 3000).await;
    monitor.terminate().await;
    let middle = |number: usize, page: &[u8]| {
        let lines = page.windows(10).any(|part| part == b"\"content\":");
        lines && (100..110).contains(&number)
    };
    let length = damage(&world, middle);

    let mut monitor = world.monitor(&["--cursor", "audit", "--since", "start"]);
    assert_eq!(monitor.ended().await.code(), Some(5));
    assert!(monitor.stderr().contains("malformed"), "{}", monitor.stderr());
    let monitor = begun_anew(&world, length).await;
    monitor.terminate().await;
}

/// A supervisor that can store nothing any more does not stay, looking well. The file turns out to be sound, and is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_that_the_writer_meets_ends_the_supervisor() {
    let world = World::redelivering(1).await;
    let switch = Switch::new(&world, "journal.damage");
    let mut monitor = Monitor::spawn(switch.arm(&mut world.command(&["monitor"])));
    monitor.connected(1).await;
    world.say("lobby", "before");
    world.all_acked().await;
    monitor.count("message", 1).await;
    switch.on();
    let meanwhile = world.say("lobby", "meanwhile");
    assert_eq!(monitor.ended().await.code(), Some(5));
    assert!(
        monitor.stderr().contains("the journal is damaged and takes nothing more"),
        "{}",
        monitor.stderr()
    );
    assert_eq!(world.state().totals.acked, 1);
    switch.off();
    let monitor = world.monitor(&[]);
    monitor
        .wait("what was said meanwhile", |lines| lines.iter().any(|line| line["message_id"] == *meanwhile))
        .await;
    world.all_acked().await;
    let messages = monitor.of_type("message");
    // Where the cursor stood could not be stored either, unless it had been before.
    let (last, before) = messages.split_last().unwrap();
    assert_eq!(text(last, "message_id"), meanwhile);
    assert!(before.len() <= 1 && before.iter().all(|line| line["replayed"] == true), "{messages:?}");
    assert_eq!(monitor.of_type("rooma.journal_reset").len(), 0);
    monitor.terminate().await;
}
