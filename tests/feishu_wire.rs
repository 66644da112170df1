//! The Feishu adapter over real sockets, against the embedded Feishu; the test plays the journal.

#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rooma::clock::Clock;
use rooma::core::end::End;
use rooma::journal::{Appended, Appender, Batch, Entry, Inbox};
use rooma::sandbox::{Fault, FaultKind, Options, Sandbox, Say, StateQuery, TotalsState};
use rooma::transport::{Account, Identity, Intake, Life, Limits, Report, Shared, Siblings, Transport, Voice};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a busy machine; nothing waits this long when it works.
const PATIENCE: Duration = Duration::from_secs(120);

/// Nothing is given up because the machine is busy.
fn limits() -> Limits {
    let never = Duration::from_secs(3600);
    Limits { handshake: never, pong: never, conflict_check: Duration::from_millis(200), http: never }
}

/// For what is given up.
fn short_limits() -> Limits {
    let short = Duration::from_millis(500);
    Limits { handshake: short, pong: short, http: Duration::from_secs(2), ..limits() }
}

/// For what is tried again as long as there is time.
fn some_limits() -> Limits {
    Limits { handshake: Duration::from_secs(5), http: Duration::from_secs(5), ..limits() }
}

async fn sandbox(options: Options) -> Sandbox {
    Sandbox::start(options).await.unwrap()
}

fn identity(sandbox: &Sandbox, name: &str) -> Identity {
    let apps = sandbox.apps();
    let app = apps.iter().find(|app| app.name == name).unwrap();
    let siblings = Siblings::default();
    siblings.set(apps.iter().map(|app| (app.app_id.clone(), app.name.as_str().into())));
    Identity {
        profile: name.into(),
        transport: Transport::Feishu,
        app_id: app.app_id.clone(),
        app_secret: app.app_secret.clone().into(),
        base_url: Some(sandbox.base_url()),
        siblings,
        sights: Default::default(),
    }
}

fn account(identity: Identity, limits: Limits) -> Account {
    Account::new(identity, Shared::new(Clock::system(), limits).unwrap()).unwrap()
}

/// One connection under test.
struct Run {
    journal: Inbox,
    stop: watch::Sender<bool>,
    reports: Arc<Mutex<Vec<Report>>>,
    end: JoinHandle<End>,
}

fn run(account: &Arc<Account>, attempt: u32) -> Run {
    let (appender, journal) = Appender::for_test();
    let (stop, stopped) = watch::channel(false);
    let reports = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&reports);
    let report = Arc::new(move |report| heard.lock().unwrap().push(report));
    let intake = Intake {
        profile: "a".into(),
        transport: "feishu",
        owner: None,
        gates: Default::default(),
        rooms: Default::default(),
    };
    let voice = Voice { appender, intake, report };
    let life = Life { voice, stop: stopped, attempt, alive: Default::default() };
    let account = Arc::clone(account);
    Run { journal, stop, reports, end: tokio::spawn(async move { account.run(life).await }) }
}

fn start(sandbox: &Sandbox, name: &str) -> (Arc<Account>, Run) {
    start_within(sandbox, name, limits())
}

fn start_within(sandbox: &Sandbox, name: &str, limits: Limits) -> (Arc<Account>, Run) {
    let account = Arc::new(account(identity(sandbox, name), limits));
    let run = run(&account, 1);
    (account, run)
}

impl Run {
    async fn batch(&mut self) -> Batch {
        timeout(PATIENCE, self.journal.next()).await.expect("a batch in time").expect("a live connection")
    }

    /// The next batch with a line of this type; what comes before is settled.
    async fn until(&mut self, type_name: &str) -> Batch {
        loop {
            let batch = self.batch().await;
            if batch.entries.iter().any(|entry| entry.rendered.type_name == type_name) {
                return batch;
            }
            batch.settle(Ok(Appended::Fresh));
        }
    }

    async fn connected(&mut self) {
        self.until("rooma.connected").await;
    }

    async fn ended(self) -> End {
        timeout(PATIENCE, self.end).await.expect("an end in time").expect("no panic")
    }

