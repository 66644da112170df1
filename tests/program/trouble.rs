//! One profile's trouble is its own.

use rooma::sandbox::{At, Fault, FaultKind};

use crate::support::{Monitor, World, listens, options, text, until};

#[tokio::test(flavor = "multi_thread")]
async fn three_profiles_in_trouble_and_seven_that_miss_nothing() {
    let world = World::with(rooma::sandbox::Options { chat_qps: None, ..options(10) }).await;
    world.write("config/rooma.yaml", "connection: {backoff_min: 100ms, handshake_timeout: 5s}\n");
    let apps = world.sandbox.apps();
    world.write_profile("b0", &apps[0].app_id, "not the secret");
    world
        .sandbox
        .fault(Fault { app: Some("b1".into()), at: Some(At::Handshake), ..Fault::new(FaultKind::Stall) })
        .unwrap();
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_CRASH_ON", "take it down"));
    // b0 and b1 never get this far.
    monitor.connected(8).await;
    let mut sent = 0;
    for round in 0..60 {
        world.say("workshop", &format!("round {round}"));
        sent += 1;
        if round % 20 == 10 {
            world.tell("b2", "take it down");
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    monitor
        .wait("the seven to hear everything", |lines| {
            (3..10).all(|bot| {
                let name = format!("b{bot}");
                lines
                    .iter()
                    .filter(|line| line["type"] == "message" && line["profile"] == name.as_str())
                    .count()
                    == sent
            })
        })
        .await;
    monitor.count("rooma.crashed", 1).await;
    monitor
        .wait("the stalled handshake's line", |lines| {
            lines.iter().any(|line| line["profile"] == "b1" && line["type"] == "rooma.disconnected")
        })
        .await;
    let (lines, stderr) = monitor.terminate().await;
    let of = |profile: &str, type_name: &str| {
        let fits = |line: &&serde_json::Value| line["profile"] == profile && line["type"] == type_name;
        lines.iter().filter(fits).cloned().collect::<Vec<_>>()
    };
    let parked = of("b0", "rooma.parked");
    assert_eq!(parked.len(), 1);
    assert!(text(&parked[0], "hint").contains("secret"), "{}", parked[0]);
    assert!(text(&of("b1", "rooma.disconnected")[0], "reason").contains("upgrade took longer"), "{lines:?}");
    assert!(text(&of("b2", "rooma.crashed")[0], "reason").contains("injected"));
    for bot in 3..10 {
        let name = format!("b{bot}");
        for trouble in ["rooma.disconnected", "rooma.parked", "rooma.crashed"] {
            assert_eq!(of(&name, trouble).len(), 0, "{name} {trouble}");
        }
        assert_eq!(of(&name, "rooma.connected").len(), 1);
    }
    assert!(!stderr.contains("take it down"), "message text in the log: {stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_becomes_one_line_and_is_acknowledged() {
    let world = World::new(1).await;
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_POISON", "poison"));
    monitor.connected(1).await;
    world.say("lobby", "this is poison");
    world.say("lobby", "this is not");
    let state = world.all_acked().await;
    monitor.count("message", 1).await;
    monitor.count("unknown", 1).await;
    let (lines, _) = monitor.terminate().await;
    let unknown: Vec<_> = lines.iter().filter(|line| line["type"] == "unknown").collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0]["reason"], "panic");
    assert_eq!(state.totals.attempts, 2, "it was not delivered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_discovery_has_its_line() {
    // code, expected line type
    let cases = [
        (Some(1), None, "rooma.disconnected", "refused: 1"),
        (Some(403), None, "rooma.parked", "unauthorized: 403"),
        (Some(514), None, "rooma.parked", "unauthorized: 514"),
        (Some(1_000_040_343), None, "rooma.disconnected", "refused: 1000040343"),
        (Some(1_000_040_345), None, "rooma.parked", "unauthorized: 1000040345"),
        (Some(1_000_040_350), None, "rooma.parked", "connection_limit"),
        (None, Some(502), "rooma.disconnected", "refused"),
        (None, Some(429), "rooma.disconnected", "refused"),
    ];
    let world = World::new(cases.len()).await;
    for (bot, (code, status, ..)) in cases.iter().enumerate() {
        let fault = Fault {
            app: Some(format!("b{bot}")),
            code: *code,
            status: *status,
            ..Fault::new(FaultKind::Refuse)
        };
        world.sandbox.fault(fault).unwrap();
    }
    let monitor = world.monitor(&[]);
    monitor
        .wait("a line for each", |lines| {
            (0..cases.len()).all(|bot| {
                let name = format!("b{bot}");
                lines.iter().any(|line| {
                    line["profile"] == name.as_str()
                        && (line["type"] == "rooma.parked" || line["type"] == "rooma.disconnected")
                })
            })
        })
        .await;
    let (lines, _) = monitor.terminate().await;
    for (bot, (_, _, type_name, reason)) in cases.iter().enumerate() {
        let name = format!("b{bot}");
        let line = lines.iter().find(|line| {
            line["profile"] == name.as_str()
                && line["type"] != "rooma.connecting"
                && line["type"] != "rooma.started"
        });
        let line = line.unwrap();
        assert_eq!(line["type"], *type_name, "{line}");
        assert!(text(line, "reason").starts_with(reason), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_mended_while_parked_connects_at_once() {
    let world = World::new(2).await;
    let apps = world.sandbox.apps();
    world.write_profile("b0", &apps[0].app_id, "wrong");
    let monitor = world.monitor(&[]);
    monitor.count("rooma.parked", 1).await;
    world.write_profile("b0", &apps[0].app_id, &apps[0].app_secret);
    monitor.connected(2).await;
    let (lines, _) = monitor.terminate().await;
    assert!(lines.iter().any(|line| line["profile"] == "b0" && line["type"] == "rooma.connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_is_kept_in_the_file_of_known_chats() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let file =
        || std::fs::read_to_string(world.home.path().join("data/b0/known_chats.json")).unwrap_or_default();
    // A list that was asked for before what follows would be noted after it.
    until("the list of chats is noted", || file().contains("lobby")).await;
    let member = |add: Option<&str>, remove: Option<&str>| rooma::sandbox::Member {
        chat: "workshop".into(),
        add: add.map(Into::into),
        remove: remove.map(Into::into),
        ..Default::default()
    };
    world.sandbox.member(member(None, Some("b0"))).unwrap();
    monitor.count("rooma.chat_left", 1).await;
    world.sandbox.member(member(Some("b0"), None)).unwrap();
    monitor.count("rooma.chat_joined", 1).await;
    let workshop = text(&monitor.of_type("rooma.chat_joined")[0], "chat_id");
    world
        .sandbox
        .chat(rooma::sandbox::Chat { chat: Some("lobby".into()), dissolve: true, ..Default::default() })
        .unwrap();
    monitor.count("chat.disbanded", 1).await;
    monitor.count("rooma.chat_left", 2).await;
    // Whoever keeps the file reads the lines as others do.
    until("it is kept", || file().contains("disbanded")).await;
    monitor.terminate().await;
    let file = file();
    let known: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(known["version"], 1);
    assert_eq!(known["chats"][&workshop]["state"], "joined");
    let states: Vec<String> =
        known["chats"].as_object().unwrap().values().map(|chat| text(chat, "state")).collect();
    assert!(states.contains(&"disbanded".to_owned()), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_secret_holds_up_nobody_and_no_end() {
    let world = World::new(2).await;
    let app = &world.sandbox.apps()[0];
    let url = world.sandbox.base_url();
    let slow = format!(
        "transport: feishu\napp_id: {}\napp_secret: {{command: [sh, -c, 'touch asked; exec sleep 600']}}\nbase_url: {url}\n",
        app.app_id
    );
    world.write("profiles/b0.yaml", &slow);
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    assert_eq!(monitor.of_type("rooma.connected")[0]["profile"], "b1");
    monitor.terminate().await;
    // Alone, too, it ends when it is asked to.
    let asked = world.home.path().join("asked");
    std::fs::remove_file(&asked).unwrap();
    let mut alone = world.monitor(&["--profile", "b0"]);
    let term = rustix::process::Signal::TERM;
    until("the secret is asked for", || asked.exists() && listens(&alone.child, term)).await;
    alone.signal(term);
    assert_eq!(alone.ended().await.code(), Some(0));
    // Who waits for a command without an end is told after ten seconds that it has none.
    let (lines, stderr) = alone.finish();
    assert!(!format!("{lines:?}{stderr}").contains("took longer"), "{lines:?}{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_mended_where_the_hint_says() {
    let world = World::new(2).await;
    let app = &world.sandbox.apps()[0];
    let url = world.sandbox.base_url();
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {{env: B0_SECRET}}\nbase_url: {url}\n",
        app.app_id
    );
    world.write("profiles/b0.yaml", &profile);
    let monitor = world.monitor(&[]);
    monitor.count("rooma.parked", 1).await;
    assert!(text(&monitor.of_type("rooma.parked")[0], "hint").contains(".env"));
    world.write(".env", &format!("B0_SECRET={}\n", app.app_secret));
    monitor.connected(2).await;
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_cannot_be_changed_to_an_app_that_is_in_use() {
    let world = World::new(2).await;
    let apps = world.sandbox.apps();
    world.write_profile("b0", &apps[0].app_id, "wrong");
    let monitor = world.monitor(&[]);
    monitor.count("rooma.parked", 1).await;
    world.write_profile("b0", &apps[1].app_id, &apps[1].app_secret);
    monitor.count("rooma.parked", 2).await;
    let reason = text(&monitor.of_type("rooma.parked")[1], "reason");
    assert!(reason.contains("has the same app_id as profile b1"), "{reason}");
    assert_eq!(world.state().apps[1].connections, 1);
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_journal_keeps_nobody_from_leaving() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let blocker = rusqlite::Connection::open(world.journal()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.say("lobby", "hello");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_profile_s_broken_folder_is_its_own() {
    let world = World::new(2).await;
    world.write("data/b0", "a file where a folder should be");
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    monitor.count("rooma.parked", 1).await;
    assert_eq!(text(&monitor.of_type("rooma.parked")[0], "profile"), "b0");
    let member =
        rooma::sandbox::Member { chat: "workshop".into(), remove: Some("b1".into()), ..Default::default() };
    world.sandbox.member(member).unwrap();
    monitor.count("rooma.chat_left", 1).await;
    monitor.terminate().await;
    let file = std::fs::read_to_string(world.home.path().join("data/b1/known_chats.json")).unwrap();
    assert!(file.contains("removed"), "{file}");
}
