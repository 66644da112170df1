//! The accept loop. axum's own writes header names in small letters, and there are clients that look for theirs with
//! capitals.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::shared::Shared;

/// How long a shutdown waits for requests that are being answered.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// Out of file descriptors, say: the next try finds some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until the sandbox stops; then the port is free and no connection is left.
pub async fn run<P: Send + Sync + 'static>(shared: Arc<Shared<P>>, listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stopped() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(Arc::clone(&shared), stream, router.clone()));
            }
            Err(error) => {
                tracing::warn!("the sandbox failed to accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    // What is not answered by then is cut off.
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, rest).await;
}

async fn serve<P: Send + Sync + 'static>(shared: Arc<Shared<P>>, stream: TcpStream, router: Router) {
    // Small frames have to leave at once; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // A client that goes away or speaks nonsense is its own business.
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shared.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!("a connection of the sandbox ended: {error}");
    }
}
