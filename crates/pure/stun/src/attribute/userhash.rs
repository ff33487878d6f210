//! USERHASH (RFC 8489 §14.4).

use aws_lc_rs::digest;

use super::Attribute;
use crate::message::TransactionId;

/// Stands for USERNAME without telling it: SHA-256(username ":" realm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserHash(pub [u8; 32]);

impl UserHash {
    /// The hash of a name within a realm.
    pub fn new(username: &str, realm: &str) -> UserHash {
        let mut hash = digest::Context::new(&digest::SHA256);
        [username, ":", realm].iter().for_each(|part| hash.update(part.as_bytes()));
        let mut value = [0; 32];
        value.copy_from_slice(hash.finish().as_ref());
        UserHash(value)
    }
}

impl Attribute<'_> for UserHash {
    const TYPE: u16 = 0x001e;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        Some(UserHash(value.try_into().ok()?))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&self.0);
    }
}
