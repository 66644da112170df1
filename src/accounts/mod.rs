//! From a profile in a file to somebody who speaks to a platform: for a supervisor (`roster`), and for one call (`caller`),
//! whoever makes it.

mod aside;
mod caller;
mod means;
mod roster;
mod stamp;
mod standing;
mod troubles;

pub use caller::{Alone, Caller};
pub use means::{Accounts, limits, token_file};
pub use roster::Roster;
