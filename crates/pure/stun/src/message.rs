//! STUN messages: the header and the attribute list (RFC 8489 §5, §14).

mod builder;
mod header;

pub use builder::Builder;
pub use header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, is_stun};

use crate::attribute::{self, Attribute, DecodeError};
use crate::channel_data::padding;
use crate::integrity::{Key, Unauthentic, fingerprint_of};

/// Why bytes are no STUN message. Such bytes are dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Shorter than a header, first two bits set, or no magic cookie.
    #[error("not a STUN message")]
    NotStun,
    /// The length field is no multiple of 4 or differs from the bytes that are there.
    #[error("wrong length field")]
    Length,
    /// An attribute runs past the end of the message.
    #[error("an attribute runs past the end")]
    Attribute,
    /// Something follows FINGERPRINT, or FINGERPRINT has a wrong length (RFC 8489 §14.7).
    #[error("misplaced FINGERPRINT")]
    Fingerprint,
    /// A message-integrity attribute has a wrong length (RFC 8489 §14.5, §14.6).
    #[error("wrong length of a message-integrity attribute")]
    Integrity,
}

/// A view of one STUN message whose framing is sound.
///
/// Attributes after MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 are not covered by it, so they
/// are invisible here (RFC 8489 §14.5, §14.6), whoever put them there.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Where the attributes end that count.
    end: usize,
    integrity: Option<RawAttribute<'a>>,
    integrity_sha256: Option<RawAttribute<'a>>,
    fingerprint: Option<RawAttribute<'a>>,
}

impl<'a> Message<'a> {
    /// Checks header, length and attribute list. `bytes` is exactly one message.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, Error> {
        if !is_stun(bytes) {
            return Err(Error::NotStun);
        }
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if length % 4 != 0 || bytes.len() != HEADER_LEN + length {
            return Err(Error::Length);
        }
        let mut message = Message {
            bytes,
            end: bytes.len(),
            integrity: None,
            integrity_sha256: None,
            fingerprint: None,
        };
        message.scan()?;
        Ok(message)
    }

    /// Finds the attributes that say which others count.
    fn scan(&mut self) -> Result<(), Error> {
        let mut offset = HEADER_LEN;
        while offset < self.bytes.len() {
            let attribute = RawAttribute::at(self.bytes, offset).ok_or(Error::Attribute)?;
            offset = attribute.end();
            if self.fingerprint.is_some() {
                return Err(Error::Fingerprint);
            }
            match attribute.kind {
                attribute::FINGERPRINT if attribute.value.len() == 4 => {
                    self.end = self.end.min(attribute.offset);
                    self.fingerprint = Some(attribute);
                }
                attribute::FINGERPRINT => return Err(Error::Fingerprint),
                attribute::MESSAGE_INTEGRITY if self.unprotected() => {
                    if attribute.value.len() != 20 {
                        return Err(Error::Integrity);
                    }
                    self.end = attribute.offset;
                    self.integrity = Some(attribute);
                }
                attribute::MESSAGE_INTEGRITY_SHA256 if self.integrity_sha256.is_none() => {
                    if !matches!(attribute.value.len(), 16 | 20 | 24 | 28 | 32) {
                        return Err(Error::Integrity);
                    }
                    self.end = self.end.min(attribute.offset);
                    self.integrity_sha256 = Some(attribute);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn unprotected(&self) -> bool {
        self.integrity.is_none() && self.integrity_sha256.is_none()
    }

    /// Request, indication, success or error response.
    pub fn class(&self) -> Class {
        Class::of(self.kind())
    }

    /// The 12 bits of the method.
    pub fn method(&self) -> Method {
        Method::of(self.kind())
    }

    fn kind(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// The 96 bits that pair a response with its request.
    pub fn transaction_id(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER_LEN]);
        TransactionId(id)
    }

    /// The whole message.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The attributes that count, in order, without the integrity ones and FINGERPRINT.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { bytes: &self.bytes[..self.end], offset: HEADER_LEN }
    }

    /// The first attribute of a type; later ones of the same type are ignored (RFC 8489 §14).
    pub fn get<A: Attribute<'a>>(&self) -> Result<Option<A>, DecodeError> {
        self.all::<A>().next().transpose()
    }

    /// The first attribute of a type, or none when it is absent or malformed.
    pub fn find<A: Attribute<'a>>(&self) -> Option<A> {
        self.get().ok().flatten()
    }

    /// Every attribute of a type.
    pub fn all<A: Attribute<'a>>(
        &self,
    ) -> impl Iterator<Item = Result<A, DecodeError>> + use<'a, A> {
        let transaction = self.transaction_id();
        self.attributes()
            .filter(|raw| raw.kind == A::TYPE)
            .map(move |raw| A::decode(raw.value, transaction).ok_or(DecodeError { kind: A::TYPE }))
    }

    /// True when an attribute of that type counts.
    pub fn has(&self, kind: u16) -> bool {
        self.attributes().any(|raw| raw.kind == kind)
    }

    /// Types of the comprehension-required attributes (below 0x8000) that are not in `known`.
    pub fn unknown_required<'k>(
        &self,
        known: &'k [u16],
    ) -> impl Iterator<Item = u16> + use<'a, 'k> {
        let kinds = self.attributes().map(|raw| raw.kind);
        kinds.filter(move |kind| *kind < 0x8000 && !known.contains(kind))
    }

    /// MESSAGE-INTEGRITY is there.
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// MESSAGE-INTEGRITY-SHA256 is there.
    pub fn has_integrity_sha256(&self) -> bool {
        self.integrity_sha256.is_some()
    }

    /// FINGERPRINT is there (right or wrong).
    pub fn has_fingerprint(&self) -> bool {
        self.fingerprint.is_some()
    }

    /// True when FINGERPRINT is there and right.
    pub fn verify_fingerprint(&self) -> bool {
        self.fingerprint
            .is_some_and(|raw| raw.value == fingerprint_of(&self.bytes[..raw.offset]).to_be_bytes())
    }

    /// Checks the integrity attribute: MESSAGE-INTEGRITY-SHA256 when there is one, because it is
    /// the stronger, else MESSAGE-INTEGRITY. Compares in constant time.
    pub fn verify_integrity(&self, key: &Key) -> Result<(), Unauthentic> {
        match (self.integrity_sha256, self.integrity) {
            (Some(raw), _) => key.verify_sha256(&self.bytes[..raw.offset], raw.value),
            (None, Some(raw)) => key.verify_sha1(&self.bytes[..raw.offset], raw.value),
            (None, None) => Err(Unauthentic),
        }
    }
}

/// One attribute as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its type.
    pub kind: u16,
    /// Its value, without padding.
    pub value: &'a [u8],
    /// Where its header begins, in bytes from the start of the message.
    pub offset: usize,
}

impl<'a> RawAttribute<'a> {
    fn at(bytes: &'a [u8], offset: usize) -> Option<RawAttribute<'a>> {
        let (&[k0, k1, l0, l1], rest) = bytes.get(offset..)?.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // The padding must be there too, though its content is ignored.
        rest.get(..length + padding(length))?;
        let kind = u16::from_be_bytes([k0, k1]);
        Some(RawAttribute { kind, value: &rest[..length], offset })
    }

    fn end(&self) -> usize {
        self.offset + 4 + self.value.len() + padding(self.value.len())
    }
}

/// Iterator over the attributes that count. See [`Message::attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        let attribute = RawAttribute::at(self.bytes, self.offset)?;
        self.offset = attribute.end();
        Some(attribute)
    }
}

#[cfg(test)]
mod tests;
