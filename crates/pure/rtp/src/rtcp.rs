//! RTCP: walking compound packets and writing the packets a forwarder sends (RFC 3550 §6).
//!
//! ```
//! use roomline_rtp::rtcp::{Compound, Packet, Pli};
//!
//! let mut out = Vec::new();
//! Pli { sender: 1, media: 2 }.write(&mut out);
//! let mut packets = Compound::new(&out);
//! assert!(matches!(packets.next(), Some(Ok(Packet::Pli(Pli { media: 2, .. })))));
//! assert!(packets.next().is_none());
//! ```

mod bye;
mod compound;
mod fir;
mod nack;
mod pli;
mod remb;
mod report;
mod sdes;
mod twcc;
mod wire;

pub use bye::Bye;
pub use compound::{Compound, Packet};
pub use fir::{Fir, FirEntry};
pub use nack::Nack;
pub use pli::Pli;
pub use remb::Remb;
pub use report::{
    ReceiverReport, ReportBlock, SenderInfo, SenderReport, compact_ntp, round_trip_time,
};
pub use sdes::Sdes;
pub use twcc::{PacketStatus, TransportFeedback, TwccRecorder};

/// RTCP that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// The compound ends within a packet. Nothing after it can be read.
    #[error("the RTCP compound ends inside a packet")]
    Truncated,
    /// The version field is not 2. Nothing after it can be read.
    #[error("the RTCP version is not 2")]
    Version,
    /// One packet's content contradicts its length; the packets after it are still read.
    #[error("an RTCP packet is too short for its content")]
    Malformed,
}

/// Whether a packet on a transport shared by RTP and RTCP is RTCP (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|packet_type| (192..=223).contains(packet_type))
}

#[cfg(test)]
mod tests;
