//! Where a hook acts: the home, and the profiles that are the agent's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Global;
use super::super::context::{Common, Context};
use super::super::output::Format;
use super::input::Input;
use crate::clock::Clock;
use crate::config::{Config, Environment, Home, Profile};
use crate::core::presence::{Session, Sessions};
use crate::error::{Error, Result};
use crate::supervisor::stored;

pub struct Here {
    pub home: Home,
    /// The home as it was named, for commands that have to name it too.
    pub named: Option<PathBuf>,
    /// Those there are, or the one that was named.
    pub profiles: Vec<Shown>,
    global: Global,
}

/// A profile and its session as the file has it.
#[derive(Clone)]
pub struct Shown {
    pub profile: Profile,
    pub session: Option<Session>,
}

impl Here {
    /// `None` where nothing is set up: a hook that is enabled everywhere has nothing to say there.
    pub fn find(input: &Input, global: &Global) -> Result<Option<Here>> {
        let process = Environment::of_process();
        let home = find_home(input, global, &process)?;
        let config = Config::load_home(home.clone(), process)?;
        if config.is_empty() {
            return Ok(None);
        }
        let named = global.profile.as_deref().or_else(|| config.environment.get("ROOMA_PROFILE"));
        let chosen = config.chosen(&named.map(str::to_owned).into_iter().collect::<Vec<_>>())?;
        let now = Clock::system().wall_ms();
        let with_session = |profile: Profile| {
            let sessions = stored::load::<Sessions>(&home.data().join(profile.name.as_ref()), now);
            // One profile's unreadable file is no reason to leave the others on shift.
            let session = sessions.unwrap_or_else(|error| {
                tracing::error!(profile = %profile.name, %error, "a session cannot be read");
                Sessions::default()
            });
            Shown { profile, session: session.session }
        };
        let profiles = chosen.into_iter().map(with_session).collect();
        Ok(Some(Here { home, named: global.home.clone(), profiles, global: global.clone() }))
    }

    /// Profiles whose session names this agent session, or the one there is, unless its session names another.
    pub fn ours(&self, agent_session: Option<&str>) -> Vec<Shown> {
        let name = |shown: &&Shown| shown.session.as_ref().and_then(|session| session.agent_session.clone());
        let is_named = |shown: &&Shown| agent_session.is_some() && name(shown).as_deref() == agent_session;
        let named: Vec<Shown> = self.profiles.iter().filter(is_named).cloned().collect();
        match self.profiles.as_slice() {
            [only] if named.is_empty() && name(&only).is_none() => vec![only.clone()],
            _ => named,
        }
    }

    /// What a verb would have that acts as this profile.
    pub async fn context(&self, profile: &Profile, timeout: Duration) -> Result<Context> {
        let global = Global {
            home: Some(self.home.root().to_owned()),
            profile: Some(profile.name.to_string()),
            ..self.global.clone()
        };
        Context::open(&global, &Common { timeout, format: Format::Json, jq: None }).await
    }
}

/// The agent's working directory counts, as it does for the commands it runs; then the folder of its project.
fn find_home(input: &Input, global: &Global, process: &Environment) -> Result<Home> {
    let here = std::env::current_dir()
        .map_err(|error| Error::validation(format!("the working directory cannot be read: {error}")))?;
    if global.home.is_none() {
        Environment::check_of_process()?;
    }
    if global.home.is_some() || process.get("ROOMA_HOME").is_some() {
        return Ok(Home::find(global.home.as_deref(), process, &here));
    }
    let places = [input.cwd.as_deref(), process.get("CLAUDE_PROJECT_DIR").map(Path::new)];
    let near = places.into_iter().flatten().filter(|place| place.is_absolute()).find_map(Home::near);
    Ok(near.unwrap_or_else(|| Home::find(None, process, &here)))
}
