//! One clock for everything: nanoseconds of CLOCK_MONOTONIC.

use std::time::{Duration, Instant};

/// Nanoseconds of CLOCK_MONOTONIC.
pub(crate) type Nanos = u64;

pub(crate) const MICROSECOND: Nanos = 1_000;
pub(crate) const MILLISECOND: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// Reads the clock, and turns its values into what libraries want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    epoch_nanos: Nanos,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { epoch: Instant::now(), epoch_nanos: monotonic() }
    }

    pub(crate) fn now(&self) -> Nanos {
        monotonic()
    }

    /// The same moment as an `Instant`.
    pub(crate) fn instant(&self, at: Nanos) -> Instant {
        self.epoch + Duration::from_nanos(at.saturating_sub(self.epoch_nanos))
    }

    /// The moment of an `Instant`.
    pub(crate) fn nanos(&self, at: Instant) -> Nanos {
        let since = at.saturating_duration_since(self.epoch).as_nanos();
        self.epoch_nanos + Nanos::try_from(since).unwrap_or(Nanos::MAX / 2)
    }
}

fn monotonic() -> Nanos {
    read(libc::CLOCK_MONOTONIC)
}

/// What to take from a CLOCK_REALTIME value to get CLOCK_MONOTONIC: the kernel stamps packets with
/// the former.
pub(crate) fn realtime_offset() -> Nanos {
    read(libc::CLOCK_REALTIME).saturating_sub(read(libc::CLOCK_MONOTONIC))
}

/// User and system time of this process.
pub(crate) fn cpu_time() -> Nanos {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer; these clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as Nanos * SECOND + time.tv_nsec as Nanos
}

/// Milliseconds with fractions, for answers.
pub(crate) fn milliseconds(span: Nanos) -> f64 {
    (span / MICROSECOND) as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_and_its_nanoseconds_are_the_same_moment() {
        let clock = Clock::new();
        let at = clock.now() + 5 * MILLISECOND;
        assert_eq!(clock.nanos(clock.instant(at)), at);
        assert!(clock.instant(at) > Instant::now());
    }

    #[test]
    fn the_offset_leads_from_one_clock_to_the_other() {
        let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let real = Nanos::try_from(since_1970.as_nanos()).unwrap();
        let off = (real - realtime_offset()).abs_diff(monotonic());
        assert!(off < SECOND, "{off} ns apart");
    }
}
