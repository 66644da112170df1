//! What one platform's ids look like, and what it calls things, is known to its adapter and its sandbox only.

use super::{collect_text, names, root};

/// Beginnings of Feishu's ids, in identifiers, in literals, and in help.
const PREFIXES: [&str; 4] = ["ou_", "oc_", "om_", "omt_"];

/// Places that may: the adapter, the sandbox's part of it, and the names that people gave to things long ago.
const ALLOWED: [&str; 3] = ["src/transport/feishu", "src/sandbox/feishu", "src/config/aliases.rs"];

/// Stored columns keep the names they were made with.
const STORED: [&str; 2] = ["src/journal/bots.rs", "src/journal/tables.rs"];

/// A key of version 1 keeps its name.
const KEPT: &str = "rename = \"open_id\"";

fn begins(text: &str, prefix: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(prefix).any(|(at, _)| !text[..at].chars().next_back().is_some_and(part))
}

/// What a line says of a platform. Comments for maintainers may say what they like; those of verbs are help.
fn said(path: &str, line: &str) -> Option<&'static str> {
    let (comment, help) = (line.trim_start().starts_with("//"), line.trim_start().starts_with("///"));
    if comment && !(help && path.starts_with("src/cli/")) {
        return None;
    }
    let prefix = PREFIXES.into_iter().find(|prefix| begins(line, prefix));
    let word =
        || (!STORED.contains(&path) && !line.contains(KEPT) && names(line, "open_id")).then_some("open_id");
    prefix.or_else(word).or_else(|| line.contains("FEISHU_").then_some("FEISHU_"))
}

#[test]
fn only_its_adapter_knows_what_a_platform_calls_things() {
    let mut found = Vec::new();
    let mut seen = 0;
    collect_text(&root().join("src"), &mut |path, text| {
        seen += 1;
        // What is only tested may be like any platform's.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let only_tests = ["src/supervisor/tree.rs", "src/supervisor/older.rs"].contains(&path);
        if !only_tests && !ALLOWED.iter().any(|allowed| path.starts_with(allowed)) {
            let lines = code.lines().filter_map(|line| Some((said(path, line)?, line.trim())));
            found.extend(lines.map(|(what, line)| format!("{path}: {what}: {line}")));
        }
    });
    assert!(seen > 200, "the sources were not found");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_a_platform_calls_things_is_found() {
    assert_eq!(said("src/cli/x.rs", "///   rooma send --chat oc_a0b1"), Some("oc_"));
    assert_eq!(said("src/core/x.rs", "/// like oc_a0b1"), None);
    assert_eq!(said("src/core/x.rs", "    pub open_id: String,"), Some("open_id"));
    assert_eq!(said("src/core/x.rs", "    #[serde(rename = \"open_id\")]"), None);
    assert_eq!(said("src/core/x.rs", "alias.starts_with(\"ou_\")"), Some("ou_"));
    assert_eq!(said("src/core/x.rs", "const X: &str = \"FEISHU_APP_ID\";"), Some("FEISHU_"));
    assert_eq!(said("src/core/x.rs", "let doc_ = zoom_;"), None);
}
