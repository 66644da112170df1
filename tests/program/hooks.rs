//! `rooma hook` with the JSON that Claude Code writes (https://code.claude.com/docs/en/hooks).

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{PATIENCE, QUICK, World, finished, output};

/// Presence promises this while a supervisor runs.
const HAND_OVER: Duration = Duration::from_millis(150);

/// Claude Code gives all SessionEnd hooks together this long, unless its settings say more.
const SESSION_END: Duration = Duration::from_millis(1500);

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

fn run(command: &mut Command, input: &str) -> Ran {
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A hook that has nothing to do may be gone before it has read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let (code, stdout, stderr) = finished(child);
    Ran { code, stdout, stderr, took: start.elapsed() }
}

/// An end may take as long as it takes here.
fn hook(world: &World, verb: &str, input: &Value) -> Ran {
    let patience: &[&str] = if verb == "session-end" { &["--timeout", "30s"] } else { &[] };
    run(world.command(&["hook", verb]).args(patience), &input.to_string())
}

/// An end as Claude Code has it.
fn hook_as_configured(world: &World, input: &Value) -> Ran {
    run(&mut world.command(&["hook", "session-end"]), &input.to_string())
}

/// As documented, with fields that nobody here needs.
fn start(session: &str, source: &str) -> Value {
    json!({
        "session_id": session, "transcript_path": "/x/t.jsonl", "cwd": "/x", "hook_event_name": "SessionStart",
        "source": source, "model": "claude-sonnet-5", "session_title": "a title",
    })
}

fn end(session: &str, reason: &str) -> Value {
    json!({
        "session_id": session, "transcript_path": "/x/t.jsonl", "cwd": "/x", "hook_event_name": "SessionEnd",
        "reason": reason, "prompt_id": "550e8400-e29b-41d4-a716-446655440000", "permission_mode": "default",
    })
}

fn stop(session: &str, active: bool) -> Value {
    json!({
        "session_id": session, "transcript_path": "/x/t.jsonl", "cwd": "/x", "hook_event_name": "Stop",
        "permission_mode": "default", "stop_hook_active": active, "last_assistant_message": "done",
        "background_tasks": [{"id": "task-1", "type": "shell", "status": "running"}], "session_crons": [],
    })
}

/// What is added to the agent's context. Nothing else may be on stdout.
fn context(ran: &Ran) -> String {
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["hookSpecificOutput"]);
    assert_eq!(value["hookSpecificOutput"]["hookEventName"], "SessionStart");
    let text = value["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    assert!(text.len() < 10_000, "Claude Code cuts it there: {}", text.len());
    text.to_owned()
}

fn arm(world: &World, profile: &str, text: &str, more: &[&str]) {
    let chat = world.state().chats[0].chat_id.clone();
    let arguments =
        ["session", "set", "--profile", profile, "--chat", chat.as_str(), "--farewell-text", text];
    let (code, stdout, stderr) = output(&mut world.command(&[&arguments, more].concat()));
    assert_eq!(code, 0, "{stdout}{stderr}");
}

fn session(world: &World, profile: &str) -> Value {
    let (code, stdout, stderr) = output(&mut world.command(&["session", "show", "--profile", profile]));
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str::<Value>(&stdout).unwrap()["session"].clone()
}

fn said(world: &World, text: &str) -> usize {
    let messages = world.full_state().messages.unwrap();
    messages.iter().filter(|message| message.content.contains(text)).count()
}

