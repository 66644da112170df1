//! Readiness for a service manager: systemd's datagrams to the socket that the environment names.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::root::Asker;
use super::status::ProfileState;

/// Between two looks whether the profiles have arrived.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a manager listens, if one does.
#[derive(Clone, Debug)]
pub struct Notify(Option<String>);

impl Notify {
    pub fn of_environment() -> Notify {
        Notify(std::env::var("NOTIFY_SOCKET").ok().filter(|path| path.starts_with(['/', '@'])))
    }

    /// Says READY once every profile is connected or parked.
    pub async fn when_ready(self, asker: Asker) {
        if self.0.is_none() {
            return;
        }
        loop {
            if let Ok(profiles) = asker.profiles().await {
                let connected =
                    profiles.iter().filter(|profile| profile.state == ProfileState::Connected).count();
                let parked = profiles.iter().filter(|profile| profile.state == ProfileState::Parked).count();
                if connected + parked == profiles.len() {
                    let status = format!("{connected} of {} profiles connected", profiles.len());
                    return self.say(&format!("READY=1\nSTATUS={status}\n"));
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub fn stopping(&self) {
        self.say("STOPPING=1\n");
    }

    fn say(&self, what: &str) {
        let Some(path) = &self.0 else { return };
        if let Err(error) = send(path, what.as_bytes()) {
            tracing::warn!(%error, "the service manager does not listen");
        }
    }
}

fn send(path: &str, what: &[u8]) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match path.strip_prefix('@') {
        None => socket.send_to(what, path).map(drop),
        Some(name) => send_to_abstract(&socket, name, what),
    }
}

#[cfg(target_os = "linux")]
fn send_to_abstract(socket: &UnixDatagram, name: &str, what: &[u8]) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    socket.send_to_addr(what, &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send_to_abstract(_: &UnixDatagram, _: &str, _: &[u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
