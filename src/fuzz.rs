//! Bytes of any kind for what reads bytes of strangers: random ones, and valid ones with something changed.
//!
//! Each input follows from a seed and a number. A failure prints both, and `ROOMA_SEED` repeats a run;
//! `ROOMA_FUZZ_SECONDS` makes it longer.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::clock::thread_now;

/// Enough for a look at each commit.
const SECONDS: u64 = 2;

/// Inputs grow by insertions; far beyond this nothing new happens.
const BYTES_MAX: usize = 64 * 1024;

/// What tends to break readers.
const TOKENS: [&[u8]; 16] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"\\ud800",
    b"\xf0\x9f",
    b"\"",
    b"{}",
    b"[[",
    b"null",
    b"&a [*a]",
    b"!!",
    b"\r\n",
    b"\xe2\x80\xae",
    b"%",
];

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Gives `check` one input after the other for a bounded time.
pub fn run(what: &str, corpus: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    let named = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = named("ROOMA_SEED").unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(what)
    });
    let end = thread_now() + Duration::from_secs(named("ROOMA_FUZZ_SECONDS").unwrap_or(SECONDS));
    let mut count: u64 = 0;
    while thread_now() < end {
        let input = input(&mut Random(seed.wrapping_add(count)), corpus);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            println!("{what}: ROOMA_SEED={seed}, input {count}: {}", input.escape_ascii());
            resume_unwind(panic);
        }
        count += 1;
    }
    println!("{what}: {count} inputs, ROOMA_SEED={seed}");
}

fn input(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    if corpus.is_empty() || random.below(8) == 0 {
        return (0..random.below(300)).map(|_| random.next() as u8).collect();
    }
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let other = &corpus[random.below(corpus.len())];
        mutate(random, &mut bytes, other);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len() + 1);
    let upto = at + random.below(bytes.len() - at + 1);
    match random.below(7) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..upto)),
        3 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
        4 => {
            let again = bytes[at..upto].repeat(1 + random.below(8));
            drop(bytes.splice(at..at, again));
        }
        5 => {
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
    }
}
