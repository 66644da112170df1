pub mod cli;
pub mod clock;
pub mod error;
#[cfg(feature = "sandbox")]
pub mod sandbox;
