//! A small full ICE agent (RFC 8445): one local address, UDP, one component, bundled.
//!
//! Controlling, it nominates the first pair that works. Controlled, it takes what the other side
//! nominates. Either way it answers checks, makes its own, and keeps asking for consent (RFC 7675).

mod pair;

use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use roomline_ice::Credentials;
use roomline_stun::attribute::{
    ErrorCode, IceControlled, IceControlling, Priority, UseCandidate, Username, XorMappedAddress,
};
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::clock::{MILLISECOND, Nanos, SECOND};
use pair::{Check, Pair, State};

/// Between two checks of one agent: Ta of RFC 8445 §14.2, at the least that the RFC allows.
const PACE: Nanos = 5 * MILLISECOND;
/// Consent is asked for this often, and gone after [`CONSENT_LOST`] without an answer (RFC 7675).
const CONSENT: Nanos = 5 * SECOND;
const CONSENT_LOST: Nanos = 30 * SECOND;
/// Type preference of a peer-reflexive candidate, local preference, component 1.
const REFLEXIVE: u32 = 110 << 24 | 0xffff << 8 | 255;
/// ICE role conflict (RFC 8445 §7.3.1.1).
const ROLE_CONFLICT: u16 = 487;
/// More remote candidates than any honest peer has.
const MAX_PAIRS: usize = 64;

/// What the agent found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Media goes to this address from now on.
    Selected(SocketAddr),
    /// Nobody has answered for too long.
    Lost,
}

/// A message to be sent.
pub(crate) type Outgoing = (SocketAddr, Vec<u8>);

/// One generation of ICE.
pub(crate) struct Agent {
    local: Credentials,
    local_key: Key,
    /// Of our socket.
    pub(crate) address: IpAddr,
    remote: Option<(Credentials, Key)>,
    controlling: bool,
    tie_breaker: u64,
    pairs: Vec<Pair>,
    selected: Option<SocketAddr>,
    next_check: Nanos,
    consent_due: Nanos,
    /// The last answer on the selected pair.
    heard: Nanos,
    rng: StdRng,
}

impl Agent {
    /// `address` is that of our socket, which reaches others of its family only.
    pub(crate) fn new(controlling: bool, address: IpAddr, mut rng: StdRng) -> Agent {
        let local = Credentials::generate(&mut rng);
        Agent {
            local_key: Key::short_term(&local.pwd),
            local,
            address,
            remote: None,
            controlling,
            tie_breaker: rng.next_u64(),
            pairs: Vec::new(),
            selected: None,
            next_check: 0,
            consent_due: Nanos::MAX,
            heard: 0,
            rng,
        }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.local
    }

    /// The other side's user fragment, once it is known.
    pub(crate) fn remote_ufrag(&self) -> Option<&str> {
        self.remote.as_ref().map(|(credentials, _)| credentials.ufrag.as_str())
    }

    pub(crate) fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// What the other side's description says. An ICE-lite peer is always controlled.
    pub(crate) fn set_remote(&mut self, credentials: Credentials, lite: bool) {
        let key = Key::short_term(&credentials.pwd);
        self.remote = Some((credentials, key));
        self.controlling |= lite;
    }

    /// An address to try. Priority 0 is that of the candidates with the least hope.
    pub(crate) fn add_candidate(&mut self, remote: SocketAddr, priority: u32) {
        let known = self.pairs.iter().any(|pair| pair.remote == remote);
        if remote.is_ipv4() == self.address.is_ipv4() && !known && self.pairs.len() < MAX_PAIRS {
            self.pairs.push(Pair::new(remote, priority));
            self.pairs.sort_by_key(|pair| std::cmp::Reverse(pair.priority));
        }
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(crate) fn next_timeout(&self) -> Nanos {
        if self.remote.is_none() {
            return Nanos::MAX;
        }
        let answers = self.pairs.iter().map(Pair::due).min().unwrap_or(Nanos::MAX);
        let waiting = self.selected.is_none() && self.pairs.iter().any(Pair::is_waiting);
        let check = if waiting { self.next_check } else { Nanos::MAX };
        answers.min(check).min(self.consent_due)
    }

    /// Makes the checks that are due.
    pub(crate) fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) -> Option<Event> {
        self.remote.as_ref()?;
        for index in 0..self.pairs.len() {
            if self.pairs[index].due() <= now {
                self.repeat(index, now, out);
            }
        }
        if self.selected.is_none() && self.next_check <= now {
            let next = self.pairs.iter().position(Pair::is_waiting);
            if let Some(index) = next {
                self.check(index, false, now, out);
                self.next_check = now + PACE;
            }
        }
        if self.consent_due <= now {
            return self.ask_consent(now, out);
        }
        None
    }

