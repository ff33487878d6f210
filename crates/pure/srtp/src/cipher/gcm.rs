//! AES-GCM (RFC 7714 §8 and §9).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{ENCRYPTED, RTCP_CLEAR_LEN, RtcpIndex, RtpIndex};
use crate::SrtpError;

const TAG_LEN: usize = 16;
const INDEX_LEN: usize = 4;

/// A scheduled key with its salt.
#[derive(Debug)]
pub(crate) struct Gcm {
    key: LessSafeKey,
    /// In two numbers, as nonces are made: a nonce that is written byte by byte is read back only
    /// when every write before it has left the core.
    salt: (u64, u32),
}

impl Gcm {
    /// Schedules a session key of 16 or 32 bytes.
    pub(super) fn new(key: &[u8], salt: [u8; 12]) -> Result<Self, SrtpError> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).map_err(|_| SrtpError::KeyLength)?;
        let [s0, s1, s2, s3, s4, s5, s6, s7, rest @ ..] = salt;
        let salt = (u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]), u32::from_be_bytes(rest));
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// `body` is as long as payload and tag together.
    pub(super) fn seal_rtp_into(
        &self,
        header: &[u8],
        payload: &[u8],
        body: &mut [u8],
        index: RtpIndex,
    ) -> Result<(), SrtpError> {
        let (text, tag) = split_tail(body, TAG_LEN)?;
        let (nonce, header) = (self.rtp_nonce(index), Aad::from(header));
        self.key
            .seal_out_of_place_scatter(nonce, header, payload, text, &[], tag)
            .map_err(|_| SrtpError::Cipher)
    }

    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<(), SrtpError> {
        let (header, body) = packet.split_at_mut_checked(header_len).ok_or(SrtpError::Truncated)?;
        let (text, tag) = split_tail(body, TAG_LEN)?;
        self.seal(self.rtp_nonce(index), header, text, tag)
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<usize, SrtpError> {
        let (header, body) = packet.split_at_mut_checked(header_len).ok_or(SrtpError::Truncated)?;
        let (text, tag) = split_tail(body, TAG_LEN)?;
        self.open(self.rtp_nonce(index), header, text, tag)?;
        Ok(header_len + text.len())
    }

    pub(super) fn seal_rtcp(&self, packet: &mut [u8], index: RtcpIndex) -> Result<(), SrtpError> {
        let (compound, word) = split_tail(packet, INDEX_LEN)?;
        word.copy_from_slice(&(ENCRYPTED | index.index).to_be_bytes());
        let (compound, tag) = split_tail(compound, TAG_LEN)?;
        let (clear, text) =
            compound.split_at_mut_checked(RTCP_CLEAR_LEN).ok_or(SrtpError::Truncated)?;
        let aad = rtcp_aad(clear, word)?;
        self.seal(self.rtcp_nonce(index), &aad, text, tag)
    }

    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        index: RtcpIndex,
    ) -> Result<usize, SrtpError> {
        let (compound, word) = split_tail(packet, INDEX_LEN)?;
        let (compound, tag) = split_tail(compound, TAG_LEN)?;
        let (clear, text) =
            compound.split_at_mut_checked(RTCP_CLEAR_LEN).ok_or(SrtpError::Truncated)?;
        let aad = rtcp_aad(clear, word)?;
        self.open(self.rtcp_nonce(index), &aad, text, tag)?;
        Ok(RTCP_CLEAR_LEN + text.len())
    }

    fn seal(
        &self,
        nonce: Nonce,
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SrtpError> {
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), text);
        tag.copy_from_slice(sealed.map_err(|_| SrtpError::Cipher)?.as_ref());
        Ok(())
    }

    fn open(&self, nonce: Nonce, aad: &[u8], text: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        let opened = self.key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, text);
        opened.map(drop).map_err(|_| SrtpError::Authentication)
    }

    /// Two zero bytes, SSRC, ROC, sequence number (RFC 7714 §8.1).
    fn rtp_nonce(&self, index: RtpIndex) -> Nonce {
        let front = u64::from(index.ssrc) << 16 | u64::from(index.roc >> 16);
        self.salted(front, index.roc << 16 | u32::from(index.sequence))
    }

    /// Two zero bytes, SSRC, two zero bytes, SRTCP index (RFC 7714 §9.1).
    fn rtcp_nonce(&self, index: RtcpIndex) -> Nonce {
        self.salted(u64::from(index.ssrc) << 16, index.index)
    }

    fn salted(&self, front: u64, back: u32) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&(front ^ self.salt.0).to_be_bytes());
        nonce[8..].copy_from_slice(&(back ^ self.salt.1).to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The clear part and the index word, side by side (RFC 7714 §9.2).
fn rtcp_aad(clear: &[u8], word: &[u8]) -> Result<[u8; RTCP_CLEAR_LEN + INDEX_LEN], SrtpError> {
    let mut aad = [0; RTCP_CLEAR_LEN + INDEX_LEN];
    let (front, back) = aad.split_at_mut(RTCP_CLEAR_LEN);
    if clear.len() != front.len() || word.len() != back.len() {
        return Err(SrtpError::Truncated);
    }
    front.copy_from_slice(clear);
    back.copy_from_slice(word);
    Ok(aad)
}

fn split_tail(bytes: &mut [u8], len: usize) -> Result<(&mut [u8], &mut [u8]), SrtpError> {
    let at = bytes.len().checked_sub(len).ok_or(SrtpError::Truncated)?;
    bytes.split_at_mut_checked(at).ok_or(SrtpError::Truncated)
}

#[cfg(test)]
mod tests;
