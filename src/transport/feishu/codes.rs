//! The platform's numbers: what each means for a caller. One table, so that no call site knows a number.

mod card;
mod status;

pub use self::card::sub_hint as card_hint;
pub use self::status::hint as status_hint;
use crate::core::retry::Brought;
use crate::error::Kind;
use Kind::{Api, Authentication, Authorization, Config, Validation};

/// How a failure with this code is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub kind: Kind,
    pub hint: Option<&'static str>,
    /// The same request may succeed later.
    pub retryable: bool,
}

/// The token is stale: a new one may be taken, once.
pub const STALE_TOKEN: [i64; 4] = [99_991_663, 99_991_664, 99_991_671, 99_991_677];

/// The message was taken back already.
pub const RECALLED: i64 = 230_110;

const CHECK_CREDENTIALS: &str = "check app_id and app_secret against the developer console";
const TOKEN_REFUSED: &str = "the platform refuses its own new token: check app_id and app_secret against the developer \
                             console, and that the app is enabled and published";
const NO_TOKEN: &str = "the platform saw no token on this call: a gateway or proxy on the way may take it off; check base_url \
                        and http.proxy";
const TOKEN_NOT_TAKEN: &str = "the platform does not take this app's token: its secret may have been reset, or app_id is another \
                               app's; check both against the developer console, then `rooma reload`";
const OTHER_SERVER: &str = "the platform does not know this call: base_url may lead to another server or an older gateway; if it is \
                            the platform's own address, please report it";
const PUBLISH: &str = "enable the app and publish a version in the developer console";
const GRANT: &str = "grant the scope in the developer console and publish a version";
const ENABLE_BOT: &str = "enable the bot capability in the developer console and publish a version";
const SLOW_DOWN: &str = "the platform's rate limit was reached; wait, then try again";
const JOIN: &str = "add the bot to the chat first";
const UNKNOWN_ID: &str =
    "the id is unknown to this app; `rooma members` and `rooma chats` show those it knows";
const OTHER_ORGANISATION: &str = "the chat belongs to another organisation";
const ONLY_REPLY: &str = "this app may only answer: say --reply-to with a message of that person, or --chat with the id of \
                          the direct conversation (oc_…, lines name it) instead of the person's";
const OUR_BUG: &str = "this looks like a defect of rooma; please report it";

/// Looks a code up. Numbers whose meaning depends on the call (230071 to 230075) are not here.
pub fn meaning(code: i64) -> Option<Meaning> {
    let row = TABLE.iter().find(|row| row.0.contains(&code));
    let known = row.map(|row| Meaning { kind: row.1, retryable: row.2, hint: row.3 });
    let unknown_id = Meaning { kind: Validation, retryable: false, hint: Some(UNKNOWN_ID) };
    known.or_else(|| UNKNOWN_IDS.contains(&code).then_some(unknown_id))
}

/// What a failure with this code is, for [`worth`](crate::core::retry::worth). None for one that is not known.
pub fn brought(code: i64) -> Option<Brought> {
    match meaning(code)? {
        _ if STALE_TOKEN.contains(&code) => Some(Brought::StaleToken),
        _ if is_rate_limit(code) => Some(Brought::Limit),
        Meaning { retryable: true, .. } => Some(Brought::Trouble),
        Meaning { .. } => Some(Brought::Refusal),
    }
}

/// Too much at once: the call had no effect and may be repeated later.
pub fn is_rate_limit(code: i64) -> bool {
    RATE_LIMITS.contains(&code)
}

const RATE_LIMITS: &[i64] =
    &[99_991_400, 230_020, 11_232, 11_233, 232_019, 230_047, 230_048, 1_000_004, 1_000_005, 190_005];

