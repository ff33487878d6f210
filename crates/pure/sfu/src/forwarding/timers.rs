//! Deadlines of legs and publications, the next first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Whose deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A leg, by its slab index.
    Leg(u32),
    /// A publication, by its slab index.
    Publication(u32),
}

/// A heap of deadlines.
///
/// Every owner keeps the one deadline that counts in an `armed` field of its own; an entry of the
/// heap that says otherwise is out of date and is skipped when it comes up. So moving a deadline
/// costs one push, and an idle owner costs nothing.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Owner)>>,
}

impl Timers {
    /// Sees to it that `owner` is woken at `at` or before.
    pub(super) fn arm(&mut self, armed: &mut Option<Instant>, owner: Owner, at: Instant) {
        if armed.is_none_or(|current| at < current) {
            *armed = Some(at);
            self.heap.push(Reverse((at, owner)));
        }
    }

    /// Entries, those out of date included.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// When to come back; may be too early, never too late.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next deadline that is due at `now`. The caller compares it with `armed`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Owner)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_only_an_earlier_one_moves_it() {
        let start = crate::forwarding::testing::start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        let (mut leg, mut publication) = (None, None);
        timers.arm(&mut leg, Owner::Leg(0), at(20));
        timers.arm(&mut publication, Owner::Publication(0), at(15));
        timers.arm(&mut leg, Owner::Leg(0), at(30));
        timers.arm(&mut leg, Owner::Leg(0), at(10));
        assert_eq!(leg, Some(at(10)));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(16)), Some((at(10), Owner::Leg(0))));
        assert_eq!(timers.pop_due(at(16)), Some((at(15), Owner::Publication(0))));
        assert_eq!(timers.pop_due(at(16)), None);
    }
}
