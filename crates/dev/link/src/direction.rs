//! One direction of a link: what becomes of each packet, and when.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How a link treats packets, in each direction alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// One-way delay.
    pub delay: Duration,
    /// Added on top, uniformly from 0 to this; packets keep their order.
    pub jitter: Duration,
    /// Share of packets lost, 0–1.
    pub loss: f64,
    /// Bits per second; 0 is no limit.
    pub rate: u64,
    /// The most a packet may wait for the rate before it is dropped.
    pub queue: Duration,
}

impl Default for Conditions {
    fn default() -> Self {
        let queue = Duration::from_millis(200);
        Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, rate: 0, queue }
    }
}

impl Conditions {
    /// Change one by its name: `delay_ms`, `jitter_ms`, `loss`, `rate_kbit`, `queue_ms`.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number: f64 = value.parse().map_err(|_| format!("{name}: {value} is not a number"))?;
        if !(0.0..=1e9).contains(&number) {
            return Err(format!("{name}: {value} is out of range"));
        }
        let milliseconds = Duration::from_secs_f64(number / 1e3);
        match name {
            "delay_ms" => self.delay = milliseconds,
            "jitter_ms" => self.jitter = milliseconds,
            "queue_ms" => self.queue = milliseconds,
            "loss" if number <= 1.0 => self.loss = number,
            "rate_kbit" => self.rate = (number * 1e3) as u64,
            _ => return Err(format!("{name}={value} is not a condition")),
        }
        Ok(())
    }
}

/// Packets on their way.
pub struct Direction {
    rng: StdRng,
    waiting: VecDeque<(Instant, Vec<u8>)>,
    free_at: Option<Instant>,
}

impl Direction {
    /// An empty direction; equal seeds lose the same packets.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), waiting: VecDeque::new(), free_at: None }
    }

    /// A packet enters. False if it is lost.
    pub fn push(&mut self, now: Instant, packet: &[u8], conditions: &Conditions) -> bool {
        if conditions.loss > 0.0 && self.rng.random_bool(conditions.loss) {
            return false;
        }
        let mut leaves = now;
        if conditions.rate > 0 {
            let start = self.free_at.map_or(now, |at| at.max(now));
            if start.saturating_duration_since(now) > conditions.queue {
                return false;
            }
            let seconds = packet.len() as f64 * 8.0 / conditions.rate as f64;
            leaves = start + Duration::from_secs_f64(seconds);
            self.free_at = Some(leaves);
        }
        let jitter = conditions.jitter.mul_f64(self.rng.random::<f64>());
        let arrives = leaves + conditions.delay + jitter;
        let arrives = self.waiting.back().map_or(arrives, |(last, _)| arrives.max(*last));
        self.waiting.push_back((arrives, packet.to_vec()));
        true
    }

    /// The next packet that has arrived.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.waiting.front().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.waiting.pop_front())?.map(|(_, packet)| packet)
    }

    /// When the next packet arrives.
    pub fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn delay_holds_packets_back() {
        let start = Instant::now();
        let conditions = Conditions { delay: ms(25), ..Conditions::default() };
        let mut link = Direction::new(1);
        assert!(link.push(start, b"one", &conditions));
        assert_eq!(link.pop(start + ms(24)), None);
        assert_eq!(link.pop(start + ms(25)).as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn jitter_keeps_the_order() {
        let start = Instant::now();
        let conditions = Conditions { delay: ms(10), jitter: ms(30), ..Conditions::default() };
        let mut link = Direction::new(2);
        for n in 0..50u8 {
            link.push(start + ms(n.into()), &[n], &conditions);
        }
        let arrived: Vec<u8> =
            std::iter::from_fn(|| link.pop(start + ms(200))).map(|p| p[0]).collect();
        assert_eq!(arrived, (0..50).collect::<Vec<u8>>());
    }

    #[test]
    fn loss_is_about_what_was_asked_and_repeatable() {
        let start = Instant::now();
        let conditions = Conditions { loss: 0.02, ..Conditions::default() };
        let lost = |seed| {
            let mut link = Direction::new(seed);
            (0..10_000).filter(|_| !link.push(start, b"x", &conditions)).count()
        };
        assert!((150..250).contains(&lost(3)), "{}", lost(3));
        assert_eq!(lost(3), lost(3));
    }

    #[test]
    fn rate_spreads_packets_and_a_full_queue_drops_them() {
        let start = Instant::now();
        let conditions = Conditions { rate: 1_000_000, queue: ms(20), ..Conditions::default() };
        let mut link = Direction::new(4);
        let kept = (0..10).filter(|_| link.push(start, &[0; 1250], &conditions)).count();
        assert_eq!(kept, 3, "10 ms each; what would wait for more than 20 ms is dropped");
        assert_eq!(link.next(), Some(start + ms(10)));
    }
}
