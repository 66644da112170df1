//! Secrets, tokens and tickets appear nowhere: every verb, every failure, at the most talkative level.

use std::path::Path;

use rooma::sandbox::{At, Fault, FaultKind};

use crate::support::{QUICK, World, output, program};

/// What the sandbox's credentials look like, beside the app secrets themselves.
const SHAPES: [&str; 4] = ["t-g1", "ticket=", "access_key=", "Bearer "];

#[tokio::test(flavor = "multi_thread")]
async fn no_output_and_no_file_holds_a_secret() {
    let world = World::new(3).await;
    let mut secrets: Vec<String> = world.sandbox.apps().into_iter().map(|app| app.app_secret).collect();
    secrets.push("wrong-secret-of-b2".to_owned());
    secrets.extend(SHAPES.map(str::to_owned));
    world.write_profile("b2", &world.sandbox.apps()[2].app_id, "wrong-secret-of-b2");

    world.write("config/rooma.yaml", &QUICK.replace('}', ", handshake_timeout: 2s}"));
    let mut seen = String::new();
    let monitor = world.monitor(&["-vvv", "--raw"]);
    monitor.connected(2).await;
    world.say("lobby", "hello");
    monitor.count("message", 2).await;
    let troubles = [
        Fault::new(FaultKind::Drop),
        Fault::new(FaultKind::Garbage),
        Fault::new(FaultKind::Truncated),
        Fault::new(FaultKind::TokenExpiry),
        Fault { count: Some(2), status: Some(500), ..Fault::new(FaultKind::Refuse) },
        Fault { count: Some(1), at: Some(At::Handshake), ..Fault::new(FaultKind::Stall) },
        Fault { count: Some(2), at: Some(At::Handshake), code: Some(514), ..Fault::new(FaultKind::Refuse) },
        Fault { count: Some(1), ..Fault::new(FaultKind::Oversized) },
        Fault::new(FaultKind::Close),
    ];
    for fault in troubles {
        world.sandbox.fault(fault).unwrap();
        world.sandbox.fault(Fault::new(FaultKind::Drop)).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    }
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let before = monitor.of_type("message").len();
    world.say("lobby", "still there");
    monitor.count("message", before + 2).await;
    let (lines, stderr) = monitor.terminate().await;
    assert!(stderr.contains("TRACE") || stderr.contains("DEBUG"), "the level had no effect: {stderr}");
    seen.push_str(&stderr);
    lines.iter().for_each(|line| seen.push_str(&line.to_string()));

    let home = world.home.path();
    for arguments in [
        &["-vvv", "schema"][..],
        &["-vvv", "demo"],
        &["-vvv", "monitor", "--profile", "nobody"],
        &["-vvv", "monitor", "--nonsense"],
        &["-vvv", "monitor", "--home", "/nonexistent"],
    ] {
        let (_, stdout, stderr) = output(program(home).args(arguments));
        seen.push_str(&stdout);
        seen.push_str(&stderr);
    }
    // The sandbox hands out its secrets on stdout: that is its task. Its log does not; here its port is taken.
    let base_url = world.sandbox.base_url();
    let port = base_url.rsplit(':').next().unwrap();
    let (code, _, stderr) = output(program(home).args(["-vvv", "sandbox", "--port", port]));
    assert_eq!(code, 4, "{stderr}");
    seen.push_str(&stderr);
    for secret in &secrets {
        assert!(!seen.contains(secret), "`{secret}` was printed");
        let mut holders = holders(&home.join("data"), secret);
        // A token is kept between commands, where only its owner reads it. The secret it came from is not.
        holders
            .retain(|path| !(secret.starts_with("t-") && path.ends_with("/token.json") && is_private(path)));
        assert_eq!(holders, Vec::<String>::new(), "`{secret}` was written");
    }
}

fn is_private(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o077 == 0
}

fn holders(folder: &Path, secret: &str) -> Vec<String> {
    let mut holders = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holders.extend(self::holders(&path, secret));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                holders.push(path.display().to_string());
            }
        }
    }
    holders
}
