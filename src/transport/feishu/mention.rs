//! The mentions of one message: who is meant, and what stands in the text for them.
//!
//! The platform gives every app its own open_ids, and reports exist of messages whose bot mentions carried
//! another app's. So an id that is ours is proof, an app id that is ours is proof, and a bot of our name with
//! an id nobody knows is a doubt that the caller resolves by reading the message again.

use std::collections::HashMap;

use super::known::Known;
use super::loose::LIST_MAX;
use super::tidy;
use super::wire::WireMention;
use crate::event::ids::UserId;
use crate::event::{Mention, MentionKind};

/// Mentions of one message from which names are learnt in passing.
pub const MENTIONS_MAX: usize = 200;

/// What the mentions may take of a line. The text needs the rest.
pub const BYTES_MAX: usize = 32 * 1024;

/// Keys of another form than `@_user_1`; the platform has none but `@_all`.
const ODD_MAX: usize = 50;

/// Stands in a text for everybody.
const ALL_KEY: &str = "@_all";
const ALL_ID: &str = "all";

/// Before the number in nearly every key.
const NUMBERED: &str = "@_user_";

/// What a mention takes of a line beside its id and its name, of which each byte may be escaped.
const ENTRY_BYTES: usize = 80;

/// This bot, as mentions are compared with it.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    pub app_id: &'a str,
    pub open_id: &'a str,
    pub name: &'a str,
}

/// What to make of a bot of our name whose id nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Tell the caller.
    Report,
    /// Nothing better is to be had: the name decides.
    Name,
}

#[derive(Debug, Default)]
pub struct Mentions {
    pub me: bool,
    pub all: bool,
    pub others: bool,
    /// A bot of our name may or may not be us.
    pub doubtful: bool,
    /// As many as a line has room for.
    pub list: Vec<Mention>,
    /// More are called than `list` names.
    pub cut: bool,
    own: Own,
    bytes: usize,
    /// Names by keys such as `@_user_10`.
    numbered: HashMap<String, String>,
    /// Other keys, longest first.
    odd: Vec<(String, String)>,
}

/// This bot, as posts may name it without a key.
#[derive(Debug, Default)]
struct Own {
    open_id: String,
    app_id: String,
    name: String,
    profile: Option<String>,
}

enum Who {
    Me,
    All,
    Other,
    Doubtful,
}

