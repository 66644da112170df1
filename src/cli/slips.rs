//! What was meant by arguments that cannot be read, as far as it can be guessed.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

const READ_ON: &str = "`rooma --help` shows the verbs, `rooma VERB --help` their options";

/// So many letters may be wrong in a word of so many.
const LETTERS_PER_SLIP: usize = 3;

/// What to try instead, and where to read on.
pub fn hint(error: &clap::Error, arguments: &[OsString]) -> String {
    if let Some(joined) = words_taken_for_a_flag(error, arguments) {
        return format!("words that begin with a dash are joined with `=`: {joined}");
    }
    match suggested(error).or_else(|| nearest_verb(error, arguments)) {
        Some(near) => format!("did you mean `{near}`? {READ_ON}"),
        None => READ_ON.to_owned(),
    }
}

fn suggested(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(near) => Some(near.clone()),
        ContextValue::Strings(near) => near.last().cloned(),
        _ => None,
    })
}

/// `--text --help`: the flag that wants words has none, and what follows it is another flag.
fn words_taken_for_a_flag(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    if error.kind() != ErrorKind::InvalidValue {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split([' ', '=']).next()?;
    let pair = arguments.windows(2).find(|pair| pair[0] == flag)?;
    let next = pair[1].to_str().filter(|next| next.starts_with('-'))?;
    let next = crate::event::neutralise(crate::event::bounded(next, 40));
    Some(if next.contains(char::is_whitespace) {
        format!("{flag}='{next}'")
    } else {
        format!("{flag}={next}")
    })
}

/// Two letters in the wrong order are one slip, which clap's own measure does not see in a short word.
fn nearest_verb(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let given = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg, ContextKind::InvalidValue];
    let given = given.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(given) => Some(given.clone()),
        _ => None,
    })?;
    let mut command = super::Arguments::command();
    command.build();
    let verbs = deepest(&command, arguments).get_subcommands().filter(|verb| !verb.is_hide_set());
    let verbs = verbs.map(|verb| (strsim::osa_distance(verb.get_name(), &given), verb.get_name()));
    let (slips, verb) = verbs.min()?;
    (slips <= given.chars().count().div_ceil(LETTERS_PER_SLIP)).then(|| verb.to_owned())
}

/// The command of the verbs that were understood.
fn deepest<'a>(command: &'a Command, arguments: &[OsString]) -> &'a Command {
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    words.fold(command, |command, word| command.find_subcommand(word).unwrap_or(command))
}

#[cfg(test)]
mod tests {
    use super::super::{Arguments, words};
    use super::*;

    fn hinted(line: &[&str]) -> String {
        let given: Vec<OsString> =
            std::iter::once("rooma").chain(line.iter().copied()).map(OsString::from).collect();
        let joined = words::join(given.clone(), &Arguments::command());
        match Arguments::command().try_get_matches_from(joined) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(error) => format!("{:?}: {}", error.kind(), hint(&error, &given)),
        }
    }

    #[test]
    fn words_that_are_the_name_of_a_flag_are_an_error_that_says_how_to_write_them() {
        for (line, said) in [
            (&["send", "--text", "--help"] as &[&str], "--text=--help"),
            (&["send", "--text", "-h", "--chat", "x"], "--text=-h"),
            (&["send", "--text", "--chat", "x"], "--text=--chat"),
            (&["send", "--chat", "x", "--text", "--chat=x"], "--text=--chat=x"),
            (&["send", "--text", "--help", "me"], "--text=--help"),
            (&["send", "--reply-to", "--help"], "--reply-to=--help"),
        ] {
            let hinted = hinted(line);
            assert!(hinted.starts_with("InvalidValue") && hinted.contains(said), "{line:?}: {hinted}");
        }
        assert!(hinted(&["send", "--help"]).starts_with("DisplayHelp"));
        assert!(hinted(&["send", "--text", "a", "--help"]).starts_with("DisplayHelp"));
    }

    #[test]
    fn a_slip_in_a_verb_is_answered_at_every_level() {
        for (line, verb) in [
            (&["sned"] as &[&str], "`send`"),
            (&["session", "ste"], "`set`"),
            (&["floor", "stauts"], "`status`"),
            (&["session", "farewel"], "`farewell`"),
            (&["service", "instal"], "`install`"),
            (&["floor", "psas"], "`pass`"),
            (&["room", "puase"], "`pause`"),
        ] {
            let hinted = hinted(line);
            assert!(hinted.contains(verb), "{line:?}: {hinted}");
        }
        assert!(!hinted(&["session", "qqqqqq"]).contains("did you mean"));
    }
}
