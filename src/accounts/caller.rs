//! Who calls for a verb: calls go through the running supervisor, which is warm and knows the limits, or straight
//! to the platform where none runs. The answer is the same either way.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::means::Accounts;
use crate::clock::Clock;
use crate::config::Profile;
use crate::error::{Error, Result};
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId, UserId};
use crate::supervisor::Synced;
use crate::supervisor::control::client::{Client, SILENT};
use crate::supervisor::control::{ELSEWHERE, Errand, Op, Request, UNKNOWN};
use crate::supervisor::relay::{self, Owed};
use crate::transport::outgoing::{Outgoing, Rehearsed};
use crate::transport::traits::Power;
use crate::transport::verbs::{
    Acting, Chat, ChatInfo, Download, HistoryQuery, IdKind, Items, Member, Myself, PastMessage, Posted,
    Reacted, Target, Upload, UploadKind, Uploaded,
};
use crate::transport::{Account, Call};

/// A supervisor at work says so far more often than this, even on a busy machine.
const SILENCE_MIN: Duration = Duration::from_secs(2);

pub struct Caller {
    profile: Profile,
    accounts: Accounts,
    home: PathBuf,
    acting: Acting,
    /// Made when the first call goes that way: the secret is not read where it is not needed.
    direct: OnceCell<Account>,
    alone: Alone,
}

/// Whether the supervisor was silent once: the next call does not wait for it again, whichever the profile.
pub type Alone = Arc<AtomicBool>;

impl Caller {
    pub fn new(profile: Profile, accounts: Accounts, home: PathBuf, acting: Acting, alone: Alone) -> Caller {
        Caller { profile, accounts, home, acting, direct: OnceCell::new(), alone }
    }

    pub fn id_kind(&self, text: &str) -> Option<IdKind> {
        self.profile.transport.id_kind(text)
    }