/// Reads the mentions. `profile_of` names ours among the apps.
pub fn read(
    wire: &[WireMention<'_>],
    me: Me<'_>,
    known: &Known,
    profile_of: impl Fn(&str) -> Option<String>,
    doubt: Doubt,
) -> Mentions {
    let own = Own {
        open_id: me.open_id.to_owned(),
        app_id: me.app_id.to_owned(),
        name: tidy::name(me.name),
        profile: profile_of(me.app_id),
    };
    let mut found = Mentions { own, cut: wire.len() >= LIST_MAX, ..Mentions::default() };
    for mention in wire {
        let app_id = app_of(mention, known);
        let listed = known.person(mention.id.open_id.as_str()).is_some_and(|person| person.bot);
        let who = match who(mention, app_id.as_deref(), me) {
            Who::Doubtful if doubt == Doubt::Name => Who::Me,
            who => who,
        };
        match who {
            Who::Me => found.me = true,
            Who::All => found.all = true,
            Who::Other => found.others = true,
            Who::Doubtful => found.doubtful = true,
        }
        let app_id = if matches!(who, Who::Me) { Some(me.app_id) } else { app_id.as_deref() };
        let name = name_of(mention, &who, known);
        found.label_with(mention.key.as_str(), &name);
        found.add(Mention {
            id: id_of(mention, &who),
            name,
            r#type: kind(&who, is_bot(mention) || listed || app_id.is_some()),
            profile: app_id.and_then(&profile_of),
        });
    }
    found.odd.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    found
}

/// Somebody without a name is still called: by what is known of them, or by their id.
fn name_of(mention: &WireMention<'_>, who: &Who, known: &Known) -> String {
    if matches!(who, Who::All) {
        return ALL_ID.to_owned();
    }
    let given = tidy::name(mention.name.as_str());
    if !given.trim().is_empty() {
        return given;
    }
    let open_id = mention.id.open_id.as_str();
    let learnt = known.person(open_id).and_then(|person| person.name.as_deref()).map(tidy::name);
    let ids = [open_id, mention.id.user_id.as_str(), mention.key.as_str().trim_start_matches('@')];
    learnt.unwrap_or_else(|| tidy::id(ids.into_iter().find(|id| !id.is_empty()).unwrap_or("unknown")))
}

fn who(mention: &WireMention<'_>, app_id: Option<&str>, me: Me<'_>) -> Who {
    let open_id = mention.id.open_id.as_str();
    if mention.key.as_str() == ALL_KEY || open_id == ALL_ID || mention.id.user_id.as_str() == ALL_ID {
        return Who::All;
    }
    if !open_id.is_empty() && (open_id == me.open_id || open_id == me.app_id) {
        return Who::Me;
    }
    match app_id {
        Some(app_id) if app_id == me.app_id => Who::Me,
        Some(_) => Who::Other,
        None if is_bot(mention) && !me.name.is_empty() && mention.name.as_str() == me.name => Who::Doubtful,
        None => Who::Other,
    }
}

/// The app behind a mention, where the message or an earlier one told.
fn app_of(mention: &WireMention<'_>, known: &Known) -> Option<String> {
    let told = mention.bot_info.as_ref().map(|info| info.app_id.as_str()).filter(|app_id| !app_id.is_empty());
    let open_id = mention.id.open_id.as_str();
    let learnt = || known.person(open_id).and_then(|person| person.app_id.as_deref());
    // The history names bots by their apps when it is asked in that way.
    let itself = || is_app(open_id).then_some(open_id);
    told.or_else(learnt).or_else(itself).map(str::to_owned)
}

/// One of the few prefixes that are safe to test.
pub fn is_app(id: &str) -> bool {
    id.starts_with("cli_")
}

fn id_of(mention: &WireMention<'_>, who: &Who) -> UserId {
    match who {
        Who::All => UserId::new(ALL_ID),
        Who::Me | Who::Other | Who::Doubtful => UserId::new(tidy::id(mention.id.open_id.as_str())),
    }
}

fn kind(who: &Who, bot: bool) -> MentionKind {
    match who {
        Who::All => MentionKind::All,
        _ if bot => MentionKind::Bot,
        Who::Me | Who::Other | Who::Doubtful => MentionKind::User,
    }
}

/// Whether a mention in the history is somebody's of whom nothing is known: there, bots look like people.
pub fn is_unknown(mention: &WireMention<'_>, known: &Known) -> bool {
    let open_id = mention.id.open_id.as_str();
    let all = mention.key.as_str() == ALL_KEY || open_id == ALL_ID || open_id.is_empty();
    !all && !is_bot(mention) && app_of(mention, known).is_none() && known.person(open_id).is_none()
}

/// Whether a mention in the history may be one of ours: nobody has told its app, nor that it has none.
pub fn may_be_ours(mention: &WireMention<'_>, known: &Known) -> bool {
    match known.person(mention.id.open_id.as_str()) {
        Some(person) if person.appless => false,
        Some(person) if person.bot || is_bot(mention) => app_of(mention, known).is_none(),
        Some(_) | None => is_unknown(mention, known),
    }
}

fn is_bot(mention: &WireMention<'_>) -> bool {
    matches!(mention.mentioned_type.as_str(), "bot" | "app")
}

impl Mentions {
    /// The name that stands for a key.
    pub fn label(&self, key: &str) -> Option<&str> {
        if key == ALL_KEY || key == ALL_ID {
            return Some(ALL_ID);
        }
        let odd = || self.odd.iter().find(|(known, _)| known == key).map(|(_, name)| name);
        self.numbered.get(key).or_else(odd).map(String::as_str)
    }

    /// This bot's name, if the id is its own.
    pub fn own_name(&self, id: &str) -> Option<String> {
        (self.is_own(id) && !self.own.name.is_empty()).then(|| self.own.name.clone())
    }

    pub fn is_own(&self, id: &str) -> bool {
        !id.is_empty() && (id == self.own.open_id || id == self.own.app_id)
    }

    /// This bot's id, however it was called.
    pub fn own_id(&self) -> String {
        tidy::id(if self.own.open_id.is_empty() { &self.own.app_id } else { &self.own.open_id })
    }

    /// Our own profile among the ids that a post calls.
    pub fn own_profile(&self) -> Option<String> {
        self.own.profile.clone()
    }

    /// Adds whom the content calls beside the mentions that came with it.
    pub fn join(&mut self, called: Vec<Mention>) {
        called.into_iter().for_each(|mention| self.add(mention));
    }

    fn add(&mut self, mention: Mention) {
        self.bytes += ENTRY_BYTES + 2 * (mention.id.as_str().len() + mention.name.len());
        if self.bytes <= BYTES_MAX {
            self.list.push(mention);
        } else {
            self.cut = true;
        }
    }

    fn label_with(&mut self, key: &str, name: &str) {
        if key.strip_prefix(NUMBERED).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            self.numbered.entry(key.to_owned()).or_insert_with(|| name.to_owned());
        } else if !key.is_empty() && self.odd.len() < ODD_MAX {
            self.odd.push((key.to_owned(), name.to_owned()));
        }
    }

    /// Puts `@Name` where keys stand. Says whether everybody was addressed.
    pub fn replace(&self, text: &str) -> (String, bool) {
        let mut replaced = String::with_capacity(text.len());
        let (mut rest, mut all) = (text, false);
        while let Some(start) = rest.find("@_") {
            replaced.push_str(&rest[..start]);
            let at = &rest[start..];
            let (length, name) = match self.key_at(at) {
                Some((length, name)) => (length, Some(name)),
                None => ("@_".len(), None),
            };
            all |= name == Some(ALL_ID) && at.starts_with(ALL_KEY);
            match name {
                Some(name) => {
                    replaced.push('@');
                    replaced.push_str(name);
                }
                None => replaced.push_str("@_"),
            }
            rest = &at[length..];
        }
        replaced.push_str(rest);
        (replaced, all)
    }

    /// The longest key this text begins with. A number must end where the key ends: with `@_user_1` known,
    /// `@_user_12` is still nobody.
    fn key_at(&self, text: &str) -> Option<(usize, &str)> {
        let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(rest) = text.strip_prefix(NUMBERED) {
            let length = NUMBERED.len() + digits(rest);
            if let Some(name) = self.numbered.get(&text[..length]) {
                return Some((length, name));
            }
        }
        let fits = |key: &str| {
            let digit = |c: char| c.is_ascii_digit();
            text.strip_prefix(key).is_some_and(|rest| !(key.ends_with(digit) && rest.starts_with(digit)))
        };
        let odd = self.odd.iter().find(|(key, _)| fits(key)).map(|(key, name)| (key.len(), name.as_str()));
        odd.or_else(|| {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            text.strip_prefix(ALL_KEY).filter(|rest| !rest.starts_with(word)).map(|_| (ALL_KEY.len(), ALL_ID))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ME: Me<'static> = Me { app_id: "cli_me", open_id: "ou_me", name: "Helper" };

    fn mentions(json: &serde_json::Value, known: &Known, doubt: Doubt) -> Mentions {
        let text = json.to_string();
        let wire: Vec<WireMention<'_>> = serde_json::from_str(&text).unwrap();
        let profiles = |app_id: &str| (app_id == "cli_bob").then(|| "bob".to_owned());
        read(&wire, ME, known, profiles, doubt)
    }

    fn of(json: serde_json::Value) -> Mentions {
        mentions(&json, &Known::default(), Doubt::Report)
    }

    fn bot(key: &str, open_id: &str, name: &str) -> serde_json::Value {
        json!({"key": key, "id": {"open_id": open_id}, "mentioned_type": "bot", "name": name})
    }

    #[test]
    fn our_open_id_means_us() {
        let found = of(json!([bot("@_user_1", "ou_me", "Anything")]));
        assert!(found.me && !found.others && !found.doubtful);
    }

    #[test]
    fn our_app_id_means_us_whatever_the_open_id() {
        let mut mention = bot("@_user_1", "ou_foreign", "Helper");
        mention["bot_info"] = json!({"app_id": "cli_me"});
        assert!(of(json!([mention])).me);
        let mut other = bot("@_user_1", "ou_foreign", "Helper");
        other["bot_info"] = json!({"app_id": "cli_other"});
        let found = of(json!([other]));
        assert!(!found.me && found.others && !found.doubtful);
    }

    #[test]
    fn a_bot_of_our_name_is_a_doubt_and_a_person_of_our_name_is_not_us() {
        let bots = json!([bot("@_user_1", "ou_foreign", "Helper")]);
        let found = of(bots.clone());
        assert!(found.doubtful && !found.me);
        assert!(mentions(&bots, &Known::default(), Doubt::Name).me);
        let person = json!([{"key": "@_user_1", "id": {"open_id": "ou_x"}, "mentioned_type": "user", "name": "Helper"}]);
        let found = mentions(&person, &Known::default(), Doubt::Name);
        assert!(found.others && !found.me);
    }

    #[test]
    fn what_was_learnt_settles_a_doubt() {
        let bots = json!([bot("@_user_1", "ou_foreign", "Helper"), bot("@_user_2", "ou_bob", "Helper")]);
        let mut known = Known::default();
        known.learn_app("ou_foreign", "cli_me");
        known.learn_app("ou_bob", "cli_bob");
        let found = mentions(&bots, &known, Doubt::Report);
        assert!(found.me && found.others && !found.doubtful);
        assert_eq!(found.list[1].profile.as_deref(), Some("bob"));
    }

    #[test]
    fn everybody_is_told_by_key_or_id() {
        for all in [
            json!([{"key": "@_all", "id": {"open_id": ""}, "name": "Everyone"}]),
            json!([{"key": "@_user_1", "id": {"user_id": "all"}, "name": "x"}]),
            json!([{"key": "@_user_1", "id": "all"}]),
        ] {
            let found = of(all);
            assert!(found.all && !found.me && !found.others);
            assert_eq!(found.list[0].name, "all");
            assert_eq!(found.list[0].r#type, MentionKind::All);
        }
    }

    #[test]
    fn twelve_mentions_are_each_replaced_by_their_own_name() {
        let people: Vec<_> = (1..=12)
            .map(|n| json!({"key": format!("@_user_{n}"), "id": {"open_id": format!("ou_{n}")}, "name": format!("N{n}")}))
            .collect();
        let text: Vec<_> = (1..=12).rev().map(|n| format!("@_user_{n}")).collect();
        let (replaced, all) = of(json!(people)).replace(&text.join(" "));
        assert_eq!(replaced, "@N12 @N11 @N10 @N9 @N8 @N7 @N6 @N5 @N4 @N3 @N2 @N1");
        assert!(!all);
    }

    #[test]
    fn only_keys_are_replaced() {
        let found = of(json!([bot("@_user_1", "ou_me", "Helper")]));
        let replace = |text| found.replace(text);
        assert_eq!(replace("@_user_12 @_user_1! @_x @_"), ("@_user_12 @Helper! @_x @_".into(), false));
        assert_eq!(replace("@_all hi"), ("@all hi".into(), true));
        assert_eq!(replace("@_allowed"), ("@_allowed".into(), false));
        assert_eq!(replace("héé @_user_1你"), ("héé @Helper你".into(), false));
    }

    #[test]
    fn a_name_that_looks_like_a_key_is_not_replaced_again() {
        let found = of(json!([
            {"key": "@_user_1", "id": {"open_id": "ou_1"}, "name": "@_user_2"},
            {"key": "@_user_2", "id": {"open_id": "ou_2"}, "name": "Li"},
        ]));
        assert_eq!(found.replace("@_user_1").0, "@@_user_2");
    }

    #[test]
    fn each_mention_counts_however_many_a_line_has_room_for() {
        let mut many: Vec<_> =
            (0..900).map(|n| bot(&format!("@_user_{n}"), "ou_x", &format!("N{n}"))).collect();
        many.push(bot("@_user_900", "ou_me", "Helper"));
        let found = of(json!(many));
        assert!(found.me && found.cut);
        assert!(found.list.len() > 200 && found.list.len() < 900, "{}", found.list.len());
        assert!(serde_json::to_string(&found.list).unwrap().len() <= BYTES_MAX);
        assert_eq!(found.replace("@_user_899 @_user_900").0, "@N899 @Helper");
        assert!(!of(json!(many[..200])).cut);
    }

    #[test]
    fn who_has_no_name_is_called_by_id() {
        let mut known = Known::default();
        known.learn_name("ou_2", "Li");
        let nameless = json!([
            {"key": "@_user_1", "id": {"open_id": "ou_1"}, "name": ""},
            {"key": "@_user_2", "id": {"open_id": "ou_2"}, "name": " "},
            {"key": "@_user_3", "id": {}},
        ]);
        let found = mentions(&nameless, &known, Doubt::Report);
        assert_eq!(found.replace("@_user_1 @_user_2 @_user_3 bye").0, "@ou_1 @Li @_user_3 bye");
        assert_eq!(found.list[0].name, "ou_1");
    }
}
