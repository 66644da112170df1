//! What other platforms call an emoji, as people and models write it: `+1`, `:tada:`, `white_check_mark`.
//!
//! Source: the short names of gemoji (GitHub) and emoji-data (Slack, Discord), for the emoji that the table of
//! Unicode emoji beside this has.

/// A short name in small letters without its colons, and its emoji.
#[rustfmt::skip]
pub const SHORT: &[(&str, &str)] = &[
    // Hands.
    ("+1", "👍"), ("thumbsup", "👍"), ("thumbs_up", "👍"), ("like", "👍"), ("-1", "👎"), ("thumbsdown", "👎"), ("thumbs_down", "👎"),
    ("ok_hand", "👌"), ("muscle", "💪"), ("clap", "👏"), ("fist_bump", "👊"), ("facepunch", "👊"), ("punch", "👊"), ("pray", "🙏"),
    ("folded_hands", "🙏"), ("thank_you", "🙏"), ("wave", "👋"), ("handshake", "🤝"), ("saluting_face", "🫡"), ("raised_hands", "🙌"), ("v", "✌"),
    ("point_up_2", "👆"), ("raising_hand", "🙋"), ("raised_hand", "✋"), ("hand", "✋"), ("shrug", "🤷"),
    // Signs.
    ("white_check_mark", "✅"), ("check_mark_button", "✅"), ("heavy_check_mark", "✔"), ("check", "✔"), ("check_mark", "✔"),
    ("ballot_box_with_check", "☑"), ("x", "❌"), ("cross_mark", "❌"), ("heavy_multiplication_x", "✖"), ("negative_squared_cross_mark", "❎"),
    ("100", "💯"), ("pushpin", "📌"), ("round_pushpin", "📍"), ("alarm_clock", "⏰"), ("loudspeaker", "📢"), ("mega", "📣"), ("trophy", "🏆"),
    ("fire", "🔥"), ("bomb", "💣"), ("musical_note", "🎵"), ("notes", "🎶"), ("hammer", "🔨"), ("bulb", "💡"), ("keyboard", "⌨"), ("eyes", "👀"),
    ("hourglass", "⌛"), ("hourglass_flowing_sand", "⏳"), ("exclamation", "❗"), ("heavy_exclamation_mark", "❗"), ("warning", "⚠"),
    ("question", "❓"), ("moneybag", "💰"), ("no_entry", "⛔"), ("no_entry_sign", "🚫"), ("heavy_plus_sign", "➕"), ("heavy_minus_sign", "➖"),
    ("rotating_light", "🚨"), ("sos", "🆘"), ("red_circle", "🔴"), ("large_green_circle", "🟢"), ("green_circle", "🟢"),
    ("large_yellow_circle", "🟡"), ("yellow_circle", "🟡"), ("arrows_counterclockwise", "🔄"),
    // Faces.
    ("slightly_smiling_face", "🙂"), ("blush", "😊"), ("relaxed", "☺"), ("laughing", "😆"), ("satisfied", "😆"), ("grinning", "😀"),
    ("smiley", "😃"), ("smile", "😄"), ("grin", "😁"), ("joy", "😂"), ("rofl", "🤣"), ("rolling_on_the_floor_laughing", "🤣"), ("smirk", "😏"), ("facepalm", "🤦"),
    ("face_palm", "🤦"), ("heart_eyes", "😍"), ("smiling_face_with_three_hearts", "🥰"), ("wink", "😉"), ("sunglasses", "😎"), ("thinking", "🤔"),
    ("thinking_face", "🤔"), ("sob", "😭"), ("cry", "😢"), ("astonished", "😲"), ("open_mouth", "😮"), ("star_struck", "🤩"), ("flushed", "😳"),
    ("kissing_heart", "😘"), ("zipper_mouth_face", "🤐"), ("no_mouth", "😶"), ("slightly_frowning_face", "🙁"), ("dizzy_face", "😵"), ("zany_face", "🤪"),
    ("hugs", "🤗"), ("hugging_face", "🤗"), ("shushing_face", "🤫"), ("angry", "😠"), ("rage", "😡"), ("scream", "😱"), ("fearful", "😨"), ("skull", "💀"),
    ("sweat", "😓"), ("sweat_smile", "😅"), ("sleeping", "😴"), ("zzz", "💤"), ("yawning_face", "🥱"), ("mask", "😷"), ("vomiting_face", "🤮"),
    ("yum", "😋"), ("clown_face", "🤡"), ("grimacing", "😬"), ("expressionless", "😑"), ("roll_eyes", "🙄"), ("face_with_rolling_eyes", "🙄"),
    ("robot", "🤖"), ("robot_face", "🤖"), ("stuck_out_tongue", "😛"),
    // Hearts, feasts, things.
    ("heart", "❤"), ("red_heart", "❤"), ("broken_heart", "💔"), ("kiss", "💋"), ("tada", "🎉"), ("party_popper", "🎉"), ("confetti_ball", "🎊"), ("partying_face", "🥳"),
    ("gift", "🎁"), ("christmas_tree", "🎄"), ("fireworks", "🎆"), ("four_leaf_clover", "🍀"), ("poop", "💩"), ("hankey", "💩"), ("rose", "🌹"), ("beer", "🍺"),
    ("beers", "🍻"), ("birthday", "🎂"), ("cake", "🍰"), ("coffee", "☕"), ("bubble_tea", "🧋"), ("soccer", "⚽"), ("basketball", "🏀"), ("rocket", "🚀"), ("star", "⭐"), ("star2", "🌟"),
    ("sparkles", "✨"), ("bug", "🐛"), ("wrench", "🔧"), ("hammer_and_wrench", "🛠"), ("construction_worker", "👷"), ("speech_balloon", "💬"),
    ("memo", "📝"), ("pencil", "📝"), ("book", "📖"), ("books", "📚"), ("sunny", "☀"), ("blue_heart", "💙"), ("green_heart", "💚"),
    ("purple_heart", "💜"), ("yellow_heart", "💛"), ("orange_heart", "🧡"), ("black_heart", "🖤"),
];

/// A short name as it stands in the table, and the emoji that it means.
pub fn known(given: &str) -> Option<(&'static str, &'static str)> {
    let plain = given.trim().trim_matches(':').to_lowercase().replace([' ', '-'], "_");
    // `-1` is a name.
    let plain =
        plain.strip_prefix("_1").map_or(plain.as_str(), |rest| if rest.is_empty() { "-1" } else { &plain });
    // Slack's skin tones: `+1::skin-tone-3`.
    let name = plain.split("::").next().unwrap_or(plain);
    SHORT.iter().find(|(short, _)| *short == name).copied()
}
