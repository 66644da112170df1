//! The loop guard of one chat: bots that answer each other without end are stopped, whoever runs them.
//!
//! Time is steady time, which nobody sets; a pause cannot be opened by turning a clock.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// Turns remembered with their words: enough for the patterns below. Where a higher rate is allowed, more are counted.
const RECENT_MAX: usize = 40;

/// Messages remembered, to count each once however many profiles saw it.
const SEEN_MAX: usize = 100;

/// Further parts of messages that are being sent. Whoever sends more at a time has each counted.
const PARTS_MAX: usize = 32;

/// Bots remembered per chat.
const BOTS_MAX: usize = 32;

/// The same words by bots, this often without a person's word in between, are a loop.
const ALIKE_MAX: usize = 3;

/// Two bots that say again what they said before have nothing new to say.
const PING_PONG: usize = 4;

/// Two texts are alike from this share of common words on, in percent.
const ALIKE_PERCENT: usize = 90;

/// Characters of a text that are compared.
const COMPARED_MAX: usize = 400;

const MINUTE_MS: i64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Turns of bots in a row.
    pub turns: usize,
    pub per_minute: usize,
    pub cooldown_ms: i64,
}

/// What is known of a chat's talk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Of bots, since a person spoke.
    #[serde(default)]
    turns: usize,
    /// The newest turns of bots: who, what, when.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    recent: VecDeque<Turn>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    seen: VecDeque<String>,
    /// Further parts of messages that are being sent: none of them is a turn.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    parts: VecDeque<Turn>,
    /// Every bot that was heard here. One alone cannot loop.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    bots: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
    /// When a person's newest word was written: what bots wrote before it is forgiven also where it is heard later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Turn {
    who: String,
    /// Normalised words.
    words: String,
    at: i64,
    /// When it was written, as the platform says: RFC 3339 in one zone, so that the later one is greater. Absent while it
    /// is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    /// Absent while it is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// Of a turn that is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub why: Why,
    /// In steady time; absent: until somebody resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// How long it was to last, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<i64>,
    /// Whether the room was told.
    #[serde(default)]
    pub told: bool,
    /// Tells one pause from another, once somebody has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A person paused the room.
    Manual,
    /// Too many turns of bots in a row.
    Turns,
    PerMinute,
    /// Bots said the same again and again.
    Alike,
    /// Two bots answered each other with the same words.
    PingPong,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    Person,
    Bot(&'a str),
}

/// A message that was seen in the chat.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    pub message_id: &'a str,
    pub who: Who<'a>,
    pub text: &'a str,
    /// As the platform says, in RFC 3339.
    pub written: &'a str,
}

/// What a change did to the pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Paused(Why),
    Resumed,
}

impl Guard {
    /// Was this message counted already?
    pub fn has_heard(&self, message_id: &str) -> bool {
        self.seen.iter().any(|seen| seen == message_id)
    }

    /// Counts a message that was seen in the chat, once.
    pub fn hear(&mut self, heard: Heard<'_>, now: i64, limits: Limits) -> Option<Change> {
        let Heard { message_id, who, text, written } = heard;
        if self.has_heard(message_id) {
            return None;
        }
        self.remember(message_id);
        match who {
            Who::Person => self.person(written, limits),
            // What is said while the room is paused, our own notice too, is no turn of a talk.
            Who::Bot(bot) if self.pause.is_some() => {
                self.meet(bot);
                None
            }
            Who::Bot(bot) => {
                if self.part_of(bot, text, now, message_id) {
                    return None;
                }
                if let Some(turn) = self.being_sent(bot, text) {
                    turn.message_id = Some(message_id.to_owned());
                    turn.written = Some(written.to_owned());
                    return None;
                }
                if self.person.as_deref().is_some_and(|person| written < person) {
                    self.meet(bot);
                    return None;
                }
                let (message_id, written) = (Some(message_id.to_owned()), Some(written.to_owned()));
                self.turn(Turn { message_id, written, ..Turn::new(bot, text, now) }, limits);
                self.judge(now, limits)
            }
        }
    }

