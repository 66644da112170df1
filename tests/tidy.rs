//! The invariants of the code, each an absence. What the map in `lib.rs` promises is checked here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/platforms.rs"]
mod platforms;
#[path = "tidy/sandbox.rs"]
mod sandbox;
#[path = "tidy/time.rs"]
mod time;

use std::path::{Path, PathBuf};

/// A source file: its path below the repository and its code without comments.
struct Source {
    path: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    assert!(sources.len() > 60, "the sources were not found");
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    collect_text(folder, &mut |path, text| {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        sources.push(Source { path: path.to_owned(), code: code.join("\n") });
    });
}

/// Path and text of each source file but those of tests.
fn collect_text(folder: &Path, take: &mut dyn FnMut(&str, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            collect_text(&path, take);
        } else if path.is_file()
            && path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            take(&path.strip_prefix(root()).unwrap().display().to_string(), &text);
        }
    }
}

/// `word` where it is not a part of a longer name.
fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Fails for each file outside `allowed` that names one of `words`.
fn only(words: &[&str], allowed: &[&str]) {
    let mut offenders = Vec::new();
    for source in sources() {
        let named = words.iter().filter(|word| names(&source.code, word));
        if !allowed.iter().any(|place| source.path.starts_with(place)) {
            offenders.extend(named.map(|word| format!("{} names {word}", source.path)));
        }
    }
    assert_eq!(offenders, Vec::<String>::new(), "allowed in {allowed:?} only");
}

/// Fails for each file of `places` that names one of `words`.
fn never(words: &[&str], places: &[&str]) {
    let mut offenders = Vec::new();
    let mut seen = 0;
    for source in sources().iter().filter(|source| places.iter().any(|place| source.path.starts_with(place)))
    {
        seen += 1;
        offenders.extend(
            words
                .iter()
                .filter(|word| names(&source.code, word))
                .map(|word| format!("{} names {word}", source.path)),
        );
    }
    assert!(seen >= places.len(), "a place of {places:?} is gone");
    assert_eq!(offenders, Vec::<String>::new());
}

const IO: [&str; 10] = [
    "tokio",
    "ractor",
    "reqwest",
    "tokio_tungstenite",
    "rusqlite",
    "std::fs",
    "std::env",
    "TcpStream",
    "Clock",
    "SystemTime",
];

#[test]
fn pure_code_names_no_io() {
    never(&IO, &["src/core/", "src/event/"]);
    let adapter = [
        "frame.rs",
        "reassembly.rs",
        "session.rs",
        "session/",
        "normalize.rs",
        "normalize/",
        "content.rs",
        "rich/",
        "system.rs",
        "mention.rs",
        "wire.rs",
        "tidy.rs",
        "time.rs",
        "repair.rs",
        "codes.rs",
        "known.rs",
        "endpoint.rs",
        "url.rs",
        "address.rs",
        "compose.rs",
        "parts.rs",
        "split.rs",
        "past.rs",
        "files.rs",
        "emoji.rs",
    ];
    let adapter: Vec<String> = adapter.iter().map(|file| format!("src/transport/feishu/{file}")).collect();
    never(&IO, &adapter.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn only_an_adapter_knows_how_its_platform_says_something() {
    only(
        &["Composed", "compose", "zh_cn", "lark_md"],
        &["src/transport/feishu", "src/sandbox/", "src/cli/files/names.rs"],
    );
}

/// What readers ask of a line is known before it is rendered.
#[test]
fn nobody_looks_into_a_rendered_line() {
    let mut found = Vec::new();
    for source in sources() {
        let searches = source.code.contains("instr(") && source.path != "src/journal/tables.rs";
        let parses = source.code.contains("from_str(&format!(\"{{{") && source.path != "src/event/render.rs";
        found.extend((searches || parses).then_some(source.path));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn each_crate_has_its_place() {
    only(&["ractor"], &["src/supervisor/"]);
    only(&["serde_yaml"], &["src/config/"]);
    only(&["backoff::ExponentialBackoff", "backoff::backoff"], &["src/core/"]);
    only(&["prost"], &["src/transport/", "src/sandbox/"]);
    only(&["axum"], &["src/sandbox/"]);
    only(&["rusqlite"], &["src/journal/"]);
    only(&["tokio_tungstenite"], &["src/transport/"]);
}

#[test]
fn folders_of_a_home_are_made_in_one_place() {
    never(&["create_dir", "create_dir_all"], &["src/journal/", "src/supervisor/", "src/transport/"]);
}

#[test]
fn stdout_has_two_writers() {
    only(&["io::stdout", "stdio::stdout"], &["src/cli/print.rs"]);
    only(&["rustix::io::write"], &["src/supervisor/outlet.rs", "src/cli/print.rs"]);
}

#[test]
fn nothing_outside_an_adapter_names_its_types() {
    only(&["feishu::Account", "transport::feishu"], &["src/transport/"]);
    never(&["transport::feishu"], &["src/transport/mod.rs", "src/transport/net.rs"]);
}

#[test]
fn the_sandbox_does_not_share_the_client_s_code() {
    never(&["crate::transport"], &["src/sandbox/"]);
}

/// The repository speaks of the project alone.
#[test]
fn no_tracked_text_names_a_machine() {
    let listed = std::process::Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    // Without a list there is nothing to look at, and nothing would be found.
    assert!(listed.status.success() && !listed.stdout.is_empty(), "this check needs a git checkout");
    let mut offenders = Vec::new();
    for path in String::from_utf8(listed.stdout).unwrap().lines() {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/w", "t-")];
        if places.iter().any(|place| text.contains(place)) {
            offenders.push(path.to_owned());
        }
    }
    assert_eq!(offenders, Vec::<String>::new());
}
