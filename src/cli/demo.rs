//! `rooma demo`: three bots and two people talk in a sandbox, and you read what an agent would read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::plan::Reading;
use super::{demo_rooms, plan, print};
use crate::accounts::Roster;
use crate::clock::Clock;
use crate::config::{Config, Environment, Home};
use crate::error::{Error, Result};
use crate::journal::Filter;
use crate::sandbox::{Chat, Fault, FaultKind, Member, Options, React, Said, Sandbox, Say, StateQuery};
use crate::supervisor::{self, Ask, Lock, Plan, Since};

/// At most, of all that is played.
const PROFILES: usize = 4;

/// Between two things that happen: slow enough to read along.
const BEAT: Duration = Duration::from_millis(700);

/// How long the bots may take to connect, and a cut connection to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Show three bots and two people talking in two chats
///
/// Needs no account and no network: it talks to a sandbox on 127.0.0.1 and leaves nothing behind. The lines
/// on stdout are those of `rooma monitor`; what happens is told on stderr. Takes about ten seconds.
///
/// Risk: read
///
/// Examples:
///   rooma demo
///   rooma demo 2>/dev/null | head
///   rooma demo --stay
///   rooma demo --rooms >/dev/null
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Show three agents and a person in a room instead: who speaks first, who hears whom, how a loop ends
    #[arg(long)]
    rooms: bool,
    /// Keep everything running afterwards, and say how to talk to it
    #[arg(long)]
    stay: bool,
}

pub async fn run(args: Args) -> Result<()> {
    let mut signals = Ask::by_signals()?;
    let folder = Folder::new()?;
    // A message that found nobody online comes again soon, so that ten seconds show it.
    let options = Options { redelivery: vec![Duration::from_secs(1); 8], ..Options::default() };
    let sandbox = Sandbox::start(options).await?;
    // Who looks on wants to see what bots say to nobody in particular, too; an agent is not woken by that.
    let more = if args.rooms { "" } else { "allow: {bots: all}\n" };
    sandbox.write_profiles(&folder.0.join("profiles"), more)?;
    if args.rooms {
        let policy = folder.0.join("config/rooms.yaml");
        let written = std::fs::create_dir_all(folder.0.join("config"));
        let written = written.and_then(|()| std::fs::write(&policy, demo_rooms::POLICY));
        written.map_err(|error| Error::storage(format!("failed to write {}: {error}", policy.display())))?;
    }
    let (trigger, ask) = Ask::manual();
    supervisor::descriptors::take(PROFILES)?;
    let plan = planned(&folder.0).await?;
    let mut served = std::pin::pin!(supervisor::run(plan, ask));
    let (played, reason) = tokio::select! {
        // Nobody reads the lines any more.
        outcome = &mut served => return outcome,
        played = play(&sandbox, &folder.0, &args) => (played, "demo_over".to_owned()),
        reason = signals.stop() => (Ok(()), reason),
    };
    trigger.stop(&reason);
    let outcome = served.await;
    sandbox.shutdown().await;
    outcome.and(played)
}

async fn planned(home: &Path) -> Result<Plan> {
    let config = Config::load_home(Home::new(home), Environment::default())?;
    let clock = Clock::system();
    let roster = Roster::unlocked(&config, clock.clone())?;
    let (lock, seats) = (Lock::home(home)?, roster.seats().await?);
    let reading = Reading {
        stdout: Some(print::hand_over()?),
        filter: Filter::default(),
        cursor: "stdout".to_owned(),
        since: Since::Cursor,
        brief: None,
    };
    plan::plan(&config, lock, roster, seats, reading, clock)
}

