//! Names for the things a shard knows. Python chooses the numbers; they are never reused.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);
    };
}

id!(
    /// A person or program in a room.
    ParticipantId
);
id!(
    /// One ICE/DTLS association of a participant. A participant may own several while it moves.
    TransportId
);
id!(
    /// One track that a participant sends.
    PublicationId
);
id!(
    /// One publication as sent to one receive slot of one transport.
    SubscriptionId
);
id!(
    /// One data channel that a participant opened.
    DataChannelId
);
id!(
    /// Pairs a command with its answer.
    RequestId
);
id!(
    /// A UDP socket, named by the driver that owns it.
    SocketId
);
id!(
    /// A TCP or TLS connection carrying TURN, named by the driver that owns it.
    ConnectionId
);
