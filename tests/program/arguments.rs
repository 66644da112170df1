//! What a user sees who gets it wrong, or asks for help.

use serde_json::Value;

use crate::support::{World, output, program};

fn error(stderr: &str) -> Value {
    let error: Value =
        serde_json::from_str(stderr).unwrap_or_else(|_| panic!("not one JSON object: {stderr}"));
    assert_eq!(error["ok"], false);
    error["error"].clone()
}

#[test]
fn errors_are_one_json_object_on_stderr_and_nothing_on_stdout() {
    let home = tempfile::tempdir().unwrap();
    let cases: [(&[&str], i32, &str, &str); 6] = [
        (&["monitr"], 2, "validation", "monitr"),
        (&["monitor", "--nonsense"], 2, "validation", "--nonsense"),
        (&["monitor", "--since", "yesterday"], 2, "validation", "yesterday"),
        (&[], 2, "validation", "rooma"),
        (&["monitor"], 3, "config", "no profiles"),
        (&["--home", "/nonexistent", "monitor"], 3, "config", "/nonexistent"),
    ];
    for (arguments, code, kind, said) in cases {
        let (status, stdout, stderr) = output(program(home.path()).args(arguments));
        assert_eq!((status, stdout.as_str()), (code, ""), "{arguments:?}: {stderr}");
        let error = error(&stderr);
        assert_eq!(error["type"], kind, "{arguments:?}");
        assert!(error["message"].as_str().unwrap().contains(said), "{arguments:?}: {error}");
        assert!(error["hint"].is_string(), "{arguments:?}: {error}");
    }
}

