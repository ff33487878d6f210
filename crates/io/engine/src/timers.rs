//! When timers have their turn.

use std::time::{Duration, Instant};

/// For so long what waits to be read comes before timers that are due.
const PATIENCE: Duration = Duration::from_millis(20);

/// Lets reading go first. A thread that was held up finds both: timers that say nobody was heard,
/// and the packets that say the contrary. But more may come all the time, so its turn is bounded.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    late_since: Option<Instant>,
}

impl Turn {
    /// Whether timers that are due at `due` have their turn; `unread`: something waits to be read.
    pub(crate) fn is_due(&mut self, now: Instant, due: Option<Instant>, unread: bool) -> bool {
        if due.is_none_or(|due| due > now) {
            self.late_since = None;
            return false;
        }
        let since = *self.late_since.get_or_insert(now);
        let turn = !unread || now.saturating_duration_since(since) >= PATIENCE;
        if turn {
            self.late_since = None;
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_read_first_but_not_for_ever() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut turn = Turn::default();
        assert!(!turn.is_due(at(0), None, false));
        assert!(!turn.is_due(at(0), Some(at(1)), false));
        assert!(turn.is_due(at(1), Some(at(1)), false));
        // A second late, as after a stall.
        assert!(!turn.is_due(at(1000), Some(at(2)), true));
        assert!(!turn.is_due(at(1019), Some(at(2)), true));
        assert!(turn.is_due(at(1020), Some(at(2)), true));
        assert!(!turn.is_due(at(1021), Some(at(2)), true), "the next one waits as long");
        assert!(turn.is_due(at(1022), Some(at(2)), false));
    }
}
