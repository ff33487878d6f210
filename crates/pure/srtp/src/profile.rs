//! Protection profiles and their keying material (RFC 5764 §4.1.2 and §4.2, RFC 7714 §14.2).

use crate::SrtpError;

/// An SRTP protection profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    AesCm128HmacSha1_80,
}

impl Profile {
    /// The profile with this number of the `use_srtp` extension.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::AesCm128HmacSha1_80),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// Its number in the `use_srtp` extension.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::AesCm128HmacSha1_80 => 0x0001,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Length of the master key in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of the master salt in bytes.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::AesCm128HmacSha1_80 => 14,
        }
    }

    /// Length of the authentication tag in bytes: what an RTP packet grows by.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::AesCm128HmacSha1_80 => 10,
        }
    }

    /// What an RTCP compound grows by: the tag and the word with the SRTCP index.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.tag_len() + 4
    }

    /// Length of the keying material that DTLS has to export.
    #[must_use]
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Splits exported keying material into its four parts.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] if it is not [`Profile::keying_material_len`] long.
    pub fn split(self, material: &[u8]) -> Result<KeyingMaterial<'_>, SrtpError> {
        if material.len() != self.keying_material_len() {
            return Err(SrtpError::KeyLength);
        }
        let (keys, salts) = material.split_at(2 * self.key_len());
        let (client_key, server_key) = keys.split_at(self.key_len());
        let (client_salt, server_salt) = salts.split_at(self.salt_len());
        Ok(KeyingMaterial { client_key, server_key, client_salt, server_salt })
    }
}

/// Master keys and salts, one pair for each direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyingMaterial<'a> {
    /// Key for what the DTLS client sends.
    pub client_key: &'a [u8],
    /// Key for what the DTLS server sends.
    pub server_key: &'a [u8],
    /// Salt for what the DTLS client sends.
    pub client_salt: &'a [u8],
    /// Salt for what the DTLS server sends.
    pub server_salt: &'a [u8],
}

impl std::fmt::Debug for KeyingMaterial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyingMaterial").finish_non_exhaustive()
    }
}
