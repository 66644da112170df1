//! The names of reactions: the platform's list, case-sensitive.

mod names;
mod unicode;

use self::unicode::{NEAR, SAME, bare};

/// What agents react with most, for who names nothing that comes near.
const OFTEN: [&str; 7] = ["OK", "THUMBSUP", "DONE", "OnIt", "THANKS", "Typing", "CrossMark"];

/// Names in one error.
const NAMED_MAX: usize = 3;

/// The platform's name of a reaction: of one that was given by its name, as a Unicode emoji or by the name that other
/// platforms have for that. Else those that come
/// near, the nearest first.
pub fn named(given: &str) -> Result<&'static str, Vec<&'static str>> {
    if let Some(name) = EMOJI.iter().find(|known| **known == given) {
        return Ok(name);
    }
    let short = names::known(given);
    // `smile` is the platform's own before it is another platform's.
    if let Some(name) =
        short.and_then(|(short, _)| EMOJI.iter().find(|name| name.eq_ignore_ascii_case(short)))
    {
        return Ok(name);
    }
    let bare = short.map_or_else(|| bare(given), |(_, emoji)| emoji.to_owned());
    if let Some((_, name)) = SAME.iter().find(|(emoji, _)| *emoji == bare) {
        return Ok(name);
    }
    if let Some((_, near)) = NEAR.iter().find(|(emoji, _)| *emoji == bare) {
        return Err(near.to_vec());
    }
    Err(alike(given))
}

fn alike(given: &str) -> Vec<&'static str> {
    let lower = given.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &lower);
    let mut near: Vec<(f64, &'static str)> = EMOJI.iter().map(|known| (likeness(known), *known)).collect();
    near.retain(|(likeness, _)| *likeness > 0.7);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<_> = near.into_iter().map(|(_, name)| name).take(NAMED_MAX).collect();
    if near.is_empty() { OFTEN.to_vec() } else { near }
}