    fn ask_consent(&mut self, now: Nanos, out: &mut Vec<Outgoing>) -> Option<Event> {
        if now.saturating_sub(self.heard) > CONSENT_LOST {
            self.consent_due = Nanos::MAX;
            return Some(Event::Lost);
        }
        // RFC 7675 §5.1: spread by a fifth, so that peers don't ask in step.
        self.consent_due = now + self.rng.random_range(CONSENT * 4 / 5..CONSENT * 6 / 5);
        let selected = self.selected;
        let index = self.pairs.iter().position(|pair| Some(pair.remote) == selected)?;
        self.check(index, false, now, out);
        None
    }

    fn repeat(&mut self, index: usize, now: Nanos, out: &mut Vec<Outgoing>) {
        let State::Checking(check) = &mut self.pairs[index].state else { return };
        if check.is_over() {
            let proven = self.pairs[index].valid;
            self.pairs[index].state = if proven { State::Idle } else { State::Failed };
            return;
        }
        let again = check.again(now);
        let message = self.request(again.transaction, again.nominates);
        out.push((self.pairs[index].remote, message));
    }

    fn check(&mut self, index: usize, nominates: bool, now: Nanos, out: &mut Vec<Outgoing>) {
        let transaction = TransactionId::random(&mut self.rng);
        let message = self.request(transaction, nominates);
        let pair = &mut self.pairs[index];
        pair.state = State::Checking(Check::new(transaction, nominates, now));
        out.push((pair.remote, message));
    }

    fn request(&self, transaction: TransactionId, nominates: bool) -> Vec<u8> {
        let mut message = Vec::with_capacity(128);
        let Some((remote, key)) = &self.remote else { return message };
        let name = format!("{}:{}", remote.ufrag, self.local.ufrag);
        let mut builder = Builder::new(&mut message, Class::Request, Method::BINDING, transaction);
        builder.push(&Username(&name)).push(&Priority(REFLEXIVE));
        if self.controlling {
            builder.push(&IceControlling(self.tie_breaker));
        } else {
            builder.push(&IceControlled(self.tie_breaker));
        }
        if nominates {
            builder.push(&UseCandidate);
        }
        builder.integrity(key).fingerprint();
        message
    }

    /// Takes a STUN message. What isn't for us or isn't authentic is dropped.
    pub(crate) fn handle(
        &mut self,
        from: SocketAddr,
        message: &Message<'_>,
        now: Nanos,
        out: &mut Vec<Outgoing>,
    ) -> Option<Event> {
        if message.method() != Method::BINDING {
            return None;
        }
        match message.class() {
            Class::Request => self.answer(from, message, now, out),
            Class::Success => self.succeeded(from, message, now, out),
            Class::Error => self.refused(message, now, out),
            Class::Indication => None,
        }
    }

    fn answer(
        &mut self,
        from: SocketAddr,
        message: &Message<'_>,
        now: Nanos,
        out: &mut Vec<Outgoing>,
    ) -> Option<Event> {
        let Username(name) = message.find()?;
        let (ours, _) = name.split_once(':')?;
        if ours != self.local.ufrag || message.verify_integrity(&self.local_key).is_err() {
            return None;
        }
        if self.has_role_conflict(message) {
            out.push((from, self.refusal(message)));
            return None;
        }
        out.push((from, self.response(from, message)));
        self.add_candidate(from, message.find::<Priority>().map_or(0, |Priority(value)| value));
        let index = self.pairs.iter().position(|pair| pair.remote == from)?;
        if !self.controlling
            && message.has(<UseCandidate as roomline_stun::attribute::Attribute>::TYPE)
        {
            self.pairs[index].nominated = true;
        }
        if self.remote.is_some() && self.pairs[index].wants_triggered_check() {
            self.check(index, false, now, out);
        }
        self.select(index, now)
    }

