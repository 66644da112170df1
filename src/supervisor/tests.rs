//! The real tree over scripted connections, on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, advance, sleep};

use super::root::Root;
use super::*;
use crate::clock::Clock;
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::error::{Error, Kind, Result};
use crate::event::Origin;
use crate::event::ids::OpenId;
use crate::journal::{Appender, Inbox, Journal};
use crate::transport::verbs::Place;
use crate::transport::{Inbound, Life, Missed, Report, Rooms};

/// What one connection of a script does.
#[derive(Clone, Debug)]
enum Act {
    /// Ends before it works.
    Fail(End),
    /// Works for a while, then ends.
    Work(Duration, End),
    Panic,
    /// Works until it is asked to close.
    Stay,
    /// Works and ignores that it is asked to close.
    Deaf,
}

/// A seat whose connections follow a script; after its end they stay.
fn seat(name: &str, script: Vec<Act>) -> (Seat, Arc<Mutex<Vec<Instant>>>) {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let (seen, script) = (Arc::clone(&dials), Arc::new(Mutex::new(VecDeque::from(script))));
    let dial: Dial = Arc::new(move |life| {
        seen.lock().unwrap().push(Instant::now());
        let act = script.lock().unwrap().pop_front().unwrap_or(Act::Stay);
        Box::pin(play(act, life))
    });
    (seat_of(name, dial), dials)
}

fn seat_of(name: &str, dial: Dial) -> Seat {
    let perform: Perform = Arc::new(|_, _| Box::pin(async { Ok(Value::Null) }));
    let relay: Relay = Arc::new(|_| Box::pin(async { Ok(None) }));
    let fetch: Fetch = Arc::new(|_| Box::pin(async { Ok(Default::default()) }));
    Seat {
        name: Arc::from(name),
        transport: crate::transport::Transport::Feishu,
        intake: intake(name),
        app_id: format!("cli_{name}"),
        dial,
        perform,
        fetch,
        relay,
    }
}

fn intake(name: &str) -> crate::transport::Intake {
    crate::transport::Intake {
        profile: Arc::from(name),
        transport: "feishu",
        owner: None,
        gates: Default::default(),
        rooms: Rooms::default(),
    }
}

async fn play(act: Act, life: Life) -> End {
    let Life { report, mut stop, .. } = life;
    let works = |works: bool| {
        if works {
            report(Report::Connected { bot_name: "Bot".into(), bot_open_id: OpenId::new("ou_1") });
            report(Report::Usable);
        }
    };
    match act {
        Act::Fail(end) => end,
        Act::Panic => panic!("injected"),
        Act::Work(up, end) => {
            works(true);
            sleep(up).await;
            end
        }
        Act::Stay => {
            works(true);
            let _ = stop.wait_for(|stop| *stop).await;
            End::Asked
        }
        Act::Deaf => {
            works(true);
            std::future::pending().await
        }
    }
}

struct Stage {
    root: Root,
    inbox: Inbox,
    start: Instant,
}

async fn stage(seats: Vec<Seat>) -> Stage {
    let (appender, inbox) = Appender::for_test();
    let start = Instant::now();
    let policy = Policy { jitter: 0.0, ..Policy::default() };
    let root = Root::start(appender, policy, Clock::simulated(0), seats, None).await.unwrap();
    Stage { root, inbox, start }
}

impl Stage {
    /// The lines said so far: who, what, and the body.
    fn lines(&mut self) -> Vec<(String, String, Value)> {
        let mut lines = Vec::new();
        while let Some(batch) = self.inbox.try_next() {
            for entry in batch.entries {
                let body = serde_json::from_str(&format!("{{{}}}", entry.rendered.body)).unwrap();
                lines.push((entry.profile.unwrap().to_string(), entry.rendered.type_name.to_owned(), body));
            }
        }
        lines
    }

    fn seconds(&self, dials: &Arc<Mutex<Vec<Instant>>>) -> Vec<u64> {
        dials.lock().unwrap().iter().map(|at| (*at - self.start).as_secs()).collect()
    }
}

