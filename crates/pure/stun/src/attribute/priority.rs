//! PRIORITY (RFC 8445 §16.1).

use super::Attribute;
use crate::message::TransactionId;

/// The priority a peer-reflexive candidate found by this check would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority(pub u32);

impl Attribute<'_> for Priority {
    const TYPE: u16 = 0x0024;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        Some(Priority(u32::from_be_bytes(value.try_into().ok()?)))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
}
