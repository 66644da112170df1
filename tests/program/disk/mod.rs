//! A disk in trouble, and a clock. Whatever it is: nothing is acknowledged that is not stored, the trouble is told, and
//! when it is over everything arrives once, without a restart.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

mod clock;
mod corrupt;
mod full;
mod lost;
mod read_only;
mod unsynced;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::{Monitor, PATIENCE, World, text};

/// One message before the trouble, twenty during it, one after.
async fn trouble_and_recovery(
    world: &World,
    monitor: Monitor,
    begin: impl FnOnce(),
    end: impl FnOnce(),
    told: &str,
) {
    world.say("lobby", "before");
    monitor.count("message", 1).await;
    let acked = world.all_acked().await.totals.acked;
    begin();
    let meanwhile: Vec<String> =
        (0..20).map(|number| world.say("lobby", &format!("meanwhile {number}"))).collect();
    until(|| monitor.stderr().contains(told), || format!("nobody says `{told}`: {}", monitor.stderr())).await;
    until(|| world.state().totals.refused > 20, || format!("{:?}", world.state().totals)).await;
    assert_eq!(world.state().totals.acked, acked, "acknowledged and not stored");
    assert_eq!(monitor.of_type("message").len(), 1);
    end();
    let after = world.say("lobby", "after");
    world.all_acked().await;
    monitor.count("message", 22).await;
    let (lines, stderr) = monitor.terminate().await;
    let mut read: BTreeMap<String, u32> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "message") {
        *read.entry(text(line, "message_id")).or_default() += 1;
    }
    assert!(meanwhile.iter().chain([&after]).all(|id| read.get(id) == Some(&1)), "{read:?}");
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.started").count(), 1, "not started again");
    assert!(stderr.lines().count() < 40, "told again and again:\n{stderr}");
}

async fn until(wanted: impl Fn() -> bool, why: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !wanted() {
        assert!(Instant::now() < deadline, "{}", why());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A file system of its own for the data of a home, where this machine permits one.
struct Mount(PathBuf);

impl Mount {
    /// Needs root. `None`, with a word about it, where that is not to be had.
    fn tmpfs(world: &World, size: &str) -> Option<Mount> {
        let data = world.home.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let mounted = quietly(Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(&data));
        if !mounted {
            eprintln!("not tested: this machine permits no mount");
        }
        mounted.then_some(Mount(data))
    }

    fn remount(&self, how: &str) {
        assert!(quietly(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0)), "{how}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        quietly(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn quietly(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Makes a place of the program fail while it is on.
struct Switch {
    place: &'static str,
    file: PathBuf,
}

impl Switch {
    fn new(world: &World, place: &'static str) -> Switch {
        Switch { place, file: world.home.path().join("switch") }
    }

    fn arm<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("ROOMA_FAIL_WHILE", format!("{}:{}", self.place, self.file.display()))
    }

    fn on(&self) {
        std::fs::write(&self.file, "").unwrap();
    }

    fn off(&self) {
        std::fs::remove_file(&self.file).unwrap();
    }
}
