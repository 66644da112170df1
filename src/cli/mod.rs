pub mod print;
#[cfg(feature = "sandbox")]
pub mod sandbox;
