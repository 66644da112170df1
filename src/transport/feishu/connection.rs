//! One connection from discovery to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::account::State;
use super::api::{self, Bot};
use super::endpoint::{self, Endpoint};
use super::envelope::end_of;
use super::redact::Secrets;
use super::session::Settings;
use super::{conflict, dial, names, serve};
use crate::core::end::End;
use crate::event::ids::UserId;
use crate::transport::{Life, Report, Voice};

pub async fn run(state: &Arc<State>, life: Life) -> End {
    let span = tracing::info_span!("connection", profile = %state.identity.profile, attempt = life.attempt);
    let end = Box::pin(connect_and_serve(state, life).instrument(span.clone())).await;
    tracing::info!(parent: &span, reason = end.reason(), "connection ended");
    end
}

async fn connect_and_serve(state: &Arc<State>, life: Life) -> End {
    let Life { voice, mut stop, alive, .. } = life;
    // Boxed, so that a connection that stands does not carry room for how it came about.
    let established = Box::pin(establish(state, &voice, &mut stop)).await;
    let mut secrets = state.rest.secrets();
    let end = match established {
        Ok((bot, endpoint, socket)) => {
            announce(state, &voice, &bot);
            // Dropped, and with it every task, when the connection ends.
            let mut background = JoinSet::new();
            let asked = names::start(state, &mut background);
            conflict::start(state, &voice, &mut background);
            let pong = state.shared.limits.pong;
            let settings =
                Settings { service: endpoint.service, ping_interval: endpoint.ping_interval, pong };
            let values = endpoint.url.values().map(|value| SecretString::from(value.to_owned()));
            secrets = secrets.and(Secrets::new(values));
            drop(endpoint);
            serve::serve(
                serve::Connection { state: Arc::clone(state), voice, bot, asked, stop, alive },
                settings,
                socket,
            )
            .await
        }
        Err(end) => end,
    };
    secrets.and(state.rest.secrets()).hide_in_end(end)
}

/// A connection over a pipe, established as if by itself: for tests on a paused clock.
#[cfg(test)]
pub async fn run_over(state: &Arc<State>, life: Life, pipe: tokio::io::DuplexStream) -> End {
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    let Life { voice, stop, alive, .. } = life;
    let bot = Arc::new(Bot { name: "Helper".to_owned(), open_id: "ou_bot".to_owned() });
    announce(state, &voice, &bot);
    // Nobody answers questions about names.
    let (asked, _) = tokio::sync::mpsc::channel(1);
    let pong = state.shared.limits.pong;
    let settings = Settings { service: 7, ping_interval: Duration::from_secs(90), pong };
    let socket = WebSocketStream::from_raw_socket(pipe, Role::Client, None).await;
    let connection = serve::Connection { state: Arc::clone(state), voice, bot, asked, stop, alive };
    serve::serve(connection, settings, socket).await
}

async fn establish(
    state: &Arc<State>,
    voice: &Voice,
    stop: &mut watch::Receiver<bool>,
) -> Result<(Arc<Bot>, Endpoint, dial::Socket), End> {
    let patience = state.shared.limits.handshake;
    // The first to fail decides: neither refusal has to wait for the other's answer.
    let both = async { tokio::try_join!(discover(state), identify(state, voice)) };
    let (endpoint, bot) = phase("discovery", patience, stop, both).await?;
    tracing::debug!(connection = endpoint.connection, service = endpoint.service, "discovered");
    let stream = phase("dial", patience, stop, dial::connect(&endpoint.url, &state.shared.way)).await?;
    let upgrade = Box::pin(dial::upgrade(&endpoint.url, stream, Arc::clone(&state.shared.tls)));
    let socket = phase("upgrade", patience, stop, upgrade).await?;
    Ok((bot, endpoint, socket))
}

/// A step on the way to a connection: bounded in time, given up at once when asked to stop.
async fn phase<T>(
    name: &str,
    patience: Duration,
    stop: &mut watch::Receiver<bool>,
    step: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    tokio::select! {
        biased;
        () = stopped(stop) => Err(End::Asked),
        done = tokio::time::timeout(patience, step) => done.unwrap_or_else(|_late| {
            Err(End::Lost { reason: format!("{name} took longer than {:.1} s", patience.as_secs_f64()) })
        }),
    }
}

/// Ends when the connection is to close, or when nobody is left who could say so.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn discover(state: &State) -> Result<Endpoint, End> {
    let answer = state.rest.discover(endpoint::PATH).await.map_err(|error| end_of(&error))?;
    endpoint::read_answer(answer.status, answer.retry_after, &answer.body)
}

/// The bot's identity, the bots it has met, and on the first connection whether somebody else is online with its app.
async fn identify(state: &State, voice: &Voice) -> Result<Arc<Bot>, End> {
    // Courtesies: they may fail, and they may not use up the time for the rest.
    let patience = state.shared.limits.handshake / 2;
    let online = async {
        match state.first_connection() {
            true => tokio::time::timeout(patience, api::online_instances(&state.rest)).await.ok(),
            false => None,
        }
    };
    let met = tokio::time::timeout(patience, state.recall_bots(&voice.appender));
    let (bot, online, _) = tokio::join!(state.bot(), online, met);
    if let Some(Ok(online)) = online {
        conflict::judge(state, voice, online, 0);
    }
    bot.map_err(|error| end_of(&error))
}

fn announce(state: &State, voice: &Voice, bot: &Bot) {
    state.connected_before.store(true, Ordering::Relaxed);
    let (bot_name, bot_open_id) = (bot.name.clone(), UserId::new(bot.open_id.clone()));
    voice.report(Report::Connected { bot_name, bot_open_id });
}
