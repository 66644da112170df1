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
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "hi", "--jq", ".message_id.x"]).error(2);
    assert_eq!(error["hint"], "the verb itself succeeded");
    assert_eq!(world.count(), 1);
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
