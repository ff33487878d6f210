//! What passes between a shard and the driver that owns its sockets.

use std::net::{IpAddr, SocketAddr};

use crate::ids::{ConnectionId, SocketId};

/// What a UDP socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketKind {
    /// A media port: ICE, DTLS and SRTP of one transport, or of several that share it.
    Media,
    /// The TURN port.
    Relay,
}

/// Where a datagram came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The socket.
    pub socket: SocketId,
    /// What the socket is for.
    pub kind: SocketKind,
    /// The address it was sent to. The port is the socket's; the address may be unspecified when
    /// the driver does not know it.
    pub local: SocketAddr,
    /// Who sent it; never a v4-mapped address.
    pub remote: SocketAddr,
}

/// A TCP or TLS connection that carries TURN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// True for TLS.
    pub tls: bool,
    /// Our end.
    pub local: SocketAddr,
    /// The client's end as we see it; never a v4-mapped address.
    pub remote: SocketAddr,
}

/// What a shard asks of its driver. Do it after the next flush: the last words of what is closed
/// still need the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The transport that had this media socket for itself is gone: close it and free its port.
    ReleaseSocket(SocketId),
    /// Nothing will come of this connection any more: close it.
    CloseConnection(ConnectionId),
}

/// Takes what a shard sends.
pub trait Sink {
    /// A run of datagrams for one address: all are `segment` bytes long, only the last may be
    /// shorter. `local` is the source address to use, when the shard knows it.
    fn send_datagrams(
        &mut self,
        socket: SocketId,
        local: Option<IpAddr>,
        remote: SocketAddr,
        run: &[u8],
        segment: usize,
    );

    /// One framed STUN or ChannelData message for a TCP or TLS connection. A `droppable` one is
    /// media, worthless when late.
    fn send_message(&mut self, connection: ConnectionId, message: &[u8], droppable: bool);
}
