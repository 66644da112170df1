//! Several agents and people in one chat.

use std::time::Duration;

use rooma::sandbox::{At, BotInfo, Fault, FaultKind, Member, Options, Say};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Monitor, PATIENCE, QUICK, World, options, output, text, until};

/// What an app needs to hear people in groups, and to read and write, and nothing of bots.
pub const DEAF_TO_BOTS: &[&str] = &[
    "application:bot.basic_info:read",
    "contact:contact.base:readonly",
    "contact:user.base:readonly",
    "contact:user.id:readonly",
    "im:chat",
    "im:chat.members:read",
    "im:message",
    "im:message.group_msg",
    "im:message.p2p_msg",
    "im:resource",
];

pub async fn world(bots: usize, deaf: &[&str]) -> World {
    World::with(options_of(bots, deaf)).await
}

pub fn options_of(bots: usize, deaf: &[&str]) -> Options {
    let scopes = deaf.iter().map(|bot| {
        ((*bot).to_owned(), DEAF_TO_BOTS.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>())
    });
    // The platform names the app behind a mention on some deliveries only.
    let bot_info = BotInfo::Some;
    Options { chat_qps: None, bot_info, scopes: scopes.collect(), ..options(bots) }
}

pub fn rooma(world: &World, profile: &str, arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = output(world.command(&["--profile", profile]).args(arguments));
    let text = if stdout.is_empty() { stderr } else { stdout };
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}")))
}

pub fn allow_all_bots(world: &World, bots: usize) {
    for bot in 0..bots {
        let path = world.home.path().join(format!("profiles/b{bot}.yaml"));
        let profile = std::fs::read_to_string(&path).unwrap();
        world.write(&format!("profiles/b{bot}.yaml"), &format!("{profile}allow: {{bots: all}}\n"));
    }
}

pub fn messages_of<'a>(lines: &'a [Value], profile: &str, id: &str) -> Vec<&'a Value> {
    let mine = lines.iter().filter(|line| line["type"] == "message" && line["message_id"] == *id);
    mine.filter(|line| line["profile"] == *profile).collect()
}

/// The pause that the profiles were told of last, as the room's file notes it.
pub fn told_of(world: &World, chat: &str) -> Option<String> {
    let chat = world.state().chats.into_iter().find(|known| known.name == chat)?.chat_id;
    let file = world.home.path().join(format!("data/rooms/{chat}.json"));
    let room: Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    room["told"].as_str().map(str::to_owned)
}

pub async fn heard(monitor: &Monitor, profile: &str, id: &str) {
    monitor.wait(&format!("{id} for {profile}"), |lines| !messages_of(lines, profile, id).is_empty()).await;
}

/// Three agents that always answer, one after the other, until they are stopped.
fn chatter(world: &World, round: &str) -> (usize, Value) {
    for number in 0..50 {
        let profile = format!("b{}", number % 3);
        let words = format!("{round}: thought number {number} is about {}", number * 37);
        let (code, value) = rooma(world, &profile, &["send", "--chat", "lobby", "--text", &words]);
        if code != 0 {
            assert_eq!(code, 6, "{value}");
            return (number, value["error"].clone());
        }
    }
    panic!("nobody stopped them");
}

