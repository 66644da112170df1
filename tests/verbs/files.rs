//! file, send --image, download.

use rooma::sandbox::{Fault, FaultKind, Say};
use serde_json::{Value, json};

use crate::support::World;
use crate::verb::{items, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n picture";

fn here(world: &World, name: &str, bytes: &[u8]) -> String {
    let path = world.home.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the platform would refuse is refused here, and nothing is uploaded.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_uploaded() {
    let world = world(1).await;
    world.rooma(&["send", "--chat", "lobby", "--text", "the token is cached"]).value();
    let sized = |name: &str, start: &[u8], bytes: usize| {
        let path = here(&world, name, start);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_len(bytes as u64).unwrap();
        path
    };
    const MIB: usize = 1024 * 1024;
    let large = sized("large.png", PNG, 11 * MIB);
    let fake = here(&world, "fake.png", b"words");
    let empty = here(&world, "empty.png", b"");
    let files = [
        sized("a.bin", b"x", 31 * MIB),
        sized("a.mp4", b"....", 31 * MIB),
        sized("a.opus", b"OggS", 31 * MIB),
        sized("a.pdf", b"%PDF", 31 * MIB),
        sized("huge.png", PNG, 65 * MIB),
        here(&world, "empty.txt", b""),
    ];
    let calls = world.state().apps[0].rest_calls;
    // By its id, which nobody needs to look up.
    let lobby = world.chat("lobby");
    for dry in [&[][..], &["--dry-run"]] {
        for image in [&large, &fake, &empty] {
            for words in [&["--text", "look"][..], &[]] {
                let arguments = [&["send", "--chat", &lobby, "--image", image], words, dry].concat();
                let error = world.rooma(&arguments).error(2);
                assert_eq!(error["type"], "validation", "{error}");
            }
        }
        for file in &files {
            let error = world.rooma(&[&["file", "--chat", &lobby, "--path", file], dry].concat()).error(2);
            assert_eq!(error["type"], "validation", "{error}");
        }
    }
    assert_eq!(world.state().apps[0].rest_calls, calls, "something was asked of the platform");
    // As a file it goes.
    let posted = world.rooma(&["file", "--chat", "lobby", "--path", &large]).value();
    assert_eq!(posted["type"], "file");
}

fn said(world: &World, file: Option<&str>, text: &str) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        file: file.map(str::to_owned),
        image: file.is_none(),
        text: file.map(|_| text.to_owned()),
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_posted_as_what_it_is() {
    let world = world(1).await;
    for (name, bytes, kind, msg_type) in [
        ("a.png", PNG, "image", "image"),
        ("fake.png", b"words".as_slice(), "file", "file"),
        ("notes 报告.txt", b"words", "file", "file"),
        ("voice.opus", b"OggS\0\0\0\0\0\0\0\0\0\0", "audio", "audio"),
        ("clip.mp4", b"....", "video", "media"),
    ] {
        let path = here(&world, name, bytes);
        let posted = world.rooma(&["file", "--chat", "lobby", "--path", &path]).value();
        assert_eq!((&posted["type"], &posted["name"]), (&json!(kind), &json!(name)));
        assert_eq!(world.message(posted["message_id"].as_str().unwrap()).msg_type, msg_type, "{name}");
    }
    let posted =
        world.rooma(&["file", "--chat", "lobby", "--path", &here(&world, "x.txt", b"x"), "--name", "y.txt"]);
    assert_eq!(posted.value()["name"], "y.txt");
    let image = here(&world, "b.png", PNG);
    let sent = world.rooma(&["send", "--chat", "lobby", "--text", "look", "--image", &image]).value();
    let ids = sent["message_ids"].as_array().unwrap();
    assert_eq!(world.message(ids[1].as_str().unwrap()).msg_type, "image");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_or_cannot_be_uploaded_is_refused_before_anything_is_sent() {
    let world = world(1).await;
    let home = world.home.path();
    std::os::unix::fs::symlink(home.join("profiles/b0.yaml"), home.join("innocent.txt")).unwrap();
    let (empty, large) = (here(&world, "empty", b""), here(&world, "large", &vec![0; 31 * 1024 * 1024]));
    let profile = home.join("profiles/b0.yaml");
    for (path, code) in [
        (profile.to_str().unwrap(), 6),
        ("innocent.txt", 6),
        ("data/b0/token.json", 6),
        (&empty, 2),
        (&large, 2),
        ("missing", 2),
        ("profiles", 6),
        ("/dev/zero", 2),
        (home.to_str().unwrap(), 2),
    ] {
        world.rooma(&["chats"]).value();
        world.rooma(&["file", "--chat", "lobby", "--path", path]).error(code);
        world.rooma(&["send", "--chat", "lobby", "--image", path]).error(code);
    }
    assert_eq!(world.count(), 0);
    assert_eq!(
        world.rooma(&["send", "--chat", "lobby", "--image", &here(&world, "t.txt", b"t")]).error(2)["type"],
        "validation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_safe_and_overwrite_nothing() {
    let world = world(1).await;
    let (one, two, image) =
        (said(&world, Some("r.txt"), "1"), said(&world, Some("r.txt"), "2"), said(&world, None, ""));
    let evil = said(&world, Some("../../evil.txt"), "3");
    let path = |value: &Value| items(value)[0]["path"].as_str().unwrap().to_owned();
    let get = |id: &str| world.rooma(&["download", "--message-id", id, "--out", "in"]).value();
    assert_eq!(
        [path(&get(&one)), path(&get(&two)), path(&get(&evil))],
        ["in/r.txt", "in/r (2).txt", "in/evil.txt"]
    );
    let read = |path: &str| std::fs::read_to_string(world.home.path().join(path)).unwrap();
    assert_eq!((read("in/r.txt"), read("in/r (2).txt")), ("1".into(), "2".into()));
    let picture = get(&image);
    assert!(path(&picture).ends_with(".png"), "{picture}");
    let key = items(&picture)[0]["key"].as_str().unwrap();
    world.rooma(&["download", "--message-id", &image, "--key", key, "--out", "one"]).value();
    assert_eq!(world.rooma(&["download", "--message-id", &one, "--key", key]).error(2)["code"], 234_003);
    let words = world.say("lobby", "only words");
    assert_eq!(world.rooma(&["download", "--message-id", &words]).error(2)["subtype"], "no_resource");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_fails_leaves_nothing_behind() {
    let world = world(1).await;
    let id = said(&world, Some("r.txt"), "some words");
    let get =
        |more: &[&str]| world.rooma(&[&["download", "--message-id", &id, "--out", "in"], more].concat());
    assert_eq!(get(&["--max-size", "4"]).error(2)["subtype"], "too_large");
    let refused =
        Fault { code: Some(234_038), path: Some("/resources/".into()), ..Fault::new(FaultKind::ApiError) };
    world.sandbox.fault(refused).unwrap();
    assert_eq!(get(&[]).error(1)["code"], 234_038);
    let left = std::fs::read_dir(world.home.path().join("in")).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0);
}

/// Neither the kernel's view of a process nor another name of an own file gets out, and no stranger's file gets in.
#[tokio::test(flavor = "multi_thread")]
async fn own_secrets_stay_whatever_name_they_go_by() {
    let world = crate::verb::world(1).await;
    let hard = world.home.path().join("hard.txt");
    std::fs::hard_link(world.home.path().join("profiles/b0.yaml"), &hard).unwrap();
    let soft = world.home.path().join("soft.txt");
    std::os::unix::fs::symlink("/proc/self/environ", &soft).unwrap();
    for path in [hard.to_str().unwrap(), soft.to_str().unwrap(), "/proc/self/environ"] {
        assert_eq!(world.rooma(&["file", "--chat", "lobby", "--path", path]).error(6)["subtype"], "own_file");
        let text = format!("@{path}");
        assert_eq!(
            world.rooma(&["send", "--chat", "lobby", "--text", &text]).error(6)["subtype"],
            "own_file"
        );
    }
    let file = rooma::sandbox::Say {
        chat: Some("lobby".into()),
        file: Some("evil.yaml".into()),
        text: Some("transport: feishu".into()),
        ..Default::default()
    };
    let id = world.sandbox.say(file).unwrap().message_id;
    for out in ["profiles", "data/new", "config"] {
        let error = world.rooma(&["download", "--message-id", &id, "--out", out]).error(6);
        assert_eq!(error["subtype"], "own_folder", "{out}");
    }
    assert_eq!(world.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_plain_and_hidden_characters_of_a_path_reach_nobody() {
    let world = world(1).await;
    world.write("a.txt", "hello");
    for name in ["../b.txt", "a\nb.txt", "a\u{202E}txt.exe", ""] {
        let error = world.rooma(&["file", "--chat", "lobby", "--path", "a.txt", "--name", name]).error(2);
        assert!(error["message"].as_str().unwrap().starts_with("--name"), "{error}");
    }
    world.write("x\u{202E}y.txt", "hello");
    let posted = world.rooma(&["file", "--chat", "lobby", "--path", "x\u{202E}y.txt"]).value();
    assert_eq!(posted["name"], "x_y.txt");
    let error = world.rooma(&["file", "--chat", "lobby", "--path", "no\u{202E}ne"]).error(2);
    assert!(!error.to_string().contains('\u{202E}'), "{error}");
    let error = world.rooma(&["send", "--chat", "lobby", "--image", "x\u{202E}y.txt"]).error(2);
    assert!(!error.to_string().contains('\u{202E}'), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_go_where() {
    let world = world(1).await;
    std::fs::write(world.home.path().join("a.png"), b"\x89PNG....").unwrap();
    let file = ["file", "--chat", "lobby", "--path", "a.png", "--name", "b.png", "--dry-run"];
    let shown = world.rooma(&file).value();
    assert_eq!(
        (&shown["dry_run"], &shown["chat_id"], &shown["type"], &shown["name"], &shown["bytes"]),
        (&json!(true), &json!(world.chat("lobby")), &json!("image"), &json!("b.png"), &json!(8))
    );
    let asked = world.say("lobby", "which?");
    let shown = world.rooma(&["file", "--reply-to", &asked, "--path", "a.png", "--dry-run"]).value();
    assert_eq!(shown["reply_to"], asked.as_str());
    assert_eq!(world.count(), 1);
}
