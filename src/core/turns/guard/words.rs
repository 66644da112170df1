//! What makes two texts say the same.

use std::collections::BTreeSet;

/// Two texts are alike from this share of common words on, in percent.
const ALIKE_PERCENT: usize = 90;

/// Characters of a text that are compared.
const COMPARED_MAX: usize = 400;

/// Letters and digits of every script, in lower case; what differs only in between is the same. Where there are none,
/// the signs themselves.
pub fn normalised(text: &str) -> String {
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

pub fn alike(one: &str, other: &str) -> bool {
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
