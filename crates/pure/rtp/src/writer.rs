//! Writing a rewritten RTP header (RFC 3550 §5.1, RFC 8285 §4).

use crate::header::{FIXED_LEN, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// How many ids the one-byte form has (RFC 8285 §4.2).
const SHORT_IDS: usize = 14;

/// The fields of the fixed header that a forwarder chooses. CSRCs and padding are not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp in units of the codec's clock rate.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
}

/// Which element forms of RFC 8285 the receiver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Only the one-byte form: ids 1 to 14, values of 1 to 16 bytes.
    OneByte,
    /// `a=extmap-allow-mixed`: a header moves to the two-byte form when one of its elements needs it.
    Mixed,
}

/// Appends one RTP header to a buffer.
#[derive(Debug)]
pub struct HeaderWriter<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
    form: Form,
    two_byte: bool,
    count: u8,
}

impl<'a> HeaderWriter<'a> {
    /// Appends the fixed header to `buffer`.
    pub fn new(buffer: &'a mut Vec<u8>, fields: &Fields, form: Form) -> Self {
        let start = buffer.len();
        let mut fixed = [0; FIXED_LEN];
        fixed[0] = 0x80;
        fixed[1] = u8::from(fields.marker) << 7 | fields.payload_type & 0x7f;
        fixed[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
        fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
        buffer.extend_from_slice(&fixed);
        Self { buffer, start, form, two_byte: false, count: 0 }
    }

    /// Appends an extension element. False, with nothing written, if the form has no room for this
    /// id or length: id 0, a value over 255 bytes, what [`Form::OneByte`] excludes, or more elements
    /// than there are ids.
    pub fn extension(&mut self, id: u8, value: &[u8]) -> bool {
        let short = (1..=14).contains(&id) && (1..=16).contains(&value.len());
        let full = self.count >= if self.two_byte { 255 } else { SHORT_IDS as u8 };
        if id == 0 || value.len() > 255 || full || (!short && self.form == Form::OneByte) {
            return false;
        }
        self.open();
        if !short && !self.two_byte {
            self.widen();
        }
        self.count += 1;
        if self.two_byte {
            self.buffer.extend_from_slice(&[id, value.len() as u8]);
        } else {
            self.buffer.push(id << 4 | (value.len() - 1) as u8);
        }
        self.buffer.extend_from_slice(value);
        true
    }

    /// Bytes of the header so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Pads the extension and fills in its length. Returns the header's length in bytes; the
    /// payload is to be appended next.
    pub fn finish(self) -> usize {
        let elements = self.start + FIXED_LEN + 4;
        if self.buffer.len() >= elements {
            let len = (self.buffer.len() - elements).next_multiple_of(4);
            self.buffer.resize(elements + len, 0);
            let profile = if self.two_byte { TWO_BYTE_PROFILE } else { ONE_BYTE_PROFILE };
            self.buffer[elements - 4..elements - 2].copy_from_slice(&profile.to_be_bytes());
            let words = (len / 4) as u16;
            self.buffer[elements - 2..elements].copy_from_slice(&words.to_be_bytes());
        }
        self.buffer.len() - self.start
    }

    /// Sets the extension bit and leaves room for profile and length, before the first element.
    fn open(&mut self) {
        if self.buffer.len() == self.start + FIXED_LEN {
            self.buffer[self.start] |= 0x10;
            self.buffer.extend_from_slice(&[0; 4]);
        }
    }

    /// Rewrites the elements so far into the two-byte form, from the last to the first.
    fn widen(&mut self) {
        self.two_byte = true;
        let first = self.start + FIXED_LEN + 4;
        let (mut at, mut starts, mut count) = (first, [0; SHORT_IDS], 0);
        while at < self.buffer.len() && count < starts.len() {
            starts[count] = at;
            count += 1;
            at += 2 + usize::from(self.buffer[at] & 0x0f);
        }
        let mut end = self.buffer.len();
        self.buffer.resize(end + count, 0);
        for (before, start) in starts[..count].iter().copied().enumerate().rev() {
            let head = self.buffer[start];
            self.buffer.copy_within(start + 1..end, start + before + 2);
            self.buffer[start + before] = head >> 4;
            self.buffer[start + before + 1] = (head & 0x0f) + 1;
            end = start;
        }
    }
}

#[cfg(test)]
mod tests;
