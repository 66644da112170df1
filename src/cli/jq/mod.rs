//! `--jq`: jq on a verb's value or on each line of a watch, in a process of its own.
//!
//! An expression may never end, take all memory there is or nest until the stack is gone, on its own account or on a
//! stranger's text. A process can be ended then, and nothing else can.

mod child;
mod eval;
mod frames;
mod patient;
mod texts;
mod worker;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub use child::{NAME as CHILD_NAME, main as child_main};

use crate::error::{Error, Result};
use crate::event::bounded;
pub use worker::Trouble;
use worker::{Manner, Worker};

const HALTED: &str = "nobody waited for it";

/// Of an expression, what an error repeats.
const NAMED_MAX: usize = 200;

/// Ends of the process that nobody can explain, such as the kernel's when memory is short, are tried again once.
const TRIES: usize = 2;

/// Results of a verb's value, and of one line of a watch: more is an expression gone wrong.
const RESULTS_MAX: usize = 1_000_000;
pub const LINES_MAX: usize = 1000;

pub struct Jq {
    code: String,
    /// Kept warm from line to line; gone after an overrun, and started again for the next.
    worker: Mutex<Option<Worker>>,
    /// Nobody waits for a result any more.
    halt: AtomicBool,
}

impl Jq {
    /// Checked before the verb does anything.
    pub fn new(code: &str) -> Result<Jq> {
        let worker = Worker::start(code).map_err(|trouble| match trouble {
            Trouble::Failed(what) | Trouble::Overran(what) => {
                Error::validation(format!("--jq is not a jq expression: {what}, in `{}`", named(code)))
                    .subtype("jq")
                    .hint("for example: --jq '.items[].chat_id'")
            }
            Trouble::Died(what) => not_running(&what),
            Trouble::Halted => not_running(HALTED),
        })?;
        Ok(Jq { code: code.to_owned(), worker: Mutex::new(Some(worker)), halt: AtomicBool::new(false) })
    }

    /// Each result on a line; texts stand bare, so that a shell can use them.
    pub fn run(&self, json: &str) -> Result<String> {
        let mut lines = Vec::new();
        let results = self.each(json.as_bytes(), self.manner(true, RESULTS_MAX), &mut |result| {
            lines.push(String::from_utf8_lossy(result).into_owned());
            Ok(())
        });
        match results {
            Ok(()) => Ok(lines.join("\n")),
            Err(Trouble::Failed(what) | Trouble::Overran(what)) => Err(Error::validation(format!(
                "--jq failed on the result: {what}, in `{}`",
                named(&self.code)
            ))
            .subtype("jq")
            .hint("the verb itself succeeded")),
            Err(Trouble::Died(what)) => Err(not_running(&what)),
            Err(Trouble::Halted) => Err(not_running(HALTED)),
        }
    }

    /// Each result as JSON on a line of its own, texts in quotes, as it is asked for.
    pub fn results(&self, json: &[u8], each: &mut Each<'_>) -> Result<(), Trouble> {
        self.each(json, self.manner(false, LINES_MAX), each)
            .map_err(|trouble| trouble.about(&named(&self.code)))
    }

    /// Nobody waits for a result any more: what is asked from here on is not answered.
    pub fn halt(&self) {
        self.halt.store(true, Ordering::Relaxed);
    }

    fn manner(&self, bare: bool, results_max: usize) -> Manner<'_> {
        Manner { bare, results_max, halt: &self.halt }
    }

    fn each(&self, json: &[u8], manner: Manner<'_>, each: &mut Each<'_>) -> Result<(), Trouble> {
        let mut worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for _ in 1..TRIES {
            match attempt(&mut worker, &self.code, json, manner, each) {
                Err(Trouble::Died(what)) => tracing::debug!(%what, "jq is tried again"),
                told => return told,
            }
        }
        attempt(&mut worker, &self.code, json, manner, each)
    }
}

/// Takes a result, or says why there are to be no more.
pub type Each<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

fn attempt(
    worker: &mut Option<Worker>,
    code: &str,
    json: &[u8],
    manner: Manner<'_>,
    each: &mut Each<'_>,
) -> Result<(), Trouble> {
    let running = match worker {
        Some(running) => running,
        None => worker.insert(Worker::start(code).map_err(Trouble::in_a_known_expression)?),
    };
    // Results come whole or not at all: what a process said before it died is not handed on twice.
    let done = running
        .run(json, manner)
        .and_then(|results| results.each().try_for_each(|result| each(result).map_err(Trouble::Failed)));
    if matches!(done, Err(Trouble::Overran(_) | Trouble::Died(_) | Trouble::Halted)) {
        *worker = None;
    }
    done
}

fn not_running(what: &str) -> Error {
    Error::internal(format!("--jq could not be run: {what}")).subtype("jq")
}

/// The same without a process, for tests of what is made of results.
#[cfg(test)]
pub fn in_process(code: &str) -> impl Fn(&[u8], &mut Each<'_>) -> Result<(), Trouble> {
    let expression = eval::Expression::new(code).unwrap();
    move |json, each| {
        let results = expression.run(json, false).map_err(Trouble::Failed)?;
        results
            .into_iter()
            .try_for_each(|result| each(&result.map_err(Trouble::Failed)?).map_err(Trouble::Failed))
    }
}

/// The expression, fit for an error.
fn named(code: &str) -> String {
    let shown = bounded(code, NAMED_MAX);
    let more = if shown.len() < code.len() { "…" } else { "" };
    format!("{}{more}", crate::event::neutralise(shown).replace('\n', " "))
}
