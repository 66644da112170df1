//! Load on request.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{find_app, find_chat, find_person};
use crate::error::{Error, Result};
use crate::sandbox::burst::{self, Plan};
use crate::sandbox::links::IN_FLIGHT_MAX;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::actor::Actor;

const COUNT_MAX: usize = 5_000_000;
const TEXT_BYTES_MAX: usize = 100_000;
const TEXT_BYTES: usize = 32;
/// With very many apps each connection still gets a stream worth its name.
const IN_FLIGHT_MIN: u32 = 16;
const SETTLE: Duration = Duration::from_secs(60);

/// `count` texts of one person: in `chat`, or in the direct chats with the apps in turn.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Burst {
    pub app: Option<String>,
    /// All apps when neither is given. With `chat`: only these apps get it.
    pub apps: Vec<String>,
    pub chat: Option<String>,
    pub from: Option<String>,
    pub count: usize,
    pub text_bytes: Option<usize>,
    /// Unacknowledged events per connection at most; by default 8,192 shared by the apps.
    pub in_flight: Option<u32>,
    /// Answer only when everything is acknowledged or failed.
    pub wait_acked: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BurstAnswer {
    /// Messages said.
    pub count: usize,
    /// Events pushed for them.
    pub deliveries: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked: Option<usize>,
    pub first_message_id: Option<String>,
    pub last_message_id: Option<String>,
    pub elapsed_ms: f64,
    /// From the first delivery to the connections until all are acknowledged; absent without `wait_acked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked_ms: Option<f64>,
}

pub async fn burst(shared: &Arc<Shared>, request: Burst) -> Result<BurstAnswer> {
    if request.count == 0 || request.count > COUNT_MAX {
        return Err(Error::validation(format!("`count` must be between 1 and {COUNT_MAX}")));
    }
    let plan = plan(shared, &request)?;
    let done = burst::run(shared, &plan).await;
    let start = shared.clock.now();
    let acked = if request.wait_acked { Some(burst::settled(shared, &done, SETTLE).await) } else { None };
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let world = lock(&shared.world);
    Ok(BurstAnswer {
        count: plan.count,
        deliveries: done.deliveries,
        acked,
        first_message_id: done.first_message.map(|number| world.message_id(number)),
        last_message_id: done.last_message.map(|number| world.message_id(number)),
        elapsed_ms: millis(done.elapsed),
        acked_ms: acked.map(|_| millis(done.elapsed + start.elapsed())),
    })
}

fn plan(shared: &Shared, request: &Burst) -> Result<Plan> {
    let world = lock(&shared.world);
    let person = find_person(&world, request.from.as_deref())?;
    let chat = request.chat.as_deref().map(|name| find_chat(&world, name)).transpose()?;
    let mut apps = Vec::new();
    for name in request.app.iter().chain(&request.apps) {
        apps.push(find_app(&world, name)?);
    }
    if apps.is_empty() && chat.is_none() {
        apps = (0..world.apps.len()).collect();
    }
    if let Some(chat) = chat
        && !world.is_member(chat, Actor::Person(person))
    {
        return Err(Error::validation("the speaker is not in the chat"));
    }
    let bytes = request.text_bytes.unwrap_or(TEXT_BYTES).min(TEXT_BYTES_MAX);
    let targets = if apps.is_empty() { world.apps.len() } else { apps.len() };
    let fair = IN_FLIGHT_MAX / u32::try_from(targets.max(1)).unwrap_or(IN_FLIGHT_MAX);
    let in_flight = request.in_flight.unwrap_or(fair.max(IN_FLIGHT_MIN));
    Ok(Plan { person, chat, apps, count: request.count, text: "x".repeat(bytes), in_flight })
}
