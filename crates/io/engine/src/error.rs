//! Why the engine did not do what it was asked.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Which listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// HTTPS and TURN over TLS.
    Https,
    /// TURN over UDP.
    TurnUdp,
    /// TURN over plain TCP.
    TurnTcp,
    /// The shared media port.
    Media,
}

impl Listener {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Listener::Https => "https",
            Listener::TurnUdp => "turn-udp",
            Listener::TurnTcp => "turn-tcp",
            Listener::Media => "media",
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the engine did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot work.
    #[error("{0}")]
    Config(String),
    /// A listener's address could not be bound.
    #[error("cannot listen on {address} for {listener}: {source}")]
    Bind {
        /// For what.
        listener: Listener,
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificate or its key is unusable.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The media core refused its configuration.
    #[error("{0}")]
    Shard(String),
    /// The system refused something else.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl StartError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| StartError::Io { what, source }
    }
}

/// The engine was closed, or its media thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine is closed")]
pub struct Closed;

/// The media thread ended by a fault. Nothing will come any more: close the engine and start another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media thread ended by a fault; close the engine and start another")]
pub struct Stopped;
