//! What the command line asks of an account's past: history, threads, single messages.

use std::collections::BTreeMap;

use super::account::{Account, State};
use super::api::{self, Bot, Cards, Container, HISTORY_PAGE_MAX, Raw};
use super::codes::Verb;
use super::content;
use super::loose;
use super::mention::Me;
use super::past::{self, Wire};
use super::verbs::explained;
use crate::error::{Error, Kind, Result};
use crate::event::ids::MessageId;
use crate::transport::verbs::{HistoryQuery, Items, PastMessage, Place};

/// Pages of one history that are read; a bound for filters that let little through.
const PAGES_MAX: usize = 40;

/// Merged forwards that are expanded in one answer. The others say how they are read.
const EXPANDED_MAX: usize = 5;

/// Messages of one forward; the platform lets through a hundred.
const CHILDREN_MAX: usize = 500;

/// Forwards in forwards that are followed.
const DEPTH_MAX: usize = 10;

impl Account {
    /// The newest messages that the query lets through, oldest first.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        let (bot, anchor) = tokio::join!(self.state.bot(), self.anchor(query));
        let (bot, anchor) = (bot?, anchor?);
        let Collected { mut raw, more, odd } = self.collect(query, anchor.as_ref()).await?;
        raw.reverse();
        let messages = self.rendered(&raw, &bot, true).await?;
        let warnings = (odd > 0).then(|| api::unreadable(odd, "message"));
        Ok(Items { items: messages, has_more: more, warnings: warnings.into_iter().collect() })
    }

    /// One message, with what it holds if it is a merged forward.
    pub async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        let (bot, raw) = tokio::join!(self.state.bot(), self.state.message(id.as_str()));
        let (bot, raw) = (bot?, raw?);
        let messages = self.rendered(&raw, &bot, false).await?;
        nested(messages, &raw).into_iter().next().ok_or_else(|| nothing(id))
    }

    /// The thread a message belongs to. A message outside any thread stands alone.
    pub async fn thread(&self, id: &MessageId, limit: usize) -> Result<Items<PastMessage>> {
        let message = self.message(id).await?;
        let Some(thread) = message.thread_id.clone() else { return Ok(Items::new(vec![message], false)) };
        let query =
            HistoryQuery { place: Place::Thread(thread), limit, since: None, until: None, before: None };
        self.history(&query).await
    }

    /// When the message that ends the query was written.
    async fn anchor(&self, query: &HistoryQuery) -> Result<Option<Anchor>> {
        let Some(id) = &query.before else { return Ok(None) };
        let raw = api::message(&self.state.rest, id.as_str(), Cards::Rendered).await?;
        let wire = raw.first().and_then(read).ok_or_else(|| nothing(id))?;
        Ok(Some(Anchor { id: id.clone(), written: wire.written() }))
    }

    /// Newest first.
    pub(super) async fn collect(&self, query: &HistoryQuery, anchor: Option<&Anchor>) -> Result<Collected> {
        let mut filter = Filter { query, anchor, passed_anchor: anchor.is_none() };
        let container = container(query, anchor);
        let mut found = Collected { raw: Vec::new(), more: false, odd: 0 };
        let mut token = None::<String>;
        // One more than wanted tells whether there is more. Filters may let few of a page through.
        let filtered = query.before.is_some() || query.since.is_some() || query.until.is_some();
        let size = if filtered { HISTORY_PAGE_MAX } else { (query.limit + 1).clamp(1, HISTORY_PAGE_MAX) };
        for _ in 0..PAGES_MAX.max(query.limit / HISTORY_PAGE_MAX + 2) {
            let page =
                self.state.page(container, size, token.as_deref()).await.map_err(explained(Verb::History))?;
            let next = page.next();
            found.odd += page.items.odd;
            for raw in page.items.items {
                let Some(wire) = read(&raw) else {
                    found.odd += 1;
                    continue;
                };
                match filter.verdict(&wire) {
                    Verdict::Take if found.raw.len() == query.limit => {
                        return Ok(Collected { more: true, ..found });
                    }
                    Verdict::Take => found.raw.push(raw),
                    Verdict::Skip => {}
                    Verdict::End => return Ok(found),
                }
            }
            if next.is_none() || next == token {
                return Ok(found);
            }
            token = next;
        }
        Ok(Collected { more: true, ..found })
    }

    async fn rendered(&self, raw: &[Raw], bot: &Bot, expand: bool) -> Result<Vec<PastMessage>> {
        let wires: Vec<Wire<'_>> = raw.iter().filter_map(read).collect();
        self.learn_of(&wires).await;
        let mut messages = Vec::with_capacity(wires.len());
        let mut expanded = 0;
        for wire in &wires {
            let mut message = self.one(wire, bot);
            if expand && wire.msg_type.as_str() == "merge_forward" && !wire.deleted() {
                expanded += 1;
                if expanded <= EXPANDED_MAX {
                    message.children = self.children(&message.message_id, bot).await;
                }
                if message.children.is_empty() {
                    message.content = content::forward(Some(message.message_id.as_str()));
                }
            }
            messages.push(message);
        }
        Ok(messages)
    }

    /// What a merged forward holds. Where that cannot be read, the rest of the answer still stands.
    async fn children(&self, id: &MessageId, bot: &Bot) -> Vec<PastMessage> {
        match self.state.message(id.as_str()).await {
            Ok(raw) => {
                let wires: Vec<Wire<'_>> = raw.iter().filter_map(read).collect();
                wires.iter().for_each(|wire| wire.gossip(&mut self.state.known()));
                let messages = wires.iter().map(|wire| self.one(wire, bot)).collect();
                nested(messages, &raw).into_iter().next().map(|message| message.children).unwrap_or_default()
            }
            Err(error) => {
                tracing::warn!(%error, message_id = %id, "a merged forward cannot be read");
                Vec::new()
            }
        }
    }

    fn one(&self, wire: &Wire<'_>, bot: &Bot) -> PastMessage {
        let state: &State = &self.state;
        let me = Me { app_id: &state.identity.app_id, open_id: &bot.open_id, name: &bot.name };
        past::render(wire, &state.identity, me, &state.known())
    }
}

