//! The caller's side of a jq process: what it may take, and how its end is told.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::print;
use super::child::NAME;
use super::frames::{self, Kind};
use super::patient::{Patient, processor_time};
use crate::clock::thread_now;

/// How long an expression may take on one value: of a processor, where the system tells, since other work may keep it from
/// one.
const VALUE_WITHIN: Duration = Duration::from_secs(1);

/// How long the process may take to start and to understand the expression.
const START_WITHIN: Duration = Duration::from_secs(5);

/// By the clock it may take so many times as long.
const HELD_UP: u32 = 5;

/// How often it is looked whether somebody still waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The longest value a verb gives, with room.
pub const INPUT_MAX: usize = 256 * 1024 * 1024;

/// What all results of one value may be together.
const OUTPUT_MAX: usize = 16 * 1024 * 1024;

/// Memory of an expression, and more for each byte of its value: a list of a thousand messages is a large value.
pub const MEMORY_MAX: u64 = 32 * 1024 * 1024;
pub const MEMORY_PER_BYTE: u64 = 16;

/// How a value is asked for.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// Texts stand without quotes.
    pub bare: bool,
    /// Results of one value: `repeat(1)` has no end of its own.
    pub results_max: usize,
    /// Nobody waits for it any more.
    pub halt: &'a AtomicBool,
}

impl Manner<'_> {
    fn is_halted(&self) -> bool {
        self.halt.load(Ordering::Relaxed)
    }
}

/// What an expression made of a value: each result behind the one before.
#[derive(Default)]
pub struct Results {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Results {
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[*begin..*end])
    }

    /// False where it is more than there may be.
    fn add(&mut self, result: &[u8], max: usize) -> bool {
        self.bytes.extend_from_slice(result);
        self.ends.push(self.bytes.len());
        self.ends.len() <= max
    }
}

/// Of what the process says on its stderr.
const WORDS_MAX: usize = 4096;

/// Why there is no result.
#[derive(Debug)]
pub enum Trouble {
    /// jq says so.
    Failed(String),
    /// It took more than it may, and its process is gone.
    Overran(String),
    /// The process is not there, for a reason that is not the expression's.
    Died(String),
    /// Nobody waited for it.
    Halted,
}

impl Trouble {
    pub fn about(self, code: &str) -> Trouble {
        let named = |what: String| format!("{what}, in `{code}`");
        match self {
            Trouble::Failed(what) => Trouble::Failed(named(what)),
            Trouble::Overran(what) => Trouble::Overran(named(what)),
            Trouble::Died(what) => Trouble::Died(named(what)),
            Trouble::Halted => Trouble::Halted,
        }
    }

    /// It was understood before: this time it is the machine that is in trouble.
    pub fn in_a_known_expression(self) -> Trouble {
        match self {
            Trouble::Failed(what) | Trouble::Overran(what) | Trouble::Died(what) => Trouble::Died(what),
            Trouble::Halted => Trouble::Halted,
        }
    }
}

pub struct Worker {
    child: Child,
    socket: UnixStream,
    stderr: Option<ChildStderr>,
}

impl Worker {
    pub fn start(code: &str) -> Result<Worker, Trouble> {
        let mut worker = spawn().map_err(|error| Trouble::Died(error.to_string()))?;
        let halt = AtomicBool::new(false);
        let manner = Manner { bare: false, results_max: 0, halt: &halt };
        worker.ask(Kind::Expression, code.as_bytes(), START_WITHIN, manner)?;
        Ok(worker)
    }

    pub fn run(&mut self, value: &[u8], manner: Manner<'_>) -> Result<Results, Trouble> {
        if value.len() > INPUT_MAX {
            return Err(Trouble::Failed("the value is too large for jq".to_owned()));
        }
        let kind = if manner.bare { Kind::Bare } else { Kind::Value };
        self.ask(kind, value, VALUE_WITHIN, manner)
    }

    fn ask(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        within: Duration,
        manner: Manner<'_>,
    ) -> Result<Results, Trouble> {
        let (asked, pid) = (thread_now(), self.child.id());
        let before = processor_time(pid);
        let owed = || {
            let by_clock = thread_now() - asked;
            let taken = if by_clock < within {
                by_clock
            } else if by_clock < within * HELD_UP {
                processor_time(pid)?.saturating_sub(before?)
            } else {
                within
            };
            let left = within.checked_sub(taken).filter(|left| !left.is_zero() && !manner.is_halted());
            left.map(|left| left.min(LOOK_EVERY))
        };
        let patient = Patient { socket: &self.socket, give_up: asked, owed: &owed };
        match self.exchange(kind, bytes, manner.results_max, patient) {
            Ok(answer) => {
                self.pass_on();
                answer
            }
            Err(_) if manner.is_halted() => Err(Trouble::Halted),
            Err(error) => Err(self.end(&error, manner.results_max, within)),
        }
    }

