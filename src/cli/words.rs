//! Words that begin with a dash: a flag that takes words takes these too, unless they are the name of another flag.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, Command};

/// Joins a flag and the words behind it (`--text "- a"` to `--text=- a`), which is how the parser takes them.
pub fn join(arguments: impl IntoIterator<Item = OsString>, root: &Command) -> Vec<OsString> {
    let mut command = root.clone();
    command.build();
    let mut command = &command;
    let mut joined: Vec<OsString> = Vec::new();
    let mut arguments = arguments.into_iter();
    // The program's own name.
    joined.extend(arguments.next());
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            joined.push(argument);
            joined.extend(arguments);
            break;
        }
        let Some(flag) = flag(command, &argument) else {
            command = argument.to_str().and_then(|verb| command.find_subcommand(verb)).unwrap_or(command);
            joined.push(argument);
            continue;
        };
        let value = if takes_value(flag) { arguments.next() } else { None };
        match value {
            Some(words) if takes_words(flag) && is_words(command, flag, &words) => {
                joined.push(with_value(argument, &words));
            }
            // It is the name of a flag, and one that does something else instead: what is wanted is words.
            Some(words) if takes_words(flag) && !is_optional(flag) && asks_for_help(command, &words) => {
                joined.push(argument);
                return joined;
            }
            // Behind an optional value the next flag may stand.
            Some(next) if is_optional(flag) && begins_with_dash(&next) => {
                joined.push(argument);
                let rest = std::iter::once(next).chain(arguments).collect::<Vec<_>>();
                joined.extend(rejoin(rest, command));
                break;
            }
            value => {
                joined.push(argument);
                joined.extend(value);
            }
        }
    }
    joined
}

/// The rest of a line that belongs to this verb.
fn rejoin(rest: Vec<OsString>, command: &Command) -> Vec<OsString> {
    join(std::iter::once(OsString::new()).chain(rest), command).split_off(1)
}

fn with_value(mut flag: OsString, value: &OsStr) -> OsString {
    flag.push("=");
    flag.push(value);
    flag
}

/// The flag of this name, where the argument is nothing but one.
fn flag<'a>(command: &'a Command, argument: &OsStr) -> Option<&'a Arg> {
    let text = argument.to_str()?;
    if let Some(name) = text.strip_prefix("--").filter(|name| !name.is_empty()) {
        let named = |arg: &&Arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
        };
        return command.get_arguments().find(named);
    }
    let mut letters = text.strip_prefix('-')?.chars();
    let (letter, None) = (letters.next()?, letters.next()) else { return None };
    command.get_arguments().find(|arg| arg.get_short() == Some(letter))
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_num_args().is_some_and(|number| number.takes_values())
}

fn is_optional(flag: &Arg) -> bool {
    flag.get_num_args().is_some_and(|number| number.min_values() == 0)
}

/// Numbers, durations and the like never begin with a dash.
fn takes_words(flag: &Arg) -> bool {
    let parser: &ValueParser = flag.get_value_parser();
    let listed = !flag.get_possible_values().is_empty();
    let words = [TypeId::of::<String>(), TypeId::of::<PathBuf>()];
    !listed && words.iter().any(|words| parser.type_id() == *words)
}

/// Begins with a dash and is no flag of this verb. Where the value may be left out, whatever could be a flag, or a slip
/// of one, is taken for it.
fn is_words(command: &Command, flag: &Arg, value: &OsStr) -> bool {
    if !begins_with_dash(value) || self::flag(command, value).is_some() {
        return false;
    }
    let text = value.to_string_lossy();
    let (name, assigned) = text.split_once('=').map_or((text.as_ref(), false), |(name, _)| (name, true));
    if assigned && self::flag(command, OsStr::new(name)).is_some() {
        return false;
    }
    let could_be_a_flag = text.trim_start_matches('-').starts_with(char::is_alphabetic)
        && !text.contains(char::is_whitespace)
        && !text.starts_with("---");
    !(is_optional(flag) && could_be_a_flag)
}

fn asks_for_help(command: &Command, word: &OsStr) -> bool {
    use clap::ArgAction::{Help, HelpLong, HelpShort, Version};
    flag(command, word).is_some_and(|flag| matches!(flag.get_action(), Help | HelpLong | HelpShort | Version))
}

fn begins_with_dash(value: &OsStr) -> bool {
    value.len() > 1 && value.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{ArgAction, CommandFactory};

    fn joined(line: &[&str]) -> String {
        let root = crate::cli::Arguments::command();
        let line = std::iter::once("rooma").chain(line.iter().copied()).map(OsString::from);
        let joined = join(line, &root);
        joined[1..].iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn words_behind_a_flag_may_begin_with_a_dash_and_flags_stay_flags() {
        let cases: &[(&[&str], &str)] = &[
            (&["send", "--text", "- a", "--chat", "x"], "send|--text=- a|--chat|x"),
            (&["send", "--markdown", "--- a/file"], "send|--markdown=--- a/file"),
            (&["send", "--markdown", "-5 degrees"], "send|--markdown=-5 degrees"),
            (&["send", "--text", "--"], "send|--text=--"),
            (&["send", "--text", "-"], "send|--text|-"),
            (&["send", "--text", "--verbosely said"], "send|--text=--verbosely said"),
            (&["-v", "--home", "-odd", "send", "--text", "-x"], "-v|--home=-odd|send|--text=-x"),
            (&["send", "-q", "-.x", "--text", "-1"], "send|-q=-.x|--text=-1"),
            // Another flag, or a slip where the words may be left out, is none of the words.
            (&["send", "--text", "--chat", "x"], "send|--text|--chat|x"),
            (&["send", "--text", "--chat=x"], "send|--text|--chat=x"),
            (&["send", "--text", "a", "--markdown", "--chat", "-x"], "send|--text|a|--markdown|--chat=-x"),
            (&["send", "--markdown", "--chta", "x"], "send|--markdown|--chta|x"),
            (&["send", "--markdown", "-q.x"], "send|--markdown|-q.x"),
            (&["session", "set", "--farewell-text", "- bye"], "session|set|--farewell-text=- bye"),
            (&["pull", "--limit", "-5"], "pull|--limit|-5"),
            (&["send", "--", "--text", "-x"], "send|--|--text|-x"),
        ];
        for (line, wanted) in cases {
            assert_eq!(joined(line), *wanted, "{line:?}");
        }
    }

    /// Each verb's each flag that takes words takes some that begin with a dash.
    #[test]
    fn every_flag_that_takes_words_takes_a_dash() {
        fn walk(command: &Command, path: &[&str], checked: &mut usize) {
            for flag in command.get_arguments().filter(|flag| takes_words(flag) && takes_value(flag)) {
                let Some(long) = flag.get_long() else { continue };
                let line: Vec<String> = path.iter().map(|verb| (*verb).to_owned()).collect();
                let long = format!("--{long}");
                let line: Vec<&str> =
                    line.iter().map(String::as_str).chain([long.as_str(), "- a thing"]).collect();
                assert!(joined(&line).ends_with(&format!("{long}=- a thing")), "{line:?}");
                assert!(matches!(flag.get_action(), ArgAction::Set | ArgAction::Append), "{long}");
                *checked += 1;
            }
            for verb in command.get_subcommands() {
                walk(verb, &[path, &[verb.get_name()]].concat(), checked);
            }
        }
        let mut root = crate::cli::Arguments::command();
        root.build();
        let mut checked = 0;
        walk(&root, &[], &mut checked);
        assert!(checked > 100, "{checked}");
    }
}
