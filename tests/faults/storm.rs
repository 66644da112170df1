//! One run: people talk, the schedule strikes, and then it is quiet and everything is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rooma::sandbox::{Fault, FaultKind, React, Sandbox, Say};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::crew::{self, Crew};
use crate::random::Random;
use crate::schedule::{Schedule, Step, Strike};
use crate::senders::{self, Sent};
use crate::support::program;
use crate::verdict::{self, Figures};

/// Between two things that people say.
const SAY_EVERY: Duration = Duration::from_millis(25);

/// Before a measurement, so that caches are as large as they get.
const WARM_UP: Duration = Duration::from_secs(3);

/// A crew without a stopped process settles in this time.
const SETTLE: Duration = Duration::from_secs(100);

pub async fn run(mut random: Random, length: Duration) {
    let schedule = Schedule::new(&mut random, length);
    let began = Instant::now();
    let world = crew::world().await;
    let talk = Talk::begin(Arc::clone(&world.sandbox));
    let mut storm = Storm {
        crew: Crew::new(world).await,
        later: Vec::new(),
        sends: Vec::new(),
        kinds: BTreeMap::new(),
        numbers: 0,
    };
    storm.strike(schedule.first).await;
    // The last supervisor, which is looked at before and after.
    storm.quiet().await;
    storm.crew.kill_supervisor().await;
    storm.crew.start_supervisor(false).await;
    storm.wait(WARM_UP).await;
    storm.settled().await;
    let before = storm.held();
    storm.strike(schedule.second).await;
    storm.quiet().await;
    let said = talk.end().await;
    let sent = storm.sent().await;
    let settled_at = storm.settled().await;
    let after = storm.back_to(before).await;
    let figures = Figures {
        settled_at,
        kinds: storm.kinds,
        odd: storm.crew.odd.clone(),
        kills: storm.crew.kills,
        said,
        sent,
        before,
        after,
        began,
    };
    let (world, cursors, stderr) = storm.crew.end();
    assert_eq!(stderr, "", "readers that ended when they were asked to");
    verdict::judge(&world, &cursors, &figures);
}

/// People, who talk whatever happens.
struct Talk {
    quiet: Arc<AtomicBool>,
    said: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Talk {
    fn begin(sandbox: Arc<Sandbox>) -> Talk {
        let (quiet, said) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (Arc::clone(&quiet), Arc::clone(&said));
        let task = tokio::spawn(async move {
            while !until.load(Ordering::Relaxed) {
                let number = count.fetch_add(1, Ordering::Relaxed);
                say(&sandbox, number);
                tokio::time::sleep(SAY_EVERY).await;
            }
        });
        Talk { quiet, said, task }
    }

    async fn end(self) -> u64 {
        self.quiet.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.said.load(Ordering::Relaxed)
    }
}

fn say(sandbox: &Sandbox, number: u64) {
    let (chat, to) = match number % 5 {
        0 => (None, Some(format!("b{}", number % 2))),
        1 | 2 => (Some("workshop".to_owned()), None),
        _ => (Some("lobby".to_owned()), None),
    };
    // Some are longer than one page of a pipe.
    let length = if number.is_multiple_of(40) { 9000 } else { 20 };
    let text = format!("said {number} {}", "x".repeat(length));
    let said = sandbox.say(Say { chat, to, text: Some(text), ..Say::default() }).unwrap();
    if number.is_multiple_of(10) {
        let react = React { message_id: said.message_id, emoji: "OK".into(), ..React::default() };
        sandbox.react(react).unwrap();
    }
}

/// What ends by itself after a while.
enum Resume {
    Supervisor { life: u64 },
    Disk { life: u64 },
    Reader { reader: usize, pid: u32 },
}

struct Storm {
    crew: Crew,
    later: Vec<(Instant, Resume)>,
    sends: Vec<JoinHandle<Sent>>,
    kinds: BTreeMap<String, u64>,
    numbers: u64,
}

impl Storm {
    async fn strike(&mut self, steps: Vec<Step>) {
        for Step { after, strike } in steps {
            self.wait(after).await;
            *self.kinds.entry(strike.kind()).or_default() += 1;
            self.carry_out(strike).await;
        }
    }

