//! What people of the control API say, as content that is sent.

use serde_json::{Value, json};

use super::Feishu;
use super::rest::compose::render_for;
use crate::error::{Error, Result};
use crate::sandbox::people::find_actor;
use crate::sandbox::platform::{Attached, Spoken};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::{Content, Mention, Mentioned};

pub fn compose(feishu: &Feishu, world: &World, spoken: &Spoken<'_>) -> Result<Content> {
    if let Some(file) = &spoken.file {
        return Ok(attached(file));
    }
    if spoken.forwards {
        // Whatever it holds, this is all that the container says of it.
        let body = json!({ "content": "Merged and Forwarded Message" }).to_string();
        return Ok(Content { kind: "merge_forward".to_owned(), body, ..Content::default() });
    }
    let kind = spoken.kind.unwrap_or("text");
    let content = match (spoken.native, spoken.words) {
        (Some(Value::String(content)), _) => content.clone(),
        (Some(content), _) => content.to_string(),
        (None, Some(words)) => json!({ "text": tagged(words, spoken.mention) }).to_string(),
        (None, None) => return Err(Error::validation("`text` or `content` is needed")),
    };
    if spoken.raw {
        let mentions = plain_mentions(world, spoken.mention)?;
        let files = spoken.native.map(keys).unwrap_or_default();
        return Ok(Content { kind: kind.to_owned(), body: content, authored: None, mentions, files });
    }
    for name in spoken.mention.iter().filter(|name| *name != "all") {
        find_actor(world, name)?;
    }
    // Names stand for people in the tags made above; a bot's own tags hold ids of its app.
    let author = if spoken.native.is_none() { Actor::Person(0) } else { spoken.sender };
    render_for(feishu, world, author, kind, &content).map_err(|error| Error::validation(error.msg))
}

fn attached(file: &Attached<'_>) -> Content {
    let (kind, body) = if file.image {
        ("image", json!({ "image_key": file.key }))
    } else {
        ("file", json!({ "file_key": file.key, "file_name": file.name }))
    };
    Content {
        kind: kind.to_owned(),
        body: body.to_string(),
        files: vec![file.key.clone()],
        ..Content::default()
    }
}

/// Whatever is named by a key in a content of any shape.
fn keys(content: &Value) -> Vec<String> {
    let own = |(key, value): (&String, &Value)| match value {
        Value::String(text) if key.ends_with("_key") => vec![text.clone()],
        value => keys(value),
    };
    match content {
        Value::Object(map) => map.iter().flat_map(own).collect(),
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// `@name` where it stands, otherwise in front.
fn tagged(text: &str, mention: &[String]) -> String {
    let mut text = text.to_owned();
    let mut front = String::new();
    for name in mention {
        let tag = format!("<at user_id=\"{name}\">{name}</at>");
        let written = format!("@{name}");
        if text.contains(&written) {
            text = text.replace(&written, &tag);
        } else {
            front.push_str(&tag);
            front.push(' ');
        }
    }
    front + &text
}

fn plain_mentions(world: &World, names: &[String]) -> Result<Vec<Mention>> {
    let mentions = names.iter().enumerate().map(|(index, name)| {
        if name == "all" {
            return Ok(Mention { key: "@_all".to_owned(), who: Mentioned::Everyone });
        }
        let who = Mentioned::One(find_actor(world, name)?);
        Ok(Mention { key: format!("@_user_{}", index + 1), who })
    });
    mentions.collect()
}
