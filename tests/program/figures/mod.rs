//! What the project promises in figures: nothing lost and nothing twice, whoever is killed, and memory that does not
//! follow a stalled reader. Short here; in full with
//!
//!   cargo test --release --test program figures -- --ignored --nocapture --test-threads 1
//!
//! Schedules are random: the seed is printed, and `ROOMA_SEED` repeats one.

#![allow(clippy::print_stdout, reason = "figures and seeds are for people")]

mod endings;
mod readers;
mod stalled;
mod supervisors;

use std::sync::Arc;
use std::time::Duration;

use rooma::sandbox::{Burst, Options, Sandbox};

use crate::support::World;

/// Events in small bursts, spread over the time that something else takes.
struct Feed {
    events: usize,
    chunk: usize,
    every: Duration,
}

/// The sandbox beside its world, so that one task may feed while another kills.
async fn world(options: Options) -> (World, Arc<Sandbox>) {
    let world = World::with(Options { chat_qps: None, ..options }).await;
    let sandbox = Arc::clone(&world.sandbox);
    (world, sandbox)
}

impl Feed {
    fn start(self, sandbox: Arc<Sandbox>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            let mut left = self.events;
            while left > 0 {
                let count = self.chunk.min(left);
                let burst = Burst { chat: Some("lobby".into()), count, ..Burst::default() };
                sandbox.burst(burst).await.unwrap();
                left -= count;
                tokio::time::sleep(self.every).await;
            }
        })
    }
}
