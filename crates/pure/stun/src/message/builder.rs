//! Writing STUN messages.

use super::header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId};
use crate::attribute::{self, Attribute};
use crate::channel_data::padding;
use crate::integrity::{Key, fingerprint_of};

/// Appends one message to a buffer. The length field is right after every call, so there is
/// nothing to finish. Attributes beyond 64 KiB in total are left out rather than mis-framed.
#[derive(Debug)]
pub struct Builder<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    transaction: TransactionId,
}

impl<'o> Builder<'o> {
    /// Writes the header behind what `out` already holds.
    pub fn new(
        out: &'o mut Vec<u8>,
        class: Class,
        method: Method,
        transaction: TransactionId,
    ) -> Builder<'o> {
        let start = out.len();
        out.extend_from_slice(&method.with(class).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        out.extend_from_slice(&transaction.0);
        Builder { out, start, transaction }
    }

    /// Adds a typed attribute.
    pub fn push<'a, A: Attribute<'a>>(&mut self, value: &A) -> &mut Self {
        let transaction = self.transaction;
        self.write(A::TYPE, |out| value.encode(out, transaction))
    }

    /// Adds an attribute by number.
    pub fn push_raw(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.write(kind, |out| out.extend_from_slice(value))
    }

    /// Adds MESSAGE-INTEGRITY (HMAC-SHA1) over everything so far.
    pub fn integrity(&mut self, key: &Key) -> &mut Self {
        self.set_length(4 + 20);
        let tag = key.sign_sha1(&self.out[self.start..]);
        self.push_raw(attribute::MESSAGE_INTEGRITY, tag.as_ref())
    }

    /// Adds MESSAGE-INTEGRITY-SHA256 over everything so far.
    pub fn integrity_sha256(&mut self, key: &Key) -> &mut Self {
        self.set_length(4 + 32);
        let tag = key.sign_sha256(&self.out[self.start..]);
        self.push_raw(attribute::MESSAGE_INTEGRITY_SHA256, tag.as_ref())
    }

    /// Adds FINGERPRINT, which is the last attribute.
    pub fn fingerprint(&mut self) -> &mut Self {
        self.set_length(4 + 4);
        let sum = fingerprint_of(&self.out[self.start..]);
        self.push_raw(attribute::FINGERPRINT, &sum.to_be_bytes())
    }

    fn write(&mut self, kind: u16, encode: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let header = self.out.len();
        self.out.extend_from_slice(&kind.to_be_bytes());
        self.out.extend_from_slice(&[0, 0]);
        encode(self.out);
        let length = self.out.len() - header - 4;
        let total = header + 4 + length + padding(length) - self.start - HEADER_LEN;
        match u16::try_from(length) {
            Ok(length) if total <= usize::from(u16::MAX) => {
                self.out[header + 2..header + 4].copy_from_slice(&length.to_be_bytes());
                self.out.resize(self.out.len() + padding(usize::from(length)), 0);
            }
            _ => self.out.truncate(header),
        }
        self.set_length(0);
        self
    }

    /// Sets the length field to what is there and `more` bytes to come: integrity and
    /// FINGERPRINT are computed as if they were there already.
    fn set_length(&mut self, more: usize) {
        let length = self.out.len() - self.start - HEADER_LEN + more;
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        self.out[self.start + 2..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }
}
