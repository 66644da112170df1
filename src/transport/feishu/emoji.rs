//! The names of reactions: the platform's list, case-sensitive.

/// The name itself if it is one, or the nearest that is.
pub fn check(name: &str) -> Result<(), Option<&'static str>> {
    if EMOJI.contains(&name) {
        return Ok(());
    }
    let same = EMOJI.iter().find(|known| known.eq_ignore_ascii_case(name));
    let alike = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let best = EMOJI.iter().map(|known| (alike(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    Err(same.or(best.filter(|(likeness, _)| *likeness > 0.7).map(|(_, known)| known)).copied())
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
    fn a_slip_is_answered_with_the_nearest_name() {
        assert_eq!(check("DONE"), Ok(()));
        assert_eq!(check("done"), Err(Some("DONE")));
        assert_eq!(check("THUMBUP"), Err(Some("THUMBSUP")));
        assert_eq!(check("qqqq"), Err(None));
        assert_eq!(EMOJI.len(), 165);
    }
}
