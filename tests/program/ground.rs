//! What a supervisor stands on: its home, its files, and what its starter had open.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::{PATIENCE, World, output};

/// A shell in which `rooma` is the program in this home.
fn shell(world: &World, script: &str) -> Command {
    let program = world.command(&[]);
    let mut shell = Command::new("sh");
    shell.env_clear();
    shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    shell.env("PATH", path).env("ROOMA", program.get_program()).env("ROOMA_HOME", world.home.path());
    shell.arg("-c").arg(format!("rooma() {{ \"$ROOMA\" \"$@\"; }}\n{script}"));
    shell.current_dir(world.home.path()).stdin(Stdio::null());
    shell
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_what_up_was_started_with_sees_its_end() {
    let world = World::new(1).await;
    // The substitution ends when nobody holds descriptor 3 any more.
    let mut script = shell(&world, "x=$( { rooma up >/dev/null; } 3>&1 ); echo ended");
    let mut child = script.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            break None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert!(ended.is_some_and(|status| status.success()), "the supervisor holds the other end of a pipe");
    assert_eq!(std::io::read_to_string(child.stdout.take().unwrap()).unwrap(), "ended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_up_was_started_under_goes_with_its_holder() {
    let world = World::new(1).await;
    let (code, _, stderr) =
        output(&mut shell(&world, "exec 9>lk; flock 9; rooma up >/dev/null; rooma status"));
    assert_eq!(code, 0, "{stderr}");
    let free = File::open(world.home.path().join("lk")).unwrap().try_lock().is_ok();
    let (_, status, _) = output(&mut world.command(&["status"]));
    let status: Value = serde_json::from_str(&status).unwrap();
    let pid = status["pid"].as_u64().unwrap();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let kept = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let kept: Vec<_> = kept.filter(|path| path.ends_with("lk")).collect();
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert!(free && kept.is_empty(), "{kept:?}");
}

fn error(stderr: &str) -> Value {
    serde_json::from_str::<Value>(stderr).unwrap_or_else(|_| panic!("not one JSON object: {stderr}"))["error"]
        .clone()
}

fn said<'a>(error: &'a Value, key: &str) -> &'a str {
    error[key].as_str().unwrap_or_else(|| panic!("{error} has no {key}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_up_and_down_say_which_home_they_are_about() {
    let world = World::new(1).await;
    let home = world.home.path().to_str().unwrap();
    for verb in ["status", "up", "up", "status", "down", "down"] {
        let (code, stdout, stderr) = output(&mut world.command(&[verb]));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["home"], home, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_used_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new(1).await;
    let verbs: [&[&str]; 7] =
        [&["status"], &["up"], &["down"], &["monitor"], &["chats"], &["watch"], &["ack", "--seq", "1"]];
    let file = world.home.path().join(".env");
    std::fs::write(&file, "").unwrap();
    let no_text = std::ffi::OsStr::from_bytes(b"/tmp/ho\xffme");
    let typo = std::ffi::OsStr::new("/typo/of/a/home");
    for home in [typo, file.as_os_str(), no_text] {
        for verb in verbs {
            for by_flag in [false, true] {
                let mut command = world.command(verb);
                if by_flag {
                    command.arg("--home").arg(home)
                } else {
                    command.env("ROOMA_HOME", home)
                };
                let (code, stdout, stderr) = output(&mut command);
                assert_eq!((code, stdout.as_str()), (3, ""), "{verb:?} in {home:?}: {stderr}");
                let said = said(&error(&stderr), "message").to_owned();
                let named = if home == no_text { "UTF-8" } else { home.to_str().unwrap() };
                assert!(said.contains(named), "{verb:?} in {home:?}: {said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_no_folder_is_named() {
    let world = World::new(1).await;
    let data = world.home.path().join("data");
    let make: [fn(&std::path::Path); 2] = [
        |data| std::fs::write(data, "x").unwrap(),
        |data| std::os::unix::fs::symlink("/nowhere/at/all", data).unwrap(),
    ];
    for make in make {
        make(&data);
        for verb in
            [&["status"][..], &["up"], &["down"], &["monitor"], &["chats"], &["watch"], &["session", "show"]]
        {
            let (code, stdout, stderr) = output(&mut world.command(verb));
            assert_eq!((code, stdout.as_str()), (3, ""), "{verb:?}: {stderr}");
            assert!(said(&error(&stderr), "message").contains(data.to_str().unwrap()), "{stderr}");
        }
        std::fs::remove_file(&data).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_room_s_file_of_a_later_rooma_stops_nobody_in_other_rooms() {
    let world = crate::rooms::world(2, &[]).await;
    crate::rooms::allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let send = |chat: &str, text: &str| {
        output(&mut world.command(&["--profile", "b0", "send", "--chat", chat, "--text", text]))
    };
    for chat in ["lobby", "workshop"] {
        let (code, said, stderr) = send(chat, "first");
        assert_eq!(code, 0, "{stderr}");
        let said: Value = serde_json::from_str(&said).unwrap();
        crate::rooms::heard(&monitor, "b1", said["message_id"].as_str().unwrap()).await;
    }
    let lobby = world.state().chats.iter().find(|chat| chat.name == "lobby").unwrap().chat_id.clone();
    let file = world.home.path().join(format!("data/rooms/{lobby}.json"));
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "the room is never counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::fs::write(&file, r#"{"version":7,"written_by":"9.8.7","guard":"of another shape"}"#).unwrap();
    let (code, _, stderr) = send("lobby", "second");
    let refused = error(&stderr);
    assert_eq!((code, said(&refused, "subtype")), (5, "newer_version"), "{refused}");
    assert!(
        said(&refused, "message").contains("rooma 9.8.7") && said(&refused, "hint").len() > 20,
        "{refused}"
    );
    for number in 0..3 {
        let (code, answer, stderr) = send("workshop", &format!("word {number}"));
        assert_eq!(code, 0, "{stderr}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        crate::rooms::heard(&monitor, "b1", answer["message_id"].as_str().unwrap()).await;
    }
    monitor.terminate().await;
    assert!(std::fs::read_to_string(&file).unwrap().contains("9.8.7"), "it is left as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_says_who_wrote_a_file_that_it_cannot_read() {
    let world = World::new(1).await;
    assert_eq!(output(&mut world.command(&["up"])).0, 0);
    let set = ["session", "set", "--chat", "lobby", "--farewell-text", "bye", "--owner", "none"];
    let (code, _, stderr) = output(&mut world.command(&set));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(output(&mut world.command(&["sync-chats"])).0, 0);
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    let data = world.home.path().join("data");
    for (name, verb) in [
        ("active_session", &["session", "show"][..]),
        ("known_chats", &["chats-known"]),
        ("known_chats", &["sync-chats"]),
    ] {
        let file = data.join(format!("b0/{name}.json"));
        let before = std::fs::read_to_string(&file).unwrap();
        let value: Value = serde_json::from_str(&before).unwrap();
        assert_eq!(value["written_by"], env!("CARGO_PKG_VERSION"), "{name}");
        std::fs::write(&file, r#"{"version":99,"written_by":"9.8.7","chats":7}"#).unwrap();
        let (code, _, stderr) = output(&mut world.command(verb));
        assert!(code == 5 && said(&error(&stderr), "message").contains("rooma 9.8.7"), "{verb:?}: {stderr}");
        std::fs::write(&file, before).unwrap();
    }
    let db = rusqlite::Connection::open(world.journal()).unwrap();
    let by: String =
        db.query_row("SELECT value FROM meta WHERE key = 'written_by'", [], |row| row.get(0)).unwrap();
    assert_eq!(by, env!("CARGO_PKG_VERSION"));
    db.execute("UPDATE meta SET value = '9.8.7' WHERE key = 'written_by'", []).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    for verb in [&["monitor"][..], &["up"], &["ack", "--cursor", "watch", "--seq", "1"]] {
        let (code, _, stderr) = output(&mut world.command(verb));
        let refused = error(&stderr);
        assert!(code != 0 && said(&refused, "message").contains("rooma 9.8.7"), "{verb:?}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_its_owner_s_whatever_the_umask_and_folders_that_were_open_are_closed() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(1).await;
    let data = world.home.path().join("data");
    let opened = ["log", "cursors", "b0", "b0/downloads"].map(|name| data.join(name));
    let opened: Vec<PathBuf> = std::iter::once(data.clone()).chain(opened).collect();
    for folder in &opened {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    std::fs::write(data.join("log/rooma.log"), "").unwrap();
    let script = "umask 0; rooma up >/dev/null && rooma send --chat lobby --text hi >/dev/null && \
                  rooma session set --chat lobby --farewell-text bye --owner none >/dev/null && \
                  rooma watch --cursor c --since start --max-events 1 >/dev/null && rooma sync-chats >/dev/null";
    let (code, _, stderr) = output(&mut shell(&world, script));
    assert_eq!(code, 0, "{stderr}");
    let said = |folder: &PathBuf| {
        stderr
            .lines()
            .any(|line| line.contains("open to others") && line.contains(&format!("{} ", folder.display())))
    };
    assert!(opened.iter().all(said), "each is said: {stderr}");
    let mut open = Vec::new();
    let mut folders = vec![data];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().chain(std::iter::empty()) {
            let (path, metadata) = {
                let entry = entry.unwrap();
                (entry.path(), entry.metadata().unwrap())
            };
            if metadata.permissions().mode() & 0o077 != 0 {
                open.push(format!("{} {:o}", path.display(), metadata.permissions().mode()));
            }
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert_eq!(open, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_keep_nobody_waiting() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let socket = world.home.path().join("data/rooma.sock");
    let answered_before_them = || {
        let connect = |_| UnixStream::connect(&socket).unwrap();
        let silent: Vec<UnixStream> = (0..300).map(connect).collect();
        let (code, _, stderr) = output(&mut world.command(&["status"]));
        assert_eq!(code, 0, "{stderr}");
        // They may be silent for a while, and then they are cut off.
        silent.iter().all(|one| {
            one.set_nonblocking(true).unwrap();
            let mut one: &UnixStream = one;
            one.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        })
    };
    // A machine may stand still for as long as that; not each time.
    assert!((0..50).any(|_| answered_before_them()), "it answers when the silent ones are gone");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_beyond_the_newest_line_is_refused() {
    use std::io::{BufRead, BufReader, Write};
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let (code, _, stderr) = output(&mut world.command(&["watch", "--since", "999999", "--for", "1s"]));
    assert_eq!((code, said(&error(&stderr), "subtype")), (2, "beyond_newest"), "{stderr}");
    let ask = |line: &str| {
        let mut socket =
            std::os::unix::net::UnixStream::connect(world.home.path().join("data/rooma.sock")).unwrap();
        writeln!(socket, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        answer
    };
    let answer = ask(r#"{"v":1,"op":"cursor","cursor":"mine","seq":999999}"#);
    assert!(answer.contains("beyond_newest"), "{answer}");
    let answer = ask(r#"{"v":1,"op":"cursor","cursor":"mine","seq":1}"#);
    assert!(answer.contains(r#""ok":true"#), "{answer}");
    let (code, _, stderr) = output(&mut world.command(&["ack", "--cursor", "mine", "--seq", "999999"]));
    assert_eq!((code, said(&error(&stderr), "subtype")), (2, "beyond_newest"), "{stderr}");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_that_connects_nobody_fails_with_each_one_s_reason_as_soon_as_each_has_one() {
    let world = World::new(2).await;
    let app = |number: usize| world.sandbox.apps()[number].clone();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = |number: usize| {
        let app = app(number);
        let profile = format!(
            "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: http://{closed}\n",
            app.app_id, app.app_secret
        );
        world.write(&format!("profiles/b{number}.yaml"), &profile);
    };
    unreachable(0);
    let (code, stdout, stderr) = output(&mut world.command(&["up"]));
    assert_eq!(code, 0, "one of two is connected: {stderr}");
    let up: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(up["profiles"][1]["state"], "connected", "{up}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    unreachable(1);
    // Who waits for all of that is not seen to end here.
    let (code, stdout, stderr) = output(&mut world.command(&["up", "--timeout", "1h"]));
    let refused = error(&stderr);
    assert_eq!((code, stdout.as_str()), (4, ""), "{refused}");
    let message = said(&refused, "message");
    assert!(message.contains("b0: ") && message.contains("b1: "), "{refused}");
    assert!(message.contains(&closed.to_string()), "{refused}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    for number in 0..2 {
        let (app, url) = (app(number), world.sandbox.base_url());
        let profile =
            format!("transport: feishu\napp_id: {}\napp_secret: wrong\nbase_url: {url}\n", app.app_id);
        world.write(&format!("profiles/b{number}.yaml"), &profile);
    }
    let (code, _, stderr) = output(&mut world.command(&["up"]));
    assert_eq!((code, said(&error(&stderr), "subtype")), (3, "not_connected"), "{stderr}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

/// A platform that begins to hand out a file and then does nothing more.
fn stalling() -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let json = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = move |path: &str| {
        if path.contains("/resources/") {
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 5000\r\n\r\nfirst bytes".to_owned()
        } else if path.contains("tenant_access_token") {
            json(r#"{"code":0,"msg":"ok","tenant_access_token":"t-1","expire":7200}"#)
        } else if path.contains("/bot/v3/info") {
            json(r#"{"code":0,"msg":"ok","bot":{"open_id":"ou_me","app_name":"b0","activate_status":2}}"#)
        } else {
            json(
                r#"{"code":0,"data":{"items":[{"message_id":"om_1","chat_id":"oc_1","msg_type":"image",
                "create_time":"1","sender":{"id":"ou_1","id_type":"open_id","sender_type":"user"},
                "body":{"content":"{\"image_key\":\"img_1\"}"}}]}}"#,
            )
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut lines = (&mut reader).lines().map_while(Result::ok);
                while let Some(first) = lines.next() {
                    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
                    if (&stream).write_all(answer(&first).as_bytes()).is_err() {
                        return;
                    }
                    if first.contains("tenant_access_token") || first.contains("/resources/") {
                        // The rest of a request, or the end of the client.
                        let _ = std::io::copy(&mut &stream, &mut std::io::sink());
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_whose_body_stands_still_ends_with_the_patience_of_its_verb() {
    let world = World::new(1).await;
    let app = world.sandbox.apps()[0].clone();
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: http://{}\n",
        app.app_id,
        app.app_secret,
        stalling()
    );
    world.write("profiles/b0.yaml", &profile);
    let (code, _, stderr) = output(&mut world.command(&[
        "download",
        "--message-id",
        "om_1",
        "--timeout",
        "3s",
        "--out",
        "inbox",
    ]));
    let refused = error(&stderr);
    assert_eq!(code, 4, "{refused}");
    assert!(said(&refused, "message").contains("stands still"), "{refused}");
}

/// What is there in a folder's place.
fn in_its_place(path: &std::path::Path, what: &str) {
    match what {
        "file" => std::fs::write(path, "x").unwrap(),
        "pipe" => {
            rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
                .unwrap();
        }
        "loop" => std::os::unix::fs::symlink(path, path).unwrap(),
        "nowhere" => std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_whose_folder_is_none_is_parked_and_the_others_are_not() {
    let world = World::new(2).await;
    let folder = world.home.path().join("data/b0");
    std::fs::DirBuilder::new().mode(0o700).create(world.home.path().join("data")).unwrap();
    for what in ["file", "pipe", "loop", "nowhere"] {
        let _ = std::fs::remove_dir_all(&folder);
        in_its_place(&folder, what);
        let (code, stdout, stderr) = output(&mut world.command(&["up"]));
        assert_eq!(code, 0, "{what}: {stderr}");
        let status = |stdout: &str| serde_json::from_str::<Value>(stdout).unwrap()["profiles"].clone();
        let up = status(&stdout);
        assert_eq!(
            (&up[0]["state"], &up[1]["state"]),
            (&"parked".into(), &"connected".into()),
            "{what}: {up}"
        );
        assert!(said(&up[0], "reason").contains("data/b0 is no folder"), "{what}: {up}");
        let watch =
            ["watch", "--since", "start", "--type", "rooma.parked", "--max-events", "1", "--cursor", what];
        let (_, lines, _) = output(&mut world.command(&watch));
        assert!(lines.contains("rooma reload"), "the line says what to do: {lines}");
        let set = ["session", "set", "--chat", "lobby", "--farewell-text", "bye", "--owner", "none"];
        let (code, _, stderr) = output(world.command(&["--profile", "b0"]).args(set));
        let refused = error(&stderr);
        assert!(
            code == 5 && said(&refused, "message").ends_with("data/b0: it is no folder"),
            "{what}: {refused}"
        );
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(output(&mut world.command(&["reload"])).0, 0);
        crate::support::until("it connects", || {
            let (_, stdout, _) = output(&mut world.command(&["status"]));
            status(&stdout)[0]["state"] == "connected"
        })
        .await;
        assert_eq!(output(&mut world.command(&["down"])).0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_place_of_a_folder_of_all_is_named_at_the_start() {
    let world = World::new(1).await;
    let data = world.home.path().join("data");
    std::fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
    for name in ["rooms", "cursors", "log"] {
        for what in ["file", "pipe", "loop", "nowhere"] {
            let path = data.join(name);
            let _ = std::fs::remove_dir_all(&path);
            in_its_place(&path, what);
            for verb in ["up", "monitor"] {
                let (code, stdout, stderr) = output(&mut world.command(&[verb]));
                assert_eq!((code, stdout.as_str()), (3, ""), "{name} {what} {verb}: {stderr}");
                let refused = error(&stderr);
                assert!(said(&refused, "message").contains(path.to_str().unwrap()), "{refused}");
                assert!(said(&refused, "hint").contains("move it away"), "{refused}");
            }
            std::fs::remove_file(&path).unwrap();
        }
    }
}
