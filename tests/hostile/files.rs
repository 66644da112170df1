//! Files on their way out and in: whatever they are called, wherever a name leads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rooma::sandbox::{Options, Say};
use serde_json::Value;

use crate::support::{World, options};
use crate::table::{Table, in_full};

fn received(world: &World, name: &str) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        file: Some(name.into()),
        text: Some("theirs".into()),
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

fn paths(stdout: &str) -> Vec<PathBuf> {
    let answer: Value = serde_json::from_str(stdout).unwrap_or_else(|_| panic!("{stdout}"));
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| PathBuf::from(item["path"].as_str().unwrap())).collect()
}

/// Everything that lies in a folder, by its path there.
fn all(folder: &Path) -> Vec<PathBuf> {
    let (mut left, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(here) = left.pop() {
        for entry in std::fs::read_dir(here).into_iter().flatten().flatten() {
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_name_for_a_file_gives_nobody_orders() {
    let world = World::new(1).await;
    let work = tempfile::tempdir().unwrap();
    let mut table = Table::new("names of downloads", world.home.path());
    for name in [
        "CLAUDE.md",
        "agents.md",
        ".bashrc",
        ".env",
        "../../profiles/evil.yaml",
        "..\\..\\CLAUDE.md",
        "Makefile",
        "CLAUDE.md\u{200E}",
        "CLA\u{200B}UDE.md",
        "a\u{202E}dm.exe",
        "/etc/passwd",
        "..",
        " ",
        "-rf",
        "a\nb",
        "\u{1b}]0;x\u{7}.txt",
        &"x".repeat(4000),
        "con",
        "报告.docx",
    ] {
        let id = received(&world, name);
        let home = world.home.path().to_str().unwrap();
        for out in [&[][..], &["--out", "inbox"]] {
            let mut command = world.command(&["--home", home, "download", "--message-id", &id]);
            let ran = table.run(name, command.args(out).current_dir(work.path()));
            assert_eq!(ran.code, 0, "{name:?}: {}", ran.stderr);
            for path in paths(&ran.stdout) {
                let path = work.path().join(path);
                let folder = match out {
                    [] => world.home.path().join("data/b0/downloads").join(&id),
                    _ => work.path().join("inbox"),
                };
                assert_eq!(path.parent(), Some(folder.as_path()), "{name:?}");
                assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
                let saved = path.file_name().unwrap().to_str().unwrap().to_lowercase();
                assert!(!saved.starts_with(['.', '-']), "{saved}");
                assert!(!["claude.md", "agents.md", "makefile"].contains(&saved.as_str()), "{saved}");
                assert!(!saved.chars().any(char::is_control) && !saved.contains('\u{202E}'), "{saved:?}");
            }
        }
    }
    let in_work = all(work.path());
    assert!(in_work.iter().all(|path| path.starts_with(work.path().join("inbox"))), "{in_work:?}");
    assert_eq!(all(&world.home.path().join("profiles")).len(), 1);
    // Who wants it has it as it is, and may send on what came.
    let id = received(&world, "CLAUDE.md");
    let kept = ["download", "--message-id", &id, "--out", "kept", "--keep-names"];
    assert_eq!(
        paths(&table.run("kept", &mut world.command(&kept)).stdout),
        [PathBuf::from("kept/CLAUDE.md")]
    );
    let path = paths(&table.run("by itself", &mut world.command(&["download", "--message-id", &id])).stdout);
    let path = path[0].to_str().unwrap().to_owned();
    let sent = table.run("sent on", &mut world.command(&["file", "--chat", "lobby", "--path", &path]));
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    table.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_folder_of_ours_takes_a_download_by_any_way() {
    let world = World::new(1).await;
    let home = world.home.path().to_owned();
    let mut table = Table::new("folders of downloads", &home);
    std::os::unix::fs::symlink("profiles", home.join("link")).unwrap();
    std::fs::create_dir_all(home.join("inbox")).unwrap();
    std::os::unix::fs::symlink(home.join("config"), home.join("inbox/link")).unwrap();
    let id = received(&world, "evil.yaml");
    world.command(&["chats"]).output().unwrap();
    let before = all(&home);
    let absolute = home.join("profiles").to_str().unwrap().to_owned();
    for out in [
        "profiles",
        "missing/../profiles",
        "missing/../data",
        "missing/deep/../../config",
        "link",
        "link/new",
        "inbox/link",
        "inbox/link/../profiles",
        "inbox/../data/b0/new",
        "./profiles/./x",
        "data",
        &absolute,
    ] {
        let ran = table.run(out, &mut world.command(&["download", "--message-id", &id, "--out", out]));
        assert!(matches!(ran.code, 2 | 6), "{out}: {} {}", ran.code, ran.stderr);
        assert_eq!(all(&home), before, "{out}");
        assert!(!home.join("missing").exists(), "{out}");
    }
    table.finish();
}

/// Ends the swapping, also where a try fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Somebody else swaps a folder for a link to our home while files are sent from it and saved to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_swapped_meanwhile_leads_nowhere_else() {
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    let home = world.home.path().to_owned();
    world.write(".env", "SECRET=ours\n");
    let theirs = tempfile::tempdir().unwrap();
    let place = theirs.path().join("place");
    std::fs::create_dir(&place).unwrap();
    for name in [".env", "b0.yaml"] {
        std::fs::write(place.join(name), "theirs\n").unwrap();
    }
    std::fs::create_dir(theirs.path().join("inbox")).unwrap();
    let id = received(&world, "evil.yaml");
    let over = AtomicBool::new(false);
    let tries = if in_full() { 1000 } else { 40 };
    let mut table = Table::new("swapped folders", &home);
    let mut sent = Vec::new();
    std::thread::scope(|threads| {
        let _over = Over(&over);
        threads.spawn(|| {
            let swap = |name: &str, target: &Path| {
                let (here, aside) = (theirs.path().join(name), theirs.path().join(format!("{name}.aside")));
                std::fs::rename(&here, &aside).unwrap();
                // The program makes a folder that is missing, so it may be there again at any moment.
                if std::os::unix::fs::symlink(target, &here).is_ok() {
                    std::fs::remove_file(&here).unwrap();
                }
                while std::fs::rename(&aside, &here).is_err() {
                    let _ = std::fs::remove_dir_all(&here);
                }
            };
            while !over.load(Ordering::Acquire) {
                swap("place", &home);
                swap("inbox", &home.join("profiles"));
            }
        });
        let file = place.join(".env");
        let inbox = theirs.path().join("inbox");
        for _ in 0..tries {
            let file = ["file", "--chat", "lobby", "--path", file.to_str().unwrap(), "--name", "x"];
            let ran = table.run("file", &mut world.command(&file));
            assert!(matches!(ran.code, 0 | 2 | 6), "{} {}", ran.code, ran.stderr);
            if let Ok(posted) = serde_json::from_str::<Value>(&ran.stdout) {
                sent.push(posted["message_id"].as_str().unwrap().to_owned());
            }
            let save = ["download", "--message-id", &id, "--out", inbox.to_str().unwrap()];
            let ran = table.run("download", &mut world.command(&save));
            assert!(matches!(ran.code, 0 | 2 | 5 | 6), "{} {}", ran.code, ran.stderr);
        }
    });
    assert_eq!(all(&home.join("profiles")).len(), 1, "a stranger's file became a profile");
    for id in &sent {
        let ran = table
            .run("what was sent", &mut world.command(&["download", "--message-id", id, "--out", "sent"]));
        let path = home.join(&paths(&ran.stdout)[0]);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "theirs\n", "ours left in {} files", sent.len());
    }
    assert!(!sent.is_empty());
    table.finish();
}

/// Names that show less than they hold, wherever one can be given.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_an_error_shows_what_is_in_it() {
    let world = World::new(1).await;
    let mut table = Table::new("names in errors", world.home.path());
    world.write("profiles/\u{202e}x.yaml", "transport: feishu\n");
    world.write("config/contacts.yaml", "chats: {}\n\"a\\u202Eb\": 1\n");
    let bad = "x\u{202e}\u{200b}\u{1b}[2J\u{e0041}y";
    let home = world.home.path().join(bad);
    let at_file = format!("@{bad}");
    for arguments in [
        vec!["chats"],
        vec!["chats", "--profile", bad],
        vec!["--home", home.to_str().unwrap(), "chats"],
        vec!["send", "--chat", bad, "--text", "hi", "--profile", "b0"],
        vec!["send", "--chat", "lobby", "--text", &at_file, "--profile", "b0"],
        vec!["send", "--chat", "lobby", "--text", "hi", "--mention", bad, "--profile", "b0"],
        vec!["file", "--chat", "lobby", "--path", bad, "--profile", "b0"],
        vec!["message", "--message-id", bad, "--profile", "b0"],
        vec!["download", "--message-id", "om_1", "--out", bad, "--profile", "b0"],
        vec!["react", "--message-id", "om_1", "--emoji", bad, "--profile", "b0"],
        vec!["chats", "--jq", bad],
        vec!["chats", "--format", bad],
        vec![bad],
        vec!["watch", "--cursor", bad],
        vec!["watch", "--type", bad],
    ] {
        let ran = table.run(&format!("{arguments:?}"), &mut world.command(&arguments));
        assert_ne!(ran.code, 0, "{arguments:?}");
        let unseen = ran
            .stderr
            .trim_end()
            .chars()
            .find(|c| c.is_control() || "\u{202e}\u{200b}\u{e0041}".contains(*c));
        assert_eq!(unseen, None, "{arguments:?}: {}", ran.stderr);
    }
    let ran = table.run("a profile", &mut world.command(&["chats"]));
    assert!(ran.stderr.contains("u202ex.yaml") || ran.stderr.contains("u202eb"), "{}", ran.stderr);
    table.finish();
}
