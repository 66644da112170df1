//! What a receiver costs: until it is connected, until a message is a line, under a flood, and while nothing happens,
//! beside the official Node SDK doing the same without keeping anything. rooma journals and acknowledges what is synced.
//!
//!   cargo bench --bench stream [-- PROFILES]
//!
//! The SDK is the one that `tests/conformance/run` installs; where it is missing it is left out.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, or it panics")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rooma::sandbox::{Burst, Options, Sandbox, Say};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Connections of the comparison; rooma alone is measured with as many as are asked for.
const SIDE_BY_SIDE: usize = 200;
const PROFILES: usize = 1000;

const STARTS: usize = 7;
const PACED: usize = 2000;
const PER_SECOND: u64 = 200;
const FLOOD: usize = 50_000;
const QUIET: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(120);

/// Of a line in /proc/PID/stat, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

const NODE: &str = r#"
import * as lark from '@larksuiteoapi/node-sdk';
const [domain, ...apps] = process.argv.slice(2);
for (const app of apps) {
  const [appId, appSecret] = app.split(':');
  const client = new lark.WSClient({ appId, appSecret, domain, loggerLevel: lark.LoggerLevel.error });
  const eventDispatcher = new lark.EventDispatcher({ loggerLevel: lark.LoggerLevel.error }).register({
    'im.message.receive_v1': (data) => { process.stdout.write(`"message_id":"${data.message.message_id}"\n`); },
  });
  client.start({ eventDispatcher });
}
"#;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Rooma,
    Node,
}

#[tokio::main]
async fn main() {
    let profiles = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(PROFILES);
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut kinds = vec![("rooma", Kind::Rooma)];
    if modules.join("node_modules/@larksuiteoapi/node-sdk").exists() {
        kinds.push(("node_sdk", Kind::Node));
    }
    let mut results = serde_json::Map::new();
    results.insert("profile".to_owned(), json!(if cfg!(debug_assertions) { "dev" } else { "release" }));
    for (name, kind) in kinds {
        let mut result = one(kind).await;
        result["profiles"] = json!([many(kind, SIDE_BY_SIDE).await]);
        if kind == Kind::Rooma {
            let more = many(kind, profiles).await;
            result["profiles"].as_array_mut().unwrap().push(more);
        }
        results.insert(name.to_owned(), result);
    }
    println!("{}", Value::Object(results));
}

/// One connection.
async fn one(kind: Kind) -> Value {
    let world = World::new(1).await;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let program = world.start(kind);
        world.connected(1).await;
        starts.push(began.elapsed().as_secs_f64() * 1000.0);
        program.end();
        world.connected(0).await;
    }
    let program = world.start(kind);
    world.connected(1).await;
    sleep(Duration::from_secs(3)).await;
    let idle = program.rss_kib();

    let mut latencies = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / PER_SECOND));
    let mut said = Vec::new();
    for number in 0..PACED {
        pace.tick().await;
        let say = Say { to: Some("b0".into()), text: Some(format!("paced {number}")), ..Say::default() };
        let began = Instant::now();
        said.push((world.sandbox.say(say).unwrap().message_id, began));
    }
    program.read(PACED).await;
    for (id, began) in said {
        let read = program.lines.lock().unwrap().ids[&id];
        latencies.push(read.duration_since(began).as_secs_f64() * 1000.0);
    }

    let cpu = program.cpu_seconds();
    let began = Instant::now();
    let burst = Burst { app: Some("b0".into()), count: FLOOD, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    program.read(PACED + FLOOD).await;
    let took = began.elapsed().as_secs_f64();
    // What is acknowledged after the last line costs, too.
    sleep(Duration::from_secs(1)).await;
    let cpu = (program.cpu_seconds() - cpu) * 10_000.0 / FLOOD as f64;
    let (rss, peak) = (program.rss_kib(), program.status("VmHWM"));
    program.end();
    json!({
        "start_to_connected_ms": spread(starts),
        "latency_ms_at_200_per_second": spread(latencies),
        "events_per_second": (FLOOD as f64 / took).round(),
        "cpu_seconds_per_10_000": rounded(cpu),
        "rss_kib": {"idle": idle, "after": rss, "peak": peak},
    })
}

