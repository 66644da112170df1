//! Messages of the history, with cards in the form that says most: as they were authored where the platform gives
//! that, as they are rendered where it does not. Older organisations refuse to be asked, or do not listen.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::account::State;
use super::api::{self, Cards, Container, Page, Raw};
use super::content;
use super::past_verbs::read;
use crate::error::{Error, Kind, Result};

impl State {
    /// One message; behind a merged forward, what it holds.
    pub async fn message(&self, id: &str) -> Result<Vec<Raw>> {
        let asked = self.cards();
        let mut items = match api::message(&self.rest, id, asked).await {
            Err(error) if asked == Cards::Authored && is_refusal(&error) => {
                let items = api::message(&self.rest, id, Cards::Rendered).await?;
                self.refused();
                return Ok(items);
            }
            answer => answer?,
        };
        if asked == Cards::Authored && items.iter().any(is_wordless) {
            // What was had stands where there is no better.
            let better = api::message(&self.rest, id, Cards::Rendered).await.unwrap_or_default();
            exchange(&mut items, better);
        }
        Ok(items)
    }

    /// One page of a history, newest first.
    pub async fn page(
        &self,
        container: Container<'_>,
        size: usize,
        token: Option<&str>,
    ) -> Result<Page<Raw>> {
        let asked = self.cards();
        let page = |cards| api::history(&self.rest, container, size, token, cards);
        let mut answer = match page(asked).await {
            Err(error) if asked == Cards::Authored && is_refusal(&error) => {
                let answer = page(Cards::Rendered).await?;
                self.refused();
                return Ok(answer);
            }
            answer => answer?,
        };
        if asked == Cards::Authored && answer.items.items.iter().any(is_wordless) {
            let better = page(Cards::Rendered).await.map(|page| page.items.items).unwrap_or_default();
            exchange(&mut answer.items.items, better);
        }
        Ok(answer)
    }

    fn cards(&self) -> Cards {
        if self.cards_refused.load(Ordering::Relaxed) { Cards::Rendered } else { Cards::Authored }
    }

    fn refused(&self) {
        tracing::debug!("cards cannot be had as they were authored here");
        self.cards_refused.store(true, Ordering::Relaxed);
    }
}

/// Perhaps it was the question: asked otherwise, it may be answered.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, Kind::Validation | Kind::Api) && !error.retryable
}

/// A card that says nothing in this form.
fn is_wordless(raw: &Raw) -> bool {
    let wire = read(raw);
    wire.is_some_and(|wire| {
        wire.is_card() && !wire.deleted() && !content::reads("interactive", wire.content())
    })
}

/// Puts the same card of the other answer in place of each that says nothing.
fn exchange(items: &mut [Raw], better: Vec<Raw>) {
    let id = |raw: &Raw| read(raw).map(|wire| wire.message_id.as_str().to_owned());
    let mut better: HashMap<String, Raw> =
        better.into_iter().filter(|raw| !is_wordless(raw)).filter_map(|raw| Some((id(&raw)?, raw))).collect();
    for item in items.iter_mut().filter(|item| is_wordless(item)) {
        if let Some(said) = id(item).and_then(|id| better.remove(&id)) {
            *item = said;
        }
    }
}
