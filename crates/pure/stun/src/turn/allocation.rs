//! One allocation: its relayed addresses, permissions and channels (RFC 8656 §6, §9, §12).

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::Client;
use crate::TransactionId;
use crate::attribute::{AddressErrorCode, Family};

/// Exactly 5 minutes (RFC 8656 §9).
pub(super) const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
/// 10 minutes (RFC 8656 §12).
pub(super) const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);
/// How long an expired binding keeps its number and its peer from being bound otherwise, so that
/// data under way is not misdelivered (RFC 8656 §12).
pub(super) const CHANNEL_COOL_DOWN: Duration = Duration::from_secs(300);

/// What the server knows about one client's allocation.
#[derive(Debug)]
pub struct Allocation<F> {
    pub(super) client: Client<F>,
    pub(super) user: Box<str>,
    pub(super) participant: u64,
    /// Of the Allocate request, to know it again when it is repeated.
    pub(super) transaction: TransactionId,
    /// Of the Allocate response, in seconds.
    pub(super) granted: u32,
    /// Of the Allocate response.
    pub(super) missing: Option<AddressErrorCode>,
    /// By family: IPv4, IPv6. At least one while the allocation is in the table.
    pub(super) relays: [Option<Relay>; 2],
    /// Bounded by the configuration, as are the channels: searching them costs the same however
    /// many streams the server carries.
    pub(super) permissions: Vec<Permission>,
    pub(super) channels: Vec<Channel>,
    /// When its client sent something through it last, or showed its credentials.
    pub(super) heard: Cell<Instant>,
    /// When something in here expires; the key of the entry in the timer index.
    pub(super) deadline: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    pub(super) expires: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Permission {
    pub(super) peer: IpAddr,
    pub(super) expires: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub(super) number: u16,
    pub(super) peer: SocketAddr,
    pub(super) expires: Instant,
    /// False while it cools down.
    pub(super) bound: bool,
}

impl Channel {
    fn until(&self) -> Instant {
        if self.bound { self.expires } else { self.expires + CHANNEL_COOL_DOWN }
    }
}

/// Why a channel cannot be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BindError {
    /// The number or the peer belongs to another binding.
    Conflict,
    /// There are as many as may be.
    Full,
}

impl<F> Allocation<F> {
    /// The username it was made with: `expiry:participant`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The participant in the username.
    pub fn participant(&self) -> u64 {
        self.participant
    }

    /// The client's 5-tuple.
    pub fn client(&self) -> &Client<F> {
        &self.client
    }

    /// The relayed transport address; the IPv4 one, if there are two.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relays.iter().flatten().map(|relay| relay.address).next()
    }

    /// The relayed transport address that peers of an address family see.
    pub fn relayed_for(&self, peer: IpAddr) -> Option<SocketAddr> {
        self.relay(Family::of(peer)).map(|relay| relay.address)
    }

    pub(super) fn relay(&self, family: Family) -> Option<&Relay> {
        self.relays[slot(family)].as_ref()
    }

    pub(super) fn is_permitted(&self, peer: IpAddr, now: Option<Instant>) -> bool {
        let live = |expires| now.is_none_or(|now| now < expires);
        self.relay(Family::of(peer)).is_some_and(|relay| live(relay.expires))
            && self.permissions.iter().any(|p| p.peer == peer && live(p.expires))
    }

    /// The peer of a channel that the client sent on.
    pub(super) fn peer_of(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|c| c.number == number)?;
        (channel.bound && now < channel.expires).then_some(channel.peer)
    }

    pub(super) fn channel_of(&self, peer: SocketAddr) -> Option<u16> {
        self.channels.iter().find(|c| c.bound && c.peer == peer).map(|c| c.number)
    }

    /// How many of these addresses would be new permissions.
    pub(super) fn new_permissions(&self, peers: &[IpAddr]) -> usize {
        let is_new = |peer: &&IpAddr| !self.permissions.iter().any(|p| p.peer == **peer);
        let distinct = |(i, peer): &(usize, &IpAddr)| !peers[..*i].contains(peer);
        peers.iter().enumerate().filter(distinct).map(|(_, peer)| peer).filter(is_new).count()
    }

    pub(super) fn permit(&mut self, peer: IpAddr, now: Instant) {
        let expires = now + PERMISSION_LIFETIME;
        match self.permissions.iter_mut().find(|p| p.peer == peer) {
            Some(permission) => permission.expires = expires,
            None => self.permissions.push(Permission { peer, expires }),
        }
    }

    pub(super) fn can_bind(
        &self,
        number: u16,
        peer: SocketAddr,
        max: usize,
    ) -> Result<(), BindError> {
        match self.channels.iter().find(|c| c.number == number || c.peer == peer) {
            Some(c) if c.number == number && c.peer == peer => Ok(()),
            Some(_) => Err(BindError::Conflict),
            None if self.channels.len() >= max => Err(BindError::Full),
            None => Ok(()),
        }
    }

    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, now: Instant) {
        let fresh = Channel { number, peer, expires: now + CHANNEL_LIFETIME, bound: true };
        match self.channels.iter_mut().find(|c| c.number == number) {
            Some(channel) => *channel = fresh,
            None => self.channels.push(fresh),
        }
        self.permit(peer.ip(), now);
    }

    /// Takes out what has expired; gives back the relayed addresses that have.
    pub(super) fn sweep(&mut self, now: Instant) -> [Option<SocketAddr>; 2] {
        let expired = self
            .relays
            .each_mut()
            .map(|relay| relay.take_if(|relay| relay.expires <= now).map(|relay| relay.address));
        self.permissions.retain(|p| now < p.expires);
        for channel in &mut self.channels {
            channel.bound &= now < channel.expires;
        }
        self.channels.retain(|c| now < c.until());
        self.forget_lost_families();
        expired
    }

    /// Takes out one relayed address with the permissions and channels of its family.
    pub(super) fn release(&mut self, family: Family) -> Option<SocketAddr> {
        let relay = self.relays[slot(family)].take();
        self.forget_lost_families();
        relay.map(|relay| relay.address)
    }

    fn forget_lost_families(&mut self) {
        let relays = self.relays;
        let has = |peer| relays[slot(Family::of(peer))].is_some();
        self.permissions.retain(|p| has(p.peer));
        self.channels.retain(|c| has(c.peer.ip()));
    }

    /// When the next thing in here expires.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let relays = self.relays.iter().flatten().map(|relay| relay.expires);
        let permissions = self.permissions.iter().map(|p| p.expires);
        let channels = self.channels.iter().map(Channel::until);
        relays.chain(permissions).chain(channels).min()
    }
}

pub(super) fn slot(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}
