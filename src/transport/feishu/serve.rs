//! The loop of one open connection. It carries out what the session decides: reads only when it may, hands
//! deliveries to the journal, writes acknowledgements in batches.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::account::State;
use super::api::Bot;
use super::connection::stopped;
use super::delivery::{self, Prepared};
use super::dial::{Incoming, describe};
use super::mention::Doubt;
use super::names::Asked;
use super::session::{Input, Now, Output, Session, Settings};
use crate::core::end::End;
use crate::event::{Dropped, Event, bounded, neutralise};
use crate::journal::{Entry, Settled};
use crate::transport::{Alive, Report, Voice};

/// Messages taken in one go before the loop looks elsewhere: enough to amortise the look, short enough to be
/// a few hundred microseconds.
const READ_BATCH: usize = 32;

/// Answers of the journal whose acks are written together.
const ACK_BATCH: usize = 256;

/// Doubtful messages that are looked into at one time; further ones are decided by name.
const REREADS_MAX: usize = 32;

/// Saying goodbye: flush, close frame, and the other side's answer to it.
const CLOSE_MAX: Duration = Duration::from_millis(500);

/// Of a close frame's reason, what goes into a line.
const REASON_MAX: usize = 120;

/// What a WebSocket runs over: TCP, TLS, or a pipe in a test with a paused clock.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire for S {}

pub struct Connection {
    pub state: Arc<State>,
    pub voice: Voice,
    pub bot: Arc<Bot>,
    pub asked: Asked,
    pub stop: watch::Receiver<bool>,
    pub alive: Alive,
}

/// Why the loop woke up.
enum Wake {
    Stop,
    Settled(Settled),
    /// The journal has room again and took what waited for it.
    Appended,
    /// A doubtful delivery was looked into; `None` when that failed in our own code.
    Resolved(Option<(u64, Prepared)>),
    Incoming(Incoming),
    Flushed(Result<(), String>),
    Due,
}

/// The loop's own hands: what is under way beside the session.
struct Work {
    connection: Connection,
    started: Instant,
    answers: mpsc::UnboundedSender<Settled>,
    /// Entries on their way, which waits only when the journal is behind.
    appending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Deliveries behind the one that waits.
    waiting: VecDeque<(u64, Vec<Entry>)>,
    rereads: JoinSet<(u64, Prepared)>,
    /// Deliveries, or parts of one, that never became whole.
    lost: u64,
    garbage: u64,
}

pub async fn serve<S: Wire>(
    connection: Connection,
    settings: Settings,
    mut socket: WebSocketStream<S>,
) -> End {
    let (answers, mut settled) = mpsc::unbounded_channel();
    let mut stop = connection.stop.clone();
    let mut work = Work {
        started: connection.state.shared.clock.now(),
        connection,
        answers,
        appending: None,
        waiting: VecDeque::new(),
        rereads: JoinSet::new(),
        lost: 0,
        garbage: 0,
    };
    let mut session = Session::new(work.now(), settings);
    let mut timer = Box::pin(sleep_until(work.started));
    let (mut stopping, mut unflushed) = (false, false);
    loop {
        if let Some(end) = work.carry_out(&mut session, &mut socket, &mut unflushed) {
            return farewell(end, &mut socket).await;
        }
        arm(timer.as_mut(), work.started + session.deadline());
        let reading = session.reading() && work.appending.is_none();
        let wake = tokio::select! {
            biased;
            () = stopped(&mut stop), if !stopping => Wake::Stop,
            Some(settled) = settled.recv() => Wake::Settled(settled),
            () = finished(&mut work.appending) => Wake::Appended,
            Some(done) = work.rereads.join_next() => Wake::Resolved(done.ok()),
            wake = either(&mut socket, reading, unflushed) => wake,
            () = timer.as_mut() => Wake::Due,
        };
        let now = work.now();
        match wake {
            Wake::Stop => {
                stopping = true;
                session.handle(now, Input::Stop);
            }
            Wake::Settled(first) => {
                let more = std::iter::from_fn(|| settled.try_recv().ok());
                for Settled { tag, outcome } in std::iter::once(first).chain(more).take(ACK_BATCH) {
                    session.handle(now, Input::Settled { tag, stored: outcome.is_ok() });
                }
            }
            Wake::Appended => {
                work.appending = None;
                work.append_next();
            }
            Wake::Resolved(resolved) => work.resolved(resolved),
            Wake::Flushed(flushed) => {
                unflushed = false;
                session.handle(now, flushed.map_or_else(broken, |()| Input::Flushed));
            }
            Wake::Incoming(first) => work.read(first, &mut session, &mut socket),
            Wake::Due => session.handle(now, Input::Tick),
        }
    }
}

