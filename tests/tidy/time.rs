//! A test that fails because the machine is busy says nothing: what always runs asserts no absolute time. A promise of speed
//! is a figure, which is `#[ignore]`d and run by hand.

use std::path::Path;

use super::root;

/// What is no promise of speed, by a piece of its code, and why.
const ACCEPTED: [(&str, &str, &str); 2] = [
    ("tests/faults/storm.rs", "let in_millis = |millis|", "when a fault is to end"),
    ("tests/faults/storm.rs", "let until = Instant::now() + time;", "how long the storm lasts"),
];

/// Deadlines that end what has no end of its own.
const PATIENT: [&str; 3] = ["PATIENCE", "HANG_WHEN_BUSY", "SETTLE"];

#[derive(Debug)]
struct Offence {
    path: String,
    code: String,
}

#[test]
fn no_test_that_always_runs_asserts_an_absolute_time() {
    let mut offences = Vec::new();
    let mut seen = 0;
    for (path, text) in tests() {
        seen += 1;
        offences.extend(hasty(&text).into_iter().map(|code| Offence { path: path.clone(), code }));
    }
    assert!(seen > 80, "the tests were not found");
    let accepted = |offence: &Offence| {
        ACCEPTED.iter().any(|(path, code, _)| offence.path == *path && offence.code.contains(code))
    };
    let unused = ACCEPTED.iter().filter(|(path, code, _)| {
        !offences.iter().any(|offence| offence.path == *path && offence.code.contains(code))
    });
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&(&str, &str, &str)>::new(), "accepted in vain");
    offences.retain(|offence| !accepted(offence));
    assert!(
        offences.is_empty(),
        "an upper bound of what was measured, or a deadline below PATIENCE: {offences:#?}"
    );
}

#[test]
fn what_measures_the_machine_is_found() {
    for hasty_one in [
        "assert!(begun.elapsed() < Duration::from_secs(3));",
        "assert!(begun.elapsed().as_millis() <= 300, \"{x}\");",
        "let took = begun.elapsed();\nassert!(\n    heard\n        && took < LIMIT,\n);",
        "assert!(ran.took < LIMIT, \"{:?}\", ran.took);",
        "assert!(LIMIT > begun.elapsed());",
        "assert!((900..5000).contains(&began.elapsed().as_millis()));",
        "let deadline = Instant::now() + Duration::from_secs(5);",
        "timeout(SOON, next()).await.expect(\"in time\");",
    ] {
        let test = |attribute: &str| format!("#[test]\n{attribute}fn figure() {{\n{hasty_one}\n}}\n");
        assert_eq!(hasty(&test("")).len(), 1, "{hasty_one}");
        assert_eq!(hasty(&test("#[ignore = \"a figure\"]\n")), Vec::<String>::new(), "{hasty_one}");
    }
    for patient in [
        "assert!(begun.elapsed() >= Duration::from_millis(300));",
        "let deadline = Instant::now() + crate::support::PATIENCE;",
        "assert!(Instant::now() < deadline);",
        "assert!(timeout(QUIET, next()).await.is_err());",
        "assert!(fourth < 4 * first);",
    ] {
        assert_eq!(hasty(&format!("fn test() {{\n{patient}\n}}\n")), Vec::<String>::new());
    }
}

/// Path and text of each file of tests, and of what is tests in the sources.
fn tests() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join("tests"), &mut files);
    collect(&root().join("src"), &mut files);
    let tests = files.into_iter().filter_map(|(path, text)| {
        // This file shows what is refused.
        let whole = path.starts_with("tests/") && path != "tests/tidy/time.rs";
        let whole = whole || path.ends_with("tests.rs") || path.contains("/tests/");
        let inner = text.split_once("#[cfg(test)]").map(|(_, tests)| tests.to_owned());
        let text = if whole { Some(text) } else { inner.filter(|_| path.starts_with("src/")) };
        Some((path, text?))
    });
    tests.collect()
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.ends_with("node_modules") || path.ends_with(".venv") {
                continue;
            }
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Statements outside figures that promise a speed.
fn hasty(text: &str) -> Vec<String> {
    let statements = statements(text);
    let measured: Vec<&str> = statements
        .iter()
        .filter(|code| code.contains(".elapsed()"))
        .filter_map(|code| code.strip_prefix("let ")?.split_once(" = ").map(|(name, _)| name))
        .collect();
    let hasty = statements.iter().filter(|code| bounds(code, &measured) || hurries(code));
    hasty.map(|code| (*code).clone()).collect()
}

/// What stands outside `#[ignore]`d functions, each on one line.
fn statements(text: &str) -> Vec<String> {
    let (mut figure, mut ignored) = (false, false);
    let mut statements = vec![String::new()];
    for line in text.lines().map(|line| line.split("// ").next().unwrap_or_default()) {
        ignored |= line.trim_start().starts_with("#[ignore");
        if ["fn ", "async fn ", "pub fn ", "pub async fn "]
            .iter()
            .any(|begin| line.trim_start().starts_with(begin))
        {
            (figure, ignored) = (ignored, false);
        }
        if figure {
            continue;
        }
        let line = line.trim();
        let last = statements.last_mut().unwrap();
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(line);
        if line.ends_with([';', '{', '}']) {
            statements.push(String::new());
        }
    }
    statements
}

/// Asserts that something which was measured is short.
fn bounds(code: &str, measured: &[&str]) -> bool {
    let (condition, _) = code.split_once(", \"").unwrap_or((code, ""));
    let names =
        |name: &&str| condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *name);
    let time = condition.contains(".elapsed()") || condition.contains(".took") || measured.iter().any(names);
    let lower = condition.contains(".elapsed() >") || condition.contains(".elapsed().as_millis() >");
    let compares = [" < ", " <= ", " > ", " >= ", ".contains("].iter().any(|sign| condition.contains(sign));
    code.starts_with("assert") && time && compares && !lower
}

/// Gives what has to come less than all the patience there is.
fn hurries(code: &str) -> bool {
    let deadline = code.split_once("Instant::now() + ").map(|(_, rest)| rest);
    let waits = code.split_once("timeout(").map(|(_, rest)| rest);
    let expected = |_: &&str| code.contains(".expect(") || code.contains(".unwrap()");
    let until = deadline.or(waits.filter(expected));
    until.is_some_and(|until| !PATIENT.iter().any(|name| until.contains(name)))
}
