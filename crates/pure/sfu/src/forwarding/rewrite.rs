//! From the numbers of whatever is bound to a slot to the numbers of the slot.

use std::time::Instant;

/// How many starts are remembered for answering NACKs.
const SPANS: usize = 8;

/// The numbers of a slot: they go on whatever is bound to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutgoingStream {
    /// Highest extended sequence number sent; the next one before anything was sent.
    newest: u64,
    first: u64,
    timestamp: u32,
    sent: Option<Instant>,
}

impl OutgoingStream {
    /// `seed` decides the first sequence number.
    pub(super) fn new(seed: u32) -> Self {
        // The first number stays in the lower half, so that early wraps confuse no receiver that
        // guesses the rollover counter (RFC 3711 §3.3.1).
        let first = u64::from(seed & 0x7fff);
        Self { newest: first, first, timestamp: 0, sent: None }
    }

    /// Timestamp sent last and when, once something was sent.
    pub(super) fn last(&self) -> Option<(u32, Instant)> {
        self.sent.map(|sent| (self.timestamp, sent))
    }

    /// How many numbers were passed, sent or skipped.
    pub(super) fn passed(&self) -> u64 {
        self.sent.map_or(0, |_| self.newest - self.first + 1)
    }

    /// The extended number nearest to the newest one.
    pub(super) fn extend(&self, sequence: u16) -> Option<u64> {
        let back = u64::from((self.newest as u16).wrapping_sub(sequence));
        if back < 0x8000 { self.newest.checked_sub(back) } else { None }
    }

    /// The extended number that the next packet will have.
    pub(super) fn following(&self) -> u64 {
        self.newest + 1
    }

    /// The extended number of the next packet.
    pub(super) fn next(&mut self) -> u64 {
        self.newest = self.following();
        self.newest
    }

    fn sent(&mut self, number: u64, timestamp: u32, now: Instant) {
        if self.sent.is_none() {
            self.first = number;
        }
        if number >= self.newest || self.sent.is_none() {
            self.newest = number;
            self.timestamp = timestamp;
            self.sent = Some(now);
        }
    }
}

/// A run of packets with one offset.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    /// Publication's number of the first packet.
    first: u64,
    /// The slot's number of it.
    number: u64,
    /// Added to timestamps.
    shift: u32,
}

/// Maps the numbers of one binding.
#[derive(Debug, Default)]
pub(super) struct Rewriter {
    spans: [Span; SPANS],
    started: usize,
    epoch: u32,
}

/// A packet in the numbers of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// Extended sequence number.
    pub(super) number: u64,
    /// Timestamp.
    pub(super) timestamp: u32,
}

impl Rewriter {
    /// Begins a run with the packet `index`: its number follows the last one sent. Within one
    /// `epoch` the publication's timestamps are of one clock and keep their offset; in another, the
    /// time since the last packet is taken for the distance.
    pub(super) fn start(
        &mut self,
        stream: &OutgoingStream,
        index: u64,
        timestamp: u32,
        epoch: u32,
        clock: Clock,
    ) {
        let number = if stream.sent.is_some() { stream.newest + 1 } else { stream.newest };
        let shift = match (self.current(), stream.last()) {
            (Some(span), _) if self.epoch == epoch => span.shift,
            (_, Some((last, sent))) => {
                last.wrapping_add(clock.ticks_since(sent)).wrapping_sub(timestamp)
            }
            (_, None) => 0,
        };
        self.spans[self.started % SPANS] = Span { first: index, number, shift };
        self.started += 1;
        self.epoch = epoch;
    }

    /// The numbers of a packet, none if it is older than the run.
    pub(super) fn rewrite(
        &self,
        stream: &mut OutgoingStream,
        index: u64,
        timestamp: u32,
        now: Instant,
    ) -> Option<Rewritten> {
        let span = self.current()?;
        let number = span.number + index.checked_sub(span.first)?;
        let timestamp = timestamp.wrapping_add(span.shift);
        stream.sent(number, timestamp, now);
        Some(Rewritten { number, timestamp })
    }

