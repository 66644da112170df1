//! Many messages as fast as the connections take them.

use std::sync::Arc;
use std::time::Duration;

use super::with_ledger;
use crate::sandbox::ledger::record::Phase;
use crate::sandbox::links::{IN_FLIGHT_MAX, Outgoing};
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::change::Change;
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

impl Plan {
    fn is_for(&self, app: usize) -> bool {
        self.apps.is_empty() || self.apps.contains(&app)
    }
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
pub async fn run<P: Platform>(shared: &Arc<Shared<P>>, plan: &Plan) -> Done {
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
fn prepare<P: Platform>(
    shared: &Shared<P>,
    plan: &Plan,
    said: usize,
    wave: usize,
    done: &mut Done,
) -> Vec<Vec<u64>> {
    let mut by_app = vec![Vec::new(); lock(&shared.world).apps.len()];
    let mut index = said;
    while index < said + wave {
        let end = (index + STEP).min(said + wave);
        let now_ms = shared.clock.wall_ms();
        let mut notices = Vec::with_capacity(end - index);
        {
            let mut world = lock(&shared.world);
            for turn in index..end {
                let number = say(shared, &mut world, plan, turn, now_ms);
                done.first_message.get_or_insert(number);
                done.last_message = Some(number);
                let told = shared.platform.notices(&world, &Change::Said { message: number }, now_ms);
                notices.extend(told.into_iter().filter(|notice| plan.is_for(notice.app)));
            }
        }
        with_ledger(shared, |ledger| {
            for notice in notices {
                let app = notice.app;
                let record = ledger.register(notice, now_ms);
                ledger.encode_ahead(record, |record, attempt, body| {
                    shared.platform.encode_ahead(record, attempt, body)
                });
                by_app[app].push(record);
            }
        });
        index = end;
    }
    by_app
}

fn say<P: Platform>(shared: &Shared<P>, world: &mut World, plan: &Plan, turn: usize, now_ms: i64) -> u64 {
    let chat = plan.chat.unwrap_or_else(|| {
        let app = plan.apps[turn % plan.apps.len()];
        world.p2p_chat(app, plan.person, now_ms)
    });
    let content = shared.platform.plain(&format!("{turn} {}", plan.text));
    let draft = Draft {
        chat,
        sender: Actor::Person(plan.person),
        content,
        reply_to: None,
        in_thread: false,
        forwarded: Vec::new(),
    };
    world.post(draft, now_ms)
}

async fn hand_over<P: Platform>(shared: &Arc<Shared<P>>, by_app: &[Vec<u64>], in_flight: u32) {
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
async fn feed<P: Platform>(shared: &Shared<P>, app: usize, records: &[u64], weight: u32) {
    for group in records.chunks(HAND_OVER) {
        for record in group {
            if !offer(shared, app, *record, weight).await {
                with_ledger(shared, |ledger| ledger.miss(*record, shared.clock.now()));
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn offer<P: Platform>(shared: &Shared<P>, app: usize, record: u64, weight: u32) -> bool {
    let Some(link) = lock(&shared.links).pick(app) else { return false };
    let Ok(permit) = Arc::clone(&link.in_flight).acquire_many_owned(weight).await else { return false };
    link.outbox.send(Outgoing::Delivery { record, permit: Some(permit) }).await.is_ok()
}

/// Waits until nothing of the apps' connections is unacknowledged; counts what of the burst was acknowledged.
pub async fn settled<P: Platform>(shared: &Arc<Shared<P>>, done: &Done, limit: Duration) -> usize {
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
