use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use super::super::house::{House, chat};
use super::super::owner;
use super::super::relay::{self, Relaying};
use super::super::upkeep::CatchUpRules;
use super::*;
use crate::core::presence::Arming;
use crate::error::{Error, Kind};

async fn kept(house: &House) -> Attendant {
    let day = Duration::from_secs(86_400);
    let catch_up = CatchUpRules { per_chat: 200, total: 2000, max_age: day, after: Duration::from_secs(60) };
    let relaying = Relaying {
        data: house.folder.path().to_owned(),
        clock: Clock::system(),
        appender: house.journal.appender(),
        asker: house.root.asker(),
        rooms: house.rooms.clone(),
        catch_up,
    };
    let presence = Presence {
        data: house.folder.path().to_owned(),
        max_age: Duration::from_secs(600),
        clock: Clock::system(),
        appender: house.journal.appender(),
        asker: house.root.asker(),
        relay: relay::start(relaying, house.root.cell()).await.unwrap(),
    };
    start(presence, house.root.cell()).await.unwrap()
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

fn change<R>(house: &House, profile: &str, change: impl FnOnce(&mut Sessions, i64) -> R) -> R {
    let (folder, now) = (house.folder.path().join(profile), Clock::system().wall_ms());
    stored::update(&folder, now, |sessions: &mut Sessions| change(sessions, now)).unwrap()
}

fn arm(house: &House, profile: &str, id: &str, agent: Option<&Agent>, greeting: bool) {
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
    change(house, profile, |sessions, now| sessions.arm(arming, now));
}

fn posted(house: &House) -> Vec<String> {
    house.platform.posted().into_iter().map(|(_, _, words)| words).collect()
}

fn told(house: &House, kind: &str) -> Vec<Value> {
    house.lines(kind).into_iter().map(|(_, line)| line).collect()
}

fn is_noted(house: &House, profile: &str) -> bool {
    stored::load::<Sessions>(&house.folder.path().join(profile), 0).unwrap().outbox.is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_killed_agent_is_taken_leave_of_once_and_others_of_ours_hear_it() {
    let house = House::new(&["a", "b"]).await;
    let mut agent = Agent::new();
    let _attendant = kept(&house).await;
    arm(&house, "a", "s1", Some(&agent), true);
    house.until("it is greeted", || told(&house, "rooma.greeting_sent").len() == 1).await;
    let armed = told(&house, "rooma.session_armed");
    assert_eq!((armed.len(), armed[0]["owner_pid"].as_u64()), (1, Some(agent.0.id().into())));
    agent.kill();
    house.until("it is taken leave of", || told(&house, "rooma.farewell_sent").len() == 1).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!(posted(&house), ["s1 is here", "s1 is gone"]);
    let farewell = &told(&house, "rooma.farewell_sent")[0];
    assert_eq!(
        (farewell["reason"].as_str(), farewell["chats"].to_string()),
        (Some("owner_gone"), r#"["oc_1"]"#.to_owned())
    );
    house.until("the other hears of both", || house.lines("message").len() == 2).await;
    assert!(house.lines("message").iter().all(|(profile, line)| profile == "b" && line["relayed"] == true));
    let house = house.next(&["a", "b"]).await;
    let _attendant = kept(&house).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!(
        (posted(&house).len(), told(&house, "rooma.farewell_sent").len()),
        (2, 1),
        "nor in the next life"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_network_swallows_is_said_once_it_is_back_and_what_is_refused_is_told_of() {
    let house = House::new(&["a", "b"]).await;
    let _attendant = kept(&house).await;
    house.platform.refuse("a", Some(Error::network("reset").retryable(true)));
    house.platform.refuse("b", Some(Error::new(Kind::Api, "not in this chat")));
    for profile in ["a", "b"] {
        arm(&house, profile, "s1", None, false);
        change(&house, profile, |sessions, now| sessions.end(None, &Ending::Asked("logout".to_owned()), now));
    }
    house.until("b is told of it", || is_noted(&house, "b")).await;
    let refused = told(&house, "rooma.farewell_sent");
    assert_eq!((refused.len(), refused[0]["failed"][0]["error"].as_str()), (1, Some("not in this chat")));
    let attempts =
        || house.platform.asked.lock().unwrap().iter().filter(|asked| asked.starts_with("a says")).count();
    house.until("it was tried three times", || attempts() == 3).await;
    assert!(posted(&house).is_empty() && !is_noted(&house, "a"));
    // A new life begins over it.
    let house = house.next(&["a", "b"]).await;
    let _attendant = kept(&house).await;
    house.platform.refuse("a", None);
    house.until("it is said", || is_noted(&house, "a")).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!(
        (posted(&house), told(&house, "rooma.farewell_sent").len()),
        (vec!["s1 is off".to_owned()], 2)
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_over_says_nothing_and_a_connection_that_closes_ends_its_own_session() {
    let house = House::new(&["a"]).await;
    let (mut first, second) = (Agent::new(), Agent::new());
    let attendant = kept(&house).await;
    arm(&house, "a", "s1", Some(&first), false);
    house.until("it is told of", || told(&house, "rooma.session_armed").len() == 1).await;
    arm(&house, "a", "s2", Some(&second), false);
    house.until("the other is told of", || told(&house, "rooma.session_armed").len() == 2).await;
    first.kill();
    attendant.released("a", "s1").await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!(posted(&house), [""; 0]);
    attendant.released("a", "s2").await;
    house.until("it is taken leave of", || is_noted(&house, "a")).await;
    let reasons = told(&house, "rooma.farewell_sent");
    assert_eq!(
        (posted(&house), reasons[0]["reason"].as_str()),
        (vec!["s2 is gone".to_owned()], Some("connection_closed"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_and_a_supervisor_that_died_together_are_taken_leave_of_or_it_is_too_late() {
    for (age_ms, expected) in [(0, vec!["s1 is gone"]), (601_000, vec![])] {
        let house = House::new(&["a"]).await;
        let mut agent = Agent::new();
        arm(&house, "a", "s1", Some(&agent), false);
        change(&house, "a", |sessions, now| sessions.session.as_mut().unwrap().seen_at = now - age_ms);
        agent.kill();
        let _attendant = kept(&house).await;
        let lines =
            || told(&house, "rooma.farewell_sent").len() + told(&house, "rooma.session_expired").len();
        house.until("it is told of", || lines() == 1).await;
        house.pass(Duration::from_secs(5)).await;
        assert_eq!(posted(&house), expected);
        assert_eq!((lines(), told(&house, "rooma.session_expired").len()), (1, usize::from(age_ms > 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_a_person_has_stopped_hears_nothing_of_a_shift() {
    let house = House::new(&["a"]).await;
    let limits = super::super::rooms::limits(&Default::default());
    super::super::rooms::change(
        house.folder.path(),
        &super::super::house::room_id(),
        &Clock::system(),
        limits,
        |room, now| room.guard.pause(now, None),
    )
    .unwrap();
    let _attendant = kept(&house).await;
    arm(&house, "a", "s1", None, true);
    house.until("it is told of", || told(&house, "rooma.greeting_sent").len() == 1).await;
    let failed = told(&house, "rooma.greeting_sent")[0]["failed"][0]["error"].clone();
    assert_eq!((failed.as_str(), posted(&house).len()), (Some("a person has paused this room"), 0));
    house.until("nothing is left to be said", || is_noted(&house, "a")).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!((told(&house, "rooma.greeting_sent").len(), posted(&house).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_keeps_nobody_else_from_a_farewell() {
    let house = House::new(&["a", "b"]).await;
    let broken = house.folder.path().join("a");
    crate::folder::make(&broken).unwrap();
    std::fs::write(broken.join("active_session.json"), r#"{"version": 99}"#).unwrap();
    let _attendant = kept(&house).await;
    arm(&house, "b", "s1", None, false);
    change(&house, "b", |sessions, now| sessions.end(None, &Ending::OwnerGone, now));
    house.until("it is taken leave of", || is_noted(&house, "b")).await;
    assert_eq!(posted(&house), ["s1 is gone"]);
    // Mended, it is looked at again.
    std::fs::remove_file(broken.join("active_session.json")).unwrap();
    arm(&house, "a", "s2", None, true);
    house.until("it is greeted", || told(&house, "rooma.greeting_sent").len() == 1).await;
}