#[rustfmt::skip]
const EMOJI: &[&str] = &[
    "OK", "THUMBSUP", "THANKS", "MUSCLE", "FINGERHEART", "APPLAUSE", "FISTBUMP", "JIAYI", "DONE", "SMILE",
    "BLUSH", "LAUGH", "SMIRK", "LOL", "FACEPALM", "LOVE", "WINK", "PROUD", "WITTY", "SMART", "SCOWL",
    "THINKING", "SOB", "CRY", "ERROR", "NOSEPICK", "HAUGHTY", "SLAP", "SPITBLOOD", "TOASTED", "GLANCE",
    "DULL", "INNOCENTSMILE", "JOYFUL", "WOW", "TRICK", "YEAH", "ENOUGH", "TEARS", "EMBARRASSED", "KISS",
    "SMOOCH", "DROOL", "OBSESSED", "MONEY", "TEASE", "SHOWOFF", "COMFORT", "CLAP", "PRAISE", "STRIVE",
    "XBLUSH", "SILENT", "WAVE", "WHAT", "FROWN", "SHY", "DIZZY", "LOOKDOWN", "CHUCKLE", "WAIL", "CRAZY",
    "WHIMPER", "HUG", "BLUBBER", "WRONGED", "HUSKY", "SHHH", "SMUG", "ANGRY", "HAMMER", "SHOCKED", "TERROR",
    "PETRIFIED", "SKULL", "SWEAT", "SPEECHLESS", "SLEEP", "DROWSY", "YAWN", "SICK", "PUKE", "BETRAYED",
    "HEADSET", "EatingFood", "MeMeMe", "Sigh", "Typing", "Lemon", "Get", "LGTM", "OnIt", "OneSecond",
    "VRHeadset", "YouAreTheBest", "SALUTE", "SHAKE", "HIGHFIVE", "UPPERLEFT", "ThumbsDown", "SLIGHT",
    "TONGUE", "EYESCLOSED", "RoarForYou", "CALF", "BEAR", "BULL", "RAINBOWPUKE", "ROSE", "HEART", "PARTY",
    "LIPS", "BEER", "CAKE", "GIFT", "CUCUMBER", "Drumstick", "Pepper", "CANDIEDHAWS", "BubbleTea", "Coffee",
    "Yes", "No", "OKR", "CheckMark", "CrossMark", "MinusOne", "Hundred", "AWESOMEN", "Pin", "Alarm",
    "Loudspeaker", "Trophy", "Fire", "BOMB", "Music", "XmasTree", "Snowman", "XmasHat", "FIREWORKS", "2022",
    "REDPACKET", "FORTUNE", "LUCK", "FIRECRACKER", "StickyRiceBalls", "HEARTBROKEN", "POOP",
    "StatusFlashOfInspiration", "18X", "CLEAVER", "Soccer", "Basketball", "GeneralDoNotDisturb",
    "Status_PrivateMessage", "GeneralInMeetingBusy", "StatusReading", "StatusInFlight",
    "GeneralBusinessTrip", "GeneralWorkFromHome", "StatusEnjoyLife", "GeneralTravellingCar", "StatusBus",
    "GeneralSun", "GeneralMoonRest",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_the_nearest_names() {
        assert_eq!(named("DONE"), Ok("DONE"));
        assert_eq!(named("done").unwrap_err()[0], "DONE");
        assert_eq!(named("THUMBUP").unwrap_err()[0], "THUMBSUP");
        assert_eq!(named("qqqq").unwrap_err(), OFTEN);
        assert_eq!(EMOJI.len(), 165);
    }

    #[test]
    fn unicode_emoji_are_the_platforms_by_the_table() {
        for (given, name) in [
            ("👍", "THUMBSUP"),
            ("👍🏽", "THUMBSUP"),
            ("✅", "DONE"),
            ("✔\u{FE0F}", "CheckMark"),
            ("❤\u{FE0F}", "HEART"),
            ("❤", "HEART"),
            ("👀", "GLANCE"),
            ("🎉", "PARTY"),
            (" 🙏 ", "THANKS"),
            ("🤦🏻\u{200D}♀\u{FE0F}", "FACEPALM"),
        ] {
            assert_eq!(named(given), Ok(name), "{given}");
        }
        assert_eq!(named("🚀").unwrap_err(), ["OnIt", "Fire", "FIREWORKS"]);
        assert_eq!(named("🦖").unwrap_err(), OFTEN);
        assert!(named("").is_err());
    }

    #[test]
    fn the_names_of_other_platforms_are_those_of_their_emoji() {
        for (given, name) in [
            ("+1", "THUMBSUP"),
            (":+1:", "THUMBSUP"),
            ("thumbsup", "THUMBSUP"),
            (":thumbsup::skin-tone-3:", "THUMBSUP"),
            ("-1", "ThumbsDown"),
            (":ok_hand:", "OK"),
            ("tada", "PARTY"),
            ("eyes", "GLANCE"),
            ("white_check_mark", "DONE"),
            ("white check mark", "DONE"),
            ("Heart", "HEART"),
            ("pray", "THANKS"),
            ("100", "Hundred"),
            ("HEART", "HEART"),
            (":smile:", "SMILE"),
            ("clap", "CLAP"),
        ] {
            assert_eq!(named(given), Ok(name), "{given}");
        }
        assert_eq!(named(":rocket:").unwrap_err(), ["OnIt", "Fire", "FIREWORKS"]);
        let mut seen: Vec<&str> = names::SHORT.iter().map(|(short, _)| *short).collect();
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
        for (short, emoji) in names::SHORT {
            assert_eq!(names::known(short), Some((*short, *emoji)));
            let known =
                SAME.iter().any(|(same, _)| same == emoji) || NEAR.iter().any(|(near, _)| near == emoji);
            assert!(known, "{short} {emoji}");
        }
    }

    #[test]
    fn the_table_leads_to_names_that_exist_and_says_everything_once() {
        let mut seen = Vec::new();
        for (emoji, name) in SAME {
            assert!(EMOJI.contains(name), "{emoji} {name}");
            assert_eq!(bare(emoji), *emoji, "{emoji} is looked up without its look");
            seen.push(*emoji);
        }
        for (emoji, near) in NEAR {
            assert!(!near.is_empty() && near.iter().all(|name| EMOJI.contains(name)), "{emoji} {near:?}");
            assert_eq!(bare(emoji), *emoji);
            seen.push(*emoji);
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "an emoji stands twice");
    }
}
