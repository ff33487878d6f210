//! REQUESTED-TRANSPORT (RFC 8656 §18.8).

use super::Attribute;
use crate::message::TransactionId;

/// The protocol between relay and peers: an IP protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedTransport(pub u8);

impl RequestedTransport {
    /// The only one RFC 8656 knows.
    pub const UDP: RequestedTransport = RequestedTransport(17);
    /// RFC 6062.
    pub const TCP: RequestedTransport = RequestedTransport(6);
}

impl Attribute<'_> for RequestedTransport {
    const TYPE: u16 = 0x0019;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let [protocol, ..] = <[u8; 4]>::try_from(value).ok()?;
        Some(RequestedTransport(protocol))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&[self.0, 0, 0, 0]);
    }
}
