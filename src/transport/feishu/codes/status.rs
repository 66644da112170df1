//! What an answer without the platform's own code says by its HTTP status alone: it is that of a gateway, a proxy or
//! another server.

const NOT_THE_PLATFORM: &str = "this is no answer of the platform: check base_url in the profile, which is a scheme and a host such as \
                                https://open.feishu.cn, and whether a proxy answers in its place (http.proxy, HTTPS_PROXY)";
const LOGIN: &str = "base_url or a proxy leads elsewhere, perhaps to the login page of a network: check base_url in the \
                     profile and http.proxy, and open the address in a browser";
const TOKEN: &str = "something between here and the platform wants credentials of its own, or has taken the app's away: \
                     check base_url, http.proxy, app_id and app_secret";
const FORBIDDEN: &str = "a gateway or proxy refuses this, and not the platform: check base_url, http.proxy, and whether this \
                         machine may go there";
const PROXY_LOGIN: &str = "the proxy wants a name and a password: http.proxy: http://NAME:PASSWORD@HOST:PORT in \
                           config/rooma.yaml, or HTTPS_PROXY";
const TOO_LARGE: &str =
    "a gateway or proxy on the way takes less than the platform: send less, or a smaller file";
const LATER: &str = "the platform or a gateway before it is in trouble; try again later";
const BEHIND: &str =
    "a gateway or proxy does not reach the platform; where that lasts, check base_url and http.proxy";

pub fn hint(status: u16) -> Option<&'static str> {
    match status {
        200..=399 | 511 => Some(LOGIN),
        401 => Some(TOKEN),
        403 | 451 => Some(FORBIDDEN),
        407 => Some(PROXY_LOGIN),
        502..=504 => Some(BEHIND),
        413 | 414 | 431 => Some(TOO_LARGE),
        429 => Some(super::SLOW_DOWN),
        408 | 425 => Some(LATER),
        400..=499 | 501 | 505 | 510 => Some(NOT_THE_PLATFORM),
        500.. => Some(LATER),
        _ => None,
    }
}
