//! Asking a publisher for packets that did not come (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

/// A packet that overtook another is not a loss: so long we wait for the other.
const REORDERING: Duration = Duration::from_millis(10);
/// Shortest and longest time between two requests for one packet.
const SHORTEST_RETRY: Duration = Duration::from_millis(20);
const LONGEST_RETRY: Duration = Duration::from_millis(500);
/// While the round-trip time is unknown.
const DEFAULT_RTT: Duration = Duration::from_millis(80);
/// How often one packet is asked for.
const MAX_TRIES: u8 = 8;
/// How many packets may be missing at once; the oldest are given up first.
const MAX_MISSING: usize = 256;

/// The packets of one source that are missing, lowest number first.
#[derive(Debug)]
pub(super) struct Missing {
    packets: Vec<Absent>,
    /// Time from a request to its answer, smoothed: a client that only sends reports no other
    /// round trip.
    answer: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Absent {
    index: u64,
    tries: u8,
    ask_at: Instant,
    /// When it was asked for first.
    asked: Option<Instant>,
}

impl Missing {
    pub(super) fn new() -> Self {
        Self { packets: Vec::with_capacity(MAX_MISSING), answer: None }
    }

    /// Takes note of a gap: everything between `previous` and `index` is missing. Tells when the
    /// request for it is due.
    pub(super) fn gap(&mut self, previous: u64, index: u64, now: Instant) -> Instant {
        let first = (previous + 1).max(index.saturating_sub(MAX_MISSING as u64));
        for index in first..index {
            if self.packets.len() == MAX_MISSING {
                self.packets.remove(0);
            }
            self.packets.push(Absent { index, tries: 0, ask_at: now + REORDERING, asked: None });
        }
        now + REORDERING
    }

    /// A packet came late. True if it had been asked for.
    pub(super) fn arrived(&mut self, index: u64, now: Instant) -> bool {
        let found = self.packets.binary_search_by_key(&index, |absent| absent.index);
        let Some(asked) = found.ok().and_then(|at| self.packets.remove(at).asked) else {
            return false;
        };
        // The answer may be to a later request: that errs towards patience.
        let took = now.saturating_duration_since(asked).min(LONGEST_RETRY);
        self.answer = Some(self.answer.map_or(took, |before| (before * 7 + took) / 8));
        true
    }

    /// Forgets everything: the source began anew.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }

    /// When a request is due next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.packets.iter().map(|absent| absent.ask_at).min()
    }

    /// Appends the sequence numbers to ask for now, and gives up those asked for too often.
    pub(super) fn due(&mut self, now: Instant, rtt: Option<Duration>, asked: &mut Vec<u16>) {
        let rtt = rtt.or(self.answer).unwrap_or(DEFAULT_RTT);
        // A quarter more than the round trip, or the answer under way is asked for again.
        let retry = (rtt + rtt / 4).clamp(SHORTEST_RETRY, LONGEST_RETRY);
        self.packets.retain_mut(|absent| {
            if absent.ask_at > now {
                return true;
            }
            if absent.tries == MAX_TRIES {
                return false;
            }
            absent.tries += 1;
            absent.asked.get_or_insert(now);
            absent.ask_at = now + retry;
            asked.push(absent.index as u16);
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut asked = Vec::new();
        missing.due(now, Some(Duration::from_millis(40)), &mut asked);
        asked
    }

    #[test]
    fn asks_after_the_reordering_time_and_again_after_a_round_trip() {
        let start = crate::forwarding::testing::start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut missing = Missing::new();
        missing.gap(0x1_0005, 0x1_0009, start);
        assert_eq!(due(&mut missing, at(9)), []);
        assert!(!missing.arrived(0x1_0006, at(9)));
        assert_eq!(missing.deadline(), Some(at(10)));
        assert_eq!(due(&mut missing, at(10)), [7, 8]);
        assert_eq!(due(&mut missing, at(59)), []);
        assert!(missing.arrived(0x1_0007, at(59)));
        assert_eq!(due(&mut missing, at(60)), [8]);
    }

    #[test]
    fn learns_from_the_answers_how_long_they_take() {
        let start = crate::forwarding::testing::start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut missing = Missing::new();
        missing.gap(1, 3, start);
        let mut asked = Vec::new();
        missing.due(at(10), None, &mut asked);
        assert!(missing.arrived(2, at(210)));
        missing.gap(3, 5, at(300));
        missing.due(at(310), None, &mut asked);
        assert_eq!(asked, [2, 4]);
        missing.due(at(559), None, &mut asked);
        assert_eq!(asked, [2, 4], "an answer takes 200 ms");
        missing.due(at(560), None, &mut asked);
        assert_eq!(asked, [2, 4, 4]);
    }

    #[test]
    fn gives_up_after_some_tries_and_keeps_the_newest() {
        let start = crate::forwarding::testing::start();
        let mut missing = Missing::new();
        missing.gap(0, 1000, start);
        let mut now = start + REORDERING;
        let first = due(&mut missing, now);
        assert_eq!((first.len(), first[0]), (MAX_MISSING, 744));
        for _ in 1..MAX_TRIES {
            now += LONGEST_RETRY;
            assert_eq!(due(&mut missing, now).len(), MAX_MISSING);
        }
        assert_eq!(due(&mut missing, now + LONGEST_RETRY), []);
        assert_eq!(missing.deadline(), None);
    }
}
