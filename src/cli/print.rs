//! The one place of the command line that writes stdout: a value is printed whole or the caller hears why.

use std::io::{IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Result};
use crate::supervisor::Given;

/// Prints one line and flushes it. A reader that has gone away is not an error.
pub fn line(text: &str) -> Result<()> {
    #[cfg(test)]
    if KEPT.try_with(|kept| kept.borrow_mut().push(text.to_owned())).is_ok() {
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::storage(format!("failed to write to stdout: {error}"))),
    }
}

#[cfg(test)]
tokio::task_local! {
    /// What a verb prints that is run within a test.
    pub static KEPT: std::cell::RefCell<Vec<String>>;
}

/// A pipe that is ready takes this much without blocking.
const CHUNK: usize = 4096;

/// What stdout took of some bytes.
pub enum Took {
    Bytes(usize),
    /// Its reader is busy with something else.
    NotReady,
    ReaderGone,
}

/// Writes as much as stdout takes without blocking, once it takes something; waits for that at most `patience`.
pub fn some(bytes: &[u8], patience: Duration) -> Result<Took> {
    let failed = |error: rustix::io::Errno| Error::storage(format!("failed to write to stdout: {error}"));
    let seen = look(PollFlags::OUT, patience).map_err(failed)?;
    if seen.intersects(GONE) {
        return Ok(Took::ReaderGone);
    }
    if !seen.contains(PollFlags::OUT) {
        return Ok(Took::NotReady);
    }
    match rustix::io::write(rustix::stdio::stdout(), &bytes[..bytes.len().min(CHUNK)]) {
        Ok(written) => Ok(Took::Bytes(written)),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Took::NotReady),
        Err(rustix::io::Errno::PIPE) => Ok(Took::ReaderGone),
        Err(error) => Err(failed(error)),
    }
}

/// Has the reader of stdout gone, while there is nothing to write?
pub fn reader_is_gone() -> bool {
    look(PollFlags::empty(), Duration::ZERO).is_ok_and(|seen| seen.intersects(GONE))
}

/// Takes note of what stdout's reader has taken.
pub fn look_at(given: &mut Given) {
    given.look(rustix::stdio::stdout());
}

/// May the next line be written?
pub fn is_ready(given: &mut Given) -> bool {
    given.is_ready(rustix::stdio::stdout())
}

const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);

fn look(wanted: PollFlags, patience: Duration) -> rustix::io::Result<PollFlags> {
    let stdout = rustix::stdio::stdout();
    let mut polled = [PollFd::new(&stdout, wanted)];
    let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
    let patience = Timespec { tv_sec: seconds, tv_nsec: i64::from(patience.subsec_nanos()) };
    match poll(&mut polled, Some(&patience)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Ok(_) => Ok(polled[0].revents()),
        Err(error) => Err(error),
    }
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