/// Lets time pass in small steps, so that everything due in between happens in its order.
async fn pass(duration: Duration) {
    let step = Duration::from_millis(500);
    let mut left = duration;
    while !left.is_zero() {
        let now = left.min(step);
        advance(now).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        left -= now;
    }
}

fn lost() -> End {
    End::Lost { reason: "reset".into() }
}

fn unauthorized() -> End {
    End::Unauthorized {
        code: Some(10_015),
        message: "app secret is wrong".into(),
        hint: Some("check it".into()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_replaced_with_growing_delays_and_each_end_has_its_line() {
    let (seat, dials) = seat("alice", vec![Act::Fail(lost()), Act::Fail(lost()), Act::Fail(lost())]);
    let mut stage = stage(vec![seat]).await;
    pass(Duration::from_secs(20)).await;
    assert_eq!(stage.seconds(&dials), [0, 1, 3, 7]);
    let lines = stage.lines();
    let said: Vec<(&str, u64, u64)> = lines
        .iter()
        .map(|(_, kind, body)| {
            (kind.as_str(), body["retry_in_ms"].as_u64().unwrap(), body["attempt"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        said,
        [("rooma.disconnected", 1000, 1), ("rooma.disconnected", 2000, 2), ("rooma.disconnected", 4000, 3)]
    );
    stage.root.end().await;
}

/// Half an hour with everything that happens to a laptop: flaps, a long stable stretch, silence, refusals.
#[tokio::test(start_paused = true)]
async fn half_an_hour_of_trouble_ends_connected() {
    let silent = End::Silent { quiet_for: Duration::from_secs(15) };
    let slept = End::Lost { reason: "woke from sleep".into() };
    let busy =
        End::Refused { code: Some(1), message: "busy".into(), retry_after: Some(Duration::from_secs(9)) };
    let (seat, dials) = seat(
        "alice",
        vec![
            Act::Fail(lost()),                           // 0, next after 1 s
            Act::Work(Duration::from_secs(30), lost()),  // 1..31, unstable: next after 2 s
            Act::Work(Duration::from_secs(600), silent), // 33..633, stable: next after 1 s
            Act::Work(Duration::from_secs(300), slept),  // 634..934, stable: next after 1 s
            Act::Fail(busy),                             // 935, the server's 9 s
            Act::Fail(lost()),                           // 944, next after 4 s
        ],
    );
    let mut stage = stage(vec![seat]).await;
    pass(Duration::from_secs(1800)).await;
    assert_eq!(stage.seconds(&dials), [0, 1, 33, 634, 935, 944, 948]);
    assert_eq!(stage.lines().len(), 6);
    stage.root.stop(Duration::from_secs(1)).await;
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_profile_s_trouble_is_its_own() {
    let (wrong, wrong_dials) = seat("wrong", vec![Act::Fail(unauthorized()); 10]);
    let (crashing, crash_dials) = seat("crashing", vec![Act::Panic; 20]);
    let (fine, fine_dials) = seat("fine", vec![]);
    let mut stage = stage(vec![wrong, crashing, fine]).await;
    pass(Duration::from_secs(50)).await;
    assert_eq!(stage.seconds(&fine_dials), [0]);
    assert_eq!(stage.seconds(&wrong_dials), [0]);
    let lines = stage.lines();
    let of = |name: &str| lines.iter().filter(|(who, ..)| who == name).collect::<Vec<_>>();
    assert_eq!(of("fine").len(), 0);
    assert_eq!(of("wrong").len(), 1);
    let (_, kind, body) = of("wrong")[0];
    assert_eq!(
        (kind.as_str(), body["hint"].as_str(), body["retry_in_ms"].as_u64()),
        ("rooma.parked", Some("check it"), Some(60_000))
    );
    // 0, 1, 3, 7, 15 s: five crashes within 30 s, then parked.
    assert_eq!(stage.seconds(&crash_dials), [0, 1, 3, 7, 15]);
    let crashes: Vec<&str> = of("crashing").iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(crashes, ["rooma.crashed", "rooma.crashed", "rooma.crashed", "rooma.crashed", "rooma.parked"]);
    assert_eq!(of("crashing")[0].2["reason"], "crashed: injected");
    pass(Duration::from_secs(30)).await;
    assert_eq!(stage.seconds(&wrong_dials), [0, 60]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_profile_is_tried_at_once_when_a_person_changes_it() {
    let (parked, old_dials) = seat("alice", vec![Act::Fail(unauthorized()); 10]);
    let (mended, new_dials) = seat("alice", vec![]);
    let stage = stage(vec![parked]).await;
    pass(Duration::from_secs(12)).await;
    stage.root.asker().apply(vec![Change::Changed(mended)]).await.unwrap();
    pass(Duration::from_secs(88)).await;
    assert_eq!(stage.seconds(&old_dials), [0]);
    assert_eq!(stage.seconds(&new_dials), [12]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_written_again_is_a_reason_to_try_for_who_is_not_connected() {
    let (parked, parked_dials) = seat("alice", vec![Act::Fail(unauthorized())]);
    let (connected, connected_dials) = seat("bob", vec![]);
    let stage = stage(vec![parked, connected]).await;
    pass(Duration::from_secs(12)).await;
    let touched = ["alice", "bob"].map(|name| Change::Touched(Arc::from(name)));
    stage.root.asker().apply(touched.into()).await.unwrap();
    pass(Duration::from_secs(100)).await;
    assert_eq!(stage.seconds(&parked_dials), [0, 12]);
    assert_eq!(stage.seconds(&connected_dials), [0]);
    stage.root.end().await;
}

/// The slow retry of the parked life is due at 60 s; by then the profile lives another one and waits for 67 s.
#[tokio::test(start_paused = true)]
async fn a_retry_of_an_earlier_life_is_ignored() {
    let (parked, _) = seat("alice", vec![Act::Fail(unauthorized())]);
    let script = vec![
        Act::Work(Duration::from_secs(40), lost()),
        Act::Fail(lost()),
        Act::Fail(lost()),
        Act::Fail(lost()),
    ];
    let (mended, dials) = seat("alice", script);
    let stage = stage(vec![parked]).await;
    pass(Duration::from_secs(12)).await;
    stage.root.asker().apply(vec![Change::Changed(mended)]).await.unwrap();
    pass(Duration::from_secs(88)).await;
    assert_eq!(stage.seconds(&dials), [12, 53, 55, 59, 67]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn profiles_come_change_and_go_without_touching_the_others() {
    let (alice, alice_dials) = seat("alice", vec![]);
    let (bob, bob_dials) = seat("bob", vec![]);
    let mut stage = stage(vec![alice, bob]).await;
    let asker = stage.root.asker();
    pass(Duration::from_secs(10)).await;
    let (carol, carol_dials) = seat("carol", vec![]);
    let (bob_again, bob_again_dials) = seat("bob", vec![]);
    asker.apply(vec![Change::Added(carol), Change::Changed(bob_again)]).await.unwrap();
    pass(Duration::from_secs(10)).await;
    asker.apply(vec![Change::Removed(Arc::from("bob"))]).await.unwrap();
    pass(Duration::from_secs(200)).await;
    assert_eq!(stage.seconds(&alice_dials), [0]);
    assert_eq!(stage.seconds(&carol_dials), [10]);
    assert_eq!((stage.seconds(&bob_dials), stage.seconds(&bob_again_dials)), (vec![0], vec![10]));
    let names: Vec<String> =
        asker.profiles().await.unwrap().into_iter().map(|profile| profile.profile).collect();
    assert_eq!(names, ["alice", "carol"]);
    let lines = stage.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("bob", "rooma.stopped"));
    assert_eq!(lines[0].2["reason"], "removed");
    stage.root.end().await;
}

/// A report that comes after its connection has ended says nothing about the next one.
#[tokio::test(start_paused = true)]
async fn a_report_of_an_earlier_life_is_ignored() {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&dials);
    let dial: Dial = Arc::new(move |life| {
        seen.lock().unwrap().push(Instant::now());
        let number = seen.lock().unwrap().len();
        Box::pin(async move {
            if number == 1 {
                tokio::spawn(async move {
                    sleep(Duration::from_secs(10)).await;
                    (life.report)(Report::Usable);
                });
                return lost();
            }
            // Never usable, however long it lasts.
            sleep(Duration::from_secs(100)).await;
            lost()
        })
    });
    let seat = seat_of("alice", dial);
    let stage = stage(vec![seat]).await;
    pass(Duration::from_secs(230)).await;
    // The delay grows from 1 to 2 and 4 seconds: nothing was stable.
    assert_eq!(stage.seconds(&dials), [0, 1, 103, 207]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_parked_profile_now_is_told_and_a_connected_one_is_left_alone() {
    let (parked, _) = seat("a", vec![Act::Fail(unauthorized())]);
    let (connected, dials) = seat("b", vec![]);
    let mut stage = stage(vec![parked, connected]).await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(stage.lines().len(), 1);
    let error = Error::new(Kind::Config, "profiles/a.yaml: unknown key `appid`").hint("app_id");
    let failed = ["a", "b"].map(|name| Change::Failed(Arc::from(name), error.clone()));
    stage.root.asker().apply(failed.into()).await.unwrap();
    pass(Duration::from_secs(1)).await;
    let lines = stage.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("a", "rooma.parked"));
    assert_eq!(lines[0].2["hint"], "app_id");
    assert_eq!(stage.seconds(&dials), [0]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_connections_but_not_for_ever() {
    let (polite, _) = seat("polite", vec![]);
    let (deaf, _) = seat("deaf", vec![Act::Deaf]);
    let (waiting, waiting_dials) = seat("waiting", vec![Act::Fail(lost()); 10]);
    let mut stage = stage(vec![polite, deaf, waiting]).await;
    pass(Duration::from_secs(5)).await;
    let dialled = waiting_dials.lock().unwrap().len();
    let before = Instant::now();
    stage.root.stop(Duration::from_secs(1)).await;
    assert_eq!(before.elapsed().as_secs(), 1);
    stage.lines();
    pass(Duration::from_secs(120)).await;
    assert_eq!(waiting_dials.lock().unwrap().len(), dialled, "nobody dials while stopping");
    assert_eq!(stage.lines(), []);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_twice_is_asked_once() {
    let (trigger, mut ask) = Ask::manual();
    assert!(trigger.stop("SIGTERM"));
    assert!(!trigger.stop("SIGINT"));
    assert_eq!(ask.stop().await, "SIGTERM");
}

/// The real tree with real connections over pipes: heartbeats, silence, sleep, a close, another interval.
#[tokio::test(start_paused = true)]
async fn half_an_hour_of_heartbeats_silence_sleep_and_reconnects() {
    use crate::transport::feishu::stage::{Beat, Seen, platform};
    use crate::transport::{Identity, Limits, Shared, Transport, feishu};

    const MINUTE: Duration = Duration::from_secs(60);
    let clock = Clock::simulated(1_767_225_600_000);
    let identity = Identity {
        profile: Arc::from("alice"),
        transport: Transport::Feishu,
        app_id: "cli_1".to_owned(),
        app_secret: "secret".to_owned().into(),
        base_url: None,
        siblings: Default::default(),
        sights: Default::default(),
    };
    let account =
        feishu::Account::new(identity, Shared::new(clock.clone(), Limits::default()).unwrap()).unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let days = Arc::new(Mutex::new(VecDeque::from([
        // 0: works for ten minutes, then says nothing: pinged at 630 s, given up at 645 s.
        vec![Beat::Serve(10 * MINUTE), Beat::Mute(10 * MINUTE)],
        // 646 s: works until the machine sleeps at 960 s.
        vec![Beat::Serve(20 * MINUTE)],
        // Closed by the platform after 20 s, too early to count as stable.
        vec![Beat::Serve(Duration::from_secs(20)), Beat::Close(1001)],
        // Gone without a word at once.
        vec![Beat::Drop],
        // Asks for a ping every 30 s and stays.
        vec![Beat::Configure(30), Beat::Serve(60 * MINUTE)],
    ])));
    let dial: Dial = {
        let (seen, clock_account) = (Arc::clone(&seen), account.clone());
        Arc::new(move |life| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let beats = days.lock().unwrap().pop_front().expect("no more connections than planned");
            tokio::spawn(platform(theirs, beats, Arc::clone(&seen)));
            let account = clock_account.clone();
            Box::pin(async move { account.run_over(life, ours).await })
        })
    };
    let (appender, mut inbox) = Appender::for_test();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Some(batch) = inbox.next().await {
            for entry in &batch.entries {
                written.lock().unwrap().push((entry.rendered.type_name, entry.rendered.body.clone()));
            }
            batch.settle(Ok(crate::journal::Appended::Fresh));
        }
    });
    let policy = Policy { jitter: 0.0, ..Policy::default() };
    let seat = seat_of("alice", dial);
    let root = Root::start(appender, policy, clock.clone(), vec![seat], None).await.unwrap();

    pass(Duration::from_secs(960)).await;
    clock.sleep_machine(Duration::from_secs(3600));
    pass(Duration::from_secs(30 * 60 - 960)).await;

    let lines = lines.lock().unwrap().clone();
    let ends: Vec<&str> = lines
        .iter()
        .filter(|(type_name, _)| *type_name == "rooma.disconnected")
        .map(|(_, body)| body.as_str())
        .collect();
    let wanted =
        [("silent", 1000), ("lost: woke from sleep", 1000), ("closed: 1001 bye", 2000), ("lost", 4000)];
    assert_eq!(ends.len(), wanted.len(), "{ends:#?}");
    for (end, (reason, delay)) in ends.iter().zip(wanted) {
        assert!(end.starts_with(&format!("\"reason\":\"{reason}")), "{end}, wanted {reason}");
        assert!(end.contains(&format!("\"retry_in_ms\":{delay}")), "{end}, wanted {delay}");
    }
    let seen = seen.lock().unwrap().clone();
    let messages = lines.iter().filter(|(type_name, _)| *type_name == "message").count();
    // One a minute: ten or so, five, none, none, thirteen.
    assert!((26..=30).contains(&seen.pushed), "{seen:?}");
    assert_eq!((messages, seen.acked), (seen.pushed, seen.pushed), "{seen:?}");
    // 8 of the first connection, 4 of the second, 1, 1 at most, and one every 30 s of the last 800 s.
    assert!((36..=44).contains(&seen.pings), "{seen:?}");
    root.stop(Duration::from_secs(2)).await;
    root.end().await;
}

/// A care with a journal of its own, and a seat in the chats `oc_1` and `oc_2` whose history is scripted.
async fn cared(
    fetch: impl Fn(Place) -> Result<Missed> + Send + Sync + 'static,
) -> (tempfile::TempDir, Journal, care::Care, Seat) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, crate::journal::Sync::Process, Clock::system()).unwrap();
    let rules = (
        care::CatchUpRules {
            per_chat: 200,
            total: 2000,
            max_age: Duration::from_secs(86_400),
            after: Duration::ZERO,
        },
        care::DeafRules { quiet_after: Duration::from_secs(600), chats: 1 },
    );
    let (appender, heard) = (journal.appender(), journal.heard());
    let care = care::Care::new(path, appender, heard, Rooms::default(), Clock::system(), rules);
    let mut seat = seat("alice", vec![]).0;
    let fetch = Arc::new(fetch);
    seat.fetch = Arc::new(move |missing| {
        let answer = fetch(missing.place);
        Box::pin(async move { answer })
    });
    let listed = serde_json::json!({"items": [{"chat_id": "oc_1"}, {"chat_id": "oc_2"}], "has_more": true});
    seat.perform = Arc::new(move |_, _| {
        let listed = listed.clone();
        Box::pin(async move { Ok(listed) })
    });
    (folder, journal, care, seat)
}

fn message(chat: &str, id: &str) -> Inbound {
    let message = serde_json::from_value(serde_json::json!({
        "chat_id": chat, "chat_type": "group", "message_id": id, "message_type": "text", "sender_id": "ou_1",
        "sender_type": "user", "mentioned": true, "mention": "me", "content": "x", "create_time": "t",
        "trust": "stranger", "event_type": "e"
    }));
    Inbound::message(Origin::History, message.unwrap(), "{}")
}

#[tokio::test]
async fn a_thread_that_cannot_be_read_now_is_asked_for_again() {
    let (_folder, _journal, care, seat) = cared(|place| match place {
        Place::Thread(_) => Err(Error::network("reset")),
        _ => Ok(Missed { threads: vec!["omt_1".to_owned()], ..Missed::default() }),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    assert!(catch_up::catch_up(&care, &seat, window, false).await.is_err());
}

#[tokio::test]
async fn a_chat_that_always_fails_holds_up_no_other_and_is_told_of_in_the_end() {
    let (_folder, journal, care, seat) = cared(|place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => Err(Error::network("reset")),
        Place::Chat(_) => Ok(Missed { messages: vec![message("oc_2", "om_2")], ..Missed::default() }),
        Place::Thread(_) => Ok(Missed::default()),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    let lines = || {
        let page = journal
            .reader()
            .unwrap()
            .page(0, &crate::journal::Filter::default(), &crate::journal::Had::default())
            .unwrap();
        String::from_utf8(page.bytes).unwrap()
    };
    assert!(catch_up::catch_up(&care, &seat, window, false).await.is_err(), "it is worth another try");
    journal.settled().await;
    assert!(
        lines().contains("\"cut\":\"chats\""),
        "the list was longer than what is looked into: {}",
        lines()
    );
    assert!(lines().contains("\"chat_id\":\"oc_2\"") && !lines().contains("\"error\""), "{}", lines());
    catch_up::catch_up(&care, &seat, window, true).await.unwrap();
    journal.settled().await;
    assert!(lines().contains("\"error\":\"reset"), "{}", lines());
}

#[tokio::test]
async fn a_chat_that_may_not_be_read_hides_no_deafness() {
    let (_folder, journal, care, seat) = cared(|place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => Err(Error::new(Kind::Authorization, "not a member")),
        _ => Ok(Missed { messages: vec![message("oc_2", "om_unheard")], ..Missed::default() }),
    })
    .await;
    let (answers, mut settled) = tokio::sync::mpsc::unbounded_channel();
    for (chat, id) in [("oc_1", "om_1"), ("oc_1", "om_2"), ("oc_2", "om_3")] {
        journal.appender().append(vec![seat.intake.entry(message(chat, id))], &answers, 0).await;
        settled.recv().await.unwrap();
    }
    assert!(deaf::is_deaf(&care, &seat, 0, 1_000_000).await.unwrap());
}

#[tokio::test]
async fn every_thread_is_asked_once_the_newest_first_and_a_cut_is_told() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let (_folder, journal, care, seat) = cared(move |place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => {
            let threads = (0..12).flat_map(|number| [format!("omt_{number}"), "omt_busy".to_owned()]);
            Ok(Missed { threads: threads.collect(), ..Missed::default() })
        }
        Place::Thread(thread) => {
            seen.lock().unwrap().push(thread.as_str().to_owned());
            Ok(Missed::default())
        }
        _ => Ok(Missed::default()),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    catch_up::catch_up(&care, &seat, window, false).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!((asked.len(), asked[0].as_str(), asked[1].as_str()), (10, "omt_busy", "omt_11"), "{asked:?}");
    journal.settled().await;
    let page = journal
        .reader()
        .unwrap()
        .page(0, &crate::journal::Filter::default(), &crate::journal::Had::default())
        .unwrap();
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(text.contains("rooma.catchup") && text.contains("per_chat"), "{text}");
}
