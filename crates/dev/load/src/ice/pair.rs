//! The local address and one remote candidate.

use std::net::SocketAddr;

use roomline_stun::TransactionId;

use crate::clock::{MILLISECOND, Nanos};

/// The first retransmission of a check; each next one waits twice as long.
const FIRST_RTO: Nanos = 200 * MILLISECOND;
const MAX_RTO: Nanos = 1_600 * MILLISECOND;
/// Requests in one check (RFC 8489 §6.2.1).
const TRIES: u8 = 7;

/// A check that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) transaction: TransactionId,
    /// It carries USE-CANDIDATE.
    pub(super) nominates: bool,
    due: Nanos,
    rto: Nanos,
    tries: u8,
}

impl Check {
    pub(super) fn new(transaction: TransactionId, nominates: bool, now: Nanos) -> Check {
        Check { transaction, nominates, due: now + FIRST_RTO, rto: FIRST_RTO, tries: 1 }
    }

    pub(super) fn is_over(&self) -> bool {
        self.tries >= TRIES
    }

    /// Notes that it is sent once more.
    pub(super) fn again(&mut self, now: Nanos) -> Check {
        self.tries += 1;
        self.rto = (self.rto * 2).min(MAX_RTO);
        self.due = now + self.rto;
        *self
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Waiting,
    Checking(Check),
    /// The last check was answered.
    Idle,
    Failed,
}

#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) remote: SocketAddr,
    pub(super) priority: u32,
    pub(super) state: State,
    /// A check was answered once.
    pub(super) valid: bool,
    /// By whoever controls.
    pub(super) nominated: bool,
}

impl Pair {
    pub(super) fn new(remote: SocketAddr, priority: u32) -> Pair {
        Pair { remote, priority, state: State::Waiting, valid: false, nominated: false }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    pub(super) fn is_being_nominated(&self) -> bool {
        matches!(self.state, State::Checking(check) if check.nominates)
    }

    /// The other side reaches us: worth a check of our own, if there was none that told enough.
    pub(super) fn wants_triggered_check(&self) -> bool {
        !self.valid && matches!(self.state, State::Waiting | State::Failed)
    }

    /// When the next request of a check is due.
    pub(super) fn due(&self) -> Nanos {
        match self.state {
            State::Checking(check) => check.due,
            _ => Nanos::MAX,
        }
    }
}
