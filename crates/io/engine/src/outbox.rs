//! Events on their way to Python.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// What the engine tells.
#[derive(Debug)]
pub enum EngineEvent {
    /// A fact of a shard.
    Shard(roomline_sfu::Event),
    /// An HTTP connection came in.
    Http(HttpConnection),
}

/// An HTTP connection whose TLS the engine terminates.
#[derive(Debug)]
pub struct HttpConnection {
    /// One end of a socket pair that carries the plain bytes.
    pub fd: OwnedFd,
    /// The client's address.
    pub client: SocketAddr,
    /// The address it connected to.
    pub server: SocketAddr,
}
