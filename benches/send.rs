//! `rooma send` as a whole process, with a warm token and no supervisor, and with one, beside the official SDKs doing the
//! same. The sandbox is the platform; what it needs itself is measured by a bare request and shown apart.
//!
//!   cargo bench --bench send [-- RUNS]
//!
//! The SDKs are those that `tests/conformance/run` installs; where they are missing they are left out.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, or it panics")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rooma::sandbox::{App, Options, Sandbox};
use serde_json::{Value, json};
use tokio::time::Instant;

const RUNS: usize = 40;

const PYTHON: &str = r#"
import json, sys
import lark_oapi as lark
from lark_oapi.api.im.v1 import *
app_id, secret, base, chat = sys.argv[1:5]
client = lark.Client.builder().app_id(app_id).app_secret(secret).domain(base).build()
body = CreateMessageRequestBody.builder().receive_id(chat).msg_type("text").content(json.dumps({"text": "hi"})).build()
answer = client.im.v1.message.create(CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build())
sys.exit(0 if answer.success() else 1)
"#;

const NODE: &str = r#"
import * as lark from '@larksuiteoapi/node-sdk';
const [appId, appSecret, domain, chat] = process.argv.slice(2);
const client = new lark.Client({ appId, appSecret, domain, loggerLevel: lark.LoggerLevel.error });
const answer = await client.im.v1.message.create({
  params: { receive_id_type: 'chat_id' },
  data: { receive_id: chat, msg_type: 'text', content: JSON.stringify({ text: 'hi' }) },
});
process.exit(answer.code === 0 ? 0 : 1);
"#;

#[tokio::main]
async fn main() {
    let runs = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(RUNS);
    let sandbox = Sandbox::start(Options { chat_qps: None, ..Options::default() }).await.unwrap();
    let app = sandbox.apps().remove(0);
    let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
    let chat = ready["chats"][0]["chat_id"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    write_profile(home.path(), &app, &sandbox.base_url());

    let mut results = serde_json::Map::new();
    results.insert("runs".to_owned(), json!(runs));
    results.insert("profile".to_owned(), json!(if cfg!(debug_assertions) { "dev" } else { "release" }));
    results.insert("server".to_owned(), bare(&sandbox.base_url(), &app, chat, runs).await);
    results.insert("rooma".to_owned(), processes(runs, || rooma(home.path(), chat)));
    let supervisor = rooma_verb(home.path(), &["up"]).stdout(Stdio::null()).status().unwrap();
    assert!(supervisor.success());
    results.insert("rooma_supervised".to_owned(), processes(runs, || rooma(home.path(), chat)));
    rooma_verb(home.path(), &["down"]).stdout(Stdio::null()).status().unwrap();
    let conformance = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let credentials =
        [app.app_id.as_str(), app.app_secret.as_str(), &sandbox.base_url(), chat].map(str::to_owned);
    let python = conformance.join(".venv/bin/python");
    if python.exists() {
        let command = || script(Command::new(&python).args(["-c", PYTHON]), &credentials);
        results.insert("python_sdk".to_owned(), processes(runs / 4, command));
    }
    if conformance.join("node_modules/@larksuiteoapi/node-sdk").exists() {
        // A module is found from where its importer lies.
        let file = tempfile::Builder::new().suffix(".mjs").tempfile_in(&conformance).unwrap();
        std::fs::write(file.path(), NODE).unwrap();
        let command = || script(Command::new("node").arg(file.path()), &credentials);
        results.insert("node_sdk".to_owned(), processes(runs / 4, command));
    }
    println!("{}", Value::Object(results));
}

fn write_profile(home: &Path, app: &App, base: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::create_dir(home.join("profiles")).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).mode(0o600).open(home.join("profiles/a.yaml")).unwrap();
    let App { app_id, app_secret, .. } = app;
    writeln!(file, "transport: feishu\napp_id: {app_id}\napp_secret: \"{app_secret}\"\nbase_url: {base}")
        .unwrap();
}

fn rooma(home: &Path, chat: &str) -> Command {
    rooma_verb(home, &["send", "--chat", chat, "--text", "hi"])
}

fn rooma_verb(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rooma"));
    command.env_clear().env("HOME", home).arg("--home").arg(home).args(arguments);
    command
}

fn script(command: &mut Command, credentials: &[String]) -> Command {
    let mut whole = Command::new(command.get_program());
    whole.args(command.get_args()).args(credentials).env("NO_PROXY", "127.0.0.1");
    whole
}

/// Milliseconds from start to exit of each process.
fn processes(runs: usize, command: impl Fn() -> Command) -> Value {
    let run = || {
        let began = Instant::now();
        let status = command().stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "a run failed");
        began.elapsed().as_secs_f64() * 1000.0
    };
    // The first warms the token and the page cache.
    run();
    spread((0..runs.max(1)).map(|_| run()).collect())
}

/// The server's own time: a send over a connection that stands.
async fn bare(base: &str, app: &App, chat: &str, runs: usize) -> Value {
    // reqwest wants one, even where nothing is encrypted.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let secret = json!({"app_id": app.app_id, "app_secret": app.app_secret});
    let token =
        http.post(format!("{base}/open-apis/auth/v3/tenant_access_token/internal")).json(&secret).send();
    let token: Value = token.await.unwrap().json().await.unwrap();
    let token = token["tenant_access_token"].as_str().unwrap();
    let message = json!({"receive_id": chat, "msg_type": "text", "content": "{\"text\":\"hi\"}"});
    let mut times = Vec::new();
    for _ in 0..=runs {
        let began = Instant::now();
        let send =
            http.post(format!("{base}/open-apis/im/v1/messages?receive_id_type=chat_id")).bearer_auth(token);
        let answer = send.json(&message).send().await.unwrap().bytes().await.unwrap();
        assert!(answer.starts_with(b"{\"code\":0"));
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    spread(times.split_off(1))
}

fn spread(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| ((times.len() - 1) as f64 * part).round() as usize;
    let shown = |part: f64| (times[at(part)] * 10.0).round() / 10.0;
    json!({"p50_ms": shown(0.5), "p90_ms": shown(0.9), "max_ms": shown(1.0)})
}