impl Work {
    fn now(&self) -> Now {
        let clock = &self.connection.state.shared.clock;
        Now { mono: clock.now().saturating_duration_since(self.started), wall_ms: clock.wall_ms() }
    }

    /// Takes the message that came and those that are there already.
    fn read<S: Wire>(&mut self, first: Incoming, session: &mut Session, socket: &mut WebSocketStream<S>) {
        self.connection.alive.mark(self.now().wall_ms);
        let mut inbound = first;
        for _ in 0..READ_BATCH {
            session.handle(self.now(), input(inbound));
            self.deliver(session);
            if !session.reading() || self.appending.is_some() {
                return;
            }
            match socket.next().now_or_never() {
                Some(next) => inbound = next,
                None => return,
            }
        }
        session.handle(self.now(), input(inbound));
    }

    /// Starts the deliveries among the session's outputs; the rest waits for [`Work::carry_out`].
    fn deliver(&mut self, session: &mut Session) {
        while let Some(Output::Deliver { .. }) = session.peek() {
            if let Some(Output::Deliver { tag, payload }) = session.poll() {
                self.take(tag, payload);
            }
        }
    }

    /// Does what the session asks for. An end is the last thing it says.
    fn carry_out<S: Wire>(
        &mut self,
        session: &mut Session,
        socket: &mut WebSocketStream<S>,
        unflushed: &mut bool,
    ) -> Option<End> {
        while let Some(output) = session.poll() {
            match output {
                Output::Send(bytes) => {
                    *unflushed = true;
                    // Queued also where the socket is busy; refused only where nothing has left it for long.
                    if let Err(error) = Pin::new(&mut *socket).start_send_unpin(Message::Binary(bytes)) {
                        return Some(End::Lost { reason: describe(&error) });
                    }
                }
                Output::Deliver { tag, payload } => self.take(tag, payload),
                Output::Usable => self.connection.voice.report(Report::Usable),
                Output::Rejected(fault) => self.count_lost(1, fault.word()),
                Output::Expired(count) => self.count_lost(count as u64, "parts did not come"),
                Output::Garbage => self.count_garbage(),
                Output::Finish(end) => return Some(end),
            }
        }
        None
    }

    fn count_garbage(&mut self) {
        self.garbage += 1;
        if self.garbage.is_power_of_two() {
            tracing::warn!(count = self.garbage, "messages that are no frames were ignored");
        }
    }

    /// Incomplete deliveries are not acknowledged and may come again; the reader hears that something was lost.
    fn count_lost(&mut self, count: u64, why: &'static str) {
        tracing::debug!(count, why, "a split delivery could not be put together");
        self.lost += count;
        // One line for 1, 2, 4, 8 … of them: a stranger must not fill the journal with these.
        if self.lost.is_power_of_two() {
            let event =
                Event::Dropped(Dropped { reason: "incomplete_delivery".to_owned(), count: self.lost });
            self.connection.voice.say(&event);
        }
    }

    fn take(&mut self, tag: u64, payload: Bytes) {
        let Connection { state, bot, asked, .. } = &self.connection;
        if let Some(marker) = &state.marks.crash {
            let hit = payload.windows(marker.len().max(1)).any(|window| window == marker.as_bytes());
            assert!(!hit, "injected crash");
        }
        let prepared = delivery::prepare(state, bot, asked, payload, Doubt::Report);
        self.prepared(tag, prepared);
    }

