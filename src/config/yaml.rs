//! Reading a YAML file so that its errors name the file, the line, the key and the nearest valid key.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::{Home, join, read, shown};
use crate::error::{Error, Result};

/// The file's content, or the defaults where there is no file or nothing in it.
pub fn load_or_default<T: DeserializeOwned + Default>(home: &Home, relative: &str) -> Result<T> {
    let path = join(home, Path::new(relative));
    match read(home, &path)? {
        None => Ok(T::default()),
        Some(text) => parse::<Option<T>>(&shown(home, &path), &text).map(Option::unwrap_or_default),
    }
}

pub fn parse<T: DeserializeOwned>(shown_path: &str, text: &str) -> Result<T> {
    super::nesting::check(shown_path, text)?;
    serde_yaml::from_str(text).map_err(|error| explain(shown_path, &error))
}

fn explain(shown_path: &str, error: &serde_yaml::Error) -> Error {
    let place = match error.location() {
        Some(location) => format!("{shown_path}:{}", location.line()),
        None => shown_path.to_owned(),
    };
    let text = without_place(&error.to_string());
    if let Some(unknown) = UnknownKey::read(&text) {
        let keys = unknown.valid.join(", ");
        let hint = match nearest(&unknown.key, unknown.valid.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? valid keys here: {keys}"),
            None => format!("valid keys here: {keys}"),
        };
        return Error::config(format!("{place}: unknown key `{}`{}", unknown.key, unknown.inside()))
            .hint(hint);
    }
    Error::config(format!("{place}: {}", without_values(&text.replace("missing field", "missing key"))))
}

/// serde repeats a value that does not fit. One in the wrong place may be a secret, so only short ones are shown.
fn without_values(text: &str) -> String {
    let shown = |part: &str| if part.len() > SHOWN_MAX { "…".to_owned() } else { part.to_owned() };
    let mask = |text: &str, quote: char| {
        let parts = text.split(quote).enumerate();
        parts.map(|(at, part)| if at % 2 == 1 { shown(part) } else { part.to_owned() }).collect::<Vec<_>>()
    };
    mask(&mask(text, '`').join("`"), '"').join("\"")
}

/// Longer than any key or word of ours.
const SHOWN_MAX: usize = 24;

/// serde_yaml ends its messages with the place, which we put first.
fn without_place(text: &str) -> String {
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text.to_owned(),
    }
}

/// serde's sentence about a key it does not know, taken apart.
struct UnknownKey {
    /// `journal` in `journal: unknown field …`.
    path: Option<String>,
    key: String,
    valid: Vec<String>,
}

impl UnknownKey {
    fn read(text: &str) -> Option<UnknownKey> {
        let (path, rest) = text.split_once("unknown field `")?;
        let (key, rest) = rest.split_once('`')?;
        let valid = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let path = path.trim_end_matches([':', ' ']);
        let path = (!path.is_empty()).then(|| path.to_owned());
        Some(UnknownKey { path, key: crate::event::escaped(key), valid })
    }

    fn inside(&self) -> String {
        self.path.as_ref().map(|path| format!(" in `{path}`")).unwrap_or_default()
    }
}

/// The candidate that `given` is most likely a slip of.
pub fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |candidate: &str| strsim::jaro_winkler(&given.to_lowercase(), &candidate.to_lowercase());
    let best = candidates.map(|candidate| (alike(candidate), candidate)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.75).map(|(_, candidate)| candidate)
}
