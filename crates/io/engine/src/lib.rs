//! Threads that own shards; commands in, events out.
//!
//! One media thread owns a [`roomline_sfu::Shard`] with its sockets and TURN connections. A tick
//! takes what commands and packets there are, gives them to the shard with the time, and sends what
//! the shard made of them: so that packets for one address leave together. Between ticks the thread
//! sleeps in the poller until a socket, a timer or another thread has something for it. No lock is
//! taken per packet.
//!
//! Not here: protocols (pure crates), the TLS handshake (`roomline-front`), policy (Python).

#![forbid(unsafe_code)]

mod arena;
mod config;
mod connections;
mod engine;
mod error;
mod listen;
mod logs;
mod metrics;
mod outbox;
mod sockets;
mod timers;
mod worker;

pub use config::Config;
pub use engine::Engine;
pub use error::{Closed, Listener, StartError, Stopped};
pub use logs::{LogRecord, Logs};
pub use metrics::Metric;
pub use outbox::EngineEvent;
pub use roomline_front::HttpConnection;
