//! The supervisor as a service, before a manager of the test's own.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{PATIENCE, World, output, program};

/// A `systemctl` that notes what it is told. `is-active` and the like answer with a word.
fn fake_systemctl(folder: &Path, exit: i32) -> (String, impl Fn() -> Vec<String>) {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let (path, calls) = (bin.join("systemctl"), folder.join("calls"));
    let said = "case \"$2\" in is-*) echo \"${2#is-}\";; *) echo 'Failed to connect to bus' >&2;; esac";
    let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{said}\nexit {exit}\n", calls.display());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let read = move || {
        let calls_made = std::fs::read_to_string(&calls).unwrap_or_default();
        let _ = std::fs::remove_file(&calls);
        calls_made.lines().map(str::to_owned).collect()
    };
    (format!("{}:/usr/bin:/bin", bin.display()), read)
}

fn service(home: &Path, user: &Path, path: &str, what: &[&str]) -> Command {
    let mut command = program(home);
    command.args(["--home"]).arg(home).args(["service", "--manager", "systemd"]).args(what);
    command.env("XDG_CONFIG_HOME", user.join("config")).env("PATH", path);
    command
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_written_started_renewed_and_removed() {
    let world = World::new(1).await;
    let user = tempfile::tempdir().unwrap();
    let home = user.path().join("my bots 100%");
    std::fs::create_dir_all(home.join("profiles")).unwrap();
    std::fs::copy(world.home.path().join("profiles/b0.yaml"), home.join("profiles/b0.yaml")).unwrap();
    let (path, calls) = fake_systemctl(user.path(), 0);
    let run = |what: &[&str]| {
        let (code, stdout, stderr) = output(&mut service(&home, user.path(), &path, what));
        assert_eq!(code, 0, "{what:?}: {stderr}");
        value(&stdout)
    };
    let planned = run(&["install", "--dry-run"]);
    assert_eq!((calls(), user.path().join("config").exists()), (Vec::new(), false));

    let installed = run(&["install"]);
    let name = installed["name"].as_str().unwrap().to_owned();
    let unit = user.path().join(format!("config/systemd/user/{name}.service"));
    assert_eq!(installed["path"], unit.display().to_string());
    let text = std::fs::read_to_string(&unit).unwrap();
    assert_eq!(planned["text"], text);
    let quoted = format!("--home \"{}\"", home.canonicalize().unwrap().display()).replace('%', "%%");
    assert!(text.contains(&quoted), "{text}");
    let start = [
        "--user daemon-reload".to_owned(),
        "--user daemon-reload".to_owned(),
        format!("--user enable {name}.service"),
        format!("--user start --no-block {name}.service"),
    ];
    assert_eq!(calls(), start);

    assert_eq!(run(&["install"])["changed"], false);
    assert_eq!(calls(), start, "what runs unchanged is left running");
    std::fs::write(&unit, "[Service]\n").unwrap();
    assert_eq!(run(&["install"])["changed"], true);
    assert_eq!(calls()[3], format!("--user restart --no-block {name}.service"));

    let status = run(&["status"]);
    assert_eq!((&status["installed"], &status["active"]), (&Value::from(true), &Value::from("active")));
    calls();
    assert_eq!(run(&["remove"])["removed"], true);
    assert_eq!(calls()[1], format!("--user disable --now {name}.service"));
    assert!(!unit.exists());
    assert_eq!(run(&["remove"])["removed"], false);
    assert_eq!(run(&["status"])["installed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_manager_or_beside_a_supervisor_nothing_is_written() {
    let world = World::new(1).await;
    let user = tempfile::tempdir().unwrap();
    let (path, _calls) = fake_systemctl(user.path(), 1);
    let empty = user.path().join("empty");
    for (path, said) in
        [(path.as_str(), "Failed to connect to bus"), (empty.to_str().unwrap(), "cannot be run")]
    {
        let (code, stdout, stderr) = output(&mut service(world.home.path(), user.path(), path, &["install"]));
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        let error = value(&stderr)["error"].clone();
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("rooma up"), "{error}");
    }
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let (code, _, stderr) = output(&mut service(world.home.path(), user.path(), &path, &["install"]));
    assert_eq!(code, 7, "{stderr}");
    assert!(!user.path().join("config").exists());
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_hears_when_all_are_connected_or_parked_and_when_it_stops() {
    let world = World::new(2).await;
    let apps = world.sandbox.apps();
    world.write_profile("b1", &apps[1].app_id, "wrong");
    let path = world.home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut buffer = [0; 256];
        let read = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    };
    let mut child = world
        .command(&["monitor", "--detached"])
        .env("NOTIFY_SOCKET", &path)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(hear(), "READY=1\nSTATUS=1 of 2 profiles connected\n");
    let (_, stdout, _) = output(&mut world.command(&["status"]));
    assert_eq!(value(&stdout)["profiles"][1]["state"], "parked");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    assert_eq!(hear(), "STOPPING=1\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A `loginctl` beside the `systemctl`.
fn fake_loginctl(folder: &Path, said: &str) {
    let path = folder.join("bin/loginctl");
    std::fs::write(&path, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_would_lack_is_said_at_its_installation() {
    let world = World::new(1).await;
    let app = &world.sandbox.apps()[0];
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {{env: ONLY_HERE}}\nbase_url: {}\n",
        app.app_id,
        world.sandbox.base_url()
    );
    world.write("profiles/b0.yaml", &profile);
    let user = tempfile::tempdir().unwrap();
    let (path, _calls) = fake_systemctl(user.path(), 0);
    let warnings = |what: &[&str]| {
        let mut command = service(world.home.path(), user.path(), &path, what);
        command.env("ONLY_HERE", &app.app_secret).env("HTTPS_PROXY", "http://127.0.0.1:9");
        command.env("XDG_RUNTIME_DIR", user.path());
        let (code, stdout, stderr) = output(&mut command);
        assert_eq!(code, 0, "{stderr}");
        let value = value(&stdout);
        assert_eq!(value["ok"], true);
        value.get("warnings").map(|warnings| warnings.to_string()).unwrap_or_default()
    };
    fake_loginctl(user.path(), "Linger=no");
    for what in [&["install", "--dry-run"][..], &["install"]] {
        let said = warnings(what);
        for wanted in ["ONLY_HERE", ".env", "loginctl enable-linger", "HTTPS_PROXY"] {
            assert!(said.contains(wanted), "{what:?}: {wanted}: {said}");
        }
        assert!(!said.contains(&app.app_secret) && !said.contains("127.0.0.1:9"), "{said}");
    }
    fake_loginctl(user.path(), "Linger=yes");
    world.write(".env", &format!("ONLY_HERE={}\nHTTPS_PROXY=http://127.0.0.1:9\n", app.app_secret));
    assert_eq!(warnings(&["install"]), "");
}
