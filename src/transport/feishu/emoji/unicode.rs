//! Unicode emoji and the platform's reactions.
//!
//! Source: the names and pictures of the platform's own list (open.feishu.cn, im-v1, message-reaction,
//! "emojis-introduce"), each beside the Unicode emoji whose CLDR short name says what the picture shows. Pictures
//! without such an emoji (`JIAYI`, `OKR`, …) have no row, and neither have emoji that only come near: those are in
//! [`NEAR`], for an error to name.

/// An emoji without its variation selector and skin tone, and the reaction that shows the same.
#[rustfmt::skip]
pub const SAME: &[(&str, &str)] = &[
    // Hands.
    ("👍", "THUMBSUP"), ("👎", "ThumbsDown"), ("👌", "OK"), ("🆗", "OK"), ("💪", "MUSCLE"), ("🫰", "FINGERHEART"),
    ("👏", "APPLAUSE"), ("🤜", "FISTBUMP"), ("🤛", "FISTBUMP"), ("👊", "FISTBUMP"), ("🙏", "THANKS"), ("👋", "WAVE"),
    ("🤝", "SHAKE"), ("🫡", "SALUTE"), ("🙌", "HIGHFIVE"), ("✌", "YEAH"), ("👆", "UPPERLEFT"), ("👈", "UPPERLEFT"),
    // Signs.
    ("✅", "DONE"), ("✔", "CheckMark"), ("☑", "CheckMark"), ("❌", "CrossMark"), ("✖", "CrossMark"),
    ("❎", "CrossMark"), ("💯", "Hundred"), ("📌", "Pin"), ("📍", "Pin"), ("⏰", "Alarm"), ("📢", "Loudspeaker"),
    ("📣", "Loudspeaker"), ("🏆", "Trophy"), ("🔥", "Fire"), ("💣", "BOMB"), ("🎵", "Music"), ("🎶", "Music"),
    ("🔞", "18X"), ("🔨", "HAMMER"), ("💡", "StatusFlashOfInspiration"), ("⌨", "Typing"), ("👀", "GLANCE"),
    ("⏳", "OneSecond"), ("⌛", "OneSecond"), ("❗", "ERROR"), ("⚠", "ERROR"), ("❓", "WHAT"), ("💰", "MONEY"),
    ("🤑", "MONEY"), ("⛔", "No"), ("🚫", "No"),
    // Faces.
    ("🙂", "SMILE"), ("😊", "BLUSH"), ("☺", "BLUSH"), ("😆", "LAUGH"), ("😀", "JOYFUL"), ("😃", "JOYFUL"),
    ("😄", "LAUGH"), ("😁", "LAUGH"), ("😂", "LOL"), ("🤣", "LOL"), ("😏", "SMIRK"), ("🤦", "FACEPALM"),
    ("😍", "LOVE"), ("🥰", "LOVE"), ("😉", "WINK"), ("😎", "PROUD"), ("🤔", "THINKING"), ("😭", "SOB"), ("😢", "CRY"),
    ("😲", "WOW"), ("😮", "WOW"), ("🤩", "OBSESSED"), ("😳", "EMBARRASSED"), ("😘", "KISS"), ("😚", "SMOOCH"),
    ("🤤", "DROOL"), ("🤐", "SILENT"), ("😶", "SPEECHLESS"), ("☹", "FROWN"), ("🙁", "FROWN"), ("😵", "DIZZY"),
    ("🤪", "CRAZY"), ("🤗", "HUG"), ("🤫", "SHHH"), ("😠", "ANGRY"), ("😡", "ANGRY"), ("😱", "TERROR"),
    ("😨", "SHOCKED"), ("💀", "SKULL"), ("☠", "SKULL"), ("😓", "SWEAT"), ("😅", "SWEAT"), ("😴", "SLEEP"),
    ("💤", "SLEEP"), ("😪", "DROWSY"), ("🥱", "YAWN"), ("😷", "SICK"), ("🤒", "SICK"), ("🤮", "PUKE"), ("🤢", "PUKE"),
    ("🎧", "HEADSET"), ("😋", "EatingFood"), ("😮‍💨", "Sigh"), ("😛", "TONGUE"), ("😝", "TONGUE"), ("😜", "TONGUE"),
    ("😌", "EYESCLOSED"), ("🤡", "TRICK"), ("😬", "EMBARRASSED"), ("😑", "DULL"), ("🙄", "GLANCE"),
    // Animals, plants, food.
    ("🐶", "HUSKY"), ("🐮", "CALF"), ("🐻", "BEAR"), ("🐂", "BULL"), ("🌹", "ROSE"), ("🍋", "Lemon"), ("🍺", "BEER"),
    ("🍻", "BEER"), ("🎂", "CAKE"), ("🍰", "CAKE"), ("🥒", "CUCUMBER"), ("🍗", "Drumstick"), ("🌶", "Pepper"),
    ("🧋", "BubbleTea"), ("☕", "Coffee"),
    // Hearts, feasts, things.
    ("❤", "HEART"), ("♥", "HEART"), ("💔", "HEARTBROKEN"), ("💋", "LIPS"), ("👄", "LIPS"), ("🎉", "PARTY"),
    ("🎊", "PARTY"), ("🥳", "PARTY"), ("🎁", "GIFT"), ("🎄", "XmasTree"), ("⛄", "Snowman"), ("☃", "Snowman"),
    ("🎅", "XmasHat"), ("🎆", "FIREWORKS"), ("🎇", "FIREWORKS"), ("🧧", "REDPACKET"), ("🧨", "FIRECRACKER"),
    ("🍀", "LUCK"), ("💩", "POOP"), ("🔪", "CLEAVER"), ("⚽", "Soccer"), ("🏀", "Basketball"), ("🥽", "VRHeadset"),
    // What somebody is at.
    ("🔕", "GeneralDoNotDisturb"), ("📖", "StatusReading"), ("📚", "StatusReading"), ("✈", "StatusInFlight"),
    ("🧳", "GeneralBusinessTrip"), ("🏠", "GeneralWorkFromHome"), ("🏖", "StatusEnjoyLife"),
    ("🚗", "GeneralTravellingCar"), ("🚌", "StatusBus"), ("☀", "GeneralSun"), ("🌙", "GeneralMoonRest"),
];

