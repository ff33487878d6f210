//! USE-CANDIDATE (RFC 8445 §16.1).

use super::Attribute;
use crate::message::TransactionId;

/// The controlling agent nominates the pair of this check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseCandidate;

impl Attribute<'_> for UseCandidate {
    const TYPE: u16 = 0x0025;

    fn decode(_: &[u8], _: TransactionId) -> Option<Self> {
        Some(UseCandidate)
    }

    fn encode(&self, _: &mut Vec<u8>, _: TransactionId) {}
}
