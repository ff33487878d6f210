//! What a leg may be sent, and who gives way when it is too little.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// How often a capped leg is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);
/// A subscription that was stopped waits at least so long.
const REST: Duration = Duration::from_secs(3);
/// What runs may use a little more than the cap, what rests must fit well within it.
const OVERSHOOT_PERCENT: u64 = 105;
const HEADROOM_PERCENT: u64 = 85;
/// This much loss in so many reports in a row is congestion, not a bad radio link: retransmission
/// repairs the latter.
const HEAVY_LOSS: f32 = 0.2;
const HEAVY_REPORTS: u32 = 3;
/// How much an estimate grows at each look, until it is dropped.
const GROWTH_PERCENT: u64 = 104;

/// The bounds of one leg.
#[derive(Debug)]
pub(super) struct Cap {
    /// Set by command, in bit/s; 0 is no bound.
    limit: u64,
    /// What the path seems to carry, while it seems too little.
    estimate: Option<u64>,
    heavy: u32,
}

/// A bound and whether it is meant to the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// In bit/s.
    pub(super) bitrate: u64,
    /// False for an estimate: then one video goes on, however much it needs.
    pub(super) strict: bool,
}

impl Cap {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, estimate: None, heavy: 0 }
    }

    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The bound that holds now.
    pub(super) fn bound(&self) -> Option<Bound> {
        let limit = (self.limit > 0).then_some(Bound { bitrate: self.limit, strict: true });
        let estimate = self.estimate.map(|bitrate| Bound { bitrate, strict: false });
        limit.into_iter().chain(estimate).min_by_key(|bound| bound.bitrate)
    }

    /// The client estimates what the path carries (REMB). It counts only while more is sent: a
    /// receiver cannot see beyond what it gets.
    pub(super) fn estimated(&mut self, bitrate: u64, sent: u64) {
        if bitrate < sent.saturating_mul(9) / 10 {
            self.estimate = Some(bitrate);
        }
    }

    /// The client reports the share of packets lost.
    pub(super) fn lost(&mut self, fraction: f32, sent: u64) {
        self.heavy = if fraction > HEAVY_LOSS { self.heavy + 1 } else { 0 };
        if self.heavy >= HEAVY_REPORTS && sent > 0 {
            self.heavy = 0;
            let carried = (sent as f64 * f64::from(1.0 - fraction)) as u64;
            self.estimate = Some(self.estimate.map_or(carried, |now| now.min(carried)));
        }
    }

    /// An estimate grows as time passes, and is dropped once it is no bound any more.
    pub(super) fn relax(&mut self, demand: u64) {
        self.estimate = self
            .estimate
            .map(|bitrate| (bitrate.saturating_mul(GROWTH_PERCENT) / 100).max(10_000))
            .filter(|bitrate| *bitrate < demand.saturating_mul(3) / 2);
    }
}

/// A video subscription that would be forwarded if there were room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its slot.
    pub(super) slot: u32,
    /// What its publication sends, in bit/s.
    pub(super) bitrate: u64,
    /// Counts subscriptions: later ones have higher numbers.
    pub(super) order: u64,
    /// Since when it has been stopped by the cap.
    pub(super) stopped: Option<Instant>,
    /// Decided by [`admit`].
    pub(super) admitted: bool,
}

/// Decides which videos fit in `bound` next to `audio` bit/s. The smallest and earliest come
/// first; what runs comes before what rests, so that nothing flaps.
pub(super) fn admit(candidates: &mut [Candidate], audio: u64, bound: Option<Bound>, now: Instant) {
    // Bitrates are compared by their power of two: as measured, equal ones never are equal.
    candidates.sort_by_key(|candidate| {
        let size = Reverse(candidate.bitrate.leading_zeros());
        (candidate.stopped.is_some(), size, candidate.order)
    });
    let bitrate = bound.map_or(u64::MAX, |bound| bound.bitrate);
    let room = |percent: u64| bitrate.saturating_mul(percent) / 100;
    let mut used = audio;
    let mut first = bound.is_none_or(|bound| !bound.strict);
    for candidate in candidates {
        let rested =
            candidate.stopped.is_none_or(|since| now.saturating_duration_since(since) >= REST);
        let percent =
            if candidate.stopped.is_some() { HEADROOM_PERCENT } else { OVERSHOOT_PERCENT };
        let fits = used.saturating_add(candidate.bitrate) <= room(percent);
        candidate.admitted = bound.is_none() || first || (rested && fits);
        if candidate.admitted {
            used = used.saturating_add(candidate.bitrate);
            first = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(slot: u32, bitrate: u64, stopped: Option<Instant>) -> Candidate {
        Candidate { slot, bitrate, order: u64::from(slot), stopped, admitted: false }
    }

    fn admitted(mut candidates: Vec<Candidate>, bound: Option<Bound>, now: Instant) -> Vec<u32> {
        admit(&mut candidates, 50_000, bound, now);
        let mut slots: Vec<_> = candidates.iter().filter(|c| c.admitted).map(|c| c.slot).collect();
        slots.sort_unstable();
        slots
    }

    const STRICT: Option<Bound> = Some(Bound { bitrate: 1_000_000, strict: true });

    #[test]
    fn the_largest_gives_way_first_then_the_latest() {
        let now = crate::forwarding::testing::start();
        let all = vec![video(1, 2_000_000, None), video(2, 300_000, None), video(3, 310_000, None)];
        assert_eq!(admitted(all.clone(), None, now), [1, 2, 3]);
        assert_eq!(admitted(all, STRICT, now), [2, 3]);
        let equal = vec![video(1, 600_000, None), video(2, 590_000, None)];
        assert_eq!(admitted(equal, STRICT, now), [1]);
    }

    #[test]
    fn what_was_stopped_rests_and_needs_headroom() {
        let start = crate::forwarding::testing::start();
        let later = start + REST;
        let stopped = |bitrate| vec![video(1, bitrate, Some(start))];
        assert_eq!(admitted(stopped(500_000), STRICT, start), [0_u32; 0]);
        assert_eq!(admitted(stopped(500_000), STRICT, later), [1]);
        assert_eq!(admitted(stopped(900_000), STRICT, later), [0_u32; 0]);
        assert_eq!(admitted(vec![video(1, 900_000, None)], STRICT, later), [1]);
    }

    #[test]
    fn an_estimate_leaves_one_video() {
        let now = crate::forwarding::testing::start();
        let bound = Some(Bound { bitrate: 100_000, strict: false });
        let all = vec![video(1, 2_000_000, None), video(2, 1_000_000, None)];
        assert_eq!(admitted(all, bound, now), [2]);
    }

    #[test]
    fn estimates_need_evidence_and_fade() {
        let mut cap = Cap::new(0);
        cap.estimated(800_000, 500_000);
        assert_eq!(cap.bound(), None);
        cap.lost(0.3, 1_000_000);
        cap.lost(0.3, 1_000_000);
        assert_eq!(cap.bound(), None);
        cap.lost(0.3, 1_000_000);
        assert!(cap.bound().is_some_and(|bound| !bound.strict && bound.bitrate < 710_000));
        for _ in 0..60 {
            cap.relax(1_000_000);
        }
        assert_eq!(cap.bound(), None);
        cap.set_limit(5);
        assert_eq!(cap.bound(), Some(Bound { bitrate: 5, strict: true }));
    }
}
