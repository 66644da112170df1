//! Files of a home as a stranger may have left them: what they are, how large, how deep; and commands for secrets.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{World, output};
use crate::table::{Ran, Table};

/// What may lie in the place of a file.
const KINDS: [&str; 11] = [
    "pipe",
    "zero",
    "terminal",
    "folder",
    "socket",
    "large",
    "no text",
    "brackets",
    "braces",
    "lines of brackets",
    "bomb",
];

fn put(kind: &str, path: &Path) {
    let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = |text: String| std::fs::write(path, text).unwrap();
    match kind {
        "pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
        "zero" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "terminal" => std::os::unix::fs::symlink("/dev/ptmx", path).unwrap(),
        "folder" => std::fs::create_dir(path).unwrap(),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        "large" => text("# and so on\n".repeat(200_000)),
        "no text" => std::fs::write(path, b"a: \xff\xfe\n").unwrap(),
        "brackets" => text("[".repeat(100_000)),
        "braces" => text("{a: ".repeat(25_000)),
        "lines of brackets" => text(format!("a: {}", "[\n".repeat(50_000))),
        "bomb" => text(bomb()),
        other => panic!("{other}"),
    }
}

/// Ten billion words, were it written out.
fn bomb() -> String {
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(10));
    format!("a0: &a0 [{}]\n{}", "x,".repeat(10), (1..10).map(level).collect::<String>())
}

fn private(path: &Path) {
    let _ = std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600));
}

fn message(ran: &Ran) -> String {
    let error: Value = serde_json::from_str(ran.stderr.trim()).unwrap_or_else(|_| panic!("{}", ran.stderr));
    error["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_any_kind_is_refused_by_name_and_speaks_for_itself_alone() {
    let world = World::new(1).await;
    let mut table = Table::new("files of a home", world.home.path());
    let at = |path: &str| world.home.path().join(path);
    for kind in KINDS {
        for place in
            ["profiles/evil.yaml", "config/contacts.yaml", "config/rooms.yaml", "config/rooma.yaml", ".env"]
        {
            let before = std::fs::read(at(place)).ok();
            put(kind, &at(place));
            private(&at(place));
            let what = format!("{place}: {kind}");
            let ran = table.run(&what, &mut world.command(&["chats", "--profile", "b0"]));
            let is_profile = place.starts_with("profiles");
            assert_eq!(ran.code, if is_profile { 0 } else { 3 }, "{what}: {}", ran.stderr);
            if !is_profile {
                assert!(message(&ran).contains(place), "{what}: {}", message(&ran));
            }
            let ran = table.run(&what, &mut world.command(&["chats", "--profile", "evil"]));
            assert_eq!(ran.code, 3, "{what}: {}", ran.stderr);
            assert!(message(&ran).contains(place), "{what}: {}", message(&ran));
            let _ = std::fs::remove_file(at(place)).or_else(|_| std::fs::remove_dir(at(place)));
            if let Some(before) = before {
                std::fs::write(at(place), before).unwrap();
            }
        }
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_secret_is_read_from_is_bounded_too() {
    let world = World::new(1).await;
    let mut table = Table::new("secrets and certificates", world.home.path());
    let at = |path: &str| world.home.path().join(path);
    let evil = |world: &World, secret: &str| {
        let url = world.sandbox.base_url();
        world.write(
            "profiles/evil.yaml",
            &format!("transport: feishu\napp_id: cli_evil\napp_secret: {secret}\nbase_url: {url}\n"),
        );
    };
    for kind in ["pipe", "zero", "terminal", "folder", "socket", "large", "no text"] {
        put(kind, &at("secret"));
        evil(&world, "{file: secret}");
        let ran = table.run(kind, &mut world.command(&["chats", "--profile", "evil"]));
        assert_eq!(ran.code, 3, "{kind}: {}", ran.stderr);
        assert!(message(&ran).contains("secret"), "{kind}: {}", message(&ran));
        world.write("config/rooma.yaml", "http: {ca_file: secret}\n");
        let ran = table.run(kind, &mut world.command(&["chats", "--profile", "b0"]));
        assert_eq!(ran.code, 3, "{kind}: {}", ran.stderr);
        assert!(message(&ran).contains("ca_file"), "{kind}: {}", message(&ran));
        world.write("config/rooma.yaml", crate::support::QUICK);
    }
    for command in
        ["[yes]", "[cat, /dev/zero]", "[sh, -c, 'yes | head -c 70000']", "[\"/does/not/exist\\u202e\"]"]
    {
        evil(&world, &format!("{{command: {command}}}"));
        let ran = table.run(command, &mut world.command(&["chats", "--profile", "evil"]));
        assert_eq!(ran.code, 3, "{command}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\u{202e}'));
    }
    table.finish();
}

/// A command, and what it started beside itself, is ended when its time is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_does_not_end_is_ended_with_all_it_started() {
    let world = World::new(1).await;
    let url = world.sandbox.base_url();
    let secret = "{command: [sh, -c, 'sleep 1000 & exec yes >&2']}";
    world.write(
        "profiles/evil.yaml",
        &format!("transport: feishu\napp_id: cli_evil\napp_secret: {secret}\nbase_url: {url}\n"),
    );
    let (code, _, stderr) = output(&mut world.command(&["chats", "--profile", "evil"]));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("`sh` took longer than 10s"), "{stderr}");
    Table::new("a command without an end", world.home.path()).done(1);
}

/// The longest that verbs beside such files took.
#[tokio::test(flavor = "multi_thread")]
async fn such_files_beside_a_running_supervisor_keep_no_verb_waiting() {
    let world = World::new(2).await;
    let mut table = Table::new("beside a supervisor", world.home.path());
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    let others = |world: &World, table: &mut Table, what: &str| {
        for arguments in [
            ["status"].as_slice(),
            &["send", "--profile", "b0", "--chat", "lobby", "--text", what],
            &["reload"],
            &["up", "--timeout", "5s"],
        ] {
            let mut command: Command = world.command(arguments);
            let ran = table.run(&format!("{what}: {arguments:?}"), &mut command);
            match arguments[0] {
                "status" | "send" => assert_eq!(ran.code, 0, "{what}: {arguments:?} {}", ran.stderr),
                _ => {}
            }
        }
    };
    for kind in KINDS {
        let path = world.home.path().join("profiles/evil.yaml");
        put(kind, &path);
        private(&path);
        // The room would stop bots that speak among themselves.
        world.say("lobby", "go on");
        others(&world, &mut table, kind);
        std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path)).unwrap();
    }
    world.write(
        "profiles/evil.yaml",
        "transport: feishu\napp_id: cli_evil\napp_secret: {command: [sleep, '1000']}\n",
    );
    others(&world, &mut table, "a command that sleeps");
    let before = supervisor.of_type("message").len();
    world.say("lobby", "still there");
    supervisor
        .wait("a message for both", |lines| {
            lines.iter().filter(|line| line["content"] == "still there").count() == 2
        })
        .await;
    assert!(supervisor.of_type("message").len() >= before + 2);
    supervisor.terminate().await;
    table.finish();
}
