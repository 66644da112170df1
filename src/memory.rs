//! Memory that a burst took and nothing needs any more goes back to the system.

/// Gives back what the allocator holds and nobody uses. It takes a few milliseconds, so: now and then, and not where
/// somebody waits.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "glibc keeps freed memory below the newest block, and only this gives it back"
)]
pub fn give_back() {
    // SAFETY: the allocator's own locks make it safe to call at any time from any thread (`malloc_trim(3)`).
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        kib.expect("a number of KiB")
    }

    /// Blocks of a message's size, freed below one that stays.
    #[test]
    fn what_was_freed_goes_back_to_the_system() {
        let blocks: Vec<Vec<u8>> = (0..100_000).map(|_| vec![1; 1000]).collect();
        let stays = vec![1_u8; 1000];
        drop(blocks);
        let before = resident_kib();
        super::give_back();
        let after = resident_kib();
        // Other tests take memory meanwhile, so only a good part of it is asked for.
        assert!(after + 30_000 < before, "{before} KiB, then {after}");
        drop(stays);
    }
}