    /// What an id of this kind looks like.
    pub fn example(&self, kind: IdKind) -> &'static str {
        self.profile.transport.example(kind)
    }

    pub fn native(&self, kind: &str, content: &str) -> Result<Outgoing> {
        self.profile.transport.native(kind, content)
    }

    /// In parts that are one message each.
    pub fn split(&self, what: &Outgoing) -> Result<Vec<Outgoing>> {
        self.profile.transport.split(what)
    }

    pub fn rehearse(&self, part: &Outgoing) -> Result<Rehearsed> {
        self.profile.transport.rehearse(part)
    }

    pub fn not_uploaded(&self, kind: UploadKind) -> Uploaded {
        self.profile.transport.not_uploaded(kind)
    }

    pub fn upload_kind(&self, upload: &Upload) -> Result<UploadKind> {
        self.profile.transport.upload_kind(upload)
    }

    pub async fn myself(&self) -> Result<Myself> {
        self.ask(Call::Myself).await
    }

    pub async fn chats(&self, limit: Option<usize>) -> Result<Items<Chat>> {
        self.ask(Call::Chats { limit }).await
    }

    pub async fn chat_info(&self, chat: &ChatId) -> Result<ChatInfo> {
        self.ask(Call::ChatInfo { chat: chat.clone() }).await
    }

    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        self.ask(Call::Members { chat: chat.clone() }).await
    }

    pub async fn person(&self, union_id: &str, chat: Option<&ChatId>) -> Result<Member> {
        self.ask(Call::Person { union_id: union_id.to_owned(), chat: chat.cloned() }).await
    }

    /// Marks which bots of a chat are ours; gives back those of whom it is known whether they are.
    pub async fn recognise(&self, chat: &ChatId, members: &mut Vec<Member>) -> BTreeSet<UserId> {
        let call = Call::Recognise { chat: chat.clone(), members: members.clone() };
        match self.ask(call).await {
            Ok((marked, recognised)) => {
                *members = marked;
                recognised
            }
            Err(error) => {
                tracing::debug!(%error, "our bots are not told from others");
                BTreeSet::new()
            }
        }
    }

    pub async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        self.ask(Call::History { query: query.clone() }).await
    }

    pub async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        self.ask(Call::Message { message: id.clone() }).await
    }

    pub async fn thread(&self, id: &MessageId, limit: usize) -> Result<Items<PastMessage>> {
        self.ask(Call::Thread { message: id.clone(), limit }).await
    }

    /// Repeated with its key where the supervisor died or stopped over it, so it is posted once.
    pub async fn send(&self, target: &Target, part: &Outgoing, key: &str) -> Result<Posted> {
        let call = Call::Send { target: target.clone(), what: part.clone(), key: key.to_owned() };
        self.require_for(call.power())?;
        if let Some(value) = self.through_supervisor(&call).await? {
            return understood(value);
        }
        let posted: Posted = understood(self.direct().await?.perform(&call).await?)?;
        if !matches!(target, Target::Person(_)) && self.accounts.siblings.is_company() {
            self.owe(&posted);
        }
        Ok(posted)
    }

    /// Others of ours that sit there hear of it once a supervisor looks.
    fn owe(&self, posted: &Posted) {
        let at = Clock::system().wall_ms();
        let owed = Owed {
            sender: self.profile.name.to_string(),
            chat_id: posted.chat_id.clone(),
            message_id: posted.message_id.clone(),
            at,
            to: None,
        };
        if let Err(error) = relay::owe(&self.home.join("data"), at, owed) {
            tracing::warn!(%error, "other profiles hear of it only where the platform delivers it");
        }
    }

    pub async fn react(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        self.ask(Call::React { message: message.clone(), emoji: emoji.to_owned() }).await
    }

    pub async fn unreact(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        self.ask(Call::Unreact { message: message.clone(), emoji: emoji.to_owned() }).await
    }

    pub async fn edit(&self, message: &MessageId, what: &Outgoing) -> Result<()> {
        self.ask(Call::Edit { message: message.clone(), what: what.clone() }).await
    }

    pub async fn recall(&self, message: &MessageId) -> Result<()> {
        self.ask(Call::Recall { message: message.clone() }).await
    }

    /// Has the supervisor compare its list of chats with the platform's. None where it cannot.
    pub async fn sync_chats(&self) -> Result<Option<Synced>> {
        let synced = self.errand(Op::Chats, &Call::Chats { limit: None }).await?;
        synced.map(understood).transpose()
    }

    pub async fn upload(&self, upload: &Upload) -> Result<Uploaded> {
        self.require(Power::Upload)?;
        self.direct().await?.upload(upload).await
    }

    pub async fn download(&self, message: &MessageId, resource: &Resource) -> Result<Download> {
        self.require(Power::Download)?;
        self.direct().await?.download(message, resource).await
    }

    /// Fails where the platform lacks it, so that nothing is begun that cannot be done.
    pub fn require(&self, power: Power) -> Result<()> {
        self.profile.transport.traits().require(power)
    }

    fn require_for(&self, power: Option<Power>) -> Result<()> {
        power.map_or(Ok(()), |power| self.require(power))
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        self.require_for(call.power())?;
        let value = match self.through_supervisor(&call).await? {
            Some(value) => value,
            None => self.direct().await?.perform(&call).await?,
        };
        understood(value)
    }

    /// `None` where no supervisor runs, where it does not have this profile or does not know the call, where it died over
    /// it, and where it is silent: stopped, or with too many clients.
    async fn through_supervisor(&self, call: &Call) -> Result<Option<serde_json::Value>> {
        self.errand(Op::Call, call).await
    }

    async fn errand(&self, op: Op, call: &Call) -> Result<Option<serde_json::Value>> {
        if self.alone.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let errand = Errand {
            profile: self.profile.name.to_string(),
            app_id: self.profile.app_id.clone(),
            patience_ms: u64::try_from(self.acting.patience.as_millis()).unwrap_or(u64::MAX),
            call: call.clone(),
        };
        let request = Request { errand: Some(errand), ..Request::new(op) };
        let silence = self.acting.patience.max(SILENCE_MIN);
        match Client::run_errand(&self.home, &request, silence).await {
            Err(error) if error.subtype.as_deref() == Some(ELSEWHERE) => Ok(None),
            Err(error) if error.subtype.as_deref() == Some(SILENT) => {
                tracing::warn!(%error, "the verb goes its own way");
                self.alone.store(true, Ordering::Relaxed);
                Ok(None)
            }
            // Of an older version: it would not have done anything by halves.
            Err(error) if error.message == UNKNOWN => {
                tracing::warn!("the running supervisor is older than this command, which goes its own way");
                Ok(None)
            }
            answered => answered,
        }
    }

    /// The account without a supervisor in between.
    async fn direct(&self) -> Result<&Account> {
        let make = async || -> Result<Account> {
            Ok(self.accounts.account(&self.profile).await?.acting(self.acting.clone()))
        };
        self.direct.get_or_try_init(make).await
    }
}

fn understood<T: DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Error::internal(format!("the answer is not understood: {error}")))
}
