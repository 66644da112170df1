//! Which characters a reader sees, by Unicode's own properties, and where those that have no shape of their own are
//! part of what people write.

use icu_properties::props::Emoji;
use icu_properties::props::{
    BinaryProperty, CanonicalCombiningClass, DefaultIgnorableCodePoint, EmojiModifier, EnumeratedProperty,
    ExtendedPictographic, GeneralCategory, GeneralCategoryGroup, IndicSyllabicCategory, JoiningType,
    NoncharacterCodePoint, PrependedConcatenationMark, Script, UnifiedIdeograph,
};

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Dropped,
    Replaced,
    /// It is kept with so many behind it.
    Sequence(usize),
}

const ZWSP: char = '\u{200B}';
const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
const GRAPHEME_JOINER: char = '\u{034F}';
const BLACK_FLAG: char = '\u{1F3F4}';

/// Emoji flags that are written with tags; any others are letters that nobody sees.
const TAGGED_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// Has it no shape? Or does it change the shape or order of others?
pub fn is_hidden(c: char) -> bool {
    match GeneralCategory::for_char(c) {
        GeneralCategory::Control => true,
        // Signs that stand before a number or a word are seen.
        GeneralCategory::Format => !PrependedConcatenationMark::for_char(c),
        _ => DefaultIgnorableCodePoint::for_char(c) || NoncharacterCodePoint::for_char(c),
    }
}

/// Of a character between what is clean already and what is still to come.
pub fn fate(clean: &str, c: char, rest: impl Iterator<Item = char> + Clone) -> Fate {
    if !is_hidden(c) {
        return if c == BLACK_FLAG { flag(rest) } else { Fate::Kept };
    }
    let (before, next) = (clean.chars().next_back(), rest.clone().next());
    let in_place = match c {
        // Marks, embeddings and isolates of direction; overrides make a text look like another one.
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202C}' | '\u{2066}'..='\u{2069}' => {
            return Fate::Dropped;
        }
        ZWJ | ZWNJ => joins(clean, c, next),
        ZWSP => before.is_some_and(has_no_spaces) && next.is_some_and(has_no_spaces),
        GRAPHEME_JOINER => before.is_some_and(is_word) && next.is_some_and(is_combining),
        '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
            before.is_some_and(|before| selects(before, c))
        }
        '\u{180B}'..='\u{180F}' => before.is_some_and(is_mongolian),
        '\u{13430}'..='\u{1345F}' => before.is_some_and(is_egyptian),
        _ => false,
    };
    if in_place { Fate::Kept } else { Fate::Replaced }
}

/// The flags of England, Scotland and Wales are spelt in letters without a shape.
fn flag(rest: impl Iterator<Item = char>) -> Fate {
    let tags: Vec<char> = rest.take(6).collect();
    let spelt = |flag: &&str| {
        let letters = flag.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xE_0000));
        tags.iter().copied().eq(letters.chain(['\u{E007F}']))
    };
    if TAGGED_FLAGS.iter().any(spelt) { Fate::Sequence(6) } else { Fate::Kept }
}

/// A joiner between letters of a script in which it changes their shapes, or inside an emoji.
fn joins(clean: &str, c: char, next: Option<char>) -> bool {
    let Some(before) = clean.chars().next_back() else { return false };
    if c == ZWJ && next.is_some_and(ExtendedPictographic::for_char) && ends_with_emoji(clean) {
        return true;
    }
    let script = Script::for_char(letter_before(clean));
    if !is_word(before) || !joiners_matter(script) {
        return false;
    }
    let within = next.is_some_and(|next| {
        let other = Script::for_char(next);
        is_word(next) && (other == script || other == Script::Inherited)
    });
    // Half forms and initial forms may end a word.
    let ends_a_word = is_virama(before)
        || (c == ZWJ
            && matches!(JoiningType::for_char(before), JoiningType::DualJoining | JoiningType::LeftJoining));
    within || (ends_a_word && next.is_none_or(|next| !is_hidden(next)))
}

