//! The lite agent: answers checks, remembers credentials over an ICE restart.

mod generation;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use roomline_stun::attribute::{
    ErrorCode, IceControlled, Priority, UnknownAttributes, UseCandidate, Username, XorMappedAddress,
};
use roomline_stun::{Builder, Class, Message, Method, TransactionId, attribute::Attribute};

use crate::Credentials;
use generation::Secrets;

/// Without a check for this long the peer's consent is gone (RFC 7675 §5.1).
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Valid checks that are remembered, to know copies of them: those of the last five minutes of a
/// client that checks its pair every 2.5 s.
const REMEMBERED: usize = 128;

/// Comprehension-required attributes we know.
const KNOWN: [u16; 5] =
    [Username::TYPE, 0x0008, 0x001c, Priority::TYPE, <UseCandidate as Attribute<'_>>::TYPE];

/// Which credentials a check used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The newest ones.
    Current,
    /// Those from before an ICE restart whose new pair is not nominated yet.
    Previous,
}

/// A check that succeeded: its pair is valid, and media may be sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Where it came from; the remote candidate of the pair.
    pub remote: SocketAddr,
    /// The peer nominates the pair (USE-CANDIDATE). Within one generation the last nomination
    /// counts.
    pub nominated: bool,
    /// Which credentials it used. Pairs of the previous generation count until one of the current
    /// is nominated.
    pub generation: Generation,
    /// PRIORITY: what the peer thinks of its candidate; none if it did not say.
    pub priority: Option<u32>,
}

/// Why a message was not a valid check. When the reply buffer is not empty, it holds an error
/// response to send back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Drop {
    /// No STUN message, or its framing is broken. No reply.
    #[error("malformed")]
    Malformed,
    /// Not a Binding request; keep-alive indications (RFC 8445 §11) are among these. No reply.
    #[error("no Binding request")]
    NotRequest,
    /// FINGERPRINT is absent or wrong. No reply.
    #[error("wrong fingerprint")]
    Fingerprint,
    /// USERNAME or the integrity attribute is absent, or an attribute is malformed: 400.
    #[error("bad request")]
    BadRequest,
    /// USERNAME is not that of this agent and its peer: 401.
    #[error("unknown username")]
    Username,
    /// The integrity attribute is wrong: 401.
    #[error("wrong integrity")]
    Integrity,
    /// A comprehension-required attribute is unknown: 420.
    #[error("unknown attribute")]
    UnknownAttribute,
    /// The peer believes it is controlled, which is what a lite agent always is: 487. It then
    /// becomes controlling (RFC 8445 §7.3.1.1).
    #[error("role conflict")]
    RoleConflict,
    /// A valid check came before from another address: somebody copied it on the way, and would
    /// lead the media away with it. No reply.
    #[error("replayed")]
    Replayed,
}

impl Drop {
    /// A stable word for counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Drop::Malformed => "malformed",
            Drop::NotRequest => "not-request",
            Drop::Fingerprint => "fingerprint",
            Drop::BadRequest => "bad-request",
            Drop::Username => "username",
            Drop::Integrity => "integrity",
            Drop::UnknownAttribute => "unknown-attribute",
            Drop::RoleConflict => "role-conflict",
            Drop::Replayed => "replayed",
        }
    }

    /// The code of the error response, if there is one.
    fn code(self) -> Option<u16> {
        match self {
            Drop::Malformed | Drop::NotRequest | Drop::Fingerprint | Drop::Replayed => None,
            Drop::BadRequest => Some(400),
            Drop::Username | Drop::Integrity => Some(401),
            Drop::UnknownAttribute => Some(420),
            Drop::RoleConflict => Some(487),
        }
    }
}

/// A lite, controlled ICE agent with one component (BUNDLE and rtcp-mux).
#[derive(Debug)]
pub struct Agent {
    current: Secrets,
    /// Of the last generation that had a nominated pair, while the current one has none.
    previous: Option<Box<Secrets>>,
    nominated: bool,
    retired: Vec<String>,
    last_received: Option<Instant>,
    /// The newest valid checks and where they came from.
    recent: VecDeque<(TransactionId, SocketAddr)>,
}

impl Agent {
    /// An agent that knows its peer's user fragment from the offer.
    pub fn new(local: &Credentials, remote_ufrag: &str) -> Agent {
        Agent {
            current: Secrets::new(local, remote_ufrag),
            previous: None,
            nominated: false,
            retired: Vec::new(),
            last_received: None,
            recent: VecDeque::new(),
        }
    }

    /// An ICE restart (RFC 8445 §9): new credentials on both sides. Those of the last generation
    /// with a nominated pair stay valid, so that media flows on, until a pair of the new one is
    /// nominated.
    pub fn restart(&mut self, local: &Credentials, remote_ufrag: &str) {
        let old = std::mem::replace(&mut self.current, Secrets::new(local, remote_ufrag));
        // Before the first nomination a pair of the old generation may carry media, too.
        if self.nominated || self.previous.is_none() {
            self.retire_previous();
            self.previous = Some(Box::new(old));
        } else {
            self.retired.push(old.local_ufrag().to_owned());
        }
        self.nominated = false;
    }

