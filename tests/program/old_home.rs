//! A home that an older rooma has left: nothing of it is lost.

use std::path::Path;

use serde_json::Value;

use crate::support::{World, output, text};

/// Left by the version before facts had columns of their own: killed in the middle of a shift, with a paused room, a room
/// that was counted, a relay that was owed, and cursors.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn told(world: &World, arguments: &[&str]) -> Vec<Value> {
    let (code, stdout, stderr) = output(world.command(&["--profile", "alice"]).args(arguments));
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const LOBBY: &str = "oc_dd5547a9918ae74dacfe94bf9dd42bb3";
const WORKSHOP: &str = "oc_ee081b7391246f3475fc95089b415593";

#[tokio::test(flavor = "multi_thread")]
async fn a_home_of_the_version_before_opens_with_nothing_lost() {
    let world = World::new(2).await;
    for (name, app) in ["alice", "bob"].into_iter().zip(world.sandbox.apps()) {
        std::fs::remove_file(world.home.path().join(format!("profiles/{}.yaml", app.name))).unwrap();
        world.write_profile(name, &app.app_id, &app.app_secret);
    }
    world.write("config/rooma.yaml", "presence: {max_age: 1ms}\n");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-v4/data");
    copy(&fixture, &world.home.path().join("data"));

    // Before anybody has written there.
    let as_left = |world: &World| {
        let counted = told(world, &["room", "status", "--chat", LOBBY]).remove(0);
        let paused = told(world, &["room", "status", "--chat", WORKSHOP]).remove(0);
        assert_eq!(
            (&counted["turns"], &counted["paused"]),
            (&Value::from(3), &Value::from(false)),
            "{counted}"
        );
        assert_eq!((&paused["paused"], text(&paused, "reason").as_str()), (&Value::from(true), "manual"));
        let explained =
            told(world, &["explain", "--message-id", "om_8185ff7e1f71843c9945a1213e25bcef"]).remove(0);
        assert_eq!(explained["profiles"][0]["line"]["seq"], 9, "{explained}");
    };
    as_left(&world);
    let session = told(&world, &["session", "show"]).remove(0);
    assert_eq!(
        (text(&session["session"], "agent_session"), text(&session["session"], "crash_text")),
        ("S1".into(), "gone".into())
    );

    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(2).await;
    monitor.count("rooma.session_expired", 1).await;
    as_left(&world);
    let watched =
        told(&world, &["watch", "--for", "3s", "--type", "rooma.room_paused", "--type", "rooma.watching"]);
    let paused: Vec<&Value> = watched.iter().filter(|line| line["type"] == "rooma.room_paused").collect();
    assert_eq!(paused.len(), 1, "the cursor is where it was: {watched:#?}");
    assert_eq!((paused[0]["seq"].as_u64(), &paused[0]["late"]), (Some(17), &Value::from(true)));
    // Its cursors say of which lines they had any, not through which filter.
    let all = told(&world, &["watch", "--cursor", "all", "--since", "start", "--max-events", "18"]);
    let lines = all.iter().filter(|line| line["type"] != "rooma.watching" && line["type"] != "rooma.rearm");
    let seqs = |replayed: bool| -> Vec<u64> {
        let of = lines.clone().filter(|line| (line["replayed"] == true) == replayed);
        of.map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(true), [6, 9, 10, 12, 15, 17], "{all:#?}");
    assert!([1, 3, 5, 20].iter().all(|seq| seqs(false).contains(seq)), "{all:#?}");
    monitor.terminate().await;
}
