//! Feishu's side of the seam. Each method stands where its subject is; here is which one it is.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::account::Account;
use super::{compose, files, ids, parts, traits};
use crate::core::end::End;
use crate::error::Result;
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId, UserId};
use crate::transport::outgoing::{Outgoing, Rehearsed};
use crate::transport::traits::Traits;
use crate::transport::verbs::{
    Acting, Chat, ChatInfo, Download, HistoryQuery, IdKind, Items, Member, Myself, PastMessage, Posted,
    Reacted, Target, Upload, UploadKind, Uploaded,
};
use crate::transport::{Adapter, Identity, Inbound, Life, Missed, Missing, Shared};

impl Adapter for Account {
    const TRAITS: &'static Traits = &traits::TRAITS;

    fn new(identity: Identity, shared: Shared) -> Result<Account> {
        Account::new(identity, shared)
    }

    fn id_kind(text: &str) -> Option<IdKind> {
        ids::id_kind(text)
    }

    fn is_id(text: &str) -> bool {
        ids::is_id(text)
    }

    fn example(kind: IdKind) -> &'static str {
        ids::example(kind)
    }

    fn upload_kind(upload: &Upload) -> Result<UploadKind> {
        files::upload_kind(upload)
    }

    fn not_uploaded(kind: UploadKind) -> Uploaded {
        compose::not_uploaded(kind)
    }

    fn native(kind: &str, content: &str) -> Result<Outgoing> {
        compose::native(kind, content)
    }

    fn split(what: &Outgoing) -> Result<Vec<Outgoing>> {
        parts::split(what)
    }

    fn rehearse(part: &Outgoing) -> Result<Rehearsed> {
        compose::rehearse(part)
    }

    fn acting(&self, acting: Acting) -> Account {
        self.acting(acting)
    }

    fn keeping(&self, token_file: PathBuf) -> Account {
        self.keeping(token_file)
    }

    fn patient(&self, patience: Duration) -> Account {
        self.patient(patience)
    }

    fn inject(self, poison: Option<String>, crash: Option<String>) -> Account {
        self.inject(poison, crash)
    }

    async fn run(&self, life: Life) -> End {
        self.run(life).await
    }

    async fn missed(&self, missing: &Missing) -> Result<Missed> {
        self.missed(missing).await
    }

    async fn relayed(&self, message: &MessageId) -> Result<Option<Inbound>> {
        self.relayed(message).await
    }

    async fn myself(&self) -> Result<Myself> {
        self.myself().await
    }

    async fn chats(&self, limit: Option<usize>) -> Result<Items<Chat>> {
        self.chats(limit).await
    }

    async fn chat_info(&self, chat: &ChatId) -> Result<ChatInfo> {
        self.chat_info(chat).await
    }

    async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        self.members(chat).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        self.history(query).await
    }

    async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        self.message(id).await
    }

    async fn send(&self, target: &Target, what: &Outgoing, key: &str) -> Result<Posted> {
        self.send(target, what, key).await
    }

    async fn recognise(&self, chat: &ChatId, members: &mut [Member]) -> BTreeSet<UserId> {
        self.recognise(chat, members).await
    }

    async fn person(&self, union_id: &str, chat: Option<&ChatId>) -> Result<Member> {
        self.person(union_id, chat).await
    }

    async fn thread(&self, id: &MessageId, limit: usize) -> Result<Items<PastMessage>> {
        self.thread(id, limit).await
    }

    async fn upload(&self, upload: &Upload) -> Result<Uploaded> {
        self.upload(upload).await
    }

    async fn react(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        self.react(message, emoji).await
    }

    async fn unreact(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        self.unreact(message, emoji).await
    }

    async fn edit(&self, message: &MessageId, what: &Outgoing) -> Result<()> {
        self.edit(message, what).await
    }

    async fn recall(&self, message: &MessageId) -> Result<()> {
        self.recall(message).await
    }

    async fn download(&self, message: &MessageId, resource: &Resource) -> Result<Download> {
        self.download(message, resource).await
    }
}
