//! The process that holds a session: which one it is, and when it ends.

use std::time::Duration;

use tokio::time::sleep;

use crate::core::presence::Owner;

/// How soon the end of an owner is noticed where the system does not tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Ancestors that are looked through.
const DEPTH_MAX: usize = 32;

/// A process between us and the start of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    pub pid: u32,
    pub name: String,
    /// All arguments in one text: agents that run in an interpreter are known by them.
    pub arguments: String,
}

/// Programs that are agents or hold one.
const AGENTS: &[&str] = &[
    "claude",
    "codex",
    "gemini",
    "aider",
    "opencode",
    "goose",
    "cursor-agent",
    "amp",
    "crush",
    "qwen",
    "droid",
];
const SHELLS: &[&str] = &["sh", "bash", "zsh", "fish", "dash", "ksh", "ash", "busybox"];
/// They run something and go, or stay for as long as it does; either way they are not who is meant.
const WRAPPERS: &[&str] = &["env", "timeout", "nohup", "sudo", "nice", "setsid", "stdbuf", "xargs", "rooma"];
/// What stands above a person's shell.
const ABOVE: &[&str] = &[
    "sshd",
    "login",
    "tmux",
    "screen",
    "systemd",
    "init",
    "launchd",
    "containerd-shim",
    "docker-init",
    "tini",
    "gnome-terminal-",
    "konsole",
    "alacritty",
    "kitty",
    "wezterm-gui",
    "xterm",
    "Terminal",
    "iTerm2",
    "code",
    "cron",
];

/// The agent among the ancestors, nearest first: one that is known, else the nearest that is neither a shell nor a
/// wrapper, else the outermost shell of a person.
pub fn choose(ancestors: &[Ancestor]) -> Option<&Ancestor> {
    let plain = |ancestor: &Ancestor| ancestor.name.trim_start_matches('-').to_owned();
    let is = |ancestor: &Ancestor, names: &[&str]| names.contains(&plain(ancestor).as_str());
    let agent = |ancestor: &&Ancestor| {
        let words = ancestor.arguments.split([' ', '/', '\0']);
        is(ancestor, AGENTS) || (!is(ancestor, SHELLS) && words.take(8).any(|word| AGENTS.contains(&word)))
    };
    if let Some(known) = ancestors.iter().find(agent) {
        return Some(known);
    }
    let below: Vec<&Ancestor> =
        ancestors.iter().take_while(|ancestor| ancestor.pid > 1 && !is(ancestor, ABOVE)).collect();
    let other = below.iter().find(|ancestor| !is(ancestor, SHELLS) && !is(ancestor, WRAPPERS));
    other.or_else(|| below.iter().rev().find(|ancestor| is(ancestor, SHELLS))).copied()
}

/// Our own ancestors, nearest first.
pub fn ancestors() -> Vec<Ancestor> {
    let mut found = Vec::new();
    let mut pid = std::os::unix::process::parent_id();
    while pid > 0 && found.len() < DEPTH_MAX {
        let Some((ancestor, parent)) = system::look(pid) else { break };
        found.push(ancestor);
        pid = parent;
    }
    found
}

/// The agent that started us.
pub fn auto() -> Option<Owner> {
    choose(&ancestors()).and_then(|chosen| of(chosen.pid))
}

/// The owner with this number, if it lives.
pub fn of(pid: u32) -> Option<Owner> {
    let (ancestor, _) = system::look(pid)?;
    Some(Owner { pid, started: system::started(pid)?, name: crate::event::neutralise(&ancestor.name) })
}

pub fn lives(owner: &Owner) -> bool {
    system::started(owner.pid).is_some_and(|started| started == owner.started)
}

/// Ends when the owner does.
pub async fn gone(owner: &Owner) {
    #[cfg(target_os = "linux")]
    if let Some(end) = told_by_kernel(owner) {
        return end.await;
    }
    while lives(owner) {
        sleep(LOOK_EVERY).await;
    }
}

