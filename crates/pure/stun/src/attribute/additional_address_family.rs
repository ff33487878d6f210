//! ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.11).

use super::Attribute;
use crate::message::TransactionId;

/// Asks for an IPv6 relayed address next to the IPv4 one. The raw number: only 0x02 is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalAddressFamily(pub u8);

impl Attribute<'_> for AdditionalAddressFamily {
    const TYPE: u16 = 0x8000;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let [family, ..] = <[u8; 4]>::try_from(value).ok()?;
        Some(AdditionalAddressFamily(family))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&[self.0, 0, 0, 0]);
    }
}
