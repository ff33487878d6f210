//! LIFETIME (RFC 8656 §18.2).

use super::Attribute;
use crate::message::TransactionId;

/// How long an allocation lives, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(pub u32);

impl Attribute<'_> for Lifetime {
    const TYPE: u16 = 0x000d;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        Some(Lifetime(u32::from_be_bytes(value.try_into().ok()?)))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
}