    /// An error here is the process's end, or has to be.
    fn exchange(
        &self,
        kind: Kind,
        bytes: &[u8],
        max: usize,
        mut patient: Patient<'_>,
    ) -> io::Result<Result<Results, Trouble>> {
        frames::write(&mut patient, kind, bytes)?;
        let mut from = io::BufReader::new(patient);
        let (mut results, mut left) = (Results::default(), OUTPUT_MAX);
        loop {
            let frame = frames::read(&mut from, left)?;
            match frame.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))? {
                (Kind::Result, result) => {
                    left = left.saturating_sub(result.len() + frames::HEAD);
                    if !results.add(&result, max) {
                        return Err(io::ErrorKind::FileTooLarge.into());
                    }
                }
                (Kind::Done, _) => return Ok(Ok(results)),
                (Kind::Failed, what) => {
                    return Ok(Err(Trouble::Failed(String::from_utf8_lossy(&what).into_owned())));
                }
                (Kind::Expression | Kind::Value | Kind::Bare, _) => {
                    return Err(io::Error::other("this is no answer"));
                }
            }
        }
    }

    /// What jq's `stderr` wrote is for people.
    fn pass_on(&mut self) {
        let words = self.words();
        if !words.is_empty() {
            print::note(crate::event::neutralise(&words).trim_end());
        }
    }

    fn words(&mut self) -> String {
        let mut words = [0; WORDS_MAX];
        let read = self.stderr.as_mut().and_then(|stderr| stderr.read(&mut words).ok());
        String::from_utf8_lossy(&words[..read.unwrap_or(0)]).into_owned()
    }

    /// Ends a process that gave no answer, and says why it gave none.
    fn end(&mut self, error: &io::Error, max: usize, within: Duration) -> Trouble {
        let late = || Trouble::Overran(format!("it takes longer than {within:?}"));
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return late(),
            io::ErrorKind::FileTooLarge => {
                let bytes = bytesize::ByteSize(OUTPUT_MAX as u64);
                return Trouble::Overran(format!("it gives more than {bytes} or {max} results"));
            }
            _ => {}
        }
        let status = match self.child.wait() {
            Ok(status) => status,
            Err(error) => return Trouble::Died(error.to_string()),
        };
        match cause(status, &self.words()) {
            Some(Cause::Time) => late(),
            Some(Cause::Memory) => {
                Trouble::Overran(format!("it takes more than {} of memory", bytesize::ByteSize(MEMORY_MAX)))
            }
            Some(Cause::Depth) => Trouble::Overran("it nests too deeply".to_owned()),
            Some(Cause::Itself) => Trouble::Overran("it ends jq itself".to_owned()),
            None => Trouble::Died(format!("its process ended: {status}")),
        }
    }
}

/// Nothing is left running.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Cause {
    Time,
    Memory,
    Depth,
    /// `halt`, or a panic.
    Itself,
}

/// Why a process ended: the standard library says so on its stderr before it aborts.
fn cause(status: ExitStatus, words: &str) -> Option<Cause> {
    if status.code().is_some() {
        return Some(Cause::Itself);
    }
    if words.contains("memory allocation of") {
        return Some(Cause::Memory);
    }
    if words.contains("overflowed its stack") {
        return Some(Cause::Depth);
    }
    (status.signal() == Some(rustix::process::Signal::XCPU.as_raw())).then_some(Cause::Time)
}

fn spawn() -> io::Result<Worker> {
    let (socket, theirs) = UnixStream::pair()?;
    let mut child = Command::new(program()?)
        .arg0("rooma")
        .arg(NAME)
        // What a person types at a terminal is meant for the verb; this process ends with its socket.
        .process_group(0)
        .env_remove("RUST_BACKTRACE")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take();
    if let Some(stderr) = &stderr {
        rustix::io::ioctl_fionbio(stderr, true)?;
    }
    Ok(Worker { child, socket, stderr })
}

/// This program, also where its file was replaced by a newer one meanwhile.
fn program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
