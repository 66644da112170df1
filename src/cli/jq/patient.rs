//! A socket that answers until a moment, and no longer; and how much of a processor the process behind it had.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::clock::thread_now;

pub struct Patient<'a> {
    pub socket: &'a UnixStream,
    pub give_up: Instant,
    /// Asked then: how much longer the process has. None gives it up.
    pub owed: &'a dyn Fn() -> Option<Duration>,
}

impl Patient<'_> {
    fn left(&mut self) -> io::Result<Option<Duration>> {
        let now = thread_now();
        if now >= self.give_up {
            self.give_up = now + (self.owed)().ok_or(io::ErrorKind::TimedOut)?;
        }
        // No time at all would be no limit.
        Ok(Some(self.give_up.saturating_duration_since(now).max(Duration::from_millis(1))))
    }
}

fn is_late<T>(done: &io::Result<T>) -> bool {
    let kind = done.as_ref().err().map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
}

impl Read for Patient<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            self.socket.set_read_timeout(self.left()?)?;
            let read = self.socket.read(bytes);
            if !is_late(&read) {
                return read;
            }
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.socket.set_write_timeout(self.left()?)?;
            let written = self.socket.write(bytes);
            if !is_late(&written) {
                return written;
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Of one tick of `/proc/PID/stat`: `USER_HZ` is 100 for every program on Linux.
const TICK: Duration = Duration::from_millis(10);

/// The processor time that a process has had, where the system tells.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: `utime` and `stime` are the 14th and 15th field, the state is the 3rd.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(TICK * ticks(11)?.saturating_add(ticks(12)?))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_is_owed_more_is_waited_for_and_who_is_not_is_given_up() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let asked = Cell::new(0);
        let owed = || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                theirs.try_clone().unwrap().write_all(b"x").unwrap();
            }
            (asked.get() <= 3).then_some(Duration::from_millis(1))
        };
        let mut patient = Patient { socket: &ours, give_up: thread_now(), owed: &owed };
        assert_eq!(patient.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(patient.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        theirs.write_all(b"too late").unwrap();
    }

    #[test]
    fn a_process_is_told_what_it_had() {
        let own = || processor_time(std::process::id()).unwrap();
        let before = own();
        while own() == before {
            std::hint::spin_loop();
        }
        assert!(own() >= before + TICK);
        assert_eq!(processor_time(u32::MAX), None);
    }
}
