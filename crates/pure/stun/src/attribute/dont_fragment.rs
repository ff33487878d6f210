//! DONT-FRAGMENT (RFC 8656 §18.9).

use super::Attribute;
use crate::message::TransactionId;

/// What goes to the peer must not be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DontFragment;

impl Attribute<'_> for DontFragment {
    const TYPE: u16 = 0x001a;

    fn decode(_: &[u8], _: TransactionId) -> Option<Self> {
        Some(DontFragment)
    }

    fn encode(&self, _: &mut Vec<u8>, _: TransactionId) {}
}
