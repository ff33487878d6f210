//! What several test modules need.

use std::time::Instant;

/// Some instant to count from: virtual time has no other source.
#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
pub(crate) fn start() -> Instant {
    Instant::now()
}
