//! Many messages as fast as the connections take them.

use std::sync::Arc;
use std::time::Duration;

use super::delivery::with_ledger;
use super::ledger::record::Phase;
use crate::sandbox::feishu::content::Rendered;
use crate::sandbox::links::{IN_FLIGHT_MAX, Outgoing};
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::Draft;

/// Encoded ahead at most, so that a burst of millions needs bounded memory.
const WAVE: usize = 100_000;
/// Made per lock of the world and the ledger, so that others get their turn.
const STEP: usize = 512;
/// Records handed over between two looks at the other tasks.
const HAND_OVER: usize = 64;

/// Who says what to whom.
pub struct Plan {
    pub person: usize,
    /// In this group; otherwise in the p2p chats with the apps, in turn.
    pub chat: Option<usize>,
    pub apps: Vec<usize>,
    pub count: usize,
    pub text: String,
    /// Unacknowledged events per connection at most.
    pub in_flight: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Done {
    pub deliveries: usize,
    pub first_message: Option<u64>,
    pub last_message: Option<u64>,
    pub records: Vec<u64>,
    pub elapsed: Duration,
}

/// Says `plan.count` messages. Returns when the last one is with its connection.
pub async fn run(shared: &Arc<Shared>, plan: &Plan) -> Done {
    let mut done = Done::default();
    let mut said = 0;
    while said < plan.count {
        let wave = WAVE.min(plan.count - said);
        let records = prepare(shared, plan, said, wave, &mut done);
        said += wave;
        let start = shared.clock.now();
        hand_over(shared, &records, plan.in_flight).await;
        done.elapsed += start.elapsed();
        done.deliveries += records.iter().map(Vec::len).sum::<usize>();
        done.records.extend(records.into_iter().flatten());
    }
    done
}

/// Makes the messages of one wave and encodes their frames; record numbers by app.
fn prepare(shared: &Shared, plan: &Plan, said: usize, wave: usize, done: &mut Done) -> Vec<Vec<u64>> {
    let mut by_app = vec![Vec::new(); lock(&shared.world).apps.len()];
    let mut index = said;
    while index < said + wave {
        let end = (index + STEP).min(said + wave);
        let now_ms = shared.clock.wall_ms();
        let mut notices = Vec::with_capacity(end - index);
        {
            let mut world = lock(&shared.world);
            for turn in index..end {
                let (number, only) = say(&mut world, plan, turn, now_ms);
                done.first_message.get_or_insert(number);
                done.last_message = Some(number);
                for notice in world.message_notices(number, only.as_deref(), now_ms) {
                    notices.push((world.apps[notice.app].service, notice));
                }
            }
        }
        with_ledger(shared, |ledger| {
            for (service, notice) in notices {
                let app = notice.app;
                let record = ledger.register(notice, service, now_ms);
                ledger.plan(record);
                by_app[app].push(record);
            }
        });
        index = end;
    }
    by_app
}

fn say(world: &mut World, plan: &Plan, turn: usize, now_ms: i64) -> (u64, Option<Vec<usize>>) {
    let (chat, only) = match plan.chat {
        Some(chat) => (chat, (!plan.apps.is_empty()).then(|| plan.apps.clone())),
        None => (world.p2p_chat(plan.apps[turn % plan.apps.len()], plan.person, now_ms), None),
    };
    let content = serde_json::json!({ "text": format!("{turn} {}", plan.text) }).to_string();
    let draft = Draft {
        chat,
        sender: Actor::Person(plan.person),
        msg_type: "text".to_owned(),
        rendered: Rendered { content, ..Rendered::default() },
        reply_to: None,
        in_thread: false,
    };
    (world.post(draft, now_ms), only)
}

async fn hand_over(shared: &Arc<Shared>, by_app: &[Vec<u64>], in_flight: u32) {
    // A smaller bound is the same pool of permits, taken several at a time.
    let weight = IN_FLIGHT_MAX / in_flight.clamp(1, IN_FLIGHT_MAX);
    let mut tasks = tokio::task::JoinSet::new();
    for (app, records) in by_app.iter().enumerate().filter(|(_, records)| !records.is_empty()) {
        let (shared, records) = (Arc::clone(shared), records.clone());
        tasks.spawn(async move { feed(&shared, app, &records, weight).await });
    }
    while tasks.join_next().await.is_some() {}
}

/// One app's share. Unacknowledged events per connection are bounded by its permits.
async fn feed(shared: &Shared, app: usize, records: &[u64], weight: u32) {
    for group in records.chunks(HAND_OVER) {
        for record in group {
            if !offer(shared, app, *record, weight).await {
                with_ledger(shared, |ledger| ledger.miss(*record, shared.clock.now()));
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn offer(shared: &Shared, app: usize, record: u64, weight: u32) -> bool {
    let Some(link) = lock(&shared.links).pick(app) else { return false };
    let Ok(permit) = Arc::clone(&link.in_flight).acquire_many_owned(weight).await else { return false };
    link.outbox.send(Outgoing::Delivery { record, permit: Some(permit) }).await.is_ok()
}

/// Waits until nothing of the apps' connections is unacknowledged; counts what of the burst was acknowledged.
pub async fn settled(shared: &Arc<Shared>, done: &Done, limit: Duration) -> usize {
    let links = lock(&shared.links).of_app(None);
    let quiet = async {
        for link in links {
            // Closed permits mean a connection that is gone.
            let _ = link.in_flight.acquire_many(IN_FLIGHT_MAX).await;
        }
    };
    // Running into the limit is an answer too: the count says what is missing.
    let _ = tokio::time::timeout(limit, quiet).await;
    let ledger = lock(&shared.ledger);
    let acked = |record: &&u64| ledger.record(**record).is_none_or(|record| record.phase == Phase::Acked);
    done.records.iter().filter(acked).count()
}
