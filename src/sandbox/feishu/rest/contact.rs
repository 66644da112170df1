//! People by id. Bots are not users here.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, body, need_scope};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::{Actor, UnknownId};

const BATCH_MAX: usize = 50;
/// Mail addresses of the sandbox's people.
const MAIL_DOMAIN: &str = "sandbox.invalid";

fn user_view(world: &World, app: usize, person: usize) -> Value {
    let actor = Actor::Person(person);
    let mut user = json!({
        "union_id": world.union_id(actor), "open_id": world.open_id(app, actor),
        "status": { "is_frozen": false, "is_resigned": false, "is_activated": true, "is_exited": false,
                    "is_unjoin": false },
    });
    let user_id = world.user_id(app, actor);
    if !user_id.is_empty() {
        user["user_id"] = json!(user_id);
    }
    // Without the scope the field is simply missing.
    if world.has_scope(app, scopes::CONTACT_NAMES) {
        user["name"] = json!(world.people[person].name);
        user["en_name"] = json!(world.people[person].name);
    }
    user
}

pub async fn user(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(user_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_CONTACTS)?;
    match world.actor_by_id(app, params.user_id_type()?, &user_id) {
        Ok(Actor::Person(person)) => data(json!({ "user": user_view(&world, app, person) })),
        Err(UnknownId::OtherApp) => Err(ApiError::new(99_992_361, "open_id cross app")),
        Ok(Actor::Bot(_)) | Err(UnknownId::Nobody) => Err(ApiError::new(41_012, "user id invalid error")),
    }
}

pub async fn batch(State(shared): State<Arc<Shared>>, Caller(app): Caller, params: Params) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_CONTACTS)?;
    let ids = params.all("user_ids");
    if ids.is_empty() || ids.len() > BATCH_MAX {
        return Err(ApiError::field("user_ids", "between 1 and 50 ids are needed"));
    }
    let id_type = params.user_id_type()?;
    let people = ids.iter().filter_map(|id| match world.actor_by_id(app, id_type, id) {
        Ok(Actor::Person(person)) => Some(user_view(&world, app, person)),
        Ok(Actor::Bot(_)) | Err(_) => None,
    });
    data(json!({ "items": people.collect::<Vec<Value>>() }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    emails: Vec<String>,
    mobiles: Vec<String>,
}

pub async fn batch_get_id(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    params: Params,
    bytes: Bytes,
) -> Reply {
    let request: Addresses = body(&bytes)?;
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::CONTACT_IDS)?;
    if request.emails.len() > BATCH_MAX || request.mobiles.len() > BATCH_MAX {
        return Err(ApiError::field("emails", "the max length is 50"));
    }
    let id_type = params.user_id_type()?;
    let mut list = Vec::new();
    for email in &request.emails {
        let name = email.strip_suffix(MAIL_DOMAIN).and_then(|local| local.strip_suffix('@'));
        let person = name.and_then(|name| world.people.iter().position(|person| person.name == name));
        // Unknown entries come back without an id.
        list.push(match person {
            Some(person) => {
                json!({ "email": email, "user_id": world.id_as(app, id_type, Actor::Person(person)) })
            }
            None => json!({ "email": email }),
        });
    }
    list.extend(request.mobiles.iter().map(|mobile| json!({ "mobile": mobile })));
    data(json!({ "user_list": list }))
}
