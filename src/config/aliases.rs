//! Names that people gave to things before rooma spoke to more than one platform. All of them go on working; nothing else
//! in the code says them.

use std::sync::Arc;

use super::home::Environment;
use super::profile::{Allow, Profile, check_base_url};
use super::secret::SecretSource;
use crate::error::Result;
use crate::transport::Transport;

const APP_ID: &str = "FEISHU_APP_ID";
const APP_SECRET: &str = "FEISHU_APP_SECRET";
const DOMAIN: &str = "FEISHU_DOMAIN";
const BASE_URL: &str = "FEISHU_BASE_URL";

/// The variables that name a chat where nothing else does, the newer name first.
const DEFAULT_CHAT: [&str; 2] = ["ROOMA_DEFAULT_CHAT", "FEISHU_DEFAULT_CHAT_ID"];

/// What a person with variables alone is told to write.
pub const APP_VARIABLES: &str = "FEISHU_APP_ID and FEISHU_APP_SECRET";

/// The chat that the environment names, and the variable that does.
pub fn default_chat(environment: &Environment) -> Option<(&str, &'static str)> {
    DEFAULT_CHAT.into_iter().find_map(|name| Some((environment.get(name)?, name)))
}

/// A folder whose `.env` names an app is a home.
pub fn names_an_app(variable: &str) -> bool {
    variable == APP_ID
}

/// The one profile that variables describe, where they do.
pub fn profile(environment: &Environment) -> Result<Option<Profile>> {
    let Some(app_id) = environment.get(APP_ID) else { return Ok(None) };
    let lark = environment.get(DOMAIN).is_some_and(|domain| domain.contains("lark"));
    let base_url = environment.get(BASE_URL).map(str::to_owned);
    if let Some(url) = &base_url {
        check_base_url(url, ".env")?;
    }
    Ok(Some(Profile {
        name: Arc::from("default"),
        path: None,
        transport: if lark { Transport::Lark } else { Transport::Feishu },
        app_id: app_id.to_owned(),
        app_secret: SecretSource::Env(APP_SECRET.to_owned()),
        base_url,
        default_chat: None,
        bot: None,
        owner: None,
        allow: Allow::default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_name_of_the_default_chat_wins_and_the_older_one_works() {
        let of = |variables: &[(&str, &str)]| {
            let environment = Environment::of(variables);
            default_chat(&environment).map(|(text, by)| (text.to_owned(), by))
        };
        assert_eq!(of(&[]), None);
        let (older, newer) = (("FEISHU_DEFAULT_CHAT_ID", "oc_1"), ("ROOMA_DEFAULT_CHAT", "lobby"));
        assert_eq!(of(&[older]), Some(("oc_1".to_owned(), older.0)));
        assert_eq!(of(&[older, newer]), Some(("lobby".to_owned(), newer.0)));
        assert_eq!(of(&[older, ("ROOMA_DEFAULT_CHAT", "")]), Some(("oc_1".to_owned(), older.0)));
    }

    /// The seed's `.env`, letter for letter: a bot's own id is learnt, and told anyway.
    #[test]
    fn the_variables_of_the_seed_describe_a_profile() {
        let environment = Environment::of(&[
            ("FEISHU_APP_ID", "cli_0123456789abcdef"),
            ("FEISHU_APP_SECRET", "s"),
            ("FEISHU_BOT_OPEN_ID", "ou_1"),
            ("FEISHU_DEFAULT_CHAT_ID", "oc_1"),
            ("FEISHU_DOMAIN", "https://open.larksuite.com"),
        ]);
        let profile = profile(&environment).unwrap().unwrap();
        assert_eq!((profile.name.as_ref(), profile.app_id.as_str()), ("default", "cli_0123456789abcdef"));
        assert_eq!(profile.transport, Transport::Lark);
        assert!(matches!(profile.app_secret, SecretSource::Env(name) if name == "FEISHU_APP_SECRET"));
        assert_eq!(default_chat(&environment), Some(("oc_1", "FEISHU_DEFAULT_CHAT_ID")));
    }
}
