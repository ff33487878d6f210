//! UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).

use super::Attribute;
use crate::message::TransactionId;

/// The comprehension-required attributes that the server does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAttributes(pub Vec<u16>);

impl Attribute<'_> for UnknownAttributes {
    const TYPE: u16 = 0x000a;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        if !value.len().is_multiple_of(2) {
            return None;
        }
        let kinds = value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        Some(UnknownAttributes(kinds.collect()))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        self.0.iter().for_each(|kind| out.extend_from_slice(&kind.to_be_bytes()));
    }
}
