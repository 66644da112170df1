//! Who sends: again and again with one key until it is done.

use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::{PATIENCE, output};

/// Attempts that may fail by themselves, beside those that are killed.
const ATTEMPTS_MAX: usize = 60;
const BETWEEN: Duration = Duration::from_millis(300);

pub struct Sent {
    pub text: String,
    pub attempts: usize,
    pub killed: usize,
    /// What the last failure said, where none succeeded.
    pub failed: Option<String>,
}

pub fn send(
    text: String,
    kills: Vec<u64>,
    command: impl Fn() -> Command + Send + 'static,
) -> JoinHandle<Sent> {
    std::thread::spawn(move || {
        let mut sent = Sent { text, attempts: 0, killed: 0, failed: None };
        for millis in kills {
            sent.attempts += 1;
            if !survives(command(), Duration::from_millis(millis)) {
                sent.killed += 1;
            }
        }
        for _ in 0..ATTEMPTS_MAX {
            sent.attempts += 1;
            let (code, _, stderr) = output(&mut command());
            if code == 0 {
                sent.failed = None;
                return sent;
            }
            sent.failed = Some(stderr);
            pause(BETWEEN);
        }
        sent
    })
}

/// Runs it for so long at most.
fn survives(mut command: Command, time: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = tokio::time::Instant::now() + time.min(PATIENCE);
    while tokio::time::Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        pause(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Threads wait on a channel that nobody writes to.
fn pause(time: Duration) {
    let (_keep, never) = channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}
