//! The real tree over scripted connections, on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, advance, sleep};

mod connections;
mod profiles;
mod stopping;
mod upkeep;
mod wire;

use super::root::Root;
use super::*;
use crate::clock::Clock;
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::event::ids::UserId;
use crate::journal::{Appender, Inbox};
use crate::transport::{Life, Report, Rooms};

/// What one connection of a script does.
#[derive(Clone, Debug)]
enum Act {
    /// Ends before it works.
    Fail(End),
    /// Works for a while, then ends.
    Work(Duration, End),
    Panic,
    /// Works until it is asked to close.
    Stay,
    /// Works and ignores that it is asked to close.
    Deaf,
}

/// A seat whose connections follow a script; after its end they stay.
fn seat(name: &str, script: Vec<Act>) -> (Seat, Arc<Mutex<Vec<Instant>>>) {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let (seen, script) = (Arc::clone(&dials), Arc::new(Mutex::new(VecDeque::from(script))));
    let dial: Dial = Arc::new(move |life| {
        seen.lock().unwrap().push(Instant::now());
        let act = script.lock().unwrap().pop_front().unwrap_or(Act::Stay);
        Box::pin(play(act, life))
    });
    (seat_of(name, dial), dials)
}

fn seat_of(name: &str, dial: Dial) -> Seat {
    let perform: Perform = Arc::new(|_, _| Box::pin(async { Ok(Value::Null) }));
    let relay: Relay = Arc::new(|_| Box::pin(async { Ok(None) }));
    let fetch: Fetch = Arc::new(|_| Box::pin(async { Ok(Default::default()) }));
    Seat {
        name: Arc::from(name),
        transport: crate::transport::Transport::Feishu,
        intake: intake(name),
        app_id: format!("cli_{name}"),
        dial,
        perform,
        fetch,
        relay,
    }
}

fn intake(name: &str) -> crate::transport::Intake {
    crate::transport::Intake {
        profile: Arc::from(name),
        transport: "feishu",
        owner: None,
        gates: Default::default(),
        rooms: Rooms::default(),
    }
}

async fn play(act: Act, life: Life) -> End {
    let Life { voice, mut stop, .. } = life;
    let report = voice.report;
    let works = |works: bool| {
        if works {
            report(Report::Connected { bot_name: "Bot".into(), bot_open_id: UserId::new("ou_1") });
            report(Report::Usable);
        }
    };
    match act {
        Act::Fail(end) => end,
        Act::Panic => panic!("injected"),
        Act::Work(up, end) => {
            works(true);
            sleep(up).await;
            end
        }
        Act::Stay => {
            works(true);
            let _ = stop.wait_for(|stop| *stop).await;
            End::Asked
        }
        Act::Deaf => {
            works(true);
            std::future::pending().await
        }
    }
}

struct Stage {
    root: Root,
    inbox: Inbox,
    start: Instant,
}

async fn stage(seats: Vec<Seat>) -> Stage {
    let (appender, inbox) = Appender::for_test();
    let start = Instant::now();
    let policy = Policy { jitter: 0.0, ..Policy::default() };
    let root = Root::start(appender, policy, Clock::simulated(0), seats, None).await.unwrap();
    root.begin();
    Stage { root, inbox, start }
}

impl Stage {
    /// The lines said so far: who, what, and the body.
    fn lines(&mut self) -> Vec<(String, String, Value)> {
        let mut lines = Vec::new();
        while let Some(batch) = self.inbox.try_next() {
            for entry in batch.entries {
                let body = serde_json::from_str(&format!("{{{}}}", entry.rendered.body)).unwrap();
                lines.push((entry.profile.unwrap().to_string(), entry.rendered.type_name.to_owned(), body));
            }
        }
        lines
    }

    fn seconds(&self, dials: &Arc<Mutex<Vec<Instant>>>) -> Vec<u64> {
        dials.lock().unwrap().iter().map(|at| (*at - self.start).as_secs()).collect()
    }
}

/// Lets time pass in small steps, so that everything due in between happens in its order.
async fn pass(duration: Duration) {
    let step = Duration::from_millis(500);
    let mut left = duration;
    while !left.is_zero() {
        let now = left.min(step);
        advance(now).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        left -= now;
    }
}

fn lost() -> End {
    End::Lost { reason: "reset".into() }
}

fn unauthorized() -> End {
    End::Unauthorized {
        code: Some(10_015),
        message: "app secret is wrong".into(),
        hint: Some("check it".into()),
    }
}
