//! One direction's transform of one kind of packet: AEAD, or counter mode with an HMAC.

mod cm;
mod gcm;

use cm::CounterMode;
use gcm::Gcm;

use crate::kdf::{Label, Master};
use crate::{Profile, SrtpError};

/// The bit of the SRTCP index word that says "encrypted" (RFC 3711 §3.4).
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// The part of an RTCP compound that stays in the clear: the first header and its SSRC.
pub(crate) const RTCP_CLEAR_LEN: usize = 8;

/// Session keys and the transform they are for.
#[derive(Debug)]
pub(crate) enum Cipher {
    Gcm(Gcm),
    CounterMode(Box<CounterMode>),
}

impl Cipher {
    /// The transform for RTP.
    pub(crate) fn rtp(profile: Profile, master: &Master) -> Result<Self, SrtpError> {
        let labels = [Label::RtpEncryption, Label::RtpSalt, Label::RtpAuthentication];
        Self::new(profile, master, labels)
    }

    /// The transform for RTCP.
    pub(crate) fn rtcp(profile: Profile, master: &Master) -> Result<Self, SrtpError> {
        let labels = [Label::RtcpEncryption, Label::RtcpSalt, Label::RtcpAuthentication];
        Self::new(profile, master, labels)
    }

    fn new(
        profile: Profile,
        master: &Master,
        [encryption, salt, authentication]: [Label; 3],
    ) -> Result<Self, SrtpError> {
        match profile {
            Profile::AeadAes128Gcm => {
                let key: [u8; 16] = master.derive(encryption)?;
                Ok(Self::Gcm(Gcm::new(&key, master.derive(salt)?)?))
            }
            Profile::AeadAes256Gcm => {
                let key: [u8; 32] = master.derive(encryption)?;
                Ok(Self::Gcm(Gcm::new(&key, master.derive(salt)?)?))
            }
            Profile::AesCm128HmacSha1_80 => {
                let key = master.derive(encryption)?;
                let authentication = master.derive(authentication)?;
                let cipher = CounterMode::new(key, master.derive(salt)?, authentication)?;
                Ok(Self::CounterMode(Box::new(cipher)))
            }
        }
    }

    /// Seals `packet`, whose last bytes are room for the tag.
    pub(crate) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<(), SrtpError> {
        match self {
            Self::Gcm(cipher) => cipher.seal_rtp(packet, header_len, index),
            Self::CounterMode(cipher) => cipher.seal_rtp(packet, header_len, index),
        }
    }

    /// Seals a packet into `room`, which is as long as header, payload and tag together.
    pub(crate) fn seal_rtp_into(
        &self,
        header: &[u8],
        payload: &[u8],
        room: &mut [u8],
        index: RtpIndex,
    ) -> Result<(), SrtpError> {
        let (front, body) = room.split_at_mut_checked(header.len()).ok_or(SrtpError::Truncated)?;
        front.copy_from_slice(header);
        match self {
            Self::Gcm(cipher) => cipher.seal_rtp_into(header, payload, body, index),
            Self::CounterMode(cipher) => {
                body.get_mut(..payload.len()).ok_or(SrtpError::Truncated)?.copy_from_slice(payload);
                cipher.seal_rtp(room, header.len(), index)
            }
        }
    }

    /// Opens `packet` in place and returns its length without the tag.
    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: RtpIndex,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(cipher) => cipher.open_rtp(packet, header_len, index),
            Self::CounterMode(cipher) => cipher.open_rtp(packet, header_len, index),
        }
    }

    /// Seals `packet`, whose last bytes are room for tag and index word.
    pub(crate) fn seal_rtcp(&self, packet: &mut [u8], index: RtcpIndex) -> Result<(), SrtpError> {
        match self {
            Self::Gcm(cipher) => cipher.seal_rtcp(packet, index),
            Self::CounterMode(cipher) => cipher.seal_rtcp(packet, index),
        }
    }

    /// Opens `packet` in place and returns its length without tag and index word.
    pub(crate) fn open_rtcp(
        &self,
        packet: &mut [u8],
        index: RtcpIndex,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(cipher) => cipher.open_rtcp(packet, index),
            Self::CounterMode(cipher) => cipher.open_rtcp(packet, index),
        }
    }

    /// The index word of a sealed RTCP packet.
    pub(crate) fn rtcp_index_word(&self, packet: &[u8]) -> Option<u32> {
        let at = match self {
            Self::Gcm(_) => packet.len().checked_sub(4)?,
            Self::CounterMode(_) => packet.len().checked_sub(4 + cm::TAG_LEN)?,
        };
        u32_at(packet, at)
    }
}

/// What makes an RTP packet's nonce unique.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtpIndex {
    pub(crate) ssrc: u32,
    pub(crate) roc: u32,
    pub(crate) sequence: u16,
}

/// What makes an RTCP packet's nonce unique. The index has 31 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtcpIndex {
    pub(crate) ssrc: u32,
    pub(crate) index: u32,
}

/// Source and sequence number of an RTP packet at least `header_len` bytes long.
pub(crate) fn rtp_fields(packet: &[u8], header_len: usize) -> Result<(u32, u16), SrtpError> {
    let fixed = packet.first_chunk::<12>().ok_or(SrtpError::Truncated)?;
    if header_len < fixed.len() || header_len > packet.len() {
        return Err(SrtpError::Truncated);
    }
    let [_, _, s0, s1, _, _, _, _, i0, i1, i2, i3] = *fixed;
    Ok((u32::from_be_bytes([i0, i1, i2, i3]), u16::from_be_bytes([s0, s1])))
}

/// The source of the first packet in an RTCP compound.
pub(crate) fn rtcp_source(packet: &[u8]) -> Result<u32, SrtpError> {
    u32_at(packet, 4).ok_or(SrtpError::Truncated)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}
