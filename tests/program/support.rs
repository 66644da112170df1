//! A sandbox with a home, and a monitor that is watched line by line.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rooma::sandbox::{Options, Sandbox, Say, State, StateQuery};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

/// Far beyond what anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Options under which a lost connection is back in tenths of seconds.
pub const QUICK: &str = "connection: {backoff_min: 100ms, backoff_max: 300ms}\n";

/// No deadline of the platform's is missed because the machine is busy.
const NEVER_LATE: Duration = Duration::from_secs(3600);

/// How soon the platform tries again what nobody took. It counts no more than 255 deliveries.
const REDELIVERY: [Duration; 250] = [Duration::from_millis(300); 250];

pub struct World {
    pub sandbox: Arc<Sandbox>,
    pub home: TempDir,
}

impl World {
    pub async fn new(bots: usize) -> World {
        World::with(Options { redelivery: REDELIVERY.to_vec(), ..options(bots) }).await
    }

    /// For those who kill what has not acknowledged yet.
    pub async fn redelivering(bots: usize) -> World {
        World::with(redelivering(bots)).await
    }

    pub async fn with(options: Options) -> World {
        let sandbox = Arc::new(Sandbox::start(options).await.unwrap());
        let home = tempfile::tempdir().unwrap();
        let world = World { sandbox, home };
        for app in world.sandbox.apps() {
            world.write_profile(&app.name, &app.app_id, &app.app_secret);
        }
        world.write("config/rooma.yaml", QUICK);
        world
    }

    /// A profile as the sandbox writes it, with these credentials.
    pub fn write_profile(&self, name: &str, app_id: &str, app_secret: &str) {
        let mut app = self.sandbox.apps()[0].clone();
        (app.app_id, app.app_secret) = (app_id.to_owned(), app_secret.to_owned());
        self.write(&format!("profiles/{name}.yaml"), &app.profile(&self.sandbox.base_url()));
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn say(&self, chat: &str, text: &str) -> String {
        let say = Say { chat: Some(chat.into()), text: Some(text.into()), ..Say::default() };
        self.sandbox.say(say).unwrap().message_id
    }

    pub fn tell(&self, bot: &str, text: &str) -> String {
        let say = Say { to: Some(bot.into()), text: Some(text.into()), ..Say::default() };
        self.sandbox.say(say).unwrap().message_id
    }

    pub fn state(&self) -> State {
        self.sandbox.state(StateQuery::default()).unwrap()
    }

    pub fn full_state(&self) -> State {
        self.sandbox.state(StateQuery { full: Some("1".into()), ..StateQuery::default() }).unwrap()
    }

    /// Waits until nothing is left to be acknowledged.
    pub async fn all_acked(&self) -> State {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.state();
            if state.totals.pending == 0 && state.totals.given_up == 0 {
                return state;
            }
            assert!(Instant::now() < deadline, "not acknowledged: {:?}", state.totals);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.home.path());
        command.args(arguments);
        command
    }

    pub fn monitor(&self, arguments: &[&str]) -> Monitor {
        Monitor::spawn(self.command(&["monitor"]).args(arguments))
    }

    pub fn journal(&self) -> PathBuf {
        self.home.path().join("data/journal.db")
    }
}

