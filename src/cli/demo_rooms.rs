//! `rooma demo --rooms`: three agents and a person solve something in a room. The agents are scripted; what they do,
//! they do with the program itself, as agents would.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::demo::{connected, say, tell};
use crate::error::{Error, Result};
use crate::sandbox::Sandbox;

/// The rules of the room: short, so that a minute shows them.
pub const POLICY: &str = "default: {floor: enforce, floor_ttl: 20s, loop_guard: {turns: 8, cooldown: 1m}}\n";

/// Between what happens in the room and what an agent makes of it.
const THINKING: Duration = Duration::from_millis(500);

/// Turns of bots after which even this demo ends.
const POLITE_MAX: usize = 12;

pub async fn play(sandbox: &Sandbox, home: &Path) -> Result<()> {
    let begin = Instant::now();
    let room = Room { home, begin };
    tell(begin, "alice, bob and carol are agents, ann is a person; all sit in the lobby");
    connected(sandbox, 3).await?;
    sleep(THINKING * 2).await;
    tell(begin, "ann asks all of them; each line says who answers first (floor)");
    let question =
        say(sandbox, "lobby", "ann", "@all the payment job fails since noon, who can look?", &["all"])
            .await?;
    let reply = ["--reply-to", question.message_id.as_str()];
    room.act("bob", &[&["send", "--text", "me!"], &reply[..]].concat()).await?;
    room.act("alice", &[&["send", "--text", "I read the log"], &reply[..]].concat()).await?;
    tell(
        begin,
        "alice asks bob; he hears it at once, by the supervisor, whether the platform tells him or not",
    );
    let lobby = ["send", "--chat", "lobby"];
    room.act("alice", &[&lobby[..], &["--text", "@bob was migration 42 run?", "--mention", "bob"]].concat())
        .await?;
    room.act(
        "bob",
        &[&lobby[..], &["--text", "@alice no, it waits for carol", "--mention", "alice"]].concat(),
    )
    .await?;
    tell(begin, "alice names carol without calling her: that would reach nobody");
    room.act("alice", &[&lobby[..], &["--text", "so @carol could run it"]].concat()).await?;
    room.act("alice", &[&lobby[..], &["--text", "@carol please run it", "--mention", "carol"]].concat())
        .await?;
    room.act("carol", &[&lobby[..], &["--text", "it runs, the queue is empty again"]].concat()).await?;
    tell(begin, "the work is done, and they begin to be polite");
    room.be_polite().await?;
    room.act("alice", &["room", "status", "--chat", "lobby"]).await?;
    tell(begin, "ann writes: the room is theirs again");
    say(sandbox, "lobby", "ann", "great, please write it down", &[]).await?;
    sleep(THINKING).await;
    room.act("carol", &[&lobby[..], &["--text", "written down in the runbook"]].concat()).await?;
    tell(begin, "that was all");
    Ok(())
}

struct Room<'a> {
    home: &'a Path,
    begin: Instant,
}

impl Room<'_> {
    /// One verb of one agent, told with its outcome.
    async fn act(&self, profile: &str, arguments: &[&str]) -> Result<bool> {
        sleep(THINKING).await;
        let program = std::env::current_exe().map_err(|error| Error::internal(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--home"]).arg(self.home).args(["--profile", profile]).args(arguments);
        // What the one who shows this has set is no matter of the three.
        command.env_remove("ROOMA_HOME").env_remove("ROOMA_PROFILE").stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| Error::internal(error.to_string()))?;
        let said = if output.status.success() { &output.stdout } else { &output.stderr };
        let said: Value = serde_json::from_slice(said).unwrap_or_default();
        tell(self.begin, &format!("{profile}: rooma {}\n         {}", shown(arguments), outcome(&said)));
        Ok(output.status.success())
    }

    /// Until the room is paused.
    async fn be_polite(&self) -> Result<()> {
        for turn in 0..POLITE_MAX {
            let (from, to) = [("bob", "carol"), ("carol", "bob")][turn % 2];
            let text = format!("@{to} {}", ["thank you!", "you are welcome"][turn % 2]);
            if !self
                .act(from, &["send", "--chat", "lobby", "--text", &format!("hey {text}"), "--mention", to])
                .await?
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn shown(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = argument.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if plain { (*argument).to_owned() } else { format!("{argument:?}") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn outcome(said: &Value) -> String {
    match (&said["error"]["message"], &said["paused"]) {
        (Value::String(message), _) => format!("→ refused: {message}"),
        (_, Value::Bool(true)) => {
            format!("→ paused ({}), {} turns of bots", said["reason"].as_str().unwrap_or("?"), said["turns"])
        }
        _ => "→ ok".to_owned(),
    }
}
