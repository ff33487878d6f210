//! PASSWORD-ALGORITHMS (RFC 8489 §14.11).

use super::Attribute;
use crate::message::TransactionId;

/// The server's password algorithms in its order of preference, as they stand on the wire. A
/// client sends the list back unchanged, so comparing the bytes finds a bid-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordAlgorithms<'a>(pub &'a [u8]);

impl PasswordAlgorithms<'static> {
    /// What we offer: SHA-256, then MD5, both without parameters.
    pub const OURS: PasswordAlgorithms<'static> = PasswordAlgorithms(&[0, 2, 0, 0, 0, 1, 0, 0]);
}

impl<'a> Attribute<'a> for PasswordAlgorithms<'a> {
    const TYPE: u16 = 0x8002;

    fn decode(value: &'a [u8], _: TransactionId) -> Option<Self> {
        Some(PasswordAlgorithms(value))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(self.0);
    }
}
