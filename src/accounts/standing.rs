//! A profile's standing: as it was read, and its account once there is one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::aside::aside;
use super::means::{Accounts, token_file};
use crate::config::Profile;
use crate::core::end::End;
use crate::error::{Error, Kind, Result};
use crate::supervisor::{Dial, Fetch, Lock, Perform, Relay, Seat};
use crate::transport::{Account, Intake};

/// How long limits and passing trouble are waited out while the past is fetched.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);

/// The same for one message that is relayed: the next one waits for it.
const RELAY_PATIENCE: Duration = Duration::from_secs(8);

/// A profile as it was read, and its account once there is one.
pub struct Standing {
    pub accounts: Accounts,
    pub profile: Profile,
    pub intake: Intake,
    account: Mutex<Option<Arc<Account>>>,
    /// Given back when the last connection of this profile is gone.
    pub lock: Option<Arc<Lock>>,
}

impl Standing {
    pub fn new(accounts: Accounts, profile: Profile, lock: Option<Arc<Lock>>) -> Standing {
        let intake = accounts.intake(&profile);
        Standing { accounts, profile, intake, account: Mutex::default(), lock }
    }

    /// What the supervisor knows of it.
    pub fn seat(self: &Arc<Standing>) -> Seat {
        Seat {
            name: Arc::clone(&self.profile.name),
            transport: self.profile.transport,
            intake: self.intake.clone(),
            app_id: self.profile.app_id.clone(),
            dial: Arc::clone(self).dial(),
            perform: Arc::clone(self).perform(),
            fetch: Arc::clone(self).fetch(),
            relay: Arc::clone(self).relay(),
        }
    }

    /// The account, made when it is asked for first and after it was forgotten.
    pub async fn account(&self) -> Result<Arc<Account>> {
        let mut held = self.account.lock().await;
        if let Some(account) = &*held {
            return Ok(Arc::clone(account));
        }
        let marks = crate::fault::marks();
        let account = self.accounts.account(&self.profile).await?.inject(marks.poison, marks.crash);
        let account = account.keeping(token_file(&self.accounts.home, &self.profile));
        Ok(Arc::clone(held.insert(Arc::new(account))))
    }

    /// Its secret may be another one: it is read again when it is asked for next.
    pub async fn forget_account(&self) {
        *self.account.lock().await = None;
    }

    /// One that cannot keep what it knows is not connected: it would forget whom it owes a farewell.
    async fn grounded(&self) -> Result<Arc<Account>> {
        let folder = self.accounts.home.data().join(self.profile.name.as_ref());
        aside(move || crate::folder::stands(&folder)).await?;
        self.account().await
    }

    fn dial(self: Arc<Standing>) -> Dial {
        Arc::new(move |life| {
            let standing = Arc::clone(&self);
            Box::pin(async move {
                let mut stop = life.stop.clone();
                let account = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return End::Asked,
                    account = standing.grounded() => account,
                };
                let end = match account {
                    Ok(account) => account.run(life).await,
                    Err(Error { code, message, hint, .. }) => End::Unauthorized { code, message, hint },
                };
                if matches!(end, End::Unauthorized { .. }) {
                    // The next attempt reads the secret again: it may be another one by then.
                    standing.forget_account().await;
                }
                end
            })
        })
    }

    fn fetch(self: Arc<Standing>) -> Fetch {
        Arc::new(move |missing| {
            let standing = Arc::clone(&self);
            Box::pin(async move { standing.account().await?.patient(FETCH_PATIENCE).missed(&missing).await })
        })
    }

    fn relay(self: Arc<Standing>) -> Relay {
        Arc::new(move |message| {
            let standing = Arc::clone(&self);
            Box::pin(async move { standing.account().await?.patient(RELAY_PATIENCE).relayed(&message).await })
        })
    }

    fn perform(self: Arc<Standing>) -> Perform {
        Arc::new(move |call, patience| {
            let standing = Arc::clone(&self);
            Box::pin(async move {
                let done = standing.account().await?.patient(patience).perform(&call).await;
                if done.as_ref().is_err_and(|error| error.kind == Kind::Authentication) {
                    standing.forget_account().await;
                }
                done
            })
        })
    }
}