    async fn stop(self) -> End {
        self.stop.send_replace(true);
        self.ended().await
    }
}

fn body(entry: &Entry) -> Value {
    serde_json::from_str(&format!("{{{}}}", entry.rendered.body)).unwrap()
}

fn say(sandbox: &Sandbox, text: &str, mention: &[&str]) -> String {
    let mention = mention.iter().map(|name| (*name).to_owned()).collect();
    let say = Say { chat: Some("lobby".into()), text: Some(text.into()), mention, ..Say::default() };
    sandbox.say(say).unwrap().message_id
}

fn totals(sandbox: &Sandbox) -> TotalsState {
    let state = sandbox.state(StateQuery::default()).unwrap();
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
    state.totals
}

/// Waits for what has no event of its own to wait for.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("{what}"));
}

fn alice() -> Options {
    Options { bots: vec!["alice".into()], ack_deadline: Duration::from_secs(3600), ..Options::default() }
}

#[tokio::test]
async fn connects_receives_and_acknowledges_only_what_is_settled() {
    let sandbox = sandbox(alice()).await;
    let (_account, mut run) = start(&sandbox, "alice");
    let connecting = run.until("rooma.connecting").await;
    assert_eq!(body(&connecting.entries[0])["attempt"], 1);
    let connected = run.until("rooma.connected").await;
    assert_eq!(body(&connected.entries[0])["bot_name"], "alice");
    let message_id = say(&sandbox, "@alice hello", &["alice"]);
    let batch = run.until("message").await;
    let line = body(&batch.entries[0]);
    assert_eq!(line["message_id"], message_id);
    assert_eq!((&line["mentioned"], &line["content"]), (&true.into(), &"@alice hello".into()));
    assert_eq!(batch.entries[0].key.as_ref().unwrap().as_str(), format!("m:{message_id}"));
    assert_eq!(totals(&sandbox).acked, 0, "not acknowledged before the journal has it");
    batch.settle(Ok(Appended::Fresh));
    eventually("the ack arrives", || totals(&sandbox).acked == 1).await;
    let reports = run.reports.lock().unwrap().clone();
    assert!(matches!(reports[..], [Report::Connected { .. }, Report::Usable]), "{reports:?}");
    assert_eq!(run.stop().await, End::Asked);
}

#[tokio::test]
async fn what_the_journal_refuses_is_delivered_again() {
    let options = Options { redelivery: vec![Duration::from_millis(50); 250], ..alice() };
    let sandbox = sandbox(options).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    say(&sandbox, "again", &[]);
    run.until("message").await.settle(Err("disk full".into()));
    let again = run.until("message").await;
    assert_eq!(body(&again.entries[0])["content"], "again");
    again.settle(Ok(Appended::Fresh));
    eventually("refused once, acknowledged once", || {
        let totals = totals(&sandbox);
        (totals.refused, totals.acked) == (1, 1)
    })
    .await;
    run.stop().await;
}

#[tokio::test]
async fn stopping_acknowledges_what_was_received() {
    let sandbox = sandbox(alice()).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    say(&sandbox, "last words", &[]);
    let batch = run.until("message").await;
    run.stop.send_replace(true);
    batch.settle(Ok(Appended::Fresh));
    assert_eq!(run.ended().await, End::Asked);
    eventually("the ack arrives", || totals(&sandbox).acked == 1).await;
}

