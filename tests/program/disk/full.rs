//! A disk that takes nothing more: a small file system where this machine permits one, and a limit on the size of the
//! supervisor's files anywhere.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{Mount, trouble_and_recovery, until};
use crate::support::{Monitor, World, limited, output};

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_files_may_not_grow_is_acknowledged_and_read_once_they_may() {
    let world = World::redelivering(1).await;
    let monitor = Monitor::spawn(&mut limited(world.home.path(), &["monitor"]));
    monitor.connected(1).await;
    let pid = Pid::from_child(&monitor.child);
    let limit = move |current| {
        prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    };
    trouble_and_recovery(&world, monitor, || limit(Some(0)), || limit(None), "the journal cannot be written")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_the_disk_is_full_is_acknowledged_and_read_once_there_is_room() {
    let world = World::redelivering(1).await;
    let Some(disk) = Mount::tmpfs(&world, "size=4m") else { return };
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let ballast = disk.0.join("ballast");
    let fill = || {
        // As much as fits, to the last byte.
        let mut file = std::fs::File::create(&ballast).unwrap();
        while std::io::Write::write(&mut file, &[0; 512]).is_ok_and(|written| written > 0) {}
    };
    let free = || std::fs::remove_file(&ballast).unwrap();
    trouble_and_recovery(&world, monitor, fill, free, "the journal cannot be written").await;
}

/// A watcher and `status` hear of it, by the socket: the journal cannot take it.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_is_named_to_watchers_and_in_status() {
    let world = World::redelivering(1).await;
    let supervisor = Monitor::spawn(&mut limited(world.home.path(), &["monitor"]));
    supervisor.connected(1).await;
    let pid = Pid::from_child(&supervisor.child);
    let limit = |current| {
        prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    };
    let status = || {
        let (code, stdout, stderr) = output(&mut world.command(&["status"]));
        assert_eq!(code, 0, "{stderr}");
        let status = serde_json::from_str::<serde_json::Value>(&stdout).unwrap();
        assert_eq!(status["running"], true, "{status}");
        status["storage"].clone()
    };
    assert!(status().is_null());
    let watcher = Monitor::spawn(&mut world.command(&["watch", "--cursor", "w"]));
    until(|| output(&mut world.command(&["status"])).1.contains("\"cursor\":\"w\""), || watcher.stderr())
        .await;
    limit(Some(0));
    let message = world.say("lobby", "meanwhile");
    watcher.count("rooma.storage", 1).await;
    let told = &watcher.of_type("rooma.storage")[0];
    assert_eq!(told["state"], "failing", "{told}");
    assert!(told["reason"].is_string() && told["hint"].is_string(), "{told}");
    assert_eq!(status()["state"], "failing");
    // One that comes later hears of it too.
    let late = Monitor::spawn(&mut world.command(&["watch", "--cursor", "late"]));
    late.count("rooma.storage", 1).await;
    assert_eq!(status()["state"], "failing", "who only asks makes it look no better");
    limit(None);
    // And who reads the supervisor's own stdout.
    for watcher in [&watcher, &late, &supervisor] {
        watcher.count("rooma.storage", 2).await;
        let states: Vec<_> =
            watcher.of_type("rooma.storage").iter().map(|line| line["state"].clone()).collect();
        assert_eq!(states, ["failing", "ok"], "once each");
        watcher.wait("the message", |lines| lines.iter().any(|line| line["message_id"] == *message)).await;
    }
    assert!(status().is_null());
    supervisor.terminate().await;
}

/// Where nothing happens, the end of the trouble is noticed all the same; a start says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_called_so_and_a_start_on_it_too() {
    let world = World::redelivering(1).await;
    let Some(disk) = Mount::tmpfs(&world, "size=4m") else { return };
    let (code, _, stderr) = output(&mut world.command(&["up"]));
    assert_eq!(code, 0, "{stderr}");
    let ballast = disk.0.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write(&mut file, &[0; 512]).is_ok_and(|written| written > 0) {}
    world.say("lobby", "meanwhile");
    let status = || output(&mut world.command(&["status"])).1;
    until(|| status().contains("\"storage\":{\"state\":\"full\""), status).await;
    output(&mut world.command(&["down"]));
    let (code, stdout, stderr) = output(&mut world.command(&["up"]));
    assert!(
        (code, stdout.as_str()) == (5, "") && (stderr.contains("No space left") || stderr.contains("full")),
        "{code} {stderr}"
    );
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    let (code, stdout, stderr) = output(&mut world.command(&["up"]));
    assert!(code == 0 && !stdout.contains("\"storage\""), "{stderr}");
    world.all_acked().await;
    output(&mut world.command(&["down"]));
}

/// One clear error, before anything is opened that would then fail again and again.
#[tokio::test(flavor = "multi_thread")]
async fn too_few_open_files_are_one_error() {
    let world = World::redelivering(1).await;
    for verb in ["monitor", "up"] {
        let plain = world.command(&[verb]);
        let mut command = std::process::Command::new("/bin/sh");
        command.env_clear().envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.current_dir(world.home.path()).args(["-c", "ulimit -n 24; exec \"$0\" \"$@\""]);
        let (code, _, stderr) = output(command.arg(plain.get_program()).args(plain.get_args()));
        assert!(
            code == 3 && stderr.contains("files open") && stderr.lines().count() == 1,
            "{verb}: {code} {stderr}"
        );
    }
    assert_eq!(world.state().apps[0].discoveries, 0, "it went online");
}
