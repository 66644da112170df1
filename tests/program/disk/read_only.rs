//! A disk that was made read-only under a running supervisor, as kernels do after an error: by injection, since nobody can
//! ask for that while files are open. And one that is read-only from the start: permissions of files say nothing to root,
//! so that needs a file system of its own.

use super::{Mount, Switch, trouble_and_recovery};
use crate::support::{Monitor, World, output};

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_nothing_can_be_written_is_acknowledged_and_read_once_it_can() {
    let world = World::redelivering(1).await;
    let switch = Switch::new(&world, "journal.write");
    let monitor = Monitor::spawn(switch.arm(&mut world.command(&["monitor"])));
    monitor.connected(1).await;
    trouble_and_recovery(&world, monitor, || switch.on(), || switch.off(), "the journal cannot be written")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_read_only_disk_says_so_and_goes_not_online() {
    let world = World::redelivering(1).await;
    let Some(disk) = Mount::tmpfs(&world, "size=16m") else { return };
    disk.remount("ro");
    let (code, stdout, stderr) = output(&mut world.command(&["monitor"]));
    assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
    assert!(stderr.contains("Read-only file system"), "{stderr}");
    assert_eq!(world.state().apps[0].discoveries, 0, "it went online with nowhere to write");
    disk.remount("rw");
    world.say("lobby", "said meanwhile");
    let monitor = world.monitor(&[]);
    monitor.count("message", 1).await;
    monitor.terminate().await;
}
