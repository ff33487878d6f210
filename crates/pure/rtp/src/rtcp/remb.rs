//! Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2).

use super::wire;
use crate::bytes::{u24_at, u32_at};

const NAME: &[u8; 4] = b"REMB";
const MANTISSA_BITS: u32 = 18;

/// The receiver's estimate of the bandwidth towards it.
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender: u32,
    /// The estimate in bits per second, over all the sources.
    pub bitrate: u64,
    sources: &'a [u8],
}

impl<'a> Remb<'a> {
    /// Application layer feedback (RFC 4585 §6.4), marked by its name.
    pub(super) const FORMAT: u8 = 15;

    pub(super) fn is_remb(body: &[u8]) -> bool {
        body.get(8..12).is_some_and(|name| name == NAME)
    }

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let count = usize::from(*body.get(12)?);
        let rate = u24_at(body, 13)?;
        let (exponent, mantissa) = (rate >> MANTISSA_BITS, rate & ((1 << MANTISSA_BITS) - 1));
        // A rate beyond 64 bits is as good as no limit.
        let bitrate = u64::try_from(u128::from(mantissa) << exponent).unwrap_or(u64::MAX);
        Some(Self { sender: u32_at(body, 0)?, bitrate, sources: body.get(16..16 + 4 * count)? })
    }

    /// The sources that the estimate is about.
    pub fn sources(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.sources.as_chunks::<4>().0.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    /// Appends one packet for at most 255 sources; the bitrate is rounded down to 18 bits.
    pub fn write(out: &mut Vec<u8>, sender: u32, bitrate: u64, sources: &[u32]) {
        let sources = &sources[..sources.len().min(255)];
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(MANTISSA_BITS);
        let rate = exponent << MANTISSA_BITS | (bitrate >> exponent) as u32;
        wire::feedback(out, Self::FORMAT, wire::PSFB, (sender, 0), |out| {
            out.extend_from_slice(NAME);
            out.extend_from_slice(&((sources.len() as u32) << 24 | rate).to_be_bytes());
            sources.iter().for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
        });
    }
}
