//! Which packets of a source were received: extended numbers, and each of them once.

/// How many numbers back duplicates are known for certain.
const WINDOW: u64 = 2048;
/// A larger step forward means that the source began anew: beyond it no receiver repairs a gap.
const MAX_STEP: u64 = 1000;

/// What became of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The newest so far; `previous` is what was the newest before.
    Newest {
        /// Extended number.
        index: u64,
        /// Newest before, nothing for the first packet.
        previous: Option<u64>,
    },
    /// Older than the newest, and not received before.
    Late {
        /// Extended number.
        index: u64,
    },
    /// The numbers jumped: a new start, with a number higher than all before.
    Restarted {
        /// Extended number.
        index: u64,
    },
    /// Received before.
    Duplicate,
    /// Too old to tell.
    Stale,
}

/// Extends 16-bit sequence numbers to 64 bits and lets every number through once.
#[derive(Debug)]
pub(super) struct Window {
    newest: Option<u64>,
    bits: [u64; (WINDOW / 64) as usize],
}

impl Window {
    pub(super) fn new() -> Self {
        Self { newest: None, bits: [0; (WINDOW / 64) as usize] }
    }

    /// Whether `sequence` would be a new start: no retransmission can be.
    pub(super) fn would_restart(&self, sequence: u16) -> bool {
        let ahead = self.newest.map(|newest| u64::from(sequence.wrapping_sub(newest as u16)));
        ahead.is_none_or(|ahead| (MAX_STEP + 1..0x8000).contains(&ahead))
    }

    /// Whether `index` was received.
    #[cfg(test)]
    fn has(&self, index: u64) -> bool {
        self.bit(index) != 0
    }

    /// Takes note of a packet of the running source.
    pub(super) fn receive(&mut self, sequence: u16) -> Received {
        let Some(newest) = self.newest else {
            let index = 0x1_0000 + u64::from(sequence);
            self.start(index);
            return Received::Newest { index, previous: None };
        };
        let ahead = sequence.wrapping_sub(newest as u16);
        if ahead == 0 {
            return Received::Duplicate;
        }
        if ahead < 0x8000 {
            return self.receive_newer(newest, u64::from(ahead));
        }
        let back = u64::from((newest as u16).wrapping_sub(sequence));
        let index = newest.saturating_sub(back);
        if newest - index >= WINDOW {
            return Received::Stale;
        }
        if self.bit(index) != 0 {
            return Received::Duplicate;
        }
        self.set(index);
        Received::Late { index }
    }

    /// Takes note of the first packet of another source: its numbers come after all before.
    pub(super) fn restart(&mut self, sequence: u16) -> u64 {
        let base = self.newest.map_or(0x1_0000, |newest| (newest & !0xffff) + 0x2_0000);
        let index = base + u64::from(sequence);
        self.start(index);
        index
    }

    fn receive_newer(&mut self, newest: u64, ahead: u64) -> Received {
        if ahead > MAX_STEP {
            let index = self.restart((newest + ahead) as u16);
            return Received::Restarted { index };
        }
        let index = newest + ahead;
        for skipped in newest + 1..index {
            self.clear(skipped);
        }
        self.set(index);
        self.newest = Some(index);
        Received::Newest { index, previous: Some(newest) }
    }

    fn start(&mut self, index: u64) {
        // What came before the first packet counts as received: it is not passed on any more.
        self.bits.fill(u64::MAX);
        self.newest = Some(index);
    }

    fn bit(&self, index: u64) -> u64 {
        self.bits[(index % WINDOW / 64) as usize] & (1 << (index % 64))
    }

    fn set(&mut self, index: u64) {
        self.bits[(index % WINDOW / 64) as usize] |= 1 << (index % 64);
    }

    fn clear(&mut self, index: u64) {
        self.bits[(index % WINDOW / 64) as usize] &= !(1 << (index % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_passes_once_in_any_order() {
        let mut window = Window::new();
        assert_eq!(window.receive(0xfffe), Received::Newest { index: 0x1_fffe, previous: None });
        assert_eq!(
            window.receive(1),
            Received::Newest { index: 0x2_0001, previous: Some(0x1_fffe) }
        );
        assert_eq!(window.receive(0xffff), Received::Late { index: 0x1_ffff });
        assert_eq!(window.receive(0xffff), Received::Duplicate);
        assert_eq!(window.receive(1), Received::Duplicate);
        assert!(!window.has(0x2_0000));
        assert_eq!(window.receive(0), Received::Late { index: 0x2_0000 });
        assert_eq!(window.receive(0), Received::Duplicate);
    }

    #[test]
    fn what_precedes_the_first_packet_is_not_passed() {
        let mut window = Window::new();
        window.receive(100);
        assert_eq!(window.receive(99), Received::Duplicate);
    }

    #[test]
    fn far_back_is_stale_and_far_ahead_is_a_new_start() {
        let mut window = Window::new();
        window.receive(10_000);
        assert_eq!(window.receive(7_000), Received::Stale);
        assert_eq!(window.receive(30_000), Received::Restarted { index: 0x3_0000 + 30_000 });
        assert_eq!(window.receive(29_999), Received::Duplicate);
        assert_eq!(window.receive(10_001), Received::Stale);
        assert_eq!(window.newest, Some(0x3_0000 + 30_000));
        assert_eq!(window.restart(5), 0x5_0005);
    }

    #[test]
    fn bits_are_used_again_after_a_full_turn() {
        let mut window = Window::new();
        for number in 0..10_000_u32 {
            assert!(matches!(window.receive((number * 2) as u16), Received::Newest { .. }));
            if number > 0 {
                let late = window.receive((number * 2 - 1) as u16);
                assert!(matches!(late, Received::Late { .. }), "{number}: {late:?}");
            }
        }
    }
}
