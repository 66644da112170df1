//! Rich text and rendered cards as markdown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{Content, bracketed};
use super::mention::Mentions;
use super::tidy;
use super::wire::{List, Text};

/// Text of one message. The platform takes at most 150 KB; more would only be cut by the line.
const TEXT_MAX: usize = 160 * 1024;

/// Preferred among several languages of one text, first to last.
const LOCALES: [&str; 2] = ["zh_cn", "en_us"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Post<'a> {
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    content: Option<List<List<Node<'a>>>>,
    /// The name of `content` in a card.
    #[serde(borrow)]
    elements: Option<List<List<Node<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Node<'a> {
    #[serde(borrow)]
    tag: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    href: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    user_name: Text<'a>,
    #[serde(borrow)]
    image_key: Text<'a>,
    #[serde(borrow)]
    file_key: Text<'a>,
    #[serde(borrow)]
    emoji_type: Text<'a>,
    #[serde(borrow)]
    language: Text<'a>,
    #[serde(borrow)]
    style: List<Text<'a>>,
}

/// Renders a post, or the simplified form in which a card is delivered.
pub fn render(message_type: &str, content: &str, mentions: &Mentions) -> Content {
    let mut rendered = Content::default();
    if let Some(post) = read(content) {
        let title = tidy::name(post.title.as_str());
        let paragraphs = post.content.or(post.elements).unwrap_or_default();
        for (index, paragraph) in paragraphs.0.iter().enumerate() {
            if index > 0 {
                rendered.text.push('\n');
            }
            for node in &paragraph.0 {
                if rendered.text.len() < TEXT_MAX {
                    add(&mut rendered, node, mentions);
                }
            }
        }
        if !title.is_empty() {
            let body = if rendered.text.is_empty() { String::new() } else { format!("\n{}", rendered.text) };
            rendered.text = format!("**{title}**{body}");
        }
    }
    rendered.text = tidy::clean(&rendered.text);
    if rendered.text.is_empty() {
        rendered.text = bracketed(message_type, &[]);
    }
    rendered
}

/// The post itself, or the one for the preferred language.
fn read(content: &str) -> Option<Post<'_>> {
    let post: Post<'_> = serde_json::from_str(content).ok()?;
    if post.content.is_some() || post.elements.is_some() || !post.title.is_empty() {
        return Some(post);
    }
    let languages: BTreeMap<&str, &RawValue> = serde_json::from_str(content).ok()?;
    let preferred = LOCALES.iter().find_map(|locale| languages.get(locale));
    let raw = preferred.or_else(|| languages.values().next())?;
    serde_json::from_str(raw.get()).ok()
}

fn add(rendered: &mut Content, node: &Node<'_>, mentions: &Mentions) {
    let text = node.text.as_str();
    let shown = match node.tag.as_str() {
        "text" | "plain_text" | "lark_md" => styled(text, &node.style),
        "a" => link(text, node),
        "at" => at(rendered, node, mentions),
        "img" => {
            rendered.resource("image", node.image_key.as_str(), None);
            bracketed("image", &[&node.image_key])
        }
        "media" => {
            rendered.resource("video", node.file_key.as_str(), None);
            bracketed("video", &[&node.file_key])
        }
        "emotion" => format!(":{}:", tidy::word(node.emoji_type.as_str())),
        "code_block" => code(text, node.language.as_str()),
        "hr" => "---".to_owned(),
        "md" | "markdown" => {
            let (text, all) = mentions.replace(text);
            rendered.all |= all;
            text
        }
        tag if text.is_empty() && !tag.is_empty() => bracketed(tag, &[]),
        // A button's caption, a note's words: text is text.
        _ => text.to_owned(),
    };
    rendered.text.push_str(&shown);
}

/// Markers stand next to the words: with a space between they would be read as text.
fn styled(text: &str, style: &List<Text<'_>>) -> String {
    let words = text.trim();
    if words.is_empty() || style.0.is_empty() {
        return text.to_owned();
    }
    let mut shown = words.to_owned();
    for (name, before, after) in [
        ("bold", "**", "**"),
        ("italic", "*", "*"),
        ("lineThrough", "~~", "~~"),
        ("underline", "<u>", "</u>"),
    ] {
        if style.0.iter().any(|style| style.as_str() == name) {
            shown = format!("{before}{shown}{after}");
        }
    }
    let start = text.len() - text.trim_start().len();
    format!("{}{shown}{}", &text[..start], &text[start + words.len()..])
}

