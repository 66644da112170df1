//! Every line type of the manual exists, and the manual knows every one there is.

use std::collections::BTreeSet;
use std::process::Command;

use super::{code, documents, manual, text};

/// The types that `rooma schema` describes.
fn types() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_rooma")).arg("schema").output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = schema["oneOf"].as_array().unwrap();
    lines.iter().map(|line| line["title"].as_str().unwrap().to_owned()).collect()
}

/// Words like `rooma.parked` and `message.read`, in code and in the lines that are shown.
fn named(code: &str, types: &BTreeSet<String>) -> Vec<String> {
    let families: BTreeSet<&str> =
        types.iter().filter_map(|name| name.split_once('.')).map(|(head, _)| head).collect();
    let words = code.split(|c: char| {
        !c.is_ascii_lowercase() && !c.is_ascii_digit() && !matches!(c, '.' | '_' | '*' | '/' | ':')
    });
    let words = words.filter(|word| {
        let mut parts = word.split('.');
        let (family, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        families.contains(family) && !kind.is_empty() && parts.next().is_none() && !word.contains(['/', ':'])
    });
    words.map(str::to_owned).collect()
}

/// Files that look like a type.
const FILES: [&str; 4] = ["rooma.yaml", "rooma.sock", "rooma.plist", "rooma.service"];

#[test]
fn every_type_that_is_named_exists() {
    let types = types();
    let (mut unknown, mut count) = (Vec::new(), 0);
    for document in documents() {
        for code in code(&text(&document)) {
            for name in named(&code, &types).into_iter().filter(|name| !FILES.contains(&name.as_str())) {
                count += 1;
                let exists = match name.strip_suffix('*') {
                    Some(family) => types.iter().any(|known| known.starts_with(family)),
                    None => types.contains(&name),
                };
                if !exists {
                    unknown.push(format!("{document}: {name}"));
                }
            }
        }
    }
    assert!(count > 60, "the types were not found: {count}");
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn the_manual_says_what_each_type_asks_for() {
    let told: BTreeSet<String> = manual().iter().flat_map(|path| code(&text(path))).collect();
    let untold: Vec<String> = types().into_iter().filter(|name| !told.contains(name)).collect();
    assert_eq!(untold, Vec::<String>::new());
}