/// What 230071 to 230075 mean in one call, where they mean something else in the next.
pub fn ambiguous(verb: Verb, code: i64) -> Option<&'static str> {
    match (verb, code) {
        (Verb::Reply, 230_071) => Some("the group does not support replies in a thread"),
        (Verb::Reply, 230_072) => Some("a merged message cannot be answered in a thread"),
        (Verb::Edit, 230_054) => Some(
            "only texts can be edited, and they keep their type: with --markdown what was sent with --markdown",
        ),
        (Verb::Edit, 230_071) => Some("only the bot's own messages can be edited"),
        (Verb::Edit, 230_072) => Some("a message can be edited 20 times; send a new one"),
        (Verb::Edit, 230_073 | 230_074) => Some("messages of encrypted chats cannot be edited"),
        (Verb::Edit, 230_075) => Some("the message is too old to be edited; send a new one"),
        (Verb::History, 230_073) => Some("the thread is not visible to the bot"),
        (Verb::Send | Verb::Reply, 230_075) => Some("encrypted chats are not supported"),
        (Verb::Recall, 230_009) => Some("the time to recall it is over"),
        (Verb::Recall, 230_026) => {
            Some("only the bot's own messages can be recalled, or those of a group it manages")
        }
        _ => None,
    }
}

/// Calls whose codes are not told apart by the number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Send,
    Reply,
    Edit,
    Recall,
    History,
}

/// One number for each kind of id that does not exist.
const UNKNOWN_IDS: std::ops::RangeInclusive<i64> = 99_992_351..=99_992_381;

type Row = (&'static [i64], Kind, bool, Option<&'static str>);

