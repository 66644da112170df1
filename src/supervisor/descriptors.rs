//! Open files: what the system gives a process that asks, and what a supervisor cannot do without.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Kind, Result};

/// The journal's files, its readers, the sockets of a few verbs and watchers, the runtime.
const BASE: u64 = 48;

/// The lock and the connection of a profile.
const PER_PROFILE: u64 = 2;

/// Takes all there are: a thousand connections are more than most systems give a process that does not ask. Where that
/// is not enough it is said once and here, instead of by everything that then fails.
pub fn take(profiles: usize) -> Result<()> {
    let Rlimit { maximum, current } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    let given = if raised.is_ok() { maximum } else { current };
    enough(given, profiles as u64)
}

/// No limit is enough for any number.
fn enough(given: Option<u64>, profiles: u64) -> Result<()> {
    let needed = BASE + profiles * PER_PROFILE;
    match given.filter(|given| *given < needed) {
        None => Ok(()),
        Some(given) => Err(Error::new(
            Kind::Config,
            format!("this process may have {given} files open, and {profiles} profiles need {needed}"),
        )
        .subtype("open_files")
        .hint("raise the limit: ulimit -n 1024 in a shell, LimitNOFILE= for a service")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_open_files_are_named_before_anything_fails() {
        assert!(
            enough(None, 100_000).is_ok() && enough(Some(50), 1).is_ok() && enough(Some(4096), 1000).is_ok()
        );
        let error = enough(Some(24), 3).unwrap_err();
        assert_eq!(error.kind.exit_code(), 3);
        assert!(error.message.contains("24") && error.message.contains("54"), "{error}");
    }
}
