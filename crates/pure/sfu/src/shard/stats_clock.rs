//! When statistics are due.

use std::time::{Duration, Instant};

/// Moments within an interval at which statistics are told.
const MOMENTS: u32 = 8;

/// Gathers the statistics of all transports at few moments: whoever hears them is woken up once for many.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatsClock {
    origin: Instant,
    interval: Duration,
}

impl StatsClock {
    pub(super) fn new(origin: Instant, interval: Duration) -> Self {
        Self { origin, interval }
    }

    /// The last moment within the interval from `now` on. Who is punctual stays with the same others.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let step = (self.interval / MOMENTS).as_nanos().max(1);
        let due = now + self.interval;
        let beyond = due.saturating_duration_since(self.origin).as_nanos() % step;
        due - Duration::from_nanos(u64::try_from(beyond).unwrap_or_default())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn who_comes_within_an_eighth_is_told_of_together_and_stays_so() {
        let origin = Instant::now();
        let clock = StatsClock::new(origin, 2000 * MS);
        let first = clock.next(origin + 1010 * MS);
        assert_eq!(first, origin + 3000 * MS);
        assert_eq!(clock.next(origin + 1249 * MS), first);
        assert_eq!(clock.next(origin + 1250 * MS), origin + 3250 * MS);
        assert_eq!(clock.next(first), origin + 5000 * MS);
        assert_eq!(clock.next(first + 3 * MS), origin + 5000 * MS, "a little late");
    }

    #[test]
    fn no_interval_is_too_short() {
        let origin = Instant::now();
        let at = origin + MS;
        assert_eq!(
            StatsClock::new(origin, Duration::from_nanos(3)).next(at),
            at + Duration::from_nanos(3)
        );
    }
}
