//! A platform unlike those there are, for tests: ids hold any characters and are the same for all apps, deliveries have no
//! ids of their own, nothing is delivered twice, and nothing can be edited. What works here works by the seam.

mod account;
mod house;
#[cfg(test)]
mod tests;
mod world;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use crate::clock::rfc3339_ms;
use crate::core::end::End;
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId, Realm, UserId};
use crate::event::{Event, Origin};
use crate::transport::outgoing::Outgoing;
use crate::transport::traits::{IdScope, Peers, Power, SameSend, Share, Traits};
use crate::transport::verbs::{
    Chat, HistoryQuery, IdKind, Items, Member, MemberType, Myself, PastMessage, Posted, Target,
};
pub use account::Account;
pub use world::World;

use crate::transport::{Adapter, Identity, Inbound, Life, Missed, Missing, Report, Shared};

impl Adapter for Account {
    const TRAITS: &'static Traits = &Traits {
        platform: "Elsewhere",
        ids: IdScope::Shared,
        share: Share::CopyEach,
        bots_hear_bots: Peers::ByScope,
        redelivers_for: None,
        resumes: false,
        same_send: SameSend::Key { chars_max: 100, lasts: Duration::from_secs(3600) },
        lists_direct: true,
        lacks: &[
            (Power::Edit, "say it anew"),
            (Power::React, "answer in words"),
            (Power::Recall, "say that it was wrong"),
            (Power::Direct, "say it in a chat"),
            (Power::Upload, "name where it is"),
            (Power::Download, "ask who has it"),
            (Power::Thread, "read the chat: rooma pull"),
        ],
    };

    fn new(identity: Identity, shared: Shared) -> Result<Account> {
        Ok(Account(Arc::new(identity), shared.clock))
    }

    fn realm(platform: &str, base_url: Option<&str>) -> Realm {
        Realm::new(format!("{platform} {}", base_url.unwrap_or_default()))
    }

    fn id_kind(text: &str) -> Option<IdKind> {
        let kinds = [("U:", IdKind::Person), ("B:", IdKind::Person), ("C", IdKind::Chat)];
        let kind = kinds.into_iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, kind)| kind);
        if text.contains('/') { Some(IdKind::Message) } else { kind.filter(|_| text.contains(':')) }
    }

    fn is_id(text: &str) -> bool {
        !text.is_empty()
    }

    fn example(_: IdKind) -> &'static str {
        "C1:2.3"
    }

    async fn run(&self, mut life: Life) -> End {
        let (online, mut heard) = unbounded_channel();
        let (answers, mut settled) = unbounded_channel();
        self.world(|mut world| world.online.insert(self.me(), online));
        let Myself { name: bot_name, user_id: bot_open_id } = self.named();
        life.voice.report(Report::Connected { bot_name, bot_open_id });
        life.voice.report(Report::Usable);
        loop {
            tokio::select! {
                asked = life.stop.changed() => if asked.is_err() || *life.stop.borrow() { return End::Asked },
                _ = settled.recv() => {}
                said = heard.recv() => {
                    let Some(said) = said else { return End::Lost { reason: "cut".into() } };
                    life.alive.mark(self.1.wall_ms());
                    let entries = self.inbound(Origin::Pushed, &said).map(|inbound| life.voice.intake.entry(inbound));
                    life.voice.appender.append(entries.into_iter().collect(), &answers, 0).await;
                }
            }
        }
    }

    async fn missed(&self, missing: &Missing) -> Result<Missed> {
        let said = self.past(&missing.place, missing.since);
        let inbound = said.iter().filter_map(|said| self.inbound(Origin::History, said));
        let heard = |told: &Inbound| matches!(&told.event, Event::Message(message) if missing.wants(message));
        Ok(Missed { messages: inbound.filter(heard).collect(), ..Missed::default() })
    }

    async fn relayed(&self, message: &MessageId) -> Result<Option<Inbound>> {
        let said = self.world(|world| world.found(message))?;
        let here = self.world(|world| world.here(&said.chat).contains(&self.me()));
        Ok(self.inbound(Origin::Relay, &said).filter(|_| here))
    }

    async fn myself(&self) -> Result<Myself> {
        Ok(self.named())
    }

    async fn chats(&self, _: Option<usize>) -> Result<Items<Chat>> {
        let named = |id: String| Chat { name: id.clone(), chat_id: id, ..Chat::default() };
        Ok(Items::new(self.world(|world| world.chats_of(&self.me())).into_iter().map(named).collect(), false))
    }

    async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        let member = |id: String| Member {
            name: id[2..].to_owned(),
            profile: self.0.siblings.profile(&id[2..]),
            member_id: UserId::new(id),
            member_type: MemberType::Bot,
        };
        Ok(Items::new(self.world(|world| world.here(chat.as_str())).into_iter().map(member).collect(), false))
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        Ok(Items::new(
            self.past(&query.place, 0).iter().map(|said| self.told(said)).collect::<Result<_>>()?,
            false,
        ))
    }

    async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        self.told(&self.world(|world| world.found(id))?)
    }

    async fn send(&self, target: &Target, what: &Outgoing, key: &str) -> Result<Posted> {
        let chat = match target {
            Target::Chat(chat) => chat.as_str().to_owned(),
            Target::Reply { to, .. } => self.world(|world| world.found(to))?.chat,
            Target::Person(_) => return Err(Self::TRAITS.unsupported(Power::Direct)),
        };
        let said = self.world(|mut world| world.say(self.1.wall_ms(), &chat, &self.me(), &what.words(), key));
        let (message_id, chat_id) = (MessageId::new(said.id), ChatId::new(chat));
        Ok(Posted { message_id, chat_id, thread_id: None, create_time: Some(rfc3339_ms(said.at)) })
    }
}
