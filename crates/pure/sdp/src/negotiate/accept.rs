//! What is accepted: protocols, codecs, header extensions.

use roomline_rtp::Extension;

use crate::model::{Codec, Kind, MediaParameters};

/// Profiles of RTP over DTLS-SRTP (RFC 9429 §5.1.2); the answer repeats the one offered.
const MEDIA_PROTOCOLS: [&str; 4] =
    ["UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"];

/// SCTP over DTLS (RFC 8841 §4.2).
const DATA_PROTOCOLS: [&str; 2] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"];

/// Format of data channels (RFC 8841 §4.3).
const DATA_FORMAT: &str = "webrtc-datachannel";

pub(super) fn is_media_protocol(protocol: &str) -> bool {
    MEDIA_PROTOCOLS.contains(&protocol)
}

pub(super) fn is_data(protocol: &str, format: &str) -> bool {
    DATA_PROTOCOLS.contains(&protocol) && format == DATA_FORMAT
}

/// The offered codecs we forward, in the client's order. Transport-wide congestion control stays
/// only where its header extension is offered, too.
pub(super) fn codecs(offered: &MediaParameters) -> Vec<Codec> {
    let numbered = offered.extensions.iter().any(|(_, e)| *e == Extension::TransportSequence);
    let known = offered.codecs.iter().filter(|codec| is_forwarded(offered.kind, codec));
    known
        .map(|codec| Codec { transport_cc: codec.transport_cc && numbered, ..codec.clone() })
        .collect()
}

fn is_forwarded(kind: Kind, codec: &Codec) -> bool {
    let named = |names: &[&str]| names.iter().any(|name| codec.name.eq_ignore_ascii_case(name));
    match kind {
        Kind::Audio => named(&["opus"]) && codec.clock_rate == 48_000 && codec.channels == 2,
        Kind::Video => named(&["VP8", "VP9", "H264", "AV1"]) && codec.clock_rate == 90_000,
    }
}

/// The offered header extensions we use or forward. `codecs` are those accepted.
pub(super) fn extensions(
    offered: &MediaParameters,
    codecs: &[Codec],
    mixed: bool,
) -> Vec<(u8, Extension)> {
    let transport_cc = codecs.iter().any(|codec| codec.transport_cc);
    let wanted = |extension| match extension {
        Extension::Mid => true,
        Extension::TransportSequence => transport_cc,
        // What a receiver estimates bandwidth from when the sender does not do it itself.
        Extension::AbsSendTime => !transport_cc,
        Extension::AudioLevel => offered.kind == Kind::Audio,
        Extension::RtpStreamId
        | Extension::RepairedRtpStreamId
        | Extension::VideoOrientation
        | Extension::PlayoutDelay
        | Extension::DependencyDescriptor => offered.kind == Kind::Video,
    };
    let usable = |id| match id {
        1..=14 => true,
        // RFC 8285 §4.2: no id in the one-byte form.
        0 | 15 => false,
        16.. => mixed,
    };
    let chosen = offered.extensions.iter().filter(|(id, e)| usable(*id) && wanted(*e));
    chosen.copied().collect()
}
