//! CHANNEL-NUMBER (RFC 8656 §18.1).

use super::Attribute;
use crate::message::TransactionId;

/// The channel to bind. The raw number: see [`is_channel_number`](crate::is_channel_number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelNumber(pub u16);

impl Attribute<'_> for ChannelNumber {
    const TYPE: u16 = 0x000c;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let [n0, n1, _, _] = <[u8; 4]>::try_from(value).ok()?;
        Some(ChannelNumber(u16::from_be_bytes([n0, n1])))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}
