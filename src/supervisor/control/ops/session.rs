//! Looks at the sessions of profiles: a command has changed them.

use super::super::protocol::Done;
use super::super::tools::Control;
use super::errand::not_here;
use crate::error::Result;

pub async fn run(control: &Control, profiles: &[String]) -> Result<Done> {
    for profile in profiles {
        if control.asker.seat(profile).await?.is_none() {
            return Err(not_here(profile));
        }
        control.attendant.look(profile);
    }
    Ok(Done::DONE)
}
