//! PASSWORD-ALGORITHM (RFC 8489 §14.12).

use super::Attribute;
use crate::integrity;
use crate::message::TransactionId;

/// The client's choice of a password algorithm. The raw number: an unknown one is answered with
/// 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordAlgorithm(pub u16);

impl PasswordAlgorithm {
    /// The algorithm, when it is one of ours.
    pub fn algorithm(self) -> Option<integrity::PasswordAlgorithm> {
        integrity::PasswordAlgorithm::from_number(self.0)
    }
}

impl Attribute<'_> for PasswordAlgorithm {
    const TYPE: u16 = 0x001d;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let (&[a0, a1, l0, l1], parameters) = value.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        (parameters.len() >= length).then(|| PasswordAlgorithm(u16::from_be_bytes([a0, a1])))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}
