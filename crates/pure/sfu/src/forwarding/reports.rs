//! Reception statistics and the clocks behind sender reports (RFC 3550 §6.4, appendix A).

use std::time::{Duration, Instant};

use roomline_rtp::rtcp::{ReportBlock, SenderInfo, compact_ntp};

/// SSRC under which we report where we send no media ourselves; browsers do the same.
pub(super) const OWN_SSRC: u32 = 1;

/// How one source is received.
#[derive(Debug)]
pub(super) struct Reception {
    base: u64,
    newest: u64,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// Interarrival jitter in 1/16 timestamp units, and the transit time it is taken from.
    jitter: u32,
    transit: Option<u32>,
    origin: Option<Instant>,
}

impl Reception {
    pub(super) fn new(base: u64) -> Self {
        Self {
            base,
            newest: base,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            jitter: 0,
            transit: None,
            origin: None,
        }
    }

    /// Counts a packet of the source.
    pub(super) fn received(&mut self, index: u64, timestamp: u32, now: Instant, rate: u32) {
        self.repaired(index);
        let origin = *self.origin.get_or_insert(now);
        let elapsed = now.saturating_duration_since(origin).as_micros();
        let arrival = (elapsed * u128::from(rate) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let distance = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // RFC 3550 A.8, in integers; an absurd jump must not overflow.
            let rounded = (self.jitter + 8) >> 4;
            self.jitter = self.jitter.saturating_add(distance.min(1 << 24)) - rounded;
        }
    }

    /// Counts a packet that a retransmission brought; it says nothing of jitter.
    pub(super) fn repaired(&mut self, index: u64) {
        self.received += 1;
        self.newest = self.newest.max(index);
    }

    /// Packets that never came.
    pub(super) fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// The report on what came since the last one; none if nothing did.
    pub(super) fn report(
        &mut self,
        ssrc: u32,
        sender: Option<(SenderInfo, Instant)>,
        now: Instant,
    ) -> Option<ReportBlock> {
        let received = self.received - self.received_prior;
        if received == 0 {
            return None;
        }
        let expected = self.expected().saturating_sub(self.expected_prior);
        let lost = expected.saturating_sub(received);
        self.expected_prior = self.expected();
        self.received_prior = self.received;
        let fraction_lost = (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8;
        Some(ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: i32::try_from(self.lost()).unwrap_or(i32::MAX),
            highest_sequence: (self.newest - (self.base & !0xffff)) as u32,
            jitter: self.jitter >> 4,
            last_sender_report: sender.map_or(0, |(info, _)| compact_ntp(info.ntp)),
            delay_since_last: sender.map_or(0, |(_, came)| units(now, came)),
        })
    }

    fn expected(&self) -> u64 {
        self.newest - self.base + 1
    }
}

/// Time since `then` in 1/65536 s.
fn units(now: Instant, then: Instant) -> u32 {
    let nanos = now.saturating_duration_since(then).as_nanos();
    u32::try_from((nanos << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// Our wall clock: one reading, carried on by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    ntp: u64,
    read: Instant,
}

impl WallClock {
    /// The clock that shows `ntp` at `read`.
    pub(super) fn new(read: Instant, ntp: u64) -> Self {
        Self { ntp, read }
    }

    /// NTP time at `now`.
    pub(super) fn at(&self, now: Instant) -> u64 {
        self.ntp.wrapping_add(ntp_units(now.saturating_duration_since(self.read)))
    }
}

/// A duration in 32.32 fixed point seconds.
fn ntp_units(duration: Duration) -> u64 {
    let fraction = (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000;
    (duration.as_secs() << 32) | fraction
}

/// The client's media clock at our NTP time `ntp`, from its last sender report. `offset` is our
/// clock less the client's.
pub(super) fn media_time(report: &SenderInfo, offset: u64, ntp: u64, rate: u32) -> u32 {
    let elapsed = ntp.wrapping_sub(report.ntp.wrapping_add(offset)) as i64;
    let ticks = (i128::from(elapsed) * i128::from(rate) + (1 << 31)) >> 32;
    report.rtp.wrapping_add(ticks as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_and_reported_once() {
        let start = crate::forwarding::testing::start();
        let mut reception = Reception::new(0x1_0010);
        for index in [0x1_0010, 0x1_0011, 0x1_0013, 0x1_0017] {
            reception.received(index, 0, start, 90_000);
        }
        let block = reception.report(5, None, start).expect("something came");
        assert_eq!(block.fraction_lost, 128);
        assert_eq!(block.cumulative_lost, 4);
        assert_eq!(block.highest_sequence, 0x17);
        assert_eq!(reception.report(5, None, start), None);
        reception.repaired(0x1_0012);
        assert_eq!(reception.lost(), 3);
    }

    #[test]
    fn jitter_is_zero_for_an_even_stream_and_grows_with_unevenness() {
        let start = crate::forwarding::testing::start();
        let jitter = |delays: [u64; 2]| {
            let mut reception = Reception::new(0);
            for index in 0..200_u64 {
                let at = Duration::from_millis(index * 20 + delays[(index % 2) as usize]);
                reception.received(index, index as u32 * 960, start + at, 48_000);
            }
            reception.report(1, None, start).map(|block| block.jitter)
        };
        assert_eq!(jitter([0, 0]), Some(0));
        let uneven = jitter([0, 10]).expect("something came");
        assert!((440..=480).contains(&uneven), "10 ms are 480 ticks, not {uneven}");
    }

    #[test]
    fn media_time_runs_with_the_wall_clock() {
        let start = crate::forwarding::testing::start();
        let wall = WallClock::new(start, 7 << 32);
        let at = wall.at(start + Duration::from_millis(1500));
        assert_eq!(at, (8 << 32) + (1 << 31));
        let report = SenderInfo { ssrc: 1, ntp: 100 << 32, rtp: 1000, packets: 0, octets: 0 };
        let offset = (7_u64 << 32).wrapping_sub(100 << 32);
        assert_eq!(media_time(&report, offset, at, 90_000), 1000 + 135_000);
        assert_eq!(media_time(&report, offset, 6 << 32, 90_000), 1000_u32.wrapping_sub(90_000));
    }
}
