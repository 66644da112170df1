//! Ids get into addresses. What is none gets nowhere, whichever verb it is given to.

use std::process::Command;

use crate::recorder::Recorder;
use crate::support::World;
use crate::verb::{Ran, run, world};

/// Stands in each hostile id, so that a trace of it is found wherever it gets.
const MARK: &str = "zzq";

/// Flags whose value is an id or a key, with what those begin with.
const FLAGS: [(&str, &str); 8] = [
    ("--chat", "oc"),
    ("--message-id", "om"),
    ("--reply-to", "om"),
    ("--before", "om"),
    ("--thread", "omt"),
    ("--user-id", "ou"),
    ("--mention", "ou"),
    ("--key", "img"),
];

/// Every verb that takes one of them, with what else it wants.
const VERBS: [(&[&str], &[&str], &[&str]); 28] = [
    (&["chat-info"], &["--chat"], &[]),
    (&["members"], &["--chat"], &[]),
    (&["pull"], &["--chat", "--thread"], &[]),
    (&["pull", "--chat", "oc_1"], &["--before"], &[]),
    (&["thread"], &["--message-id"], &[]),
    (&["message"], &["--message-id"], &[]),
    (&["explain"], &["--message-id"], &[]),
    (&["download"], &["--message-id"], &[]),
    (&["download", "--message-id", "om_1"], &["--key"], &[]),
    (&["send", "--text", "x"], &["--chat", "--reply-to", "--user-id"], &["--dry-run"]),
    (&["send", "--text", "x", "--chat", "oc_1"], &["--mention"], &["--dry-run"]),
    (&["file", "--path", "a.txt"], &["--chat", "--reply-to"], &["--dry-run"]),
    (&["react", "--emoji", "OK"], &["--message-id"], &[]),
    (&["unreact", "--emoji", "OK"], &["--message-id"], &[]),
    (&["edit", "--text", "x"], &["--message-id"], &[]),
    (&["edit", "--text", "x", "--message-id", "om_1"], &["--mention"], &[]),
    (&["recall"], &["--message-id"], &[]),
    (&["broadcast", "--text", "x"], &["--chat"], &["--dry-run"]),
    (&["broadcast", "--text", "x", "--chat", "oc_1"], &["--mention"], &["--dry-run"]),
    (&["peers"], &["--chat"], &[]),
    (&["room", "pause"], &["--chat"], &[]),
    (&["room", "resume"], &["--chat"], &[]),
    (&["room", "status"], &["--chat"], &[]),
    (&["floor", "take"], &["--chat"], &[]),
    (&["floor", "pass"], &["--chat"], &[]),
    (&["floor", "status"], &["--chat"], &[]),
    (&["session", "set", "--farewell-text", "x"], &["--chat"], &[]),
    (&["help", "--topic", "x"], &["--chat", "--mention"], &[]),
];

fn hostile(kind: &str) -> Vec<String> {
    let tails = [
        "/../../bot/v3/info",
        "/..",
        "?a=b",
        "%2e%2e",
        "%2F..",
        "#x",
        "&receive_id_type=open_id",
        ";x",
        "\\..\\",
        ".",
        " x",
        "\nx",
        "\tx",
        "\u{202E}x",
        "é",
        "\u{FF0F}..",
        "\"",
        "*",
        ":",
        "@x",
        "\u{7F}",
    ];
    let mut all: Vec<String> = tails.iter().map(|tail| format!("{kind}_{MARK}{tail}")).collect();
    all.extend(["..", ".", "../bot/v3/info", "/", "%2e%2e"].map(|text| format!("{MARK}/{text}")));
    all.extend([
        format!("{kind}_/../{MARK}"),
        format!("{kind}_{}{MARK}", "a".repeat(10_000)),
        format!("{kind}_..{MARK}"),
    ]);
    all
}

fn plain(path: &str) -> bool {
    let word =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    path.split('/').all(word)
}

