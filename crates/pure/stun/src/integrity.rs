//! Message authentication: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT
//! (RFC 8489 §9, §14.5–14.7).

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use md5::{Digest as _, Md5};

use crate::message::HEADER_LEN;

/// The integrity attribute is absent or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message integrity is absent or wrong")]
pub struct Unauthentic;

/// How a long-term password becomes a key (RFC 8489 §18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PasswordAlgorithm {
    /// 1: MD5(username ":" realm ":" password).
    Md5,
    /// 2: SHA-256 of the same.
    Sha256,
}

impl PasswordAlgorithm {
    /// The registered number.
    pub fn number(self) -> u16 {
        match self {
            PasswordAlgorithm::Md5 => 1,
            PasswordAlgorithm::Sha256 => 2,
        }
    }

    /// The algorithm of a registered number.
    pub fn from_number(number: u16) -> Option<PasswordAlgorithm> {
        match number {
            1 => Some(PasswordAlgorithm::Md5),
            2 => Some(PasswordAlgorithm::Sha256),
            _ => None,
        }
    }
}

/// A message-integrity key. It is scheduled once for SHA-1, which everybody uses; for SHA-256 with every
/// message, because a schedule is 600 bytes and there is a key for each peer.
#[derive(Clone)]
pub struct Key {
    sha1: hmac::Key,
    bytes: Box<[u8]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Short-term credentials (RFC 8489 §9.1), as ICE uses them: the password is the key.
    pub fn short_term(password: &str) -> Key {
        Key::from_bytes(password.as_bytes())
    }

    /// Long-term credentials (RFC 8489 §9.2). Username, realm and password are taken as they
    /// are: whoever issues them applies OpaqueString (RFC 8265).
    pub fn long_term(
        algorithm: PasswordAlgorithm,
        username: &str,
        realm: &str,
        password: &str,
    ) -> Key {
        let parts = [username, ":", realm, ":", password];
        match algorithm {
            PasswordAlgorithm::Md5 => {
                let mut hash = Md5::new();
                parts.iter().for_each(|part| hash.update(part.as_bytes()));
                Key::from_bytes(&hash.finalize())
            }
            PasswordAlgorithm::Sha256 => {
                let mut hash = digest::Context::new(&digest::SHA256);
                parts.iter().for_each(|part| hash.update(part.as_bytes()));
                Key::from_bytes(hash.finish().as_ref())
            }
        }
    }

    fn from_bytes(key: &[u8]) -> Key {
        Key { sha1: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), bytes: key.into() }
    }

    fn sha256(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }

    /// HMAC-SHA1 of a message whose length field already counts the attribute.
    pub(crate) fn sign_sha1(&self, covered: &[u8]) -> hmac::Tag {
        hmac::sign(&self.sha1, covered)
    }

    /// HMAC-SHA256 of a message whose length field already counts the attribute.
    pub(crate) fn sign_sha256(&self, covered: &[u8]) -> hmac::Tag {
        hmac::sign(&self.sha256(), covered)
    }

    pub(crate) fn verify_sha1(&self, covered: &[u8], tag: &[u8]) -> Result<(), Unauthentic> {
        compare(sign_as_if_last(&self.sha1, covered, tag.len())?.as_ref(), tag)
    }

    /// The tag may be cut to a multiple of 4 bytes, at least 16 (RFC 8489 §14.6).
    pub(crate) fn verify_sha256(&self, covered: &[u8], tag: &[u8]) -> Result<(), Unauthentic> {
        let full = sign_as_if_last(&self.sha256(), covered, tag.len())?;
        compare(full.as_ref().get(..tag.len()).ok_or(Unauthentic)?, tag)
    }
}

fn compare(expected: &[u8], tag: &[u8]) -> Result<(), Unauthentic> {
    constant_time::verify_slices_are_equal(expected, tag).map_err(|_| Unauthentic)
}

/// HMAC over the message as it was when the attribute was added: its length field ends there.
fn sign_as_if_last(
    key: &hmac::Key,
    covered: &[u8],
    tag_len: usize,
) -> Result<hmac::Tag, Unauthentic> {
    let length = (covered.len() + 4 + tag_len).checked_sub(HEADER_LEN).ok_or(Unauthentic)?;
    let length = u16::try_from(length).map_err(|_| Unauthentic)?;
    let mut context = hmac::Context::with_key(key);
    context.update(&covered[..2]);
    context.update(&length.to_be_bytes());
    context.update(&covered[4..]);
    Ok(context.sign())
}

/// CRC-32 of the message before FINGERPRINT, whose length field already counts it.
pub(crate) fn fingerprint_of(covered: &[u8]) -> u32 {
    crc32fast::hash(covered) ^ 0x5354_554e
}
