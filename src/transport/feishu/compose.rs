//! What is to be said, in the platform's form.

use serde_json::{Value, json};

use super::address::address;
use super::split::split;
use crate::core::markup::{Fence, fences};
use crate::error::{Error, Result};
use crate::transport::verbs::{Body, Composed, UploadKind, Uploaded};

/// The platform takes requests of 150 KB for a text and 30 KB for a post. The rest is room for the frame
/// around it.
const TEXT_BUDGET: usize = 140 * 1024;
const POST_BUDGET: usize = 26 * 1024;

/// Messages one text may become: more is no message but a document.
const PIECES_MAX: usize = 20;

/// What a message can be sent as.
const TYPES: [&str; 11] = [
    "text",
    "post",
    "interactive",
    "image",
    "file",
    "audio",
    "media",
    "sticker",
    "share_chat",
    "share_user",
    "system",
];

/// The messages that `body` takes. More than one only where a text is too long.
pub fn compose(body: &Body) -> Result<Vec<Composed>> {
    match body {
        Body::Text { text, mentions } => {
            let pieces = pieces(&address(text, mentions, false), TEXT_BUDGET)?;
            Ok(pieces.into_iter().map(|piece| composed("text", json!({"text": piece}))).collect())
        }
        Body::Markdown { text, mentions } => {
            let pieces = pieces(&address(&headings(text), mentions, true), POST_BUDGET)?;
            Ok(fenced(pieces).into_iter().map(|piece| composed("post", post(&piece))).collect())
        }
        Body::Raw { message_type, content } => raw(message_type, content).map(|composed| vec![composed]),
        Body::Attachment(uploaded) => Ok(vec![attachment(uploaded)]),
    }
}

fn composed(message_type: &str, content: Value) -> Composed {
    Composed { message_type: message_type.to_owned(), content: content.to_string() }
}

fn post(markdown: &str) -> Value {
    // A markdown node must stand alone in its paragraph.
    json!({"zh_cn": {"title": "", "content": [[{"tag": "md", "text": markdown}]]}})
}

fn pieces(text: &str, budget: usize) -> Result<Vec<String>> {
    let pieces = split(text, budget);
    match pieces.len() {
        0 => Err(Error::validation("there is nothing to say: the text is empty")),
        1..=PIECES_MAX => Ok(pieces),
        count => Err(Error::validation(format!("the text would take {count} messages"))
            .hint("send it as a file: rooma file --path …")),
    }
}

/// The caller's own content, checked as far as it can be without the platform.
fn raw(message_type: &str, content: &str) -> Result<Composed> {
    if !TYPES.contains(&message_type) {
        let given = crate::event::neutralise(message_type);
        return Err(Error::validation(format!("--msg-type: there is no type `{given}`"))
            .subtype("unknown_msg_type")
            .hint(format!("one of {}", TYPES.join(", "))));
    }
    let value: Value = serde_json::from_str(content).map_err(|error| {
        Error::validation(format!("--content is not JSON: {error}"))
            .hint("for plain words use --text; a text's content is {\"text\":\"…\"}")
    })?;
    if !value.is_object() {
        return Err(Error::validation("--content must be a JSON object"));
    }
    Ok(Composed { message_type: message_type.to_owned(), content: content.to_owned() })
}

fn attachment(uploaded: &Uploaded) -> Composed {
    let key = &uploaded.key;
    match uploaded.kind {
        UploadKind::Image => composed("image", json!({"image_key": key})),
        UploadKind::File => composed("file", json!({"file_key": key})),
        UploadKind::Audio => composed("audio", json!({"file_key": key})),
        UploadKind::Video => composed("media", json!({"file_key": key})),
    }
}

/// Large headings are not shown; the platform's own tools send them smaller.
fn headings(text: &str) -> String {
    let lines = fences(text).map(|(line, _, code)| {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let title = line[level..].strip_prefix(' ');
        match (code, level, title) {
            (false, 1, Some(title)) => format!("#### {title}"),
            (false, 2..=6, Some(title)) => format!("##### {title}"),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Code that was cut in two is code in both pieces.
fn fenced(pieces: Vec<String>) -> Vec<String> {
    let mut open: Option<Fence> = None;
    let mut whole = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut piece = match &open {
            Some(fence) => format!("{}\n{piece}", fence.opening),
            None => piece,
        };
        open = fences(&piece).last().and_then(|(_, fence, _)| fence);
        if let Some(fence) = &open {
            piece.push('\n');
            piece.push_str(&fence.closing());
        }
        whole.push(piece);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_keeps_its_code_and_loses_its_size() {
        assert_eq!(
            headings("# A\n## B\n#C\n```\n# D\n```\n###### E"),
            "#### A\n##### B\n#C\n```\n# D\n```\n##### E"
        );
        assert_eq!(headings("```x``` y\n# A"), "```x``` y\n#### A");
        assert_eq!(fenced(vec!["```x``` y\nz".to_owned()]), ["```x``` y\nz"]);
        let cut = ["a\n```rust\nb", "c", "d\n```\ne"].map(str::to_owned).to_vec();
        assert_eq!(fenced(cut), ["a\n```rust\nb\n```", "```rust\nc\n```", "```rust\nd\n```\ne"]);
    }

    #[test]
    fn a_long_text_is_several_messages_within_the_limit() {
        let text = "word ".repeat(60_000);
        let all = compose(&Body::Text { text: text.clone(), mentions: vec![] }).unwrap();
        assert_eq!(all.len(), 3);
        let posts = compose(&Body::Markdown { text: text[..100_000].to_owned(), mentions: vec![] }).unwrap();
        for (messages, limit) in [(all, 150_000), (posts, 30_000)] {
            for message in messages {
                assert!(serde_json::to_string(&message.content).unwrap().len() < limit);
            }
        }
        let huge = Body::Text { text: "x".repeat(4_000_000), mentions: vec![] };
        assert!(compose(&huge).unwrap_err().hint.unwrap().contains("file"));
        assert!(compose(&Body::Text { text: " \n".into(), mentions: vec![] }).is_err());
    }

    #[test]
    fn content_of_the_callers_own_must_be_an_object() {
        for content in ["hello", "[]", "7"] {
            assert!(raw("text", content).is_err(), "{content}");
        }
        let error = raw("nonsense", "{}").unwrap_err();
        assert!(error.hint.unwrap().contains("interactive"));
        assert!(raw("interactive", "{\"elements\":[]}").is_ok());
    }
}
