//! Why a card was refused: 230099 names the reason in its words, as `ErrCode: 11310; ErrMsg: …`.

/// For a reason that is not among those below.
pub const REFUSED: &str =
    "the card was refused: the message names the element; at most 5 tables, 200 elements and 30 KB";

const REASONS: &[(i64, &str)] = &[
    (11_310, "a card may have 5 tables; put the others into a second message or into text"),
    (11_311, "the card has an element or a field that its version does not know"),
    (200_621, "the card is no JSON that the platform takes: check --content against the card's version"),
    (300_305, "the card has too many elements (200); send several"),
];

/// What to do about the reason that the platform's words name.
pub fn sub_hint(said: &str) -> Option<&'static str> {
    let (_, rest) = said.split_once("ErrCode:")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    let code: i64 = digits.parse().ok()?;
    REASONS.iter().find(|(reason, _)| *reason == code).map(|(_, hint)| *hint)
}