/// What is often wanted and has no reaction of its own, with those that come near.
#[rustfmt::skip]
pub const NEAR: &[(&str, &[&str])] = &[
    ("🚀", &["OnIt", "Fire", "FIREWORKS"]),
    ("⭐", &["AWESOMEN", "Trophy", "PRAISE"]),
    ("🌟", &["AWESOMEN", "Trophy", "PRAISE"]),
    ("✨", &["AWESOMEN", "StatusFlashOfInspiration", "FIREWORKS"]),
    ("➕", &["THUMBSUP", "Yes", "LGTM"]),
    ("➖", &["MinusOne", "ThumbsDown", "No"]),
    ("🙋", &["MeMeMe", "HIGHFIVE", "Yes"]),
    ("✋", &["HIGHFIVE", "MeMeMe", "WAVE"]),
    ("🤷", &["WHAT", "SPEECHLESS", "Sigh"]),
    ("🤖", &["OnIt", "Typing", "Get"]),
    ("🛠", &["OnIt", "HAMMER", "STRIVE"]),
    ("🔧", &["OnIt", "HAMMER", "STRIVE"]),
    ("👷", &["OnIt", "STRIVE", "HAMMER"]),
    ("🔄", &["OnIt", "Typing", "OneSecond"]),
    ("⏸", &["OneSecond", "GeneralDoNotDisturb"]),
    ("🐛", &["ERROR", "BOMB", "CrossMark"]),
    ("🚨", &["Alarm", "ERROR", "Loudspeaker"]),
    ("🆘", &["Alarm", "ERROR", "Loudspeaker"]),
    ("🔴", &["CrossMark", "ERROR", "No"]),
    ("🟢", &["DONE", "CheckMark", "Yes"]),
    ("🟡", &["OneSecond", "OnIt", "THINKING"]),
    ("💬", &["Typing", "Get"]),
    ("📝", &["Typing", "Get", "OnIt"]),
    ("🥇", &["Trophy", "YouAreTheBest", "PRAISE"]),
    ("💙", &["HEART", "LOVE", "FINGERHEART"]),
    ("💚", &["HEART", "LOVE", "FINGERHEART"]),
    ("🧡", &["HEART", "LOVE", "FINGERHEART"]),
    ("💜", &["HEART", "LOVE", "FINGERHEART"]),
    ("🖤", &["HEART", "LOVE", "FINGERHEART"]),
    ("💛", &["HEART", "LOVE", "FINGERHEART"]),
];

/// Without what only changes how an emoji looks: variation selectors, skin tones and the gender of a person.
pub fn bare(text: &str) -> String {
    let look = |c: char| matches!(c, '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    let bare: String = text.trim().chars().filter(|c| !look(*c)).collect();
    let person = bare.strip_suffix("\u{200D}♀").or_else(|| bare.strip_suffix("\u{200D}♂"));
    person.map_or_else(|| bare.clone(), str::to_owned)
}
