//! Which path was told, and when the next may be: a client can change its path with every check,
//! and each change is work for everybody in the room.

use std::time::{Duration, Instant};

use crate::event::Path;

/// Shortest time between two changes that are told.
const INTERVAL: Duration = Duration::from_millis(250);

/// What was told of a transport's path.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// When, and what; no path if it was lost since.
    told: Option<(Instant, Option<Path>)>,
    due: Option<Instant>,
}

impl Paths {
    /// Whether `path` is to be told now; it then counts as told. If it comes too soon it is due
    /// later, and if it has been told already it is never.
    pub(crate) fn may_tell(&mut self, now: Instant, path: Path) -> bool {
        self.due = None;
        if let Some((at, told)) = self.told {
            if told == Some(path) {
                return false;
            }
            if now < at + INTERVAL {
                self.due = Some(at + INTERVAL);
                return false;
            }
        }
        self.told = Some((now, Some(path)));
        true
    }

    /// There is no path: nothing is due, and the next one is news whichever it is.
    pub(crate) fn lost(&mut self) {
        self.due = None;
        self.told = self.told.map(|(at, _)| (at, None));
    }

    /// When the present path is to be offered again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tier;

    #[test]
    fn changes_are_told_at_a_bounded_rate_and_the_last_one_always() {
        #[expect(clippy::disallowed_methods, reason = "the one clock reading of the test")]
        let start = Instant::now();
        let path = |port| Path {
            tier: Tier::Direct,
            server_port: 10_000,
            client: ([192, 0, 2, 1], port).into(),
            relayed: None,
        };
        let mut paths = Paths::default();
        assert!(paths.may_tell(start, path(1)));
        assert!(!paths.may_tell(start, path(2)));
        assert_eq!(paths.poll_timeout(), Some(start + INTERVAL));
        // Back where it was: nothing to tell.
        assert!(!paths.may_tell(start, path(1)));
        assert_eq!(paths.poll_timeout(), None);
        assert!(!paths.may_tell(start, path(3)));
        assert!(paths.may_tell(start + INTERVAL, path(3)));
        assert_eq!(paths.poll_timeout(), None);
        paths.lost();
        assert!(paths.may_tell(start + 2 * INTERVAL, path(3)));
    }
}
