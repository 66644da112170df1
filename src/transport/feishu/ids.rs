//! What an id names, as far as its look tells. Ids become parts of addresses, so here it is decided what can be one.

use crate::transport::verbs::IdKind;

/// Ids of the platform have some forty bytes.
const ID_MAX: usize = 256;

/// The few prefixes that are safe to test. None for what no id of the platform looks like.
pub fn id_kind(text: &str) -> Option<IdKind> {
    let (kind, rest) = text.split_once('_')?;
    if rest.is_empty() || !is_id(text) {
        return None;
    }
    match kind {
        "oc" => Some(IdKind::Chat),
        "ou" => Some(IdKind::Person),
        "on" => Some(IdKind::Union),
        "om" => Some(IdKind::Message),
        "omt" => Some(IdKind::Thread),
        _ => None,
    }
}

/// What an id looks like, for whoever has to find one.
pub fn example(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Chat => "oc_a0b1",
        IdKind::Person => "ou_a0b1",
        IdKind::Union => "on_a0b1",
        IdKind::Message => "om_a0b1",
        IdKind::Thread => "omt_a0b1",
    }
}

/// Letters, digits, `_` and `-`, as in all ids and keys that the platform hands out.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// May this stand between two slashes of an address, whoever named it?
pub fn is_segment(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\' | b'%' | b'?' | b'#' | b';');
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(plain) && text.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_and_its_prefix_tells_what_it_names() {
        for (text, kind) in [
            ("oc_a0b1", IdKind::Chat),
            ("ou_84aad35d084aa403a838cf73ee18467", IdKind::Person),
            ("on_cad4860e7af114fb4ff6c5d496d1dd76", IdKind::Union),
            ("om_x100b5a-7", IdKind::Message),
            ("omt_d4be107c616a", IdKind::Thread),
        ] {
            assert_eq!(id_kind(text), Some(kind), "{text}");
        }
        for text in [
            "",
            "oc",
            "oc_",
            "ox_1",
            "oc_ ",
            "oc_1/",
            "oc_%2e",
            "oc_1?a=b",
            "oc_1#",
            "oc_..",
            "oc_é",
            "oc_\u{202e}",
        ] {
            assert_eq!(id_kind(text), None, "{text}");
        }
        assert_eq!(id_kind(&format!("oc_{}", "a".repeat(ID_MAX))), None);
    }

    #[test]
    fn no_part_of_an_address_leads_elsewhere() {
        for text in ["im", "oc_1", "ZCaCIjUBVVWSrm5L-3ZTw==", "img_v3_02ab.x"] {
            assert!(is_segment(text), "{text}");
        }
        for text in ["", ".", "..", "...", "a/b", "a\\b", "%2e", "a?b", "a#b", "a;b", "a b", "a\n", "é"] {
            assert!(!is_segment(text), "{text}");
        }
    }
}
