//! `rooma peers`: who is in a room, and by which id each of our apps knows each bot.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::Serialize;

use super::Global;
use super::context::{ChatArg, Common, Context};
use crate::config::Profile;
use crate::core::presence::Sessions;
use crate::error::Result;
use crate::event::ids::{ChatId, UserId};
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, Request};
use crate::supervisor::{ProfileState, Status, stored};
use crate::transport::verbs::{Member, MemberType};

/// Profiles whose view of a room is asked for.
const VIEWS_MAX: usize = 32;

/// Show who is in a room: people, our agents, other bots
///
/// Every app knows people and bots by ids of its own: `ids` says by which id each of our profiles knows a bot. A bot
/// of ours is found by its app, a stranger's by its name where only one has it.
///
/// Risk: read
///
/// Example:
///   rooma peers --chat ops
///
/// AI agents: to call a peer say --mention with its profile's name; the right id is found for you.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    chat: ChatArg,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Peers {
    ok: bool,
    chat_id: ChatId,
    people: Vec<Person>,
    agents: Vec<Agent>,
    bots: Vec<Bot>,
}

#[derive(Serialize)]
struct Person {
    #[serde(rename = "open_id")]
    user_id: UserId,
    name: String,
}

#[derive(Serialize)]
struct Agent {
    profile: String,
    name: String,
    /// Absent where no supervisor runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ProfileState>,
    session_armed: bool,
    ids: BTreeMap<String, UserId>,
}

#[derive(Serialize)]
struct Bot {
    name: String,
    ids: BTreeMap<String, UserId>,
}

/// A room as one of our apps sees it.
struct View {
    profile: String,
    members: Vec<Member>,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let chat = context.chat(args.chat.chat.as_deref()).await?;
    let own =
        View { profile: context.profile.name.to_string(), members: context.members(&chat).await?.items };
    let others =
        join_all(context.others().take(VIEWS_MAX).map(|profile| view(&context, profile, &chat))).await;
    let status = Client::ask_home::<Status>(context.config.home.root(), &Request::new(Op::Status)).await?;
    let people = own.members.iter().filter(|member| member.member_type == MemberType::User);
    let people = people.map(|member| Person { user_id: member.member_id.clone(), name: member.name.clone() });
    let people = people.collect();
    let views: Vec<View> = std::iter::once(own).chain(others.into_iter().flatten()).collect();
    let (agents, bots) = sorted(&views);
    let agents = agents.into_iter().map(|(profile, (name, ids))| Agent {
        state: state_of(status.as_ref(), &profile),
        session_armed: is_armed(&context, &profile),
        profile,
        name,
        ids,
    });
    let peers = Peers { ok: true, chat_id: chat, people, agents: agents.collect(), bots };
    context.output.emit(&peers)
}

/// None where this profile does not sit in the chat, or cannot be asked.
async fn view(context: &Context, profile: &Profile, chat: &ChatId) -> Option<View> {
    let hands = context.other(profile);
    let mut members = match hands.members(chat).await {
        Ok(members) => members.items,
        Err(error) => {
            tracing::debug!(%error, profile = %profile.name, "it does not see this room");
            return None;
        }
    };
    context.recognise(&hands, profile, chat, &mut members).await;
    Some(View { profile: profile.name.to_string(), members })
}

type Ids = BTreeMap<String, UserId>;

/// Ours by profile, others by name. A view that does not know whose a bot is learns it from a view that does, by a
/// name that nobody else has.
fn sorted(views: &[View]) -> (BTreeMap<String, (String, Ids)>, Vec<Bot>) {
    let mut agents: BTreeMap<String, (String, Ids)> = BTreeMap::new();
    let mut bots: BTreeMap<String, Ids> = BTreeMap::new();
    let mut unclear: Vec<Bot> = Vec::new();
    let all = || views.iter().flat_map(|view| view.members.iter().map(move |member| (view, member)));
    let is_bot = |member: &(&View, &Member)| member.1.member_type == MemberType::Bot;
    let profile_of = |name: &str| {
        let mut profiles: Vec<&String> = all()
            .filter(|(_, member)| member.name == name)
            .filter_map(|(_, member)| member.profile.as_ref())
            .collect();
        profiles.sort();
        profiles.dedup();
        (profiles.len() == 1).then(|| profiles[0].clone())
    };
    for (view, member) in all().filter(is_bot) {
        let alone = view.members.iter().filter(|other| other.name == member.name).count() == 1;
        let named = || if alone { profile_of(&member.name) } else { None };
        match member.profile.clone().or_else(named) {
            Some(profile) => {
                let (name, ids) = agents.entry(profile).or_default();
                name.clone_from(&member.name);
                ids.insert(view.profile.clone(), member.member_id.clone());
            }
            None if alone => {
                let ids = bots.entry(member.name.clone()).or_default();
                ids.insert(view.profile.clone(), member.member_id.clone());
            }
            // Two of one name are never guessed to be one.
            None => unclear.push(Bot {
                name: member.name.clone(),
                ids: BTreeMap::from([(view.profile.clone(), member.member_id.clone())]),
            }),
        }
    }
    let bots = bots.into_iter().map(|(name, ids)| Bot { name, ids }).chain(unclear);
    (agents, bots.collect())
}

fn state_of(status: Option<&Status>, profile: &str) -> Option<ProfileState> {
    let status = status?.profiles.iter().find(|status| status.profile == profile);
    Some(status.map_or(ProfileState::Disconnected, |status| status.state))
}

fn is_armed(context: &Context, profile: &str) -> bool {
    let folder = context.config.home.data().join(profile);
    stored::load::<Sessions>(&folder, context.clock.wall_ms())
        .is_ok_and(|sessions| sessions.session.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot(id: &str, name: &str, profile: Option<&str>) -> Member {
        Member {
            member_id: UserId::new(id),
            name: name.to_owned(),
            member_type: MemberType::Bot,
            profile: profile.map(str::to_owned),
        }
    }

    #[test]
    fn each_bot_has_an_id_in_each_view_and_two_of_one_name_are_never_guessed() {
        let views = [
            View {
                profile: "alice".to_owned(),
                members: vec![
                    bot("ou_a1", "A", Some("alice")),
                    bot("ou_b1", "B", Some("bob")),
                    bot("ou_x1", "X", None),
                ],
            },
            View {
                profile: "bob".to_owned(),
                members: vec![
                    bot("ou_a2", "A", None),
                    bot("ou_b2", "B", Some("bob")),
                    bot("ou_x2", "X", None),
                    bot("ou_y2", "Twin", None),
                    bot("ou_z2", "Twin", None),
                ],
            },
        ];
        let (agents, bots) = sorted(&views);
        let ids = |ids: &Ids| ids.values().map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&agents["alice"].1), ["ou_a1", "ou_a2"]);
        assert_eq!(ids(&agents["bob"].1), ["ou_b1", "ou_b2"]);
        let bots: Vec<(String, Vec<String>)> =
            bots.iter().map(|bot| (bot.name.clone(), ids(&bot.ids))).collect();
        let of =
            |name: &str, ids: &[&str]| (name.to_owned(), ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(bots, [of("X", &["ou_x1", "ou_x2"]), of("Twin", &["ou_y2"]), of("Twin", &["ou_z2"])]);
    }
}
