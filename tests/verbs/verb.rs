//! A home, a sandbox, and one verb after the other.

use std::process::{Child, Command, Stdio};

use rooma::sandbox::{MessageState, Options};
use serde_json::Value;

use crate::support::{World, finished, output};

/// Without the platform's limit of five sends per second and chat, which has tests of its own.
pub async fn world(bots: usize) -> World {
    World::with(Options { chat_qps: None, ..crate::support::options(bots) }).await
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one value of a success.
    pub fn value(self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        assert_eq!(self.stderr, "");
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not one JSON value: {}", self.stdout))
    }

    /// The one error of a failure.
    pub fn error(self, code: i32) -> Value {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        let error: Value = serde_json::from_str(&self.stderr)
            .unwrap_or_else(|_| panic!("not one JSON object: {}", self.stderr));
        assert_eq!(error["ok"], false);
        error["error"].clone()
    }
}

pub fn run(command: &mut Command) -> Ran {
    let (code, stdout, stderr) = output(command);
    Ran { code, stdout, stderr }
}

/// The end of a command that was started before.
pub fn end(child: Child) -> Ran {
    let (code, stdout, stderr) = finished(child);
    Ran { code, stdout, stderr }
}

impl World {
    /// A verb as the first bot.
    pub fn rooma(&self, arguments: &[&str]) -> Ran {
        run(self.as_profile("b0").args(arguments))
    }

    pub fn as_profile(&self, profile: &str) -> Command {
        self.command(&["--profile", profile])
    }

    pub fn chat(&self, name: &str) -> String {
        self.state().chats.into_iter().find(|chat| chat.name == name).unwrap().chat_id
    }

    pub fn message(&self, id: &str) -> MessageState {
        let messages = self.full_state().messages.unwrap();
        messages.into_iter().find(|message| message.message_id == id).unwrap()
    }

    pub fn count(&self) -> usize {
        self.full_state().messages.unwrap().len()
    }
}

pub fn with_stdin(command: &mut Command, text: &str) -> Ran {
    use std::io::Write;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    end(child)
}

pub fn items(value: &Value) -> &Vec<Value> {
    value["items"].as_array().unwrap()
}
