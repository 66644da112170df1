//! Files that are taken away, replaced or emptied under a running supervisor. Nothing is acknowledged that a restart does
//! not read: either the supervisor makes the file again, or it ends with a word, and what was not acknowledged comes again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use serde_json::Value;

use super::until;
use crate::support::{Monitor, World, output, text};

const BEFORE: usize = 5;
const MEANWHILE: usize = 20;

/// What is done, to the home's data folder.
struct Case {
    name: &'static str,
    deed: Deed,
    /// Put right before the restart, as a person would.
    mend: Deed,
    /// What was written before the deed can be read after the restart.
    keeps: bool,
}

type Deed = fn(&Path);

const NOTHING: Deed = |_| {};

fn remove(path: PathBuf) {
    std::fs::remove_file(path).unwrap();
}

fn empty(path: PathBuf) {
    std::fs::File::options().write(true).truncate(true).open(path).unwrap();
}

/// Another file of the same kind takes the name.
fn replace(path: &Path) {
    let other = path.with_extension("other");
    std::fs::copy(path, &other).unwrap();
    std::fs::rename(other, path).unwrap();
}

/// The same file, with other content.
fn overwrite(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

/// A journal of somebody else's.
fn foreign(folder: &Path) -> Vec<u8> {
    let path = folder.join("foreign.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE other (x); INSERT INTO other VALUES (1);").unwrap();
    drop(db);
    let bytes = std::fs::read(&path).unwrap();
    remove(path);
    bytes
}

fn aside(data: &Path) -> PathBuf {
    data.with_file_name("data.aside")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().flatten() {
        match file.file_type().unwrap() {
            kind if kind.is_dir() => copy_folder(&file.path(), &to.join(file.file_name())),
            kind if kind.is_file() => drop(std::fs::copy(file.path(), to.join(file.file_name())).unwrap()),
            _ => {}
        }
    }
}

const CASES: [Case; 13] = [
    Case {
        name: "journal.db removed",
        deed: |data| remove(data.join("journal.db")),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "journal.db emptied",
        deed: |data| empty(data.join("journal.db")),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "journal.db replaced by a copy of itself",
        deed: |data| replace(&data.join("journal.db")),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "journal.db replaced by another database",
        deed: |data| {
            overwrite(&data.join("x"), &foreign(data));
            std::fs::rename(data.join("x"), data.join("journal.db")).unwrap();
        },
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "another database written over journal.db",
        deed: |data| overwrite(&data.join("journal.db"), &foreign(data)),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "the log removed",
        deed: |data| remove(data.join("journal.db-wal")),
        mend: NOTHING,
        keeps: true,
    },
    Case {
        name: "the log emptied",
        deed: |data| empty(data.join("journal.db-wal")),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "the log replaced by a copy of itself",
        deed: |data| replace(&data.join("journal.db-wal")),
        mend: NOTHING,
        keeps: true,
    },
    Case {
        name: "something written over the log",
        deed: |data| overwrite(&data.join("journal.db-wal"), &[0xa5; 100_000]),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "the index removed",
        deed: |data| remove(data.join("journal.db-shm")),
        mend: NOTHING,
        keeps: true,
    },
    Case {
        name: "the data folder removed",
        deed: |data| std::fs::remove_dir_all(data).unwrap(),
        mend: NOTHING,
        keeps: false,
    },
    Case {
        name: "the data folder renamed",
        deed: |data| std::fs::rename(data, aside(data)).unwrap(),
        mend: |data| std::fs::rename(aside(data), data).unwrap(),
        keeps: true,
    },
    Case {
        name: "the data folder replaced by a copy",
        deed: |data| {
            copy_folder(data, &aside(data));
            std::fs::rename(data, data.with_file_name("data.old")).unwrap();
            std::fs::rename(aside(data), data).unwrap();
        },
        mend: NOTHING,
        keeps: true,
    },
];

async fn world() -> World {
    World::redelivering(1).await
}

async fn running(world: &World) -> Monitor {
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    for number in 0..BEFORE {
        world.say("lobby", &format!("before {number}"));
    }
    monitor.count("message", BEFORE).await;
    world.all_acked().await;
    monitor
}

/// How often each message can be read from the journal's start.
fn readable(lines: &[Value]) -> BTreeMap<String, u32> {
    let mut read = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "message") {
        *read.entry(text(line, "message_id")).or_default() += 1;
    }
    read
}

