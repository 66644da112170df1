//! What works in a shell and will not in a service: said while somebody is there to read it.

use std::path::Path;

use super::manager::Manager;
use crate::config::{APP_VARIABLES, Config, Environment, Home, SecretSource};

/// Where a proxy is taken from, unless the options name one.
const PROXIES: &[&str] = &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Beside them: hosts without a proxy, and the authorities that are trusted.
const BESIDE: &[&str] = &["NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What is to be seen to, each in a sentence with its remedy.
pub async fn of(home: &Home, manager: Manager) -> Vec<String> {
    let process = Environment::of_process();
    let mut warnings = of_files(home, &process);
    if manager == Manager::Systemd {
        warnings.extend(session(&process));
        if !manager.lingers().await {
            warnings.push(
                "this user does not linger: the service ends with your last session and does not start at boot; \
                 run `loginctl enable-linger`"
                    .to_owned(),
            );
        }
    }
    warnings
}

/// What the files take from the environment of this shell. A service sees those of `.env` alone.
fn of_files(home: &Home, process: &Environment) -> Vec<String> {
    let Ok(here) = Config::load_home(home.clone(), process.clone()) else { return Vec::new() };
    let dotenv = home.root().join(".env");
    let Ok(service) = Environment::default().with_dotenv(home) else { return Vec::new() };
    let mut warnings = Vec::new();
    let missing = |name: &str| service.get(name).is_none();
    for profile in &here.profiles {
        if let SecretSource::Env(name) = &profile.app_secret
            && missing(name)
        {
            let shown = crate::event::neutralise(name);
            warnings.push(format!(
                "profile {}: its secret is in the variable {shown}, which is not in {}: a service does not see your \
                 shell's; write {shown}=… there",
                profile.name,
                dotenv.display()
            ));
        }
    }
    // Without a file in profiles/, variables make the profile itself.
    let unseen = Config::load_home(home.clone(), Environment::default());
    if unseen.is_ok_and(|unseen| unseen.profiles.len() < here.profiles.len()) {
        warnings.push(format!(
            "the profile is described by variables of this shell, which a service does not see: write {APP_VARIABLES} \
             to {}",
            dotenv.display()
        ));
    }
    let named = here.options.http.proxy.is_some();
    let lost = PROXIES.iter().filter(|_| !named).chain(BESIDE);
    for name in lost.filter(|name| process.get(name).is_some() && missing(name)) {
        warnings.push(format!(
            "{name} of this shell is lost to a service: write it to {}{}",
            dotenv.display(),
            if PROXIES.contains(name) { ", or http.proxy to config/rooma.yaml" } else { "" }
        ));
    }
    warnings
}

/// `systemctl --user` finds this user's manager by a variable, which su, sudo and cron do not set.
pub fn session(process: &Environment) -> Option<String> {
    let folder = format!("/run/user/{}", rustix::process::getuid().as_raw());
    let unset = process.get("XDG_RUNTIME_DIR").is_none() && Path::new(&folder).is_dir();
    unset.then(|| {
        format!("XDG_RUNTIME_DIR is not set, though {folder} is there: export XDG_RUNTIME_DIR={folder} first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_will_not_see_is_named_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let shell = Environment::of(&[
            ("FEISHU_APP_ID", "cli_1"),
            ("FEISHU_APP_SECRET", "hush"),
            ("ALICE", "hush"),
            ("https_proxy", "http://user:hush@proxy"),
            ("SSL_CERT_FILE", "/x.pem"),
        ]);
        let all = |shell: &Environment| of_files(&home, shell).join("\n");
        assert!(all(&shell).contains("described by variables of this shell"), "{}", all(&shell));
        write("profiles/alice.yaml", "transport: feishu\napp_id: cli_2\napp_secret: {env: ALICE}\n");
        let said = all(&shell);
        for wanted in ["profile alice", "ALICE=…", "https_proxy", "http.proxy", "SSL_CERT_FILE"] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert!(!said.contains("hush") && !said.contains("described"), "{said}");
        assert!(all(&Environment::default()).contains("profile alice"), "whether or not the shell has it");
        write("config/rooma.yaml", "http: {proxy: \"http://127.0.0.1:1\"}\n");
        assert!(!all(&shell).contains("https_proxy"));
        write(".env", "ALICE=hush\nSSL_CERT_FILE=/x.pem\n");
        assert_eq!(all(&shell), "");
    }
}