    async fn carry_out(&mut self, strike: Strike) {
        let life = self.crew.supervisor.life;
        let in_millis = |millis| Instant::now() + Duration::from_millis(millis);
        match strike {
            Strike::Platform(fault) => self.crew.world.sandbox.fault(fault).unwrap(),
            Strike::KillSupervisor { background } => {
                self.crew.kill_supervisor().await;
                self.crew.start_supervisor(background).await;
            }
            Strike::StallSupervisor { millis } => {
                self.crew.supervisor.signal(Signal::STOP);
                self.later.push((in_millis(millis), Resume::Supervisor { life }));
            }
            Strike::KillReader(reader) => self.crew.end_reader(reader, Signal::KILL),
            Strike::TerminateReader(reader) => {
                // It may wait for a word of the supervisor's.
                self.crew.supervisor.signal(Signal::CONT);
                self.crew.end_reader(reader, Signal::TERM);
            }
            Strike::StallReader { reader, millis } => {
                if let Some(running) = &self.crew.readers[reader] {
                    running.signal(Signal::STOP);
                    let pid = running.child.id();
                    self.later.push((in_millis(millis), Resume::Reader { reader, pid }));
                }
            }
            Strike::Send { bot, direct, kills } => self.send(bot, direct, kills),
            Strike::FullDisk { millis } => {
                self.crew.supervisor.disk(true);
                self.later.push((in_millis(millis), Resume::Disk { life }));
            }
        }
    }

    fn send(&mut self, bot: u64, direct: bool, kills: Vec<u64>) {
        let number = self.numbers;
        self.numbers += 1;
        let text = format!("sent {number} by b{bot}");
        let home = if direct { self.crew.elsewhere.path() } else { self.crew.world.home.path() }.to_owned();
        let words = text.clone();
        let command = move || {
            let mut command = program(&home);
            command.args(["send", "--chat", "lobby", "--profile", &format!("b{bot}"), "--text", &words]);
            command.args(["--idempotency-key", &format!("key-{number}")]);
            command
        };
        self.sends.push(senders::send(text, kills, command));
    }

    /// Looks after the crew for so long.
    async fn wait(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.resume(Instant::now());
            self.crew.look_after_readers();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn resume(&mut self, now: Instant) {
        let due = self.later.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>();
        for (_, resume) in due {
            match resume {
                Resume::Supervisor { life } if life == self.crew.supervisor.life => {
                    self.crew.supervisor.signal(Signal::CONT);
                }
                Resume::Disk { life } if life == self.crew.supervisor.life => {
                    self.crew.supervisor.disk(false)
                }
                Resume::Reader { reader, pid } => {
                    let running = self.crew.readers[reader].as_ref();
                    if let Some(running) = running.filter(|running| running.child.id() == pid) {
                        running.signal(Signal::CONT);
                    }
                }
                Resume::Supervisor { .. } | Resume::Disk { .. } => {}
            }
        }
    }

    /// Nothing breaks any more.
    async fn quiet(&mut self) {
        while !self.later.is_empty() {
            self.wait(Duration::from_millis(50)).await;
        }
        self.crew.world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    }

    async fn sent(&mut self) -> Vec<Sent> {
        let sends = std::mem::take(&mut self.sends);
        while !sends.iter().all(JoinHandle::is_finished) {
            self.wait(Duration::from_millis(50)).await;
        }
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    }

    /// Waits until the platform waits for nothing of before, and every cursor has come as far as the journal was,
    /// which is returned.
    async fn settled(&mut self) -> u64 {
        let deadline = Instant::now() + SETTLE;
        let wanted = self.crew.world.state().totals.events;
        loop {
            let totals = self.crew.world.state().totals;
            if totals.acked + totals.given_up >= wanted {
                break;
            }
            assert!(Instant::now() < deadline, "not acknowledged: {totals:?}");
            self.wait(Duration::from_millis(50)).await;
        }
        let newest = journal_newest(&self.crew);
        while let Some(behind) = self.crew.cursors.iter().position(|cursor| cursor.newest() < newest) {
            assert!(
                Instant::now() < deadline,
                "cursor {behind} is at {} of {newest}",
                self.crew.cursors[behind].newest()
            );
            self.wait(Duration::from_millis(50)).await;
        }
        newest
    }

    /// What the supervisor holds: file descriptors, and resident KiB.
    fn held(&self) -> (usize, u64) {
        (self.crew.supervisor.descriptors(), self.crew.supervisor.resident_kib())
    }

    async fn back_to(&mut self, before: (usize, u64)) -> (usize, u64) {
        let deadline = Instant::now() + SETTLE;
        loop {
            let held = self.held();
            if verdict::is_near(before, held) || Instant::now() > deadline {
                return held;
            }
            self.wait(Duration::from_millis(200)).await;
        }
    }
}

fn journal_newest(crew: &Crew) -> u64 {
    let journal = rusqlite::Connection::open_with_flags(
        crew.world.journal(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    );
    journal.unwrap().query_row("SELECT max(seq) FROM line", [], |row| row.get(0)).unwrap()
}
