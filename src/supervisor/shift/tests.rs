use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use super::super::owner;
use super::super::relay::{self, Relaying};
use super::super::tree::{Tree, chat};
use super::super::upkeep::CatchUpRules;
use super::*;
use crate::core::presence::Arming;
use crate::error::{Error, Kind};

async fn kept(tree: &Tree) -> Attendant {
    let day = Duration::from_secs(86_400);
    let catch_up = CatchUpRules { per_chat: 200, total: 2000, max_age: day, after: Duration::from_secs(60) };
    let relaying = Relaying {
        data: tree.folder.path().to_owned(),
        clock: Clock::system(),
        appender: tree.journal.appender(),
        asker: tree.root.asker(),
        rooms: tree.rooms.clone(),
        catch_up,
    };
    let presence = Presence {
        data: tree.folder.path().to_owned(),
        max_age: Duration::from_secs(600),
        clock: Clock::system(),
        appender: tree.journal.appender(),
        asker: tree.root.asker(),
        relay: relay::start(relaying, tree.root.cell()).await.unwrap(),
    };
    start(presence, tree.root.cell()).await.unwrap()
}

/// An agent that lives until it is killed.
struct Agent(Child);

impl Agent {
    fn new() -> Agent {
        Agent(Command::new("/bin/sleep").arg("600").spawn().unwrap())
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

fn change<R>(tree: &Tree, profile: &str, change: impl FnOnce(&mut Sessions, i64) -> R) -> R {
    let (folder, now) = (tree.folder.path().join(profile), Clock::system().wall_ms());
    stored::update(&folder, now, |sessions: &mut Sessions| change(sessions, now)).unwrap()
}

fn arm(tree: &Tree, profile: &str, id: &str, agent: Option<&Agent>, greeting: bool) {
    let arming = Arming {
        id: id.to_owned(),
        chats: vec![chat()],
        farewell_text: format!("{id} is off"),
        crash_text: Some(format!("{id} is gone")),
        greeting_text: greeting.then(|| format!("{id} is here")),
        owner: agent.and_then(|agent| owner::of(agent.0.id())),
        agent_session: None,
        ttl_ms: None,
    };
    change(tree, profile, |sessions, now| sessions.arm(arming, now));
}

fn posted(tree: &Tree) -> Vec<String> {
    tree.platform.posted().into_iter().map(|(_, _, words)| words).collect()
}

fn told(tree: &Tree, kind: &str) -> Vec<Value> {
    tree.lines(kind).into_iter().map(|(_, line)| line).collect()
}

fn is_noted(tree: &Tree, profile: &str) -> bool {
    stored::load::<Sessions>(&tree.folder.path().join(profile), 0).unwrap().outbox.is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_killed_agent_is_taken_leave_of_once_and_others_of_ours_hear_it() {
    let tree = Tree::new(&["a", "b"]).await;
    let mut agent = Agent::new();
    let _attendant = kept(&tree).await;
    arm(&tree, "a", "s1", Some(&agent), true);
    tree.until("it is greeted", || told(&tree, "rooma.greeting_sent").len() == 1).await;
    let armed = told(&tree, "rooma.session_armed");
    assert_eq!((armed.len(), armed[0]["owner_pid"].as_u64()), (1, Some(agent.0.id().into())));
    agent.kill();
    tree.until("it is taken leave of", || told(&tree, "rooma.farewell_sent").len() == 1).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!(posted(&tree), ["s1 is here", "s1 is gone"]);
    let farewell = &told(&tree, "rooma.farewell_sent")[0];
    assert_eq!(
        (farewell["reason"].as_str(), farewell["chats"].to_string()),
        (Some("owner_gone"), r#"["oc_1"]"#.to_owned())
    );
    tree.until("the other hears of both", || tree.lines("message").len() == 2).await;
    assert!(tree.lines("message").iter().all(|(profile, line)| profile == "b" && line["relayed"] == true));
    let tree = tree.next(&["a", "b"]).await;
    let _attendant = kept(&tree).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!(
        (posted(&tree).len(), told(&tree, "rooma.farewell_sent").len()),
        (2, 1),
        "nor in the next life"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_network_swallows_is_said_once_it_is_back_and_what_is_refused_is_told_of() {
    let tree = Tree::new(&["a", "b"]).await;
    let _attendant = kept(&tree).await;
    tree.platform.refuse("a", Some(Error::network("reset").retryable(true)));
    tree.platform.refuse("b", Some(Error::new(Kind::Api, "not in this chat")));
    for profile in ["a", "b"] {
        arm(&tree, profile, "s1", None, false);
        change(&tree, profile, |sessions, now| sessions.end(None, &Ending::Asked("logout".to_owned()), now));
    }
    tree.until("b is told of it", || is_noted(&tree, "b")).await;
    let refused = told(&tree, "rooma.farewell_sent");
    assert_eq!((refused.len(), refused[0]["failed"][0]["error"].as_str()), (1, Some("not in this chat")));
    let attempts =
        || tree.platform.asked.lock().unwrap().iter().filter(|asked| asked.starts_with("a says")).count();
    tree.until("it was tried three times", || attempts() == 3).await;
    assert!(posted(&tree).is_empty() && !is_noted(&tree, "a"));
    // A new life begins over it.
    let tree = tree.next(&["a", "b"]).await;
    let _attendant = kept(&tree).await;
    tree.platform.refuse("a", None);
    tree.until("it is said", || is_noted(&tree, "a")).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!((posted(&tree), told(&tree, "rooma.farewell_sent").len()), (vec!["s1 is off".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_over_says_nothing_and_a_connection_that_closes_ends_its_own_session() {
    let tree = Tree::new(&["a"]).await;
    let (mut first, second) = (Agent::new(), Agent::new());
    let attendant = kept(&tree).await;
    arm(&tree, "a", "s1", Some(&first), false);
    tree.until("it is told of", || told(&tree, "rooma.session_armed").len() == 1).await;
    arm(&tree, "a", "s2", Some(&second), false);
    tree.until("the other is told of", || told(&tree, "rooma.session_armed").len() == 2).await;
    first.kill();
    attendant.released("a", "s1").await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!(posted(&tree), [""; 0]);
    attendant.released("a", "s2").await;
    tree.until("it is taken leave of", || is_noted(&tree, "a")).await;
    let reasons = told(&tree, "rooma.farewell_sent");
    assert_eq!(
        (posted(&tree), reasons[0]["reason"].as_str()),
        (vec!["s2 is gone".to_owned()], Some("connection_closed"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_and_a_supervisor_that_died_together_are_taken_leave_of_or_it_is_too_late() {
    for (age_ms, expected) in [(0, vec!["s1 is gone"]), (601_000, vec![])] {
        let tree = Tree::new(&["a"]).await;
        let mut agent = Agent::new();
        arm(&tree, "a", "s1", Some(&agent), false);
        change(&tree, "a", |sessions, now| sessions.session.as_mut().unwrap().seen_at = now - age_ms);
        agent.kill();
        let _attendant = kept(&tree).await;
        let lines = || told(&tree, "rooma.farewell_sent").len() + told(&tree, "rooma.session_expired").len();
        tree.until("it is told of", || lines() == 1).await;
        tree.pass(Duration::from_secs(5)).await;
        assert_eq!(posted(&tree), expected);
        assert_eq!((lines(), told(&tree, "rooma.session_expired").len()), (1, usize::from(age_ms > 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_a_person_has_stopped_hears_nothing_of_a_shift() {
    let tree = Tree::new(&["a"]).await;
    let limits = super::super::rooms::limits(&Default::default());
    super::super::rooms::change(
        tree.folder.path(),
        &super::super::tree::room_id(),
        &Clock::system(),
        limits,
        |room, now| room.guard.pause(now, None),
    )
    .unwrap();
    let _attendant = kept(&tree).await;
    arm(&tree, "a", "s1", None, true);
    tree.until("it is told of", || told(&tree, "rooma.greeting_sent").len() == 1).await;
    let failed = told(&tree, "rooma.greeting_sent")[0]["failed"][0]["error"].clone();
    assert_eq!((failed.as_str(), posted(&tree).len()), (Some("a person has paused this room"), 0));
    tree.until("nothing is left to be said", || is_noted(&tree, "a")).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!((told(&tree, "rooma.greeting_sent").len(), posted(&tree).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_keeps_nobody_else_from_a_farewell() {
    let tree = Tree::new(&["a", "b"]).await;
    let broken = tree.folder.path().join("a");
    crate::folder::make(&broken).unwrap();
    std::fs::write(broken.join("active_session.json"), r#"{"version": 99}"#).unwrap();
    let _attendant = kept(&tree).await;
    arm(&tree, "b", "s1", None, false);
    change(&tree, "b", |sessions, now| sessions.end(None, &Ending::OwnerGone, now));
    tree.until("it is taken leave of", || is_noted(&tree, "b")).await;
    assert_eq!(posted(&tree), ["s1 is gone"]);
    // Mended, it is looked at again.
    std::fs::remove_file(broken.join("active_session.json")).unwrap();
    arm(&tree, "a", "s2", None, true);
    tree.until("it is greeted", || told(&tree, "rooma.greeting_sent").len() == 1).await;
}
