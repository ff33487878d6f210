//! RESERVATION-TOKEN (RFC 8656 §18.10).

use super::Attribute;
use crate::message::TransactionId;

/// Names a relayed address reserved earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationToken(pub [u8; 8]);

impl Attribute<'_> for ReservationToken {
    const TYPE: u16 = 0x0022;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        Some(ReservationToken(value.try_into().ok()?))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0);
    }
}
