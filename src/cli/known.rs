//! `rooma sync-chats` and `rooma chats-known`: the chats a profile is known to be in.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::Global;
use super::context::{Common, Context};
use crate::error::Result;
use crate::event::ids::ChatId;
use crate::supervisor::{ChatState, KnownChats, Synced};

/// Bring the list of known chats in line with the platform's
///
/// The running supervisor does this by itself, when it connects and daily. Chats that are gone are marked, not
/// deleted.
///
/// Risk: write
///
/// Example:
///   rooma sync-chats
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct SyncArgs {
    #[command(flatten)]
    common: Common,
}

/// List the chats this profile is known to be in, without asking the platform
///
/// Risk: read
///
/// Example:
///   rooma chats-known --format table
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct KnownArgs {
    /// Those it has left, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Shown {
    ok: bool,
    chats: usize,
    joined: Vec<Row>,
    gone: Vec<Row>,
}

#[derive(Serialize)]
struct Listed {
    items: Vec<Row>,
    has_more: bool,
}

#[derive(Serialize)]
struct Row {
    chat_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: ChatState,
    since: String,
}

pub async fn sync(args: SyncArgs, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let Synced { chats, changes } = match context.account.sync_chats().await? {
        Some(synced) => synced,
        None => alone(&context).await?,
    };
    let known = KnownChats::load(&folder(&context), context.clock.wall_ms())?;
    let rows = |state: ChatState| {
        let of_state = changes.iter().filter(move |change| change.state == Some(state));
        let ids: Vec<&str> = of_state.map(|change| change.chat_id.as_str()).collect();
        rows(&known, move |id, _| ids.contains(&id))
    };
    let (joined, gone) = (rows(ChatState::Joined), rows(ChatState::Removed));
    context.output.emit_done(&Shown { ok: true, chats, joined, gone })
}

/// Where no supervisor runs.
async fn alone(context: &Context) -> Result<Synced> {
    let live = context.account.chats(None).await?.items;
    let live: Vec<(ChatId, String)> =
        live.into_iter().map(|chat| (ChatId::new(chat.chat_id), chat.name)).collect();
    let now = context.clock.wall_ms();
    let changes =
        KnownChats::update(&folder(context), now, |known| known.reconcile(&live, &BTreeSet::new(), now))?;
    Ok(Synced { chats: live.len(), changes })
}

pub async fn list(args: KnownArgs, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let known = KnownChats::load(&folder(&context), context.clock.wall_ms())?;
    let items = rows(&known, |_, state| args.all || state == ChatState::Joined);
    context.output.emit(&Listed { items, has_more: false })
}

fn rows(known: &KnownChats, wanted: impl Fn(&str, ChatState) -> bool) -> Vec<Row> {
    let chats = known.chats.iter().filter(|(id, chat)| wanted(id, chat.state));
    chats
        .map(|(id, chat)| Row {
            chat_id: id.clone(),
            name: chat.name.clone(),
            state: chat.state,
            since: chat.since.clone(),
        })
        .collect()
}

fn folder(context: &Context) -> PathBuf {
    context.config.home.data().join(context.profile.name.as_ref())
}
