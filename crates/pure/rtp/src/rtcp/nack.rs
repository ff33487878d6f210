//! Generic NACK (RFC 4585 §6.2.1).

use super::wire;
use crate::bytes::u32_at;

/// Packets that were lost and are wanted again.
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: u32,
    /// The source whose packets were lost.
    pub media: u32,
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) const FORMAT: u8 = 1;

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        Some(Self { sender: u32_at(body, 0)?, media: u32_at(body, 4)?, pairs: body.get(8..)? })
    }

    /// The lost sequence numbers.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.pairs.as_chunks::<4>().0.iter().flat_map(|[p0, p1, b0, b1]| {
            let first = u16::from_be_bytes([*p0, *p1]);
            let bits = u16::from_be_bytes([*b0, *b1]);
            let following = (0..16_u16)
                .filter(move |bit| bits & (1 << bit) != 0)
                .map(move |bit| first.wrapping_add(bit + 1));
            std::iter::once(first).chain(following)
        })
    }

    /// Appends one packet for `lost`, in sending order; nothing if it is empty.
    pub fn write(out: &mut Vec<u8>, sender: u32, media: u32, lost: impl IntoIterator<Item = u16>) {
        let mut lost = lost.into_iter();
        let Some(first) = lost.next() else { return };
        wire::feedback(out, Self::FORMAT, wire::RTPFB, (sender, media), |out| {
            let (mut first, mut bits) = (first, 0_u16);
            for sequence in lost {
                let ahead = sequence.wrapping_sub(first);
                if (1..=16).contains(&ahead) {
                    bits |= 1 << (ahead - 1);
                } else if ahead != 0 {
                    pair(out, first, bits);
                    (first, bits) = (sequence, 0);
                }
            }
            pair(out, first, bits);
        });
    }
}

fn pair(out: &mut Vec<u8>, first: u16, bits: u16) {
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&bits.to_be_bytes());
}
