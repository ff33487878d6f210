//! What is known of one received RTP stream: counts, gaps, jitter.

use roomline_rtp::Extender;
use roomline_rtp::rtcp::{ReportBlock, compact_ntp};

use crate::clock::{MICROSECOND, MILLISECOND, Nanos};

/// How far back arrivals are remembered, in packets.
const WINDOW: u64 = 2048;
/// A gap larger than this is a jump, not a loss.
const MAX_GAP: u64 = 1_000;
/// Packets that are asked for again at the same time.
const MAX_MISSING: usize = 500;
/// When a packet counts as missing and not as late, and how often it is asked for.
const PATIENCE: Nanos = 10 * MILLISECOND;
const AGAIN: Nanos = 100 * MILLISECOND;
const TRIES: u8 = 10;

/// What a stream has received. Differences of two of these are what a window has received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// By sequence numbers, from the first packet to the newest.
    pub(crate) expected: u64,
    /// Different packets, without retransmissions.
    pub(crate) received: u64,
    /// Packets that came again.
    pub(crate) duplicate: u64,
    /// Packets that came as a retransmission only.
    pub(crate) repaired: u64,
    /// Packets older than one before them.
    pub(crate) reordered: u64,
    /// RTP bytes with headers and tags, of every packet.
    pub(crate) bytes: u64,
}

impl Counts {
    pub(crate) fn since(&self, before: &Counts) -> Counts {
        Counts {
            expected: self.expected - before.expected,
            received: self.received - before.received,
            duplicate: self.duplicate - before.duplicate,
            repaired: self.repaired - before.repaired,
            reordered: self.reordered - before.reordered,
            bytes: self.bytes - before.bytes,
        }
    }

    /// What never came, not even as a retransmission. A packet that came late, from before the
    /// window, makes up for one.
    pub(crate) fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received + self.repaired)
    }
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    number: u64,
    due: Nanos,
    tries: u8,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) ssrc: u32,
    /// The section it belongs to, once that is known.
    pub(crate) section: Option<usize>,
    pub(crate) clock_rate: u32,
    /// Carries retransmissions of another stream.
    pub(crate) is_rtx: bool,
    pub(crate) is_video: bool,
    pub(crate) counts: Counts,
    /// As they were when a measurement began.
    pub(crate) before: Counts,
    /// The publisher's number, from a stamp.
    pub(crate) stream: Option<u32>,
    /// A frame that can be shown has begun.
    pub(crate) started: bool,
    pub(crate) first_at: Nanos,
    /// When a keyframe was last asked for.
    pub(crate) asked: Nanos,
    extender: Extender,
    seen: Box<[u64]>,
    missing: Vec<Missing>,
    jitter: f64,
    transit: Option<i64>,
    sender_report: Option<(u32, Nanos)>,
    reported: Counts,
}

impl Incoming {
    pub(crate) fn new(ssrc: u32, clock_rate: u32) -> Incoming {
        Incoming {
            ssrc,
            section: None,
            clock_rate,
            is_rtx: false,
            is_video: false,
            counts: Counts::default(),
            before: Counts::default(),
            stream: None,
            started: false,
            first_at: 0,
            asked: 0,
            extender: Extender::new(),
            seen: vec![0; (WINDOW / 64) as usize].into_boxed_slice(),
            missing: Vec::new(),
            jitter: 0.0,
            transit: None,
            sender_report: None,
            reported: Counts::default(),
        }
    }

    /// A packet of the stream itself. True if it left a gap before it.
    pub(crate) fn packet(&mut self, sequence: u16, length: usize, now: Nanos) -> bool {
        self.counts.bytes += length as u64;
        let before = self.extender.highest();
        let number = self.extender.extend(sequence);
        let Some(highest) = before else {
            self.first_at = now;
            self.counts.expected = 1;
            self.counts.received = 1;
            self.mark(number);
            return false;
        };
        if number <= highest {
            self.late(highest, number);
            return false;
        }
        for skipped in highest + 1..number.min(highest + 1 + WINDOW) {
            self.seen[word(skipped)] &= !bit(skipped);
        }
        self.mark(number);
        self.counts.expected += number - highest;
        self.counts.received += 1;
        let gap = number - highest - 1;
        if gap > 0 && gap <= MAX_GAP {
            let room = MAX_MISSING.saturating_sub(self.missing.len());
            let wanted = (highest + 1..number).take(room);
            self.missing.extend(wanted.map(|number| Missing {
                number,
                due: now + PATIENCE,
                tries: 0,
            }));
        }
        gap > 0
    }

