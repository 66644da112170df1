//! The processes under test: one supervisor, some readers, and a second home without a supervisor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rooma::sandbox::{ClientConfig, Options};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::readers::{Cursor, Reader};
use crate::schedule::{BOTS, READERS};
use crate::support::{PATIENCE, World, limited, output, program};

/// A supervisor that is stopped or whose disk is full may take that long.
const OPTIONS: &str = "\
connection: {backoff_min: 100ms, backoff_max: 500ms, handshake_timeout: 2s, pong_timeout: 2s}
catchup: {after: 1s}
http: {timeout: 5s}
";

/// 255 deliveries at most: with these, an outage of a minute and a half is bridged.
const REDELIVERY: Duration = Duration::from_millis(400);

pub struct Crew {
    pub world: World,
    /// Its sends go to the platform without a supervisor.
    pub elsewhere: TempDir,
    pub supervisor: Supervisor,
    pub readers: Vec<Option<Reader>>,
    pub cursors: Vec<Cursor>,
    /// Ends of readers that nobody asked for, by what they were.
    pub odd: BTreeMap<String, u64>,
    pub kills: u64,
}

pub struct Supervisor {
    pub pid: Pid,
    /// Where it is a child with a stdout.
    reader: Option<Reader>,
    /// Tells one from the next.
    pub life: u64,
}

pub async fn world() -> World {
    let options = Options {
        bots: (0..BOTS).map(|bot| format!("b{bot}")).collect(),
        chat_qps: None,
        redelivery: vec![REDELIVERY; 250],
        client_config: ClientConfig { ping_interval: 1, ..Options::default().client_config },
        keep: 2_000_000,
        ..Options::default()
    };
    let world = World::with(options).await;
    // What is held back from an agent is in no reader's lines; here every line is to be read.
    for app in world.sandbox.apps() {
        let path = format!("profiles/{}.yaml", app.name);
        let profile = std::fs::read_to_string(world.home.path().join(&path)).unwrap();
        world.write(&path, &format!("{profile}allow: {{bots: all}}\n"));
    }
    world.write("config/rooma.yaml", OPTIONS);
    world
}

impl Crew {
    pub async fn new(world: World) -> Crew {
        let elsewhere = second_home(world.home.path());
        let cursors: Vec<Cursor> = (0..=READERS).map(|_| Cursor::default()).collect();
        let supervisor = foreground(world.home.path(), &cursors[READERS as usize], &["--since", "start"], 1);
        let readers = (0..READERS).map(|_| None).collect();
        let mut crew =
            Crew { world, elsewhere, supervisor, readers, cursors, odd: BTreeMap::new(), kills: 0 };
        crew.up_and_answering().await;
        for reader in 0..READERS as usize {
            // From here on there is a cursor: a new one would begin at the moment its reader starts.
            let first = crew.cursors[reader].clone();
            let mut command = crew.watch(reader);
            let once = first.read(command.args(["--since", "start", "--max-events", "1"]));
            once.finish();
            crew.start_reader(reader);
        }
        crew
    }

    fn watch(&self, reader: usize) -> Command {
        self.world.command(&["watch", "--cursor", &format!("r{reader}")])
    }

    pub fn start_reader(&mut self, reader: usize) {
        self.readers[reader] = Some(self.cursors[reader].clone().read(&mut self.watch(reader)));
    }

    pub fn end_reader(&mut self, reader: usize, signal: Signal) {
        let Some(ending) = self.readers[reader].take() else { return };
        // A stopped one takes no other signal than this.
        ending.signal(signal);
        ending.signal(Signal::CONT);
        let stderr = ending.finish();
        if signal == Signal::TERM && !stderr.is_empty() {
            self.note_odd("SIGTERM", &stderr);
        }
        self.start_reader(reader);
    }

    /// Readers that ended by themselves, as they may while there is no supervisor, begin again.
    pub fn look_after_readers(&mut self) {
        for reader in 0..self.readers.len() {
            let ended = self.readers[reader].as_mut().and_then(Reader::ended);
            if let Some(status) = ended {
                let gone = self.readers[reader].take().unwrap();
                let stderr = gone.finish();
                self.note_odd(&format!("{status}"), &stderr);
                self.start_reader(reader);
            }
        }
    }

