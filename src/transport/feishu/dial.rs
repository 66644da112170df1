//! From an address to an open WebSocket.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::endpoint::read_refusal;
use super::rest::retry_after;
use super::url::SocketUrl;
use crate::core::end::End;
use crate::transport::Way;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Allocated for each connection, idle or not. Holds a dozen events; larger frames grow it.
const READ_BUFFER: usize = 8 * 1024;

/// Acks are gathered up to this size before they are written in any case.
const WRITE_BUFFER: usize = 16 * 1024;

/// What may wait for a peer that does not read: more than the session lets through, so that only the library's
/// own answers to pings can fill it.
const UNTAKEN_MAX: usize = 4 * 1024 * 1024;

/// One message holds one frame of the platform, and a delivery fits in one when it is not split.
const MESSAGE_MAX: usize = 16 * 1024 * 1024;
const FRAME_MAX: usize = 8 * 1024 * 1024;

pub async fn connect(url: &SocketUrl, way: &Way) -> Result<TcpStream, End> {
    let stream = way.connect(url.host(), url.port()).await;
    let stream = stream
        .map_err(|error| lost(&format!("failed to connect to {}:{}: {error}", url.host(), url.port())))?;
    // Acks are small and wanted at once.
    stream.set_nodelay(true).map_err(|error| lost(&error.to_string()))?;
    Ok(stream)
}

/// TLS where the address asks for it, and the upgrade.
pub async fn upgrade(
    url: &SocketUrl,
    stream: TcpStream,
    tls: Arc<rustls::ClientConfig>,
) -> Result<Socket, End> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(UNTAKEN_MAX)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let connector = Some(Connector::Rustls(tls));
    match client_async_tls_with_config(url.secret(), stream, Some(config), connector).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(refused(&response)),
        Err(error) => {
            Err(lost(&format!("the upgrade at {}:{} failed: {}", url.host(), url.port(), describe(&error))))
        }
    }
}

/// An error of the socket without anything that came over it.
pub fn describe(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => error.to_string(),
        tungstenite::Error::Protocol(error) => error.to_string(),
        tungstenite::Error::Capacity(error) => error.to_string(),
        tungstenite::Error::Tls(error) => error.to_string(),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => "closed".to_owned(),
        tungstenite::Error::WriteBufferFull(_) => "the other side does not read".to_owned(),
        tungstenite::Error::Utf8(_) => "text that is not UTF-8".to_owned(),
        // These can quote a URL or a header.
        tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_)
        | tungstenite::Error::AttackAttempt => "not a WebSocket".to_owned(),
    }
}

fn refused<B>(response: &Response<B>) -> End {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let wait = retry_after(|name| header(name).map(str::to_owned));
    read_refusal(response.status().as_u16(), wait, header)
}

fn lost(reason: &str) -> End {
    End::Lost { reason: reason.to_owned() }
}

/// What a socket can bring: a message, its end, or its failure.
pub type Incoming = Option<Result<Message, tungstenite::Error>>;
