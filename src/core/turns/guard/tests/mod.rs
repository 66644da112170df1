mod counts;
mod loops;
mod pauses;
mod steps;

use super::*;

const LIMITS: Limits = Limits { turns: 10, per_minute: 20, cooldown_ms: 600_000 };

fn heard<'a>(message_id: &'a str, who: Who<'a>, text: &'a str, written: &'a str) -> Heard<'a> {
    Heard { message_id, who, text, written }
}

/// The later one is greater, as it is among the platform's times.
fn at(ms: i64) -> String {
    format!("{ms:016}")
}

/// Bots that take turns, one second apart, until one is stopped: how many spoke.
fn talk(guard: &mut Guard, bots: &[&str], from: i64, text: impl Fn(usize) -> String) -> usize {
    for number in 0..1000 {
        let now = from + 1000 * i64::try_from(number).unwrap();
        let key = format!("{from}-{number}");
        if guard.speak(bots[number % bots.len()], &text(number), &key, now, LIMITS).is_err() {
            return number;
        }
        guard.sent(bots[number % bots.len()], &key, &format!("om_{key}"), Some(&at(now)));
    }
    1000
}
