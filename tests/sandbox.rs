//! The sandbox's own promises, checked from outside: raw HTTP, a raw WebSocket and frames built by hand.
//! What the official SDKs think of it is in `tests/conformance/`.
#![cfg(feature = "sandbox")]

mod sandbox_support;
