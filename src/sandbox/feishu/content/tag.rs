//! The tag that calls somebody in a text.

pub struct AtTag {
    pub id: String,
    pub name: String,
    /// Of the whole tag, in bytes.
    pub length: usize,
}

impl AtTag {
    /// Only `user_id` counts: the card form `<at id=…>` renders as text in a text message.
    pub fn parse(text: &str) -> Option<AtTag> {
        let open_end = text.find('>')?;
        let attribute = text[..open_end].split_once("user_id=")?.1;
        let id = attribute.trim_matches(['"', '\'', ' ', '/']).to_owned();
        let close = text[open_end..].find("</at>")? + open_end;
        Some(AtTag { id, name: text[open_end + 1..close].to_owned(), length: close + "</at>".len() })
    }
}
