//! One shard of the selective forwarding unit: transports, relay, forwarding.
//!
//! Sans-IO: feed it with `handle_*`, passing the time; drain it with `poll_event`, `flush` and
//! `poll_timeout`.

#![forbid(unsafe_code)]

mod command;
mod config;
mod counters;
mod data;
mod event;
pub mod forwarding;
mod ids;
mod io;
mod outbox;
mod relay;
mod replies;
mod runs;
mod shard;
mod tables;
mod transport;

pub use command::{Command, MediaSocket};
pub use config::{Certificate, ShardConfig, ShardError};
pub use counters::{Counters, Discard, Gauges};
pub use event::{CloseReason, Event, Path, Section, SectionKind, Stats, Tier};
pub use ids::{
    ConnectionId, DataChannelId, ParticipantId, PublicationId, RequestId, SocketId, SubscriptionId,
    TransportId,
};
pub use io::{Action, Arrival, ConnectionInfo, Sink, SocketKind};
pub use shard::Shard;
