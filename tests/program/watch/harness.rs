//! A harness as agents have it: it joins lines that come close together, cuts each, cuts them together, and drops what
//! comes faster than its budget of notifications.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

/// The figures that are reported of Claude Code's Monitor.
const LINE_MAX: usize = 500;
const TOGETHER_MS: u128 = 200;
const NOTIFICATION_MAX: usize = 3000;
const BURST: f64 = 10.0;
const EVERY_S: f64 = 2.0;

/// What came out of a pipe, line by line, and when.
pub struct Piped {
    pub child: Child,
    reader: JoinHandle<Vec<(Instant, String)>>,
}

pub fn piped(command: &mut Command) -> Piped {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut lines, mut rest, mut chunk) = (Vec::new(), Vec::new(), [0; 65536]);
        while let Ok(read) = stdout.read(&mut chunk) {
            if read == 0 {
                break;
            }
            let now = Instant::now();
            rest.extend_from_slice(&chunk[..read]);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                lines.push((now, String::from_utf8(line).unwrap().trim_end().to_owned()));
            }
        }
        lines
    });
    Piped { child, reader }
}

impl Piped {
    pub fn finish(mut self) -> Vec<(Instant, String)> {
        let lines = self.reader.join().unwrap();
        self.child.wait().unwrap();
        lines
    }
}

/// What an agent sees of it. The budget is the harness's, whichever command speaks.
pub struct Harness {
    left: f64,
    at: Instant,
    pub dropped: usize,
    pub notifications: Vec<String>,
}

impl Harness {
    pub fn new() -> Harness {
        Harness {
            left: BURST,
            at: Instant::now() - Duration::from_secs(3600),
            dropped: 0,
            notifications: Vec::new(),
        }
    }

    pub fn show(&mut self, lines: &[(Instant, String)]) {
        let mut together: Vec<&(Instant, String)> = Vec::new();
        for line in lines {
            if together.last().is_some_and(|last| line.0.duration_since(last.0).as_millis() > TOGETHER_MS) {
                self.notify(&together);
                together.clear();
            }
            together.push(line);
        }
        if !together.is_empty() {
            self.notify(&together);
        }
    }

    fn notify(&mut self, lines: &[&(Instant, String)]) {
        let now = lines[0].0;
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() / EVERY_S).min(BURST);
        self.at = now;
        if self.left < 1.0 {
            self.dropped += 1;
            return;
        }
        self.left -= 1.0;
        let cut: Vec<String> = lines.iter().map(|(_, line)| bounded(line, LINE_MAX)).collect();
        self.notifications.push(bounded(&cut.join("\n"), NOTIFICATION_MAX));
    }

    /// Every line that an agent saw, whole or not.
    pub fn lines(&self) -> Vec<&str> {
        self.notifications.iter().flat_map(|one| one.lines()).collect()
    }
}

fn bounded(text: &str, max: usize) -> String {
    String::from_utf16_lossy(&text.encode_utf16().take(max).collect::<Vec<_>>())
}
