pub mod client;
pub mod rest_client;
pub mod wire;

mod burst;
mod control;
mod delivery;
mod events;
mod faults;
mod gate;
mod hearing;
mod messages;
mod program;
mod resources;
mod rest;

use std::time::Duration;

use rooma::sandbox::{Options, Sandbox, State, StateQuery};

/// Far beyond what anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Nothing is late because the machine is busy.
pub fn patient() -> Options {
    Options { ack_deadline: Duration::from_secs(3600), ..Options::default() }
}

/// Short times, so that a deadline costs a test milliseconds. What comes too late is given up.
pub fn quick() -> Options {
    Options {
        ack_deadline: Duration::from_millis(150),
        redelivery: vec![Duration::from_millis(50), Duration::from_millis(50)],
        ..Options::default()
    }
}

/// The same with many steps: on a busy machine some are missed.
pub fn persistent() -> Options {
    Options { redelivery: vec![Duration::from_millis(50); 250], ..quick() }
}

pub async fn start(options: Options) -> Sandbox {
    rustls::crypto::ring::default_provider().install_default().ok();
    Sandbox::start(options).await.expect("the sandbox starts")
}

pub fn state(sandbox: &Sandbox) -> State {
    sandbox.state(StateQuery { full: Some("1".to_owned()), ..StateQuery::default() }).expect("state")
}

/// Looks until the state is as wished.
pub async fn until(sandbox: &Sandbox, what: &str, wished: impl Fn(&State) -> bool) -> State {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        let state = state(sandbox);
        if wished(&state) {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}\n{:#?}", state(sandbox));
}