/// Where these sit is known for certain once their lists of chats were had.
async fn listed(world: &World, profiles: &[&str]) {
    let known =
        |profile: &&str| world.home.path().join("data").join(profile).join("known_chats.json").exists();
    let deadline = Instant::now() + PATIENCE;
    while !profiles.iter().all(known) {
        assert!(Instant::now() < deadline, "the chats are not known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_always_answer_stop_at_the_limit_until_a_person_speaks() {
    let world = world(3, &["b0", "b1", "b2"]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    // The room is one once a bot was heard in it; from then on every turn counts.
    let (_, first) = rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "hello"]);
    let id = text(&first, "message_id");
    let file = world.home.path().join("data/rooms");
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "the room was not noticed: {id}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let person = world.say("lobby", "go on");
    monitor.wait("a person's word", |lines| messages_of(lines, "b0", &person).len() == 1).await;
    let status = || rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1;
    until("it counts", || status()["turns"] == 0).await;

    let (spoken, error) = chatter(&world, "first");
    assert_eq!((spoken, text(&error, "subtype").as_str()), (10, "loop_guard"), "{error}");
    assert!(error["retry_after_ms"].as_u64().unwrap() > 500_000, "{error}");
    monitor.count("rooma.room_paused", 3).await;
    let (_, status) = rooma(&world, "b0", &["room", "status", "--chat", "lobby"]);
    assert_eq!((&status["paused"], text(&status, "reason").as_str()), (&Value::Bool(true), "turns"));
    // A call for help is no turn.
    assert_eq!(rooma(&world, "b1", &["help", "--topic", "t", "--detail", "d", "--chat", "lobby"]).0, 0);
    // Its pause survives everything.
    monitor.kill().await;
    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(3).await;
    assert_eq!(rooma(&world, "b2", &["send", "--chat", "lobby", "--text", "x"]).0, 6);
    let marked = Say { chat: Some("workshop".into()), text: Some("elsewhere".into()), ..Say::default() };
    world.sandbox.say(marked).unwrap();

    let person = world.say("lobby", "well done, go on");
    monitor.count("rooma.room_resumed", 3).await;
    let (lines, _) = (monitor.lines(), ());
    let seen = messages_of(&lines, "b0", &person);
    assert!(seen[0]["room"].is_null(), "whoever reads the word that ends the pause may answer: {}", seen[0]);
    let (spoken, _) = chatter(&world, "second");
    assert_eq!(spoken, 10);
    monitor.count("rooma.room_paused", 3).await;
    monitor.terminate().await;
    let notices = world.full_state().messages.unwrap();
    let notices = notices.iter().filter(|message| message.content.contains('⏸')).count();
    assert_eq!(notices, 2, "one for each pause");
}

/// Ways to say the same words.
type Form = fn(&str) -> Vec<String>;

const FORMS: [(&str, Form); 6] = [
    ("text", |words| owned(&["--text", words])),
    ("markdown", |words| owned(&["--markdown", words])),
    ("markdown with a mention", |words| owned(&["--markdown", words, "--mention", "b2"])),
    ("text with a mention", |words| owned(&["--text", words, "--mention", "b2"])),
    ("post", |words| {
        let post = json!({"zh_cn": {"title": "", "content": [[{"tag": "text", "text": words}]]}});
        owned(&["--msg-type", "post", "--content", &post.to_string()])
    }),
    ("card", |words| {
        let card = json!({
            "config": {"wide_screen_mode": true},
            "header": {"title": {"tag": "plain_text", "content": "Build"}, "template": "blue"},
            "elements": [{"tag": "div", "text": {"tag": "lark_md", "content": words}}],
        });
        owned(&["--msg-type", "interactive", "--content", &card.to_string()])
    }),
];

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// A text of many parts that are alike, heard by push and by relay, with a floor that is given to its speaker.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_one_turn_however_many_parts_it_has() {
    for deaf in [&["b0", "b1"][..], &[]] {
        let world = world(2, deaf).await;
        world.write("config/rooms.yaml", "default: {floor: enforce}\n");
        allow_all_bots(&world, 2);
        let monitor = world.monitor(&[]);
        monitor.connected(2).await;
        let status = || rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1;
        let (_, first) = rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "hello"]);
        heard(&monitor, "b0", &text(&first, "message_id")).await;
        let called = Say {
            chat: Some("lobby".into()),
            text: Some("@b0 @b1 all of it, please".into()),
            mention: vec!["b0".into(), "b1".into()],
            ..Say::default()
        };
        let called = world.sandbox.say(called).unwrap().message_id;
        heard(&monitor, "b0", &called).await;
        until("the floor is open", || status()["floor"]["holder"] == "b0" && status()["turns"] == 0).await;

        world.write("long.md", &"the same words\n\n".repeat(19_000));
        let long = format!("@{}", world.home.path().join("long.md").display());
        let (code, said) = rooma(&world, "b0", &["send", "--chat", "lobby", "--markdown", &long]);
        assert_eq!(code, 0, "{said}");
        let ids = said["message_ids"].as_array().unwrap();
        assert!(ids.len() > 10, "{}", ids.len());
        for id in ids {
            heard(&monitor, "b1", id.as_str().unwrap()).await;
        }
        assert_eq!(status()["turns"], 1);
        // What was heard before a person's word is counted with it.
        world.say("lobby", "thank you");
        until("it is counted", || status()["turns"] == 0).await;
        let (lines, _) = monitor.terminate().await;
        assert!(lines.iter().all(|line| line["type"] != "rooma.room_paused"), "it was counted");
    }
}

