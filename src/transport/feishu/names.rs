//! Names and apps behind ids, looked up in the background: no line ever waits for one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::account::State;
use super::api::{self, Pages};
use super::normalize::Wanted;
use super::tidy;
use crate::error::Result;

/// Questions that wait. More are dropped: the next message asks again, an hour later at the latest.
const QUEUE_MAX: usize = 64;

/// A slow answer keeps the other names waiting no longer than this.
const LOOK_UP_MAX: Duration = Duration::from_secs(5);

/// Between two calls: names are a courtesy and leave the rate limits to those who write.
const PAUSE: Duration = Duration::from_millis(100);

/// Chats whose members are read after connecting, and pages of each.
const WARM_CHATS: usize = 20;
const WARM_CHAT_PAGES: usize = 5;
const WARM_MEMBER_PAGES: usize = 3;

/// Names kept from all that: a team's worth. A thousand profiles in one large room would otherwise hold a
/// million names that hardly any line needs; those are looked up when somebody speaks.
const WARM_NAMES: usize = 100;

/// Where questions go. Full means the question is forgotten.
pub type Asked = mpsc::Sender<Wanted>;

pub fn start(state: &Arc<State>, tasks: &mut JoinSet<()>) -> Asked {
    let (asked, questions) = mpsc::channel(QUEUE_MAX);
    if state.known().warm_up() {
        let state = Arc::clone(state);
        tasks.spawn(async move { warm(&state).await });
    }
    tasks.spawn(answer(Arc::clone(state), questions));
    asked
}

/// Chats and their members, as far as a few calls go.
async fn warm(state: &Arc<State>) {
    let chats = match api::chats(&state.rest, Pages::of(WARM_CHAT_PAGES)).await {
        Ok(listed) => listed.items,
        Err(error) => return tracing::debug!(%error, "could not list chats"),
    };
    for chat in &chats {
        state.known().learn_chat(&chat.chat_id, &tidy::name(chat.name.as_deref().unwrap_or_default()));
        if chat.chat_mode.as_deref() == Some("topic") {
            state.known().learn_chat_mode(&chat.chat_id, true);
        }
    }
    for chat in chats.iter().take(WARM_CHATS) {
        sleep(PAUSE).await;
        if state.known().people_known() >= WARM_NAMES {
            return;
        }
        if let Err(error) = learn_members(state, &chat.chat_id, None).await {
            tracing::debug!(%error, chat = chat.chat_id, "could not list members");
        }
    }
}

/// Learns the first names of a chat, and in any case the `wanted` one.
async fn learn_members(state: &Arc<State>, chat_id: &str, wanted: Option<&str>) -> Result<()> {
    let members = api::members(&state.rest, chat_id, Pages::of(WARM_MEMBER_PAGES)).await?.items;
    learn(state, members.into_iter().map(|member| (member.member_id, member.name)), wanted);
    sleep(PAUSE).await;
    learn_bots(state, chat_id, wanted).await
}

async fn learn_bots(state: &Arc<State>, chat_id: &str, wanted: Option<&str>) -> Result<()> {
    let bots = api::chat_bots(&state.rest, chat_id).await?.items;
    bots.iter().take(WARM_NAMES).for_each(|bot| state.known().learn_bot(&bot.bot_id));
    learn(state, bots.into_iter().map(|bot| (bot.bot_id, bot.bot_name)), wanted);
    Ok(())
}

fn learn(state: &State, names: impl Iterator<Item = (String, Option<String>)>, wanted: Option<&str>) {
    let mut known = state.known();
    for (index, (id, name)) in names.enumerate() {
        if index < WARM_NAMES || wanted == Some(id.as_str()) {
            known.learn_name(&id, &tidy::name(name.as_deref().unwrap_or_default()));
        }
    }
}

async fn answer(state: Arc<State>, mut questions: mpsc::Receiver<Wanted>) {
    while let Some(wanted) = questions.recv().await {
        // Boxed, so that a connection with nothing to look up does not carry room for it.
        match timeout(LOOK_UP_MAX, Box::pin(look_up(&state, &wanted))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, ?wanted, "look-up failed"),
            Err(_late) => tracing::debug!(?wanted, "look-up took too long"),
        }
        sleep(PAUSE).await;
    }
}

/// Many apps may not read the directory of people, but all may read who is in a chat with them.
async fn person(state: &Arc<State>, open_id: &str, chat_id: Option<&str>) -> Result<()> {
    let directory = api::user_name(&state.rest, open_id).await;
    match (directory, chat_id) {
        (Ok(Some(name)), _) => state.known().learn_name(open_id, &tidy::name(&name)),
        (Ok(None) | Err(_), Some(chat_id)) => {
            let now = state.age();
            if state.known().ask_members(now, chat_id) {
                learn_members(state, chat_id, Some(open_id)).await?;
            }
        }
        (Ok(None), None) => {}
        (Err(error), None) => return Err(error),
    }
    Ok(())
}

async fn look_up(state: &Arc<State>, wanted: &Wanted) -> Result<()> {
    match wanted {
        Wanted::Person { open_id, chat_id } => person(state, open_id, chat_id.as_deref()).await?,
        Wanted::Chat { chat_id } => {
            let chat = api::chat_info(&state.rest, chat_id).await?;
            let mut known = state.known();
            known.learn_chat(chat_id, &tidy::name(chat.name.as_deref().unwrap_or_default()));
            known.learn_chat_mode(chat_id, chat.topic());
        }
        Wanted::Bot { open_id, message_id, chat_id } => {
            let message = api::message_get(&state.rest, message_id).await?;
            state.known().learn_app(open_id, message.sender_app.as_deref().unwrap_or_default());
            match message.sender_name {
                Some(name) => state.known().learn_name(open_id, &tidy::name(&name)),
                None => learn_bots(state, chat_id, Some(open_id)).await?,
            }
        }
    }
    Ok(())
}
