//! How the process is asked to stop: once means gracefully, twice means now.

use tokio::sync::watch;

use crate::error::{Error, Result};

/// The asked side. Resolves once somebody has asked.
#[derive(Clone, Debug)]
pub struct Ask {
    reason: watch::Receiver<Option<String>>,
}

/// The asking side.
#[derive(Debug)]
pub struct Trigger {
    reason: watch::Sender<Option<String>>,
}

impl Ask {
    pub fn manual() -> (Trigger, Ask) {
        let (sender, reason) = watch::channel(None);
        (Trigger { reason: sender }, Ask { reason })
    }

    /// SIGINT, SIGTERM and SIGHUP. A second signal ends the process at once.
    pub fn by_signals() -> Result<Ask> {
        Ask::by(false)
    }

    /// For a reader of lines: SIGURG too, which some harnesses end with what they watch.
    pub fn of_reader() -> Result<Ask> {
        Ask::by(true)
    }

    fn by(urgent_too: bool) -> Result<Ask> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Error::internal(format!("failed to listen to signals: {error}")))
        };
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hangup = listen(SignalKind::hangup())?;
        // Without a listener it keeps being ignored, as it is from birth.
        let urgent = SignalKind::from_raw(URGENT);
        let mut urgent = if urgent_too { Some(listen(urgent)?) } else { None };
        let (trigger, ask) = Ask::manual();
        tokio::spawn(async move {
            loop {
                let (name, number) = tokio::select! {
                    _ = interrupt.recv() => ("SIGINT", 2),
                    _ = terminate.recv() => ("SIGTERM", 15),
                    _ = hangup.recv() => ("SIGHUP", 1),
                    () = received(urgent.as_mut()) => ("SIGURG", URGENT),
                };
                if !trigger.stop(name) {
                    std::process::exit(128 + number);
                }
            }
        });
        Ok(ask)
    }

    /// Waits for the reason to stop.
    pub async fn stop(&mut self) -> String {
        let asked =
            self.reason.wait_for(Option::is_some).await.map(|reason| reason.clone().unwrap_or_default());
        match asked {
            Ok(reason) => reason,
            // Nobody can ask any more.
            Err(_) => std::future::pending().await,
        }
    }
}

const URGENT: i32 = rustix::process::Signal::URG.as_raw();

async fn received(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

impl Trigger {
    /// Asks to stop. False when that was asked before.
    pub fn stop(&self, reason: &str) -> bool {
        self.reason.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert_with(|| reason.to_owned());
            first
        })
    }
}
