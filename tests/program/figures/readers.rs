//! A watch that is killed and started again at random while events arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use super::{Feed, world};
use crate::random::Random;
use crate::support::{Monitor, PATIENCE, World, options, output, seq, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_killed_again_and_again_reads_each_line_once() {
    kill_watches(40, 4_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the figure in full: a quarter of a minute"]
async fn a_watch_killed_200_times_during_20_000_events() {
    kill_watches(200, 20_000).await;
}

/// How long a watch that ends waits for its reader (`LAST_WORDS` of `cli/watch/ending.rs`): what it takes later was not read,
/// and comes again.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the watches so far have read, taken together.
#[derive(Default)]
struct Read {
    /// Position of each line, and how often it was read.
    lines: BTreeMap<u64, u64>,
    messages: BTreeMap<String, u64>,
    newest: u64,
    /// Where the next one begins, where the last one ended in good order. One that was killed, or gave its reader up, leaves
    /// that open.
    next: Option<u64>,
    repeated: u64,
    terminated: u64,
    killed: u64,
}

async fn kill_watches(kills: usize, events: usize) {
    let mut random = Random::new("kills of watches");
    let (world, sandbox) = world(options(1)).await;
    assert_eq!(output(&mut world.command(&["up"])).0, 0);
    // From here on there is a cursor: a new one would begin at the moment its watch starts.
    let (_, first, _) = output(&mut world.command(&["watch", "--since", "start", "--max-events", "1"]));
    let mut read = Read::default();
    read.take(
        first.lines().skip(1).take(1).map(|line| serde_json::from_str(line).unwrap()).collect(),
        false,
        false,
    );

    let start = Instant::now();
    let feed =
        Feed { events, chunk: 20, every: Duration::from_millis(60 * kills as u64 * 20 / events as u64) };
    let feeder = feed.start(sandbox);
    for _ in 0..kills {
        let watch = Monitor::spawn(&mut world.command(&["watch"]));
        tokio::time::sleep(random.millis(120)).await;
        let signal = if random.below(2) == 0 { Signal::TERM } else { Signal::KILL };
        end(watch, signal, &mut read).await;
    }
    feeder.await.unwrap();
    world.all_acked().await;
    let last = Monitor::spawn(&mut world.command(&["watch"]));
    read_to_the_end(&world, last, &mut read, events).await;

    let newest = *read.lines.keys().last().unwrap();
    assert_eq!(read.lines.len() as u64, newest, "a line was lost");
    assert_eq!(read.messages.len(), events, "an event was lost");
    println!(
        "{} watches ended, {} killed, {events} events, {newest} lines: lost 0, {} read again after a kill and marked, {:?}",
        read.terminated,
        read.killed,
        read.repeated,
        start.elapsed()
    );
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

async fn end(mut watch: Monitor, signal: Signal, read: &mut Read) {
    let asked = Instant::now();
    watch.signal(signal);
    let status = watch.ended().await;
    // A busy machine may keep a reader from its lines for as long as that.
    let gave_up = asked.elapsed() >= LAST_WORDS;
    // SIGTERM may come before the program has begun to listen to it; then it has written nothing.
    let clean = status.code() == Some(0);
    let (lines, stderr) = watch.finish();
    if signal == Signal::TERM {
        assert_eq!(stderr, "");
        assert!(clean || lines.is_empty(), "{status:?}");
    }
    read.take(lines, signal == Signal::KILL, gave_up);
}

async fn read_to_the_end(world: &World, last: Monitor, read: &mut Read, events: usize) {
    let deadline = Instant::now() + PATIENCE;
    let newest = loop {
        let (_, stdout, _) = output(&mut world.command(&["status"]));
        let status: Value = serde_json::from_str(&stdout).unwrap();
        let newest = status["journal"]["newest"].as_u64().unwrap();
        let known = last.lines().last().map_or(read.newest, seq).max(read.newest);
        if known == newest {
            break newest;
        }
        assert!(Instant::now() < deadline, "{known} of {newest} lines, {events} events");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    end(last, Signal::TERM, read).await;
    assert_eq!(read.newest, newest);
}

impl Read {
    /// The lines of one watch follow each other, and those of the one before, without a hole. Only after a kill, or where
    /// the reader was given up, may some come again, and then they say so.
    fn take(&mut self, mut lines: Vec<Value>, killed: bool, gave_up: bool) {
        // A kill may leave half a line, which nobody can have read.
        if lines.last().is_some_and(Value::is_string) {
            assert!(killed || gave_up, "half a line after a clean end: {:?}", lines.pop());
            lines.pop();
        }
        if let Some(first) = lines.first() {
            let first = seq(first);
            assert!(first <= self.newest + 1, "lines {} to {first} were lost", self.newest);
            let next = self.next.unwrap_or(first);
            assert_eq!(first, next, "after a clean end, of {} lines", self.newest);
        }
        for pair in lines.windows(2) {
            assert_eq!(seq(&pair[0]) + 1, seq(&pair[1]), "a hole within one watch: {} {}", pair[0], pair[1]);
        }
        for line in &lines {
            let times = self.lines.entry(seq(line)).or_default();
            *times += 1;
            if *times > 1 {
                assert_eq!(line["replayed"], true, "{line}");
                self.repeated += 1;
            } else if line["type"] == "message" {
                let message = self.messages.entry(text(line, "message_id")).or_default();
                *message += 1;
                assert_eq!(*message, 1, "one message became two lines");
            }
            self.newest = self.newest.max(seq(line));
        }
        // One that read nothing leaves things as they were.
        let last = lines.last().map(|last| seq(last) + 1);
        self.next = if killed || gave_up { None } else { last.or(self.next) };
        if killed { self.killed += 1 } else { self.terminated += 1 }
    }
}
