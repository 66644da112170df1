//! One TLS configuration and one HTTP client for everything a process sends.

use std::sync::Arc;

use rustls_platform_verifier::ConfigVerifierExt;

use super::{Limits, Shared};
use crate::clock::Clock;
use crate::error::{Error, Result};

const USER_AGENT: &str = concat!("rooma/", env!("CARGO_PKG_VERSION"));

impl Shared {
    /// Builds the stack. rustls gets its crypto provider here, once per process.
    pub fn new(clock: Clock, limits: Limits) -> Result<Shared> {
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ClientConfig::with_platform_verifier().map_err(|error| {
            Error::config(format!("failed to read this system's root certificates: {error}"))
        })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(USER_AGENT)
            .connect_timeout(limits.handshake)
            .timeout(limits.http)
            // The WebSocket knows no proxies yet, and half a connection through one helps nobody; for a platform
            // on this machine a proxy would even be shown the secret.
            .no_proxy()
            // Credentials go where they were meant to go, not where an answer points to.
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .build()
            .map_err(|error| Error::internal(format!("failed to set up HTTP: {error}")))?;
        Ok(Shared { http, tls: Arc::new(tls), clock, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// reqwest takes the configuration as `Any`: two versions of rustls would only be noticed here.
    #[test]
    fn reqwest_accepts_our_tls_configuration() {
        Shared::new(Clock::system(), Limits::default()).unwrap();
        Shared::new(Clock::system(), Limits::default()).unwrap();
    }
}