    /// May this bot speak now? If so the turn is counted, to be settled by [`Guard::sent`] or [`Guard::unsent`].
    pub fn speak(
        &mut self,
        bot: &str,
        text: &str,
        key: &str,
        now: i64,
        limits: Limits,
    ) -> Result<Option<Change>, Pause> {
        self.lift(now);
        if let Some(pause) = &self.pause {
            return Err(pause.clone());
        }
        if self.recent.iter().any(|turn| turn.is_send(bot, key)) {
            // The same send again.
            return Ok(None);
        }
        self.turn(Turn { key: Some(key.to_owned()), ..Turn::new(bot, text, now) }, limits);
        Ok(self.judge(now, limits))
    }

    /// May this bot go on with what it began to say? A message in several parts is one turn, also the one that was the
    /// last; only a person's pause ends it. Settled like a turn.
    pub fn go_on(&mut self, bot: &str, text: &str, key: &str, now: i64) -> Result<(), Pause> {
        self.lift(now);
        if let Some(pause) = self.pause.as_ref().filter(|pause| pause.why == Why::Manual) {
            return Err(pause.clone());
        }
        self.parts.retain(|part| !part.is_send(bot, key) && now.saturating_sub(part.at) < MINUTE_MS);
        if self.parts.len() < PARTS_MAX {
            self.parts.push_back(Turn { key: Some(key.to_owned()), ..Turn::new(bot, text, now) });
        }
        Ok(())
    }

    /// The send was answered with this message, written then.
    pub fn sent(&mut self, bot: &str, key: &str, message_id: &str, written: Option<&str>) {
        let parts = self.parts.len();
        self.parts.retain(|part| !part.is_send(bot, key));
        if self.parts.len() < parts {
            // It may have been heard from a bot that nobody knew to be this one.
            let before = self.recent.len();
            self.recent.retain(|turn| turn.key.is_some() || turn.message_id.as_deref() != Some(message_id));
            self.turns = self.turns.saturating_sub(before - self.recent.len());
        }
        if let Some(turn) = self.recent.iter_mut().find(|turn| turn.is_send(bot, key)) {
            turn.message_id = Some(message_id.to_owned());
            turn.written = written.map(str::to_owned).or(turn.written.take());
            // It may have been heard from a bot that nobody knew to be this one.
            let before = self.recent.len();
            self.recent
                .retain(|turn| turn.is_send(bot, key) || turn.message_id.as_deref() != Some(message_id));
            self.turns = self.turns.saturating_sub(before - self.recent.len());
        }
        if !self.has_heard(message_id) {
            self.remember(message_id);
        }
    }

    /// Nothing was sent after all.
    pub fn unsent(&mut self, bot: &str, key: &str) {
        self.parts.retain(|part| !part.is_send(bot, key));
        let before = self.recent.len();
        self.recent.retain(|turn| !turn.is_send(bot, key) || turn.message_id.is_some());
        if self.recent.len() < before {
            self.turns = self.turns.saturating_sub(1);
        }
    }

    /// A message of ours may be seen before its send is answered, also by somebody who does not know whose it is: then its
    /// words tell.
    fn being_sent(&mut self, bot: &str, text: &str) -> Option<&mut Turn> {
        let open = |turn: &Turn| turn.message_id.is_none() && turn.key.is_some();
        let by_bot = self.recent.iter().position(|turn| open(turn) && turn.who == bot);
        let by_words = || {
            let words = normalised(text);
            self.recent.iter().position(|turn| open(turn) && turn.words == words)
        };
        let found = by_bot.or_else(by_words)?;
        self.recent.get_mut(found)
    }

    /// Is it a part of a message that is being sent, by its words or else by whose it is? Then it is known from now on.
    fn part_of(&mut self, bot: &str, text: &str, now: i64, message_id: &str) -> bool {
        let open = |part: &Turn| part.message_id.is_none() && now.saturating_sub(part.at) < MINUTE_MS;
        let words = normalised(text);
        let by_words = self.parts.iter().position(|part| open(part) && part.words == words);
        let first = |turn: &Turn| turn.message_id.is_none() && turn.key.is_some() && turn.who == bot;
        let by_bot = || {
            // A turn of its own that is being sent comes first.
            let others = self.recent.iter().any(first);
            self.parts.iter().position(|part| open(part) && part.who == bot && !others)
        };
        let Some(found) = by_words.or_else(by_bot) else { return false };
        self.parts[found].message_id = Some(message_id.to_owned());
        true
    }

