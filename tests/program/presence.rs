//! Who is on shift: greetings, and farewells that are said however a shift ends.

#![allow(clippy::print_stdout, reason = "figures and seeds are for people")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rooma::sandbox::{At, Fault, FaultKind, Options};
use serde_json::Value;
use tokio::time::Instant;

use crate::random::Random;
use crate::support::{Monitor, QUICK, World, options, output, text, until};

async fn world(bots: usize) -> World {
    World::with(Options { chat_qps: None, ..options(bots) }).await
}

/// Stands for an agent.
struct Agent(Child);

impl Agent {
    fn new() -> Agent {
        Agent(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn rooma(world: &World, arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = output(world.command(&["--profile", "b0"]).args(arguments));
    let text = if stdout.is_empty() { stderr } else { stdout };
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}")))
}

fn set(world: &World, agent: &Agent, more: &[&str]) -> Value {
    let pid = agent.pid();
    let arguments = [&["session", "set", "--owner", &pid], more].concat();
    let (code, value) = rooma(world, &arguments);
    assert_eq!(code, 0, "{value}");
    value
}

/// Waits until nothing is left to be said.
async fn all_said(world: &World) {
    let file = world.home.path().join("data/b0/active_session.json");
    until("nothing is left to be said", || {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        kept["outbox"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
}

/// How often each text stands in each chat.
fn said(world: &World) -> BTreeMap<(String, String), usize> {
    let state = world.full_state();
    let names: BTreeMap<String, String> =
        state.chats.iter().map(|chat| (chat.chat_id.clone(), chat.name.clone())).collect();
    let mut said = BTreeMap::new();
    for message in state.messages.unwrap() {
        let content: Value = serde_json::from_str(&message.content).unwrap_or_default();
        let chat = names.get(&message.chat_id).cloned().unwrap_or_default();
        *said.entry((chat, text(&content, "text"))).or_default() += 1;
    }
    said
}

fn count(world: &World, chat: &str, text: &str) -> usize {
    said(world).get(&(chat.to_owned(), text.to_owned())).copied().unwrap_or(0)
}

const BOTH: &[&str] = &["--chat", "lobby", "--chat", "workshop"];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_is_taken_leave_of_once_in_each_chat() {
    killed_agent().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn a_killed_agent_is_taken_leave_of_once_in_each_chat_within_three_seconds() {
    let took = killed_agent().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// From the kill to the farewell.
async fn killed_agent() -> Duration {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let mut agent = Agent::new();
    let texts = ["--greeting-text", "here", "--farewell-text", "off", "--crash-text", "gone"];
    let value = set(&world, &agent, &[BOTH, &texts[..]].concat());
    assert_eq!(
        (&value["greeting"]["handed_over"], &value["taken_over"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert_eq!(text(&value["session"]["owner"], "name"), "sleep");
    monitor.count("rooma.greeting_sent", 1).await;
    // The same shift: nobody is greeted again.
    set(&world, &agent, &[BOTH, &texts[..]].concat());
    // Told of before the agent dies: of a shift that is over already nobody says that it was armed again.
    monitor.count("rooma.session_armed", 2).await;
    agent.kill();
    let killed = Instant::now();
    monitor.count("rooma.farewell_sent", 1).await;
    let took = killed.elapsed();
    assert_eq!(rooma(&world, &["session", "farewell"]).1["handed_over"], false, "nothing is armed any more");
    all_said(&world).await;
    for chat in ["lobby", "workshop"] {
        assert_eq!(
            [count(&world, chat, "here"), count(&world, chat, "gone"), count(&world, chat, "off")],
            [1, 1, 0]
        );
    }
    let (lines, _) = monitor.terminate().await;
    let farewell = lines.iter().find(|line| line["type"] == "rooma.farewell_sent").unwrap();
    assert_eq!(
        (text(farewell, "reason"), farewell["chats"].as_array().unwrap().len()),
        ("owner_gone".into(), 2)
    );
    assert!(farewell["failed"].is_null());
    let armed: Vec<&Value> = lines.iter().filter(|line| line["type"] == "rooma.session_armed").collect();
    assert_eq!((armed.len(), text(armed[0], "owner_name").as_str()), (2, "sleep"));
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_and_a_supervisor_killed_together_are_taken_leave_of_at_the_next_start_or_too_late() {
    let world = world(1).await;
    for (max_age, farewells) in [("1h", 1), ("1ms", 0)] {
        world.write("config/rooma.yaml", &format!("{QUICK}presence: {{max_age: {max_age}}}\n"));
        let monitor = world.monitor(&[]);
        monitor.connected(1).await;
        let mut agent = Agent::new();
        let farewell = format!("off {max_age}");
        set(&world, &agent, &[BOTH, &["--farewell-text", &farewell]].concat());
        monitor.count("rooma.session_armed", 1).await;
        monitor.kill().await;
        agent.kill();
        let again = world.monitor(&["--since", "now"]);
        let line = if farewells == 1 { "rooma.farewell_sent" } else { "rooma.session_expired" };
        again.count(line, 1).await;
        all_said(&world).await;
        again.terminate().await;
        for chat in ["lobby", "workshop"] {
            assert_eq!(count(&world, chat, &farewell), farewells, "{max_age}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_is_handed_over_even_where_the_network_swallows_everything() {
    farewells_into_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn a_farewell_returns_at_once_even_where_the_network_swallows_everything() {
    let times = farewells_into_nothing().await;
    println!("session farewell, nothing answers: {times:?}");
    assert!(times[times.len() / 2] < Duration::from_millis(150), "{times:?}");
}

/// How long each of some farewells took, sorted.
async fn farewells_into_nothing() -> Vec<Duration> {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let agent = Agent::new();
    let stall =
        Fault { path: Some("/im/v1/messages".into()), at: Some(At::Rest), ..Fault::new(FaultKind::Stall) };
    world.sandbox.fault(stall).unwrap();
    let mut times = Vec::new();
    for _ in 0..5 {
        set(&world, &agent, &[BOTH, &["--farewell-text", "off"]].concat());
        let before = Instant::now();
        let (code, value) = rooma(&world, &["session", "farewell", "--reason", "logout"]);
        times.push(before.elapsed());
        assert_eq!((code, &value["handed_over"]), (0, &Value::Bool(true)), "{value}");
    }
    times.sort();
    // Nothing has answered: whoever waited for that would wait still.
    assert_eq!((count(&world, "lobby", "off"), monitor.of_type("rooma.farewell_sent").len()), (0, 0));
    // The supervisor cannot say it before it ends; the next one does.
    monitor.terminate().await;
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let again = world.monitor(&["--since", "now"]);
    again.count("rooma.farewell_sent", 1).await;
    again.terminate().await;
    assert_eq!((count(&world, "lobby", "off"), count(&world, "workshop", "off")), (1, 1));
    times
}

/// Nobody has half a minute for it at the end.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_supervisor_and_a_network_a_farewell_gives_up_soon_and_says_so() {
    let world = world(1).await;
    let agent = Agent::new();
    set(&world, &agent, &["--chat", "lobby", "--farewell-text", "off"]);
    // It takes connections and never says a word.
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let profile = std::fs::read_to_string(world.home.path().join("profiles/b0.yaml")).unwrap();
    let dark = format!("http://{}", hole.local_addr().unwrap());
    world.write("profiles/b0.yaml", &profile.replace(&world.sandbox.base_url(), &dark));
    // What waits for an answer as long as any call may is not seen to end here.
    world.write("config/rooma.yaml", &format!("{QUICK}http: {{timeout: 1h}}\n"));
    let (code, value) = rooma(&world, &["session", "farewell"]);
    assert_eq!((code, &value["ok"], &value["handed_over"]), (1, &Value::Bool(false), &Value::Bool(false)));
    assert_eq!(value["waiting"].as_array().unwrap().len(), 1, "{value}");
    assert_eq!(rooma(&world, &["session", "show"]).1["waiting"].as_array().unwrap().len(), 1);
    let (_, help, _) = output(&mut world.command(&["session", "farewell", "--help"]));
    assert!(help.contains("[default: 1s]"), "{help}");
    // It is said by the next supervisor that reaches somebody.
    world.write("profiles/b0.yaml", &profile);
    let monitor = world.monitor(&[]);
    monitor.count("rooma.farewell_sent", 1).await;
    monitor.terminate().await;
    assert_eq!(count(&world, "lobby", "off"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_supervisor_the_verbs_say_it_themselves_and_report_what_they_could_not() {
    let world = world(1).await;
    let agent = Agent::new();
    let value =
        set(&world, &agent, &["--chat", "lobby", "--greeting-text", "here", "--farewell-text", "off"]);
    assert_eq!((count(&world, "lobby", "here"), &value["greeting"]["handed_over"]), (1, &Value::Bool(false)));
    assert!(
        text(&value, "warnings").is_empty() && value["warnings"][0].as_str().unwrap().contains("rooma up")
    );
    let (_, shown) = rooma(&world, &["session", "show"]);
    assert_eq!(text(&shown["session"], "farewell_text"), "off");
    assert_eq!(rooma(&world, &["session", "set-farewell", "--text", "in a meeting"]).0, 0);
    let limit =
        Fault { reset_s: Some(60), path: Some("/im/v1/messages".into()), ..Fault::new(FaultKind::RateLimit) };
    world.sandbox.fault(limit).unwrap();
    let (code, value) = rooma(&world, &["session", "farewell", "--timeout", "300ms"]);
    assert_eq!((code, value["waiting"].as_array().unwrap().len()), (1, 1), "{value}");
    assert_eq!(count(&world, "lobby", "in a meeting"), 0);
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let (code, shown) = rooma(&world, &["session", "show"]);
    assert_eq!(
        (code, shown["session"].is_null(), text(&shown["waiting"][0], "text").as_str()),
        (0, true, "in a meeting")
    );
    let monitor = world.monitor(&[]);
    monitor.count("rooma.farewell_sent", 1).await;
    monitor.terminate().await;
    assert_eq!(count(&world, "lobby", "in a meeting"), 1);
    let (code, error) = rooma(&world, &["session", "set-farewell", "--text", "x"]);
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (2, "no_session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_ends_with_its_time_with_the_connection_that_holds_it_or_without_a_word() {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let agent = Agent::new();
    set(&world, &agent, &["--chat", "lobby", "--farewell-text", "time is over", "--ttl", "500ms"]);
    monitor.count("rooma.farewell_sent", 1).await;
    let mut held = world.command(&["--profile", "b0", "session", "set", "--chat", "lobby"]);
    let held = Monitor::spawn(held.args(["--farewell-text", "let go", "--hold"]));
    held.wait("it is armed", |lines| !lines.is_empty()).await;
    held.kill().await;
    monitor.count("rooma.farewell_sent", 2).await;
    set(&world, &agent, &["--chat", "lobby", "--farewell-text", "unsaid"]);
    assert_eq!(rooma(&world, &["session", "clear"]).0, 0);
    drop(agent);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (lines, _) = monitor.terminate().await;
    let held = ["session", "set", "--chat", "lobby", "--farewell-text", "held by nobody", "--hold"];
    let (code, error) = rooma(&world, &held);
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (2, "not_running"));
    assert_eq!(rooma(&world, &["session", "show"]).1["session"], Value::Null, "nothing is armed in vain");
    let reasons: Vec<String> = lines
        .iter()
        .filter(|line| line["type"] == "rooma.farewell_sent")
        .map(|line| text(line, "reason"))
        .collect();
    assert_eq!(reasons.first().map(String::as_str), Some("ttl"));
    assert!(["connection_closed", "owner_gone"].contains(&reasons[1].as_str()), "{reasons:?}");
    let counts = ["time is over", "let go", "unsaid"].map(|text| count(&world, "lobby", text));
    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_taken_over_says_nothing() {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let (mut first, mut second) = (Agent::new(), Agent::new());
    set(
        &world,
        &first,
        &["--chat", "lobby", "--greeting-text", "hello", "--farewell-text", "the first is off"],
    );
    let value = set(
        &world,
        &second,
        &["--chat", "lobby", "--greeting-text", "hello", "--farewell-text", "the second is off"],
    );
    assert_eq!(value["taken_over"], true);
    first.kill();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    second.kill();
    monitor.count("rooma.farewell_sent", 1).await;
    monitor.terminate().await;
    let counts = ["hello", "the first is off", "the second is off"].map(|text| count(&world, "lobby", text));
    assert_eq!(counts, [1, 0, 1]);
}

async fn interleavings(rounds: u64) {
    let mut random = Random::new("presence");
    let mut below = |bound: u64| random.below(bound);
    let world = world(1).await;
    let mut monitor = Some(world.monitor(&["--since", "now"]));
    let (mut taken, mut ended) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut agents: Vec<(Agent, String)> = Vec::new();
        for step in 0..3 + below(4) {
            match below(6) {
                0 | 1 => {
                    let agent = Agent::new();
                    let farewell = format!("off {round}/{step}");
                    let value = set(&world, &agent, &["--chat", "lobby", "--farewell-text", &farewell]);
                    if value["taken_over"] == true {
                        taken.extend(agents.last().map(|(_, farewell)| farewell.clone()));
                    }
                    agents.push((agent, farewell));
                }
                2 => {
                    if let Some(index) = (!agents.is_empty()).then(|| below(agents.len() as u64) as usize) {
                        let _ = agents[index].0.0.kill();
                        let _ = agents[index].0.0.wait();
                    }
                }
                3 => drop(rooma(&world, &["session", "farewell"])),
                4 => {
                    if let Some(monitor) = monitor.take() {
                        monitor.kill().await;
                    }
                }
                _ => {
                    if monitor.is_none() {
                        monitor = Some(world.monitor(&["--since", "now"]));
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(below(120))).await;
        }
        if monitor.is_none() {
            monitor = Some(world.monitor(&["--since", "now"]));
        }
        let last = agents.last().map(|(_, farewell)| farewell.clone());
        drop(agents);
        if let Some(last) = last {
            // Whatever happened in between, the newest session ends in exactly one farewell.
            until(&format!("the farewell `{last}`"), || count(&world, "lobby", &last) >= 1).await;
            ended.push(last);
        }
    }
    all_said(&world).await;
    // One that was started a moment ago hears no signal yet.
    let monitor = monitor.unwrap();
    monitor.count("rooma.started", 1).await;
    monitor.terminate().await;
    let said = said(&world);
    assert!(said.iter().all(|(_, count)| *count == 1), "{said:?}");
    assert!(taken.iter().all(|farewell| count(&world, "lobby", farewell) == 0), "{taken:?}: {said:?}");
    println!("rounds {rounds}, sessions that ended last {}, taken over {}", ended.len(), taken.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn random_interleavings_never_say_two_farewells() {
    interleavings(12).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a minute; the short one runs always"]
async fn a_hundred_random_interleavings_never_say_two_farewells() {
    interleavings(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_survives_twenty_writers_beside_a_supervisor_and_tells_what_changed_unnoticed() {
    use rooma::sandbox::{Chat, Member};
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let file = world.home.path().join("data/b0/known_chats.json");
    until("the first list", || file.exists()).await;
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let mut command = world.command(&["--profile", "b0", "sync-chats"]);
            std::thread::spawn(move || output(&mut command))
        })
        .collect();
    for number in 0..10 {
        let chat = Chat { chat: None, name: Some(format!("room {number}")), ..Chat::default() };
        world.sandbox.chat(chat).unwrap();
        let member = Member { chat: format!("room {number}"), add: Some("b0".into()), ..Member::default() };
        let _ = world.sandbox.member(member);
    }
    for writer in writers {
        let (code, _, stderr) = writer.join().unwrap();
        assert_eq!(code, 0, "{stderr}");
    }
    let listed = |all: bool| {
        let (_, value) = rooma(&world, if all { &["chats-known", "--all"] } else { &["chats-known"] });
        let names = value["items"].as_array().unwrap().iter().map(|chat| text(chat, "name"));
        names.collect::<std::collections::BTreeSet<String>>()
    };
    assert_eq!(rooma(&world, &["sync-chats"]).0, 0);
    assert_eq!(listed(false).len(), 12, "{:?}", listed(false));
    monitor.terminate().await;

    // While nobody listens the bot leaves one chat; events of that are gone by the next start.
    let member = Member { chat: "room 3".into(), remove: Some("b0".into()), ..Member::default() };
    world.sandbox.member(member).unwrap();
    let again = world.monitor(&["--since", "now"]);
    again.count("rooma.chat_left", 1).await;
    until("the file", || !listed(false).contains("room 3")).await;
    assert!(listed(true).contains("room 3"), "marked, not deleted");
    again.terminate().await;
    std::fs::write(&file, "{ half").unwrap();
    assert_eq!(rooma(&world, &["sync-chats"]).0, 0);
    assert_eq!(listed(false).len(), 11);
    let kept = std::fs::read_dir(file.parent().unwrap()).unwrap().flatten();
    assert!(kept.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("corrupt-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sync_chats_finds_is_told_by_the_supervisor_that_runs() {
    use rooma::sandbox::{Chat, Fault, FaultKind};
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let file = world.home.path().join("data/b0/known_chats.json");
    until("the first list", || file.exists()).await;
    world.sandbox.fault(Fault::new(FaultKind::Deaf)).unwrap();
    world.sandbox.chat(Chat { name: Some("annexe".into()), ..Chat::default() }).unwrap();
    let (code, synced) = rooma(&world, &["sync-chats"]);
    assert_eq!((code, synced["joined"].as_array().unwrap().len()), (0, 1), "{synced}");
    monitor.count("rooma.chat_joined", 1).await;
    assert_eq!(rooma(&world, &["sync-chats"]).1["joined"], serde_json::json!([]));
    let (lines, _) = monitor.terminate().await;
    let joined: Vec<&Value> = lines.iter().filter(|line| line["type"] == "rooma.chat_joined").collect();
    assert_eq!(joined.len(), 1, "{joined:?}");
    assert_eq!(text(joined[0], "reason"), "reconciled");
}

/// However many look at the list beside it, before the event, after it and while it is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_and_a_leave_are_told_once_whatever_looks_at_the_list_beside() {
    use rooma::sandbox::{Chat, Member};
    const ROUNDS: usize = 4;
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let file = world.home.path().join("data/b0/known_chats.json");
    until("the first list", || file.exists()).await;
    let sync = || {
        let mut command = world.command(&["sync-chats"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let member = |add: Option<&str>, remove: Option<&str>| Member {
        chat: "annexe".into(),
        add: add.map(Into::into),
        remove: remove.map(Into::into),
        ..Default::default()
    };
    world.sandbox.chat(Chat { name: Some("annexe".into()), ..Chat::default() }).unwrap();
    monitor.count("rooma.chat_joined", 1).await;
    for round in 1..=ROUNDS {
        for (change, type_name, told) in [
            (member(None, Some("b0")), "rooma.chat_left", round),
            (member(Some("b0"), None), "rooma.chat_joined", round + 1),
        ] {
            let mut beside: Vec<_> = (0..3).map(|_| sync()).collect();
            world.sandbox.member(change).unwrap();
            beside.extend((0..3).map(|_| sync()));
            for child in &mut beside {
                child.wait().unwrap();
            }
            monitor.count(type_name, told).await;
            world.all_acked().await;
        }
    }
    let (lines, _) = monitor.terminate().await;
    let told = |type_name: &str| {
        let lines = lines.iter().filter(|line| line["type"] == *type_name);
        lines.map(|line| text(line, "reason")).collect::<Vec<_>>()
    };
    assert_eq!(told("rooma.chat_joined").len(), ROUNDS + 1, "{:?}", told("rooma.chat_joined"));
    assert_eq!(told("rooma.chat_left").len(), ROUNDS, "{:?}", told("rooma.chat_left"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_keeps_nobody_else_from_a_farewell() {
    let world = world(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    world.write("data/b0/active_session.json", "{\"version\": 99}");
    let arguments =
        ["--profile", "b1", "session", "set", "--chat", "lobby", "--owner", "none", "--ttl", "1500ms"];
    let (code, _, stderr) = output(world.command(&arguments).args(["--farewell-text", "time is over"]));
    assert_eq!(code, 0, "{stderr}");
    monitor.count("rooma.farewell_sent", 1).await;
    monitor.terminate().await;
    assert_eq!(count(&world, "lobby", "time is over"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_that_is_on_its_way_when_the_next_shift_begins_is_not_said_into_it() {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let agent = Agent::new();
    set(&world, &agent, &["--chat", "lobby", "--farewell-text", "old"]);
    let slow = Fault { path: Some("/im/v1/messages".into()), ms: Some(6000), ..Fault::new(FaultKind::Slow) };
    let calls = || world.state().apps[0].rest_calls;
    let before = calls();
    world.sandbox.fault(Fault { count: Some(1), ..slow }).unwrap();
    let began = Instant::now();
    assert_eq!(rooma(&world, &["session", "farewell"]).0, 0);
    until("the call that says it", || calls() > before).await;
    set(&world, &agent, &["--chat", "lobby", "--farewell-text", "new"]);
    // The slow call is over, and more.
    tokio::time::sleep_until(began + Duration::from_millis(7500)).await;
    assert_eq!(count(&world, "lobby", "old"), 0);
    assert_eq!(rooma(&world, &["session", "farewell"]).0, 0);
    until("the new one", || count(&world, "lobby", "new") == 1).await;
    monitor.terminate().await;
}
