//! The platform's numbers: what each means for a caller. One table, so that no call site knows a number.

use crate::core::retry::Brought;
use crate::error::Kind;
use Kind::{Api, Authentication, Authorization, Config, Internal, Validation};

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
const PUBLISH: &str = "enable the app and publish a version in the developer console";
const GRANT: &str = "grant the scope in the developer console and publish a version";
const ENABLE_BOT: &str = "enable the bot capability in the developer console and publish a version";
const SLOW_DOWN: &str = "the platform's rate limit was reached; wait, then try again";
const JOIN: &str = "add the bot to the chat first";
const UNKNOWN_ID: &str =
    "the id is unknown to this app; `rooma members` and `rooma chats` show those it knows";
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

const TABLE: &[Row] = &[
    // Credentials and the app's state.
    (&[10_003, 10_014, 10_015, 99_991_543], Authentication, false, Some(CHECK_CREDENTIALS)),
    (&[10_005, 10_012, 99_991_662, 99_991_665, 99_991_673], Authentication, false, Some(PUBLISH)),
    (&[10_013], Authentication, true, None),
    (&STALE_TOKEN, Authentication, false, Some(TOKEN_REFUSED)),
    (&[99_991_661, 99_991_668, 99_991_201, 99_991_301], Internal, false, Some(OUR_BUG)),
    (&[99_991_669, 99_991_679], Authorization, false, None),
    (&[99_991_401], Config, false, Some("add this machine's address to the app's IP allow-list")),
    // Permission.
    (&[99_991_672, 99_991_676, 21_000, 21_001], Authorization, false, Some(GRANT)),
    (&[230_006, 232_025, 234_007], Authorization, false, Some(ENABLE_BOT)),
    (
        &[230_027],
        Authorization,
        false,
        Some("grant the scope for group messages, or the chat belongs to another organisation"),
    ),
    (&[232_033, 231_021, 234_009], Authorization, false, Some("the chat belongs to another organisation")),
    (&[232_034], Authorization, false, Some("install the app in this organisation")),
    (&[230_018, 230_035, 230_046, 230_026, 232_066], Authorization, false, None),
    // Rate.
    (RATE_LIMITS, Api, true, Some(SLOW_DOWN)),
    (&[11_247, 230_024], Api, false, Some("the quota is used up; it is renewed later")),
    // Passing trouble.
    (&[500, 1500, 1663, 5000, 18_121, 40_003, 230_049, 231_015, 232_096, 234_019], Api, true, None),
    (&[1_771_001, 1_771_002, 1_771_003, 1_771_004, 1_771_005], Api, true, None),
    (&[1_770_002], Api, false, None),
    // The content or the arguments must change.
    (&[230_001, 231_001, 232_001, 234_001, 99_992_402, 40_001, 1_770_001, 234_010], Validation, false, None),
    (&[230_022, 230_028], Api, false, Some("the content was refused by the organisation's policy")),
    (&[230_025], Validation, false, Some("the content is too long; split it")),
    (&[230_054, 230_055, 230_099, 230_031, 231_017, 234_011, 234_043], Validation, false, None),
    (&[234_006, 234_037], Validation, false, Some("the file is too large")),
    (&[234_039], Validation, false, Some("the image is too large; send it as a file")),
    (&[230_017], Validation, false, Some("the key belongs to another app; upload the file with this one")),
    // The chat, the person or the message is not there.
    (&[230_002, 231_002, 232_011, 234_004, 1_772_003], Api, false, Some(JOIN)),
    (
        &[230_013, 231_022, 41_050],
        Authorization,
        false,
        Some("the person is outside the range the app is released to"),
    ),
    (
        &[99_992_361],
        Validation,
        false,
        Some("an open_id counts only for the app that saw it; take it from this profile's own view"),
    ),
    (
        &[99_992_364, 230_038, 232_010],
        Validation,
        false,
        Some("the person or chat belongs to another organisation"),
    ),
    (&[230_011, 230_110, 231_003, 231_005], Api, false, Some("the message was recalled or deleted")),
    (&[230_050, 231_008, 231_018, 234_040], Api, false, Some("the message is not visible to the bot")),
    (&[230_111], Api, false, Some("the message destroys itself and cannot be used")),
    (&[232_009, 231_004, 230_045], Api, false, Some("the chat is gone")),
    (&[230_034, 232_006], Validation, false, Some(UNKNOWN_ID)),
    (&[230_019, 41_012, 231_011, 234_003], Validation, false, None),
    (&[230_029, 230_036, 230_053, 230_009, 230_012, 230_015, 230_023], Api, false, None),
    (&[200_340], Config, false, Some("configure the card callback in the developer console")),
    (&[234_002], Authentication, false, None),
    (&[1_770_032, 231_007, 231_013, 231_019, 231_020], Authorization, false, None),
    (&[1_772_025], Authorization, false, Some(ENABLE_BOT)),
    (&[1_772_034], Authorization, false, Some("install the app in this organisation")),
    (&[1_772_002, 1_772_004], Authorization, false, Some("the chat belongs to another organisation")),
    (&[231_006, 231_010, 231_012, 231_014], Validation, false, None),
    (&[1_772_001, 1_772_006], Api, false, None),
    (&[232_003, 232_004, 232_097, 234_038, 234_041, 234_042, 230_075], Api, false, None),
];

