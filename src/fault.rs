//! Named places at which a test may end the process, as a power cut would. Nothing in a release build.

/// Ends the process when `ROOMA_CRASH_AT` names this place: `name:N` at the N-th passage.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        left: AtomicU64,
    }
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    let armed = ARMED.get_or_init(|| {
        let wanted = std::env::var("ROOMA_CRASH_AT").ok()?;
        let (name, count) = wanted.rsplit_once(':')?;
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(count.parse().ok()?) })
    });
    if let Some(armed) = armed
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // No destructors, no flush: what is not with the kernel by now is lost.
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub fn point(_name: &str) {}
