//! One live connection: a writer fed by its outbox and a reader of pings and acknowledgements, side by side,
//! so that a client that is slow to read can still be heard.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use super::encode::Chunking;
use super::frame::{self, CONTROL, DATA};
use super::gate::pause;
use crate::sandbox::delivery::with_ledger;
use crate::sandbox::faults::{At, FaultKind};
use crate::sandbox::links::Outgoing;
use crate::sandbox::shared::{Shared, lock};

/// Written between two flushes.
const BATCH: usize = 256;
/// How long a closing connection waits for the client's close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// Chunks of a fault that does not say how many.
const DEFAULT_PARTS: usize = 3;

/// A slot among the app's connections; dropping it gives the slot back, whatever became of the socket.
pub struct Connection {
    pub shared: Arc<Shared>,
    pub app: usize,
    pub service: i32,
    pub id: u64,
    pub abort: Arc<Notify>,
    pub sender: mpsc::WeakSender<Outgoing>,
    pub outbox: mpsc::Receiver<Outgoing>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.shared.links).close(self.app, self.id);
        self.outbox.close();
        while let Ok(outgoing) = self.outbox.try_recv() {
            if let Outgoing::Delivery { record, .. } = outgoing {
                let now = self.shared.clock.now();
                with_ledger(&self.shared, |ledger| ledger.miss(record, now));
            }
        }
    }
}

/// What becomes of one event at the writer.
enum Handling {
    Send(Option<Chunking>),
    /// Counts as sent and is not: the client is behind a deaf connection.
    Swallow,
}

impl Connection {
    pub async fn run(mut self, socket: WebSocket) {
        let (sink, stream) = socket.split();
        let reader = Reader {
            shared: Arc::clone(&self.shared),
            app: self.app,
            service: self.service,
            sender: self.sender.clone(),
        };
        let (abort, shared) = (Arc::clone(&self.abort), Arc::clone(&self.shared));
        tokio::select! {
            () = abort.notified() => {}
            () = shared.stopped() => {}
            () = reader.run(stream) => {}
            () = self.write(sink) => {}
        }
    }

    async fn write(&mut self, mut sink: SplitSink<WebSocket, Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.outbox.recv_many(&mut batch, BATCH).await > 0 {
            let closing = batch.iter().any(|outgoing| matches!(outgoing, Outgoing::Close(_)));
            for message in self.stage(&mut batch) {
                if sink.feed(message).await.is_err() {
                    return;
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
            if closing {
                tokio::time::sleep(CLOSE_GRACE).await;
                return;
            }
        }
    }

    /// Turns a batch into messages under one lock of the ledger.
    fn stage(&self, batch: &mut Vec<Outgoing>) -> Vec<Message> {
        let handlings: Vec<Handling> = batch.iter().map(|outgoing| self.handling(outgoing)).collect();
        let now = self.shared.clock.now();
        let mut messages = Vec::with_capacity(batch.len());
        with_ledger(&self.shared, |ledger| {
            for (outgoing, handling) in batch.drain(..).zip(handlings) {
                match outgoing {
                    Outgoing::Delivery { record, permit } => {
                        let mut begin = |chunking, permit: Option<OwnedSemaphorePermit>| {
                            ledger.begin(record, self.id, chunking, permit, now)
                        };
                        match handling {
                            Handling::Send(chunking) => {
                                messages.extend(begin(chunking, permit).into_iter().map(Message::Binary));
                            }
                            Handling::Swallow => drop(begin(None, permit)),
                        }
                    }
                    Outgoing::Binary(bytes) => messages.push(Message::Binary(bytes)),
                    Outgoing::Text(text) => messages.push(Message::Text(text.into())),
                    Outgoing::Close(code) => {
                        let frame = CloseFrame { code, reason: "closed by the sandbox".into() };
                        messages.push(Message::Close(Some(frame)));
                    }
                }
            }
        });
        messages
    }

    fn handling(&self, outgoing: &Outgoing) -> Handling {
        let faults = &self.shared.faults;
        let app = Some(self.app);
        if faults.armed() == 0 || !matches!(outgoing, Outgoing::Delivery { .. }) {
            return Handling::Send(None);
        }
        if faults.take(FaultKind::Mute, app).or_else(|| faults.take(FaultKind::Deaf, app)).is_some() {
            return Handling::Swallow;
        }
        Handling::Send(faults.take(FaultKind::Chunk, app).map(|fault| Chunking {
            parts: fault.parts.unwrap_or(DEFAULT_PARTS),
            shuffle: fault.shuffle,
            duplicate: fault.duplicate,
            missing: fault.missing,
        }))
    }
}

struct Reader {
    shared: Arc<Shared>,
    app: usize,
    service: i32,
    sender: mpsc::WeakSender<Outgoing>,
}

impl Reader {
    async fn run(self, mut stream: SplitStream<WebSocket>) {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) => self.frame(bytes),
                Message::Text(_) => self.complain("a text message".to_owned()),
                // The next read answers a close frame and then ends the stream.
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
            }
        }
    }

    fn frame(&self, bytes: Bytes) {
        let frame = match frame::decode(bytes) {
            Ok(frame) => frame,
            Err(error) => return self.complain(error),
        };
        match (frame.method, frame.header("type")) {
            (CONTROL, Some("ping")) => self.ping(&frame),
            (DATA, Some("event" | "card")) => {
                let now = self.shared.clock.now();
                with_ledger(&self.shared, |ledger| ledger.acknowledge(self.app, &frame, now));
            }
            (method, kind) => self.complain(format!("unexpected frame: method {method}, type {kind:?}")),
        }
    }

    fn complain(&self, error: String) {
        with_ledger(&self.shared, |ledger| ledger.complain(Some(self.app), None, error));
    }

    fn ping(&self, ping: &frame::Frame) {
        lock(&self.shared.world).apps[self.app].counters.pings += 1;
        if ping.service != self.service {
            self.complain(format!("ping of service {} instead of {}", ping.service, self.service));
        }
        let (faults, app) = (&self.shared.faults, Some(self.app));
        if faults.take(FaultKind::Mute, app).is_some() {
            return;
        }
        let bytes: Bytes = frame::pong(self.service, self.pong_payload()).encode_to_vec().into();
        match faults.take_at(FaultKind::Slow, At::Pong, app) {
            None => self.send(Outgoing::Binary(bytes)),
            Some(slow) => {
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    pause(&slow).await;
                    if let Some(sender) = sender.upgrade() {
                        // A connection that ended meanwhile needs no pong.
                        let _ = sender.try_send(Outgoing::Binary(bytes));
                    }
                });
            }
        }
    }

    fn pong_payload(&self) -> Option<Bytes> {
        let (faults, app) = (&self.shared.faults, Some(self.app));
        let config = || serde_json::to_string(&self.shared.options.client_config).unwrap_or_default();
        let broken = r#"{"PingInterval":"soon","ReconnectInterval":-7,"ReconnectCount":null}"#;
        if let Some(fault) = faults.take(FaultKind::BadPong, app) {
            return Some(fault.payload.unwrap_or_else(|| broken.to_owned()).into());
        }
        if let Some(fault) = faults.take(FaultKind::PongConfig, app) {
            return Some(fault.payload.unwrap_or_else(config).into());
        }
        self.shared.options.pong_config.then(|| config().into())
    }

    fn send(&self, outgoing: Outgoing) {
        if let Some(sender) = self.sender.upgrade() {
            // With 65,536 events in front of it a pong is late anyway.
            let _ = sender.try_send(outgoing);
        }
    }
}
