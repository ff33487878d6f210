//! DATA (RFC 8656 §18.4).

use super::Attribute;
use crate::message::TransactionId;

/// The application data of a Send or Data indication; may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a>(pub &'a [u8]);

impl<'a> Attribute<'a> for Data<'a> {
    const TYPE: u16 = 0x0013;

    fn decode(value: &'a [u8], _: TransactionId) -> Option<Self> {
        Some(Data(value))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(self.0);
    }
}