async fn beside(recorder_url: &str) -> World {
    let world = world(1).await;
    let profile =
        format!("transport: feishu\napp_id: cli_a0b1c2d3e4f50617\napp_secret: x\nbase_url: {recorder_url}\n");
    world.write("profiles/b0.yaml", &profile);
    world.write("a.txt", "words");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_no_id_gets_into_an_address_by_any_verb() {
    let parts =
        (0..PARTS).map(|part| std::thread::spawn(move || block_on(tried_by_a_part_of_the_verbs(part))));
    let parts: Vec<_> = parts.collect();
    let tried: usize = parts.into_iter().map(|part| part.join().unwrap()).sum();
    assert!(tried > 700, "{tried}");
}

/// The verbs are tried in so many rows at a time, each with a platform of its own.
const PARTS: usize = 4;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

async fn tried_by_a_part_of_the_verbs(part: usize) -> usize {
    let (recorder, url) = Recorder::start().await;
    let world = beside(&url).await;
    let mut tried = 0;
    for (verb, flags, more) in VERBS.iter().skip(part).step_by(PARTS) {
        for flag in *flags {
            let (_, kind) = FLAGS.iter().find(|(name, _)| name == flag).unwrap();
            // A chat's name may hold anything, and a person's: those are looked up, and not found.
            for id in hostile(kind) {
                let before = recorder.asked().len();
                let ran = run(world.as_profile("b0").args(*verb).args(*more).arg(format!("{flag}={id}")));
                let asked = recorder.asked().split_off(before);
                assert_eq!(ran.code, 2, "{verb:?} {flag}={id}: {ran:?}");
                refused(&ran, &asked, &id);
                tried += 1;
            }
        }
    }
    tried
}

fn refused(ran: &Ran, asked: &[String], id: &str) {
    assert!(ran.stdout.is_empty(), "{id}: {ran:?}");
    for request in asked {
        let path = request.split(['?', ' ']).next().unwrap();
        assert!(!request.contains(MARK) && plain(path), "{id}: {request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_and_the_environment_name_is_checked_likewise() {
    let (recorder, url) = Recorder::start().await;
    let world = beside(&url).await;
    let bad = "oc_zzq/../../bot/v3/info";
    world.write(
        "config/contacts.yaml",
        &format!("chats: {{ops: '{bad}'}}\nusers: {{ann: 'ou_zzq/..', li: {{b0: 'ou_zzq?x'}}, bo: {{union_id: 'on_zzq#'}}}}\n"),
    );
    let refuses = |command: &mut Command| {
        let ran = run(command);
        assert_eq!(ran.code, 2, "{ran:?}");
        refused(&ran, &recorder.asked(), bad);
    };
    for verb in [&["chat-info"][..], &["members"], &["pull"], &["send", "--text", "x", "--dry-run"]] {
        refuses(world.as_profile("b0").args(verb).args(["--chat", "ops"]));
        refuses(world.as_profile("b0").args(verb).env("FEISHU_DEFAULT_CHAT_ID", bad));
    }
    for person in ["ann", "li", "bo"] {
        refuses(world.as_profile("b0").args(["send", "--text", "x", "--user-id", person]));
        refuses(world.as_profile("b0").args(["send", "--text", "x", "--chat", "oc_1", "--mention", person]));
    }
    let profile = std::fs::read_to_string(world.home.path().join("profiles/b0.yaml")).unwrap();
    world.write("profiles/b0.yaml", &format!("{profile}default_chat: '{bad}'\n"));
    refuses(world.as_profile("b0").args(["send", "--text", "x"]));
}

/// A verb that takes ids and stands in no row above would go unseen.
#[test]
fn no_verb_with_an_id_is_left_out() {
    let help = |verb: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rooma")).args(verb).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    fn verbs(help: &str) -> Vec<String> {
        let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
        let rows = list.lines().take_while(|line| line.starts_with("  "));
        let names =
            rows.filter(|row| !row.starts_with("   ")).filter_map(|row| row.split_whitespace().next());
        names.map(str::to_owned).collect()
    }
    let (mut seen, mut missing) = (0, Vec::new());
    let mut look = |path: Vec<String>| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let text = help(&path);
        for (flag, _) in FLAGS {
            if !text.contains(&format!("{flag} <")) {
                continue;
            }
            seen += 1;
            let known = VERBS.iter().any(|(verb, flags, _)| verb.starts_with(&path) && flags.contains(&flag));
            if !known {
                missing.push(format!("{path:?} {flag}"));
            }
        }
    };
    let top = verbs(&help(&[]));
    assert!(top.len() > 25, "{top:?}");
    for verb in top {
        let below = verbs(&help(&[&verb]));
        below.into_iter().for_each(|name| look(vec![verb.clone(), name]));
        look(vec![verb]);
    }
    assert!(seen > 25, "{seen}");
    assert_eq!(missing, Vec::<String>::new());
}
