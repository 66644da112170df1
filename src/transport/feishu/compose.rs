//! What is to be said, in the platform's form.

use serde_json::{Value, json};

use super::split::split;
use crate::error::{Error, Result};
use crate::transport::verbs::{Addressee, Body, Composed, UploadKind, Uploaded};

/// The platform takes requests of 150 KB for a text and 30 KB for a post. The rest is room for the frame
/// around it.
const TEXT_BUDGET: usize = 140 * 1024;
const POST_BUDGET: usize = 26 * 1024;

/// Messages one text may become: more is no message but a document.
const PIECES_MAX: usize = 20;

const FENCE: &str = "```";

/// The messages that `body` takes. More than one only where a text is too long.
pub fn compose(body: &Body) -> Result<Vec<Composed>> {
    match body {
        Body::Text { text, mentions } => {
            let pieces = pieces(text, mentions, TEXT_BUDGET)?;
            Ok(pieces.into_iter().map(|piece| composed("text", json!({"text": piece}))).collect())
        }
        Body::Markdown { text, mentions } => {
            let pieces = pieces(&headings(text), mentions, POST_BUDGET)?;
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

fn pieces(text: &str, mentions: &[Addressee], budget: usize) -> Result<Vec<String>> {
    let text = address(text, mentions);
    let pieces = split(&text, budget);
    match pieces.len() {
        0 => Err(Error::validation("there is nothing to say: the text is empty")),
        1..=PIECES_MAX => Ok(pieces),
        count => Err(Error::validation(format!("the text would take {count} messages"))
            .hint("send it as a file: rooma file --path …")),
    }
}

/// The caller's own content, checked as far as it can be without the platform.
fn raw(message_type: &str, content: &str) -> Result<Composed> {
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

/// Puts a mention where the text says `@Name`, and the others in front. What looks like a mention in the text
/// itself becomes harmless: quoted words must not call anybody.
fn address(text: &str, mentions: &[Addressee]) -> String {
    let mut longest_first: Vec<&Addressee> = mentions.iter().collect();
    longest_first.sort_by_key(|who| std::cmp::Reverse(who.name.len().max(who.called.len())));
    let mut used: Vec<&Addressee> = Vec::new();
    let mut body = String::with_capacity(text.len());
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let named = || longest_first.iter().find_map(|who| Some((*who, named(rest, who)?)));
        let apart = before.is_none_or(|before| !before.is_ascii_alphanumeric());
        if let Some((addressee, length)) = (c == '@' && apart).then(named).flatten() {
            body.push_str(&tag(addressee));
            rest = &rest[length..];
            used.push(addressee);
            before = None;
            continue;
        }
        if c == '<' && is_tag(rest) {
            body.push_str("&lt;")
        } else {
            body.push(c)
        }
        before = Some(c);
        rest = &rest[c.len_utf8()..];
    }
    let unnamed = mentions.iter().filter(|addressee| !used.iter().any(|used| used.id == addressee.id));
    let front: Vec<String> = unnamed.map(tag).collect();
    if front.is_empty() {
        return body;
    }
    let between = if body.is_empty() { "" } else { " " };
    format!("{}{between}{body}", front.join(" "))
}

/// How much of the text is `@` and one of their names, as a whole word and whatever the case.
fn named(text: &str, who: &Addressee) -> Option<usize> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let text = text.strip_prefix('@')?;
    let fits = |name: &str| {
        let head =
            text.get(..name.len()).filter(|head| !name.is_empty() && head.eq_ignore_ascii_case(name))?;
        let rest = &text[head.len()..];
        (!(name.ends_with(word) && rest.starts_with(word))).then_some(1 + name.len())
    };
    fits(&who.name).max(fits(&who.called))
}

/// `<at …`, `<at>`, `</at>`, whatever the case.
fn is_tag(text: &str) -> bool {
    let rest = text.strip_prefix("</").or_else(|| text.strip_prefix('<')).unwrap_or(text);
    let at = rest.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("at"));
    at && !rest[2..].starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn tag(addressee: &Addressee) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let id = plain(addressee.id.as_str()).replace('"', "&quot;");
    format!("<at user_id=\"{id}\">{}</at>", plain(&addressee.name))
}

/// Large headings are not shown; the platform's own tools send them smaller.
fn headings(text: &str) -> String {
    let mut code = false;
    let lines = text.split('\n').map(|line| {
        code ^= line.trim_start().starts_with(FENCE);
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
    let mut open: Option<String> = None;
    let mut whole = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut piece = match &open {
            Some(fence) => format!("{fence}\n{piece}"),
            None => piece,
        };
        open = None;
        for line in piece.lines().filter(|line| line.trim_start().starts_with(FENCE)) {
            // Of a long line the language is what counts.
            open = if open.is_some() { None } else { Some(line.chars().take(40).collect()) };
        }
        if open.is_some() {
            piece.push('\n');
            piece.push_str(FENCE);
        }
        whole.push(piece);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::OpenId;
    use proptest::prelude::*;

    fn someone(id: &str, name: &str) -> Addressee {
        Addressee { id: OpenId::new(id), name: name.to_owned(), called: String::new() }
    }

    #[test]
    fn a_mention_stands_where_the_text_names_it_or_in_front() {
        let (ann, an, li) = (someone("ou_ann", "Ann"), someone("ou_an", "An"), someone("ou_li", "李"));
        for (text, mentions, wanted) in [
            ("hi", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> hi"),
            ("hi @Ann!", vec![ann.clone()], "hi <at user_id=\"ou_ann\">Ann</at>!"),
            (
                "@Ann",
                vec![an.clone(), ann.clone()],
                "<at user_id=\"ou_an\">An</at> <at user_id=\"ou_ann\">Ann</at>",
            ),
            ("me@Ann", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> me@Ann"),
            ("@Anna", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> @Anna"),
            ("你好@李你好", vec![li], "你好<at user_id=\"ou_li\">李</at>你好"),
            ("", vec![Addressee::all()], "<at user_id=\"all\">all</at>"),
            ("@all hi", vec![Addressee::all()], "<at user_id=\"all\">all</at> hi"),
            ("@Ann", vec![], "@Ann"),
            (
                "@ann @BOSS",
                vec![Addressee { called: "boss".into(), ..ann.clone() }],
                "<at user_id=\"ou_ann\">Ann</at> <at user_id=\"ou_ann\">Ann</at>",
            ),
        ] {
            assert_eq!(address(text, &mentions), wanted, "{text}");
        }
    }

    #[test]
    fn quoted_mentions_call_nobody() {
        for (text, wanted) in [
            ("<at user_id=\"all\">x</at>", "&lt;at user_id=\"all\">x&lt;/at>"),
            ("<AT id=1>", "&lt;AT id=1>"),
            ("a < b <atom> <b>", "a < b <atom> <b>"),
            ("<", "<"),
            ("<é", "<é"),
        ] {
            assert_eq!(address(text, &[]), wanted);
        }
        let odd = someone("ou_\"1", "<at>");
        assert_eq!(tag(&odd), "<at user_id=\"ou_&quot;1\">&lt;at&gt;</at>");
    }

    #[test]
    fn markdown_keeps_its_code_and_loses_its_size() {
        assert_eq!(
            headings("# A\n## B\n#C\n```\n# D\n```\n###### E"),
            "#### A\n##### B\n#C\n```\n# D\n```\n##### E"
        );
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
        assert!(raw("interactive", "{\"elements\":[]}").is_ok());
    }

    proptest! {
        #[test]
        fn only_real_mentions_are_tags(text in "(<|at|AT|/| |>|@|Ann|x|é){0,40}") {
            let addressed = address(&text, &[someone("ou_1", "Ann")]);
            let tags = addressed.to_lowercase().matches("<at").filter(|_| true).count();
            let ours = addressed.matches("<at user_id=\"ou_1\">Ann</at>").count();
            let atoms = addressed.to_lowercase().match_indices("<at").filter(|(at, _)| {
                addressed[at + 3..].starts_with(|c: char| c.is_ascii_alphanumeric())
            }).count();
            prop_assert!(ours >= 1);
            prop_assert_eq!(tags, ours + atoms);
        }
    }
}
