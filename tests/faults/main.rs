//! Nothing lost, nothing twice, whatever breaks: the built program against a sandbox, under a random schedule of
//! faults. What it does and what came of it: README.md beside this file.
//!
//!   cargo test --test faults
//!   cargo test --release --test faults -- --ignored soak --nocapture
//!
//! The seed is printed; `ROOMA_SEED` repeats one. `ROOMA_SOAK_SECONDS` is for how long the soak strikes (1200).
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "figures and seeds are for people")]

mod crew;
#[path = "../program/random.rs"]
#[allow(dead_code, reason = "shared with the tests of the program as a whole")]
mod random;
mod readers;
mod schedule;
mod senders;
mod storm;
#[path = "../program/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the program as a whole")]
mod support;
mod verdict;

use std::time::Duration;

use random::Random;

/// Of the short run: the same on every machine.
const SHORT_STRIKES: Duration = Duration::from_secs(20);
const SOAK_SECONDS: u64 = 1200;

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_faults_loses_nothing_and_doubles_nothing() {
    storm::run(Random::new("storm"), SHORT_STRIKES).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "by hand: as long as ROOMA_SOAK_SECONDS says"]
async fn soak() {
    let seconds = std::env::var("ROOMA_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    storm::run(Random::new("soak"), Duration::from_secs(seconds.unwrap_or(SOAK_SECONDS))).await;
}

#[test]
fn one_seed_gives_one_schedule() {
    let plan = |seed| {
        let schedule = schedule::Schedule::new(&mut Random::seeded("schedule", seed), SHORT_STRIKES);
        format!("{schedule:?}")
    };
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
}