#[tokio::test]
async fn split_and_repeated_deliveries_arrive_whole_and_are_acknowledged() {
    let sandbox = sandbox(Options { chunk_bytes: Some(100), ..alice() }).await;
    let chunk = Fault { parts: Some(5), shuffle: true, duplicate: true, ..Fault::new(FaultKind::Chunk) };
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    say(&sandbox, "in order", &[]);
    run.until("message").await.settle(Ok(Appended::Fresh));
    sandbox.fault(chunk).unwrap();
    say(&sandbox, "shuffled", &[]);
    let batch = run.until("message").await;
    assert_eq!(body(&batch.entries[0])["content"], "shuffled");
    batch.settle(Ok(Appended::Fresh));
    eventually("both acks arrive", || totals(&sandbox).acked == 2).await;
    run.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_said_and_the_next_one_takes_a_fresh_url() {
    let sandbox = sandbox(alice()).await;
    let (account, mut first) = start(&sandbox, "alice");
    first.connected().await;
    sandbox.fault(Fault::new(FaultKind::Drop)).unwrap();
    assert!(matches!(first.ended().await, End::Lost { .. }));
    let mut second = run(&account, 2);
    second.connected().await;
    say(&sandbox, "still there", &[]);
    second.until("message").await.settle(Ok(Appended::Fresh));
    let state = sandbox.state(StateQuery::default()).unwrap();
    assert_eq!((state.apps[0].discoveries, state.apps[0].handshakes_refused), (2, 0));
    assert_eq!(state.apps[0].tokens_issued, 1, "the token outlives the connection");
    second.stop().await;
}

#[tokio::test]
async fn how_the_platform_closes_is_how_it_ended() {
    let sandbox = sandbox(alice()).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    sandbox.fault(Fault { code: Some(1012), ..Fault::new(FaultKind::Close) }).unwrap();
    assert!(matches!(run.ended().await, End::Closed { code: Some(1012), .. }));
}

#[tokio::test]
async fn each_refusal_is_its_own_end() {
    let refuse = |code| Fault { code: Some(code), ..Fault::new(FaultKind::Refuse) };
    type Case = (Fault, fn(&End) -> bool);
    let cases: [Case; 7] = [
        (refuse(403), |end| matches!(end, End::Unauthorized { code: Some(403), .. })),
        (refuse(514), |end| matches!(end, End::Unauthorized { code: Some(514), .. })),
        (refuse(1_000_040_345), |end| matches!(end, End::Unauthorized { hint: Some(_), .. })),
        (Fault::new(FaultKind::Busy), |end| matches!(end, End::Refused { code: Some(1), .. })),
        (Fault::new(FaultKind::ConnLimit), |end| matches!(end, End::ConnectionLimit { .. })),
        (Fault { at: Some(rooma::sandbox::At::Discovery), ..Fault::new(FaultKind::ConnLimit) }, |end| {
            matches!(end, End::ConnectionLimit { .. })
        }),
        (Fault { at: Some(rooma::sandbox::At::Handshake), ..refuse(403) }, |end| {
            matches!(end, End::Unauthorized { code: Some(403), .. })
        }),
    ];
    for (fault, expected) in cases {
        let sandbox = sandbox(alice()).await;
        sandbox.fault(fault.clone()).unwrap();
        let (_account, run) = start_within(&sandbox, "alice", some_limits());
        let end = run.ended().await;
        assert!(expected(&end), "{fault:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_asks_for_a_person() {
    let sandbox = sandbox(alice()).await;
    let mut identity = identity(&sandbox, "alice");
    identity.app_secret = "wrong".to_owned().into();
    let account = Arc::new(account(identity, limits()));
    let End::Unauthorized { hint: Some(hint), .. } = run(&account, 1).ended().await else { panic!() };
    assert!(hint.contains("app_secret"), "{hint}");
}

#[tokio::test]
async fn a_stalled_discovery_or_handshake_is_given_up_and_stop_does_not_wait_for_it() {
    for at in [rooma::sandbox::At::Discovery, rooma::sandbox::At::Handshake, rooma::sandbox::At::Token] {
        let sandbox = sandbox(alice()).await;
        sandbox.fault(Fault { at: Some(at), ..Fault::new(FaultKind::Stall) }).unwrap();
        let (_hasty, first) = start_within(&sandbox, "alice", short_limits());
        assert!(matches!(first.ended().await, End::Lost { .. }), "{at:?}");
        let (_patient, mut second) = start(&sandbox, "alice");
        second.until("rooma.connecting").await;
        assert_eq!(second.stop().await, End::Asked, "{at:?}");
    }
}

#[tokio::test]
async fn an_open_socket_that_says_nothing_is_silent() {
    let sandbox = sandbox(alice()).await;
    sandbox.fault(Fault::new(FaultKind::Mute)).unwrap();
    let limits = Limits { pong: short_limits().pong, ..limits() };
    let (_account, mut run) = start_within(&sandbox, "alice", limits);
    run.connected().await;
    assert!(matches!(run.ended().await, End::Silent { .. }));
}

#[tokio::test]
async fn garbage_is_ignored_and_what_breaks_the_protocol_ends_the_connection() {
    let sandbox = sandbox(alice()).await;
    let (account, mut first) = start(&sandbox, "alice");
    first.connected().await;
    sandbox.fault(Fault::new(FaultKind::Garbage)).unwrap();
    say(&sandbox, "after garbage", &[]);
    first.until("message").await.settle(Ok(Appended::Fresh));
    sandbox.fault(Fault::new(FaultKind::Truncated)).unwrap();
    say(&sandbox, "after half a frame", &[]);
    first.until("message").await.settle(Ok(Appended::Fresh));
    sandbox.fault(Fault::new(FaultKind::Oversized)).unwrap();
    assert!(matches!(first.ended().await, End::Lost { .. }));
    let mut second = run(&account, 2);
    second.connected().await;
    second.stop().await;
}

#[tokio::test]
async fn a_second_consumer_is_noticed_once() {
    let sandbox = sandbox(alice()).await;
    let (_one, mut first) = start(&sandbox, "alice");
    first.connected().await;
    let (_two, mut second) = start(&sandbox, "alice");
    let before = second.until("rooma.conflict").await;
    assert_eq!(body(&before.entries[0]), serde_json::json!({"online": 1, "ours": 0}));
    second.connected().await;
    let later = first.until("rooma.conflict").await;
    assert_eq!(body(&later.entries[0]), serde_json::json!({"online": 2, "ours": 1}));
    let asked_again = tokio::time::timeout(limits().conflict_check * 3, first.until("rooma.conflict"));
    assert!(asked_again.await.is_err(), "the same number is said once");
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_payload_that_makes_normalising_panic_becomes_a_line_and_is_acknowledged() {
    let sandbox = sandbox(alice()).await;
    let account =
        account(identity(&sandbox, "alice"), limits()).inject(Some("poison".into()), Some("crash".into()));
    let account = Arc::new(account);
    let mut run = run(&account, 1);
    run.connected().await;
    say(&sandbox, "some poison here", &[]);
    let batch = run.until("unknown").await;
    assert_eq!(body(&batch.entries[0])["reason"], "panic");
    assert!(batch.entries[0].raw.as_deref().unwrap().contains("some poison here"));
    batch.settle(Ok(Appended::Fresh));
    eventually("the ack arrives", || totals(&sandbox).acked == 1).await;
    say(&sandbox, "now crash", &[]);
    let crashed = timeout(PATIENCE, run.end).await.unwrap();
    assert!(crashed.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_peer_of_ours_is_known_by_its_app_after_its_first_message() {
    let options = Options { bots: vec!["alice".into(), "bob".into()], ..alice() };
    let sandbox = sandbox(options).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    let speak = || {
        let say = Say {
            chat: Some("lobby".into()),
            from: Some("bob".into()),
            text: Some("hi".into()),
            ..Say::default()
        };
        sandbox.say(say).unwrap()
    };
    let known = async {
        loop {
            speak();
            let batch = run.until("message").await;
            let line = body(&batch.entries[0]);
            assert_eq!((&line["sender_type"], &line["trust"]), (&"bot".into(), &"peer".into()));
            batch.settle(Ok(Appended::Fresh));
            if line["sender_profile"] == "bob" && line["sender_name"] == "bob" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, known).await.expect("bob is recognised");
    run.stop().await;
}

/// A bot mention whose open_id is not ours although the name is; `message_id` is what the history knows.
fn doubtful(sandbox: &Sandbox, message_id: &str) {
    let event = serde_json::json!({
        "sender": {"sender_id": {"open_id": "ou_somebody"}, "sender_type": "user"},
        "message": {
            "message_id": message_id, "chat_id": "oc_any", "chat_type": "group", "message_type": "text",
            "create_time": "1767225600123", "content": "{\"text\":\"@_user_1 hi\"}",
            "mentions": [{
                "key": "@_user_1", "id": {"open_id": format!("ou_foreign_{message_id}")},
                "mentioned_type": "bot", "name": "alice"
            }]
        }
    });
    let event_type = "im.message.receive_v1".to_owned();
    let app = "alice".to_owned();
    sandbox.event(rooma::sandbox::Event { app, event_type, event, raw: None, card: false }).unwrap();
}

#[tokio::test]
async fn a_doubtful_mention_is_settled_by_reading_the_message_again_or_by_name() {
    let options = Options { bots: vec!["alice".into(), "bob".into()], ..alice() };
    let sandbox = sandbox(options).await;
    let to_alice = say(&sandbox, "@alice hi", &["alice"]);
    let to_bob = say(&sandbox, "@bob hi", &["bob"]);
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    for (message_id, mentioned) in [(to_alice.as_str(), true), (to_bob.as_str(), false), ("om_unknown", true)]
    {
        doubtful(&sandbox, message_id);
        let batch = run.until("message").await;
        let line = body(&batch.entries[0]);
        assert_eq!((&line["message_id"], &line["mentioned"]), (&message_id.into(), &mentioned.into()));
        batch.settle(Ok(Appended::Fresh));
    }
    run.stop().await;
}

#[tokio::test]
async fn a_doubtful_mention_delays_no_other_delivery() {
    let sandbox = sandbox(alice()).await;
    let message_id = say(&sandbox, "@alice hi", &["alice"]);
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    let slow = Fault { ms: Some(3_000), path: Some(message_id.clone()), ..Fault::new(FaultKind::Slow) };
    sandbox.fault(slow).unwrap();
    doubtful(&sandbox, &message_id);
    let plain = say(&sandbox, "plain", &[]);
    let first = run.until("message").await;
    assert_eq!(body(&first.entries[0])["message_id"], plain);
    let second = run.until("message").await;
    assert_eq!(body(&second.entries[0])["message_id"], message_id);
    assert_eq!(body(&second.entries[0])["mentioned"], true, "the name decides when the history is slow");
    run.stop().await;
}

#[tokio::test]
async fn a_token_that_became_invalid_is_replaced_once() {
    let sandbox = sandbox(alice()).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    sandbox.fault(Fault::new(FaultKind::TokenExpiry)).unwrap();
    let issued = || sandbox.state(StateQuery::default()).unwrap().apps[0].tokens_issued;
    eventually("the check for other instances takes a new token", || issued() == 2).await;
    tokio::time::sleep(limits().conflict_check * 3).await;
    assert_eq!(issued(), 2);
    run.stop().await;
}

#[tokio::test]
async fn a_rate_limit_on_the_way_says_how_long_to_wait() {
    let sandbox = sandbox(alice()).await;
    let limit =
        Fault { reset_s: Some(7200), path: Some("bot/v3/info".into()), ..Fault::new(FaultKind::RateLimit) };
    sandbox.fault(limit).unwrap();
    let (_account, run) = start_within(&sandbox, "alice", some_limits());
    let End::Refused { retry_after, .. } = run.ended().await else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(7200)));
}

#[tokio::test]
async fn a_journal_that_falls_behind_holds_the_stream_and_loses_nothing() {
    const COUNT: usize = 6_000;
    let sandbox = sandbox(alice()).await;
    let (_account, mut run) = start(&sandbox, "alice");
    run.connected().await;
    let burst = rooma::sandbox::Burst {
        app: Some("alice".into()),
        chat: Some("lobby".into()),
        count: COUNT,
        ..Default::default()
    };
    sandbox.burst(burst).await.unwrap();
    let mut held = Vec::new();
    // The window is 4,096 deliveries: what is beyond it stays in the sockets until these are settled.
    while held.len() < 4_096 {
        held.push(run.batch().await);
    }
    assert!(timeout(Duration::from_millis(200), run.journal.next()).await.is_err());
    let mut seen = held.len();
    held.into_iter().for_each(|batch| batch.settle(Ok(Appended::Fresh)));
    while seen < COUNT {
        run.batch().await.settle(Ok(Appended::Fresh));
        seen += 1;
    }
    eventually("all are acknowledged", || totals(&sandbox).acked == COUNT as u64).await;
    run.stop().await;
}
