//! ADDRESS-ERROR-CODE (RFC 8656 §18.12).

use super::{Attribute, Family};
use crate::message::TransactionId;

/// Why one of two asked-for families was not allocated. The reason phrase is left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressErrorCode {
    /// The family that is missing.
    pub family: Family,
    /// 440 or 508.
    pub code: u16,
}

impl Attribute<'_> for AddressErrorCode {
    const TYPE: u16 = 0x8001;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let (&[family, _, class, number], _) = value.split_first_chunk::<4>()?;
        let code = u16::from(class & 7) * 100 + u16::from(number);
        Some(AddressErrorCode { family: Family::from_number(family)?, code })
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        let (class, number) = ((self.code / 100) as u8, (self.code % 100) as u8);
        out.extend_from_slice(&[self.family.number(), 0, class & 7, number]);
    }
}
