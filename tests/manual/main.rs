//! What agents and their harness are told is what the program does: every command and every line type in the manual,
//! and the files that Claude Code reads.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod claude_code;
mod commands;
mod lines;
mod skill;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const SKILL: &str = ".claude/skills/rooma/SKILL.md";

/// The skill and what it refers to.
fn manual() -> Vec<String> {
    let folder = ".claude/skills/rooma/references";
    let names = std::fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<String> =
        names.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    assert!(paths.iter().all(|path| Path::new(path).extension().is_some_and(|extension| extension == "md")));
    paths.sort();
    paths.insert(0, SKILL.to_owned());
    paths
}

/// All that is read by an agent or by whoever sets one up.
fn documents() -> Vec<String> {
    let others = ["AGENTS.md", "README.md"].map(str::to_owned);
    manual().into_iter().chain(others).collect()
}

/// What a document sets in code: spans, and the lines of fenced blocks.
fn code(document: &str) -> Vec<String> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push(line.trim().to_owned());
        } else {
            // A table's cell writes `|` as `\|`.
            found.extend(line.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|")));
        }
    }
    assert!(!fenced, "a block has no end");
    found
}
