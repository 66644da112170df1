//! An agent's shift as a value: who holds it, where it greeted, what is still to be said, and what time and its owner's
//! end ask for. Every change is a function from one state to the next, so that whoever makes it first has made it.

mod attend;
mod keeping;
mod lines;
mod outbox;
mod session;
#[cfg(test)]
mod tests;

pub use attend::{Attended, attend, over};
pub use keeping::{Do, Keeping, Mark, Said, Watched};
pub use lines::Line;
pub use outbox::{Kind, Part, PartState, REPEATABLE_MS, Words, settled};
pub use session::{Arming, Ending, Owner, Session, Sessions};
