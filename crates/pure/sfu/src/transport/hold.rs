//! Answers to the checks that move a transport off a path which still works.
//!
//! With the first answer on a pair of the new generation a client may give up what is left of the old
//! one: Firefox closes its sockets and its allocations. What was sent on the old path just before is
//! then still on its way, by TURN over TLS longer than the answer. So media moves at once, and the
//! answer follows when the old path has emptied.

use std::time::{Duration, Instant};

use super::pairs::Pair;

/// How much later than the first packet on the new path. Shorter than the 100 ms after which Firefox
/// repeats a check, and than what Chromium takes for a sluggish path.
pub(crate) const HOLD: Duration = Duration::from_millis(50);

/// As many answers wait at most: a client checks a few pairs in that time.
const MAX_ANSWERS: usize = 8;

/// The answers that wait.
#[derive(Debug)]
pub(crate) struct Hold {
    due: Instant,
    answers: Vec<(Pair, Vec<u8>)>,
}

impl Hold {
    /// Begins with no answer.
    pub(crate) fn new(now: Instant) -> Self {
        Self { due: now + HOLD, answers: Vec::new() }
    }

    /// Takes an answer. False if there is no room: then it is to be sent at once.
    pub(crate) fn takes(&mut self, pair: Pair, message: &[u8]) -> bool {
        let room = self.answers.len() < MAX_ANSWERS;
        if room {
            self.answers.push((pair, message.to_vec()));
        }
        room
    }

    /// When the answers are due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The answers, in the order of the checks.
    pub(crate) fn into_answers(self) -> impl Iterator<Item = (Pair, Vec<u8>)> {
        self.answers.into_iter()
    }
}
