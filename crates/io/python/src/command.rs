//! Commands as Python makes them.

use pyo3::prelude::*;
use roomline_sfu::{
    DataChannelId, ParticipantId, PublicationId, RequestId, SubscriptionId, TransportId,
};

/// Something to carry out; mirrors `roomline_sfu::Command`.
#[pyclass(frozen, eq, module = "roomline._engine")]
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The fields are documented where they are mirrored from.
pub enum Command {
    OpenTransport {
        request: u64,
        transport: u64,
        participant: u64,
        offer: String,
        max_send_bitrate: u64,
    },
    Renegotiate {
        request: u64,
        transport: u64,
        offer: String,
    },
    CloseTransport {
        transport: u64,
    },
    Publish {
        request: u64,
        publication: u64,
        transport: u64,
        mid: String,
        max_bitrate: u64,
    },
    MovePublication {
        request: u64,
        publication: u64,
        transport: u64,
        mid: String,
    },
    Unpublish {
        publication: u64,
    },
    PausePublication {
        publication: u64,
        paused: bool,
    },
    Subscribe {
        request: u64,
        subscription: u64,
        publication: u64,
        transport: u64,
        mid: String,
    },
    Unsubscribe {
        subscription: u64,
    },
    PauseSubscription {
        subscription: u64,
        paused: bool,
    },
    RelayData {
        request: u64,
        channel: u64,
        transport: u64,
        label: String,
    },
    StopRelayData {
        channel: u64,
        transport: u64,
    },
    LimitPublication {
        publication: u64,
        max_bitrate: u64,
    },
    LimitTransport {
        transport: u64,
        max_send_bitrate: u64,
    },
}

impl From<Command> for roomline_sfu::Command {
    fn from(command: Command) -> Self {
        use roomline_sfu::Command as To;
        match command {
            Command::OpenTransport { request, transport, participant, offer, max_send_bitrate } => {
                To::OpenTransport {
                    request: RequestId(request),
                    transport: TransportId(transport),
                    participant: ParticipantId(participant),
                    offer,
                    socket: None,
                    max_send_bitrate,
                }
            }
            Command::Renegotiate { request, transport, offer } => To::Renegotiate {
                request: RequestId(request),
                transport: TransportId(transport),
                offer,
            },
            Command::CloseTransport { transport } => {
                To::CloseTransport { transport: TransportId(transport) }
            }
            Command::LimitPublication { publication, max_bitrate } => {
                To::LimitPublication { publication: PublicationId(publication), max_bitrate }
            }
            Command::LimitTransport { transport, max_send_bitrate } => {
                To::LimitTransport { transport: TransportId(transport), max_send_bitrate }
            }
            Command::Publish { request, publication, transport, mid, max_bitrate } => To::Publish {
                request: RequestId(request),
                publication: PublicationId(publication),
                transport: TransportId(transport),
                mid,
                max_bitrate,
            },
            Command::MovePublication { request, publication, transport, mid } => {
                To::MovePublication {
                    request: RequestId(request),
                    publication: PublicationId(publication),
                    transport: TransportId(transport),
                    mid,
                }
            }
            Command::Unpublish { publication } => {
                To::Unpublish { publication: PublicationId(publication) }
            }
            Command::PausePublication { publication, paused } => {
                To::PausePublication { publication: PublicationId(publication), paused }
            }
            Command::Subscribe { request, subscription, publication, transport, mid } => {
                To::Subscribe {
                    request: RequestId(request),
                    subscription: SubscriptionId(subscription),
                    publication: PublicationId(publication),
                    transport: TransportId(transport),
                    mid,
                }
            }
            Command::Unsubscribe { subscription } => {
                To::Unsubscribe { subscription: SubscriptionId(subscription) }
            }
            Command::PauseSubscription { subscription, paused } => {
                To::PauseSubscription { subscription: SubscriptionId(subscription), paused }
            }
            Command::RelayData { request, channel, transport, label } => To::RelayData {
                request: RequestId(request),
                channel: DataChannelId(channel),
                transport: TransportId(transport),
                label,
            },
            Command::StopRelayData { channel, transport } => To::StopRelayData {
                channel: DataChannelId(channel),
                transport: TransportId(transport),
            },
        }
    }
}
