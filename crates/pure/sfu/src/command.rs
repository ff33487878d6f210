//! What Python tells a shard. Plain values: the seam is data.

use crate::ids::{
    DataChannelId, ParticipantId, PublicationId, RequestId, SocketId, SubscriptionId, TransportId,
};

/// A decision, carried out by the shard that owns the transport it names.
///
/// A command with a `request` is answered by exactly one event with the same number:
/// [`Event::Answered`](crate::Event::Answered), [`Event::Done`](crate::Event::Done) or
/// [`Event::Failed`](crate::Event::Failed).
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make a transport from a client's first offer. Answered with `Answered`.
    OpenTransport {
        /// Answer to this.
        request: RequestId,
        /// The new transport.
        transport: TransportId,
        /// Its owner; TURN credentials are bound to this number.
        participant: ParticipantId,
        /// SDP offer (RFC 8866, RFC 9429).
        offer: String,
        /// Where it listens: filled in by the engine, which bound the port before it passed the
        /// command on.
        socket: Option<MediaSocket>,
        /// Upper bound of what is sent on it, in bit/s; 0 is no bound.
        max_send_bitrate: u64,
    },
    /// A further offer on a transport: more sections, other directions, or an ICE restart.
    /// Answered with `Answered`.
    Renegotiate {
        /// Answer to this.
        request: RequestId,
        /// An open transport.
        transport: TransportId,
        /// SDP offer.
        offer: String,
    },
    /// Close a transport with everything published and subscribed on it, but for publications that
    /// are moving to another one. No answer.
    CloseTransport {
        /// An open transport; an unknown one is ignored.
        transport: TransportId,
    },
    /// Make what a client sends in one media section a publication.
    Publish {
        /// Answer to this.
        request: RequestId,
        /// The new publication.
        publication: PublicationId,
        /// Where its packets arrive.
        transport: TransportId,
        /// The media section (`a=mid`).
        mid: String,
        /// Upper bound asked of the sender by REMB, in bit/s; 0 is no bound.
        max_bitrate: u64,
    },
    /// Let a publication go on with what the client sends in another media section, of the same or
    /// of another transport. The old section stays its source until the first packet comes in the
    /// new one, for video the first keyframe, which is asked for, or any packet if the old one is
    /// silent; then nothing is forwarded from the old one any more. A subscriber sees one stream
    /// that goes on. The section it has already calls a move off that is under way.
    MovePublication {
        /// Answer to this.
        request: RequestId,
        /// An open publication.
        publication: PublicationId,
        /// Where its packets will arrive.
        transport: TransportId,
        /// The media section (`a=mid`).
        mid: String,
    },
    /// End a publication and its subscriptions. No answer.
    Unpublish {
        /// An open publication; an unknown one is ignored.
        publication: PublicationId,
    },
    /// Mute or unmute: a paused publication forwards nothing to anybody. No answer.
    PausePublication {
        /// An open publication.
        publication: PublicationId,
        /// True to pause.
        paused: bool,
    },
    /// Bind a publication to a receive slot: a media section in which the client only receives.
    /// A slot that is still bound is bound anew.
    Subscribe {
        /// Answer to this.
        request: RequestId,
        /// The new subscription.
        subscription: SubscriptionId,
        /// What is sent.
        publication: PublicationId,
        /// To whom.
        transport: TransportId,
        /// In which media section.
        mid: String,
    },
    /// Free the slot of a subscription. No answer.
    Unsubscribe {
        /// An open subscription; an unknown one is ignored.
        subscription: SubscriptionId,
    },
    /// Stop or resume one subscription. No answer.
    PauseSubscription {
        /// An open subscription.
        subscription: SubscriptionId,
        /// True to pause.
        paused: bool,
    },
    /// Send what arrives on a data channel to one more transport, in a channel that the server
    /// opens there with the same reliability.
    RelayData {
        /// Answer to this.
        request: RequestId,
        /// A channel of which `DataChannelOpened` told.
        channel: DataChannelId,
        /// The receiver.
        transport: TransportId,
        /// Label of the channel at the receiver.
        label: String,
    },
    /// Stop sending a data channel to a transport; its channel there is closed. No answer.
    StopRelayData {
        /// The source.
        channel: DataChannelId,
        /// The receiver.
        transport: TransportId,
    },
    /// Change the bound of a publication. No answer.
    LimitPublication {
        /// An open publication; an unknown one is ignored.
        publication: PublicationId,
        /// Asked of the sender by REMB, as the sum over its transport, in bit/s; 0 is no bound.
        max_bitrate: u64,
    },
    /// Change the bound of what a transport is sent. No answer.
    LimitTransport {
        /// An open transport.
        transport: TransportId,
        /// In bit/s; 0 is no bound.
        max_send_bitrate: u64,
    },
}

/// A bound UDP socket for media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSocket {
    /// The driver's name for it.
    pub socket: SocketId,
    /// Its port, which the answer's candidates carry.
    pub port: u16,
    /// True when other transports listen on the same socket.
    pub shared: bool,
}
