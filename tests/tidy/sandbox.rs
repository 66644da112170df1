//! The sandbox's world is any platform's. What one of them is like stands in its folder beside it.

use super::{Source, names, sources};

/// Beginnings of Feishu's ids, in identifiers and in literals.
const PREFIXES: [&str; 6] = ["ou_", "oc_", "om_", "omt_", "cli_", "im:"];
/// The same without a beginning.
const WORDS: [&str; 6] = ["open_id", "union_id", "interactive", "receive_v1", "zh_cn", "open-apis"];

fn shared(source: &Source) -> bool {
    source.path.starts_with("src/sandbox/") && !source.path.starts_with("src/sandbox/feishu")
}

/// `prefix` where a name or a literal begins with it.
fn begins(code: &str, prefix: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(prefix).any(|(at, _)| !code[..at].chars().next_back().is_some_and(part))
}

fn named(code: &str) -> Vec<&'static str> {
    let prefixes = PREFIXES.into_iter().filter(|prefix| begins(code, prefix));
    prefixes.chain(WORDS.into_iter().filter(|word| names(code, word))).collect()
}

#[test]
fn what_platforms_share_names_none_of_them() {
    let sources = sources();
    let seen: Vec<&Source> = sources.iter().filter(|source| shared(source)).collect();
    assert!(seen.len() > 20, "the sources were not found");
    let found: Vec<(&str, Vec<&str>)> =
        seen.iter().map(|source| (source.path.as_str(), named(&source.code))).collect();
    let found: Vec<_> = found.into_iter().filter(|(_, words)| !words.is_empty()).collect();
    assert_eq!(found, Vec::<(&str, Vec<&str>)>::new());
}

/// Only the list of what the sandbox offers names a platform.
#[test]
fn what_platforms_share_uses_none_of_them() {
    for source in sources().iter().filter(|source| shared(source) && source.path != "src/sandbox/mod.rs") {
        assert!(!names(&source.code, "feishu"), "{}", source.path);
    }
}

#[test]
fn a_platform_that_is_named_is_found() {
    assert_eq!(named("format!(\"ou_{}\", id)"), ["ou_"]);
    assert_eq!(named("let om_1 = 2;"), ["om_"]);
    assert_eq!(named("pub open_id: String,"), ["open_id"]);
    assert_eq!(named("&[\"im:message\"]"), ["im:"]);
    assert!(named("let from_zoom_ = boom_ + loc_;").is_empty());
}
