//! `rooma room` and `rooma floor`: how a room is, and whose turn it is.

use serde::Serialize;

use super::Global;
use super::context::{ChatArg, Common, Context, shown};
use crate::config::{Profile, Span};
use crate::core::turns::floor::Floor;
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::rooms::wall_of;
use crate::supervisor::KnownChats;
use crate::supervisor::room::reason;
use crate::supervisor::rooms::{Room, rules};

/// Show how a room is, and stop or let go on the agents in it
///
/// Agents that answer each other without end are stopped by themselves: after ten messages of bots without a
/// person's, twenty in a minute, or when they repeat themselves (config/rooms.yaml). A person's message resumes the
/// room.
///
/// Examples:
///   rooma room status --chat ops
///   rooma room pause --chat ops --for 10m
///   rooma room resume --chat ops
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show the turns of bots in a room, whether it is paused, and who holds the floor
    ///
    /// Risk: read
    ///
    /// Example:
    ///   rooma room status --chat ops
    #[command(verbatim_doc_comment)]
    Status(Of),
    Pause(PauseArgs),
    /// Let the agents in a room go on
    ///
    /// Risk: write
    ///
    /// Example:
    ///   rooma room resume --chat ops
    #[command(verbatim_doc_comment)]
    Resume(Of),
}

/// Which room.
#[derive(Debug, clap::Args)]
struct Of {
    #[command(flatten)]
    chat: ChatArg,
    #[command(flatten)]
    common: Common,
}

/// Stop all our agents in a room
///
/// Sends into it are refused until it is resumed; a person's message does not do that.
///
/// Risk: write
///
/// Example:
///   rooma room pause --chat ops --for 10m
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct PauseArgs {
    #[command(flatten)]
    of: Of,
    /// Resume by itself after this time
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<Span>,
}

/// Whose turn it is, where a message addresses several of ours
///
/// Each line of such a message carries floor: who answers first, in which order, and until when. Where
/// config/rooms.yaml says floor: enforce, the others' sends are refused until the holder has spoken.
///
/// Examples:
///   rooma floor status --chat ops
///   rooma --profile bob floor pass --chat ops
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct FloorArgs {
    #[command(subcommand)]
    verb: FloorVerb,
}

#[derive(Debug, clap::Subcommand)]
enum FloorVerb {
    /// Show whose turn it is
    ///
    /// Risk: read
    ///
    /// Example:
    ///   rooma floor status --chat ops
    #[command(verbatim_doc_comment)]
    Status(Of),
    /// Let the next one speak
    ///
    /// Risk: write
    ///
    /// Example:
    ///   rooma --profile bob floor pass --chat ops
    #[command(verbatim_doc_comment)]
    Pass(Of),
    /// Speak now, out of turn
    ///
    /// Risk: write
    ///
    /// Example:
    ///   rooma --profile bob floor take --chat ops
    #[command(verbatim_doc_comment)]
    Take(Of),
}

#[derive(Serialize)]
struct RoomStatus {
    ok: bool,
    chat_id: ChatId,
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Of bots, since a person spoke.
    turns: usize,
    turns_max: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<FloorStatus>,
}

