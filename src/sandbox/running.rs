//! A running sandbox, whichever platform it plays.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::people::burst::{Burst, BurstAnswer};
use super::people::chats::{Chat, ChatAnswer};
use super::people::members::Member;
use super::people::react::{React, Recall};
use super::people::report::{State, StateQuery};
use super::people::say::{Said, Say};
use super::people::time::{ClockRequest, Redeliver, Redelivered};
use super::platform::Platform;
use super::shared::Shared;
use super::{delivery, people, serve};
use crate::error::{Error, Result};

/// Longer than the server itself gives its last requests.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Dropping it ends its connections and frees its port.
pub struct Running<P: Platform> {
    pub(super) shared: Arc<Shared<P>>,
    server: Option<JoinHandle<()>>,
}

impl<P: Platform> Running<P> {
    /// Listens before it returns; port 0 takes any free one. The world is made once the address is known.
    pub(super) async fn open(
        port: u16,
        make: impl FnOnce(SocketAddr) -> Arc<Shared<P>>,
        router: impl FnOnce(&Arc<Shared<P>>) -> Router<Arc<Shared<P>>>,
    ) -> Result<Running<P>> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |error: std::io::Error| Error::network(format!("failed to listen on {wanted}: {error}"));
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let shared = make(listener.local_addr().map_err(failed)?);
        let router = router(&shared).with_state(Arc::clone(&shared));
        let serve = serve::run(Arc::clone(&shared), listener, router);
        let clock = delivery::run_clock(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            tokio::join!(serve, clock);
        });
        Ok(Running { shared, server: Some(server) })
    }

    /// `http://127.0.0.1:PORT`, what clients take as the platform's domain.
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    /// Somebody says something; returns when it is on its way.
    pub fn say(&self, say: Say) -> Result<Said> {
        people::say::say(&self.shared, say)
    }

    pub fn react(&self, react: React) -> Result<()> {
        people::react::react(&self.shared, react).map(drop)
    }

    pub fn recall(&self, recall: Recall) -> Result<()> {
        people::react::recall(&self.shared, recall).map(drop)
    }

    pub fn member(&self, member: Member) -> Result<()> {
        people::members::member(&self.shared, member).map(drop)
    }

    pub fn chat(&self, chat: Chat) -> Result<ChatAnswer> {
        people::chats::chat(&self.shared, chat)
    }

    pub fn redeliver(&self, redeliver: Redeliver) -> Result<Redelivered> {
        people::time::redeliver(&self.shared, redeliver)
    }

    pub fn clock(&self, clock: ClockRequest) -> Result<()> {
        people::time::clock(&self.shared, clock).map(drop)
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

impl<P: Platform> Drop for Running<P> {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
    }
}
