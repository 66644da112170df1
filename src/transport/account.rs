//! An account is asked in the words of [`Adapter`], whichever adapter it is of.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::outgoing::Outgoing;
use super::platforms::{adapter, each};
use super::verbs::{
    Acting, Chat, ChatInfo, Download, HistoryQuery, Items, Member, Myself, PastMessage, Posted, Reacted,
    Target, Upload, Uploaded,
};
use super::{Account, Adapter, Identity, Inbound, Life, Missed, Missing, Shared};
use crate::core::end::End;
use crate::error::Result;
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId, UserId};

impl Account {
    pub fn new(identity: Identity, shared: Shared) -> Result<Account> {
        adapter!(identity.transport, A => <A as Adapter>::new(identity, shared).map(Account::from))
    }

    #[doc(hidden)]
    pub fn inject(self, poison: Option<String>, crash: Option<String>) -> Account {
        each!(self, one => one.inject(poison, crash).into())
    }

    pub fn acting(&self, acting: Acting) -> Account {
        each!(self, one => one.acting(acting).into())
    }

    pub fn keeping(&self, token_file: PathBuf) -> Account {
        each!(self, one => one.keeping(token_file).into())
    }

    pub fn patient(&self, patience: Duration) -> Account {
        each!(self, one => one.patient(patience).into())
    }

    pub async fn run(&self, life: Life) -> End {
        life.voice.connecting(life.attempt);
        each!(self, one => one.run(life).await)
    }

    pub async fn missed(&self, missing: &Missing) -> Result<Missed> {
        each!(self, one => one.missed(missing).await)
    }

    pub async fn relayed(&self, message: &MessageId) -> Result<Option<Inbound>> {
        each!(self, one => one.relayed(message).await)
    }

    pub async fn myself(&self) -> Result<Myself> {
        each!(self, one => one.myself().await)
    }

    pub async fn chats(&self, limit: Option<usize>) -> Result<Items<Chat>> {
        each!(self, one => one.chats(limit).await)
    }

    pub async fn chat_info(&self, chat: &ChatId) -> Result<ChatInfo> {
        each!(self, one => one.chat_info(chat).await)
    }

    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        each!(self, one => one.members(chat).await)
    }

    pub async fn person(&self, shared: &str, chat: Option<&ChatId>) -> Result<Member> {
        each!(self, one => one.person(shared, chat).await)
    }

    pub async fn recognise(&self, chat: &ChatId, members: &mut [Member]) -> BTreeSet<UserId> {
        each!(self, one => one.recognise(chat, members).await)
    }

    pub async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        each!(self, one => one.history(query).await)
    }

    pub async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        each!(self, one => one.message(id).await)
    }

    pub async fn thread(&self, id: &MessageId, limit: usize) -> Result<Items<PastMessage>> {
        each!(self, one => one.thread(id, limit).await)
    }

    pub async fn send(&self, target: &Target, what: &Outgoing, key: &str) -> Result<Posted> {
        each!(self, one => one.send(target, what, key).await)
    }

    pub async fn upload(&self, upload: &Upload) -> Result<Uploaded> {
        each!(self, one => one.upload(upload).await)
    }

    pub async fn react(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        each!(self, one => one.react(message, emoji).await)
    }

    pub async fn unreact(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        each!(self, one => one.unreact(message, emoji).await)
    }

    pub async fn edit(&self, message: &MessageId, what: &Outgoing) -> Result<()> {
        each!(self, one => one.edit(message, what).await)
    }

    pub async fn recall(&self, message: &MessageId) -> Result<()> {
        each!(self, one => one.recall(message).await)
    }

    pub async fn download(&self, message: &MessageId, resource: &Resource) -> Result<Download> {
        each!(self, one => one.download(message, resource).await)
    }
}
