//! A view of the RTP header and its extensions (RFC 3550 §5.1, RFC 8285 §4).

use std::ops::Range;

use crate::RtpError;
use crate::bytes::u16_at;

/// Length of the header without CSRCs and extension.
pub(crate) const FIXED_LEN: usize = 12;
/// "Defined by profile" of the one-byte form (RFC 8285 §4.2).
pub(crate) const ONE_BYTE_PROFILE: u16 = 0xbede;
/// "Defined by profile" of the two-byte form, without the four appbits (RFC 8285 §4.3).
pub(crate) const TWO_BYTE_PROFILE: u16 = 0x1000;

/// The parsed header of one packet: fields by value and offsets into the packet.
///
/// It borrows nothing, so the packet can be decrypted or rewritten in place while the header is
/// held. Parsing looks only at the header, which SRTP leaves in the clear; the padding count is at
/// the end of the encrypted part and is read by [`Header::payload_range`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    marker: bool,
    padding: bool,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    ssrc: u32,
    profile: Option<u16>,
    extension_start: u32,
    len: u32,
}

impl Header {
    /// Parses the header at the front of `packet`.
    ///
    /// # Errors
    /// [`RtpError::Truncated`] and [`RtpError::Version`].
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let fixed = packet.first_chunk::<FIXED_LEN>().ok_or(RtpError::Truncated)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *fixed;
        if flags >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut header = Self {
            marker: kind & 0x80 != 0,
            padding: flags & 0x20 != 0,
            payload_type: kind & 0x7f,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            profile: None,
            extension_start: 0,
            len: FIXED_LEN as u32 + 4 * u32::from(flags & 0x0f),
        };
        if flags & 0x10 != 0 {
            header.locate_extension(packet)?;
        }
        if packet.len() < header.len() { Err(RtpError::Truncated) } else { Ok(header) }
    }

    fn locate_extension(&mut self, packet: &[u8]) -> Result<(), RtpError> {
        let at = self.len();
        let words = u16_at(packet, at + 2).ok_or(RtpError::Truncated)?;
        self.profile = u16_at(packet, at);
        self.extension_start = self.len + 4;
        self.len = self.extension_start + 4 * u32::from(words);
        Ok(())
    }

    /// The marker bit.
    #[must_use]
    pub const fn marker(&self) -> bool {
        self.marker
    }

    /// The payload type, 0 to 127.
    #[must_use]
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The sequence number.
    #[must_use]
    pub const fn sequence_number(&self) -> u16 {
        self.sequence_number
    }

    /// The timestamp in units of the codec's clock rate.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Length of the header in bytes, with CSRCs and extension: where the payload begins.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the header is empty; it never is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Whether the padding bit is set.
    #[must_use]
    pub const fn has_padding(&self) -> bool {
        self.padding
    }

    /// The extension elements of `packet`, the packet this header was parsed from.
    #[must_use]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        let range = self.extension_start as usize..self.len();
        match self.profile {
            Some(ONE_BYTE_PROFILE) => Extensions::new(packet.get(range), false),
            Some(profile) if profile & 0xfff0 == TWO_BYTE_PROFILE => {
                Extensions::new(packet.get(range), true)
            }
            _ => Extensions::new(None, false),
        }
    }

    /// The value of the extension with this id in `packet`, the first if it is there twice.
    #[must_use]
    pub fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        self.extensions(packet).find(|(found, _)| *found == id).map(|(_, value)| value)
    }

    /// Where the payload of the decrypted `packet` lies, without padding.
    ///
    /// # Errors
    /// [`RtpError::Truncated`] if `packet` is shorter than the header, [`RtpError::Padding`] if the
    /// padding count is zero or reaches into the header.
    pub fn payload_range(&self, packet: &[u8]) -> Result<Range<usize>, RtpError> {
        let body = packet.get(self.len()..).ok_or(RtpError::Truncated)?;
        if !self.padding {
            return Ok(self.len()..packet.len());
        }
        let count = usize::from(*body.last().ok_or(RtpError::Padding)?);
        if count == 0 || count > body.len() {
            return Err(RtpError::Padding);
        }
        Ok(self.len()..packet.len() - count)
    }
}

/// The elements of a header extension as `(id, value)`.
///
/// Padding between elements is skipped; at a malformed or reserved element the walk ends, and what
/// came before stays usable (RFC 8285 §4.1.2, §4.2).
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Extensions<'a> {
    fn new(bytes: Option<&'a [u8]>, two_byte: bool) -> Self {
        Self { rest: bytes.unwrap_or_default(), two_byte }
    }

    /// Id and value range of the element at the front of `rest`.
    fn element(&self) -> Option<(u8, Range<usize>)> {
        let first = *self.rest.first()?;
        if self.two_byte {
            let len = usize::from(*self.rest.get(1)?);
            return Some((first, 2..2 + len));
        }
        let id = first >> 4;
        // Id 15 is reserved: processing stops there (RFC 8285 §4.2).
        (id != 15).then(|| (id, 1..2 + usize::from(first & 0x0f)))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let padding = self.rest.iter().take_while(|byte| **byte == 0).count();
        self.rest = self.rest.get(padding..)?;
        let found = self.element().and_then(|(id, range)| {
            let value = self.rest.get(range.clone())?;
            self.rest = self.rest.get(range.end..)?;
            Some((id, value))
        });
        if found.is_none() {
            self.rest = &[];
        }
        found
    }
}

/// A whole decrypted packet: header and payload.
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    bytes: &'a [u8],
    header: Header,
    payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Parses a decrypted packet.
    ///
    /// # Errors
    /// Every [`RtpError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let header = Header::parse(bytes)?;
        let range = header.payload_range(bytes)?;
        let payload = bytes.get(range).ok_or(RtpError::Truncated)?;
        Ok(Self { bytes, header, payload })
    }

    /// The parsed header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The extension elements as `(id, value)`.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        self.header.extensions(self.bytes)
    }

    /// The value of the extension with this id.
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.header.extension(self.bytes, id)
    }
}

#[cfg(test)]
mod tests;