async fn is_said(world: &World, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while said(world, text) == 0 {
        assert!(Instant::now() < deadline, "`{text}` is not said");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One slow run is not the promise broken.
fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}

const SOURCES: [&str; 5] = ["startup", "resume", "clear", "compact", "fork"];
const ENDS: [&str; 4] = ["logout", "prompt_input_exit", "bypass_permissions_disabled", "other"];

#[tokio::test(flavor = "multi_thread")]
async fn each_way_a_session_starts_and_ends_with_a_supervisor() {
    starts_and_ends_with_a_supervisor().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn hooks_beside_a_supervisor_take_an_agent_less_than_150_ms() {
    let (starts, ends) = starts_and_ends_with_a_supervisor().await;
    let without_a_network = ends_without_a_network().await.1;
    for took in [starts, ends, without_a_network] {
        assert!(median(took.clone()) < HAND_OVER, "{took:?}");
    }
}

/// How long the hooks took, of starts and of ends.
async fn starts_and_ends_with_a_supervisor() -> (Vec<Duration>, Vec<Duration>) {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for source in SOURCES {
        let ran = hook(&world, "session-start", &start("a1", source));
        let text = context(&ran);
        assert!(text.contains("the supervisor runs (pid"), "{text}");
        assert!(text.contains("- b0: connected since 20"), "{text}");
        assert!(text.contains("session set --agent-session a1 "), "{text}");
        assert_eq!(text.contains("The skill `rooma` is the manual"), source == "startup", "{source}: {text}");
        starts.push(ran.took);
    }
    for reason in ENDS {
        let text = format!("gone by {reason}");
        arm(&world, "b0", &text, &["--agent-session", "a1"]);
        for goes_on in ["clear", "resume"] {
            let ran = hook(&world, "session-end", &end("a1", goes_on));
            assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()), "{goes_on}");
            assert!(session(&world, "b0").is_object(), "{goes_on} is no end");
        }
        let ran = hook(&world, "session-end", &end("a1", reason));
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()), "{reason}");
        ends.push(ran.took);
        is_said(&world, &text).await;
        // A second end, as from a hook that is configured twice, has nothing to say.
        assert_eq!(hook(&world, "session-end", &end("a1", reason)).code, 0);
    }
    supervisor.count("rooma.farewell_sent", ENDS.len()).await;
    let sent = supervisor.of_type("rooma.farewell_sent");
    assert_eq!(sent.iter().map(|line| line["reason"].as_str().unwrap()).collect::<Vec<_>>(), ENDS);
    assert!(ENDS.iter().all(|reason| said(&world, &format!("gone by {reason}")) == 1));
    supervisor.terminate().await;
    (starts, ends)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_a_session_starts_and_ends_without_a_supervisor() {
    starts_and_ends_without_a_supervisor(|world, input| hook(world, "session-end", input)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn a_session_end_is_over_before_claude_code_ends_it() {
    let mut took = starts_and_ends_without_a_supervisor(hook_as_configured).await;
    took.push(ends_without_a_network().await.0);
    assert!(took.iter().all(|took| *took < SESSION_END), "{took:?}");
}

/// How long the ends took.
async fn starts_and_ends_without_a_supervisor(end_by: fn(&World, &Value) -> Ran) -> Vec<Duration> {
    let mut ends = Vec::new();
    let world = World::new(1).await;
    for source in SOURCES {
        let text = context(&hook(&world, "session-start", &start("a1", source)));
        assert!(text.contains("no supervisor runs") && text.contains("`rooma up`"), "{text}");
        assert!(text.contains("- b0: not connected"), "{text}");
    }
    for reason in ENDS {
        let text = format!("gone by {reason}");
        arm(&world, "b0", &text, &["--agent-session", "a1"]);
        assert_eq!(hook(&world, "session-end", &end("a1", "clear")).code, 0);
        assert_eq!(said(&world, &text), 0);
        let ran = end_by(&world, &end("a1", reason));
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()), "{reason}");
        ends.push(ran.took);
        assert_eq!(said(&world, &text), 1, "said before the hook has ended");
    }
    ends
}

/// A platform that takes connections and never says a word.
fn black_hole() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_without_an_answer_does_not_keep_an_agent_from_ending() {
    ends_without_a_network().await;
}

/// How long an end took without a supervisor, and some with one.
async fn ends_without_a_network() -> (Duration, Vec<Duration>) {
    let world = World::new(1).await;
    // What waits for an answer as long as any call may is not seen to end here.
    world.write("config/rooma.yaml", &format!("{QUICK}http: {{timeout: 1h}}\n"));
    let (_listener, url) = black_hole();
    let app = &world.sandbox.apps()[0];
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: {url}\n",
        app.app_id, app.app_secret
    );
    world.write("profiles/b0.yaml", &profile);

    arm(&world, "b0", "unheard", &["--agent-session", "a1"]);
    let ran = hook_as_configured(&world, &end("a1", "other"));
    let alone = ran.took;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    let chat = world.state().chats[0].chat_id.clone();
    assert!(error["error"]["message"].as_str().unwrap().contains(&chat), "{error}");
    assert!(error["error"]["hint"].as_str().unwrap().contains("rooma up"), "{error}");

    let supervisor = world.monitor(&[]);
    supervisor.count("rooma.connecting", 1).await;
    let mut took = Vec::new();
    for _ in 0..5 {
        arm(&world, "b0", "unheard", &["--agent-session", "a1"]);
        let ran = hook(&world, "session-end", &end("a1", "other"));
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()));
        took.push(ran.took);
    }
    supervisor.terminate().await;
    (alone, took)
}

