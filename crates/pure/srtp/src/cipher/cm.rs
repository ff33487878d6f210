//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1 and §4.2).

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key};

use super::{ENCRYPTED, RTCP_CLEAR_LEN, RtcpIndex, RtpIndex};
use crate::SrtpError;
use crate::kdf::{apply_keystream, counter_mode};

/// The HMAC is cut to 80 bits.
pub(super) const TAG_LEN: usize = 10;
const INDEX_LEN: usize = 4;

/// Scheduled keys with their salt.
#[derive(Debug)]
pub(crate) struct CounterMode {
    key: EncryptingKey,
    salt: [u8; 14],
    authentication: Key,
}

impl CounterMode {
    /// Schedules the session keys.
    pub(super) fn new(
        key: [u8; 16],
        salt: [u8; 14],
        authentication: [u8; 20],
    ) -> Result<Self, SrtpError> {
        let authentication = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication);
        Ok(Self { key: counter_mode(&key)?, salt, authentication })
    }

    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<(), SrtpError> {
        let end = packet.len().checked_sub(TAG_LEN).ok_or(SrtpError::Truncated)?;
        let text = packet.get_mut(header_len..end).ok_or(SrtpError::Truncated)?;
        apply_keystream(&self.key, self.rtp_counter(index), text)?;
        let (sealed, tag) = packet.split_at_mut(end);
        tag.copy_from_slice(&self.tag(&[sealed, &index.roc.to_be_bytes()]));
        Ok(())
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<usize, SrtpError> {
        let end = packet.len().checked_sub(TAG_LEN).ok_or(SrtpError::Truncated)?;
        let (sealed, tag) = packet.split_at_mut(end);
        let text = header_len..end;
        sealed.get(text.clone()).ok_or(SrtpError::Truncated)?;
        self.verify(&[sealed, &index.roc.to_be_bytes()], tag)?;
        apply_keystream(&self.key, self.rtp_counter(index), &mut sealed[text])?;
        Ok(end)
    }

    pub(super) fn seal_rtcp(&self, packet: &mut [u8], index: RtcpIndex) -> Result<(), SrtpError> {
        let tag_at = packet.len().checked_sub(TAG_LEN).ok_or(SrtpError::Truncated)?;
        let end = tag_at.checked_sub(INDEX_LEN).ok_or(SrtpError::Truncated)?;
        let text = packet.get_mut(RTCP_CLEAR_LEN..end).ok_or(SrtpError::Truncated)?;
        apply_keystream(&self.key, self.rtcp_counter(index), text)?;
        packet[end..tag_at].copy_from_slice(&(ENCRYPTED | index.index).to_be_bytes());
        let (sealed, tag) = packet.split_at_mut(tag_at);
        tag.copy_from_slice(&self.tag(&[sealed]));
        Ok(())
    }

    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        index: RtcpIndex,
    ) -> Result<usize, SrtpError> {
        let tag_at = packet.len().checked_sub(TAG_LEN).ok_or(SrtpError::Truncated)?;
        let end = tag_at.checked_sub(INDEX_LEN).ok_or(SrtpError::Truncated)?;
        let (sealed, tag) = packet.split_at_mut(tag_at);
        sealed.get(RTCP_CLEAR_LEN..end).ok_or(SrtpError::Truncated)?;
        self.verify(&[sealed], tag)?;
        apply_keystream(&self.key, self.rtcp_counter(index), &mut sealed[RTCP_CLEAR_LEN..end])?;
        Ok(end)
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LEN] {
        let mut context = Context::with_key(&self.authentication);
        parts.iter().for_each(|part| context.update(part));
        let mut tag = [0; TAG_LEN];
        let full = context.sign();
        tag.iter_mut().zip(full.as_ref()).for_each(|(byte, from)| *byte = *from);
        tag
    }

    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), SrtpError> {
        verify_slices_are_equal(&self.tag(parts), tag).map_err(|_| SrtpError::Authentication)
    }

    fn rtp_counter(&self, index: RtpIndex) -> [u8; 16] {
        let packet_index = u64::from(index.roc) << 16 | u64::from(index.sequence);
        self.counter(index.ssrc, packet_index)
    }

    fn rtcp_counter(&self, index: RtcpIndex) -> [u8; 16] {
        self.counter(index.ssrc, u64::from(index.index))
    }

    /// Salt, SSRC and packet index, each shifted to its place (RFC 3711 §4.1.1).
    fn counter(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut block = [0; 16];
        block[..14].copy_from_slice(&self.salt);
        let xored = u128::from_be_bytes(block) ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        xored.to_be_bytes()
    }
}

#[cfg(test)]
mod tests;
