//! Full intra request (RFC 5104 §4.3.1).

use super::wire;
use crate::bytes::u32_at;

/// One source that is to send a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The source.
    pub ssrc: u32,
    /// Counts commands; a repeated number is a repetition of the same command.
    pub sequence: u8,
}

/// A command to send keyframes.
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: u32,
    entries: &'a [u8],
}

impl<'a> Fir<'a> {
    pub(super) const FORMAT: u8 = 4;

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        Some(Self { sender: u32_at(body, 0)?, entries: body.get(8..)? })
    }

    /// The commanded sources.
    pub fn entries(&self) -> impl Iterator<Item = FirEntry> + use<'a> {
        self.entries.as_chunks::<8>().0.iter().map(|[a, b, c, d, sequence, ..]| FirEntry {
            ssrc: u32::from_be_bytes([*a, *b, *c, *d]),
            sequence: *sequence,
        })
    }

    /// Appends one packet; the media source field is zero, as the RFC wants.
    pub fn write(out: &mut Vec<u8>, sender: u32, entries: &[FirEntry]) {
        wire::feedback(out, Self::FORMAT, wire::PSFB, (sender, 0), |out| {
            for entry in entries {
                out.extend_from_slice(&entry.ssrc.to_be_bytes());
                out.extend_from_slice(&[entry.sequence, 0, 0, 0]);
            }
        });
    }
}
