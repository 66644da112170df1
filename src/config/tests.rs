use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::core::gate::BotGate;
use crate::error::Kind;
use crate::transport::Transport;

const ALICE: &str = "transport: feishu\napp_id: cli_1\napp_secret: {env: ALICE}\n";

struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Folder(folder)
    }

    fn home(&self) -> Home {
        Home::new(self.0.path())
    }

    fn load(&self) -> Result<Config> {
        Config::load_home(self.home(), Environment::default())
    }

    fn error(&self) -> Error {
        let error = self.load().and_then(|config| config.chosen(&[])).unwrap_err();
        assert_eq!((error.kind, error.kind.exit_code()), (Kind::Config, 3));
        error
    }
}

fn repository(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_examples_are_true() {
    let folder = Folder::with(&[
        ("profiles/alice.yaml", &repository("profiles/alice.yaml.example")),
        (".env", &repository(".env.example")),
        ("config/rooma.yaml", &repository("config/rooma.yaml.example")),
        ("config/contacts.yaml", &repository("config/contacts.yaml.example")),
        ("config/rooms.yaml", &repository("config/rooms.yaml.example")),
    ]);
    let config = folder.load().unwrap();
    assert_eq!(config.profiles[0].name.as_ref(), "alice");
    assert_eq!(config.options, Options::default(), "the example shows the defaults");
    assert_eq!(config.rooms["default"], RoomPolicy::default(), "the example shows the defaults");
    let ops = &config.rooms["ops"];
    assert_eq!(ops.roles["reviewers"], ["bob", "carol"]);
    assert_eq!(ops.allow, RoomAllow { people: Some(vec!["ann".to_owned()]), bots: Some(BotGate::All) });
    assert_eq!(config.contacts.user_id("li", "bob", |_| false).as_deref(), Some("ou_bbbbbbbbbbbbbbbb"));
    assert_eq!(config.contacts.user_id("chen", "bob", |_| false), None);
}

/// A key behind a comment sign is a promise as well. Prose has one space after the sign.
fn uncommented(path: &str) -> String {
    let is_key =
        |rest: &str| rest.strip_prefix("  ").unwrap_or(rest).starts_with(|c: char| c.is_ascii_alphabetic());
    let text = repository(path);
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_examples_are_true_with_every_key_switched_on() {
    let profile = uncommented("profiles/alice.yaml.example");
    let folder = Folder::with(&[("profiles/alice.yaml", &profile), (".env", &uncommented(".env.example"))]);
    let config = folder.load().unwrap();
    let alice = &config.profiles[0];
    assert_eq!(alice.base_url.as_deref(), Some("http://127.0.0.1:8080"));
    assert_eq!(alice.allow.people.as_deref(), Some(&["ann".to_owned()][..]));
    assert_eq!(alice.allow.bots, BotGate::Mentions);
    assert_eq!(config.environment.get("FEISHU_APP_ID"), Some("cli_0123456789abcdef"));
}

#[test]
fn an_unknown_key_is_named_with_file_line_and_nearest_key() {
    let error =
        Folder::with(&[("profiles/alice.yaml", "transport: feishu\nappid: cli_1\napp_secret: {env: A}\n")])
            .error();
    assert!(error.message.starts_with("profiles/alice.yaml:2: unknown key `appid`"), "{error}");
    assert!(error.hint.as_deref().unwrap().starts_with("did you mean `app_id`?"), "{:?}", error.hint);
    let error = Folder::with(&[("config/rooma.yaml", "journal:\n  synch: disk\n")]).error();
    assert!(error.message.starts_with("config/rooma.yaml:2: unknown key `synch` in `journal`"), "{error}");
    assert!(error.hint.as_deref().unwrap().contains("`sync`"), "{:?}", error.hint);
    let error = Folder::with(&[("config/rooms.yaml", "lobby:\n  allow: {poeple: [ann]}\n")]).error();
    assert!(
        error.message.starts_with("config/rooms.yaml:2: unknown key `poeple` in `lobby.allow`"),
        "{error}"
    );
    assert_eq!(error.hint.as_deref(), Some("did you mean `people`? valid keys here: people, bots"));
}

#[test]
fn an_entry_of_a_room_counts_as_a_whole_and_default_is_for_the_others() {
    let rooms = "default: {require_mention: true, allow: {people: [ann], bots: all}}\n\
                 lobby: {allow: {bots: none}}\n\
                 oc_2: {floor: off}\n";
    let config =
        Folder::with(&[("config/rooms.yaml", rooms), ("config/contacts.yaml", "chats: {lobby: oc_1}\n")]);
    let config = config.load().unwrap();
    let of = |chat: &str| {
        let policy = room_policy(&config.rooms, &config.contacts, chat);
        (policy.require_mention, policy.allow.people, policy.allow.bots)
    };
    assert_eq!(of("oc_1"), (false, None, Some(BotGate::None)));
    assert_eq!(of("oc_2"), (false, None, None));
    assert_eq!(of("oc_3"), (true, Some(vec!["ann".to_owned()]), Some(BotGate::All)));
}

#[test]
fn a_wrong_value_says_what_was_expected_and_where() {
    let cases = [
        (
            "config/rooma.yaml",
            "journal:\n  keep: soon\n",
            "config/rooma.yaml:2",
            "not a duration such as 30s",
        ),
        ("config/rooma.yaml", "journal:\n  max_size: [1]\n", "config/rooma.yaml:2", "a size such as 512MiB"),
        ("config/rooma.yaml", "journal: {sync: perhaps}\n", "config/rooma.yaml:1", "`disk`"),
        (
            "config/rooms.yaml",
            "default: {floor: loud}\n",
            "config/rooms.yaml:1",
            "none of off, advise, enforce",
        ),
        (
            "config/rooms.yaml",
            "lobby: {allow: {bots: some}}\n",
            "config/rooms.yaml:1",
            "expected one of `none`, `mentions`, `all`",
        ),
        (
            "profiles/a.yaml",
            "transport: irc\napp_id: x\napp_secret: {env: A}\n",
            "profiles/a.yaml:1",
            "`feishu`",
        ),
        (
            "profiles/a.yaml",
            "transport: feishu\napp_secret: {env: A}\n",
            "profiles/a.yaml",
            "missing key `app_id`",
        ),
        (
            "profiles/a.yaml",
            "transport: feishu\napp_id: x\napp_secret: {keyring: A}\n",
            "profiles/a.yaml:3",
            "takes {env: NAME}",
        ),
        ("config/contacts.yaml", "users: {ann: [1]}\n", "config/contacts.yaml:1", "union_id"),
    ];
    for (path, text, place, expected) in cases {
        let error = Folder::with(&[(path, text)]).error();
        assert!(error.message.starts_with(place), "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
}

#[test]
fn two_profiles_of_one_app_are_refused() {
    let error = Folder::with(&[("profiles/alice.yaml", ALICE), ("profiles/bob.yml", ALICE)]).error();
    assert!(
        error.message.contains("profiles/alice.yaml and profiles/bob.yml have the same app_id"),
        "{error}"
    );
}

#[test]
fn a_secret_in_plain_text_wants_a_private_file() {
    let text = "transport: feishu\napp_id: cli_1\napp_secret: hunter2\n";
    let folder = Folder::with(&[("profiles/alice.yaml", text)]);
    folder.load().unwrap();
    let path = folder.0.path().join("profiles/alice.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = folder.error();
    assert!(error.hint.as_deref().unwrap().contains("chmod 600"), "{error}");
    assert!(!error.to_json().contains("hunter2"));
}

#[test]
fn credentials_travel_by_tls_or_not_at_all() {
    let profile = |url| format!("{ALICE}base_url: {url}\n");
    for good in ["https://open.example.com", "http://127.0.0.1:1", "http://localhost:1", "'http://[::1]:1'"] {
        Folder::with(&[("profiles/a.yaml", &profile(good))]).load().unwrap();
    }
    for bad in ["http://open.example.com", "ftp://127.0.0.1", "nonsense", "http://127.0.0.1.evil.com"] {
        Folder::with(&[("profiles/a.yaml", &profile(bad))]).error();
    }
}

/// A secret in the wrong place is not shown by the error about the place.
#[test]
fn no_error_repeats_what_may_be_a_secret() {
    let head = "transport: feishu\napp_id: cli_1\n";
    let cases = [
        format!("{head}app_secret: 98765432109876\n"),
        format!("{head}app_secret: 9876543210.9876\n"),
        format!("{head}app_secret: {{hunter2hunter2: x}}\n"),
        format!("{head}app_secret: [hunter2hunter2]\n"),
        "transport: hunter2hunter2hunter2hunter2\napp_id: cli_1\napp_secret: x\n".to_owned(),
        format!("{ALICE}base_url: https://u:hunter2hunter2@open.example.com\n"),
    ];
    for text in cases {
        let error = Folder::with(&[("profiles/a.yaml", &text)]).error().to_json();
        assert!(!error.contains("hunter2") && !error.contains("9876"), "{error}");
    }
}

#[test]
fn values_that_would_harm_are_refused() {
    for (text, key) in [
        ("connection: {backoff_min: 0s}", "backoff_min"),
        ("connection: {backoff_max: 500ms}", "backoff_max"),
        ("connection: {pong_timeout: 0}", "pong_timeout"),
        ("connection: {backoff_max: 18446744073709551615}", "backoff_max"),
        ("journal: {keep: 400d}", "keep"),
    ] {
        let error = Folder::with(&[("config/rooma.yaml", text)]).error();
        assert!(error.message.contains(key), "{text}: {error}");
    }
    for app_id in ["'cli_1 '", "'cli\\n1'", "''", "cli/1"] {
        let text = ALICE.replace("cli_1", app_id);
        Folder::with(&[("profiles/a.yaml", &text)]).error();
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let marked = format!("\u{FEFF}{ALICE}");
    let config = Folder::with(&[("profiles/a.yaml", &marked), (".env", "\u{FEFF}A=b\n")]).load().unwrap();
    assert_eq!(config.environment.get("A"), Some("b"));
}

#[test]
fn a_dotenv_alone_is_the_profile_default_and_nothing_beside_files() {
    let env = "FEISHU_APP_ID=cli_9\nFEISHU_APP_SECRET='s p a c e'\nFEISHU_DOMAIN=lark\n";
    let config = Folder::with(&[(".env", env)]).load().unwrap();
    assert_eq!(config.profiles.len(), 1);
    assert_eq!(config.profiles[0].name.as_ref(), "default");
    assert_eq!(config.profiles[0].transport, Transport::Lark);
    let config = Folder::with(&[(".env", env), ("profiles/alice.yaml", ALICE)]).load().unwrap();
    assert_eq!(config.profiles.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>(), ["alice"]);
}

#[test]
fn a_broken_dotenv_is_reported_without_its_content() {
    let error = Folder::with(&[(".env", "FEISHU_APP_SECRET=it's \"hunter2\n")]).error();
    assert!(error.message.contains(".env") && !error.to_json().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_secret_comes_from_where_the_profile_says() {
    let folder = Folder::with(&[("secrets/alice", "from-file\n")]);
    let environment = Environment::of(&[("ALICE", "from-env"), ("EMPTY", "")]);
    let resolve = async |yaml: &str| {
        let source: SecretSource = yaml::parse("x", yaml).unwrap();
        assert!(!format!("{source:?}").contains("from-text"), "{source:?}");
        source.resolve(&folder.home(), &environment).await.map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(resolve("{env: ALICE}").await.unwrap(), "from-env");
    assert_eq!(resolve("{file: secrets/alice}").await.unwrap(), "from-file");
    assert_eq!(resolve("{command: [printf, 'from-%s', command]}").await.unwrap(), "from-command");
    // What the command started keeps its stdout open, and prints nothing of a secret.
    let beside = "{command: [sh, -c, 'sleep 1000 & printf from-; printf shell']}";
    assert_eq!(resolve(beside).await.unwrap(), "from-shell");
    assert_eq!(resolve("from-text").await.unwrap(), "from-text");
    for broken in [
        "{env: EMPTY}",
        "{env: ABSENT}",
        "{file: absent}",
        "{command: [false]}",
        "{command: [sh, -c, 'sleep 1000 & exit 1']}",
        "{command: [absent-program]}",
        "{command: []}",
    ] {
        assert_eq!(resolve(broken).await.unwrap_err().kind, Kind::Config, "{broken}");
    }
}

#[test]
fn home_is_found_in_the_contract_s_order() {
    let folder = Folder::with(&[
        ("a/profiles/x.yaml", ALICE),
        ("a/b/c/file", ""),
        ("dotenv/.env", "FEISHU_APP_ID=cli_1\n"),
        ("other/.env", "SOMETHING=else\n"),
    ]);
    let root = folder.0.path();
    let environment = Environment::of(&[("ROOMA_HOME", "/from/env"), ("HOME", "/home/u")]);
    let plain = Environment::of(&[("HOME", "/home/u")]);
    let xdg = Environment::of(&[("HOME", "/home/u"), ("XDG_CONFIG_HOME", "/xdg")]);
    let find = |flag: Option<&str>, process: &Environment, at: &str| {
        Home::find(flag.map(Path::new), process, &root.join(at)).root().to_owned()
    };
    assert_eq!(find(Some("/flag"), &environment, "a/b/c"), Path::new("/flag"));
    assert_eq!(find(Some("rel"), &environment, "a"), root.join("a/rel"));
    assert_eq!(find(None, &environment, "a/b/c"), Path::new("/from/env"));
    assert_eq!(find(None, &plain, "a/b/c"), root.join("a"));
    assert_eq!(find(None, &plain, "dotenv"), root.join("dotenv"));
    assert_eq!(find(None, &plain, "other"), Path::new("/home/u/.config/rooma"));
    assert_eq!(find(None, &xdg, "other"), Path::new("/xdg/rooma"));
}

#[test]
fn an_unknown_profile_is_an_error_with_the_nearest_name() {
    let bob = ALICE.replace("cli_1", "cli_2");
    let config = Folder::with(&[("profiles/alice.yaml", ALICE), ("profiles/bob.yaml", &bob)]).load().unwrap();
    assert_eq!(config.chosen(&[]).unwrap().len(), 2);
    assert_eq!(config.chosen(&["bob".into(), "bob".into()]).unwrap().len(), 1);
    let error = config.chosen(&["alise".into()]).unwrap_err();
    assert!(error.hint.as_deref().unwrap().contains("`alice`"), "{:?}", error.hint);
    let empty = Folder::with(&[]).load().unwrap();
    assert_eq!(empty.chosen(&[]).unwrap_err().subtype.as_deref(), Some("no_profiles"));
}

#[test]
fn a_profile_that_cannot_be_read_speaks_for_itself_alone() {
    let folder = Folder::with(&[("profiles/alice.yaml", ALICE), ("profiles/bob.yaml", "transport: [")]);
    let config = folder.load().unwrap();
    assert_eq!(config.chosen(&["alice".to_owned()]).unwrap().len(), 1);
    assert!(config.chosen(&["bob".to_owned()]).unwrap_err().message.contains("profiles/bob.yaml"));
    assert!(
        config.chosen(&[]).unwrap_err().message.contains("profiles/bob.yaml"),
        "all of them were asked for"
    );
}

#[test]
fn durations_and_sizes_are_what_people_write() {
    for (text, seconds) in [("30", 30), ("30s", 30), ("10m", 600), ("7d", 604_800), ("1h 30m", 5400)] {
        assert_eq!(text.parse::<Span>().unwrap().0, Duration::from_secs(seconds), "{text}");
    }
    assert_eq!("512MiB".parse::<Size>().unwrap().0, 512 * 1024 * 1024);
    assert!("soon".parse::<Span>().is_err() && "big".parse::<Size>().is_err());
}

/// Whatever a file holds, it is a profile within its bounds or an error that can be shown.
#[test]
fn profiles_of_any_kind_are_read_or_refused() {
    let corpus = [
        "transport: feishu\napp_id: cli_a0b1c2d3e4f50617\napp_secret: {env: SECRET}\n",
        "transport: lark\napp_id: cli_1\napp_secret: {command: [pass, show]}\nbase_url: http://127.0.0.1:1\n",
        "transport: feishu\napp_id: cli_1\napp_secret: &a {file: x}\nowner: ou_1\nallow: {chats: [oc_1], people: [ann], bots: all}\n",
    ];
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    let path = folder.path().join("profiles/a.yaml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    crate::fuzz::run("profiles", &corpus, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        match profile::load(&home, &path) {
            Ok(profile) => assert!(!profile.app_id.is_empty() && &*profile.name == "a"),
            Err(error) => {
                assert!(error.message.contains("profiles/a.yaml"), "{error}");
                serde_json::from_str::<serde_json::Value>(&error.to_json()).unwrap();
            }
        }
    });
}