    fn late(&mut self, highest: u64, number: u64) {
        if number + WINDOW <= highest || self.is_marked(number) {
            self.counts.duplicate += 1;
            return;
        }
        self.mark(number);
        self.counts.received += 1;
        self.counts.reordered += 1;
        self.missing.retain(|missing| missing.number != number);
    }

    /// A retransmission of a packet of the stream. True if it was wanted.
    pub(crate) fn repaired(&mut self, sequence: u16) -> bool {
        let number = self.extender.peek(sequence);
        let Some(highest) = self.extender.highest() else { return false };
        if number > highest || number + WINDOW <= highest || self.is_marked(number) {
            self.counts.duplicate += 1;
            return false;
        }
        self.mark(number);
        self.counts.repaired += 1;
        self.missing.retain(|missing| missing.number != number);
        true
    }

    fn mark(&mut self, number: u64) {
        self.seen[word(number)] |= bit(number);
    }

    fn is_marked(&self, number: u64) -> bool {
        self.seen[word(number)] & bit(number) != 0
    }

    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub(crate) fn arrival(&mut self, timestamp: u32, at: Nanos) {
        // In microseconds: 64 bits hold the product for years.
        let units = (at / MICROSECOND * u64::from(self.clock_rate) / 1_000_000) as i64;
        let transit = units.wrapping_sub(i64::from(timestamp));
        if let Some(before) = self.transit {
            // Timestamps wrap at 32 bits: only the difference modulo that counts.
            let change = (transit.wrapping_sub(before) as i32).unsigned_abs();
            self.jitter += (f64::from(change) - self.jitter) / 16.0;
        }
        self.transit = Some(transit);
    }

    /// Interarrival jitter in milliseconds.
    pub(crate) fn jitter_ms(&self) -> f64 {
        self.jitter * 1e3 / f64::from(self.clock_rate.max(1))
    }

    /// When [`wanted`](Self::wanted) has something to ask for.
    pub(crate) fn next_timeout(&self) -> Nanos {
        self.missing.iter().map(|missing| missing.due).min().unwrap_or(Nanos::MAX)
    }

    /// Sequence numbers to ask for now, in order.
    pub(crate) fn wanted(&mut self, now: Nanos) -> Vec<u16> {
        self.missing.retain(|missing| missing.tries < TRIES || missing.due > now);
        let due = self.missing.iter_mut().filter(|missing| missing.due <= now);
        due.map(|missing| {
            missing.tries += 1;
            missing.due = now + AGAIN;
            missing.number as u16
        })
        .collect()
    }

    pub(crate) fn sender_report(&mut self, ntp: u64, now: Nanos) {
        self.sender_report = Some((compact_ntp(ntp), now));
    }

    /// What a receiver report says of it.
    pub(crate) fn report(&mut self, now: Nanos) -> ReportBlock {
        let window = self.counts.since(&self.reported);
        self.reported = self.counts;
        let lost = window.lost();
        let fraction = (lost * 256).checked_div(window.expected).unwrap_or(0).min(255);
        let (last_sender_report, delay_since_last) = match self.sender_report {
            Some((ntp, at)) => {
                let delay = u128::from(now.saturating_sub(at)) * 65_536 / 1_000_000_000;
                (ntp, u32::try_from(delay).unwrap_or(u32::MAX))
            }
            None => (0, 0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: i32::try_from(self.counts.lost()).unwrap_or(i32::MAX),
            highest_sequence: self.extender.highest().unwrap_or(0) as u32,
            jitter: self.jitter as u32,
            last_sender_report,
            delay_since_last,
        }
    }
}

const fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(sequences: impl IntoIterator<Item = u16>) -> Incoming {
        let mut stream = Incoming::new(1, 90_000);
        for sequence in sequences {
            stream.packet(sequence, 100, 0);
        }
        stream
    }