/// Many connections in one process, and nothing to do.
async fn many(kind: Kind, count: usize) -> Value {
    let world = World::new(count).await;
    let alone = {
        let single = World::new(1).await;
        let program = single.start(kind);
        single.connected(1).await;
        sleep(Duration::from_secs(3)).await;
        program.rss_kib()
    };
    let began = Instant::now();
    let program = world.start(kind);
    world.connected(count).await;
    let connected = began.elapsed().as_secs_f64();
    sleep(Duration::from_secs(5)).await;
    let cpu = program.cpu_seconds();
    sleep(QUIET).await;
    let cpu = (program.cpu_seconds() - cpu) / QUIET.as_secs_f64() * 100.0;
    let each = (program.rss_kib() - alone) / (count as f64 - 1.0);
    program.end();
    json!({"count": count, "all_connected_s": rounded(connected), "quiet_cpu_percent": rounded(cpu),
        "kib_each": rounded(each)})
}

struct World {
    sandbox: Arc<Sandbox>,
    home: tempfile::TempDir,
    script: Option<tempfile::NamedTempFile>,
}

impl World {
    async fn new(bots: usize) -> World {
        let bots = (0..bots).map(|bot| format!("b{bot}")).collect();
        let options = Options { bots, chats: Vec::new(), chat_qps: None, ..Options::default() };
        let sandbox = Arc::new(Sandbox::start(options).await.unwrap());
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("profiles")).unwrap();
        for app in sandbox.apps() {
            let file = home.path().join(format!("profiles/{}.yaml", app.name));
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(file).unwrap();
            let (id, secret, base) = (&app.app_id, &app.app_secret, sandbox.base_url());
            writeln!(file, "transport: feishu\napp_id: {id}\napp_secret: \"{secret}\"\nbase_url: {base}")
                .unwrap();
        }
        // A module is found from where its importer lies.
        let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
        let script = tempfile::Builder::new().suffix(".mjs").tempfile_in(modules).ok();
        if let Some(script) = &script {
            std::fs::write(script.path(), NODE).unwrap();
        }
        World { sandbox, home, script }
    }

    fn start(&self, kind: Kind) -> Program {
        let command = match kind {
            Kind::Rooma => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_rooma"));
                command.env_clear().env("HOME", self.home.path()).arg("--home").arg(self.home.path());
                command.args(["monitor", "--since", "now"]);
                command
            }
            Kind::Node => {
                let mut command = Command::new("node");
                command.arg(self.script.as_ref().unwrap().path()).arg(self.sandbox.base_url());
                command
                    .args(self.sandbox.apps().iter().map(|app| format!("{}:{}", app.app_id, app.app_secret)));
                command.env("NO_PROXY", "127.0.0.1");
                command
            }
        };
        Program::spawn(command)
    }

    async fn connected(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let now =
            || self.sandbox.state(Default::default()).unwrap().apps.iter().map(|app| app.connections).sum();
        while {
            let now: usize = now();
            now
        } != count
        {
            assert!(Instant::now() < deadline, "not connected");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

#[derive(Default)]
struct Lines {
    ids: HashMap<String, Instant>,
}

struct Program {
    child: Child,
    lines: Arc<Mutex<Lines>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Program {
    fn spawn(mut command: Command) -> Program {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (stdout, lines) = (BufReader::new(child.stdout.take().unwrap()), Arc::<Mutex<Lines>>::default());
        let to = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let id = line.split("\"message_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
                if let Some(id) = id {
                    to.lock().unwrap().ids.insert(id.to_owned(), Instant::now());
                }
            }
        });
        Program { child, lines, reader: Some(reader) }
    }

    async fn read(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.lines.lock().unwrap().ids.len() < count {
            assert!(Instant::now() < deadline, "not all lines came");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>()
            / TICKS_PER_SECOND
    }

    fn rss_kib(&self) -> f64 {
        self.status("VmRSS")
    }

    fn status(&self, key: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn end(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spread(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| ((times.len() - 1) as f64 * part).round() as usize;
    json!({"p50": rounded(times[at(0.5)]), "p99": rounded(times[at(0.99)])})
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
