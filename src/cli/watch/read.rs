//! A page taken apart into its lines.

use crate::event::{Message, Whole, taken_apart};
use crate::journal::Page;

/// A line of a page, and what it says if it is a message.
pub struct Read<'a> {
    pub seq: u64,
    pub line: &'a [u8],
    pub message: Option<(Whole<'a>, Message)>,
}

impl<'a> Read<'a> {
    pub fn all(page: &'a Page) -> Vec<Read<'a>> {
        let mut begin = 0;
        let lines = page.ends.iter().map(|(seq, end)| {
            let line = &page.bytes[std::mem::replace(&mut begin, *end)..*end];
            Read { seq: *seq, line, message: taken_apart(line) }
        });
        lines.collect()
    }

    /// Does it pass a filter for mentions? `mentioned` is what a message is by then.
    pub fn passes(&self, mentioned: bool) -> bool {
        match &self.message {
            Some(_) => mentioned,
            None => is_own(self.line),
        }
    }
}

/// rooma's own lines pass every filter for mentions.
pub fn is_own(line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        r#type: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice(line).is_ok_and(|kind: Kind<'_>| kind.r#type.starts_with("rooma."))
}
