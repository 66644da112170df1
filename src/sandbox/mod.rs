//! An embedded Feishu on the loopback interface: REST, long connection, and a control API to play people
//! and bad luck. For the demo, for every test above the pure core, and for developing agents offline.
//!
//! Facts come from the platform's documentation and its SDKs; where those leave a choice, the sandbox takes
//! one and says so at the place. Many instances live side by side in one process.

mod burst;
mod delivery;
mod faults;
mod feishu;
mod ledger;
mod links;
mod people;
mod serve;
mod shared;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::faults::{At, Fault, FaultKind};
pub use self::feishu::control::events::{Card, CardAnswer, Enter, Event, EventAnswer, Menu, Read};
pub use self::feishu::options::{BotInfo, Cards, ClientConfig, Options, default_scopes};
pub use self::people::burst::{Burst, BurstAnswer};
pub use self::people::chats::{Chat, ChatAnswer, Member, Scopes, ScopesAnswer};
pub use self::people::faults::{ClockRequest, Redeliver, Redelivered};
pub use self::people::say::{React, Recall, Said, Say};
pub use self::people::state::{
    AckErrorState, AppState, ChatState, DeliveryState, MessageState, State, StateQuery, TotalsState,
};

use self::shared::{Shared, lock};
use self::world::actor::Actor;
use crate::error::{Error, Result};

/// Longer than the server itself gives its last requests.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// A running sandbox. Dropping it ends its connections and frees its port.
pub struct Sandbox {
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

/// The credentials of one bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub app_id: String,
    pub app_secret: String,
    pub name: String,
    /// As the app itself sees it.
    pub open_id: String,
}

impl Sandbox {
    /// Listens before it returns: the first request of a client is served.
    pub async fn start(options: Options) -> Result<Sandbox> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let failed = |error: std::io::Error| Error::network(format!("failed to listen on {wanted}: {error}"));
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let shared = Shared::new(options, listener.local_addr().map_err(failed)?);
        let serve = serve::run(Arc::clone(&shared), listener, router(&shared));
        let clock = delivery::run_clock(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            tokio::join!(serve, clock);
        });
        Ok(Sandbox { shared, server: Some(server) })
    }

    /// `http://127.0.0.1:PORT`, what clients take as the platform's domain.
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    pub fn apps(&self) -> Vec<App> {
        let world = lock(&self.shared.world);
        let apps = world.apps.iter().enumerate();
        apps.map(|(index, app)| App {
            app_id: app.app_id.clone(),
            app_secret: app.app_secret.clone(),
            name: app.name.clone(),
            open_id: world.open_id(index, Actor::Bot(index)),
        })
        .collect()
    }

    /// The one line that tells a parent process everything it needs.
    pub fn ready_line(&self) -> String {
        feishu::ready::line(self)
    }

    /// Somebody says something; returns when it is on its way.
    pub fn say(&self, say: Say) -> Result<Said> {
        people::say::say(&self.shared, say)
    }

    pub fn react(&self, react: React) -> Result<()> {
        people::say::react(&self.shared, react).map(drop)
    }

    pub fn recall(&self, recall: Recall) -> Result<()> {
        people::say::recall(&self.shared, recall).map(drop)
    }

    pub fn member(&self, member: Member) -> Result<()> {
        people::chats::member(&self.shared, member).map(drop)
    }

    pub fn chat(&self, chat: Chat) -> Result<ChatAnswer> {
        people::chats::chat(&self.shared, chat)
    }

    pub fn scopes(&self, scopes: Scopes) -> Result<ScopesAnswer> {
        people::chats::scopes(&self.shared, scopes)
    }

    pub fn event(&self, event: Event) -> Result<EventAnswer> {
        feishu::control::events::event(&self.shared, event)
    }

    pub fn read(&self, read: Read) -> Result<()> {
        feishu::control::events::read(&self.shared, read).map(drop)
    }

    pub fn enter(&self, enter: Enter) -> Result<()> {
        feishu::control::events::enter(&self.shared, enter).map(drop)
    }

    pub fn menu(&self, menu: Menu) -> Result<()> {
        feishu::control::events::menu(&self.shared, menu).map(drop)
    }

    /// Presses something in a card and waits for the app's answer.
    pub async fn card(&self, card: Card) -> Result<CardAnswer> {
        feishu::control::events::card(&self.shared, card).await
    }

    pub fn fault(&self, fault: Fault) -> Result<()> {
        people::faults::fault(&self.shared, fault).map(drop)
    }

    pub fn redeliver(&self, redeliver: Redeliver) -> Result<Redelivered> {
        people::faults::redeliver(&self.shared, redeliver)
    }

    pub fn clock(&self, clock: ClockRequest) -> Result<()> {
        people::faults::clock(&self.shared, clock).map(drop)
    }

    pub async fn burst(&self, burst: Burst) -> Result<BurstAnswer> {
        people::burst::burst(&self.shared, burst).await
    }

    pub fn state(&self, query: StateQuery) -> Result<State> {
        people::state::state(&self.shared, query)
    }

    /// Ends all connections and waits until the port is free.
    pub async fn shutdown(mut self) {
        self.shared.stopping.send_replace(true);
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(SHUTDOWN_GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    let platform = feishu::rest::router()
        .route("/callback/ws/endpoint", post(feishu::gate::discover))
        .route("/ws/v2", get(feishu::gate::upgrade));
    feishu::rest::wrap(platform, shared).merge(people::router()).with_state(Arc::clone(shared))
}
