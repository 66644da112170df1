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