    /// Judges a message that came from `remote`, which may be a connectivity check.
    ///
    /// `reply` is emptied first. It then holds the response to send back to where the message came
    /// from, or nothing. XOR-MAPPED-ADDRESS is `remote`: for a check that came through our own
    /// relay pass the relayed address.
    pub fn handle_check(
        &mut self,
        now: Instant,
        message: &[u8],
        remote: SocketAddr,
        reply: &mut Vec<u8>,
    ) -> Result<Check, Drop> {
        reply.clear();
        let request = Message::parse(message).map_err(|_| Drop::Malformed)?;
        if request.class() != Class::Request || request.method() != Method::BINDING {
            return Err(Drop::NotRequest);
        }
        if !request.verify_fingerprint() {
            return Err(Drop::Fingerprint);
        }
        let generation = match self.authenticate(&request) {
            Ok(generation) => generation,
            Err(drop) => return Err(refuse(&request, None, drop, reply)),
        };
        let secrets = match (generation, self.previous.as_deref()) {
            (Generation::Previous, Some(previous)) => previous,
            _ => &self.current,
        };
        let (nominated, priority) = match examine(&request) {
            Ok(checked) => checked,
            Err(drop) => return Err(refuse(&request, Some(secrets), drop, reply)),
        };
        let first = self.first_seen(request.transaction_id());
        if first.is_some_and(|first| first != remote) {
            return Err(Drop::Replayed);
        }
        accept(&request, secrets, remote, reply);
        if first.is_none() {
            self.remember(request.transaction_id(), remote);
        }
        self.last_received = Some(now);
        if nominated && generation == Generation::Current {
            self.nominated = true;
            self.retire_previous();
        }
        Ok(Check { remote, nominated, generation, priority })
    }

    /// RFC 8489 §9.1.3.
    fn authenticate(&self, request: &Message<'_>) -> Result<Generation, Drop> {
        if !request.has_integrity() && !request.has_integrity_sha256() {
            return Err(Drop::BadRequest);
        }
        let Username(username) = request.find().ok_or(Drop::BadRequest)?;
        let (generation, secrets) = match self.previous.as_deref() {
            _ if self.current.is_user(username) => (Generation::Current, &self.current),
            Some(previous) if previous.is_user(username) => (Generation::Previous, previous),
            _ => return Err(Drop::Username),
        };
        request.verify_integrity(secrets.key()).map_err(|_| Drop::Integrity)?;
        Ok(generation)
    }

    /// Where the check with that transaction id came from first: a client retransmits from there.
    fn first_seen(&self, id: TransactionId) -> Option<SocketAddr> {
        self.recent.iter().find(|(known, _)| *known == id).map(|(_, remote)| *remote)
    }

    fn remember(&mut self, id: TransactionId, remote: SocketAddr) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((id, remote));
    }

    fn retire_previous(&mut self) {
        if let Some(previous) = self.previous.take() {
            self.retired.push(previous.local_ufrag().to_owned());
        }
    }

    /// A local user fragment that is valid no longer: take it out of the table that leads checks
    /// to this agent.
    pub fn poll_retired(&mut self) -> Option<String> {
        self.retired.pop()
    }

    /// The local user fragments that are valid: the current one, then the previous one.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(self.previous.as_deref()).map(Secrets::local_ufrag)
    }

    /// When the last valid check came. A valid check is consent to send (RFC 7675).
    pub fn last_received(&self) -> Option<Instant> {
        self.last_received
    }

    /// When consent expires; none before the first valid check.
    pub fn consent_expires(&self) -> Option<Instant> {
        self.last_received.map(|last| last + CONSENT_TIMEOUT)
    }
}

/// What an authentic request says.
fn examine(request: &Message<'_>) -> Result<(bool, Option<u32>), Drop> {
    if request.unknown_required(&KNOWN).next().is_some() {
        return Err(Drop::UnknownAttribute);
    }
    if request.has(<IceControlled as Attribute<'_>>::TYPE) {
        return Err(Drop::RoleConflict);
    }
    let priority = request.get::<Priority>().map_err(|_| Drop::BadRequest)?;
    let nominated = request.has(<UseCandidate as Attribute<'_>>::TYPE);
    Ok((nominated, priority.map(|priority| priority.0)))
}

fn accept(request: &Message<'_>, secrets: &Secrets, remote: SocketAddr, reply: &mut Vec<u8>) {
    let mut response =
        Builder::new(reply, Class::Success, request.method(), request.transaction_id());
    response.push(&XorMappedAddress(remote));
    seal(&mut response, request, Some(secrets));
}

fn refuse(
    request: &Message<'_>,
    secrets: Option<&Secrets>,
    drop: Drop,
    reply: &mut Vec<u8>,
) -> Drop {
    if let Some(code) = drop.code() {
        let mut response =
            Builder::new(reply, Class::Error, request.method(), request.transaction_id());
        response.push(&ErrorCode::bare(code));
        if drop == Drop::UnknownAttribute {
            let unknown = request.unknown_required(&KNOWN).collect();
            response.push(&UnknownAttributes(unknown));
        }
        seal(&mut response, request, secrets);
    }
    drop
}

/// The same kind of integrity as in the request, if the request was authentic, and FINGERPRINT.
fn seal(response: &mut Builder<'_>, request: &Message<'_>, secrets: Option<&Secrets>) {
    match secrets {
        Some(secrets) if request.has_integrity_sha256() => {
            response.integrity_sha256(secrets.key());
        }
        Some(secrets) => {
            response.integrity(secrets.key());
        }
        None => {}
    }
    response.fingerprint();
}

#[cfg(test)]
mod tests;