#[derive(Serialize)]
struct FloorStatus {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    order: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

#[derive(Serialize)]
struct FloorOnly {
    ok: bool,
    chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<FloorStatus>,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    match args.verb {
        Verb::Status(of) => {
            let (context, chat) = open(&of, global).await?;
            let room = context.in_rooms().room(&chat)?;
            context.output.emit(&status(&context, chat, &room))
        }
        Verb::Pause(PauseArgs { of, duration }) => {
            let (context, chat) = open(&of, global).await?;
            let for_ms = duration.map(|span| crate::clock::millis(span.0));
            changed(&context, chat, |room, now| {
                room.guard.pause(now, for_ms);
            })
            .await
        }
        Verb::Resume(of) => {
            let (context, chat) = open(&of, global).await?;
            changed(&context, chat, |room, _| {
                room.guard.resume();
            })
            .await
        }
    }
}

async fn open(of: &Of, global: &Global) -> Result<(Context, ChatId)> {
    let context = Context::open(global, &of.common).await?;
    let chat = context.chat(of.chat.chat.as_deref()).await?;
    match elsewhere(&context, &chat) {
        None => Ok((context, chat)),
        Some(profile) => {
            let (mine, here) = (&context.profile.name, shown(chat.as_str()));
            Err(Error::validation(format!(
                "{here} is a chat of {profile}'s platform, and {mine} is on another one"
            ))
            .subtype("unknown_chat")
            .hint(format!("act as a profile that sits there: --profile {profile}")))
        }
    }
}

/// Whose chat it is, where it is one of another realm: a change there would stop nobody.
fn elsewhere(context: &Context, chat: &ChatId) -> Option<String> {
    let (data, now, realm) = (context.config.home.data(), context.clock.wall_ms(), context.profile.realm());
    let knows = |profile: &Profile| {
        let known = KnownChats::load(&data.join(profile.name.as_ref()), now).unwrap_or_default();
        known.chats.contains_key(chat.as_str())
    };
    let (here, there): (Vec<&Profile>, Vec<&Profile>) =
        context.config.profiles.iter().partition(|profile| profile.realm() == realm);
    if here.into_iter().any(knows) {
        return None;
    }
    there.into_iter().find(|profile| knows(profile)).map(|profile| profile.name.to_string())
}

async fn changed(context: &Context, chat: ChatId, change: impl FnOnce(&mut Room, i64)) -> Result<()> {
    let room = context.in_rooms().change_room(&chat, |room, now| {
        change(room, now);
        room.clone()
    })?;
    context.in_rooms().poke_room(&chat).await;
    context.output.emit_done(&status(context, chat, &room))
}

fn status(context: &Context, chat: ChatId, room: &Room) -> RoomStatus {
    let (policy, mut guard) = (context.in_rooms().policy(&chat), room.guard.clone());
    guard.lift(crate::clock::steady_ms());
    let pause = guard.paused();
    RoomStatus {
        ok: true,
        paused: pause.is_some(),
        reason: pause.map(|pause| reason(pause.why)),
        until: pause.and_then(|pause| pause.until).map(|until| wall_of(&context.clock, until)),
        turns: guard.turns(),
        turns_max: policy.loop_guard.turns,
        floor: room.floor.clone().map(|floor| floor_status(context, floor, rules(&policy).floor_ttl_ms)),
        chat_id: chat,
    }
}

fn floor_status(context: &Context, mut floor: Floor, ttl_ms: i64) -> FloorStatus {
    floor.advance(crate::clock::steady_ms(), ttl_ms);
    let holder = floor.holder().map(str::to_owned);
    let expires = holder.is_some().then(|| wall_of(&context.clock, floor.expires));
    FloorStatus { message_id: floor.message_id, holder, order: floor.order, expires }
}

pub async fn floor(args: FloorArgs, global: &Global) -> Result<()> {
    match args.verb {
        FloorVerb::Status(of) => {
            let (context, chat) = open(&of, global).await?;
            let ttl_ms = rules(&context.in_rooms().policy(&chat)).floor_ttl_ms;
            let floor =
                context.in_rooms().room(&chat)?.floor.map(|floor| floor_status(&context, floor, ttl_ms));
            context.output.emit(&FloorOnly { ok: true, chat_id: chat, floor })
        }
        FloorVerb::Pass(of) => moved(&of, global, Floor::pass, "it is not this profile's turn").await,
        FloorVerb::Take(of) => moved(&of, global, Floor::take, "this profile was not addressed").await,
    }
}

/// Passes the floor on or takes it, or says why that cannot be.
async fn moved(
    of: &Of,
    global: &Global,
    step: impl FnOnce(&mut Floor, &str, i64, i64) -> bool,
    refusal: &str,
) -> Result<()> {
    let (context, chat) = open(of, global).await?;
    let ttl_ms = rules(&context.in_rooms().policy(&chat)).floor_ttl_ms;
    let floor = context.in_rooms().change_room(&chat, |room, now| {
        let Some(floor) = &mut room.floor else { return Err("nobody was asked together with others here") };
        floor.advance(now, ttl_ms);
        if step(floor, &context.profile.name, now, ttl_ms) { Ok(floor.clone()) } else { Err(refusal) }
    })?;
    let floor = floor.map_err(|why| {
        let hint = format!("{} shows whose turn it is", context.in_rooms().typed("floor status", &chat));
        Error::validation(why).subtype("no_floor").hint(hint)
    })?;
    let floor = Some(floor_status(&context, floor, ttl_ms));
    context.output.emit_done(&FloorOnly { ok: true, chat_id: chat, floor })
}
