//! A sandbox that plays Feishu.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::control::card::{Card, CardAnswer};
use super::control::events::{Enter, Event, EventAnswer, Menu, Read};
use super::control::scopes::{Scopes, ScopesAnswer};
use super::faults::Fault;
use super::options::Options;
use super::{Feishu, Shared, control, gate, ready, rest};
use crate::error::Result;
use crate::sandbox::lock::lock;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::{Running, people};

pub type Sandbox = Running<Feishu>;

/// The credentials of one bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub app_id: String,
    pub app_secret: String,
    pub name: String,
    /// As the app itself sees it.
    pub open_id: String,
}

impl Running<Feishu> {
    /// Listens before it returns: the first request of a client is served.
    pub async fn start(options: Options) -> Result<Sandbox> {
        let port = options.port;
        Running::open(port, |address| Feishu::new(options).share(address), router).await
    }

    pub fn apps(&self) -> Vec<App> {
        let (world, feishu) = (lock(&self.shared.world), &self.shared.platform);
        let apps = world.apps.iter().zip(&feishu.apps).enumerate();
        apps.map(|(index, (app, credentials))| App {
            app_id: app.id.clone(),
            app_secret: credentials.secret.clone(),
            name: app.name.clone(),
            open_id: feishu.open_id(index, Actor::Bot(index)),
        })
        .collect()
    }

    /// The one line that tells a parent process everything it needs.
    pub fn ready_line(&self) -> String {
        ready::line(self)
    }

    pub fn scopes(&self, scopes: Scopes) -> Result<ScopesAnswer> {
        control::scopes::scopes(&self.shared, scopes)
    }

    pub fn event(&self, event: Event) -> Result<EventAnswer> {
        control::events::event(&self.shared, event)
    }

    pub fn read(&self, read: Read) -> Result<()> {
        control::events::read(&self.shared, read).map(drop)
    }

    pub fn enter(&self, enter: Enter) -> Result<()> {
        control::events::enter(&self.shared, enter).map(drop)
    }

    pub fn menu(&self, menu: Menu) -> Result<()> {
        control::events::menu(&self.shared, menu).map(drop)
    }

    /// Presses something in a card and waits for the app's answer.
    pub async fn card(&self, card: Card) -> Result<CardAnswer> {
        control::card::card(&self.shared, card).await
    }

    pub fn fault(&self, fault: Fault) -> Result<()> {
        control::faults::fault(&self.shared, fault).map(drop)
    }
}

fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let platform = rest::router()
        .route("/callback/ws/endpoint", post(gate::discover))
        .route("/ws/v2", get(gate::upgrade));
    rest::wrap(platform, shared).merge(control::router()).merge(people::router())
}
