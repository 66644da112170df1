//! What the project promises in figures: nothing lost and nothing twice, whoever is killed, and memory that does not
//! follow a stalled reader. Short here; in full with
//!
//!   cargo test --release --test program figures -- --ignored --nocapture --test-threads 1
//!
//! Schedules are random: the seed is printed, and `ROOMA_SEED` repeats one.

#![allow(clippy::print_stdout, reason = "figures and seeds are for people")]

mod readers;
mod stalled;
mod supervisors;

use std::sync::Arc;
use std::time::Duration;

use rooma::sandbox::{Burst, Options, Sandbox};

use crate::support::{World, options};

/// A schedule that can be repeated (SplitMix64).
struct Random(u64);

impl Random {
    fn new(what: &str) -> Random {
        let named = std::env::var("ROOMA_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = named.unwrap_or_else(|| {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(what)
        });
        println!("{what}: ROOMA_SEED={seed}");
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// Events in small bursts, spread over the time that something else takes.
struct Feed {
    events: usize,
    chunk: usize,
    every: Duration,
}

/// The sandbox beside its world, so that one task may feed while another kills.
async fn world() -> (World, Arc<Sandbox>) {
    let options =
        Options { chat_qps: None, redelivery: vec![Duration::from_millis(300); 2000], ..options(1) };
    let world = World::with(options).await;
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
