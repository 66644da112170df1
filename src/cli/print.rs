//! The one place of the command line that writes stdout: a value is printed whole or the caller hears why.

use std::io::{IsTerminal, Write};
use std::os::fd::OwnedFd;

use crate::error::{Error, Result};

/// Prints one line and flushes it. A reader that has gone away is not an error.
pub fn line(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::storage(format!("failed to write to stdout: {error}"))),
    }
}

/// Writes lines that are complete already. False when nobody reads any more.
pub fn bytes(lines: &[u8]) -> Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(lines).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::storage(format!("failed to write to stdout: {error}"))),
    }
}

/// Has the reader of stdout gone, while there is nothing to write?
pub fn reader_is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = rustix::stdio::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut polled, Some(&now)), Ok(1..))
        && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
}

/// stdout for the outlet, which owns it from then on.
pub fn hand_over() -> Result<OwnedFd> {
    rustix::io::dup(rustix::stdio::stdout())
        .map_err(|error| Error::validation(format!("stdout is not open: {error}")))
}

/// Does a person look at stdout?
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// For people: progress and commentary on stderr. Trouble with stderr is nobody's business.
pub fn note(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{text}");
}