fn link(text: &str, node: &Node<'_>) -> String {
    let href = node.href.as_str();
    match (text.is_empty(), href.is_empty()) {
        (_, true) => styled(text, &node.style),
        (true, false) => format!("<{href}>"),
        (false, false) => styled(&format!("[{text}]({href})"), &node.style),
    }
}

/// A mention names its key; names the platform added itself are second best.
fn at(rendered: &mut Content, node: &Node<'_>, mentions: &Mentions) -> String {
    let key = node.user_id.as_str();
    rendered.all |= matches!(key, "all" | "@_all");
    let name = mentions.label(key).map(str::to_owned);
    let name = name.or_else(|| tidy::some(node.user_name.as_str(), tidy::name));
    format!("@{}", name.unwrap_or_else(|| tidy::id(key.trim_start_matches('@'))))
}

/// The fence is longer than any inside.
fn code(text: &str, language: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) && fence.len() < 16 {
        fence.push('`');
    }
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{}\n{text}{newline}{fence}", tidy::word(language).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(nodes: &str) -> Content {
        render("post", &format!("{{\"title\":\"\",\"content\":[[{nodes}]]}}"), &Mentions::default())
    }

    #[test]
    fn nodes_become_markdown() {
        for (node, wanted) in [
            (r#"{"tag":"text","text":"x"}"#, "x"),
            (r#"{"tag":"text","text":"x","style":["bold","italic"]}"#, "***x***"),
            (r#"{"tag":"text","text":"x","style":["underline","lineThrough"]}"#, "<u>~~x~~</u>"),
            (r#"{"tag":"text","text":" ","style":["bold"]}"#, " "),
            (r#"{"tag":"text","text":" a b ","style":["bold"]}"#, " **a b** "),
            (r#"{"tag":"a","text":"site","href":"https://x"}"#, "[site](https://x)"),
            (r#"{"tag":"a","href":"https://x"}"#, "<https://x>"),
            (r#"{"tag":"at","user_id":"@_user_1","user_name":"Li"}"#, "@Li"),
            (r#"{"tag":"img","image_key":"img_1"}"#, "[image img_1]"),
            (r#"{"tag":"media","file_key":"file_1"}"#, "[video file_1]"),
            (r#"{"tag":"emotion","emoji_type":"SMILE"}"#, ":SMILE:"),
            (r#"{"tag":"code_block","language":"RUST","text":"fn x() {}"}"#, "```rust\nfn x() {}\n```"),
            (r#"{"tag":"code_block","text":"```"}"#, "````\n```\n````"),
            (r#"{"tag":"hr"}"#, "---"),
            (r#"{"tag":"md","text":"**b**"}"#, "**b**"),
            (r#"{"tag":"button","text":"Go"}"#, "Go"),
            (r#"{"tag":"hologram"}"#, "[hologram]"),
            (r#"{"text":"bare"}"#, "bare"),
        ] {
            assert_eq!(shown(node).text, wanted);
        }
    }

    #[test]
    fn paragraphs_are_lines_below_the_title() {
        let post = r#"{"title":"T","content":[[{"tag":"text","text":"a"},{"tag":"text","text":"b"}],[],[{"tag":"text","text":"c"}]]}"#;
        assert_eq!(render("post", post, &Mentions::default()).text, "**T**\nab\n\nc");
    }

    #[test]
    fn a_language_wrapper_is_tolerated() {
        let post = r#"{"en_us":{"title":"E","content":[[]]},"zh_cn":{"title":"Z","content":[[]]}}"#;
        assert_eq!(render("post", post, &Mentions::default()).text, "**Z**");
    }

    #[test]
    fn images_are_resources_and_everybody_is_everybody() {
        let content = shown(r#"{"tag":"img","image_key":"img_1"},{"tag":"at","user_id":"all"}"#);
        assert_eq!(content.resources.len(), 1);
        assert!(content.all);
        assert_eq!(content.text, "[image img_1]@all");
    }

    #[test]
    fn a_card_is_its_text() {
        let card =
            r#"{"title":"Build","elements":[[{"tag":"text","text":"done"},{"tag":"button","text":"Stop"}]]}"#;
        assert_eq!(render("interactive", card, &Mentions::default()).text, "**Build**\ndoneStop");
        for odd in ["{}", "", "[]", "{\"elements\":7}", "{\"elements\":[[7,[]]]}"] {
            assert_eq!(render("interactive", odd, &Mentions::default()).text, "[interactive]", "{odd}");
        }
    }
}
