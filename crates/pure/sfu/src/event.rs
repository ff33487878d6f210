//! What a shard tells Python. Plain values: the seam is data.

use std::net::SocketAddr;

use crate::ids::{
    DataChannelId, ParticipantId, PublicationId, RequestId, SubscriptionId, TransportId,
};

/// A fact. Events of one transport come in the order in which they became true.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer to an offer.
    Answered {
        /// The command.
        request: RequestId,
        /// The transport.
        transport: TransportId,
        /// SDP answer.
        answer: String,
        /// Every media section of the offer, in its order.
        sections: Vec<Section>,
    },
    /// A command was carried out.
    Done {
        /// The command.
        request: RequestId,
    },
    /// A command was refused and changed nothing.
    Failed {
        /// The command.
        request: RequestId,
        /// Stable code: `bad-offer`, `unknown-transport`, `unknown-publication`,
        /// `unknown-channel`, `unknown-section`, `section-direction`, `codec-mismatch`,
        /// `no-media-port`, `too-many-channels`, `duplicate`.
        code: &'static str,
        /// For a log: what was wrong, in words.
        message: String,
    },
    /// DTLS is done: media and data can flow.
    TransportConnected {
        /// The transport.
        transport: TransportId,
        /// `DTLS 1.2` or `DTLS 1.3`.
        dtls_version: &'static str,
        /// `AEAD_AES_128_GCM` or `AES_CM_128_HMAC_SHA1_80`.
        srtp_profile: &'static str,
    },
    /// The pair that carries the media changed; the first comes with the first valid check.
    PathChanged {
        /// The transport.
        transport: TransportId,
        /// The path as it is now.
        path: Path,
    },
    /// A transport whose client answers beats fell silent, or is heard again. A beat is a message
    /// on a data channel with the subprotocol `beat/1`; without one nothing is told.
    TransportSilent {
        /// The transport.
        transport: TransportId,
        /// True when no authentic media or data has come for a while, false with the first after. Checks
        /// alone do not count: a client that answers beats sends more.
        silent: bool,
        /// For how long nothing has come, or had come, in milliseconds.
        silence_ms: u32,
    },
    /// The transport is gone, by no command of ours.
    TransportClosed {
        /// The transport.
        transport: TransportId,
        /// Why.
        reason: CloseReason,
    },
    /// The client opened a data channel (RFC 8832).
    DataChannelOpened {
        /// Where.
        transport: TransportId,
        /// Whose.
        participant: ParticipantId,
        /// The shard's name for the channel.
        channel: DataChannelId,
        /// Its label.
        label: String,
        /// Its subprotocol.
        protocol: String,
        /// False for unordered delivery.
        ordered: bool,
        /// Partial reliability by count; at most one of the two is set.
        max_retransmits: Option<u16>,
        /// Partial reliability by time, in milliseconds.
        max_packet_life_time: Option<u16>,
    },
    /// A data channel that the client opened is closed.
    DataChannelClosed {
        /// The channel.
        channel: DataChannelId,
    },
    /// The first packet of a publication arrived.
    PublicationStarted {
        /// The publication.
        publication: PublicationId,
        /// `opus`, `VP8`, `VP9`, `H264`, `AV1`, … as in the SDP.
        codec: String,
    },
    /// The bitrate cap paused a subscription or let it go on.
    SubscriptionPaused {
        /// The subscription.
        subscription: SubscriptionId,
        /// True when it stopped.
        paused: bool,
    },
    /// What a transport did since it was opened; about every two seconds.
    TransportStats {
        /// The transport.
        transport: TransportId,
        /// The figures.
        stats: Stats,
    },
}

/// A media section of an answered offer, from the client's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `a=mid`.
    pub mid: String,
    /// What it carries.
    pub kind: SectionKind,
    /// The client sends in it: it can be published.
    pub sends: bool,
    /// The client receives in it: it is a slot for a subscription.
    pub receives: bool,
}

/// What a media section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// `m=application`: data channels.
    Data,
}

/// Which tier a transport is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Straight to a media port.
    Direct,
    /// TURN over UDP.
    TurnUdp,
    /// TURN over TCP without TLS.
    TurnTcp,
    /// TURN over TLS over TCP.
    TurnTls,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Tier; 4] = [Tier::Direct, Tier::TurnUdp, Tier::TurnTcp, Tier::TurnTls];

    /// The name users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Direct => "direct",
            Tier::TurnUdp => "turn-udp",
            Tier::TurnTcp => "turn-tcp",
            Tier::TurnTls => "turn-tls",
        }
    }
}

/// The pair that carries the media of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The tier.
    pub tier: Tier,
    /// The server's port that the client talks to: a media port, 3478 or 443.
    pub server_port: u16,
    /// The client's address as the server sees it.
    pub client: SocketAddr,
    /// The relayed transport address, on a relay tier.
    pub relayed: Option<SocketAddr>,
}

/// Why a transport closed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// No valid check or packet for 30 s (RFC 7675).
    Timeout,
    /// The DTLS handshake failed or the fingerprint did not match.
    DtlsFailed,
    /// The client sent close_notify.
    ClosedByPeer,
}

impl CloseReason {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            CloseReason::Timeout => "timeout",
            CloseReason::DtlsFailed => "dtls-failed",
            CloseReason::ClosedByPeer => "closed-by-peer",
        }
    }
}

/// Totals of one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Datagrams received.
    pub packets_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// RTP packets that never came, from sequence gaps.
    pub packets_lost: u64,
    /// Packets sent again after a NACK.
    pub retransmissions: u64,
    /// Round-trip time from receiver reports, in milliseconds.
    pub rtt_ms: Option<f32>,
    /// Loss the client reported last, 0.0–1.0.
    pub fraction_lost: f32,
    /// Shortest round trip of a beat since the statistics before these, in milliseconds; none
    /// without an answered beat.
    pub path_rtt_ms: Option<f32>,
}
