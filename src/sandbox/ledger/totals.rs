//! Counters over the life of a sandbox; they survive the records they count.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub events: u64,
    pub attempts: u64,
    pub acked: u64,
    pub refused: u64,
    pub timeouts: u64,
    pub no_connection: u64,
    pub late_acks: u64,
    pub repeated_acks: u64,
    pub unknown_acks: u64,
    pub given_up: u64,
    pub pending: u64,
    pub ack_errors: u64,
    pub latency: Histogram,
}

/// Latencies in buckets that grow by a quarter of a power of two: 19 % is exact enough for a percentile.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    count: u64,
    max: Duration,
}

const PER_OCTAVE: f64 = 4.0;
/// Up to 2^32 µs.
const BUCKETS: usize = 128;

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: [0; BUCKETS], count: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    pub fn add(&mut self, value: Duration) {
        let micros = (value.as_secs_f64() * 1e6).max(1.0);
        let bucket = (micros.log2() * PER_OCTAVE) as usize;
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Upper bound of the bucket that holds this share of the values, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                let bound = 2f64.powf((bucket as f64 + 1.0) / PER_OCTAVE) / 1e3;
                return bound.min(self.max_ms());
            }
        }
        self.max_ms()
    }

    pub fn max_ms(&self) -> f64 {
        self.max.as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket_of_the_truth() {
        let mut histogram = Histogram::default();
        for millis in 1..=100 {
            histogram.add(Duration::from_millis(millis));
        }
        let (p50, p99) = (histogram.percentile_ms(0.5), histogram.percentile_ms(0.99));
        assert!((50.0..=60.0).contains(&p50), "{p50}");
        assert!((99.0..=100.0).contains(&p99), "{p99}");
        assert_eq!(Histogram::default().percentile_ms(0.5), 0.0);
    }
}
