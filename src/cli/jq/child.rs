//! The process in which an expression runs: it reads values from its stdin, a socket, and answers there.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::eval::Expression;
use super::frames::{self, Kind};
use super::worker::{INPUT_MAX, MEMORY_MAX, MEMORY_PER_BYTE};

/// As what the program is called to be this process.
pub const NAME: &str = "__jq";

/// The stack of an expression: a text of some thousand brackets is read with it.
const STACK: usize = 16 * 1024 * 1024;

/// Processor time for one value. Whoever asked ends this process sooner, unless it was killed itself.
const SECONDS: u64 = 3;

pub fn main() -> ExitCode {
    // Its end is told by its caller; nobody wants its memory on a disk.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let thread = std::thread::Builder::new().name("jq".to_owned()).stack_size(STACK).spawn(serve);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let socket = UnixStream::from(rustix::io::dup(rustix::stdio::stdin())?);
    let mut from = BufReader::new(socket.try_clone()?);
    let mut to = socket;
    let accounts = memory();
    bound(accounts, 0);
    let Some((Kind::Expression, code)) = frames::read(&mut from, INPUT_MAX)? else { return Ok(()) };
    let expression = match Expression::new(&String::from_utf8_lossy(&code)) {
        Ok(expression) => expression,
        Err(what) => return frames::write(&mut to, Kind::Failed, what.as_bytes()),
    };
    frames::write(&mut to, Kind::Done, &[])?;
    while let Some((kind, value)) = frames::read(&mut from, INPUT_MAX)? {
        bound(accounts, value.len());
        answer(&expression, &value, kind == Kind::Bare, &mut to)?;
    }
    Ok(())
}

fn answer(expression: &Expression, value: &[u8], bare: bool, to: &mut impl Write) -> io::Result<()> {
    let results = match expression.run(value, bare) {
        Ok(results) => results,
        Err(what) => return frames::write(to, Kind::Failed, what.as_bytes()),
    };
    for result in results {
        match result {
            Ok(result) => frames::write(to, Kind::Result, &result)?,
            Err(what) => return frames::write(to, Kind::Failed, what.as_bytes()),
        }
    }
    frames::write(to, Kind::Done, &[])
}

/// What this process may take for the next value, beyond what it takes by itself. Memory that the kernel refuses ends it.
fn bound(accounts: Option<u64>, bytes: usize) {
    if let Some(accounts) = accounts {
        limit(Resource::Data, accounts + MEMORY_MAX + MEMORY_PER_BYTE * bytes as u64);
    }
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
    limit(Resource::Cpu, used + SECONDS);
}

fn limit(resource: Resource, current: u64) {
    let maximum = getrlimit(resource).maximum;
    let current = maximum.map_or(current, |maximum| current.min(maximum));
    let _ = setrlimit(resource, Rlimit { current: Some(current), maximum });
}

/// What this process has taken of what the kernel bounds, where it tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
