//! A TURN server (RFC 8656) as a state machine: no clock, no socket.
//!
//! [`Server::handle`] takes one message of a client and says what became of it: a reply to send
//! back, application data for a peer, or nothing. [`Server::encapsulate`] goes the other way. The
//! relayed addresses are virtual: peers are in the same process, so no socket is opened.
//!
//! Nothing is remembered about a client before it has shown valid credentials: usernames carry
//! their own proof and nonces are a MAC over the client's address and the time.

mod allocate;
mod allocation;
mod auth;
mod config;
mod limiter;
mod peer;
mod ports;
mod reply;
mod requests;
mod server;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

pub use allocation::Allocation;
pub use auth::{Credentials, participant_of};
pub use config::{Config, ConfigError};
pub use peer::{canonical, is_tunnel};
pub use server::Server;

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientTransport {
    /// One message per datagram.
    Udp,
    /// A stream of messages.
    Tcp,
    /// A stream of messages in TLS.
    Tls,
}

impl ClientTransport {
    /// True for TCP and TLS, where ChannelData is padded to 4 bytes.
    pub fn is_stream(self) -> bool {
        self != ClientTransport::Udp
    }
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<F> {
    /// The caller's name for the 5-tuple: an allocation belongs to one.
    pub flow: F,
    /// The protocol of the 5-tuple.
    pub transport: ClientTransport,
    /// The server's address of the 5-tuple.
    pub local: SocketAddr,
    /// The client's address of the 5-tuple, as the server sees it.
    pub remote: SocketAddr,
}

/// Names an allocation. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Which peers a client may talk to. The relay is closed: say no unless the peer is ours.
///
/// Addresses are plain: an IPv6 address that embeds an IPv4 one is refused before anybody asks.
pub trait PeerPolicy {
    /// May this user install a permission for that address (CreatePermission)? A permission lets
    /// the peer send to the client.
    fn permit(&self, user: &str, peer: IpAddr) -> bool;

    /// May this user send to that address and port (ChannelBind, Send)?
    fn reach(&self, user: &str, peer: SocketAddr) -> bool;
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The reply buffer holds the answer; send it back on the same flow.
    Reply,
    /// Application data for a peer.
    Data {
        /// Who sends it.
        allocation: AllocationId,
        /// The source the peer is to see: the relayed transport address.
        relayed: SocketAddr,
        /// The peer.
        peer: SocketAddr,
        /// Where the payload lies in the message; may be empty.
        payload: Range<usize>,
    },
    /// Nothing to do.
    Dropped(DropReason),
}

/// Why a message was dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropReason {
    /// Neither STUN nor ChannelData, or its framing is broken.
    Malformed,
    /// FINGERPRINT is wrong.
    Fingerprint,
    /// A response, or a method or class we do not serve.
    Unexpected,
    /// A comprehension-required attribute of an indication is unknown, or one it needs is absent
    /// or malformed.
    Attribute,
    /// The flow has no allocation.
    NoAllocation,
    /// The channel is not bound.
    NoChannel,
    /// There is no permission for the peer.
    NoPermission,
    /// The policy refuses the peer.
    PeerRefused,
    /// Too many unauthenticated requests from that network.
    RateLimited,
}

impl DropReason {
    /// A stable word for counters.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Malformed => "malformed",
            DropReason::Fingerprint => "fingerprint",
            DropReason::Unexpected => "unexpected",
            DropReason::Attribute => "attribute",
            DropReason::NoAllocation => "no-allocation",
            DropReason::NoChannel => "no-channel",
            DropReason::NoPermission => "no-permission",
            DropReason::PeerRefused => "peer-refused",
            DropReason::RateLimited => "rate-limited",
        }
    }
}

/// Why data of a peer was not passed to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncapsulateError {
    /// The allocation is gone, or has no relayed address of the peer's family.
    #[error("no such allocation")]
    NoAllocation,
    /// The client has no permission for the peer.
    #[error("no permission for the peer")]
    NoPermission,
    /// More bytes than one message holds.
    #[error("payload too long")]
    TooLong,
}

/// A change in the table of allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<F> {
    /// A client has a relayed address.
    Created {
        /// Its name.
        allocation: AllocationId,
        /// Its 5-tuple.
        flow: F,
    },
    /// An allocation is gone, with all its relayed addresses.
    Removed {
        /// Its name, which now names nothing.
        allocation: AllocationId,
        /// Its 5-tuple.
        flow: F,
        /// The relayed address it had; the first one, if it had two.
        relayed: SocketAddr,
        /// Why.
        reason: RemovedReason,
    },
}

/// Why an allocation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemovedReason {
    /// The client refreshed it with lifetime 0.
    Released,
    /// The client did not refresh it.
    Expired,
    /// The caller said that the 5-tuple is gone.
    FlowGone,
    /// Its participant is gone.
    ParticipantGone,
    /// Nothing had come through it for long, and its participant wanted another.
    Replaced,
}

#[cfg(test)]
mod tests;
