//! One shard of the selective forwarding unit: transports, relay, forwarding.
//!
//! Sans-IO: feed it with `handle_*`, passing the time; drain it with `poll_event`, `flush` and
//! `poll_timeout`.

#![forbid(unsafe_code)]

mod command;
mod event;
mod ids;

pub use command::{Command, MediaSocket};
pub use event::{CloseReason, Event, Path, Section, SectionKind, Stats, Tier};
pub use ids::{
    ConnectionId, DataChannelId, ParticipantId, PublicationId, RequestId, SocketId,
    SubscriptionId, TransportId,
};