/// How many of these two agents that take turns get said, in a room that was resumed just before.
fn exchange(world: &World, said: &[Vec<String>]) -> usize {
    assert_eq!(rooma(world, "b2", &["room", "resume", "--chat", "lobby"]).0, 0);
    for (number, form) in said.iter().enumerate() {
        let mut arguments = vec!["send", "--chat", "lobby"];
        arguments.extend(form.iter().map(String::as_str));
        let (code, value) = rooma(world, ["b0", "b1"][number % 2], &arguments);
        if code != 0 {
            assert_eq!((code, text(&value["error"], "subtype").as_str()), (6, "loop_guard"), "{value}");
            return number;
        }
    }
    said.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_compared_and_not_the_form_they_are_sent_in() {
    let world = world(3, &[]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    assert_eq!(rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "hello"]).0, 0);
    let file = world.home.path().join("data/rooms");
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "the room was not noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let words = |last: &str| format!("the nightly build of main is green on these eleven targets {last}");
    for (name, form) in FORMS {
        let different = ["one", "two", "three", "four", "five"].map(|last| form(&words(last)));
        assert_eq!(exchange(&world, &different), 5, "{name}: the last of twelve words differs");
        let same = [(); 5].map(|()| form(&words("one")));
        assert_eq!(exchange(&world, &same), 3, "{name}: the same again and again");
    }
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_paused_and_resumed_by_hand() {
    let world = world(2, &[]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let (code, status) = rooma(&world, "b0", &["room", "pause", "--chat", "lobby"]);
    assert_eq!((code, text(&status, "reason").as_str()), (0, "manual"));
    let (code, error) = rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "x"]);
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "room_paused"));
    world.say("lobby", "a person does not resume that");
    monitor.count("message", 2).await;
    assert_eq!(rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "x"]).0, 6);
    assert_eq!(rooma(&world, "b0", &["room", "resume", "--chat", "lobby"]).0, 0);
    assert_eq!(rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "x"]).0, 0);
    let (lines, _) = monitor.terminate().await;
    let count = |name: &str| lines.iter().filter(|line| line["type"] == name).count();
    assert_eq!(count("rooma.room_paused"), count("rooma.room_resumed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_wake_an_agent_reaches_it() {
    let world = world(3, &[]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let from_b2 = |text: &str, mention: &[&str]| {
        let say = Say {
            chat: Some("lobby".into()),
            from: Some("b2".into()),
            text: Some(text.into()),
            mention: mention.iter().map(|name| (*name).to_owned()).collect(),
            ..Say::default()
        };
        world.sandbox.say(say).unwrap().message_id
    };
    // Bots wake by mention only, unless the profile says otherwise.
    let quiet = from_b2("nobody in particular", &[]);
    let called = from_b2("@b0 you", &["b0"]);
    heard(&monitor, "b0", &called).await;
    world.all_acked().await;
    let lines = monitor.lines();
    assert!(messages_of(&lines, "b0", &quiet).is_empty());
    assert!(messages_of(&lines, "b1", &called).is_empty());
    // A room may ask people for a mention too.
    world.write("config/rooms.yaml", "default: {require_mention: true}\n");
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    monitor.connected(6).await;
    let unmentioned = world.say("lobby", "hello all");
    let say = Say {
        chat: Some("lobby".into()),
        text: Some("@b1 hello".into()),
        mention: vec!["b1".into()],
        ..Say::default()
    };
    let mentioned = world.sandbox.say(say).unwrap().message_id;
    heard(&monitor, "b1", &mentioned).await;
    world.all_acked().await;
    let (lines, _) = monitor.terminate().await;
    for profile in ["b0", "b1", "b2"] {
        assert!(messages_of(&lines, profile, &unmentioned).is_empty());
    }
    assert!(messages_of(&lines, "b0", &mentioned).is_empty());
}

/// Aliases of the sandbox's people, as each app sees them, and of its first chat.
pub fn contacts(world: &World) -> String {
    let ready: Value = serde_json::from_str(&world.sandbox.ready_line()).unwrap();
    let people = ready["people"].as_array().unwrap().iter();
    let people: Vec<String> =
        people.map(|person| format!("{}: {}", text(person, "name"), person["open_ids"])).collect();
    format!("users: {{{}}}\nchats: {{lobby: {}}}\n", people.join(", "), text(&ready["chats"][0], "chat_id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_s_policy_says_who_wakes_agents_there_instead_of_their_profiles() {
    let people = ["ann", "li", "max"].map(str::to_owned).to_vec();
    let world = World::with(Options { chat_qps: None, people, ..options(3) }).await;
    let profile = std::fs::read_to_string(world.home.path().join("profiles/b0.yaml")).unwrap();
    world.write("profiles/b0.yaml", &format!("{profile}owner: max\nallow: {{people: [li], bots: none}}\n"));
    world.write("config/contacts.yaml", &contacts(&world));
    // An alias that nobody has is nobody.
    world.write("config/rooms.yaml", "lobby: {allow: {people: [ann, nobody], bots: all}}\n");
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let explain = |profile: &str, id: &str| {
        let (code, value) = rooma(&world, profile, &["explain", "--message-id", id]);
        assert_eq!(code, 0, "{value}");
        value["profiles"][0].clone()
    };
    // Why b0 and b1 do not read it, if they do not, and the trust of their lines.
    let check = async |chat: &str, from: &str, expected: [(&str, &str); 2]| {
        let words = Some(format!("does {chat} hear {from}?"));
        let say =
            Say { chat: Some(chat.to_owned()), from: Some(from.to_owned()), text: words, ..Say::default() };
        let id = world.sandbox.say(say).unwrap().message_id;
        world.all_acked().await;
        for (profile, (held, trust)) in ["b0", "b1"].into_iter().zip(expected) {
            let line = explain(profile, &id)["line"].clone();
            assert_eq!(
                (text(&line, "held"), text(&line, "trust")),
                (held.into(), trust.into()),
                "{from}: {line}"
            );
            if held.is_empty() {
                heard(&monitor, profile, &id).await;
            }
            let lines = monitor.lines();
            let read = messages_of(&lines, profile, &id);
            assert!(read.iter().all(|line| held.is_empty() && line["trust"] == trust), "{read:?}");
        }
        id
    };
    check("lobby", "ann", [("", "allowed"), ("", "allowed")]).await;
    check("lobby", "max", [("", "owner"), ("person", "stranger")]).await;
    check("lobby", "b2", [("", "peer"), ("", "peer")]).await;
    let held = check("lobby", "li", [("person", "allowed"), ("person", "stranger")]).await;
    for profile in ["b0", "b1"] {
        let explained = explain(profile, &held);
        assert_eq!((&explained["reached"], text(&explained, "why")), (&Value::Bool(false), "person".into()));
        assert!(text(&explained, "detail").contains("the room's in config/rooms.yaml"), "{explained}");
    }
    // Elsewhere, and in a chat of two, the profiles' own gates count.
    check("workshop", "ann", [("person", "stranger"), ("", "stranger")]).await;
    check("workshop", "li", [("", "allowed"), ("", "stranger")]).await;
    check("workshop", "b2", [("bot", "peer"), ("bot", "peer")]).await;
    let direct = world.tell("b0", "just you");
    world.all_acked().await;
    let line = explain("b0", &direct)["line"].clone();
    assert_eq!((text(&line, "held"), text(&line, "trust")), ("person".into(), "stranger".into()));

    // Noticed without being asked.
    world.write("config/rooms.yaml", "lobby: {allow: {people: [li]}}\n");
    monitor.connected(6).await;
    check("lobby", "ann", [("person", "stranger"), ("person", "stranger")]).await;
    check("lobby", "li", [("", "allowed"), ("", "allowed")]).await;
    check("lobby", "b2", [("bot", "peer"), ("bot", "peer")]).await;
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_are_asked_one_answers_first() {
    let world = world(3, &[]).await;
    world.write("config/rooma.yaml", QUICK);
    world.write(
        "config/rooms.yaml",
        "default: {floor: enforce, floor_ttl: 1h, roles: {reviewers: [nobody, b2, b0]}}\n",
    );
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    listed(&world, &["b0", "b1", "b2"]).await;
    world.say("lobby", "so that it is known who is here");
    monitor.count("message", 3).await;
    let ask = |text: &str, mention: &[&str]| {
        let say = Say {
            chat: Some("lobby".into()),
            text: Some(text.into()),
            mention: mention.iter().map(|name| (*name).to_owned()).collect(),
            ..Say::default()
        };
        world.sandbox.say(say).unwrap().message_id
    };
    let question = ask("@all who can help?", &["all"]);
    for profile in ["b0", "b1", "b2"] {
        heard(&monitor, profile, &question).await;
    }
    let lines = monitor.lines();
    let floors: Vec<&Value> = ["b0", "b1", "b2"]
        .iter()
        .map(|profile| &messages_of(&lines, profile, &question)[0]["floor"])
        .collect();
    assert!(floors.iter().all(|floor| *floor == floors[0]), "each line says the same: {floors:?}");
    assert_eq!(floors[0]["order"], serde_json::json!(["b0", "b1", "b2"]));
    let holder = || text(&rooma(&world, "b0", &["floor", "status", "--chat", "lobby"]).1["floor"], "holder");
    until("b0 holds it", || holder() == "b0").await;
    let send =
        |profile: &str, text: &str| rooma(&world, profile, &["send", "--chat", "lobby", "--text", text]);
    let (code, error) = send("b1", "me first");
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "floor"), "{error}");
    assert_eq!(send("b0", "I can").0, 0);
    assert_eq!(send("b1", "so can I").0, 0, "once the holder has spoken");

    // Passed and taken.
    let question = ask("@reviewers please", &[]);
    heard(&monitor, "b2", &question).await;
    until("b2 holds it", || holder() == "b2").await;
    let lines = monitor.lines();
    assert_eq!(
        messages_of(&lines, "b2", &question)[0]["floor"]["order"],
        json!(["b2", "b0"]),
        "nobody waits for one who does not exist"
    );
    assert_eq!(send("b0", "mine").0, 6);
    assert_eq!(rooma(&world, "b0", &["floor", "pass", "--chat", "lobby"]).0, 2, "it is not its turn");
    assert_eq!(text(&rooma(&world, "b2", &["floor", "pass", "--chat", "lobby"]).1["floor"], "holder"), "b0");
    assert_eq!(text(&rooma(&world, "b2", &["floor", "take", "--chat", "lobby"]).1["floor"], "holder"), "b2");
    assert_eq!((send("b2", "I can").0, send("b0", "mine now").0), (0, 0));
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_names_a_bot_without_calling_it_is_refused_and_thanks_to_a_bot_are_warned_of() {
    let world = world(3, &[]).await;
    let send = |more: &[&str]| rooma(&world, "b0", &[&["send", "--chat", "lobby"], more].concat());
    let (code, error) = send(&["--text", "hey @b1 please look"]);
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "mention_lint"), "{error}");
    assert!(text(&error["error"], "hint").contains("--mention b1"), "{error}");
    assert_eq!(send(&["--text", "hey @b1 please look", "--no-lint"]).0, 0);
    assert_eq!(send(&["--text", "hey @b1 please look", "--mention", "b1"]).0, 0);
    assert_eq!(send(&["--text", "well, @ann is a person, and mail b1@example.com"]).0, 0);
    let (code, said) = send(&["--text", "@b1 收到", "--mention", "b1"]);
    assert!(code == 0 && said["warnings"][0].as_str().unwrap().contains("b1"), "{said}");
    // A bot that is none of ours is known from the chat.
    std::fs::remove_file(world.home.path().join("profiles/b2.yaml")).unwrap();
    let (code, error) = send(&["--text", "what does @b2 say?"]);
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "mention_lint"), "{error}");
    // One that lets all bots through hears it by the relay.
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    assert_eq!(send(&["--text", "well, @b1, you hear this"]).0, 0);
    // Unless the room's policy says otherwise.
    world.write("config/rooms.yaml", "default: {allow: {bots: mentions}}\n");
    assert_eq!(send(&["--text", "well, @b1, you do not hear this"]).0, 6);
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_tells_who_is_here_and_by_which_id_each_app_knows_each_bot() {
    let world = world(3, &[]).await;
    std::fs::remove_file(world.home.path().join("profiles/b2.yaml")).unwrap();
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let (code, peers) = rooma(&world, "b0", &["peers", "--chat", "lobby"]);
    assert_eq!(code, 0, "{peers}");
    let names = |key: &str, name: &str| -> Vec<String> {
        peers[key].as_array().unwrap().iter().map(|peer| text(peer, name)).collect()
    };
    assert_eq!(
        (names("agents", "profile"), names("bots", "name")),
        (vec!["b0".into(), "b1".into()], vec!["b2".to_owned()])
    );
    assert_eq!(names("people", "name"), ["ann", "li"]);
    let ids = |peer: &Value| (text(&peer["ids"], "b0"), text(&peer["ids"], "b1"));
    for peer in peers["agents"].as_array().unwrap().iter().chain(peers["bots"].as_array().unwrap()) {
        let (one, other) = ids(peer);
        assert!(one.starts_with("ou_") && other.starts_with("ou_") && one != other, "{peer}");
    }
    assert_eq!(text(&peers["agents"][1], "state"), "connected");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_s_history_is_asked_for_the_words_of_bots_the_platform_keeps_back() {
    let world = world(2, &["b0"]).await;
    // The other bot is run by somebody else.
    std::fs::remove_file(world.home.path().join("profiles/b1.yaml")).unwrap();
    allow_all_bots(&world, 1);
    world.write("config/rooms.yaml", "lobby: {history_poll: 5s}\n");
    let lobby = world.state().chats.into_iter().find(|chat| chat.name == "lobby").unwrap().chat_id;
    world.write("config/contacts.yaml", &format!("chats: {{lobby: {lobby}}}\n"));
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let words = |text: &str| {
        let from = Some("b1".to_owned());
        let say = Say { chat: Some("lobby".into()), from, text: Some(text.into()), ..Say::default() };
        world.sandbox.say(say).unwrap().message_id
    };
    let first = words("a foreign bot's words");
    heard(&monitor, "b0", &first).await;
    let person = world.say("lobby", "a person's");
    heard(&monitor, "b0", &person).await;
    let second = words("and more of them");
    heard(&monitor, "b0", &second).await;
    let (lines, _) = monitor.terminate().await;
    for id in [&first, &second, &person] {
        let seen = messages_of(&lines, "b0", id);
        assert!(seen.len() == 1 && seen[0]["replayed"].is_null(), "{seen:?}");
    }
    // Nobody else asks for what was said while nobody was there.
    let missed = words("while you were away");
    let monitor = world.monitor(&[]);
    heard(&monitor, "b0", &missed).await;
    let (lines, _) = monitor.terminate().await;
    let seen = messages_of(&lines, "b0", &missed);
    assert!(seen.len() == 1 && seen[0]["replayed"] == true, "{seen:?}");
    assert!(messages_of(&lines, "b0", &second).is_empty(), "what was heard is not told again");
}

/// Who says what, whom that calls, and who of ours must hear it; the second list is who is meant.
struct Case {
    from: &'static str,
    mention: &'static [&'static str],
    heard_by: &'static [&'static str],
    meant: &'static [&'static str],
}

