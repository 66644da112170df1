//! Content on its way in: at-tags find their actors, keys their uploads, refusals their codes.

use super::reply::ApiError;
use crate::sandbox::feishu::content::{Found, Refused, Rendered, render};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::Mentioned;

/// Finds the actors of at-tags by any id of the sender's app; people (of the control API) also by name.
pub fn render_for(world: &World, sender: Actor, msg_type: &str, content: &str) -> Result<Rendered, ApiError> {
    let resolve = |id: &str| {
        if id == "all" {
            return Some(Found { who: Mentioned::Everyone, name: "Everyone".to_owned() });
        }
        let actor = match sender {
            Actor::Bot(app) => {
                let id_types = ["open_id", "union_id", "user_id"];
                id_types.iter().find_map(|id_type| world.actor_by_id(app, id_type, id).ok())
            }
            Actor::Person(_) => world.actor_by_name(id).or_else(|| world.actor_by_id(0, "union_id", id).ok()),
        }?;
        Some(Found { who: Mentioned::One(actor), name: world.actor_name(actor).to_owned() })
    };
    let rendered = render(msg_type, content, &resolve);
    let rendered = rendered.map(|mut rendered| {
        if world.card_placeholder && rendered.card.as_deref().is_some_and(is_newer) {
            rendered.content = PLACEHOLDER.to_owned();
        }
        rendered
    });
    rendered.map_err(|refused| match refused {
        Refused::Invalid(why) => {
            ApiError::new(230_001, format!("Your request contains an invalid request parameter, ext={why}"))
        }
        Refused::TooLong => ApiError::new(230_025, "The length of the message content reaches its limit."),
        Refused::BadCard(why) => ApiError::new(230_099, format!("Failed to create card content, ext={why}")),
    })
}

/// What old clients are given of a newer card.
const PLACEHOLDER: &str = r#"{"title":null,"elements":[[{"tag":"img","image_key":"img_v3_0000"}],[{"tag":"text","text":"请升级至最新版本客户端，以查看内容"}]]}"#;

fn is_newer(card: &str) -> bool {
    let card: serde_json::Value = serde_json::from_str(card).unwrap_or_default();
    card["schema"] == "2.0" || card["type"] == "card"
}

pub fn check_resources(
    world: &World,
    app: usize,
    msg_type: &str,
    rendered: &Rendered,
) -> Result<(), ApiError> {
    // Stickers are not uploads, cards name keys in many places.
    if matches!(msg_type, "sticker" | "interactive") {
        return Ok(());
    }
    for key in &rendered.resources {
        let Some(resource) = world.resources.get(key) else {
            return Err(ApiError::new(230_001, format!("invalid key: {key}")));
        };
        if resource.owner != Actor::Bot(app) {
            return Err(ApiError::new(230_017, "Bot is NOT the owner of the resource."));
        }
        let fits = match msg_type {
            "image" => resource.is_image(),
            "file" => !resource.is_image() && resource.kind != "mp4",
            "audio" => resource.kind == "opus",
            "media" => resource.is_image() || resource.kind == "mp4",
            _ => true,
        };
        if !fits {
            return Err(ApiError::new(
                230_055,
                "The type of file upload does not match the type of message being sent.",
            ));
        }
    }
    Ok(())
}

/// A sender gives the key alone; receivers see the name it was uploaded under.
pub fn name_file(world: &World, msg_type: &str, rendered: &mut Rendered) {
    let Some(resource) = rendered.resources.first().and_then(|key| world.resources.get(key)) else { return };
    let Ok(mut content) = serde_json::from_str::<serde_json::Value>(&rendered.content) else { return };
    if matches!(msg_type, "file" | "media") && !resource.name.is_empty() {
        content["file_name"] = resource.name.clone().into();
        rendered.content = content.to_string();
    }
}