    /// The publication's number of the packet that had this number in the slot, and what was added
    /// to its timestamp.
    pub(super) fn origin(&self, number: u64) -> Option<(u64, u32)> {
        let runs = self.started.min(SPANS);
        let newest_first = (1..=runs).map(|back| self.spans[(self.started - back) % SPANS]);
        let span = newest_first.into_iter().find(|span| span.number <= number)?;
        Some((span.first + (number - span.number), span.shift))
    }

    /// What is added to timestamps of this epoch.
    pub(super) fn shift(&self, epoch: u32) -> Option<u32> {
        self.current().filter(|_| self.epoch == epoch).map(|span| span.shift)
    }

    /// Whether a run of this epoch was begun.
    pub(super) fn is_of(&self, epoch: u32) -> bool {
        self.started > 0 && self.epoch == epoch
    }

    /// Forgets all runs: no packet of theirs can be sent again.
    pub(super) fn forget(&mut self) {
        self.started = 0;
    }

    fn current(&self) -> Option<Span> {
        self.started.checked_sub(1).map(|last| self.spans[last % SPANS])
    }
}

/// A media clock, read at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Ticks per second.
    pub(super) rate: u32,
    /// The moment.
    pub(super) now: Instant,
}

impl Clock {
    /// Ticks since `then`, at least one: two frames never share a timestamp.
    pub(super) fn ticks_since(self, then: Instant) -> u32 {
        let elapsed = self.now.saturating_duration_since(then).as_micros();
        let ticks = elapsed * u128::from(self.rate) / 1_000_000;
        (ticks as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: u32 = 90_000;

    fn clock(now: Instant) -> Clock {
        Clock { rate: RATE, now }
    }

    #[test]
    fn numbers_go_on_over_a_pause_and_timestamps_keep_their_distance() {
        let now = crate::forwarding::testing::start();
        let mut stream = OutgoingStream::new(100);
        let mut rewriter = Rewriter::default();
        rewriter.start(&stream, 500, 7000, 0, clock(now));
        let first = rewriter.rewrite(&mut stream, 500, 7000, now);
        assert_eq!(first, Some(Rewritten { number: 100, timestamp: 7000 }));
        rewriter.start(&stream, 600, 97_000, 0, clock(now));
        let resumed = rewriter.rewrite(&mut stream, 600, 97_000, now);
        assert_eq!(resumed, Some(Rewritten { number: 101, timestamp: 97_000 }));
        assert_eq!(rewriter.rewrite(&mut stream, 599, 96_000, now), None);
        assert_eq!(rewriter.origin(101), Some((600, 0)));
        assert_eq!(rewriter.origin(100), Some((500, 0)));
        assert_eq!(rewriter.origin(99), None);
    }

    #[test]
    fn another_source_goes_on_by_the_time_that_passed() {
        let start = crate::forwarding::testing::start();
        let mut stream = OutgoingStream::new(0);
        let mut first = Rewriter::default();
        first.start(&stream, 9, 1000, 0, clock(start));
        first.rewrite(&mut stream, 9, 1000, start);
        let later = start + Duration::from_millis(500);
        let mut second = Rewriter::default();
        second.start(&stream, 77, 4_000_000_000, 0, clock(later));
        let switched = second.rewrite(&mut stream, 77, 4_000_000_000, later);
        assert_eq!(switched, Some(Rewritten { number: 1, timestamp: 46_000 }));
        second.start(&stream, 90, 5, 1, clock(later));
        let restarted = second.rewrite(&mut stream, 90, 5, later);
        assert_eq!(restarted, Some(Rewritten { number: 2, timestamp: 46_001 }));
    }

    #[test]
    fn late_packets_do_not_move_the_newest() {
        let now = crate::forwarding::testing::start();
        let mut stream = OutgoingStream::new(0xffff_ffff);
        let mut rewriter = Rewriter::default();
        rewriter.start(&stream, 10, 0, 0, clock(now));
        rewriter.rewrite(&mut stream, 10, 0, now);
        rewriter.rewrite(&mut stream, 13, 30, now);
        rewriter.rewrite(&mut stream, 11, 10, now);
        assert_eq!(stream.last(), Some((30, now)));
        assert_eq!(stream.extend(0x8002), Some(0x8002));
        assert_eq!(stream.extend(0x8003), None);
    }
}