/// A supervisor that a failed test left in the background goes with its world.
impl Drop for World {
    fn drop(&mut self) {
        if self.home.path().join("data/rooma.sock").exists() {
            let _ = self
                .command(&["down", "--timeout", "5s"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// A platform that waits for each acknowledgement as long as it takes.
pub fn options(bots: usize) -> Options {
    let bots = (0..bots).map(|bot| format!("b{bot}")).collect();
    Options { bots, ack_deadline: NEVER_LATE, ..Options::default() }
}

/// A platform that waits for an acknowledgement as long as it really does, and then delivers again soon.
pub fn redelivering(bots: usize) -> Options {
    let ack_deadline = Options::default().ack_deadline;
    Options { ack_deadline, redelivery: REDELIVERY.to_vec(), ..options(bots) }
}

/// The program in an environment of its own.
pub fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rooma"));
    command.env_clear();
    // A proxy of the environment is nothing for a platform on this machine.
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    command.env("PATH", "/usr/bin:/bin").env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

/// The same, where a write beyond a limit that is set later is an error and no signal: what a full disk looks like.
pub fn limited(home: &Path, arguments: &[&str]) -> Command {
    let plain = program(home);
    let mut command = Command::new("/bin/sh");
    command.env_clear().envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(home).stdin(Stdio::null());
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(arguments);
    command
}

pub struct Monitor {
    pub child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Monitor {
    pub fn spawn(command: &mut Command) -> Monitor {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, stderr) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(String::new())));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let to = Arc::clone(&lines);
        let out = std::thread::spawn(move || {
            for line in stdout.lines() {
                // A killed program may leave half a line; nothing else may be unreadable.
                let Ok(line) = line else { return };
                match serde_json::from_str(&line) {
                    Ok(line) => to.lock().unwrap().push(line),
                    Err(_) => to.lock().unwrap().push(Value::String(line)),
                }
            }
        });
        let (mut err, to) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        let err = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = err.read(&mut buffer) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Monitor { child, lines, stderr, readers: vec![out, err] }
    }

    /// The lines of the journal, and what a watch says of itself later: where it began is asserted by tests of that.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| line["type"] != "rooma.watching").cloned().collect()
    }

    /// The first line, which says of a watch where it begins.
    pub fn first(&self) -> Value {
        self.lines.lock().unwrap()[0].clone()
    }

    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub fn of_type(&self, type_name: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["type"] == type_name).collect()
    }

    /// Waits until the lines are as wanted.
    pub async fn wait(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.lines.lock().unwrap()) {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}\nlast lines: {:#?}\nstderr: {}",
                self.lines().iter().rev().take(8).collect::<Vec<_>>(),
                self.stderr()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn count(&self, type_name: &str, count: usize) {
        self.wait(&format!("{count} × {type_name}"), |lines| {
            lines.iter().filter(|line| line["type"] == type_name).count() >= count
        })
        .await;
    }

    pub async fn connected(&self, profiles: usize) {
        self.count("rooma.connected", profiles).await;
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGTERM, and what followed.
    pub async fn terminate(mut self) -> (Vec<Value>, String) {
        self.signal(rustix::process::Signal::TERM);
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
        self.finish()
    }

    pub async fn kill(mut self) -> (Vec<Value>, String) {
        self.child.kill().unwrap();
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(9));
        self.finish()
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let stderr = Arc::clone(&self.stderr);
        ended(&mut self.child, || stderr.lock().unwrap().clone()).await
    }

    pub fn finish(mut self) -> (Vec<Value>, String) {
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (self.lines(), self.stderr())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(line: &Value, key: &str) -> String {
    line[key].as_str().unwrap_or_default().to_owned()
}

pub fn seq(line: &Value) -> u64 {
    line["seq"].as_u64().unwrap()
}

/// Waits until the supervisor has counted in its rooms whatever is journalled by now.
pub async fn counted(world: &World) {
    until("the rooms are counted", || {
        let (_, stdout, _) = output(&mut world.command(&["status"]));
        let status: Value = serde_json::from_str(&stdout).unwrap();
        let cursors = status["cursors"].as_array().cloned().unwrap_or_default();
        let cursor = cursors.iter().find(|cursor| cursor["name"] == "rooms");
        cursor.is_some_and(|cursor| cursor["seq"] == status["journal"]["newest"])
    })
    .await;
}

/// Waits for what has no line of its own.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Does the process have a handler of its own for this signal yet?
pub fn listens(child: &Child, signal: rustix::process::Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught >> (signal.as_raw() - 1) & 1 == 1
}

/// The end of a process, which has to come.
pub async fn ended(child: &mut Child, why: impl Fn() -> String) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end\n{}", why());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a command to its end, which has to come.
pub fn output(command: &mut Command) -> (i32, String, String) {
    finished(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// What a child leaves behind. One that does not end is killed.
pub fn finished(child: Child) -> (i32, String, String) {
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, watch) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}