/// It ended by itself, with a word; what came meanwhile was not acknowledged, and comes to the next one.
async fn ends_and_begins_again(world: &World, mut monitor: Monitor, case: &str) -> BTreeMap<String, u32> {
    let acked = world.state().totals.acked;
    let meanwhile: Vec<String> =
        (0..MEANWHILE).map(|number| world.say("lobby", &format!("meanwhile {number}"))).collect();
    let status = monitor.ended().await;
    assert_eq!(world.state().totals.acked, acked, "{case}: acknowledged, and in no file that is read again");
    let (_, stderr) = monitor.finish();
    assert_eq!(status.code(), Some(5), "{case}: {stderr}");
    assert!(stderr.contains("the journal is lost"), "{case}: {stderr}");
    assert!(stderr.lines().count() < 20, "{case}: told again and again:\n{stderr}");
    assert!(meanwhile.iter().all(|id| !stderr.contains(id)));
    meanwhile.into_iter().map(|id| (id, 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_that_a_restart_does_not_read() {
    join_all(CASES.map(|Case { name, deed, mend, keeps }| async move {
        let world = world().await;
        let data = world.home.path().join("data");
        let monitor = running(&world).await;
        let before = readable(&monitor.lines());
        deed(&data);
        let mut expected = ends_and_begins_again(&world, monitor, name).await;
        mend(&data);
        if keeps {
            expected.extend(before);
        }
        let monitor = world.monitor(&["--since", "start"]);
        monitor.wait(name, |lines| expected.keys().all(|id| readable(lines).contains_key(id))).await;
        world.all_acked().await;
        let (lines, stderr) = monitor.terminate().await;
        let read = readable(&lines);
        assert!(expected.iter().all(|(id, times)| read.get(id) == Some(times)), "{name}: {read:?}\n{stderr}");
    }))
    .await;
}

/// Where what is left of the index cannot even be looked at, the system may be faster to end the process.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_emptied_ends_the_supervisor_and_loses_nothing() {
    let world = world().await;
    let mut monitor = running(&world).await;
    let before = readable(&monitor.lines());
    empty(world.home.path().join("data/journal.db-shm"));
    let acked = world.state().totals.acked;
    let meanwhile = world.say("lobby", "meanwhile");
    assert_ne!(monitor.ended().await.code(), Some(0));
    assert_eq!(world.state().totals.acked, acked);
    let monitor = world.monitor(&["--since", "start"]);
    monitor.count("message", BEFORE + 1).await;
    let read = readable(&monitor.lines());
    assert!(before.keys().chain([&meanwhile]).all(|id| read.get(id) == Some(&1)), "{read:?}");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_is_removed_or_renamed_ends_its_supervisor() {
    for renamed in [true, false] {
        let world = world().await;
        let monitor = running(&world).await;
        let home = world.home.path();
        let moved = home.with_extension("moved");
        if renamed {
            std::fs::rename(home, &moved).unwrap();
        } else {
            std::fs::remove_dir_all(home).unwrap();
        }
        let name = if renamed { "the home renamed" } else { "the home removed" };
        let expected = ends_and_begins_again(&world, monitor, name).await;
        if renamed {
            std::fs::rename(&moved, home).unwrap();
        } else {
            std::fs::create_dir_all(home).unwrap();
            let app = &world.sandbox.apps()[0];
            world.write_profile(&app.name, &app.app_id, &app.app_secret);
        }
        let monitor = world.monitor(&["--since", "start"]);
        monitor.wait(name, |lines| expected.keys().all(|id| readable(lines).contains_key(id))).await;
        world.all_acked().await;
        monitor.terminate().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_a_socket_that_are_removed_or_replaced_are_made_again() {
    let world = world().await;
    let data = world.home.path().join("data");
    let monitor = running(&world).await;
    let deeds: [(&str, Deed); 4] = [
        ("the socket removed", |data| remove(data.join("rooma.sock"))),
        ("the socket replaced", |data| {
            remove(data.join("rooma.sock"));
            overwrite(&data.join("rooma.sock"), b"");
        }),
        ("the lock removed", |data| remove(data.join("supervisor.lock"))),
        ("the lock replaced", |data| {
            remove(data.join("supervisor.lock"));
            overwrite(&data.join("supervisor.lock"), b"");
        }),
    ];
    for (count, (name, deed)) in deeds.into_iter().enumerate() {
        let told = monitor.stderr().matches("again").count();
        deed(&data);
        until(
            || monitor.stderr().matches("again").count() > told,
            || format!("{name}: {}", monitor.stderr()),
        )
        .await;
        let (code, stdout, stderr) = output(&mut world.command(&["status"]));
        assert!(code == 0 && stdout.contains("\"running\":true"), "{name}: {code} {stdout} {stderr}");
        let (code, _, stderr) = output(&mut world.command(&["monitor"]));
        assert!(code == 7 && stderr.contains("a supervisor runs in this home"), "{name}: {code} {stderr}");
        world.say("lobby", name);
        monitor.count("message", BEFORE + count + 1).await;
        world.all_acked().await;
    }
    monitor.terminate().await;
}

/// `status`, `up` and `down` beside one whose socket is gone, and one whose whole data folder is.
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_is_found_by_its_locks() {
    let world = world().await;
    let data = world.home.path().join("data");
    let up = || output(&mut world.command(&["up"]));
    let pid = |stdout: &str| serde_json::from_str::<Value>(stdout).unwrap()["pid"].as_u64().unwrap();
    let (code, stdout, stderr) = up();
    assert_eq!(code, 0, "{stderr}");
    let first = pid(&stdout);
    let runs = |pid: u64| {
        Path::new(&format!("/proc/{pid}/fd")).read_dir().is_ok_and(|mut open| open.next().is_some())
    };
    // Found by its lock until it listens again.
    remove(data.join("rooma.sock"));
    let (code, stdout, stderr) = output(&mut world.command(&["status"]));
    assert_eq!((code, pid(&stdout)), (0, first), "{stderr}");
    remove(data.join("rooma.sock"));
    let (code, stdout, stderr) = up();
    assert_eq!((code, pid(&stdout)), (0, first), "{stderr}");
    remove(data.join("rooma.sock"));
    let (code, _, stderr) = output(&mut world.command(&["down"]));
    assert!(code == 0 && !runs(first), "{stderr}");

    // Whoever starts again waits until the one without a folder is gone.
    let (_, stdout, _) = up();
    let second = pid(&stdout);
    std::fs::remove_dir_all(&data).unwrap();
    let (code, stdout, stderr) = up();
    assert!(code == 0 && pid(&stdout) != second && !runs(second), "{code} {stdout} {stderr}");
    std::fs::remove_dir_all(&data).unwrap();
    let third = pid(&stdout);
    let (code, stdout, stderr) = output(&mut world.command(&["down"]));
    assert!(code == 0 && stdout.contains("\"running\":false"), "{code} {stdout} {stderr}");
    assert!(!runs(third), "it says so and lives on");
}

/// One that does not answer at its socket, and whose socket is not to be made again, is ended all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_without_a_socket_is_named_and_ended() {
    let world = world().await;
    let monitor = running(&world).await;
    let socket = world.home.path().join("data/rooma.sock");
    remove(socket.clone());
    // Nothing can be made where a folder stands.
    std::fs::create_dir(&socket).unwrap();
    let pid = monitor.child.id();
    let (code, _, stderr) = output(&mut world.command(&["status"]));
    assert!(code == 4 && stderr.contains(&format!("pid {pid}")), "{code} {stderr}");
    let (code, _, stderr) = output(&mut world.command(&["down"]));
    std::fs::remove_dir(&socket).unwrap();
    let mut monitor = monitor;
    if Path::new("/proc/self/fd").exists() {
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(monitor.ended().await.code(), Some(0), "{}", monitor.stderr());
    } else {
        assert!(code == 4 && stderr.contains(&format!("pid {pid}")), "{code} {stderr}");
    }
}
