//! `s412`: a line of the journal in place of the id of the message it told of.

use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::ids::MessageId;
use crate::journal::Reader;

/// What a line told of.
pub struct Told {
    pub seq: u64,
    /// Whose line it is.
    pub profile: Option<String>,
    pub type_name: String,
    /// The line's own fields.
    pub fields: serde_json::Value,
}

/// The position, where `text` is a handle.
pub fn seq(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('s')?;
    let plain = !digits.is_empty() && digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// The line of a handle, as the journal has it.
pub fn told(flag: &str, home: &Home, seq: u64) -> Result<Told> {
    let path = home.data().join("journal.db");
    let none = |why: &str| {
        Error::validation(format!("{flag}: {why} s{seq}"))
            .subtype("unknown_handle")
            .hint("a handle is the number of a line that `rooma watch --brief` has written in this home")
    };
    if !path.exists() {
        return Err(none("there is no journal here, and no line"));
    }
    let line = Reader::open(&path)?.line(seq)?;
    let (profile, type_name, body) = line.ok_or_else(|| none("there is no line, or none any more,"))?;
    let fields = crate::event::stored(&body);
    let fields = fields.ok_or_else(|| Error::storage(format!("line s{seq} is damaged")))?;
    Ok(Told { seq, profile, type_name, fields })
}

/// The line that told a profile of a message; any profile's where none is named.
pub fn of_message(home: &Home, id: &str, profile: Option<&str>) -> Result<Option<u64>> {
    let path = home.data().join("journal.db");
    if path.exists() { Reader::open(&path)?.seq_of(id, profile) } else { Ok(None) }
}

impl Told {
    /// The message that the line is about.
    pub fn message(&self, flag: &str) -> Result<MessageId> {
        match self.fields["message_id"].as_str() {
            Some(id) => Ok(MessageId::new(id)),
            None => Err(Error::validation(format!(
                "{flag}: the line s{} is `{}`, which is about no message",
                self.seq, self.type_name
            ))
            .subtype("unknown_handle")
            .hint("give the handle of a message's line, or the message's id")),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_handle_is_an_s_and_digits() {
        for (text, wanted) in [("s412", Some(412)), ("s0", Some(0)), ("s", None), ("S4", None), ("s4a", None)]
        {
            assert_eq!(super::seq(text), wanted, "{text}");
        }
        assert_eq!(super::seq("s99999999999999999999"), None);
        assert_eq!(super::seq("om_s4"), None);
    }
}