/// What was found of a history, newest first.
pub(super) struct Collected {
    pub raw: Vec<Raw>,
    pub more: bool,
    /// Entries that are no message.
    pub odd: usize,
}

pub(super) struct Anchor {
    id: MessageId,
    written: i64,
}

/// What a query lets through of a history that comes newest first.
struct Filter<'a> {
    query: &'a HistoryQuery,
    anchor: Option<&'a Anchor>,
    passed_anchor: bool,
}

enum Verdict {
    Take,
    Skip,
    /// Everything from here on is too old.
    End,
}

impl Filter<'_> {
    fn verdict(&mut self, wire: &Wire<'_>) -> Verdict {
        let written = wire.written();
        if let Some(anchor) = self.anchor.filter(|_| !self.passed_anchor) {
            // A message that is not listed itself, such as a reply in a thread, is passed by its time.
            let here = wire.message_id.as_str() == anchor.id.as_str();
            self.passed_anchor = here || (written > 0 && written < anchor.written);
            if here || !self.passed_anchor {
                return Verdict::Skip;
            }
        }
        // A message whose time cannot be read stands where it is listed.
        if written == 0 {
            return Verdict::Take;
        }
        if self.query.since.is_some_and(|since| written < since) {
            return Verdict::End;
        }
        if self.query.until.is_some_and(|until| written > until) { Verdict::Skip } else { Verdict::Take }
    }
}