    fn prepared(&mut self, tag: u64, prepared: Prepared) {
        let Connection { state, bot, asked, .. } = &self.connection;
        match prepared {
            Prepared::Append(events) => {
                let intake = &self.connection.voice.intake;
                let entries = events.into_iter().map(|event| intake.entry(event)).collect();
                self.waiting.push_back((tag, entries));
                self.append_next();
            }
            Prepared::Nothing => {
                let outcome = Ok(crate::journal::Appended::Duplicate);
                let _ = self.answers.send(Settled { tag, outcome });
            }
            Prepared::Doubtful(doubtful) if self.rereads.len() < REREADS_MAX => {
                let (state, bot, asked) = (Arc::clone(state), Arc::clone(bot), asked.clone());
                self.rereads.spawn(async move { (tag, delivery::settle(state, bot, asked, doubtful).await) });
            }
            Prepared::Doubtful(doubtful) => {
                let prepared = delivery::by_name(state, bot, asked, doubtful);
                self.prepared(tag, prepared);
            }
        }
    }

    fn resolved(&mut self, resolved: Option<(u64, Prepared)>) {
        // A task that panicked leaves its delivery unacknowledged: it comes again.
        if let Some((tag, prepared)) = resolved {
            self.prepared(tag, prepared);
        }
    }

    /// Hands entries to the journal, one delivery after the other. It takes them at once unless it is behind.
    fn append_next(&mut self) {
        while self.appending.is_none() {
            let Some((tag, entries)) = self.waiting.pop_front() else { return };
            let (appender, answers) = (self.connection.voice.appender.clone(), self.answers.clone());
            let mut append = Box::pin(async move { appender.append(entries, &answers, tag).await });
            if (&mut append).now_or_never().is_none() {
                self.appending = Some(append);
            }
        }
    }
}

/// The socket, polled once for both directions.
async fn either<S: Wire>(socket: &mut WebSocketStream<S>, reading: bool, unflushed: bool) -> Wake {
    std::future::poll_fn(|cx| {
        if unflushed && let Poll::Ready(flushed) = socket.poll_flush_unpin(cx) {
            return Poll::Ready(Wake::Flushed(flushed.map_err(|error| describe(&error))));
        }
        if reading {
            return socket.poll_next_unpin(cx).map(Wake::Incoming);
        }
        Poll::Pending
    })
    .await
}

async fn finished(appending: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match appending {
        Some(append) => append.await,
        None => std::future::pending().await,
    }
}

/// Moves the timer only where it would come too late: a deadline that moved away is found when it fires.
fn arm(timer: Pin<&mut Sleep>, deadline: Instant) {
    if timer.is_elapsed() || deadline < timer.deadline() {
        timer.reset(deadline);
    }
}

fn input(inbound: Incoming) -> Input {
    match inbound {
        Some(Ok(Message::Binary(bytes))) => Input::Message(bytes),
        Some(Ok(Message::Close(frame))) => {
            let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
            let reason = neutralise(bounded(reason, REASON_MAX));
            Input::Closed { code: frame.map(|frame| frame.code.into()), reason }
        }
        // Text is no part of the protocol; control frames are answered by the library.
        Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Input::Noise,
        Some(Err(error)) => broken(describe(&error)),
        None => broken("the stream ended without a close".to_owned()),
    }
}

fn broken(reason: String) -> Input {
    Input::Broken { reason }
}

/// Leaves in good order where there is somebody to leave. Reading on matters: a socket closed with unread data
/// resets the connection, and the last acks with it.
async fn farewell<S: Wire>(end: End, socket: &mut WebSocketStream<S>) -> End {
    let goodbye = async {
        match &end {
            End::Asked => {
                let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                let _ = socket.close(Some(close)).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
            End::Closed { .. } => {
                let _ = socket.flush().await;
            }
            _ => {}
        }
    };
    let _ = timeout(CLOSE_MAX, goodbye).await;
    end
}
