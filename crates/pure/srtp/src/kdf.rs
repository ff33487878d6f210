//! Key derivation with AES in counter mode (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use crate::{Profile, SrtpError};

/// Labels of the derived keys (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy)]
pub(crate) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// A master key and salt, from which session keys are derived.
pub(crate) struct Master {
    key: EncryptingKey,
    /// Salt shifted to the front of the counter block.
    block: [u8; 16],
}

impl Master {
    /// Checks the lengths and schedules the master key.
    pub(crate) fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let mut block = [0; 16];
        block[..salt.len()].copy_from_slice(salt);
        Ok(Self { key: counter_mode(key)?, block })
    }

    /// Derives a session key of `N` bytes. The key derivation rate is zero, so there is no index.
    pub(crate) fn derive<const N: usize>(&self, label: Label) -> Result<[u8; N], SrtpError> {
        let mut block = self.block;
        block[7] ^= label as u8;
        let mut key = [0; N];
        apply_keystream(&self.key, block, &mut key)?;
        Ok(key)
    }
}

/// An AES key for counter mode, scheduled once.
pub(crate) fn counter_mode(key: &[u8]) -> Result<EncryptingKey, SrtpError> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| SrtpError::KeyLength)?;
    EncryptingKey::ctr(key).map_err(|_| SrtpError::Cipher)
}

/// Adds the keystream that begins at counter `block` to `bytes`.
pub(crate) fn apply_keystream(
    key: &EncryptingKey,
    block: [u8; 16],
    bytes: &mut [u8],
) -> Result<(), SrtpError> {
    let context = EncryptionContext::Iv128(FixedLength::from(block));
    key.less_safe_encrypt(bytes, context).map(drop).map_err(|_| SrtpError::Cipher)
}

#[cfg(test)]
mod tests {
    use super::{Label, Master, apply_keystream, counter_mode};
    use crate::Profile;
    use crate::tests::{hex, unhex};

    /// RFC 3711 appendix B.2, the first three and the last three blocks it lists.
    #[test]
    fn keystream_is_that_of_the_rfc() {
        let key = counter_mode(&unhex("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
        let block = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").try_into().unwrap();
        let mut stream = vec![0; 0xff02 * 16];
        apply_keystream(&key, block, &mut stream).unwrap();
        assert_eq!(
            hex(&stream[..48]),
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab\
             41e95b3bb0a2e8dd477901e4fca894c0"
        );
        assert_eq!(
            hex(&stream[0xfeff * 16..]),
            "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae\
             6a2cc3787889374fbeb4c81b17ba6c44"
        );
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn derived_keys_are_those_of_the_rfc() {
        let master = Master::new(
            Profile::AesCm128HmacSha1_80,
            &unhex("e1f97a0d3e018be0d64fa32c06de4139"),
            &unhex("0ec675ad498afeebb6960b3aabe6"),
        )
        .unwrap();
        let encryption: [u8; 16] = master.derive(Label::RtpEncryption).unwrap();
        assert_eq!(hex(&encryption), "c61e7a93744f39ee10734afe3ff7a087");
        let salt: [u8; 14] = master.derive(Label::RtpSalt).unwrap();
        assert_eq!(hex(&salt), "30cbbc08863d8c85d49db34a9ae1");
        let authentication: [u8; 94] = master.derive(Label::RtpAuthentication).unwrap();
        assert_eq!(
            hex(&authentication),
            "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce\
             e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25\
             6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2"
        );
    }

    /// RFC 6188 §7.2, for the 256-bit profile's derivation.
    #[test]
    fn derived_256_bit_keys_are_those_of_the_rfc() {
        let mut block = [0; 16];
        block[..14].copy_from_slice(&unhex("3b04803de51ee7c96423ab5b78d2"));
        let key = unhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let master = Master { key: counter_mode(&key).unwrap(), block };
        let encryption: [u8; 32] = master.derive(Label::RtpEncryption).unwrap();
        assert_eq!(
            hex(&encryption),
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
        );
        let salt: [u8; 14] = master.derive(Label::RtpSalt).unwrap();
        assert_eq!(hex(&salt), "fa31791685ca444a9e07c6c64e93");
    }
}
