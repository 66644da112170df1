//! What a test can see: counters always, single deliveries and messages on request.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::find_message;
use crate::error::Result;
use crate::sandbox::ledger::Ledger;
use crate::sandbox::ledger::record::{Outcome, Phase, Record};
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::Message;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateQuery {
    /// Anything but empty and `0`: all messages and deliveries.
    pub full: Option<String>,
    /// The deliveries and the content of one message.
    pub message_id: Option<String>,
    /// Name of an app: its deliveries.
    pub app: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub base_url: String,
    pub apps: Vec<AppState>,
    pub people: Vec<String>,
    pub chats: Vec<ChatState>,
    pub totals: TotalsState,
    /// What clients did wrong in their frames; a correct client leaves it empty.
    pub ack_errors: Vec<AckErrorState>,
    pub faults_armed: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub messages: Option<Vec<MessageState>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deliveries: Option<Vec<DeliveryState>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppState {
    pub name: String,
    pub app_id: String,
    pub connections: usize,
    pub connections_opened: u64,
    pub discoveries: u64,
    pub handshakes_refused: u64,
    pub tokens_issued: u64,
    pub pings: u64,
    pub rest_calls: u64,
    pub scopes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChatState {
    pub chat_id: String,
    pub name: String,
    pub mode: String,
    pub members: Vec<String>,
    pub messages: usize,
    pub dissolved: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TotalsState {
    pub messages: u64,
    /// Events times apps.
    pub events: u64,
    pub attempts: u64,
    pub acked: u64,
    pub refused: u64,
    pub timeouts: u64,
    pub no_connection: u64,
    pub late_acks: u64,
    pub repeated_acks: u64,
    pub unknown_acks: u64,
    pub given_up: u64,
    /// Not acknowledged and not given up.
    pub pending: u64,
    pub ack_errors: u64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    pub ack_max_ms: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AckErrorState {
    pub app: Option<String>,
    pub event_id: Option<String>,
    pub error: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageState {
    pub message_id: String,
    pub chat_id: String,
    pub from: String,
    pub msg_type: String,
    pub content: String,
    pub deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_id: Option<String>,
    pub reactions: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryState {
    pub app: String,
    pub event_id: String,
    pub event_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_id: Option<String>,
    pub phase: String,
    pub attempts: usize,
    /// Positive acknowledgements in time.
    pub acks: u32,
    /// Of each attempt: 200, the refusing code, `null` for silence or no connection.
    pub ack_codes: Vec<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ack_ms: Option<f64>,
}

pub fn state(shared: &Arc<Shared>, query: StateQuery) -> Result<State> {
    let connections: Vec<usize> = {
        let apps = lock(&shared.world).apps.len();
        let links = lock(&shared.links);
        (0..apps).map(|app| links.count(app)).collect()
    };
    let world = lock(&shared.world);
    let full = query.full.as_deref().is_some_and(|full| !matches!(full, "" | "0" | "false"));
    let message = query.message_id.as_deref().map(|id| find_message(&world, id)).transpose()?;
    let app = query.app.as_deref().map(|name| super::find_app(&world, name)).transpose()?;
    let messages = (full || message.is_some()).then(|| {
        let wanted =
            world.messages.iter().filter(|known| message.is_none_or(|number| known.number == number));
        wanted.map(|message| message_state(&world, message)).collect()
    });
    let ledger = lock(&shared.ledger);
    let deliveries = (full || message.is_some() || app.is_some()).then(|| {
        let wanted = ledger.records().filter(|record| {
            message.is_none_or(|number| record.notice.message == Some(number))
                && app.is_none_or(|app| record.notice.app == app)
        });
        wanted.map(|record| delivery_state(&world, record)).collect()
    });
    Ok(State {
        base_url: shared.base_url(),
        apps: app_states(&world, &connections),
        people: world.people.iter().map(|person| person.name.clone()).collect(),
        chats: chat_states(&world),
        totals: totals(&world, &ledger),
        ack_errors: ack_errors(&world, &ledger),
        faults_armed: shared.faults.armed(),
        messages,
        deliveries,
    })
}

fn app_states(world: &World, connections: &[usize]) -> Vec<AppState> {
    let apps = world.apps.iter().zip(connections);
    apps.map(|(app, connections)| AppState {
        name: app.name.clone(),
        app_id: app.app_id.clone(),
        connections: *connections,
        connections_opened: app.counters.connections_opened,
        discoveries: app.counters.discoveries,
        handshakes_refused: app.counters.handshakes_refused,
        tokens_issued: app.counters.tokens_issued,
        pings: app.counters.pings,
        rest_calls: app.counters.rest_calls,
        scopes: app.scopes.iter().cloned().collect(),
    })
    .collect()
}

fn chat_states(world: &World) -> Vec<ChatState> {
    let chats = world.chats.iter().enumerate();
    chats
        .map(|(index, chat)| ChatState {
            chat_id: chat.id.clone(),
            name: if chat.mode == Mode::P2p { world.chat_title(index) } else { chat.name.clone() },
            mode: chat.mode.name().to_owned(),
            members: chat.members.iter().map(|member| world.actor_name(*member).to_owned()).collect(),
            messages: chat.log.len(),
            dissolved: chat.dissolved,
        })
        .collect()
}

fn totals(world: &World, ledger: &Ledger) -> TotalsState {
    let totals = &ledger.totals;
    TotalsState {
        messages: world.first_message + world.messages.len() as u64,
        events: totals.events,
        attempts: totals.attempts,
        acked: totals.acked,
        refused: totals.refused,
        timeouts: totals.timeouts,
        no_connection: totals.no_connection,
        late_acks: totals.late_acks,
        repeated_acks: totals.repeated_acks,
        unknown_acks: totals.unknown_acks,
        given_up: totals.given_up,
        pending: totals.pending,
        ack_errors: totals.ack_errors,
        ack_p50_ms: totals.latency.percentile_ms(0.5),
        ack_p99_ms: totals.latency.percentile_ms(0.99),
        ack_max_ms: totals.latency.max_ms(),
    }
}

fn ack_errors(world: &World, ledger: &Ledger) -> Vec<AckErrorState> {
    let errors = ledger.ack_errors.iter();
    errors
        .map(|error| AckErrorState {
            app: error.app.map(|app| world.apps[app].name.clone()),
            event_id: error.event_id.clone(),
            error: error.error.clone(),
        })
        .collect()
}

fn message_state(world: &World, message: &Message) -> MessageState {
    let reactions = message.reactions.iter();
    MessageState {
        message_id: world.message_id(message.number),
        chat_id: world.chats[message.chat].id.clone(),
        from: world.actor_name(message.sender).to_owned(),
        msg_type: message.msg_type.clone(),
        content: message.content.clone(),
        deleted: message.deleted,
        thread_id: message.thread.map(|thread| world.thread_id(thread)),
        parent_id: message.parent.map(|parent| world.message_id(parent)),
        reactions: reactions.map(|r| (world.actor_name(r.by).to_owned(), r.emoji.clone())).collect(),
    }
}

fn delivery_state(world: &World, record: &Record) -> DeliveryState {
    let phase = match record.phase {
        Phase::Queued => "queued",
        Phase::InFlight => "in_flight",
        Phase::Waiting => "waiting",
        Phase::Acked => "acked",
        Phase::GivenUp => "given_up",
    };
    let code = |outcome: Outcome| match outcome {
        Outcome::Acked { .. } => Some(200),
        Outcome::Refused { code } => Some(code),
        Outcome::Pending | Outcome::TimedOut | Outcome::NoConnection => None,
    };
    let ack_ms = record.attempts.iter().find_map(|attempt| match attempt.outcome {
        Outcome::Acked { after } => Some(after.as_secs_f64() * 1e3),
        Outcome::Pending | Outcome::Refused { .. } | Outcome::TimedOut | Outcome::NoConnection => None,
    });
    DeliveryState {
        app: world.apps[record.notice.app].name.clone(),
        event_id: record.notice.event_id.clone(),
        event_type: record.notice.event_type.clone(),
        message_id: record.notice.message.map(|number| world.message_id(number)),
        phase: phase.to_owned(),
        attempts: record.attempts.len(),
        acks: record.acks,
        ack_codes: record.attempts.iter().map(|attempt| code(attempt.outcome)).collect(),
        ack_ms,
    }
}
