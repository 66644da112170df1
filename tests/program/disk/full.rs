//! A disk that takes nothing more: a small file system where this machine permits one, and a limit on the size of the
//! supervisor's files anywhere.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{Mount, trouble_and_recovery};
use crate::support::{Monitor, World, limited};

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_files_may_not_grow_is_acknowledged_and_read_once_they_may() {
    let world = World::new(1).await;
    let monitor = Monitor::spawn(&mut limited(world.home.path(), &["monitor"]));
    monitor.connected(1).await;
    let pid = Pid::from_child(&monitor.child);
    let limit = move |current| {
        prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    };
    trouble_and_recovery(&world, monitor, || limit(Some(0)), || limit(None), "the journal cannot be written")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_the_disk_is_full_is_acknowledged_and_read_once_there_is_room() {
    let world = World::new(1).await;
    let Some(disk) = Mount::tmpfs(&world, "size=4m") else { return };
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let ballast = disk.0.join("ballast");
    let fill = || {
        // As much as fits, to the last byte.
        let mut file = std::fs::File::create(&ballast).unwrap();
        while std::io::Write::write(&mut file, &[0; 512]).is_ok_and(|written| written > 0) {}
    };
    let free = || std::fs::remove_file(&ballast).unwrap();
    trouble_and_recovery(&world, monitor, fill, free, "the journal cannot be written").await;
}
