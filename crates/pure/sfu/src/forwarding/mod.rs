//! Forwarding of decrypted RTP and RTCP: publications, subscriptions, and the legs they use.
//!
//! A *leg* is one transport as seen from here: it knows what was negotiated on it and nothing of
//! ICE, DTLS or SRTP. A *publication* is what a client sends in one media section of its leg. A
//! *subscription* binds a publication to a *slot*: a media section in which another client only
//! receives. A slot keeps its SSRC, and its sequence numbers and timestamps go on without a gap
//! whatever is bound to it, so that a decoder at the other end never notices a switch but for the
//! keyframe it begins with.
//!
//! Work per packet: one look-up of its SSRC, and one header per subscriber. The payload is copied
//! once, into the history of the publication, from which NACKs of all subscribers are answered.
//!
//! A sequence number of a slot is sent with one content only, because the receiver's SRTP key would
//! otherwise encrypt two different packets with the same nonce (RFC 7714 §8.4): every packet of a
//! publication is forwarded at most once, and a plain retransmission is bit by bit the same as the
//! first transmission.
//!
//! Out of scope: payloads are passed on as they are. After a switch VP8 picture ids and VP9 or AV1
//! frame numbers jump; we rely on decoders to begin anew at a keyframe whose timestamp is newer.
//! Simulcast: of several encodings in one section the first is forwarded. A slot whose codec has
//! NACK but no RTX carries no transport-wide numbers, so that a retransmission can be the same
//! packet.

mod cap;
mod control;
mod error;
mod fanout;
mod feedback;
mod history;
mod ingress;
mod keyframe;
mod leg;
mod media;
mod moving;
mod nack;
mod path_loss;
mod publication;
mod rate;
mod reports;
mod rewrite;
mod router;
mod subscription;
mod template;
#[cfg(test)]
mod testing;
mod timeouts;
mod timers;
mod window;

pub use error::{Drop, ForwardingCounters, Refusal};
pub use router::{LegStats, Router, RouterEvent};

/// A leg: a small number, used again after the leg was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u32);

/// A payload that was handed over, for as many packets as carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload(pub u32);

/// Where packets leave.
pub trait Egress {
    /// Keeps a payload for the packets that follow.
    fn keep(&mut self, payload: &[u8]) -> Payload;

    /// Sends one RTP packet on `leg`: `header` followed by what was kept. `roc` is the rollover
    /// counter of its sequence number, which SRTP needs (RFC 3711 §3.3.1).
    fn send_rtp(&mut self, leg: LegId, roc: u32, header: &[u8], payload: Payload);

    /// Sends one RTCP compound or reduced-size packet on `leg` (RFC 3550 §6.1, RFC 5506).
    fn send_rtcp(&mut self, leg: LegId, compound: &[u8]);
}
