//! What a filter held back was not had: another filter brings it as late, not as repeated.

use serde_json::Value;

use crate::support::{Monitor, World, output, seq, text};

/// The lines up to the third, and how each is marked, as a reader sees them who begins at the start.
fn marks(lines: &[Value]) -> Vec<(u64, bool, bool)> {
    let journal =
        lines.iter().filter(|line| line["type"] != "rooma.watching" && line["type"] != "rooma.rearm");
    journal
        .take_while(|line| seq(line) <= 3)
        .map(|line| (seq(line), line["replayed"] == true, line["late"] == true))
        .collect()
}

fn ran(world: &World, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = output(world.command(&["watch"]).args(arguments));
    assert_eq!(code, 0, "{stderr}");
    stdout
}

fn watched(world: &World, arguments: &[&str]) -> Vec<Value> {
    ran(world, arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const LATE: (bool, bool) = (false, true);
const REPLAYED: (bool, bool) = (true, false);

fn each(first: [(bool, bool); 3]) -> Vec<(u64, bool, bool)> {
    (1..).zip(first).map(|(seq, (replayed, late))| (seq, replayed, late)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_filter_held_back_is_late_for_the_next_and_what_it_gave_is_replayed() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let types = supervisor.lines()[..3].iter().map(|line| text(line, "type")).collect::<Vec<_>>();
    assert_eq!(types, ["rooma.started", "rooma.connecting", "rooma.connected"]);
    let third = ["--type", "rooma.connected", "--max-events", "1"];
    // Begun anew by a position, and by a cursor that only ack moves.
    for (cursor, first, again) in [
        ("a", &["--since", "start"][..], &["--since", "start"][..]),
        ("b", &["--since", "start", "--ack"], &["--ack"]),
        ("c", &["--since", "start", "--brief"], &["--since", "0"]),
    ] {
        let named = ["--cursor", cursor];
        ran(&world, &[&named, first, &third].concat());
        let all = watched(&world, &[&named, again, &["--max-events", "3"]].concat());
        assert_eq!(marks(&all), each([LATE, LATE, REPLAYED]), "{cursor}: {all:?}");
        // Now it had them all, whatever it asks for.
        let all = watched(&world, &[&named, &["--since", "start", "--max-events", "3"][..]].concat());
        assert_eq!(marks(&all), each([REPLAYED; 3]), "{cursor}: {all:?}");
    }
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cursor_skipped_is_late_once_it_is_read() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    watched(&world, &["--since", "start", "--max-events", "1"]);
    world.say("lobby", "skipped");
    supervisor.count("message", 1).await;
    let since_now = super::watch(&world, &["--since", "now"]);
    since_now.count("rooma.watching", 1).await;
    world.say("lobby", "read");
    since_now.count("message", 1).await;
    since_now.terminate().await;
    let all = watched(&world, &["--since", "start", "--max-events", "5"]);
    assert_eq!(marks(&all), each([REPLAYED, LATE, LATE]), "{all:?}");
    let said = |line: &&Value| line["type"] == "message";
    let said: Vec<bool> = all.iter().filter(said).map(|line| line["replayed"] == true).collect();
    assert_eq!(said, [false, true], "{all:?}");
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supervisor_s_own_reader_is_told_the_same() {
    let world = World::new(1).await;
    let first =
        Monitor::spawn(world.command(&["monitor", "--type", "rooma.connected"]).args(["--cursor", "x"]));
    first.connected(1).await;
    first.terminate().await;
    let second = world.monitor(&["--since", "start", "--cursor", "x"]);
    second.connected(2).await;
    let (lines, _) = second.terminate().await;
    // The line that says that it runs comes first.
    assert_eq!(marks(&lines[1..]), each([REPLAYED, LATE, REPLAYED]), "{lines:?}");
}
