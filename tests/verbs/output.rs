//! How values are printed.

use std::process::Stdio;

use crate::verb::{run, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_json_lines_a_table_or_what_jq_makes_of_it() {
    let world = world(1).await;
    let lobby = world.chat("lobby");
    let shown = |more: &[&str]| world.rooma(&[&["chats"], more].concat()).stdout;
    assert_eq!(shown(&[]).lines().count(), 1);
    assert_eq!(shown(&["--format", "ndjson"]).lines().count(), 2);
    let table = shown(&["--format", "table"]);
    assert!(table.starts_with("CHAT_ID") && table.lines().count() == 3, "{table}");
    assert_eq!(shown(&["--jq", ".items[] | select(.name == \"lobby\").chat_id"]), format!("{lobby}\n"));
    assert_eq!(shown(&["-q", ".items | length"]), "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_expression_is_noticed_before_anything_is_sent() {
    let world = world(1).await;
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "hi", "--jq", ".message_id["]).error(2);
    assert_eq!(error["subtype"], "jq");
    assert_eq!((world.count(), world.state().apps[0].rest_calls), (0, 0));
}

/// What is done is done: an output that fails must not look like a send that may be repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_output_fails_is_told_as_done() {
    let world = world(1).await;
    let ran = world.rooma(&["send", "--chat", "lobby", "--text", "hi", "--jq", ".message_id.x"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("it was done"), "{}", ran.stderr);
    let sent: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(world.message(sent["message_id"].as_str().unwrap()).content, "{\"text\":\"hi\"}");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = world.as_profile("b0");
    command.args(["send", "--chat", "lobby", "--text", "two"]).stdout(full).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&error["error"]["subtype"], &error["error"]["retryable"]),
        (&"output_failed".into(), &false.into())
    );
    assert!(error["error"]["hint"].as_str().unwrap().contains("om_"), "{error}");
    assert_eq!(world.count(), 2);
    // A verb that only reads fails as it did.
    world.rooma(&["chats", "--jq", ".items.x"]).error(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_left_is_no_error() {
    let world = world(1).await;
    let mut command = world.as_profile("b0");
    let mut child = command.arg("chats").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(run(world.as_profile("b0").args(["chats", "--format", "xml"])).error(2)["type"], "validation");
}

/// The keys of each verb's value, in their order: what scripts rely on.
#[tokio::test(flavor = "multi_thread")]
async fn each_verb_keeps_its_shape() {
    let world = world(1).await;
    let id = world.say("lobby", "x");
    let path = world.home.path().join("a.txt");
    std::fs::write(&path, "a").unwrap();
    let said = "ok,message_id,chat_id,create_time,message_ids";
    let message =
        "message_id,chat_id,message_type,create_time,sender,sender_id,sender_name,sender_type,content";
    let chat = "chat_id,name,chat_mode,chat_status,owner_id,external";
    let chat_info = "chat_id,name,description,announcement,chat_mode,chat_type,chat_status,user_count,bot_count,owner_id,external";
    for (arguments, wanted) in [
        (&["chats", "-q", ".items[0]"][..], chat),
        (&["chats"], "items,has_more"),
        (&["chat-info", "--chat", "lobby"], chat_info),
        (&["members", "--chat", "lobby", "-q", ".items[0]"], "member_id,name,member_type"),
        (&["members", "--chat", "lobby", "-q", ".items[2]"], "member_id,name,member_type,profile"),
        (&["pull", "--chat", "lobby", "-q", ".items[0]"], message),
        (&["message", "--message-id", &id], message),
        (&["send", "--chat", "lobby", "--text", "y"], said),
        (
            &["file", "--chat", "lobby", "--path", path.to_str().unwrap()],
            "ok,message_id,chat_id,create_time,message_ids,type,key,name,bytes",
        ),
        (&["react", "--message-id", &id, "--emoji", "OK"], "message_id,reaction_id,emoji"),
        (&["broadcast", "--chat", "lobby", "--text", "z"], "ok,items,idempotency_key"),
        (
            &["help", "--topic", "z", "--chat", "lobby"],
            "ok,message_id,chat_id,create_time,message_ids,warnings",
        ),
    ] {
        let ran = world.rooma(arguments);
        assert_eq!(keys(&ran.stdout), wanted, "{arguments:?}: {ran:?}");
    }
}

/// Keys as they stand, which a parsed object would sort.
fn keys(json: &str) -> String {
    let (mut depth, mut keys, mut word, mut inside) = (0, Vec::new(), String::new(), false);
    for c in json.chars() {
        match (inside, c) {
            (true, '"') => inside = false,
            (true, c) => word.push(c),
            (false, '"') => (inside, word) = (true, String::new()),
            (false, ':') if depth == 1 => keys.push(std::mem::take(&mut word)),
            (false, '{' | '[') => depth += 1,
            (false, '}' | ']') => depth -= 1,
            (false, _) => {}
        }
    }
    keys.join(",")
}
