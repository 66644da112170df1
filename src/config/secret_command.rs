//! An app secret that a command prints.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout};

use super::Home;
use super::secret::without_newline;
use crate::error::{Error, Result};
use crate::plain;

/// How long a command may take to print a secret, and how much it may print.
const COMMAND_DEADLINE: Duration = Duration::from_secs(10);
const COMMAND_MAX: u64 = 64 * 1024;

pub async fn run(command: &[String], home: &Home) -> Result<SecretString> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::config("app_secret: command is an empty list"))?;
    let shown = plain::shown(Path::new(program));
    let failed = |what: String| Error::config(format!("app_secret: `{shown}` {what}"));
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Error::config(format!("app_secret: failed to run `{shown}`: {error}")))?;
    let output = tokio::time::timeout(COMMAND_DEADLINE, printed(child)).await;
    let output = output.map_err(|_| failed(format!("took longer than {COMMAND_DEADLINE:?}")))?;
    let (text, status) = output.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if text.len() as u64 > COMMAND_MAX {
        return Err(failed(format!("printed more than {}", bytesize::ByteSize(COMMAND_MAX))));
    }
    if !status.success() {
        return Err(failed(format!("failed: {status}")));
    }
    let text =
        String::from_utf8(text).map_err(|_| failed("printed something that is not UTF-8".to_owned()))?;
    Ok(without_newline(&text))
}

/// What a command prints, up to a byte too much, and how it ended. Its own end is the end of what it prints: what it
/// started may keep its stdout open for ever. Whatever it started goes with it, but for what made a session of its own:
/// no child of a child can be found without becoming the parent of all of them.
async fn printed(mut child: Child) -> std::io::Result<(Vec<u8>, ExitStatus)> {
    let _group = Group(child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())));
    let mut text = Vec::new();
    let Some(mut stdout) = child.stdout.take() else { return Ok((text, child.wait().await?)) };
    while text.len() as u64 <= COMMAND_MAX {
        tokio::select! {
            // What was printed before the end is read first.
            biased;
            read = stdout.read_buf(&mut text) => if read? == 0 { return Ok((text, child.wait().await?)) },
            status = child.wait() => {
                let status = status?;
                drain(&mut stdout, &mut text).await?;
                return Ok((text, status));
            }
        }
    }
    child.start_kill()?;
    Ok((text, child.wait().await?))
}

/// What lies in the pipe already.
async fn drain(stdout: &mut ChildStdout, text: &mut Vec<u8>) -> std::io::Result<()> {
    let left = rustix::io::ioctl_fionread(&*stdout)?;
    stdout.take(left.min(COMMAND_MAX + 1)).read_to_end(text).await.map(drop)
}

/// A command and what it started, for as long as it may run.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
