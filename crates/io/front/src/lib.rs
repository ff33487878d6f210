//! The front door: TCP and TLS listeners on one thread.
//!
//! One port, 443, carries HTTPS, WebSocket signaling and TURN over TLS. Browsers send no ALPN for
//! TURN, so what a connection is shows only in its first decrypted bytes ([`sniff`]): a STUN
//! request, or an HTTP method. TURN connections are handed to whoever owns the media
//! ([`Handover::Turn`]); HTTP connections stay here, and their plain bytes travel over a socket pair
//! whose other end is handed over ([`Handover::Http`]) together with the addresses that were really
//! seen.
//!
//! Not here: what HTTP or TURN mean.

mod counters;
mod door;
mod http;
mod listener;
mod pending;
mod sniff;
mod tls;
mod turn;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

pub use door::Front;
pub use sniff::{Sniff, sniff};
pub use turn::{ReadOutcome, TurnConnection};

/// Where the front door listens and whom it claims to be.
#[derive(Clone)]
pub struct FrontConfig {
    /// TLS listeners: HTTPS, signaling and TURN over TLS.
    pub https: Vec<SocketAddr>,
    /// Plain TCP listeners for TURN.
    pub turn_tcp: Vec<SocketAddr>,
    /// Certificate chain, leaf first.
    pub certificate_pem: Vec<u8>,
    /// Private key of the leaf.
    pub private_key_pem: Vec<u8>,
    /// Connections from one address that have not yet shown what they are. It may have 16 times as
    /// many that carry HTTP.
    pub max_connections_per_address: usize,
}

/// A connection that has shown what it is.
pub enum Handover {
    /// STUN or TURN over TCP or TLS.
    Turn(Box<TurnConnection>),
    /// HTTP.
    Http(HttpConnection),
}

/// An HTTP connection whose TLS ends here.
#[derive(Debug)]
pub struct HttpConnection {
    /// One end of a non-blocking stream socket pair that carries the plain bytes.
    pub fd: OwnedFd,
    /// The client's address as the kernel gave it.
    pub client: SocketAddr,
    /// The address it connected to.
    pub server: SocketAddr,
}

/// Why the front door could not open, or not change its certificate.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// An address could not be bound.
    #[error("{listener} {address}: {source}")]
    Bind {
        /// `https` or `turn-tcp`.
        listener: &'static str,
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate or its key can't be used.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The front door's thread did not close its listeners in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the front door does not close its listeners")]
pub struct StillListening;
