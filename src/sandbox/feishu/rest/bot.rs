//! Who the caller is, who other bots are, how many connections it has.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::reply::{Reply, data};
use super::request::{Caller, Params, need_scope};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::actor::Actor;

/// Enabled, in the words of `activate_status`.
const ENABLED: u8 = 2;

pub async fn info(State(shared): State<Arc<Shared>>, Caller(app): Caller) -> Reply {
    let world = lock(&shared.world);
    let bot = json!({
        "activate_status": ENABLED, "app_name": world.apps[app].name, "avatar_url": "",
        "ip_white_list": [], "open_id": world.open_id(app, Actor::Bot(app)),
    });
    // Top level, not inside `data`.
    Ok(Json(json!({ "code": 0, "msg": "ok", "bot": bot })).into_response())
}

pub async fn basic_batch(State(shared): State<Arc<Shared>>, Caller(app): Caller, params: Params) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_BOTS)?;
    let mut bots = Map::new();
    for id in params.all("bot_ids") {
        if let Ok(Actor::Bot(bot)) = world.actor_by_open_id(app, id) {
            let name = &world.apps[bot].name;
            bots.insert(id.to_owned(), json!({ "name": name, "i18n_names": { "en_us": name } }));
        }
    }
    data(json!({ "bots": Value::Object(bots) }))
}

pub async fn connection_count(State(shared): State<Arc<Shared>>, Caller(app): Caller) -> Reply {
    data(json!({ "online_instance_cnt": lock(&shared.links).count(app) }))
}
