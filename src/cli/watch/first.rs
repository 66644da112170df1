//! Where a cursor begins that was never read with.

use crate::clock::Clock;
use crate::config::Home;
use crate::core::presence::Sessions;
use crate::error::Result;
use crate::journal::Reader;
use crate::supervisor::stored;

/// Behind what came before the shift of these profiles, the earliest of them; empty: of all that are on shift. `None` where
/// none is. What was said since then is meant to be heard, and nobody has heard it.
pub fn position(home: &Home, reader: &Reader, profiles: &[String]) -> Result<Option<u64>> {
    let profiles = if profiles.is_empty() { with_data(home) } else { profiles.to_vec() };
    let now = Clock::system().wall_ms();
    let begun = profiles.iter().filter_map(|profile| {
        let sessions = stored::load::<Sessions>(&home.data().join(profile), now).ok()?;
        sessions.session.map(|session| session.begun())
    });
    begun.min().map(|begun| reader.position_at(begun)).transpose()
}

/// The profiles that have a folder; one without has no session.
fn with_data(home: &Home) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(home.data()) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.path().join("active_session.json").is_file());
    folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
