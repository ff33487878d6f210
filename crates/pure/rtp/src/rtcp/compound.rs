//! Walking the packets of a compound (RFC 3550 §6.1; reduced size, RFC 5506, is accepted).

use super::{
    Bye, Fir, Nack, Pli, ReceiverReport, Remb, RtcpError, Sdes, SenderReport, TransportFeedback,
    wire,
};
use crate::bytes::u16_at;

/// One RTCP packet.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// What a source has sent, and its view of others.
    SenderReport(SenderReport<'a>),
    /// How a source is received.
    ReceiverReport(ReceiverReport<'a>),
    /// Source descriptions.
    Sdes(Sdes<'a>),
    /// Sources that leave.
    Bye(Bye<'a>),
    /// Lost packets that are wanted again.
    Nack(Nack<'a>),
    /// A request for a keyframe.
    Pli(Pli),
    /// A command to send a keyframe.
    Fir(Fir<'a>),
    /// The receiver's estimate of the bandwidth.
    Remb(Remb<'a>),
    /// Arrival times for congestion control.
    TransportFeedback(TransportFeedback<'a>),
    /// A packet that is ignored here, such as XR (RFC 3611).
    Other {
        /// The packet type.
        packet_type: u8,
        /// The count or feedback format field.
        format: u8,
    },
}

/// The packets of a compound.
///
/// Bad framing is one error and then the end; a packet with a bad content is one error, and the
/// walk goes on behind it.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Walks the decrypted `compound`.
    #[must_use]
    pub const fn new(compound: &'a [u8]) -> Self {
        Self { rest: compound }
    }

    /// Splits the packet at the front off: header and padded body.
    fn split(&mut self) -> Result<([u8; 2], &'a [u8]), RtcpError> {
        let [flags, packet_type] = *self.rest.first_chunk::<2>().ok_or(RtcpError::Truncated)?;
        if flags >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        let words = u16_at(self.rest, 2).ok_or(RtcpError::Truncated)?;
        let end = 4 + 4 * usize::from(words);
        let body = self.rest.get(4..end).ok_or(RtcpError::Truncated)?;
        self.rest = &self.rest[end..];
        Ok(([flags, packet_type], body))
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split() {
            Ok((head, body)) => Some(parse(head, body).ok_or(RtcpError::Malformed)),
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

fn parse<'a>([flags, packet_type]: [u8; 2], body: &'a [u8]) -> Option<Packet<'a>> {
    let body = if flags & 0x20 != 0 { unpad(body)? } else { body };
    let count = flags & 0x1f;
    Some(match (packet_type, count) {
        (wire::SR, _) => Packet::SenderReport(SenderReport::parse(count, body)?),
        (wire::RR, _) => Packet::ReceiverReport(ReceiverReport::parse(count, body)?),
        (wire::SDES, _) => Packet::Sdes(Sdes::parse(count, body)),
        (wire::BYE, _) => Packet::Bye(Bye::parse(count, body)?),
        (wire::RTPFB, Nack::FORMAT) => Packet::Nack(Nack::parse(body)?),
        (wire::RTPFB, TransportFeedback::FORMAT) => {
            Packet::TransportFeedback(TransportFeedback::parse(body)?)
        }
        (wire::PSFB, Pli::FORMAT) => Packet::Pli(Pli::parse(body)?),
        (wire::PSFB, Fir::FORMAT) => Packet::Fir(Fir::parse(body)?),
        (wire::PSFB, Remb::FORMAT) if Remb::is_remb(body) => Packet::Remb(Remb::parse(body)?),
        (_, format) => Packet::Other { packet_type, format },
    })
}

fn unpad(body: &[u8]) -> Option<&[u8]> {
    let count = usize::from(*body.last()?);
    if count == 0 { None } else { body.get(..body.len().checked_sub(count)?) }
}
