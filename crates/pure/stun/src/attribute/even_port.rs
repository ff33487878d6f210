//! EVEN-PORT (RFC 8656 §18.7).

use super::Attribute;
use crate::message::TransactionId;

/// The relayed port must be even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvenPort {
    /// R: the next higher port is to be reserved, too.
    pub reserve_next: bool,
}

impl Attribute<'_> for EvenPort {
    const TYPE: u16 = 0x0018;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let [flags] = <[u8; 1]>::try_from(value).ok()?;
        Some(EvenPort { reserve_next: flags & 0x80 != 0 })
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.push(if self.reserve_next { 0x80 } else { 0 });
    }
}
