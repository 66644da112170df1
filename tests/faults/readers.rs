//! Who reads: one cursor, read by one process after the other.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{seq, text};

/// Everything that one cursor was given, folded by position.
#[derive(Default)]
pub struct Log {
    /// What each line is about.
    pub lines: BTreeMap<u64, String>,
    pub repeated: u64,
    /// Left by kills.
    pub half: u64,
    pub wrong: Vec<String>,
}

/// A process that reads for a cursor.
pub struct Reader {
    pub child: Child,
    threads: Vec<JoinHandle<()>>,
    stderr: Arc<Mutex<String>>,
}

#[derive(Clone, Default)]
pub struct Cursor(Arc<Mutex<Log>>);

impl Cursor {
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap()
    }

    pub fn newest(&self) -> u64 {
        self.log().lines.keys().next_back().copied().unwrap_or_default()
    }

    pub fn read(&self, command: &mut Command) -> Reader {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (cursor, said) = (self.clone(), Arc::new(Mutex::new(String::new())));
        let to = Arc::clone(&said);
        let out = std::thread::spawn(move || {
            let mut before = 0;
            for line in stdout.lines() {
                let Ok(line) = line else { return };
                cursor.log().take(&line, &mut before);
            }
        });
        let err = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Reader { child, threads: vec![out, err], stderr: said }
    }
}

impl Log {
    /// `before` is the position of the line before it, of the same process.
    fn take(&mut self, line: &str, before: &mut u64) {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            self.half += 1;
            return;
        };
        let kind = text(&line, "type");
        // A watch's own words are in no journal.
        if matches!(
            kind.as_str(),
            "rooma.supervisor_gone" | "rooma.rearm" | "rooma.watching" | "rooma.storage"
        ) {
            return;
        }
        let position = seq(&line);
        // The ready line comes first, whatever waits to be replayed.
        if kind != "rooma.started" || line["replayed"] == true || line["late"] == true {
            if position <= *before {
                self.wrong.push(format!("behind {before}: {line}"));
            }
            *before = position;
        }
        let about = about(&line);
        match self.lines.get(&position) {
            None => drop(self.lines.insert(position, about)),
            Some(known) if *known != about => self.wrong.push(format!("{known} became {line}")),
            Some(_) if line["replayed"] != true => self.wrong.push(format!("again and unmarked: {line}")),
            Some(_) => self.repeated += 1,
        }
    }
}

/// What makes an event one event: its message, or else its own id.
fn about(line: &Value) -> String {
    let id = if line["type"] == "message" { "message_id" } else { "event_id" };
    format!("{} {} {}", text(line, "profile"), text(line, "type"), text(line, id))
}

impl Reader {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// After its end: everything it wrote is read, and what it said to people is returned.
    pub fn finish(mut self) -> String {
        let _ = self.child.wait();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        self.stderr.lock().unwrap().clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
