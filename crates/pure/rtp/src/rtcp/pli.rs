//! Picture loss indication (RFC 4585 §6.3.1).

use super::wire;
use crate::bytes::u32_at;

/// A request for a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender: u32,
    /// The source that is to send a keyframe.
    pub media: u32,
}

impl Pli {
    pub(super) const FORMAT: u8 = 1;

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Some(Self { sender: u32_at(body, 0)?, media: u32_at(body, 4)? })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        wire::feedback(out, Self::FORMAT, wire::PSFB, (self.sender, self.media), |_| {});
    }
}