/// A code without a hint needs none: what passes is waited out, and then the verb says how to repeat it.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Credentials and the app's state.
    (&[10_003, 10_014, 10_015, 99_991_543], Authentication, false, Some(CHECK_CREDENTIALS)),
    (&[10_005, 10_012, 99_991_662, 99_991_665, 99_991_673], Authentication, false, Some(PUBLISH)),
    (&[10_013], Authentication, true, None),
    (&STALE_TOKEN, Authentication, false, Some(TOKEN_REFUSED)),
    (&[99_991_661], Authentication, false, Some(NO_TOKEN)),
    (&[20_005, 99_991_668], Authentication, false, Some(TOKEN_NOT_TAKEN)),
    (&[99_991_201, 99_991_301], Api, false, Some(OTHER_SERVER)),
    (&[99_991_669, 99_991_679], Authorization, false, Some("this is about a person's token, which rooma does not use; please report it")),
    (&[99_991_401], Config, false, Some("add this machine's address to the app's IP allow-list")),
    // Permission.
    (&[99_991_672, 99_991_676, 21_000, 21_001], Authorization, false, Some(GRANT)),
    (&[230_006, 232_025, 234_007], Authorization, false, Some(ENABLE_BOT)),
    (&[230_027], Authorization, false, Some("grant the scope for group messages, or the chat belongs to another organisation")),
    (&[232_033, 231_021, 234_009], Authorization, false, Some(OTHER_ORGANISATION)),
    (&[232_034], Authorization, false, Some("install the app in this organisation")),
    (&[230_018], Authorization, false, Some("the group's settings forbid it; its owner can allow it")),
    (&[230_035], Authorization, false, Some("the bot is muted, blocked or forbidden to speak there; its owner can allow it")),
    (&[230_046], Authorization, false, Some("only the group's owner and managers may do this")),
    (&[230_026], Authorization, false, Some("only the bot's own messages can be recalled, or those of a group it manages")),
    (&[230_101], Authorization, false, Some(ONLY_REPLY)),
    (&[232_066, 1_770_032], Authorization, false, Some("let the app read the group's announcement")),
    // Rate.
    (RATE_LIMITS, Api, true, Some(SLOW_DOWN)),
    (&[11_247, 230_024], Api, false, Some("the quota is used up; it is renewed later")),
    // Passing trouble.
    (&[500, 1500, 1663, 5000, 18_121, 40_003, 230_049, 231_015, 232_096, 234_019], Api, true, None),
    (&[1_771_001, 1_771_002, 1_771_003, 1_771_004, 1_771_005], Api, true, None),
    // The content or the arguments must change.
    (&[230_001], Validation, false, Some("the platform takes this type or content not: links must be whole, ids known, --content of the form that --msg-type has")),
    (&[231_001], Validation, false, Some("the platform does not take this reaction here; `rooma react --help` says more")),
    (&[232_001, 234_001, 99_992_402, 40_001, 1_770_001], Validation, false, Some("the platform refuses a parameter, and says in its own words which; check the ids")),
    (&[234_010], Validation, false, Some("the file is empty, and the platform takes no empty files")),
    (&[230_022, 230_028], Api, false, Some("the content was refused by the organisation's policy")),
    (&[230_025], Validation, false, Some("the content is too long; split it")),
    (&[230_054], Validation, false, Some("this type of message is not possible there")),
    (&[230_055], Validation, false, Some("the file was uploaded as another type than it is posted as; upload it again")),
    (&[230_099], Validation, false, Some(card::REFUSED)),
    (&[230_031], Validation, false, Some("a card can be changed for 14 days; send a new one")),
    (&[231_017], Validation, false, Some("messages of this type take no reactions")),
    (&[234_011], Validation, false, Some("the platform does not know this picture's format; send it with `rooma file`")),
    (&[234_043], Validation, false, Some("what stickers and cards carry cannot be fetched; what a merged forward carries is the forward's, not its messages'")),
    (&[234_006, 234_037], Validation, false, Some("the file is too large")),
    (&[234_039], Validation, false, Some("the image is too large; send it as a file")),
    (&[230_017], Validation, false, Some("the key belongs to another app; upload the file with this one")),
    // The chat, the person or the message is not there.
    (&[230_002, 231_002, 232_011, 234_004, 1_772_003], Api, false, Some(JOIN)),
    (&[230_013, 231_022, 41_050], Authorization, false, Some("the person is outside the range the app is released to")),
    (&[99_992_361], Validation, false, Some("an open_id counts only for the app that saw it; take it from this profile's own view")),
    (&[99_992_364, 230_038, 232_010], Validation, false, Some("the person or chat belongs to another organisation")),
    (&[230_011, 230_110, 231_003, 231_005], Api, false, Some("the message was recalled or deleted")),
    (&[230_050, 231_008, 231_018, 234_040], Api, false, Some("the message is not visible to the bot")),
    (&[230_111], Api, false, Some("the message destroys itself and cannot be used")),
    (&[232_009, 231_004, 230_045], Api, false, Some("the chat is gone")),
    (&[230_034, 232_006, 41_012], Validation, false, Some(UNKNOWN_ID)),
    (&[230_019], Validation, false, Some("the topic is gone; send to the chat itself")),
    (&[231_011, 231_010], Validation, false, Some("this reaction is not on the message, or no longer")),
    (&[234_003], Validation, false, Some("the key is not this message's: `rooma message --message-id` names what it carries, and what lies in a merged forward is fetched under the forward's own id")),
    (&[230_029], Api, false, Some("the person has left the organisation")),
    (&[230_036, 234_041], Api, false, Some("the organisation was deleted, or its key")),
    (&[230_053], Api, false, Some("the person has stopped this bot's messages")),
    (&[230_009], Api, false, Some("the time for it is over")),
    (&[230_012], Api, false, Some("only the bot's own messages")),
    (&[230_015], Api, false, Some("a direct conversation cannot be shared")),
    (&[230_023], Api, false, Some("the person has too many unread urgent messages")),
    (&[200_340], Config, false, Some("configure the card callback in the developer console")),
    (&[234_002], Authentication, false, Some(GRANT)),
    (&[231_007], Authorization, false, Some("the reaction is somebody else's")),
    (&[231_019, 231_020], Authorization, false, Some("the person's or the organisation's settings forbid it")),
    (&[231_013], Authorization, false, Some(OUR_BUG)),
    (&[1_772_025], Authorization, false, Some(ENABLE_BOT)),
    (&[1_772_034], Authorization, false, Some("install the app in this organisation")),
    (&[1_772_002, 1_772_004], Authorization, false, Some(OTHER_ORGANISATION)),
    (&[231_006, 231_012, 231_014], Validation, false, Some(OUR_BUG)),
    (&[1_770_002, 1_772_001, 232_003], Api, false, Some("the group has no announcement")),
    (&[1_772_006, 232_097], Api, false, Some("the announcement is of the other kind than the platform said; please report it")),
    (&[232_004], Api, false, Some(PUBLISH)),
    (&[234_038], Api, false, Some("the chat is in restricted mode: nothing can be downloaded there")),
    (&[234_042], Api, false, Some("the organisation's storage is full or in trouble; its administrator can tell")),
    (&[230_075], Api, false, Some("encrypted chats are not supported")),
];

/// All that the table names.
#[cfg(test)]
pub fn all() -> Vec<i64> {
    TABLE.iter().flat_map(|row| row.0).copied().collect()
}

#[cfg(test)]
mod tests;
