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

/// Short times, so that a deadline costs a test milliseconds.
pub fn quick() -> Options {
    Options {
        ack_deadline: Duration::from_millis(150),
        redelivery: vec![Duration::from_millis(50), Duration::from_millis(50)],
        ..Options::default()
    }
}

pub async fn start(options: Options) -> Sandbox {
    rustls::crypto::ring::default_provider().install_default().ok();
    Sandbox::start(options).await.expect("the sandbox starts")
}

pub fn state(sandbox: &Sandbox) -> State {
    sandbox.state(StateQuery { full: Some("1".to_owned()), ..StateQuery::default() }).expect("state")
}

/// Looks until the state is as wished; the deadline is far above what a busy machine needs.
pub async fn until(sandbox: &Sandbox, what: &str, wished: impl Fn(&State) -> bool) -> State {
    for _ in 0..500 {
        let state = state(sandbox);
        if wished(&state) {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}\n{:#?}", state(sandbox));
}