fn container<'a>(query: &'a HistoryQuery, anchor: Option<&Anchor>) -> Container<'a> {
    match &query.place {
        Place::Chat(chat) => {
            let anchored = anchor.map(|anchor| anchor.written).filter(|written| *written > 0);
            let ends = [query.until, anchored];
            let end = ends.into_iter().flatten().min().map(|end| end.div_euclid(1000));
            let start = query.since.map(|since| since.div_euclid(1000));
            Container { kind: "chat", id: chat.as_str(), start, end }
        }
        Place::Thread(thread) => Container { kind: "thread", id: thread.as_str(), start: None, end: None },
    }
}

/// None for what is no message.
pub(super) fn read(raw: &Raw) -> Option<Wire<'_>> {
    loose::read_object(raw.get())
}

fn nothing(id: &MessageId) -> Error {
    Error::new(Kind::Api, format!("the platform shows nothing of {id}")).subtype("not_found")
}

/// Puts messages below the forward they lie in. The first is the one that was asked for.
fn nested(messages: Vec<PastMessage>, raw: &[Raw]) -> Vec<PastMessage> {
    let uppers = raw.iter().filter_map(read).map(|wire| wire.upper_message_id.as_str().to_owned());
    let mut below: BTreeMap<String, Vec<PastMessage>> = BTreeMap::new();
    let mut top = Vec::new();
    for (index, (message, upper)) in messages.into_iter().zip(uppers).enumerate() {
        if index == 0 || upper.is_empty() {
            top.push(message)
        } else {
            below.entry(upper).or_default().push(message)
        }
    }
    top.iter_mut().for_each(|message| adopt(message, &mut below, DEPTH_MAX));
    top
}

fn adopt(message: &mut PastMessage, below: &mut BTreeMap<String, Vec<PastMessage>>, depth: usize) {
    let mut children = below.remove(message.message_id.as_str()).unwrap_or_default();
    let Some(depth) = depth.checked_sub(1) else {
        message.truncated = (!children.is_empty()).then_some(true).or(message.truncated);
        return;
    };
    if children.len() > CHILDREN_MAX {
        children.truncate(CHILDREN_MAX);
        message.truncated = Some(true);
    }
    message.children = children;
    message.children.iter_mut().for_each(|child| adopt(child, below, depth));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Identity, Transport};

    fn rendered(raw: &[Raw]) -> Vec<PastMessage> {
        let identity = Identity {
            profile: "a".into(),
            transport: Transport::Feishu,
            app_id: "cli_me".to_owned(),
            app_secret: "x".to_owned().into(),
            base_url: None,
            siblings: Default::default(),
            sights: Default::default(),
        };
        let me = Me { app_id: "cli_me", open_id: "ou_me", name: "Me" };
        let known = Default::default();
        raw.iter().filter_map(read).map(|wire| past::render(&wire, &identity, me, &known)).collect()
    }

    fn raw(json: &[serde_json::Value]) -> Vec<Raw> {
        json.iter().map(serde_json::value::to_raw_value).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_merged_forward_holds_its_messages_and_those_of_the_forwards_in_it() {
        let text = |id: &str, upper: &str, text: &str| {
            serde_json::json!({"message_id": id, "upper_message_id": upper, "msg_type": "text",
                "sender": {"id": "cli_me", "id_type": "app_id", "sender_type": "app"},
                "body": {"content": format!("{{\"text\":\"{text}\"}}")}})
        };
        let forward = |id: &str, upper: &str| serde_json::json!({"message_id": id, "upper_message_id": upper, "msg_type": "merge_forward"});
        let raw = raw(&[
            forward("om_0", ""),
            text("om_1", "om_0", "a"),
            forward("om_2", "om_0"),
            text("om_3", "om_2", "b"),
        ]);
        let whole = nested(rendered(&raw), &raw);
        assert_eq!(whole.len(), 1);
        let [first, inner] = whole[0].children.as_slice() else { panic!("{whole:?}") };
        assert_eq!((first.content.as_str(), first.sender_id.as_str()), ("a", "ou_me"));
        assert_eq!(inner.children[0].content, "b");
    }
}
