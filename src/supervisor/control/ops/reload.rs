//! Looks at the profiles, and says what became of them.

use super::super::super::change::Outcome;
use super::super::super::reload::Look;
use super::super::protocol::ReloadedAll;
use super::super::tools::Control;
use crate::error::Result;

/// `profiles` are added where they are not there yet.
pub async fn run(control: &Control, profiles: Vec<String>) -> Result<ReloadedAll> {
    let look = if profiles.is_empty() { Look::Whole } else { Look::Adding(profiles) };
    let profiles = control.reloading.look(look).await?;
    let ok = profiles.iter().all(|profile| profile.outcome != Outcome::Failed);
    Ok(ReloadedAll { ok, profiles })
}