    #[test]
    fn a_whole_stream_has_no_loss_over_a_wrap() {
        let stream = stream((0..3_000_u16).map(|n| n.wrapping_add(65_000)));
        let Counts { expected, received, duplicate, reordered, bytes, .. } = stream.counts;
        assert_eq!((expected, received, duplicate, reordered), (3_000, 3_000, 0, 0));
        assert_eq!((bytes, stream.counts.lost()), (300_000, 0));
    }

    #[test]
    fn gaps_are_lost_until_they_come() {
        let mut stream = stream([10, 11, 14, 15]);
        assert_eq!(stream.counts.lost(), 2);
        assert_eq!(stream.next_timeout(), PATIENCE);
        assert_eq!(stream.wanted(PATIENCE), [12, 13]);
        assert!(stream.wanted(PATIENCE).is_empty());
        stream.packet(12, 100, PATIENCE);
        assert!(stream.repaired(13));
        assert!(!stream.repaired(13));
        assert_eq!(stream.counts.lost(), 0);
        assert_eq!((stream.counts.repaired, stream.counts.reordered), (1, 1));
        assert_eq!(stream.next_timeout(), Nanos::MAX);
    }

    #[test]
    fn what_comes_twice_counts_once() {
        let stream = stream([1, 2, 2, 3, 1]);
        assert_eq!((stream.counts.received, stream.counts.duplicate), (3, 2));
        assert_eq!(stream.counts.lost(), 0);
    }

    #[test]
    fn a_jump_is_not_asked_for_and_asking_ends() {
        let mut jump = stream([1, 2_500]);
        assert!(jump.wanted(SECOND).is_empty());
        assert_eq!(jump.counts.lost(), 2_498);
        let mut gap = stream([1, 3]);
        let asked: usize = (1..30).map(|n| gap.wanted(n * AGAIN).len()).sum();
        assert_eq!((asked, gap.next_timeout()), (usize::from(TRIES), Nanos::MAX));
    }

    #[test]
    fn the_window_counts_only_what_came_in_it() {
        let mut stream = stream([1, 2, 4]);
        stream.before = stream.counts;
        for sequence in [5, 7, 8] {
            stream.packet(sequence, 100, 0);
        }
        let window = stream.counts.since(&stream.before);
        assert_eq!((window.expected, window.received, window.lost()), (4, 3, 1));
    }

    #[test]
    fn even_arrivals_have_no_jitter_and_uneven_ones_have() {
        let mut stream = stream([]);
        for n in 0..200_u32 {
            stream
                .arrival(n.wrapping_mul(900).wrapping_sub(9_000), u64::from(n) * 10 * MILLISECOND);
        }
        assert!(stream.jitter_ms() < 0.01);
        for n in 200..400_u32 {
            let shake = u64::from(n % 2) * 4 * MILLISECOND;
            stream.arrival(n * 900 - 9_000, u64::from(n) * 10 * MILLISECOND + shake);
        }
        assert!((3.5..4.5).contains(&stream.jitter_ms()), "{}", stream.jitter_ms());
    }

    #[test]
    fn reports_tell_the_share_since_the_last_one() {
        let mut stream = stream([1, 2, 3, 5]);
        stream.sender_report(0x0001_0002_0003_0004, 0);
        let block = stream.report(SECOND / 2);
        assert_eq!((block.fraction_lost, block.cumulative_lost), (51, 1));
        assert_eq!((block.last_sender_report, block.delay_since_last), (0x0002_0003, 32_768));
        stream.packet(6, 100, 0);
        assert_eq!(stream.report(SECOND).fraction_lost, 0);
    }

    const SECOND: Nanos = crate::clock::SECOND;
}
