//! What a platform has to offer to live in this house. An adapter is a folder that implements this, a variant of
//! [`Account`](super::Account) and a name in [`Transport`](super::Transport); the rest of the house asks in these words.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use super::outgoing::{Outgoing, Rehearsed};
use super::traits::{Power, Traits};
use super::verbs::{
    Acting, Chat, ChatInfo, Download, HistoryQuery, IdKind, Items, Member, Myself, PastMessage, Posted,
    Reacted, Target, Upload, UploadKind, Uploaded,
};
use super::{Identity, Inbound, Life, Missed, Missing, Shared};
use crate::core::end::End;
use crate::error::{Error, Kind, Result};
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId, Realm, UserId};

/// One profile's standing with its platform. Outlives its connections: token, identity and names stay known.
///
/// Ids are opaque to everybody else, and unique within a [`Realm`](crate::event::ids::Realm). What a platform lacks an adapter leaves
/// out: the defaults refuse, and [`Traits::lacks`] says so before anything is sent.
pub trait Adapter: Clone + Debug + Send + Sync + Sized + 'static {
    const TRAITS: &'static Traits;

    /// Does no I/O. Fails for a configuration that cannot work.
    fn new(identity: Identity, shared: Shared) -> Result<Self>;

    /// Where the ids of a profile mean something: on this platform, wherever it is reached. A platform whose ids are unique
    /// within one host only says so.
    fn realm(platform: &str, _base_url: Option<&str>) -> Realm {
        Realm::new(platform)
    }

    /// What kind of id a text is, as far as its look tells.
    fn id_kind(text: &str) -> Option<IdKind>;

    /// Can this be an id or a key of the platform at all? Anything else must not get into an address.
    fn is_id(text: &str) -> bool;

    /// What an id of this kind looks like, for help and hints.
    fn example(kind: IdKind) -> &'static str;

    /// What an upload would be posted as.
    fn upload_kind(_upload: &Upload) -> Result<UploadKind> {
        Err(Self::TRAITS.unsupported(Power::Upload))
    }

    /// What an upload that is only rehearsed would be posted as.
    fn not_uploaded(kind: UploadKind) -> Uploaded {
        Uploaded { key: "not_uploaded".to_owned(), kind }
    }

    /// Content of the platform's own, checked as far as it can be without it. `kind` is what it calls such content.
    fn native(_kind: &str, _content: &str) -> Result<Outgoing> {
        Err(Self::TRAITS.unsupported(Power::Native))
    }

    /// What is to be said in parts that are one message each. Fails for what is none, and for what is too long.
    fn split(what: &Outgoing) -> Result<Vec<Outgoing>> {
        Ok(vec![what.clone()])
    }

    /// What `send` would post of a part.
    fn rehearse(part: &Outgoing) -> Result<Rehearsed> {
        Ok(Rehearsed { msg_type: "text".to_owned(), content: part.words().into() })
    }

    /// Sets up for one command instead of for weeks.
    fn acting(&self, _acting: Acting) -> Self {
        self.clone()
    }

    /// The same, which keeps its token where commands without a supervisor look for it.
    fn keeping(&self, _token_file: PathBuf) -> Self {
        self.clone()
    }

    /// The same, for somebody who waits this long and no longer.
    fn patient(&self, _patience: Duration) -> Self {
        self.clone()
    }

    /// Makes deliveries that contain `poison` panic while normalised, and those that contain `crash` take the
    /// connection down: for tests of what happens then.
    #[doc(hidden)]
    fn inject(self, _poison: Option<String>, _crash: Option<String>) -> Self {
        self
    }

    /// Connects and serves until the connection ends. Trouble is a value, never an error. At most one at a time.
    fn run(&self, life: Life) -> impl Future<Output = End> + Send;

    /// What this profile ought to have heard in a place.
    fn missed(&self, missing: &Missing) -> impl Future<Output = Result<Missed>> + Send;

    /// A message that another of ours has posted, as this profile sees it; none where it is not for it.
    fn relayed(&self, message: &MessageId) -> impl Future<Output = Result<Option<Inbound>>> + Send;

    fn myself(&self) -> impl Future<Output = Result<Myself>> + Send;

    fn chats(&self, limit: Option<usize>) -> impl Future<Output = Result<Items<Chat>>> + Send;

    /// As far as the list of chats tells, where the platform tells no more.
    fn chat_info(&self, chat: &ChatId) -> impl Future<Output = Result<ChatInfo>> + Send {
        async move {
            let listed =
                self.chats(None).await?.items.into_iter().find(|listed| listed.chat_id == chat.as_str());
            listed.map(ChatInfo::from).ok_or_else(|| Error::new(Kind::Api, "the bot is in no such chat"))
        }
    }

    fn members(&self, chat: &ChatId) -> impl Future<Output = Result<Items<Member>>> + Send;

    fn history(&self, query: &HistoryQuery) -> impl Future<Output = Result<Items<PastMessage>>> + Send;

    fn message(&self, id: &MessageId) -> impl Future<Output = Result<PastMessage>> + Send;

    /// Posts what is one message. The same key, within what [`Traits::same_send`] promises, posts nothing new.
    fn send(
        &self,
        target: &Target,
        what: &Outgoing,
        key: &str,
    ) -> impl Future<Output = Result<Posted>> + Send;

    /// Marks which bots of a chat are ours; gives back those of whom it is known whether they are. Where all apps see the
    /// same ids nobody has to be told apart.
    fn recognise(
        &self,
        _chat: &ChatId,
        _members: &mut [Member],
    ) -> impl Future<Output = BTreeSet<UserId>> + Send {
        async { BTreeSet::new() }
    }

    /// The person of an id that all apps of a developer share, as this app knows them.
    fn person(&self, _shared: &str, _chat: Option<&ChatId>) -> impl Future<Output = Result<Member>> + Send {
        refuse::<Self, _>(Power::Union)
    }

    /// The messages of a thread, by its id or by one of them.
    fn thread(
        &self,
        _id: &MessageId,
        _limit: usize,
    ) -> impl Future<Output = Result<Items<PastMessage>>> + Send {
        refuse::<Self, _>(Power::Thread)
    }

    fn upload(&self, _upload: &Upload) -> impl Future<Output = Result<Uploaded>> + Send {
        refuse::<Self, _>(Power::Upload)
    }

    fn react(&self, _message: &MessageId, _emoji: &str) -> impl Future<Output = Result<Reacted>> + Send {
        refuse::<Self, _>(Power::React)
    }

    fn unreact(&self, _message: &MessageId, _emoji: &str) -> impl Future<Output = Result<Reacted>> + Send {
        refuse::<Self, _>(Power::React)
    }

    /// Says this instead, which is one message too.
    fn edit(&self, _message: &MessageId, _what: &Outgoing) -> impl Future<Output = Result<()>> + Send {
        refuse::<Self, _>(Power::Edit)
    }

    fn recall(&self, _message: &MessageId) -> impl Future<Output = Result<()>> + Send {
        refuse::<Self, _>(Power::Recall)
    }

    /// Opens one resource of a message.
    fn download(
        &self,
        _message: &MessageId,
        _resource: &Resource,
    ) -> impl Future<Output = Result<Download>> + Send {
        refuse::<Self, _>(Power::Download)
    }
}

fn refuse<A: Adapter, T: Send>(power: Power) -> impl Future<Output = Result<T>> + Send {
    std::future::ready(Err(A::TRAITS.unsupported(power)))
}
