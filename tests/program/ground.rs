//! What a supervisor stands on: its home, its files, and what its starter had open.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::{PATIENCE, World, output};

/// A shell in which `rooma` is the program in this home.
fn shell(world: &World, script: &str) -> Command {
    let program = world.command(&[]);
    let mut shell = Command::new("sh");
    shell.env_clear();
    shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    shell.env("PATH", path).env("ROOMA", program.get_program()).env("ROOMA_HOME", world.home.path());
    shell.arg("-c").arg(format!("rooma() {{ \"$ROOMA\" \"$@\"; }}\n{script}"));
    shell.current_dir(world.home.path()).stdin(Stdio::null());
    shell
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_what_up_was_started_with_sees_its_end() {
    let world = World::new(1).await;
    // The substitution ends when nobody holds descriptor 3 any more.
    let mut script = shell(&world, "x=$( { rooma up >/dev/null; } 3>&1 ); echo ended");
    let mut child = script.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            break None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert!(ended.is_some_and(|status| status.success()), "the supervisor holds the other end of a pipe");
    assert_eq!(std::io::read_to_string(child.stdout.take().unwrap()).unwrap(), "ended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_up_was_started_under_goes_with_its_holder() {
    let world = World::new(1).await;
    let (code, _, stderr) =
        output(&mut shell(&world, "exec 9>lk; flock 9; rooma up >/dev/null; rooma status"));
    assert_eq!(code, 0, "{stderr}");
    let free = File::open(world.home.path().join("lk")).unwrap().try_lock().is_ok();
    let (_, status, _) = output(&mut world.command(&["status"]));
    let status: Value = serde_json::from_str(&status).unwrap();
    let pid = status["pid"].as_u64().unwrap();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let kept = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let kept: Vec<_> = kept.filter(|path| path.ends_with("lk")).collect();
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert!(free && kept.is_empty(), "{kept:?}");
}