/// Marks belong to the letter before them.
fn letter_before(clean: &str) -> char {
    let last = clean.chars().rev().find(|c| !is_combining(*c) || Script::for_char(*c) != Script::Inherited);
    last.unwrap_or(' ')
}

fn ends_with_emoji(clean: &str) -> bool {
    let last = clean.chars().rev().find(|c| *c != '\u{FE0F}' && !EmojiModifier::for_char(*c));
    last.is_some_and(ExtendedPictographic::for_char)
}

/// Scripts whose letters join, or stack under a virama.
fn joiners_matter(script: Script) -> bool {
    [
        Script::Adlam,
        Script::Arabic,
        Script::Balinese,
        Script::Bengali,
        Script::Brahmi,
        Script::Chakma,
        Script::Devanagari,
        Script::Grantha,
        Script::Gujarati,
        Script::Gurmukhi,
        Script::HanifiRohingya,
        Script::Javanese,
        Script::Kaithi,
        Script::Kannada,
        Script::Khmer,
        Script::Malayalam,
        Script::Mandaic,
        Script::Manichaean,
        Script::MeeteiMayek,
        Script::Mongolian,
        Script::Myanmar,
        Script::Newa,
        Script::Nko,
        Script::Oriya,
        Script::Sinhala,
        Script::Sundanese,
        Script::SylotiNagri,
        Script::Syriac,
        Script::TaiTham,
        Script::Tamil,
        Script::Telugu,
        Script::Tibetan,
        Script::Tirhuta,
    ]
    .contains(&script)
}

/// Scripts that write words without spaces between them, so that a line can only break at a mark.
fn has_no_spaces(c: char) -> bool {
    [
        Script::Balinese,
        Script::Javanese,
        Script::Khmer,
        Script::Lao,
        Script::Myanmar,
        Script::NewTaiLue,
        Script::TaiLe,
        Script::TaiTham,
        Script::TaiViet,
        Script::Thai,
        Script::Tibetan,
    ]
    .contains(&Script::for_char(c))
}

/// Does this selector choose among shapes that the character has?
fn selects(base: char, selector: char) -> bool {
    match selector {
        '\u{FE0E}' | '\u{FE0F}' => Emoji::for_char(base),
        // The collections in use name no more than some dozens of shapes for one character.
        '\u{E0100}'..='\u{E011F}' => UnifiedIdeograph::for_char(base),
        '\u{FE00}'..='\u{FE02}' => {
            UnifiedIdeograph::for_char(base)
                || GeneralCategory::for_char(base) == GeneralCategory::MathSymbol
                || matches!(
                    base,
                    '0' | '\u{3001}'
                        | '\u{3002}'
                        | '\u{FF01}'
                        | '\u{FF0C}'
                        | '\u{FF0E}'
                        | '\u{FF1A}'
                        | '\u{FF1B}'
                        | '\u{FF1F}'
                )
                || matches!(Script::for_char(base), Script::Myanmar | Script::PhagsPa | Script::Manichaean)
        }
        _ => false,
    }
}

fn is_mongolian(c: char) -> bool {
    Script::for_char(c) == Script::Mongolian && is_word(c)
}

fn is_egyptian(c: char) -> bool {
    Script::for_char(c) == Script::EgyptianHieroglyphs && !is_hidden(c)
}

fn is_virama(c: char) -> bool {
    CanonicalCombiningClass::for_char(c) == CanonicalCombiningClass::Virama
        || matches!(
            IndicSyllabicCategory::for_char(c),
            IndicSyllabicCategory::Virama | IndicSyllabicCategory::InvisibleStacker
        )
}

/// A letter or a mark on one, with a shape.
fn is_word(c: char) -> bool {
    let category = GeneralCategory::for_char(c);
    !is_hidden(c) && (GeneralCategoryGroup::Letter.contains(category) || is_combining(c))
}

fn is_combining(c: char) -> bool {
    !is_hidden(c) && GeneralCategoryGroup::Mark.contains(GeneralCategory::for_char(c))
}
