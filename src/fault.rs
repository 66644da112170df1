//! Faults that tests order through the environment. A debug build listens; a release build has none of it.
//!
//! `ROOMA_CRASH_AT=name:N` ends the process at the N-th passage of a place, as a power cut would.
//! `ROOMA_FAIL_AT=name:N` makes the first N passages of a place fail.
//! `ROOMA_PANIC_AT=name:N` makes the first N passages of a place panic.
//! `ROOMA_FAIL_WHILE=name:PATH` makes a place fail for as long as there is such a file.
//! `ROOMA_CLOCK_OFFSET=PATH` names a file of milliseconds that the wall clock is wrong by.
//! `ROOMA_POISON=text` makes normalising a message with that text panic, `ROOMA_CRASH_ON=text` the connection.

/// Deliveries that take something down, by what they contain.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pub poison: Option<String>,
    pub crash: Option<String>,
}

pub use imp::{clock_offset_ms, fails, marks, may_panic, point};

#[cfg(debug_assertions)]
mod imp {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::Marks;

    struct Armed {
        name: String,
        left: AtomicI64,
    }

    impl Armed {
        fn read(variable: &str) -> Option<Armed> {
            let wanted = std::env::var(variable).ok()?;
            let (name, count) = wanted.rsplit_once(':')?;
            Some(Armed { name: name.to_owned(), left: AtomicI64::new(count.parse().ok()?) })
        }

        /// What is left after this passage, if it is one.
        fn pass(&self, name: &str) -> Option<i64> {
            (self.name == name).then(|| self.left.fetch_sub(1, Ordering::SeqCst) - 1)
        }
    }

    pub fn point(name: &str) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| Armed::read("ROOMA_CRASH_AT"));
        if armed.as_ref().and_then(|armed| armed.pass(name)) == Some(0) {
            // No destructors, no flush: what is not with the kernel by now is lost.
            std::process::abort();
        }
    }

    pub fn fails(name: &str) -> bool {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| Armed::read("ROOMA_FAIL_AT"));
        fails_while(name) || armed.as_ref().and_then(|armed| armed.pass(name)).is_some_and(|left| left >= 0)
    }

    pub fn may_panic(name: &str) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| Armed::read("ROOMA_PANIC_AT"));
        let breaks = armed.as_ref().and_then(|armed| armed.pass(name)).is_some_and(|left| left >= 0);
        assert!(!breaks, "injected panic");
    }

    fn fails_while(name: &str) -> bool {
        static WHILE: OnceLock<Option<String>> = OnceLock::new();
        let wanted = WHILE.get_or_init(|| std::env::var("ROOMA_FAIL_WHILE").ok());
        let place = wanted.as_ref().and_then(|wanted| wanted.split_once(':'));
        place.is_some_and(|(place, path)| place == name && std::path::Path::new(path).exists())
    }

    pub fn clock_offset_ms() -> i64 {
        static FILE: OnceLock<Option<String>> = OnceLock::new();
        let Some(file) = FILE.get_or_init(|| std::env::var("ROOMA_CLOCK_OFFSET").ok()) else { return 0 };
        std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    pub fn marks() -> Marks {
        Marks { poison: std::env::var("ROOMA_POISON").ok(), crash: std::env::var("ROOMA_CRASH_ON").ok() }
    }
}

#[cfg(not(debug_assertions))]
mod imp {
    use super::Marks;

    pub fn point(_name: &str) {}

    pub fn fails(_name: &str) -> bool {
        false
    }

    pub fn may_panic(_name: &str) {}

    pub fn clock_offset_ms() -> i64 {
        0
    }

    pub fn marks() -> Marks {
        Marks::default()
    }
}
