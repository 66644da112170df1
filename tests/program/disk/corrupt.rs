//! A journal whose file is damaged in the middle.

use std::io::{Read, Seek, SeekFrom, Write};

use crate::support::{World, text};

/// Overwrites everything behind the first pages of the file.
fn damage(world: &World) -> u64 {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(world.journal()).unwrap();
    let length = file.metadata().unwrap().len();
    let mut header = [0; 18];
    file.read_exact(&mut header).unwrap();
    let page = u64::from(u16::from_be_bytes([header[16], header[17]]));
    file.seek(SeekFrom::Start(2 * page)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length - 2 * page).unwrap()]).unwrap();
    file.sync_all().unwrap();
    length
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_damaged_in_the_middle_is_set_aside_at_the_start() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    for number in 0..50 {
        world.say("lobby", &format!("before {number}"));
    }
    monitor.count("message", 50).await;
    world.all_acked().await;
    monitor.terminate().await;
    let length = damage(&world);

    let monitor = world.monitor(&[]);
    monitor.count("rooma.journal_reset", 1).await;
    monitor.connected(1).await;
    world.say("lobby", "after");
    monitor.count("message", 1).await;
    world.all_acked().await;
    let kept = text(&monitor.of_type("rooma.journal_reset")[0], "kept_as");
    assert_eq!(std::fs::metadata(kept).unwrap().len(), length, "kept whole");
    let (_, stderr) = monitor.terminate().await;
    assert!(stderr.contains("the journal is damaged"), "{stderr}");
}