/// A descriptor that becomes readable with the end of the process. `None` where the kernel has none.
#[cfg(target_os = "linux")]
fn told_by_kernel(owner: &Owner) -> Option<impl Future<Output = ()> + use<>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    let pid = Pid::from_raw(i32::try_from(owner.pid).ok()?)?;
    let descriptor = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    // The number may have been another process's by then; from here on it cannot become one.
    let same = lives(owner);
    // Deprecated for descriptors that something else may close; this one is ours alone.
    #[expect(deprecated, reason = "its successor is unsafe, and what it guards against cannot happen here")]
    let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE).ok()?;
    Some(async move {
        if same {
            let _ = descriptor.readable().await;
        }
    })
}

#[cfg(target_os = "linux")]
mod system {
    use super::Ancestor;

    /// The process and its parent.
    pub fn look(pid: u32) -> Option<(Ancestor, u32)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, rest) = split(&stat)?;
        let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments[..arguments.len().min(4096)]).replace('\0', " ");
        Some((Ancestor { pid, name: name.to_owned(), arguments }, parent))
    }

    /// Clock ticks between the system's start and the process's. A dead one that nobody has waited for is gone.
    pub fn started(pid: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = split(&stat)?;
        let mut fields = rest.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        // Field 22 of the line; the state is the third.
        fields.nth(18).map(str::to_owned)
    }

    /// The name may hold anything, brackets too.
    fn split(stat: &str) -> Option<(&str, &str)> {
        let (head, rest) = stat.rsplit_once(')')?;
        Some((head.split_once('(')?.1, rest))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Ancestor;

    pub fn look(pid: u32) -> Option<(Ancestor, u32)> {
        let parent = ps(pid, "ppid=")?.parse().ok()?;
        let path = ps(pid, "comm=")?;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let arguments = ps(pid, "args=").unwrap_or_default();
        Some((Ancestor { pid, name, arguments }, parent))
    }

    pub fn started(pid: u32) -> Option<String> {
        ps(pid, "lstart=")
    }

    fn ps(pid: u32, column: &str) -> Option<String> {
        let output = std::process::Command::new("ps").args(["-o", column, "-p", &pid.to_string()]).output();
        let text = String::from_utf8_lossy(&output.ok()?.stdout).trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(line: &[(&str, &str)]) -> Option<String> {
        let ancestors: Vec<Ancestor> = line
            .iter()
            .zip((2..200).rev())
            .map(|((name, arguments), pid)| Ancestor {
                pid,
                name: (*name).to_owned(),
                arguments: (*arguments).to_owned(),
            })
            .collect();
        choose(&ancestors).map(|ancestor| ancestor.name.clone())
    }

    #[test]
    fn the_agent_among_the_ancestors_is_found() {
        let terminal = [("zsh", "-zsh"), ("tmux", "tmux"), ("systemd", "/sbin/init")];
        let under = |line: &[(&str, &str)]| chosen(&[line, &terminal].concat());
        assert_eq!(under(&[("bash", "bash -c x"), ("claude", "claude")]).as_deref(), Some("claude"));
        let node = ("node", "node /usr/lib/claude/cli.js --resume");
        assert_eq!(under(&[("sh", "sh -c x"), node]).as_deref(), Some("node"));
        assert_eq!(under(&[("bash", "bash -c claude"), ("codex", "codex")]).as_deref(), Some("codex"));
        assert_eq!(
            under(&[("timeout", "timeout 5 x"), ("bash", ""), ("harness", "")]).as_deref(),
            Some("harness")
        );
        // A person at a shell holds the session for as long as the shell is open.
        assert_eq!(under(&[]).as_deref(), Some("zsh"));
        assert_eq!(under(&[("bash", "bash script.sh")]).as_deref(), Some("zsh"));
        assert_eq!(chosen(&[("systemd", "")]), None);
        assert_eq!(chosen(&[]), None);
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_noticed_and_another_with_its_number_is_not_it() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let owner = of(child.id()).unwrap();
        assert!(lives(&owner) && owner.name == "sleep");
        assert!(!lives(&Owner { started: "1".to_owned(), ..owner.clone() }));
        let waiting = tokio::spawn({
            let owner = owner.clone();
            async move { gone(&owner).await }
        });
        sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        child.kill().unwrap();
        tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
        child.wait().unwrap();
        assert!(!lives(&owner));
    }

    #[test]
    fn our_own_parent_is_an_ancestor() {
        assert_eq!(ancestors().first().map(|first| first.pid), Some(std::os::unix::process::parent_id()));
    }
}
