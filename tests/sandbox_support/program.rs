//! `rooma sandbox` as a process: its one line, its profiles, its end.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::PATIENCE;

struct Program {
    child: Child,
    ready: Value,
}

impl Program {
    async fn start(stdin: Stdio, args: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rooma"));
        command.arg("sandbox").args(args).stdin(stdin).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time");
        let line = line.expect("readable").expect("a line");
        assert!(line.starts_with(r#"{"type":"sandbox.ready","base_url":"http://127.0.0.1:"#), "{line}");
        Program { child, ready: serde_json::from_str(&line).expect("JSON") }
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends");
        ended.expect("a status").code()
    }

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id as i32)).expect("a pid");
        kill_process(pid, Signal::TERM).expect("delivered");
    }
}

#[tokio::test]
async fn it_writes_profiles_and_ends_with_its_parent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let mut program = Program::start(Stdio::piped(), &["--bots", "zoe", "--write-profiles", path]).await;
    let profile = folder.path().join("zoe.yaml");
    let text = std::fs::read_to_string(&profile).expect("a profile");
    let app = &program.ready["apps"][0];
    assert_eq!((&app["name"], program.ready["people"][0]["name"].as_str()), (&"zoe".into(), Some("ann")));
    assert!(text.contains(&format!("app_id: {}", app["app_id"].as_str().expect("an id"))), "{text}");
    let mode = std::fs::metadata(&profile).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(program.child.stdin.take());
    assert_eq!(program.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_signal_ends_it_cleanly() {
    let mut program = Program::start(Stdio::null(), &[]).await;
    // `/dev/null` is no parent that went away.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(program.child.try_wait().expect("a state").is_none());
    program.terminate();
    assert_eq!(program.exit_code().await, Some(0));
}