/// b0 lets all bots through and its app hears everything. b1's app hears only people who mention it. b2's app hears
/// all people and no bots. b3 and b4 are run by somebody else.
const TABLE: &[Case] = &[
    Case { from: "ann", mention: &[], heard_by: &["b0", "b2"], meant: &[] },
    Case { from: "li", mention: &["b1"], heard_by: &["b0", "b1", "b2"], meant: &["b1"] },
    Case { from: "max", mention: &["b0", "b2"], heard_by: &["b0", "b2"], meant: &["b0", "b2"] },
    Case { from: "b3", mention: &[], heard_by: &["b0"], meant: &[] },
    Case { from: "b3", mention: &["b0"], heard_by: &["b0"], meant: &["b0"] },
    Case { from: "b4", mention: &["b2"], heard_by: &["b0"], meant: &[] },
    Case { from: "b4", mention: &["b3"], heard_by: &["b0"], meant: &[] },
    Case { from: "b0", mention: &[], heard_by: &[], meant: &[] },
    Case { from: "b0", mention: &["b1"], heard_by: &["b1"], meant: &["b1"] },
    Case { from: "b0", mention: &["b1", "b2"], heard_by: &["b1", "b2"], meant: &["b1", "b2"] },
    Case { from: "b1", mention: &["b0"], heard_by: &["b0"], meant: &["b0"] },
    Case { from: "b2", mention: &[], heard_by: &["b0"], meant: &[] },
    Case { from: "b2", mention: &["b1", "b3"], heard_by: &["b0", "b1"], meant: &["b1"] },
];