    /// Both sides believe in the same role: the greater tie-breaker controls (RFC 8445 §7.3.1.1).
    /// True if the other side has to change.
    fn has_role_conflict(&mut self, message: &Message<'_>) -> bool {
        let theirs = if self.controlling {
            message.find::<IceControlling>().map(|IceControlling(value)| value)
        } else {
            message.find::<IceControlled>().map(|IceControlled(value)| value)
        };
        let Some(theirs) = theirs else { return false };
        let should_control = self.tie_breaker >= theirs;
        if should_control == self.controlling {
            return true;
        }
        self.controlling = should_control;
        false
    }

    fn refusal(&self, request: &Message<'_>) -> Vec<u8> {
        let mut message = Vec::new();
        Builder::new(&mut message, Class::Error, Method::BINDING, request.transaction_id())
            .push(&ErrorCode { code: ROLE_CONFLICT, reason: "Role Conflict" })
            .integrity(&self.local_key)
            .fingerprint();
        message
    }

    fn response(&self, from: SocketAddr, request: &Message<'_>) -> Vec<u8> {
        let mut message = Vec::with_capacity(96);
        Builder::new(&mut message, Class::Success, Method::BINDING, request.transaction_id())
            .push(&XorMappedAddress(from))
            .integrity(&self.local_key)
            .fingerprint();
        message
    }

    fn succeeded(
        &mut self,
        from: SocketAddr,
        message: &Message<'_>,
        now: Nanos,
        out: &mut Vec<Outgoing>,
    ) -> Option<Event> {
        let (index, check) = self.pending(message)?;
        let pair = &mut self.pairs[index];
        // RFC 8445 §7.2.5.2.1: the answer comes from where the question went.
        if pair.remote != from {
            pair.state = State::Failed;
            return None;
        }
        pair.valid = true;
        pair.state = State::Idle;
        if self.selected == Some(from) {
            self.heard = now;
        }
        if self.controlling && self.selected.is_none() {
            if check.nominates {
                self.pairs[index].nominated = true;
            } else if !self.pairs.iter().any(Pair::is_being_nominated) {
                self.check(index, true, now, out);
            }
        }
        self.select(index, now)
    }

    fn refused(
        &mut self,
        message: &Message<'_>,
        now: Nanos,
        out: &mut Vec<Outgoing>,
    ) -> Option<Event> {
        let (index, check) = self.pending(message)?;
        let code = message.find::<ErrorCode<'_>>().map_or(0, |error| error.code);
        if code == ROLE_CONFLICT {
            self.controlling = !self.controlling;
            self.check(index, check.nominates && self.controlling, now, out);
        } else {
            self.pairs[index].state = State::Failed;
        }
        None
    }

    /// The check that an authentic response belongs to.
    fn pending(&self, message: &Message<'_>) -> Option<(usize, Check)> {
        let (_, key) = self.remote.as_ref()?;
        message.verify_integrity(key).ok()?;
        let transaction = message.transaction_id();
        self.pairs.iter().enumerate().find_map(|(index, pair)| match pair.state {
            State::Checking(check) if check.transaction == transaction => Some((index, check)),
            _ => None,
        })
    }

    fn select(&mut self, index: usize, now: Nanos) -> Option<Event> {
        let pair = &self.pairs[index];
        if !pair.valid || !pair.nominated || self.selected == Some(pair.remote) {
            return None;
        }
        // A controlled agent follows the better of several nominated pairs (RFC 8445 §8.1.1).
        let before = self.pairs.iter().find(|pair| Some(pair.remote) == self.selected);
        if before.is_some_and(|before| before.priority >= pair.priority) {
            return None;
        }
        self.selected = Some(pair.remote);
        self.heard = now;
        self.consent_due = now + CONSENT;
        Some(Event::Selected(pair.remote))
    }
}

#[cfg(test)]
mod tests;
