//! Goodbye (RFC 3550 §6.6).

use super::wire;

/// Sources that leave.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    sources: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self { sources: body.get(..4 * usize::from(count))? })
    }

    /// The sources that leave.
    pub fn sources(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.sources.as_chunks::<4>().0.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    /// Appends as many packets as the sources need.
    pub fn write(out: &mut Vec<u8>, sources: &[u32]) {
        for sources in sources.chunks(wire::MAX_COUNT) {
            wire::packet(out, sources.len() as u8, wire::BYE, |out| {
                sources.iter().for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
            });
        }
    }
}