#[test]
fn help_names_the_verbs_and_each_verb_has_an_example() {
    let home = tempfile::tempdir().unwrap();
    let (code, help, _) = output(program(home.path()).arg("--help"));
    assert_eq!(code, 0);
    for verb in ["monitor", "demo", "sandbox", "schema"] {
        assert!(help.contains(verb));
        let (code, help, stderr) = output(program(home.path()).args([verb, "--help"]));
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(help.contains("Example") && help.contains(&format!("rooma {verb}")), "{verb}: {help}");
    }
    assert_eq!(output(program(home.path()).arg("--version")).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_profile_and_a_broken_file_exit_3_with_a_hint() {
    let world = World::new(2).await;
    let (code, stdout, stderr) = output(&mut world.command(&["monitor", "--profile", "b11"]));
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(error(&stderr)["hint"].as_str().unwrap().contains("b1"));
    world.write("profiles/b0.yaml", "transport: feishu\nappid: x\n");
    let (code, _, stderr) = output(&mut world.command(&["monitor"]));
    assert_eq!(code, 3);
    let error = error(&stderr);
    assert!(
        error["message"].as_str().unwrap().starts_with("profiles/b0.yaml:2: unknown key `appid`"),
        "{error}"
    );
    assert!(error["hint"].as_str().unwrap().contains("`app_id`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_parks_its_profile_or_ends_it_when_alone() {
    let world = World::new(2).await;
    let app = &world.sandbox.apps()[0];
    let url = world.sandbox.base_url();
    let profile =
        format!("transport: feishu\napp_id: {}\napp_secret: {{env: NOT_SET}}\nbase_url: {url}\n", app.app_id);
    world.write("profiles/b0.yaml", &profile);
    let (code, _, stderr) = output(&mut world.command(&["monitor", "--profile", "b0"]));
    assert_eq!(code, 3);
    assert!(error(&stderr)["message"].as_str().unwrap().contains("NOT_SET"));
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    monitor.count("rooma.parked", 1).await;
    assert_eq!(monitor.of_type("rooma.parked")[0]["profile"], "b0");
    monitor.terminate().await;
}

#[test]
fn the_schema_is_one_json_value() {
    let home = tempfile::tempdir().unwrap();
    let (code, stdout, _) = output(program(home.path()).arg("schema"));
    let schema: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 0);
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), 38);
}

/// Every line the program prints in a demonstration is one the schema knows.
#[test]
fn the_lines_of_the_demo_fit_the_schema() {
    let home = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = output(program(home.path()).arg("demo"));
    assert_eq!(code, 0, "{stderr}");
    let schema = jsonschema::validator_for(&rooma::event::schema()).unwrap();
    let mut types = std::collections::BTreeSet::new();
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(schema.is_valid(&line), "{line}");
        types.insert(line["type"].as_str().unwrap().to_owned());
    }
    for wanted in [
        "rooma.started",
        "rooma.connected",
        "message",
        "reaction.added",
        "rooma.chat_left",
        "rooma.chat_joined",
        "chat.updated",
        "rooma.disconnected",
        "rooma.stopped",
    ] {
        assert!(types.contains(wanted), "{wanted} is missing from {types:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_no_line_has_and_a_cursor_without_a_name_are_refused() {
    let world = World::new(1).await;
    let (code, _, stderr) = output(&mut world.command(&["monitor", "--type", "mesage"]));
    assert_eq!(code, 2);
    assert!(error(&stderr)["hint"].as_str().unwrap().contains("did you mean `message`?"), "{stderr}");
    for cursor in ["", "registry", "../x"] {
        assert_eq!(output(&mut world.command(&["monitor", "--cursor", cursor])).0, 2, "{cursor}");
    }
}

#[test]
fn what_was_meant_is_named() {
    let home = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["sned", "--text", "x"], "did you mean `send`?"),
        (&["send", "--txet", "x"], "did you mean `--text`?"),
        (&["pull", "--limt", "3"], "did you mean `--limit`?"),
        (&["session", "fareweel"], "did you mean `farewell`?"),
        (&["--hmoe", "x", "status"], "did you mean `--home`?"),
        (&["status", "--format", "jsno"], "rooma"),
    ];
    for (arguments, wanted) in cases {
        let (code, _, stderr) = output(program(home.path()).args(arguments));
        let error = error(&stderr);
        assert_eq!(code, 2, "{error}");
        assert!(error["hint"].as_str().unwrap().contains(wanted), "{arguments:?}: {error}");
        assert!(!error["message"].as_str().unwrap().contains("tip:"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_the_kind_of_a_secret_is_named_and_anything_else_there_is_not_repeated() {
    let world = World::new(1).await;
    let app_id = world.sandbox.apps()[0].app_id.clone();
    for (source, near) in [("enf: S", "`env`"), ("flie: S", "`file`"), ("comand: [x]", "`command`")] {
        world.write(
            "profiles/b0.yaml",
            &format!("transport: feishu\napp_id: {app_id}\napp_secret: {{{source}}}\n"),
        );
        let (code, _, stderr) = output(&mut world.command(&["chats"]));
        let error = error(&stderr);
        assert_eq!(code, 3, "{error}");
        let key = source.split(':').next().unwrap();
        assert!(error["message"].as_str().unwrap().contains(&format!("`{key}`")), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(&format!("did you mean {near}?")), "{error}");
    }
    world.write(
        "profiles/b0.yaml",
        &format!("transport: feishu\napp_id: {app_id}\napp_secret: {{Zk3jQ9xP: x}}\n"),
    );
    let (code, _, stderr) = output(&mut world.command(&["chats"]));
    assert!(code == 3 && !stderr.contains("Zk3jQ9xP"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_may_begin_with_a_dash() {
    let world = World::new(1).await;
    let send = |arguments: &[&str]| {
        let (code, stdout, stderr) = output(&mut world.command(arguments));
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap()
    };
    let say = ["send", "--chat", "lobby", "--dry-run"];
    let said = send(&[&say[..], &["--text", "- a"]].concat());
    assert_eq!(said["messages"][0]["content"]["text"], "- a");
    let said = send(&[&say[..], &["--markdown", "--- a/file"]].concat());
    assert!(said.to_string().contains("--- a/file"), "{said}");
    assert_eq!(send(&["chats", "-q", "-1"]), Value::from(-1));
    assert_eq!(send(&["chats", "--jq", "-(.items|length)"]), Value::from(-2));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_the_network_names_the_host_and_never_more_of_an_address() {
    let world = World::new(1).await;
    let app = world.sandbox.apps()[0].clone();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: http://{closed}\n",
        app.app_id, app.app_secret
    );
    world.write("profiles/b0.yaml", &profile);
    let (code, _, stderr) = output(&mut world.command(&["chats", "--timeout", "1s"]));
    let said = error(&stderr)["message"].as_str().unwrap().to_owned();
    assert_eq!(code, 4, "{stderr}");
    assert!(said.contains(&closed.to_string()) && !said.contains("/open-apis"), "{said}");
    assert!(!stderr.contains("?page_size") && !stderr.contains(&app.app_secret), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_beside_a_supervisor_points_to_watch() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let (code, _, stderr) = output(&mut world.command(&["monitor"]));
    let refused = error(&stderr);
    assert_eq!(code, 7);
    assert!(refused["hint"].as_str().unwrap().contains("`rooma watch`"), "{refused}");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_short_form_has_no_place_for_says_what_to_do_instead() {
    let world = World::new(1).await;
    for (arguments, instead) in [
        (&["watch", "--brief", "--jq", ".seq"][..], "--mentioned"),
        (&["watch", "--brief", "--raw"], "--cursor"),
        (&["monitor", "--brief", "--raw"], "--cursor"),
        (&["watch", "--brief", "--context", "3"], "rooma pull"),
    ] {
        let (code, stdout, stderr) = output(&mut world.command(arguments));
        let refused = error(&stderr);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        let hint = refused["hint"].as_str().unwrap();
        assert!(hint.contains("leave out --brief") && hint.contains(instead), "{refused}");
    }
}