async fn play(sandbox: &Sandbox, home: &Path, args: &Args) -> Result<()> {
    if args.rooms {
        demo_rooms::play(sandbox, home).await?;
    } else {
        talk_of_a_day(sandbox).await?;
    }
    if args.stay {
        explain(sandbox, home);
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn talk_of_a_day(sandbox: &Sandbox) -> Result<()> {
    let begin = Instant::now();
    tell(begin, "three bots connect: alice, bob and carol; ann and li are people");
    connected(sandbox, 3).await?;
    // By then each bot has read who is in its chats.
    sleep(BEAT).await;
    talk(sandbox, begin).await?;
    membership(sandbox, begin).await?;
    outage(sandbox, begin).await?;
    tell(begin, "that was all; the same lines come from real chats with `rooma monitor`");
    Ok(())
}

async fn talk(sandbox: &Sandbox, begin: Instant) -> Result<()> {
    tell(begin, "ann greets the lobby: nobody is meant in particular");
    say(sandbox, "lobby", "ann", "good morning everybody", &[]).await?;
    tell(begin, "ann asks alice: only alice's line says \"mentioned\":true");
    let question = say(sandbox, "lobby", "ann", "@alice is the release ready?", &["alice"]).await?;
    tell(begin, "alice hands the question to bob: a bot that is heard by bots");
    say(sandbox, "lobby", "alice", "@bob did the tests pass?", &["bob"]).await?;
    tell(begin, "bob answers ann's question in a thread");
    sandbox.say(Say {
        from: Some("bob".to_owned()),
        text: Some("all 212 green".to_owned()),
        reply_to: Some(question.message_id.clone()),
        in_thread: true,
        ..Say::default()
    })?;
    sleep(BEAT).await;
    tell(begin, "li reacts to the question and posts a picture in the workshop");
    let emoji = "THUMBSUP".to_owned();
    sandbox.react(React {
        message_id: question.message_id,
        from: Some("li".to_owned()),
        emoji,
        remove: false,
    })?;
    sandbox.say(Say {
        chat: Some("workshop".to_owned()),
        from: Some("li".to_owned()),
        image: true,
        ..Say::default()
    })?;
    sleep(BEAT).await;
    tell(begin, "li addresses everybody, which is not a mention of anyone");
    say(sandbox, "workshop", "li", "@all lunch at noon", &["all"]).await?;
    Ok(())
}

async fn membership(sandbox: &Sandbox, begin: Instant) -> Result<()> {
    tell(begin, "carol is taken out of the workshop and put back");
    let member = |add: Option<&str>, remove: Option<&str>| Member {
        chat: "workshop".to_owned(),
        add: add.map(str::to_owned),
        remove: remove.map(str::to_owned),
        ..Member::default()
    };
    sandbox.member(member(None, Some("carol")))?;
    sleep(BEAT).await;
    sandbox.member(member(Some("carol"), None))?;
    sandbox.chat(Chat {
        chat: Some("workshop".to_owned()),
        name: Some("workshop-2".to_owned()),
        ..Chat::default()
    })?;
    sleep(BEAT).await;
    Ok(())
}

async fn outage(sandbox: &Sandbox, begin: Instant) -> Result<()> {
    tell(begin, "bob's connection is cut, and ann writes to him while he is away");
    sandbox.fault(Fault { app: Some("bob".to_owned()), ..Fault::new(FaultKind::Drop) })?;
    say(sandbox, "lobby", "ann", "@bob are you there?", &["bob"]).await?;
    connected(sandbox, 3).await?;
    tell(begin, "bob is back; what he missed comes again, once");
    sleep(Duration::from_millis(2200)).await;
    Ok(())
}

pub async fn say(sandbox: &Sandbox, chat: &str, from: &str, text: &str, mention: &[&str]) -> Result<Said> {
    let said = sandbox.say(Say {
        chat: Some(chat.to_owned()),
        from: Some(from.to_owned()),
        text: Some(text.to_owned()),
        mention: mention.iter().map(|name| (*name).to_owned()).collect(),
        ..Say::default()
    })?;
    sleep(BEAT).await;
    Ok(said)
}

/// Waits until that many apps are online.
pub async fn connected(sandbox: &Sandbox, wanted: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = sandbox.state(StateQuery::default())?;
        if state.apps.iter().filter(|app| app.connections > 0).count() >= wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::internal("the bots did not connect in time").hint("the lines above say why"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

pub fn tell(begin: Instant, what: &str) {
    print::note(&format!("[{:4.1} s] {what}", begin.elapsed().as_secs_f32()));
}

fn explain(sandbox: &Sandbox, home: &Path) {
    let url = sandbox.base_url();
    print::note(&format!(
        "\nIt stays until Ctrl-C. Say something as a person, from another terminal:\n\n  \
         curl {url}/sandbox/say -d '{{\"chat\":\"lobby\",\"from\":\"ann\",\"text\":\"hello @carol\",\"mention\":[\"carol\"]}}'\n  \
         curl {url}/sandbox/fault -d '{{\"app\":\"alice\",\"kind\":\"drop\"}}'\n  \
         curl {url}/sandbox/state\n\nIts home is {} until it ends.",
        home.display()
    ));
}

/// A home for one demonstration.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("rooma-demo-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Error::storage(format!("failed to create {}: {error}", path.display())))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Somewhere under the temporary folder; a left-over is harmless.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
