//! What looks like a secret in a server's words. An answer may repeat what it was sent, or tell what it should not:
//! a token of another app, a key from a proxy's configuration.

use std::borrow::Cow;

pub const HIDDEN: &str = "***";

/// A word behind one of these is what they name.
const NAMES: [&str; 15] = [
    "secret",
    "token",
    "ticket",
    "password",
    "passwd",
    "pwd",
    "access_key",
    "accesskey",
    "api_key",
    "apikey",
    "bearer",
    "basic",
    "authorization",
    "assertion",
    "credential",
];

/// Kinds of tokens that tell themselves: the platform's, and those of services it is used with.
const STARTS: [&str; 12] =
    ["t-", "u-", "a-", "r-", "ur-", "eyJ", "xoxb-", "xoxp-", "xapp-", "sk-", "ghp_", "github_pat_"];

/// The text, with `***` for each word that looks like a secret.
pub fn cut(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let (mut done, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
        if length > 0 && is_secret(&rest[..length], &text[..at]) {
            shown.push_str(&text[done..at]);
            shown.push_str(HIDDEN);
            done = at + length;
        }
        at += length + rest[length..].chars().next().map_or(0, char::len_utf8);
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

fn part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '/')
}

fn is_secret(word: &str, before: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.bytes().any(|byte| kind(&byte));
    let (digit, upper, lower) =
        (has(u8::is_ascii_digit), has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase));
    let long = |least: usize| word.len() >= least;
    let tells_itself = (long(12) && digit || long(20)) && STARTS.iter().any(|start| word.starts_with(start));
    // A number is a code, and a plain word is one.
    let inner_upper = word.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    let named = long(8) && (digit && (upper || lower) || inner_upper && lower) && is_named(before);
    // An app's secret. Ids have their letters in one case, and log ids too.
    let random = long(32) && digit && upper && lower && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (tells_itself || named || random) && !is_known_id(word)
}

/// `token: `, `"app_secret":"`, `Bearer `, `ticket=`.
fn is_named(before: &str) -> bool {
    let name = before.trim_end_matches([' ', '"', '\'', ':', '=', '`', '\\', '<', '(', '[']);
    let tail = name.char_indices().rev().nth(15).map_or(name, |(at, _)| &name[at..]).to_ascii_lowercase();
    name.len() < before.len() && NAMES.iter().any(|known| tail.ends_with(known))
}

/// What people need to see to find the mistake.
fn is_known_id(word: &str) -> bool {
    ["cli_", "ou_", "on_", "oc_", "om_", "omt_", "img_", "file_"].iter().any(|start| word.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_cut_out_and_the_rest_stays() {
        for (said, shown) in [
            ("Invalid access token t-g1044qeGEDXTB6NDJOGV4JQCYDGHRBARFTGT1234", "Invalid access token ***"),
            ("bad `Bearer u-5f8a2Kq91LmZ` here", "bad `Bearer ***` here"),
            ("{\"app_secret\":\"abc123def456\"}", "{\"app_secret\":\"***\"}"),
            ("app secret dskLLdkasdjlasdKK12345678901234aB is wrong", "app secret *** is wrong"),
            ("ws?ticket=9f8e7d6c5b&x=1", "ws?ticket=***&x=1"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc: no", "***: no"),
            ("password=hunter2hunter2, user=ann", "password=***, user=ann"),
            ("proxy: Basic dXNlcjpwYXNzMTIz failed", "proxy: Basic *** failed"),
            ("token t-made-up-token-of-nobody", "token ***"),
            ("t-made-up-000000000000 twice t-made-up-000000000000", "*** twice ***"),
        ] {
            assert_eq!(cut(said), shown, "{said}");
        }
    }

    #[test]
    fn what_helps_to_find_a_mistake_stays() {
        for said in [
            "",
            "Invalid access token for authorization. Please make a test attempt with the correct token.",
            "Access denied. One of the following scopes is required: [im:chat, im:chat:readonly]",
            "token 99991663",
            "token: expired at 1767225600123",
            "open_id cross app: ou_84aad35d084aa403a838cf73ee18467a",
            "receive_id oc_a0553eda9014c201e6969b478895c230 token om_x100b5a1Bc2",
            "log_id 202601010000007A3F0E1D2C3B4A59687F",
            "app cli_a0b1c2d3e4f50617 is disabled, error code: 230099",
            "Failed to create card content, ext=ErrCode: 11310; ErrMsg: card table number over limit",
            "请求参数错误：token 无效",
            "https://open.feishu.cn/app/cli_a0b1c2d3e4f50617/auth?q=im:message",
        ] {
            assert_eq!(cut(said), said);
        }
    }
}
