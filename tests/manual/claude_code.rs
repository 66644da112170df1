//! The files that Claude Code reads, as its documentation asks for them: settings and hooks
//! (https://code.claude.com/docs/en/hooks), the plugin (…/plugins-reference) and its marketplace
//! (…/plugin-marketplaces).

use std::process::Command;

use serde_json::Value;

use super::commands::Program;
use super::{root, text};

const SETTINGS: &str = ".claude/settings.local.json.example";
const HOOKS: &str = ".claude/hooks/hooks.json";
const PLUGIN: &str = ".claude/.claude-plugin/plugin.json";
const MARKETPLACE: &str = ".claude-plugin/marketplace.json";

/// What all SessionEnd hooks together have, unless a settings file says more.
const SESSION_END_S: f64 = 1.5;

/// What settings can ask for at most.
const SESSION_END_MAX_S: u64 = 60;

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_kebab(name: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.split('-').all(part)
}

/// A hook: its event, the values it is called for, its command and its time-out.
struct Hook {
    event: String,
    matcher: Vec<String>,
    command: String,
    timeout: u64,
}

fn hooks(path: &str) -> Vec<Hook> {
    let file = json(path);
    let mut found = Vec::new();
    for (event, groups) in file["hooks"].as_object().unwrap() {
        for group in groups.as_array().unwrap() {
            assert!(keys(group).iter().all(|key| ["matcher", "hooks"].contains(key)), "{path}: {group}");
            let matcher = group["matcher"].as_str().unwrap_or_default();
            for hook in group["hooks"].as_array().unwrap() {
                assert_eq!((hook["type"].as_str(), keys(hook).len()), (Some("command"), 3), "{path}: {hook}");
                found.push(Hook {
                    event: event.clone(),
                    matcher: matcher
                        .split('|')
                        .filter(|value| !value.is_empty())
                        .map(str::to_owned)
                        .collect(),
                    command: hook["command"].as_str().unwrap().to_owned(),
                    timeout: hook["timeout"].as_u64().unwrap(),
                });
            }
        }
    }
    found
}

#[test]
fn each_hook_is_wired_to_its_event() {
    let values = |event: &str| -> &[&str] {
        match event {
            "SessionStart" => &["startup", "resume", "clear", "compact", "fork"],
            // Not those after which the agent goes on.
            "SessionEnd" => &["logout", "prompt_input_exit", "bypass_permissions_disabled", "other"],
            "Stop" => &[],
            other => panic!("no hook for {other} earns its place"),
        }
    };
    let mut program = Program::default();
    for path in [SETTINGS, HOOKS] {
        let hooks = hooks(path);
        assert_eq!(hooks.len(), 3, "{path}");
        for hook in hooks {
            assert_eq!(hook.matcher, values(&hook.event), "{path}: {}", hook.event);
            assert_eq!(program.complaint(&hook.command), None, "{path}: {}", hook.command);
            let verb = match hook.event.as_str() {
                "SessionStart" => "session-start",
                "SessionEnd" => "session-end",
                _ => "stop",
            };
            assert!(hook.command.starts_with(&format!("rooma hook {verb}")), "{path}: {}", hook.command);
            assert!((1..=SESSION_END_MAX_S).contains(&hook.timeout), "{path}");
        }
    }
}

/// Saying farewell without a supervisor ends before Claude Code ends the hook, or nobody hears what was not said.
#[test]
fn a_farewell_has_less_time_than_its_hook() {
    let seconds = |command: &str| -> Option<f64> {
        command.split_once("--timeout ")?.1.strip_suffix('s')?.parse().ok()
    };
    let end = |path: &str| hooks(path).into_iter().find(|hook| hook.event == "SessionEnd").unwrap();
    let settings = end(SETTINGS);
    assert!(seconds(&settings.command).unwrap() < settings.timeout as f64);
    // A plugin cannot ask for more, so its hook takes the default.
    let plugin = end(HOOKS);
    assert_eq!((seconds(&plugin.command), plugin.command.as_str()), (None, "rooma hook session-end"));
    let help =
        Command::new(env!("CARGO_BIN_EXE_rooma")).args(["hook", "session-end", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let default = help.split("[default: ").nth(1).unwrap().split("s]").next().unwrap();
    assert!(default.parse::<f64>().unwrap() < SESSION_END_S, "{default}");
}

#[test]
fn settings_and_hooks_have_the_keys_that_are_read() {
    assert_eq!(keys(&json(SETTINGS)), ["hooks"]);
    assert_eq!(keys(&json(HOOKS)), ["description", "hooks"]);
}

#[test]
fn the_plugin_is_one_that_can_be_installed() {
    let plugin = json(PLUGIN);
    let known = ["name", "version", "description", "author", "license", "keywords"];
    assert!(keys(&plugin).iter().all(|key| known.contains(key)), "{plugin}");
    assert!(is_kebab(plugin["name"].as_str().unwrap()));
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(plugin["license"], env!("CARGO_PKG_LICENSE"));
    assert!(plugin["author"]["name"].is_string() && plugin["description"].is_string());
    // Its parts lie where they are looked for, so that none is named, and the skill is there once.
    for part in ["skills/rooma/SKILL.md", "hooks/hooks.json"] {
        assert!(root().join(".claude").join(part).is_file(), "{part}");
    }
    assert!(!root().join(".claude/CLAUDE.md").exists(), "it is not read as a part of a plugin");
}

#[test]
fn the_marketplace_leads_to_the_plugin() {
    let marketplace = json(MARKETPLACE);
    assert_eq!(keys(&marketplace), ["metadata", "name", "owner", "plugins"]);
    assert!(is_kebab(marketplace["name"].as_str().unwrap()));
    assert!(marketplace["owner"]["name"].is_string());
    assert_eq!(marketplace["metadata"]["version"], env!("CARGO_PKG_VERSION"));
    let plugins = marketplace["plugins"].as_array().unwrap();
    assert_eq!(plugins.len(), 1);
    let source = plugins[0]["source"].as_str().unwrap();
    assert!(source.starts_with("./") && !source.contains(".."), "{source}");
    let manifest = format!("{}/.claude-plugin/plugin.json", source.trim_start_matches("./"));
    assert_eq!(json(&manifest)["name"], plugins[0]["name"]);
    assert_eq!(json(&manifest)["description"], plugins[0]["description"]);
}

/// The real files, with what is private in them, stay out of the repository; their examples are in it.
#[test]
fn private_files_are_ignored() {
    let ignored = |path: &str| {
        let mut git = Command::new("git");
        let status =
            git.args(["check-ignore", "-q", "--no-index", path]).current_dir(root()).status().unwrap();
        assert!(status.code().is_some_and(|code| code < 2), "this check needs a git checkout");
        status.success()
    };
    for path in [
        ".claude/settings.local.json",
        ".env",
        "data/journal.db",
        "data/alice/active_session.json",
        "profiles/alice.yaml",
        "config/contacts.yaml",
    ] {
        assert!(ignored(path), "{path}");
    }
    for path in [SETTINGS, HOOKS, PLUGIN, MARKETPLACE, ".env.example", "profiles/bob.yaml.example"] {
        assert!(!ignored(path), "{path}");
    }
}
