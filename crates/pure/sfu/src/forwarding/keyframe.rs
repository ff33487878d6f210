//! When to ask a publisher for a keyframe (RFC 4585 §6.3.1, RFC 5104 §4.3.1).

use std::time::{Duration, Instant};

/// Requests of all subscribers within this time are one request.
const COALESCE: Duration = Duration::from_millis(300);
/// A request or its keyframe may be lost: ask again, at first soon, later seldom.
const RETRY: Duration = Duration::from_millis(500);
const LATE_RETRY: Duration = Duration::from_secs(4);
const SOON_RETRIES: u32 = 6;

/// The requests for keyframes of one publication.
#[derive(Debug, Default)]
pub(super) struct KeyframeRequests {
    asked: Option<Instant>,
    wanted: bool,
    unanswered: u32,
    fir: u8,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub(super) fn request(&mut self) {
        self.wanted = true;
    }

    /// A keyframe begins.
    pub(super) fn arrived(&mut self) {
        self.wanted = false;
        self.unanswered = 0;
    }

    /// When the next request is to be sent, at `now` if at once.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let since = match (self.wanted, self.unanswered) {
            (true, _) => COALESCE,
            (false, 0) => return None,
            (false, 1..=SOON_RETRIES) => RETRY,
            (false, _) => LATE_RETRY,
        };
        Some(self.asked.map_or(now, |asked| asked + since))
    }

    /// True if a request is to be sent now; it counts as sent.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.deadline(now).is_some_and(|at| at <= now);
        if due {
            self.wanted = false;
            self.unanswered = self.unanswered.saturating_add(1);
            self.asked = Some(now);
        }
        due
    }

    /// The requests to another source of the publication. Command numbers go on: it may be one that
    /// was the source before, and would take a number it knows for a repetition.
    pub(super) fn successor(&self) -> Self {
        Self { fir: self.fir, ..Self::default() }
    }

    /// The next command number of a FIR.
    pub(super) fn next_fir(&mut self) -> u8 {
        self.fir = self.fir.wrapping_add(1);
        self.fir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_requests_become_one_and_an_unanswered_one_is_repeated() {
        let start = crate::forwarding::testing::start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut keyframes = KeyframeRequests::default();
        assert!(!keyframes.take(start));
        keyframes.request();
        assert!(keyframes.take(start));
        keyframes.request();
        keyframes.request();
        assert!(!keyframes.take(at(299)));
        assert_eq!(keyframes.deadline(at(299)), Some(at(300)));
        assert!(keyframes.take(at(300)));
        assert!(!keyframes.take(at(799)));
        assert!(keyframes.take(at(800)));
        keyframes.arrived();
        assert_eq!(keyframes.deadline(at(900)), None);
    }

    #[test]
    fn retries_become_seldom() {
        let start = crate::forwarding::testing::start();
        let mut keyframes = KeyframeRequests::default();
        keyframes.request();
        let sent = (0..60_000).filter(|ms| keyframes.take(start + Duration::from_millis(*ms)));
        assert!((15..25).contains(&sent.count()));
    }
}
