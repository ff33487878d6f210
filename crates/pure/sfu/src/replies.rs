//! Single messages for addresses that no transport's outbox stands for: STUN and TURN replies, and
//! the last words of a closed transport.

use std::ops::Range;

use crate::relay::Flow;

/// What may wait for the end of a tick.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// Messages in the order they leave.
#[derive(Default)]
pub(crate) struct Replies {
    slab: Vec<u8>,
    messages: Vec<(Flow, Range<usize>)>,
}

impl Replies {
    /// Puts one in. False when there is no room in this tick.
    pub(crate) fn push(&mut self, flow: Flow, message: &[u8]) -> bool {
        if self.slab.len() + message.len() > MAX_WAITING {
            return false;
        }
        let start = self.slab.len();
        self.slab.extend_from_slice(message);
        self.messages.push((flow, start..self.slab.len()));
        true
    }

    /// All that wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Flow, &[u8])> {
        self.messages.iter().map(|(flow, range)| (*flow, &self.slab[range.clone()]))
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.slab.clear();
        self.slab.shrink_to(64 * 1024);
        self.messages.clear();
    }
}