struct Sleeper(Child);

impl Sleeper {
    fn start() -> Sleeper {
        Sleeper(Command::new("sleep").arg("300").spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_agent_keeps_its_shift_and_the_process_before_says_nothing() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let before = Sleeper::start();
    arm(&world, "b0", "not yet", &["--owner", &before.pid(), "--agent-session", "a1"]);
    supervisor.count("rooma.session_armed", 1).await;
    let armed = session(&world, "b0");

    // Another agent session is resumed: that is none of its business.
    hook(&world, "session-start", &start("other", "resume"));
    assert_eq!(session(&world, "b0")["owner"], armed["owner"]);

    let text = context(&hook(&world, "session-start", &start("a1", "resume")));
    assert!(text.contains("(yours)") && text.contains("your shift goes on"), "{text}");
    let resumed = session(&world, "b0");
    assert_eq!((&resumed["id"], &resumed["armed"]), (&armed["id"], &armed["armed"]));
    assert_ne!(resumed["owner"], armed["owner"]);
    drop(before);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(said(&world, "not yet"), 0);

    // After `/clear` the same process has another session id, by which its end is known.
    hook(&world, "session-end", &end("a1", "clear"));
    hook(&world, "session-start", &start("a2", "clear"));
    assert_eq!(session(&world, "b0")["agent_session"], "a2");
    assert_eq!(hook(&world, "session-end", &end("a2", "prompt_input_exit")).code, 0);
    is_said(&world, "not yet").await;
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_acts_for_the_sessions_that_name_its_agent_session() {
    let world = World::new(2).await;
    arm(&world, "b0", "bye of zero", &["--agent-session", "a0"]);
    arm(&world, "b1", "bye of one", &["--agent-session", "a1"]);
    assert_eq!(hook(&world, "session-end", &end("a9", "other")).code, 0);
    assert_eq!((said(&world, "bye of zero"), said(&world, "bye of one")), (0, 0));
    assert_eq!(hook(&world, "session-end", &end("a1", "other")).code, 0);
    assert_eq!((said(&world, "bye of zero"), said(&world, "bye of one")), (0, 1));
    let text = context(&hook(&world, "session-start", &start("a0", "startup")));
    assert!(text.contains("- b0:") && text.contains("- b1:"), "{text}");
    assert!(text.contains("(yours) in"), "{text}");
    let text = context(&hook(&world, "session-start", &start("a0", "compact")));
    assert!(text.contains("- b0:") && !text.contains("- b1:"), "{text}");

    // The one profile there is, unless its session is another agent's.
    let world = World::new(1).await;
    arm(&world, "b0", "named", &["--agent-session", "a0"]);
    assert_eq!(hook(&world, "session-end", &end("a9", "other")).code, 0);
    assert_eq!(said(&world, "named"), 0);
    output(&mut world.command(&["session", "clear"]));
    arm(&world, "b0", "unnamed", &[]);
    assert_eq!(hook(&world, "session-end", &json!({"reason": "logout"})).code, 0);
    assert_eq!(said(&world, "unnamed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_hears_of_lines_that_wait_and_is_kept_from_stopping_once() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let silent = |ran: Ran| assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()));
    let text = context(&hook(&world, "session-start", &start("a1", "startup")));
    assert!(text.contains("nothing was read yet"), "{text}");
    let read = ["watch", "--profile", "b0", "--mentioned", "--for", "100ms"];
    assert_eq!(output(&mut world.command(&read)).0, 0);
    silent(hook(&world, "stop", &stop("a1", false)));

    world.say("lobby", "not for the bot");
    world.tell("b0", "for the bot");
    supervisor.count("message", 2).await;
    let text = context(&hook(&world, "session-start", &start("a1", "startup")));
    let counts = "2 lines wait, 1 of them with --mentioned, 1 of these are messages for it";
    assert!(
        text.contains(counts) && text.contains("`rooma watch --brief --profile b0 --mentioned --for 29m`"),
        "{text}"
    );
    // Whoever is not on shift is left alone.
    silent(hook(&world, "stop", &stop("a1", false)));
    arm(&world, "b0", "bye", &["--agent-session", "a1"]);
    silent(hook(&world, "stop", &stop("another", false)));

    let ran = hook(&world, "stop", &stop("a1", false));
    let block: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, block["decision"].as_str()), (0, Some("block")));
    let reason = block["reason"].as_str().unwrap();
    assert!(reason.contains("1 message waits for b0"), "{reason}");
    let command = reason.split('`').nth(1).unwrap();
    silent(hook(&world, "stop", &stop("a1", true)));

    // The command it names reads them; then there is nothing to stop for.
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let (code, lines, _) = output(&mut world.command(&words));
    assert!(code == 0 && lines.contains("for the bot"), "{lines}");
    silent(hook(&world, "stop", &stop("a1", false)));

    // Nor where a watch reads them anyway.
    let watch = crate::support::Monitor::spawn(
        world.command(&["watch", "--profile", "b0", "--ack"]).args(["--mentioned"]),
    );
    world.tell("b0", "while it is watched");
    watch.count("message", 1).await;
    silent(hook(&world, "stop", &stop("a1", false)));
    let text = context(&hook(&world, "session-start", &start("a1", "compact")));
    assert!(text.contains("a watch reads its lines"), "{text}");
    watch.terminate().await;
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_blocks_nothing() {
    let world = World::new(1).await;
    for verb in ["session-start", "session-end", "stop", "notification"] {
        for input in ["", "{", "[]", "{\"session_id\":7}", "{\"session_id\":\"a;b\"}"] {
            let ran = run(&mut world.command(&["hook", verb]), input);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{verb} {input}");
            let error: Value = serde_json::from_str(&ran.stderr).unwrap();
            assert_eq!(error["ok"], false);
        }
        let ran = hook(&world, verb, &json!({"hook_event_name": "PreToolUse"}));
        assert_eq!(ran.code, 1, "{verb}");
    }
    for arguments in [&["hook"] as &[&str], &["hook", "nonsense"], &["hook", "stop", "--new-option"]] {
        assert_eq!(run(&mut world.command(arguments), "{}").code, 1, "2 would block: {arguments:?}");
    }
    let notification = json!({
        "session_id": "a1", "hook_event_name": "Notification", "message": "Claude needs your permission",
        "notification_type": "permission_prompt",
    });
    let ran = hook(&world, "notification", &notification);
    assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()));

    world.write("profiles/b0.yaml", "transport: nonsense\n");
    for (verb, input) in [
        ("session-start", start("a1", "startup")),
        ("session-end", end("a1", "other")),
        ("stop", stop("a1", false)),
    ] {
        assert_eq!(hook(&world, verb, &input).code, 1, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_has_nothing_to_say_where_nothing_is_set_up() {
    let empty = tempfile::tempdir().unwrap();
    for (verb, input) in [
        ("session-start", start("a1", "startup")),
        ("session-end", end("a1", "other")),
        ("stop", stop("a1", false)),
    ] {
        let ran = run(crate::support::program(empty.path()).args(["hook", verb]), &input.to_string());
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()), "{verb}");
    }
    // The agent's working directory counts, then its project.
    let world = World::new(1).await;
    for (key, variable) in [("cwd", "X"), ("other", "CLAUDE_PROJECT_DIR")] {
        let mut input = json!({"session_id": "a1", "source": "startup"});
        input[key] = json!(world.home.path().join("profiles"));
        let mut command = crate::support::program(empty.path());
        command.env(variable, world.home.path());
        let text = context(&run(command.args(["hook", "session-start"]), &input.to_string()));
        assert!(text.contains("- b0:"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_read_keeps_no_other_from_its_farewell() {
    let world = World::new(2).await;
    arm(&world, "b0", "off b0", &["--agent-session", "cc", "--owner", "none"]);
    world.write("data/b1/active_session.json", "{\"version\": 99}");
    let ran = hook(&world, "session-end", &end("cc", "logout"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(said(&world, "off b0"), 1);
}