    /// A bot that sits here, whether it speaks or not.
    pub fn meet(&mut self, bot: &str) {
        if self.bots.len() < BOTS_MAX {
            self.bots.insert(bot.to_owned());
        }
    }

    /// Until somebody resumes, or for a while.
    pub fn pause(&mut self, now: i64, for_ms: Option<i64>) -> Change {
        let until = for_ms.map(|for_ms| now.saturating_add(for_ms));
        self.pause = Some(Pause { why: Why::Manual, until, for_ms, told: true, id: None });
        Change::Paused(Why::Manual)
    }

    /// What was said before counts no more.
    pub fn resume(&mut self) -> Option<Change> {
        self.turns = 0;
        self.recent.clear();
        self.pause.take().map(|_| Change::Resumed)
    }

    /// Ends a pause whose time is over.
    pub fn lift(&mut self, now: i64) -> Option<Change> {
        let over = self.pause.as_ref().and_then(|pause| pause.until).is_some_and(|until| now >= until);
        if over { self.resume() } else { None }
    }

    pub fn paused(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// Gives the pause an id, where it has none.
    pub fn name_pause(&mut self, id: impl FnOnce() -> String) {
        if let Some(pause) = &mut self.pause {
            pause.id.get_or_insert_with(id);
        }
    }

    /// The room was told of this pause.
    pub fn told(&mut self, id: &str) {
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.id.as_deref() == Some(id)) {
            pause.told = true;
        }
    }

    pub fn turns(&self) -> usize {
        self.turns
    }

    /// Steady time begins anew with the machine: what was counted then is kept, as if it were now.
    pub fn rebase(&mut self, now: i64, limits: Limits) {
        self.recent.iter_mut().chain(&mut self.parts).for_each(|turn| turn.at = now);
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.until.is_some()) {
            pause.until = Some(now.saturating_add(pause.for_ms.unwrap_or(limits.cooldown_ms)));
        }
    }

    /// A person's word: whatever the bots said before it is forgiven, a pause by a person stays. A word may come late:
    /// what was said after it counts on.
    fn person(&mut self, written: &str, limits: Limits) -> Option<Change> {
        if self.person.as_deref().is_none_or(|person| person < written) {
            self.person = Some(written.to_owned());
        }
        let later = |turn: &&Turn| turn.written.as_deref().is_none_or(|turn| turn > written);
        self.turns = self.run().rev().take_while(later).count();
        self.recent.drain(..self.recent.len() - self.turns);
        let forgiven = match self.pause.as_ref()?.why {
            Why::Manual => false,
            Why::Turns => self.turns < limits.turns,
            Why::PerMinute | Why::Alike | Why::PingPong => self.turns == 0,
        };
        if forgiven { self.pause.take().map(|_| Change::Resumed) } else { None }
    }

    fn turn(&mut self, turn: Turn, limits: Limits) {
        self.meet(&turn.who);
        self.turns += 1;
        let over = (self.recent.len() + 1).saturating_sub(RECENT_MAX.max(limits.per_minute));
        self.recent.drain(..over.min(self.recent.len()));
        self.recent.push_back(turn);
        if let Some(old) = self.recent.len().checked_sub(RECENT_MAX + 1) {
            self.recent[old].words = String::new();
        }
    }

    fn judge(&mut self, now: i64, limits: Limits) -> Option<Change> {
        if self.pause.is_some() || self.bots.len() < 2 {
            return None;
        }
        let in_a_minute = self.recent.iter().filter(|turn| now.saturating_sub(turn.at) < MINUTE_MS).count();
        let why = if self.turns >= limits.turns {
            Why::Turns
        } else if in_a_minute >= limits.per_minute {
            Why::PerMinute
        } else if self.ping_pong() {
            Why::PingPong
        } else if self.alike() {
            Why::Alike
        } else {
            return None;
        };
        let until = Some(now.saturating_add(limits.cooldown_ms));
        self.pause = Some(Pause { why, until, for_ms: None, told: false, id: None });
        Some(Change::Paused(why))
    }

    /// The turns since a person spoke, newest last.
    fn run(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        self.recent.iter().skip(self.recent.len().saturating_sub(self.turns))
    }

    fn alike(&self) -> bool {
        let run: Vec<&Turn> = self.run().collect();
        let Some(last) = run.last() else { return false };
        run.iter().filter(|turn| alike(&turn.words, &last.words)).count() >= ALIKE_MAX
    }

    fn ping_pong(&self) -> bool {
        let last: Vec<&Turn> = self.run().rev().take(PING_PONG).collect();
        match last.as_slice() {
            [a2, b2, a1, b1] => {
                a1.who == a2.who
                    && b1.who == b2.who
                    && a1.who != b1.who
                    && alike(&a1.words, &a2.words)
                    && alike(&b1.words, &b2.words)
            }
            _ => false,
        }
    }

    fn remember(&mut self, message_id: &str) {
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(message_id.to_owned());
    }
}

