//! Every command of the manual is one that the program takes.

use std::collections::BTreeMap;
use std::process::Command;

use super::{code, documents, text};

/// What the program says about its verbs, asked once each.
#[derive(Default)]
pub struct Program(BTreeMap<Vec<String>, Option<String>>);

impl Program {
    /// The help of a verb; `None` where there is none such.
    fn help(&mut self, verb: &[String]) -> Option<&str> {
        let ask = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_rooma"));
            let output = command.args(verb).arg("--help").output().unwrap();
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        };
        self.0.entry(verb.to_vec()).or_insert_with(ask).as_deref()
    }

    /// Verbs that stand in front of other verbs.
    fn has_verbs(&mut self, verb: &[String]) -> bool {
        self.help(verb).is_some_and(|help| help.contains("\nCommands:\n"))
    }

    /// What is wrong with a command as it is written down.
    pub fn complaint(&mut self, command: &str) -> Option<String> {
        let words = words(command);
        let mut rest = words.iter().map(String::as_str).peekable();
        let mut verbs: Vec<Vec<String>> = vec![Vec::new()];
        while let Some(word) = rest.peek() {
            let plain =
                |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let more = verbs.iter().all(|verb| verb.is_empty() || self.has_verbs(verb));
            if !more || word.starts_with('-') || !word.split('|').all(plain) {
                break;
            }
            let choices: Vec<&str> = word.split('|').collect();
            verbs = verbs
                .iter()
                .flat_map(|verb| {
                    choices.iter().map(|choice| [verb.clone(), vec![(*choice).to_owned()]].concat())
                })
                .collect();
            rest.next();
        }
        let flags: Vec<&str> = rest.filter(|word| word.starts_with('-') && *word != "-").collect();
        for verb in &verbs {
            let Some(help) = self.help(verb) else { return Some(format!("there is no verb {verb:?}")) };
            let known: Vec<&str> = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
            let unknown = flags.iter().find(|flag| !known.contains(&flag.split('=').next().unwrap()));
            if let Some(flag) = unknown {
                return Some(format!("{verb:?} has no {flag}"));
            }
        }
        None
    }
}

/// The words behind `rooma`, without what is quoted and without the marks of a synopsis.
fn words(command: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut quote = None;
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                plain.push('Q');
            }
            None if matches!(c, '[' | ']' | '…') => plain.push(' '),
            None => plain.push(c),
        }
    }
    assert!(quote.is_none(), "a quote has no end: {command}");
    let end = |word: &&str| !matches!(*word, "&" | "<" | ">" | "|" | "#");
    let words = plain.split_whitespace().skip_while(|word| *word != "rooma").skip(1);
    words.take_while(end).map(str::to_owned).collect()
}

fn commands(document: &str) -> Vec<String> {
    let is_command = |code: &String| code.starts_with("rooma ") || code.contains("| rooma ");
    code(&text(document)).into_iter().filter(is_command).collect()
}

#[test]
fn every_command_is_one_the_program_takes() {
    let mut program = Program::default();
    let (mut complaints, mut count) = (Vec::new(), 0);
    for document in documents() {
        for command in commands(&document) {
            count += 1;
            complaints
                .extend(program.complaint(&command).map(|wrong| format!("{document}: `{command}`: {wrong}")));
        }
    }
    assert!(count > 100, "the commands were not found: {count}");
    assert_eq!(complaints, Vec::<String>::new());
}

/// Options that are named alone.
#[test]
fn every_option_is_one_of_some_verb() {
    let verbs = |help: &str| -> Vec<String> {
        let list =
            help.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
        let named = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        named.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    };
    let mut program = Program::default();
    let mut all = String::new();
    let mut open = vec![Vec::new()];
    while let Some(verb) = open.pop() {
        let help = program.help(&verb).unwrap_or_else(|| panic!("{verb:?}")).to_owned();
        open.extend(verbs(&help).into_iter().map(|name| [verb.clone(), vec![name]].concat()));
        all.push_str(&help);
    }
    let known: Vec<&str> = all.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let mut unknown = Vec::new();
    for document in documents() {
        for span in code(&text(&document)).iter().filter(|span| span.starts_with("--")) {
            let flags = span.split_whitespace().filter(|word| word.starts_with("--"));
            let flags = flags.filter(|flag| !known.contains(flag));
            unknown.extend(flags.map(|flag| format!("{document}: {flag}")));
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn what_is_not_there_is_found() {
    let mut program = Program::default();
    for good in [
        "rooma session set --chat A --ttl 8h",
        "rooma hook stop|session-end",
        "echo x | rooma hook stop",
        "rooma",
    ] {
        assert_eq!(program.complaint(good), None, "{good}");
    }
    for bad in [
        "rooma dance",
        "rooma session dance",
        "rooma send --lext x",
        "rooma hook stop|dance",
        "rooma watch --app",
    ] {
        assert!(program.complaint(bad).is_some(), "{bad}");
    }
    assert_eq!(
        words("rooma send --text \"--not a flag\" [--chat C]… --dry-run # then"),
        ["send", "--text", "Q", "--chat", "C", "--dry-run"]
    );
}
