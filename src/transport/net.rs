//! One TLS configuration and one HTTP client for everything a process sends.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use super::way::Way;
use super::{Limits, Network, Shared};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::plain;

/// Connections that wait for the next call, per host.
const IDLE_MAX: usize = 32;

/// A file of root certificates: whole systems' have a quarter of it.
const ROOTS_MAX: u64 = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("rooma/", env!("CARGO_PKG_VERSION"));

impl Shared {
    /// Builds the stack for a network without peculiarities.
    pub fn new(clock: Clock, limits: Limits) -> Result<Shared> {
        Shared::within(clock, limits, &Network::default())
    }

    /// Builds the stack. rustls gets its crypto provider here, once per process.
    pub fn within(clock: Clock, limits: Limits, network: &Network) -> Result<Shared> {
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (tls, way) = (tls(network)?, Way::new(network)?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(USER_AGENT)
            .connect_timeout(limits.handshake)
            .timeout(limits.http)
            // `way` decides about proxies, for REST and the WebSocket alike.
            .no_proxy()
            // Credentials go where they were meant to go, not where an answer points to.
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            // A thousand profiles that connect at once leave thousands behind, and each holds buffers.
            .pool_max_idle_per_host(IDLE_MAX);
        let http = way
            .apply(http)?
            .build()
            .map_err(|error| Error::internal(format!("failed to set up HTTP: {error}")))?;
        Ok(Shared { http, tls: Arc::new(tls), way, clock, limits })
    }
}

/// The causes in one sentence, with the host and never with the rest of an address, which may hold what is secret.
pub fn failed(error: reqwest::Error) -> Error {
    let place = error.url().and_then(|url| {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(format!("{host}:{port}: "))
    });
    let error = error.without_url();
    let mut message = format!("{}{error}", place.unwrap_or_default());
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Error::network(message)
}

/// This system's roots, and those of the network's own authority.
fn tls(network: &Network) -> Result<rustls::ClientConfig> {
    let failed = |error: rustls::Error| {
        Error::config(format!("failed to read this system's root certificates: {error}"))
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        Verifier::new_with_extra_roots(extra_roots(network)?, Arc::clone(&provider)).map_err(failed)?;
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // rustls calls every verifier but its own dangerous; this one is the platform's.
    let builder = builder.map_err(failed)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

fn extra_roots(network: &Network) -> Result<Vec<CertificateDer<'static>>> {
    let Some(path) = &network.ca_file else { return Ok(Vec::new()) };
    let failed = |what: String| Error::config(format!("http.ca_file: {}: {what}", plain::shown(path)));
    let bytes = plain::read(path, ROOTS_MAX).map_err(|error| failed(error.to_string()))?;
    let roots: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))?;
    if roots.is_empty() {
        return Err(failed("it holds no certificate".to_owned()).hint("a PEM file, with BEGIN CERTIFICATE"));
    }
    Ok(roots)
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