async fn who_hears_what(slow: Fault) {
    let at_only = DEAF_TO_BOTS.iter().filter(|scope| **scope != "im:message.group_msg");
    let at_only =
        at_only.chain(&["im:message.group_at_msg"]).map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
    let no_bots = DEAF_TO_BOTS.iter().map(|scope| (*scope).to_owned()).collect();
    let scopes = [("b1".to_owned(), at_only), ("b2".to_owned(), no_bots)].into();
    let people = ["ann", "li", "max"].map(str::to_owned).to_vec();
    let world = World::with(Options { chat_qps: None, scopes, people, ..options(5) }).await;
    for foreign in ["b3", "b4"] {
        std::fs::remove_file(world.home.path().join(format!("profiles/{foreign}.yaml"))).unwrap();
    }
    allow_all_bots(&world, 1);
    // The table is about hearing; a loop guard would end it.
    world.write("config/rooms.yaml", "default: {loop_guard: {turns: 1000, per_minute: 1000}}\n");
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let listed = |bot| world.home.path().join(format!("data/b{bot}/known_chats.json")).exists();
    until("the lists of chats", || (0..3).all(listed)).await;
    world.sandbox.fault(slow).unwrap();
    let mut ids = Vec::new();
    for (number, case) in TABLE.iter().enumerate() {
        let called: Vec<String> = case.mention.iter().map(|name| format!("@{name}")).collect();
        let words = format!("case {number} {}", called.join(" "));
        let ours = ["b0", "b1", "b2"].contains(&case.from);
        ids.push(if ours {
            let mentions = case.mention.iter().flat_map(|name| ["--mention", name]);
            let send: Vec<&str> =
                ["send", "--chat", "lobby", "--text", &words].into_iter().chain(mentions).collect();
            let (code, sent) = rooma(&world, case.from, &send);
            assert_eq!(code, 0, "{sent}");
            text(&sent, "message_id")
        } else {
            let say = Say {
                chat: Some("lobby".into()),
                from: Some(case.from.into()),
                text: Some(words),
                mention: case.mention.iter().map(|name| (*name).to_owned()).collect(),
                ..Say::default()
            };
            world.sandbox.say(say).unwrap().message_id
        });
    }
    for (id, case) in ids.iter().zip(TABLE) {
        for profile in case.heard_by {
            heard(&monitor, profile, id).await;
        }
    }
    // What must not be heard has had its time to come.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (lines, _) = monitor.terminate().await;
    for (number, (id, case)) in ids.iter().zip(TABLE).enumerate() {
        for profile in ["b0", "b1", "b2"] {
            let seen = messages_of(&lines, profile, id);
            let wanted = usize::from(case.heard_by.contains(&profile));
            assert_eq!(seen.len(), wanted, "case {number}, {profile}: {seen:?}");
            let meant = seen.first().is_some_and(|line| line["mentioned"] == true);
            assert_eq!(meant, case.meant.contains(&profile), "case {number}, {profile}: {seen:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_what_the_table_says_where_the_platform_is_faster() {
    let path = Some("/im/v1/messages/om_".to_owned());
    who_hears_what(Fault { path, ms: Some(400), ..Fault::new(FaultKind::Slow) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_what_the_table_says_where_the_relay_is_faster() {
    who_hears_what(Fault { at: Some(At::Push), ms: Some(400), ..Fault::new(FaultKind::Slow) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_floor_is_advice_everybody_knows_whose_turn_it_is_and_nobody_is_held_up() {
    let world = world(3, &[]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    world.say("lobby", "so that it is known who is here");
    monitor.count("message", 3).await;
    let say = Say {
        chat: Some("lobby".into()),
        text: Some("@b2 @b0 which of you?".into()),
        mention: vec!["b2".into(), "b0".into()],
        ..Say::default()
    };
    let question = world.sandbox.say(say).unwrap().message_id;
    for profile in ["b0", "b1", "b2"] {
        heard(&monitor, profile, &question).await;
    }
    let holder = || text(&rooma(&world, "b0", &["floor", "status", "--chat", "lobby"]).1["floor"], "holder");
    until("b2 holds it", || holder() == "b2").await;
    assert_eq!(rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "out of turn"]).0, 0);
    let (lines, _) = monitor.terminate().await;
    let floor = &messages_of(&lines, "b0", &question)[0]["floor"];
    assert_eq!(
        (text(floor, "holder").as_str(), &floor["order"]),
        ("b2", &serde_json::json!(["b2", "b0"])),
        "{floor}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_changes_nobody_s_gates_replaces_no_connection() {
    let world = world(2, &[]).await;
    world.write("config/rooms.yaml", "lobby: {floor: advise}\n");
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    world.write("config/rooms.yaml", "lobby: {floor: advise}\nworkshop: {floor: advise}\n");
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    world.write("config/rooms.yaml", "workshop: {require_mention: true}\n");
    monitor.connected(4).await;
    let (lines, _) = monitor.terminate().await;
    let connected = lines.iter().filter(|line| line["type"] == "rooma.connected").count();
    assert_eq!(connected, 4, "once by the one that asks for mentions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_was_met_is_known_by_its_app_after_everything_was_killed() {
    let world = world(2, &[]).await;
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let said = rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "here I am"]).1;
    heard(&monitor, "b1", &text(&said, "message_id")).await;
    // What was learnt of the message is journalled by then, as whatever comes after it.
    let person = world.say("lobby", "so you are");
    heard(&monitor, "b1", &person).await;
    monitor.kill().await;

    // Names tell nothing now, and in the other room it never spoke.
    let nameless = Fault {
        path: Some("/bot/v3/info".into()),
        code: Some(99_991_672),
        ..Fault::new(FaultKind::ApiError)
    };
    world.sandbox.fault(nameless).unwrap();
    let profile_of = |world: &World| {
        let (code, members) = rooma(world, "b1", &["members", "--chat", "workshop"]);
        assert_eq!(code, 0, "{members}");
        let members = members["items"].as_array().unwrap().clone();
        members.iter().find(|member| member["name"] == "b0").unwrap()["profile"].clone()
    };
    assert_eq!(profile_of(&world), "b0");
    let journal = world.journal();
    std::fs::rename(&journal, journal.with_extension("away")).unwrap();
    assert_eq!(profile_of(&world), Value::Null, "the journal told it");
    std::fs::rename(journal.with_extension("away"), &journal).unwrap();
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();

    // Its first word in the next life says whose it is, whoever brings it.
    let unasked = Fault { path: Some("/im/v1/messages/om_".into()), ..Fault::new(FaultKind::ApiError) };
    world.sandbox.fault(unasked).unwrap();
    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(2).await;
    let word = Say {
        chat: Some("workshop".into()),
        from: Some("b0".into()),
        text: Some("@b1 look".into()),
        mention: vec!["b1".into()],
        ..Say::default()
    };
    let word = world.sandbox.say(word).unwrap().message_id;
    heard(&monitor, "b1", &word).await;
    let (lines, _) = monitor.terminate().await;
    let line = messages_of(&lines, "b1", &word)[0];
    assert_eq!((text(line, "sender_profile").as_str(), &line["relayed"]), ("b0", &Value::Null), "{line}");
}

/// The line of a message for `b1`, once it is there.
async fn relayed(monitor: &Monitor, id: &str) -> Value {
    heard(monitor, "b1", id).await;
    let lines = monitor.lines();
    let found = messages_of(&lines, "b1", id);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["relayed"], text(found[0], "sender_profile").as_str()), (&Value::Bool(true), "b0"));
    found[0].clone()
}

/// What a verb answers that finds a lock held.
pub const STORAGE: i32 = 5;

/// Does something while the supervisor is stopped. A moment at which it holds the room's lock is the wrong one.
pub async fn stopped_without_the_room<T>(monitor: &Monitor, deed: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        monitor.signal(rustix::process::Signal::STOP);
        let done = deed();
        monitor.signal(rustix::process::Signal::CONT);
        if let Some(done) = done {
            return done;
        }
        assert!(Instant::now() < deadline, "it holds the room's lock each time");
        // Until it goes on with what it holds it for.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_past_the_supervisor_is_relayed_once_it_looks() {
    let world = world(2, &["b0", "b1"]).await;
    allow_all_bots(&world, 2);
    let send = |words: &str| {
        let (code, said) = rooma(&world, "b0", &["send", "--chat", "lobby", "--text", words]);
        assert_eq!(code, 0, "{said}");
        text(&said, "message_id")
    };
    let before = [send("first, before anybody listens"), send("second, before anybody listens")];
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    for id in &before {
        relayed(&monitor, id).await;
    }
    let lines = monitor.lines();
    let order: Vec<&Value> = lines.iter().filter(|line| line["relayed"] == true).collect();
    assert_eq!(order.iter().map(|line| text(line, "message_id")).collect::<Vec<_>>(), before, "in order");
    let past = stopped_without_the_room(&monitor, || {
        let (code, said) =
            rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "while it was stopped"]);
        (code != STORAGE).then(|| {
            assert_eq!(code, 0, "{said}");
            text(&said, "message_id")
        })
    })
    .await;
    relayed(&monitor, &past).await;
    let kept = || {
        let kept = std::fs::read_to_string(world.home.path().join("data/relays.json")).unwrap();
        serde_json::from_str::<Value>(&kept).unwrap()["messages"].as_array().unwrap().len()
    };
    until("what is heard is forgotten", || kept() == 0).await;
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_send_and_its_relay_loses_nothing() {
    let world = world(3, &["b0", "b1", "b2"]).await;
    allow_all_bots(&world, 3);
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let path = Some("/im/v1/messages/om_".to_owned());
    world.sandbox.fault(Fault { path, ms: Some(3000), ..Fault::new(FaultKind::Slow) }).unwrap();
    let sent: Vec<String> = (0..5)
        .map(|n| {
            let (code, said) =
                rooma(&world, "b0", &["send", "--chat", "lobby", "--text", &format!("word {n}")]);
            assert_eq!(code, 0, "{said}");
            text(&said, "message_id")
        })
        .collect();
    monitor.kill().await;
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let monitor = world.monitor(&["--since", "start"]);
    for id in &sent {
        relayed(&monitor, id).await;
        heard(&monitor, "b2", id).await;
    }
    monitor.terminate().await;
}

/// Two agents that answer each other until they are stopped.
pub fn quarrel(world: &World) {
    let stopped = (0..50).any(|number| {
        let profile = format!("b{}", 1 + number % 2);
        let words = format!("quarrel: thought number {number} is about {}", number * 37);
        rooma(world, &profile, &["send", "--chat", "lobby", "--text", &words]).0 == 6
    });
    assert!(stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_profiles_whose_bots_have_one_name_none_is_guessed() {
    let bots = ["caller", "helper", "helper"].map(str::to_owned).to_vec();
    let world = World::with(Options { chat_qps: None, bots, ..options(0) }).await;
    let apps = world.sandbox.apps();
    std::fs::remove_file(world.home.path().join("profiles/helper.yaml")).unwrap();
    world.write_profile("first", &apps[1].app_id, &apps[1].app_secret);
    world.write_profile("second", &apps[2].app_id, &apps[2].app_secret);
    let leave = Member { chat: "lobby".into(), remove: Some(apps[1].app_id.clone()), ..Member::default() };
    world.sandbox.member(leave).unwrap();
    let named = || -> Vec<String> {
        let (code, members) = rooma(&world, "caller", &["members", "--chat", "lobby"]);
        assert_eq!(code, 0, "{members}");
        let profiles = members["items"].as_array().unwrap().iter().map(|member| text(member, "profile"));
        profiles.filter(|profile| !profile.is_empty()).collect()
    };
    assert_eq!(named(), ["caller"], "the other one there is the second, and nobody has met it");
    std::fs::remove_file(world.home.path().join("profiles/first.yaml")).unwrap();
    assert_eq!(named(), ["caller", "second"], "a name of its own tells which it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_missed_however_people_write_its_name() {
    let bots = ["b0", "b1", "b10"].map(str::to_owned).to_vec();
    let world = World::with(Options { chat_qps: None, bots, ..options(0) }).await;
    let profile = std::fs::read_to_string(world.home.path().join("profiles/b1.yaml")).unwrap();
    let send = |text: &str, more: &[&str]| {
        rooma(&world, "b0", &[&["send", "--chat", "lobby", "--text", text], more].concat()).0
    };
    for (bot, text) in [
        ("Code Reviewer", "hey @Code Reviewer please look"),
        ("小助手", "请@小助手看一下"),
        ("小助手", "**@小助手** 看一下"),
    ] {
        world.write("profiles/b1.yaml", &format!("{profile}bot: {bot}\n"));
        assert_eq!(send(text, &[]), 6, "{text}");
    }
    // Who is called hides nobody whose name begins alike, ours or not.
    let both = |who: &str| send("hey @b1, please talk to @b10", &["--mention", who]);
    assert_eq!((both("b1"), both("b10")), (6, 6));
    std::fs::remove_file(world.home.path().join("profiles/b10.yaml")).unwrap();
    assert_eq!(both("b1"), 6);
    assert_eq!(send("hey @b1, please talk to @b10", &["--mention", "b1", "--mention", "b10"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_room_or_its_floor_writes_nothing() {
    let world = world(2, &[]).await;
    let look = |verb: &str| {
        let (code, shown) = rooma(&world, "b0", &[verb, "status", "--chat", "lobby"]);
        assert_eq!(code, 0, "{shown}");
        shown
    };
    assert_eq!((&look("floor")["floor"], &look("room")["paused"]), (&Value::Null, &Value::Bool(false)));
    let rooms = world.home.path().join("data/rooms");
    assert!(!rooms.exists());
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby", "--for", "300ms"]).0, 0);
    let files = || -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let paths = std::fs::read_dir(&rooms).unwrap().map(|entry| entry.unwrap().path());
        paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    let before = files();
    let deadline = Instant::now() + PATIENCE;
    while look("room")["paused"] == true {
        assert!(Instant::now() < deadline, "a pause that is over is shown as one");
    }
    look("floor");
    assert_eq!(files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hint_of_a_refused_send_helps_as_it_is() {
    let world = world(2, &[]).await;
    let refused = || {
        let (code, error) = rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "x"]);
        assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "room_paused"), "{error}");
        text(&error["error"], "hint")
    };
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby", "--for", "1h"]).0, 0);
    assert!(refused().contains("its time"));
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby"]).0, 0);
    let hint = refused();
    assert!(!hint.contains("person"), "a person's message does not resume what somebody paused: {hint}");
    // Where a home has several profiles, a command names one.
    let command: Vec<&str> = hint.split_once("rooma ").unwrap().1.split(' ').collect();
    assert_eq!(command[..2], ["--profile", "b1"]);
    assert_eq!(output(&mut world.command(&command)).0, 0);
    assert_eq!(rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "x"]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_folder_under_data_is_its_owner_s() {
    use std::os::unix::fs::PermissionsExt;
    let world = world(2, &[]).await;
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby"]).0, 0);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    output(&mut world.command(&["watch", "--cursor", "a", "--for", "100ms"]));
    monitor.terminate().await;
    let (mut folders, mut seen) = (vec![world.home.path().join("data")], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
        seen.push(folder.file_name().unwrap().to_str().unwrap().to_owned());
    }
    seen.sort();
    assert_eq!(seen, ["b0", "b1", "cursors", "data", "rooms"]);
}