    fn note_odd(&mut self, how: &str, stderr: &str) {
        let said: Option<Value> = stderr.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let said = said.map_or_else(|| stderr.to_owned(), |said| said["error"]["message"].to_string());
        *self.odd.entry(format!("{how}: {said}")).or_default() += 1;
    }

    pub async fn kill_supervisor(&mut self) {
        self.kills += 1;
        self.supervisor.signal(Signal::KILL);
        if let Some(reader) = self.supervisor.reader.take() {
            reader.finish();
        }
        // One in the background is nobody's child here, and holds its locks until it is really gone.
        let deadline = Instant::now() + PATIENCE;
        while self.supervisor.lives() {
            assert!(Instant::now() < deadline, "killed, and still there");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn start_supervisor(&mut self, background: bool) {
        let life = self.supervisor.life + 1;
        let home = self.world.home.path().to_owned();
        self.supervisor = if background {
            background_one(&home, life).await
        } else {
            foreground(&home, &self.cursors[READERS as usize], &[], life)
        };
        self.up_and_answering().await;
    }

    async fn up_and_answering(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while status(self.world.home.path()).is_none() {
            if let Some(reader) = &mut self.supervisor.reader
                && let Some(status) = reader.ended()
            {
                let stderr = self.supervisor.reader.take().unwrap().finish();
                panic!("the supervisor did not start: {status}\n{stderr}");
            }
            assert!(Instant::now() < deadline, "no supervisor answers");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// It ends by itself, and in good order.
    pub fn end(mut self) -> (World, Vec<Cursor>, String) {
        let mut said = String::new();
        for reader in self.readers.iter_mut().filter_map(Option::take) {
            reader.signal(Signal::TERM);
            said.push_str(&reader.finish());
        }
        assert_eq!(output(&mut self.world.command(&["down"])).0, 0);
        if let Some(reader) = self.supervisor.reader.take() {
            reader.finish();
        }
        (self.world, self.cursors, said)
    }
}

impl Supervisor {
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Its first thread may be gone while others still hold what the process held.
    fn lives(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid.as_raw_nonzero()));
        let stats = threads.into_iter().flatten().flatten().filter_map(|thread| {
            // A thread that goes meanwhile is no thread.
            std::fs::read_to_string(thread.path().join("stat")).ok()
        });
        stats.into_iter().any(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
    }

    /// A disk that takes nothing more, as far as this process can tell.
    pub fn disk(&self, full: bool) {
        let current = if full { Some(0) } else { None };
        prlimit(Some(self.pid), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    }

    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid.as_raw_nonzero())).unwrap().count()
    }

    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

fn second_home(home: &Path) -> TempDir {
    let other = tempfile::tempdir().unwrap();
    for folder in ["profiles", "config"] {
        std::fs::create_dir(other.path().join(folder)).unwrap();
        for file in std::fs::read_dir(home.join(folder)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), other.path().join(folder).join(file.file_name())).unwrap();
        }
    }
    other
}

fn foreground(home: &Path, cursor: &Cursor, extra: &[&str], life: u64) -> Supervisor {
    let reader = cursor.read(limited(home, &["monitor"]).args(extra));
    Supervisor { pid: Pid::from_child(&reader.child), reader: Some(reader), life }
}

async fn background_one(home: &Path, life: u64) -> Supervisor {
    let path: PathBuf = home.to_owned();
    // Faults may keep a profile from connecting; that is waited for elsewhere.
    let up = move || output(&mut limited(&path, &["up", "--timeout", "3s"]));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (code, _, stderr) = tokio::task::spawn_blocking(up.clone()).await.unwrap();
        if let Some(pid) = status(home) {
            return Supervisor { pid, reader: None, life };
        }
        assert!(Instant::now() < deadline, "up: {code} {stderr}");
    }
}

/// The pid of the supervisor that answers.
pub fn status(home: &Path) -> Option<Pid> {
    let (code, stdout, _) = output(program(home).arg("status"));
    let status: Value = serde_json::from_str(&stdout).ok()?;
    let pid = i32::try_from(status["pid"].as_i64()?).ok()?;
    (code == 0).then(|| Pid::from_raw(pid)).flatten()
}
