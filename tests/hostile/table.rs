//! Runs the program on one input after the other, and counts crashes, hangs, memory and what is left behind.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Longer than that is a hang.
const HANG: Duration = Duration::from_secs(5);

/// In the short form a busy machine is forgiven: what has no end of its own is found all the same.
const HANG_WHEN_BUSY: Duration = crate::support::PATIENCE;

/// Anonymous memory of the program and all it started.
const MEMORY_MAX: u64 = 64 * 1024 * 1024;

/// What a run left.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// One class of inputs.
pub struct Table {
    name: &'static str,
    home: PathBuf,
    inputs: usize,
    crashes: Vec<String>,
    hangs: Vec<String>,
    memory: Vec<String>,
    leaks: Vec<String>,
    most: u64,
    longest: Duration,
}

impl Table {
    pub fn new(name: &'static str, home: &Path) -> Table {
        Table {
            name,
            home: home.to_owned(),
            inputs: 0,
            crashes: Vec::new(),
            hangs: Vec::new(),
            memory: Vec::new(),
            leaks: Vec::new(),
            most: 0,
            longest: Duration::ZERO,
        }
    }

    /// Runs the program to its end on one input.
    pub fn run(&mut self, what: &str, command: &mut Command) -> Ran {
        let what: String = what.chars().take(60).collect();
        let before = parts(&self.home);
        let begun = Instant::now();
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (ran, most) = watched(child);
        let took = begun.elapsed();
        self.inputs += 1;
        self.most = self.most.max(most);
        self.longest = self.longest.max(took);
        if ran.code < 0 || ran.code == 101 || ran.stderr.contains("panicked at") {
            self.crashes.push(format!("{what}: {} {}", ran.code, ran.stderr));
        }
        let forgiven = if in_full() { HANG } else { HANG_WHEN_BUSY };
        if took > forgiven {
            self.hangs.push(format!("{what}: {took:?}"));
        }
        if most > MEMORY_MAX {
            self.memory.push(format!("{what}: {most}"));
        }
        let left = parts(&self.home).difference(&before).cloned().collect::<Vec<_>>();
        self.leaks.extend(left.into_iter().map(|left| format!("{what}: {left}")));
        ran
    }

    /// Inputs that were tried in another way; what they left behind is still counted.
    pub fn done(mut self, inputs: usize) {
        self.inputs += inputs;
        self.finish();
    }

    pub fn finish(mut self) {
        self.leaks.extend(orphans(&self.home));
        #[allow(clippy::print_stdout, reason = "the figures are for whoever runs this")]
        {
            println!(
                "{}: {} inputs, {} crashes, {} hangs, {} over 64 MiB, {} leaks; longest {:?}, most {} KiB",
                self.name,
                self.inputs,
                self.crashes.len(),
                self.hangs.len(),
                self.memory.len(),
                self.leaks.len(),
                self.longest,
                self.most / 1024
            );
        }
        let none: Vec<String> = Vec::new();
        assert_eq!((&self.crashes, &self.hangs, &self.memory, &self.leaks), (&none, &none, &none, &none));
        assert!(self.inputs > 0);
    }
}

/// With ROOMA_HOSTILE=full the tables are longer, and five seconds are a hang.
pub fn in_full() -> bool {
    std::env::var_os("ROOMA_HOSTILE").is_some_and(|form| form == "full")
}

fn watched(child: Child) -> (Ran, u64) {
    let pid = child.id();
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sampler = std::thread::spawn({
        let (over, most) = (Arc::clone(&over), Arc::clone(&most));
        let give_up = Instant::now() + 2 * HANG_WHEN_BUSY;
        move || {
            let (_tick, ticks) = std::sync::mpsc::channel::<()>();
            while !over.load(Ordering::Acquire) {
                most.fetch_max(memory_of(pid), Ordering::AcqRel);
                if Instant::now() > give_up {
                    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
                let _ = ticks.recv_timeout(Duration::from_millis(2));
            }
        }
    });
    let output = child.wait_with_output().unwrap();
    over.store(true, Ordering::Release);
    sampler.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(1));
    (Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }, most.load(Ordering::Acquire))
}

/// Of a process and of what it started.
pub fn memory_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let own = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024;
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children.flat_map(|all| numbers(&all)).collect();
    own + children.into_iter().map(memory_of).sum::<u64>()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Parts of files that nobody will finish.
fn parts(home: &Path) -> BTreeSet<String> {
    let (mut left, mut found) = (vec![home.to_owned()], BTreeSet::new());
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(".part") {
                found.insert(entry.path().display().to_string());
            }
        }
    }
    found
}

/// Processes of this home that are there when nothing of it runs any more.
fn orphans(home: &Path) -> Vec<String> {
    let give_up = Instant::now() + HANG_WHEN_BUSY;
    loop {
        let left = running(home);
        if left.is_empty() || Instant::now() > give_up {
            return left;
        }
        std::thread::yield_now();
    }
}

fn running(home: &Path) -> Vec<String> {
    let mark = format!("HOME={}\0", home.display());
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = all.filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&mark)
    });
    ours.map(|entry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        format!("still running: {}", String::from_utf8_lossy(&words).replace('\0', " "))
    })
    .collect()
}