impl Turn {
    fn new(who: &str, text: &str, at: i64) -> Turn {
        let (written, message_id, key) = Default::default();
        Turn { who: who.to_owned(), words: normalised(text), at, written, message_id, key }
    }

    /// Is it this bot's send with this key? Two bots may use one key.
    fn is_send(&self, bot: &str, key: &str) -> bool {
        self.who == bot && self.key.as_deref() == Some(key)
    }
}

/// Letters and digits of every script, in lower case; what differs only in between is the same. Where there are none,
/// the signs themselves.
fn normalised(text: &str) -> String {
    let words = words_of(text);
    if words.is_empty() { text.trim().chars().take(COMPARED_MAX).collect() } else { words }
}

fn words_of(text: &str) -> String {
    let mut words = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            words.push(c);
        } else if !words.ends_with(' ') && !words.is_empty() {
            words.push(' ');
        }
        if words.len() >= COMPARED_MAX {
            break;
        }
    }
    words.trim_end().to_owned()
}

fn alike(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (one, other): (BTreeSet<&str>, BTreeSet<&str>) =
        (one.split(' ').collect(), other.split(' ').collect());
    let common = one.intersection(&other).count();
    let all = one.union(&other).count();
    // Few words differ in one by chance: "step 3" is not "step 4".
    all >= 6 && common * 100 >= all * ALIKE_PERCENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { turns: 10, per_minute: 20, cooldown_ms: 600_000 };

    fn heard<'a>(message_id: &'a str, who: Who<'a>, text: &'a str, written: &'a str) -> Heard<'a> {
        Heard { message_id, who, text, written }
    }

    /// The later one is greater, as it is among the platform's times.
    fn at(ms: i64) -> String {
        format!("{ms:016}")
    }

    /// Bots that take turns, one second apart, until one is stopped: how many spoke.
    fn talk(guard: &mut Guard, bots: &[&str], from: i64, text: impl Fn(usize) -> String) -> usize {
        for number in 0..1000 {
            let now = from + 1000 * i64::try_from(number).unwrap();
            let key = format!("{from}-{number}");
            if guard.speak(bots[number % bots.len()], &text(number), &key, now, LIMITS).is_err() {
                return number;
            }
            guard.sent(bots[number % bots.len()], &key, &format!("om_{key}"), Some(&at(now)));
        }
        1000
    }

    #[test]
    fn bots_that_always_answer_stop_at_exactly_the_limit_until_a_person_speaks() {
        let mut guard = Guard::default();
        assert_eq!(talk(&mut guard, &["a", "b", "c"], 0, |n| format!("answer {n}")), 10);
        assert_eq!(guard.paused().unwrap().why, Why::Turns);
        guard.name_pause(|| "one".to_owned());
        guard.name_pause(|| "other".to_owned());
        guard.told("other");
        assert!(!guard.paused().unwrap().told);
        guard.told("one");
        assert!(guard.paused().unwrap().told, "a pause has one name, and is told of once");
        assert_eq!(
            guard.hear(heard("om_p", Who::Person, "go on", &at(20_000)), 20_000, LIMITS),
            Some(Change::Resumed)
        );
        assert_eq!(talk(&mut guard, &["a", "b", "c"], 100_000, |n| format!("more {n}")), 10);
    }

    #[test]
    fn a_bot_s_word_that_is_heard_late_counts_by_when_it_was_written() {
        let mut guard = Guard::default();
        guard.hear(heard("om_p", Who::Person, "go on", &at(5)), 10, LIMITS);
        guard.hear(heard("om_1", Who::Bot("a"), "one", &at(4)), 11, LIMITS);
        assert_eq!(guard.turns(), 0);
        guard.hear(heard("om_2", Who::Bot("a"), "two", &at(6)), 12, LIMITS);
        assert_eq!(guard.turns(), 1);
    }

    #[test]
    fn a_bot_alone_may_speak_as_often_as_it_likes() {
        assert_eq!(talk(&mut Guard::default(), &["a"], 0, |_| "x".to_owned()), 1000);
    }

    #[test]
    fn the_same_words_again_and_again_are_a_loop_and_counting_is_not() {
        let mut guard = Guard::default();
        guard.meet("b");
        assert_eq!(talk(&mut guard, &["a"], 0, |_| "Thank you!".to_owned()), 3);
        assert_eq!(guard.paused().unwrap().why, Why::Alike);
        let mut guard = Guard::default();
        let polite = |n: usize| ["Thanks!", "You are welcome."][n % 2].to_owned();
        assert_eq!(talk(&mut guard, &["a", "b"], 0, polite), 4);
        assert_eq!(guard.paused().unwrap().why, Why::PingPong);
        assert!(!alike("step 3 of 9", "step 4 of 9"));
        assert!(!alike(&normalised("👍"), &normalised("👎")) && alike(&normalised("👍"), &normalised(" 👍")));
        assert!(alike(
            "the build of main is green again now we can ship it today ok",
            "the build of main is green again now we can ship it today ok thanks"
        ));
    }

    #[test]
    fn a_fast_exchange_is_stopped_by_its_rate() {
        let limits = Limits { turns: 1000, ..LIMITS };
        let mut guard = Guard::default();
        let spoke = (0..1000)
            .take_while(|n| {
                let (bot, text) = (["a", "b"][n % 2], format!("text number {n}"));
                guard.speak(bot, &text, &n.to_string(), 1000 * i64::try_from(*n).unwrap(), limits).is_ok()
            })
            .count();
        assert_eq!((spoke, guard.paused().unwrap().why), (20, Why::PerMinute));
    }

    #[test]
    fn a_message_counts_once_also_where_nobody_knows_whose_it_is() {
        let mut guard = Guard::default();
        guard.meet("b");
        for (number, (said, read)) in [("x y", "x y"), ("hi @Ann", "@Ann B. hi")].into_iter().enumerate() {
            let (key, id) = (format!("k{number}"), format!("om_{number}"));
            guard.speak("a", said, &key, 0, LIMITS).unwrap();
            // The first who hears it knows the bot by an id alone, and may read it with another name.
            guard.hear(heard(&id, Who::Bot("id of a"), read, "1"), 1, LIMITS);
            guard.sent("a", &key, &id, None);
            assert_eq!(guard.turns(), number + 1);
        }
        assert!(guard.speak("b", "x y", "k2", 2, LIMITS).unwrap().is_none(), "said twice, not three times");
        guard.hear(heard("om_9", Who::Bot("c"), "x y and z", "1"), 3, LIMITS);
        assert_eq!(guard.turns(), 4, "others count");
    }

    #[test]
    fn a_message_counts_once_however_it_is_learnt_of() {
        let mut guard = Guard::default();
        guard.meet("b");
        guard.speak("a", "x", "k1", 0, LIMITS).unwrap();
        // The platform was faster than the answer to the send, and both profiles saw it.
        guard.hear(heard("om_1", Who::Bot("a"), "x", "1"), 1, LIMITS);
        guard.hear(heard("om_1", Who::Bot("a"), "x", "1"), 2, LIMITS);
        guard.sent("a", "k1", "om_1", None);
        assert_eq!(guard.turns(), 1);
        guard.speak("a", "y", "k2", 3, LIMITS).unwrap();
        guard.sent("a", "k2", "om_2", Some("3"));
        guard.hear(heard("om_2", Who::Bot("a"), "y", "3"), 4, LIMITS);
        assert_eq!(guard.turns(), 2);
        guard.speak("a", "z", "k3", 5, LIMITS).unwrap();
        guard.unsent("a", "k3");
        assert_eq!(guard.turns(), 2);
        // A send that is repeated with its key is one turn.
        guard.speak("a", "z", "k4", 6, LIMITS).unwrap();
        guard.speak("a", "z", "k4", 7, LIMITS).unwrap();
        assert_eq!(guard.turns(), 3);
        // Two bots that name their sends after what they answer use the same keys.
        guard.speak("b", "z", "k4", 8, LIMITS).unwrap();
        assert_eq!(guard.turns(), 4);
        guard.unsent("b", "k4");
        assert_eq!(guard.turns(), 3);
    }

    /// Parts that are alike, learnt of before their send is answered and after, by one who knows whose they are and by one
    /// who does not.
    #[test]
    fn a_message_in_several_parts_is_one_turn() {
        for (who, text) in [("a", "as said"), ("id of a", "as said"), ("a", "as @Ann B. reads it")] {
            let mut guard = Guard::default();
            guard.meet("b");
            for message in 0..9 {
                let (key, text_of) = (|part: usize| format!("{message}.{part}"), format!("about {message}"));
                guard.speak("a", &text_of, &key(0), 0, LIMITS).unwrap();
                guard.sent("a", &key(0), &format!("om_{}", key(0)), Some("1"));
                for part in 1..60 {
                    let id = format!("om_{}", key(part));
                    guard.go_on("a", "as said", &key(part), 0).unwrap();
                    let hear =
                        |guard: &mut Guard| guard.hear(heard(&id, Who::Bot(who), text, "1"), 0, LIMITS);
                    if part % 2 == 0 {
                        assert_eq!(hear(&mut guard), None);
                    }
                    guard.sent("a", &key(part), &id, Some("1"));
                    assert_eq!(hear(&mut guard), None);
                }
                assert_eq!(
                    (guard.turns(), guard.paused(), guard.parts.len()),
                    (message + 1, None, 0),
                    "{who}"
                );
            }
        }
    }

    #[test]
    fn the_last_message_before_a_pause_is_said_to_its_end_unless_a_person_wants_silence() {
        let mut guard = Guard::default();
        assert_eq!(talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}")), 10);
        guard.go_on("b", "more of it", "k.1", 10_000).unwrap();
        guard.unsent("b", "k.1");
        assert!(guard.parts.is_empty());
        assert!(guard.speak("a", "x", "k", 10_000, LIMITS).is_err(), "it is a pause all the same");
        guard.pause(10_000, None);
        assert_eq!(guard.go_on("b", "more of it", "k.1", 10_000).unwrap_err().why, Why::Manual);
        // Whoever never learnt what became of a part does not have what its bot says later taken for it.
        let mut guard = Guard::default();
        guard.meet("b");
        guard.go_on("a", "a part", "k.1", 0).unwrap();
        guard.hear(heard("om_9", Who::Bot("a"), "later", "1"), MINUTE_MS, LIMITS);
        assert_eq!(guard.turns(), 1);
    }

    #[test]
    fn a_person_s_word_that_comes_late_forgives_what_was_said_before_it_only() {
        for (written, turns, resumed) in
            [(at(-1), 10, false), (at(0), 9, true), (at(4_500), 5, true), (at(99_000), 0, true)]
        {
            let mut guard = Guard::default();
            talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}"));
            let change = guard.hear(heard("om_p", Who::Person, "?", &written), 20_000, LIMITS);
            assert_eq!((guard.turns(), change), (turns, resumed.then_some(Change::Resumed)), "{written}");
        }
        // Of a loop nothing is forgiven that went on after it.
        let mut guard = Guard::default();
        guard.meet("b");
        talk(&mut guard, &["a"], 0, |_| "Thank you!".to_owned());
        assert_eq!(guard.hear(heard("om_p", Who::Person, "?", &at(500)), 20_000, LIMITS), None);
        assert!(guard.paused().is_some());
        // What is being sent comes after whatever was heard.
        let mut guard = Guard::default();
        guard.meet("b");
        guard.speak("a", "x", "k", 0, LIMITS).unwrap();
        guard.hear(heard("om_p", Who::Person, "?", &at(0)), 1, LIMITS);
        assert_eq!(guard.turns(), 1);
    }

    #[test]
    fn a_rate_above_what_is_remembered_with_words_is_a_rate_all_the_same() {
        let limits = Limits { turns: 1000, per_minute: 60, ..LIMITS };
        let mut guard = Guard::default();
        let spoke = (0..1000)
            .take_while(|n| {
                let (bot, text) = (["a", "b"][n % 2], format!("text number {n}"));
                guard.speak(bot, &text, &n.to_string(), 10 * i64::try_from(*n).unwrap(), limits).is_ok()
            })
            .count();
        assert_eq!((spoke, guard.recent.len()), (60, 60));
        assert_eq!(guard.recent.iter().filter(|turn| !turn.words.is_empty()).count(), RECENT_MAX);
    }

    #[test]
    fn a_pause_ends_by_time_or_a_person_and_a_person_s_pause_only_by_a_person_s_hand() {
        let mut guard = Guard::default();
        talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}"));
        let until = guard.paused().unwrap().until.unwrap();
        assert!(guard.speak("a", "x", "k", until - 1, LIMITS).is_err());
        assert!(guard.speak("a", "x", "k", until, LIMITS).is_ok());
        guard.pause(until, None);
        assert_eq!(guard.hear(heard("om_p", Who::Person, "hello", &at(until)), until, LIMITS), None);
        assert!(guard.speak("a", "x", "k2", i64::MAX, LIMITS).is_err());
        assert_eq!(guard.resume(), Some(Change::Resumed));
        assert!(guard.speak("a", "x", "k2", until, LIMITS).is_ok());
    }

    #[test]
    fn a_restart_of_the_machine_opens_nothing() {
        let mut guard = Guard::default();
        talk(&mut guard, &["a", "b"], 1_000_000_000, |n| format!("answer {n}"));
        let text = serde_json::to_string(&guard).unwrap();
        let mut guard: Guard = serde_json::from_str(&text).unwrap();
        guard.rebase(5, LIMITS);
        assert!(guard.speak("a", "x", "k", 6, LIMITS).is_err());
        assert_eq!(guard.paused().unwrap().until, Some(5 + LIMITS.cooldown_ms));
        // A person's pause keeps the length it was given.
        guard.pause(1_000_000_000, Some(8 * 3_600_000));
        guard.rebase(5, LIMITS);
        assert_eq!(guard.paused().unwrap().until, Some(5 + 8 * 3_600_000));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Speak(usize),
        Foreign(usize),
        Person,
        Restart,
        Wait(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (0..4_usize).prop_map(Step::Speak),
            4 => (0..2_usize).prop_map(Step::Foreign),
            1 => Just(Step::Person),
            1 => Just(Step::Restart),
            2 => (0..30_000_i64).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn ours_never_speak_beyond_the_limit_without_a_person(steps in steps()) {
            let mut guard = Guard::default();
            guard.meet("f0");
            let (mut in_a_row, mut now) = (0_usize, 0_i64);
            for (number, step) in steps.into_iter().enumerate() {
                now += 10;
                let (id, text) = (format!("om_{number}"), format!("text {number} {}", number * 7));
                let had = guard.paused().cloned();
                match step {
                    Step::Speak(bot) => {
                        let spoke = guard.speak(&format!("b{bot}"), &text, &id, now, LIMITS);
                        if spoke.is_ok() {
                            // A cool-down that is over begins a new count.
                            in_a_row = if had.is_some() { 1 } else { in_a_row + 1 };
                            guard.sent(&format!("b{bot}"), &id, &id, Some(&at(now)));
                            prop_assert!(in_a_row <= LIMITS.turns, "{} in a row", in_a_row);
                        }
                    }
                    Step::Foreign(bot) => {
                        let bot = format!("f{bot}");
                        guard.hear(heard(&id, Who::Bot(&bot), &text, &at(now)), now, LIMITS);
                        in_a_row += 1;
                    }
                    Step::Person => {
                        guard.hear(heard(&id, Who::Person, "hi", &at(now)), now, LIMITS);
                        in_a_row = 0;
                        prop_assert!(guard.paused().is_none(), "a person resumes");
                    }
                    Step::Restart => {
                        let text = serde_json::to_string(&guard).unwrap();
                        guard = serde_json::from_str(&text).unwrap();
                    }
                    Step::Wait(ms) => now += ms,
                }
            }
        }
    }
}
