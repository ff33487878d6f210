//! For the tests in this folder.

use std::time::Instant;

/// Where virtual time begins. There is no other way to get an `Instant`; what it is does not
/// matter, because a test only adds to it.
#[expect(clippy::disallowed_methods)]
pub(super) fn start() -> Instant {
    Instant::now()
}