/// All that the table names.
#[cfg(test)]
pub fn all() -> Vec<i64> {
    TABLE.iter().flat_map(|row| row.0).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_meanings() {
        let mut all = all();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn classes_are_those_of_the_reference() {
        for code in [99_991_400, 230_020, 11_232, 11_233, 232_019, 230_047, 230_048, 1_000_004, 190_005] {
            assert!(meaning(code).unwrap().retryable, "{code}");
        }
        for code in [10_003, 10_014, 10_015, 99_991_543, 99_991_662, 99_991_672] {
            let meaning = meaning(code).unwrap();
            assert!(!meaning.retryable && meaning.kind.exit_code() == 3, "{code}");
            assert!(meaning.hint.is_some(), "{code}");
        }
        for code in STALE_TOKEN {
            assert_eq!(meaning(code).unwrap().kind, Kind::Authentication);
        }
        assert_eq!(meaning(4711), None);
        assert!(meaning(99_992_351).unwrap().hint.unwrap().contains("rooma members"));
    }

    /// All that the reference names for the calls made here; numbers with a meaning per call are asked for that.
    #[rustfmt::skip]
    const DOCUMENTED: &[i64] = &[
        230_001, 230_002, 230_006, 230_009, 230_011, 230_012, 230_013, 230_015, 230_017, 230_018, 230_019, 230_020,
        230_022, 230_023, 230_024, 230_025, 230_026, 230_027, 230_028, 230_029, 230_031, 230_034, 230_035, 230_036,
        230_038, 230_045, 230_046, 230_047, 230_048, 230_049, 230_050, 230_053, 230_054, 230_055, 230_075, 230_099,
        230_110, 230_111, 231_001, 231_002, 231_003, 231_004, 231_005, 231_006, 231_007, 231_008, 231_010, 231_011,
        231_012, 231_013, 231_014, 231_015, 231_017, 231_018, 231_019, 231_020, 231_021, 231_022, 232_001, 232_003,
        232_004, 232_006, 232_009, 232_010, 232_011, 232_019, 232_025, 232_033, 232_034, 232_066, 232_096, 232_097,
        234_001, 234_002, 234_003, 234_004, 234_006, 234_007, 234_009, 234_010, 234_011, 234_019, 234_037, 234_038,
        234_039, 234_040, 234_041, 234_042, 234_043, 200_340, 99_992_402, 1_770_001, 1_770_002, 1_770_032,
        1_771_001, 1_771_005, 1_772_001, 1_772_002, 1_772_003, 1_772_004, 1_772_006, 1_772_025, 1_772_034,
        10_003, 10_005, 10_012, 10_013, 10_014, 10_015, 99_991_543, 99_991_661, 99_991_662, 99_991_663, 99_991_664,
        99_991_665, 99_991_668, 99_991_669, 99_991_671, 99_991_672, 99_991_673, 99_991_676, 99_991_677, 99_991_679,
        99_991_401, 99_991_400, 99_991_201, 99_991_301,
    ];

    #[test]
    fn every_documented_code_has_a_meaning() {
        let without: Vec<_> = DOCUMENTED.iter().filter(|code| meaning(**code).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert!(ambiguous(Verb::Edit, 230_071) != ambiguous(Verb::Reply, 230_071));
    }
}
