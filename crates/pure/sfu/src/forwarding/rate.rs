//! Measuring a bitrate.

use std::time::{Duration, Instant};

/// Bytes are counted over this time.
const WINDOW: Duration = Duration::from_millis(500);

/// A bitrate, averaged over about a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    bytes: u64,
    average: Option<u64>,
}

impl Rate {
    /// Counts a packet.
    pub(super) fn add(&mut self, now: Instant, bytes: usize) {
        self.bytes += bytes as u64;
        match self.since {
            None => self.since = Some(now),
            Some(since) if now.saturating_duration_since(since) >= WINDOW => self.turn(now, since),
            Some(_) => {}
        }
    }

    /// Bit/s at `now`; 0 until the first half second is full.
    pub(super) fn bitrate(&mut self, now: Instant) -> u64 {
        if let Some(since) = self.since
            && now.saturating_duration_since(since) >= WINDOW
        {
            self.turn(now, since);
        }
        self.average.unwrap_or(0)
    }

    fn turn(&mut self, now: Instant, since: Instant) {
        let elapsed = now.saturating_duration_since(since).as_millis().max(1) as u64;
        let fresh = self.bytes * 8000 / elapsed;
        self.average = Some(self.average.map_or(fresh, |average| average.midpoint(fresh)));
        self.bytes = 0;
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_what_is_sent_and_falls_when_nothing_is() {
        let start = crate::forwarding::testing::start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rate = Rate::default();
        for ms in (0..3000).step_by(10) {
            rate.add(at(ms), 1250);
        }
        let measured = rate.bitrate(at(3000));
        assert!((950_000..1_050_000).contains(&measured), "{measured}");
        assert!(rate.bitrate(at(6000)) < 550_000);
        assert!(rate.bitrate(at(60_000)) < 300_000);
    }
}
