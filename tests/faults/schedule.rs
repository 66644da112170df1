//! What breaks, and when: decided before the run by the seed alone.

use std::time::Duration;

use rooma::sandbox::{At, Fault, FaultKind};

use crate::random::Random;

/// Between two strikes, in milliseconds.
const PAUSE: (u64, u64) = (50, 400);

/// Readers with a cursor of their own, beside the supervisor's stdout.
pub const READERS: u64 = 3;

pub const BOTS: u64 = 2;

#[derive(Clone, Debug)]
pub enum Strike {
    /// Something that the sandbox does.
    Platform(Fault),
    /// SIGKILL; the next one runs in the background or as a child with a stdout.
    KillSupervisor {
        background: bool,
    },
    /// SIGSTOP, and SIGCONT later.
    StallSupervisor {
        millis: u64,
    },
    KillReader(usize),
    TerminateReader(usize),
    StallReader {
        reader: usize,
        millis: u64,
    },
    /// A send with a key of its own, repeated until it succeeds. Each attempt but the last may be killed after so
    /// many milliseconds.
    Send {
        bot: u64,
        direct: bool,
        kills: Vec<u64>,
    },
    /// No file of the supervisor's grows.
    FullDisk {
        millis: u64,
    },
}

#[derive(Clone, Debug)]
pub struct Step {
    pub after: Duration,
    pub strike: Strike,
}

#[derive(Debug)]
pub struct Schedule {
    /// Everything may be struck.
    pub first: Vec<Step>,
    /// The supervisor lives on: what it holds before and after is compared.
    pub second: Vec<Step>,
}

impl Schedule {
    pub fn new(random: &mut Random, length: Duration) -> Schedule {
        Schedule { first: steps(random, length / 2, true), second: steps(random, length / 2, false) }
    }
}

fn steps(random: &mut Random, length: Duration, kill: bool) -> Vec<Step> {
    let (mut steps, mut taken) = (Vec::new(), Duration::ZERO);
    while taken < length {
        let after = Duration::from_millis(random.between(PAUSE.0, PAUSE.1));
        taken += after;
        steps.push(Step { after, strike: strike(random, kill) });
    }
    steps
}

fn strike(random: &mut Random, kill: bool) -> Strike {
    let reader = random.below(READERS) as usize;
    match random.below(100) {
        0..6 if kill => Strike::KillSupervisor { background: random.coin() },
        0..9 => Strike::StallSupervisor { millis: random.between(50, 2500) },
        9..17 => Strike::KillReader(reader),
        17..21 => Strike::TerminateReader(reader),
        21..25 => Strike::StallReader { reader, millis: random.between(100, 6000) },
        25..37 => Strike::Send {
            bot: random.below(BOTS),
            direct: random.coin(),
            kills: (0..random.below(4)).map(|_| random.between(1, 250)).collect(),
        },
        37..41 => Strike::FullDisk { millis: random.between(100, 3000) },
        _ => Strike::Platform(platform(random)),
    }
}

fn platform(random: &mut Random) -> Fault {
    let app = (random.below(3) > 0).then(|| format!("b{}", random.below(BOTS)));
    let count = Some(random.between(1, 3) as u32);
    let with = |kind| Fault { app: app.clone(), count, ..Fault::new(kind) };
    let status = Some([500, 502, 503, 504][random.below(4) as usize]);
    match random.below(22) {
        0 | 1 => with(FaultKind::Drop),
        2 => {
            Fault { code: Some([1000, 1001, 1006, 1011][random.below(4) as usize]), ..with(FaultKind::Close) }
        }
        // What parks a profile is left out: a minute's wait is tested elsewhere.
        3 => Fault { status, ..with(FaultKind::Refuse) },
        4 => Fault { at: Some(At::Handshake), code: Some(514), ..with(FaultKind::Refuse) },
        5 => with(FaultKind::Busy),
        6 => Fault {
            at: Some([At::Handshake, At::Discovery][random.below(2) as usize]),
            ..with(FaultKind::Stall)
        },
        7 => with(FaultKind::Garbage),
        8 => with(FaultKind::Truncated),
        9 => {
            Fault { bytes: Some(random.between(9, 40) as usize * 1024 * 1024), ..with(FaultKind::Oversized) }
        }
        10..13 => Fault {
            parts: Some(random.between(2, 6) as usize),
            shuffle: random.coin(),
            duplicate: random.coin(),
            missing: random.below(3) == 0,
            count: Some(random.between(1, 30) as u32),
            ..with(FaultKind::Chunk)
        },
        13 => Fault { count: Some(random.between(1, 30) as u32), ..with(FaultKind::Duplicate) },
        14 => Fault { count: Some(random.between(10, 60) as u32), ..with(FaultKind::Mute) },
        15 => Fault { count: Some(random.between(5, 40) as u32), ..with(FaultKind::Deaf) },
        16 => {
            [with(FaultKind::BadPong), Fault { at: Some(At::Pong), ms: Some(1500), ..with(FaultKind::Slow) }]
                [random.below(2) as usize]
                .clone()
        }
        17 => Fault { at: Some(At::Push), ms: Some(random.between(10, 800)), ..with(FaultKind::Slow) },
        18 => Fault { reset_s: Some(1), ..with(FaultKind::RateLimit) },
        19 => Fault {
            status,
            after: random.coin(),
            path: Some("/messages".into()),
            ..with(FaultKind::Error5xx)
        },
        20 => [
            with(FaultKind::TokenExpiry),
            Fault { at: Some(At::Token), status, ..with(FaultKind::Error5xx) },
            Fault { code: Some(230_002), path: Some("/messages".into()), ..with(FaultKind::ApiError) },
        ][random.below(3) as usize]
            .clone(),
        _ => Fault {
            ms: Some(random.between(100, 1500)),
            after: random.coin(),
            path: Some("/messages".into()),
            ..with(FaultKind::Slow)
        },
    }
}

impl Strike {
    /// What it is counted under.
    pub fn kind(&self) -> String {
        match self {
            Strike::Platform(fault) => {
                let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let kind = word(serde_json::to_value(fault.kind).unwrap());
                match fault.at {
                    Some(at) => format!("{kind} at {}", word(serde_json::to_value(at).unwrap())),
                    None if fault.missing => format!("{kind} with a missing part"),
                    None => kind,
                }
            }
            Strike::KillSupervisor { .. } => "SIGKILL of the supervisor".to_owned(),
            Strike::StallSupervisor { .. } => "SIGSTOP of the supervisor".to_owned(),
            Strike::KillReader(_) => "SIGKILL of a watch".to_owned(),
            Strike::TerminateReader(_) => "SIGTERM of a watch".to_owned(),
            Strike::StallReader { .. } => "SIGSTOP of a watch".to_owned(),
            Strike::Send { direct: true, .. } => "send, direct".to_owned(),
            Strike::Send { direct: false, .. } => "send, through the supervisor".to_owned(),
            Strike::FullDisk { .. } => "disk full".to_owned(),
        }
    }
}
